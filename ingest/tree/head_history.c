#include "ingest/tree/head_history.h"

bool head_history_add(struct head_history *history, const struct signed_head *head,
                      struct signed_head *other)
{
    bool contradicts = false;
    for (size_t i = 0; i < history->count; i++) {
        const struct signed_head *known = &history->heads[i];
        if (known->size != head->size)
            continue;
        if (memcmp(&known->root, &head->root, sizeof head->root) == 0)
            return false;
        *other = *known;
        contradicts = true;
    }
    history->heads[history->next] = *head;
    history->next = (history->next + 1) % HEAD_HISTORY_SIZE;
    if (history->count < HEAD_HISTORY_SIZE)
        history->count++;
    return contradicts;
}
