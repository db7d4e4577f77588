#include "ingest/follow/held_memory.h"

#include <assert.h>

void memory_share_join(struct memory_share *share, struct held_memory *memory)
{
    *share = (struct memory_share){ .memory = memory, .next = memory->first };
    memory->first = share;
}

static size_t sum(const size_t *bytes)
{
    return bytes[MEMORY_ADMITTED] + bytes[MEMORY_ANSWER] + bytes[MEMORY_WINDOW];
}

void memory_share_leave(struct memory_share *share)
{
    struct memory_share **link = &share->memory->first;
    assert(sum(share->bytes) == 0);
    while (*link != share)
        link = &(*link)->next;
    *link = share->next;
}

void memory_share_add(struct memory_share *share, enum memory_use use, size_t size)
{
    share->bytes[use] += size;
    share->memory->bytes[use] += size;
}

void memory_share_remove(struct memory_share *share, enum memory_use use, size_t size)
{
    assert(share->bytes[use] >= size);
    share->bytes[use] -= size;
    share->memory->bytes[use] -= size;
}

bool memory_share_may_run_ahead(const struct memory_share *share)
{
    return sum(share->memory->bytes) < HELD_MEMORY_MAX && sum(share->bytes) < HELD_MEMORY_LOG_MAX;
}

static bool has_largest_window(const struct memory_share *share)
{
    for (const struct memory_share *other = share->memory->first; other; other = other->next)
        if (other->bytes[MEMORY_WINDOW] > share->bytes[MEMORY_WINDOW])
            return false;
    return share->bytes[MEMORY_WINDOW] > 0;
}

/* More than there is for each that has a window. */
static bool has_more_than_its_part(const struct memory_share *share)
{
    size_t windows = 0;
    for (const struct memory_share *other = share->memory->first; other; other = other->next)
        windows += other->bytes[MEMORY_WINDOW] > 0;
    return windows && share->bytes[MEMORY_WINDOW] > HELD_MEMORY_MAX / windows;
}

bool memory_share_must_close(const struct memory_share *share)
{
    /* What is only on its way is not there yet: it closes no window. */
    const size_t *all = share->memory->bytes;
    bool is_short = all[MEMORY_ANSWER] + all[MEMORY_WINDOW] >= HELD_MEMORY_MAX;
    return share->bytes[MEMORY_WINDOW] >= HELD_MEMORY_WINDOW_MAX ||
           (is_short && (has_largest_window(share) || has_more_than_its_part(share)));
}

/* Those that wait and had theirs longer ago. */
static unsigned count_before(const struct memory_share *share)
{
    unsigned before = 0;
    for (const struct memory_share *other = share->memory->first; other; other = other->next)
        before += other != share && other->waits_for_large && other->large_turn < share->large_turn;
    return before;
}

bool memory_share_may_be_large(struct memory_share *share)
{
    bool may = share->has_large ||
               share->memory->large_count + count_before(share) < HELD_MEMORY_LARGE_MAX;
    share->waits_for_large = !may;
    return may;
}

void memory_share_withdraw_large(struct memory_share *share)
{
    share->waits_for_large = false;
}

void memory_share_begin_large(struct memory_share *share)
{
    assert(share->has_large || share->memory->large_count < HELD_MEMORY_LARGE_MAX);
    if (share->has_large)
        return;
    share->memory->large_count++;
    share->has_large = true;
    share->large_turn = ++share->memory->large_turns;
}

void memory_share_end_large(struct memory_share *share)
{
    share->memory->large_count -= share->has_large;
    share->has_large = false;
}

size_t held_memory_bytes(const struct held_memory *memory)
{
    return sum(memory->bytes);
}
