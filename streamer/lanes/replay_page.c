#include "streamer/lanes/replay_page.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/filter/filter.h"

enum {
    /* REPLAY_PAGE_BYTES_MAX and one message more, of any size. */
    BYTES_LIMIT = 256 * 1024 * 1024
};

struct replay_page *replay_page_create(const struct lane_key *key, struct stream_id from)
{
    struct replay_page *page = memory_allocate_zeroed(1, sizeof *page);
    page->key = *key;
    page->key.filter = filter_acquire(key->filter);
    page->from = from;
    page->end.id = from;
    buffer_init(&page->bytes, BYTES_LIMIT);
    return page;
}

void replay_page_destroy(struct replay_page *page)
{
    if (!page)
        return;
    assert(page->users == 0);
    filter_release(page->key.filter);
    buffer_free(&page->bytes);
    free(page);
}

bool replay_page_append(struct replay_page *page, struct stream_position position,
                        struct stream_id original, struct bytes frame)
{
    assert(page->count < REPLAY_PAGE_ENTRIES_MAX);
    buffer_append_bytes(&page->bytes, frame);
    page->frames[page->count++] = (struct replay_frame){ page->bytes.size, position, original };
    return page->bytes.size < REPLAY_PAGE_BYTES_MAX && page->count < REPLAY_PAGE_ENTRIES_MAX;
}

bool replay_page_covers(const struct replay_page *page, struct stream_id id)
{
    return stream_id_compare(id, page->from) >= 0 && stream_id_compare(id, page->end.id) < 0;
}

size_t replay_page_find(const struct replay_page *page, struct stream_id id)
{
    size_t number = 0;
    while (number < page->count && stream_id_compare(page->frames[number].position.id, id) <= 0)
        number++;
    return number;
}

static size_t start_of(const struct replay_page *page, size_t number)
{
    return number ? page->frames[number - 1].end : 0;
}

static bool is_repeat_for(const struct replay_frame *frame, struct stream_id seen)
{
    static const struct stream_id none = { 0 };
    return stream_id_compare(frame->original, none) > 0 &&
           stream_id_compare(frame->original, seen) <= 0;
}

bool replay_page_read(const struct replay_page *page, size_t *number, struct stream_id seen,
                      size_t limit, struct lane_slice *slice)
{
    while (*number < page->count && is_repeat_for(&page->frames[*number], seen))
        (*number)++;
    if (*number >= page->count)
        return false;
    size_t start = start_of(page, *number);
    size_t next = *number + 1;
    while (next < page->count && page->frames[next].end - start <= limit &&
           !is_repeat_for(&page->frames[next], seen))
        next++;
    *slice = (struct lane_slice){
        .data = page->bytes.data + start,
        .size = page->frames[next - 1].end - start,
        .next = next,
        .last = page->frames[next - 1].position,
    };
    return true;
}
