#include "ingest/follow/last_position.h"

void last_position_keep(struct last_position *last, const struct log_position *position)
{
    if (!last->is_known || position->next < last->from)
        last->from = position->next;
    last->position = *position;
    last->is_known = true;
}

void last_position_hear(struct last_position *last, uint64_t next, uint64_t epoch)
{
    const struct log_position heard = { .next = next, .epoch = epoch };
    const struct log_position *position = &last->position;
    bool is_news = !last->is_known || position->next != next || position->epoch != epoch;
    if (next && is_news)
        last_position_keep(last, &heard);
}

void last_position_on_said(struct last_position *last)
{
    last->from = last->position.next;
}
