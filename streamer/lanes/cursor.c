#include "streamer/lanes/cursor.h"

#include <assert.h>

void cursor_join(struct cursor *cursor, const struct lane *lane, const struct since *since,
                 struct stream_position newest, uint64_t now_ms)
{
    assert(now_ms > 0);
    *cursor = (struct cursor){
        .position = lane_next(lane),
        .last = newest,
        .heard_at_ms = now_ms,
        .pinged_at_ms = now_ms,
    };
    if (since->kind == SINCE_NOW)
        return;
    cursor->is_behind = true;
    cursor->seen = since->after;
    cursor->wants_all = since->kind == SINCE_BEGINNING;
    cursor->last =
        (struct stream_position){ cursor->wants_all ? (struct stream_id){ 0 } : since->after, 0 };
}

void cursor_note_rollback(struct cursor *cursor)
{
    if (stream_id_compare(cursor->last.id, cursor->seen) > 0)
        cursor->seen = cursor->last.id;
}

void cursor_learn_newest(struct cursor *cursor, struct stream_position newest)
{
    /* In a stream that was empty it is known that there was nothing. */
    bool knew_nothing = cursor->last.ordinal == 0 &&
                        stream_id_compare(cursor->last.id, (struct stream_id){ 0 }) == 0;
    if (!cursor->is_behind && knew_nothing)
        cursor->last = newest;
}

/* One that was fed from Redis, or comes from another streamer, may be further than the reader
 * here. */
static void skip_what_it_had(struct cursor *cursor, const struct lane *lane)
{
    uint64_t number;
    if (!lane_find(lane, cursor->last.id, &number))
        return;
    if (number > cursor->position)
        cursor->position = number;
    cursor->is_ahead = number == lane_next(lane);
}

enum cursor_next cursor_next(struct cursor *cursor, const struct lane *lane, size_t limit,
                             struct lane_slice *slice)
{
    if (!cursor->is_behind && cursor->position < lane_first(lane))
        cursor->is_behind = true;
    if (cursor->is_behind)
        return CURSOR_NEXT_PAGE;
    if (cursor->is_ahead)
        skip_what_it_had(cursor, lane);
    return lane_read(lane, cursor->position, limit, slice) ? CURSOR_NEXT_SLICE
                                                           : CURSOR_NEXT_NOTHING;
}

void cursor_advance(struct cursor *cursor, const struct lane_slice *slice, uint64_t now_ms)
{
    cursor->position = slice->next;
    cursor->sent_at_ms = now_ms;
    cursor_advance_to(cursor, slice->last);
}

void cursor_advance_to(struct cursor *cursor, struct stream_position end)
{
    cursor->last = end;
    cursor->wants_all = false;
}

bool cursor_catch_up(struct cursor *cursor, const struct lane *lane)
{
    assert(cursor->is_behind);
    if (cursor->wants_all || !lane_find(lane, cursor->last.id, &cursor->position))
        return false;
    cursor->is_behind = false;
    cursor->is_ahead = true;
    return true;
}

/* Where the count is not known, the place behind the gap has no number either. */
void cursor_skip(struct cursor *cursor, const struct gap *gap)
{
    bool is_counted = gap->is_counted && cursor->last.ordinal;
    cursor_advance_to(cursor, (struct stream_position){
                                  gap->to, is_counted ? cursor->last.ordinal + gap->missed : 0 });
}

enum cursor_due cursor_due(const struct cursor *cursor, const struct cursor_timing *timing,
                           uint64_t now_ms)
{
    if (cursor->waiting_since_ms && now_ms - cursor->waiting_since_ms >= timing->stall_ms)
        return CURSOR_DUE_CLOSE_SLOW;
    if (now_ms - cursor->heard_at_ms >= timing->silence_ms)
        return CURSOR_DUE_CLOSE_SILENT;
    if (now_ms - cursor->pinged_at_ms >= timing->ping_ms)
        return CURSOR_DUE_PING;
    if (cursor->sent_at_ms == 0 || now_ms - cursor->sent_at_ms >= timing->heartbeat_ms)
        return CURSOR_DUE_HEARTBEAT;
    return CURSOR_DUE_NOTHING;
}
