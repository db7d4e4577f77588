#include "streamer/past/stream_page.h"

#include <assert.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/redis/reply_arena.h"
#include "streamer/past/packed_page.h"

static const struct stream_id nowhere = { 0 };

static void decode_entries(struct stream_page *page, const struct redisReply *entries,
                           const struct stream_page_bounds *bounds)
{
    size_t total = entries->elements;
    for (size_t i = 0; i < total && page->count < STREAM_PAGE_ENTRIES_MAX; i++) {
        struct stream_entry *entry = &page->entries[page->count];
        size_t at = bounds->is_backward ? total - 1 - i : i;
        if (!stream_entry_read(entry, entries->element[at]))
            *entry = (struct stream_entry){ .id = entry->id };
        page->payload +=
            entry->json.size + entry->der.size + entry->domains.size + entry->chain.size;
        page->count += stream_id_compare(entry->id, nowhere) > 0;
    }
}

/* Counted from the stream's beginning if it is the oldest, from the end if the page reaches it,
 * else from the entry before. 0: not known. */
static uint64_t find_first_ordinal(const struct stream_page *page,
                                   const struct stream_page_bounds *bounds)
{
    uint64_t oldest = stream_state_first_ordinal(&page->state);
    if (page->count == 0 || oldest == 0)
        return 0;
    if (stream_id_compare(page->entries[0].id, page->state.first) == 0)
        return oldest;
    if (stream_id_compare(page->entries[page->count - 1].id, page->state.last) == 0)
        return stream_state_last_ordinal(&page->state) - page->count + 1;
    bool is_known = !bounds->is_backward && bounds->place.ordinal;
    return is_known ? bounds->place.ordinal + 1 : 0;
}

/* What comes before the newest block of history is there, though not in the stream. */
static void join_history(struct stream_page *page, const struct history_block *newest)
{
    uint64_t ordinal = stream_state_first_ordinal(&page->state);
    bool is_joined = ordinal && history_block_ordinal(newest, newest->count) == ordinal;
    if (is_joined)
        stream_state_begin_at(&page->state,
                              (struct stream_position){ stream_id_after(newest->last), ordinal });
}

static void set_bounds(struct stream_page *page, const struct history_block *newest,
                       const struct stream_page_bounds *bounds)
{
    bool is_short = page->count < bounds->limit;
    page->first_ordinal = find_first_ordinal(page, bounds);
    page->from = bounds->place.id;
    page->end = bounds->place;
    if (page->count > 0)
        page->end = stream_page_position(page, page->count - 1);
    if (!bounds->is_backward) {
        /* What lies behind the last entry and was deleted is no reason to ask again. */
        if (page->count == 0 && stream_id_compare(page->state.last, page->from) > 0)
            page->end = stream_state_end(&page->state);
        return;
    }
    page->from = page->count ? stream_id_before(page->entries[0].id) : newest->last;
    /* Of what is packed only now the page has what it had. */
    if (is_short && stream_id_compare(newest->last, page->from) < 0)
        page->from = newest->last;
    struct stream_id before = stream_id_before(bounds->place.id);
    if (stream_id_compare(page->state.last, before) < 0)
        before = page->state.last;
    if (stream_id_compare(page->end.id, before) != 0)
        page->end = (struct stream_position){ before, 0 };
}

struct stream_page *stream_page_create(struct redisReply *reply, const struct redisReply *entries,
                                       const struct redisReply *state,
                                       const struct history_block *newest,
                                       const struct stream_page_bounds *bounds)
{
    struct stream_state read;
    if (entries->type != REDIS_REPLY_ARRAY || !stream_state_read(&read, state))
        return NULL;
    struct stream_page *page = memory_allocate(sizeof *page);
    *page = (struct stream_page){ .state = read, .asked = *bounds, .wanted = PAGE_WANTS_ALL };
    page->reply = reply_arena_hold(reply);
    page->bytes = sizeof *page + reply_arena_bytes(reply);
    decode_entries(page, entries, bounds);
    set_bounds(page, newest, bounds);
    page->is_begin =
        !history_block_is_there(newest) && (stream_id_compare(page->from, nowhere) == 0 ||
                                            stream_id_compare(page->from, page->state.first) < 0);
    if (history_block_is_there(newest))
        join_history(page, newest);
    return page;
}

void stream_page_destroy(struct stream_page *page)
{
    if (!page)
        return;
    assert(page->users == 0);
    reply_arena_release(page->reply);
    page_arena_free(&page->texts);
    free(page);
}

bool stream_page_covers(const struct stream_page *page, const struct stream_page_bounds *bounds)
{
    struct stream_id place = bounds->place.id;
    if (bounds->is_backward)
        place = stream_id_before(place);
    bool is_after_begin = bounds->is_backward ? stream_id_compare(place, page->from) > 0
                                              : stream_id_compare(place, page->from) >= 0;
    bool is_before_end = bounds->is_backward ? stream_id_compare(place, page->end.id) <= 0
                                             : stream_id_compare(place, page->end.id) < 0;
    return is_after_begin && is_before_end;
}

struct stream_id stream_page_before(const struct stream_page *page)
{
    return stream_id_after(page->from);
}

bool stream_page_is_end(const struct stream_page *page)
{
    return stream_id_compare(page->end.id, page->state.last) >= 0;
}

size_t stream_page_find(const struct stream_page *page, struct stream_id id)
{
    size_t low = 0;
    size_t high = page->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream_id_compare(page->entries[middle].id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct stream_position stream_page_position(const struct stream_page *page, size_t number)
{
    assert(number < page->count);
    uint64_t ordinal = page->first_ordinal ? page->first_ordinal + number : 0;
    return (struct stream_position){ page->entries[number].id, ordinal };
}
