#include "streamer/past/packed_page.h"

#include <assert.h>

#include "shared/base/memory.h"

/* What can be said of an entry before it is made. */
enum row_state {
    ROW_MISSING, /* a part of it has to be fetched */
    ROW_LOST,
    ROW_THERE,
    ROW_TOO_FAR, /* it needs more frames than one page may */
};

/* The rows that are asked for, in the order in which they are taken: away from the place. */
struct row_walk {
    size_t first, count;
    bool is_backward;
    size_t skipped; /* lost ones before the first that is there */
    size_t taken;
};

struct page_maker {
    struct packed_source *source;
    const struct history_block *block, *before;
    const struct block_rows *rows; /* NULL: all are lost */
    struct packed_parts *parts;
    struct block_place frames[PACKED_PAGE_FRAMES_MAX]; /* those that the page uses */
    size_t frame_count;
};

static bool is_same_place(const struct block_place *a, const struct block_place *b)
{
    return a->part == b->part && stream_id_compare(a->block, b->block) == 0;
}

/* False if there is no room for it. */
static bool add_place(struct block_place *places, size_t *count, size_t limit,
                      struct block_place place)
{
    for (size_t i = 0; i < *count; i++)
        if (is_same_place(&places[i], &place))
            return true;
    if (*count == limit)
        return false;
    places[(*count)++] = place;
    return true;
}

/* Where there is no room for it, it is asked for when the others have come. */
static void want_part(struct page_maker *maker, struct stream_id block, uint32_t part)
{
    (void)add_place(maker->parts->places, &maker->parts->count, PACKED_PAGE_PARTS_MAX,
                    (struct block_place){ block, part });
}

static enum row_state state_of(enum block_find found)
{
    switch (found) {
    case BLOCK_PART_ABSENT: return ROW_MISSING;
    case BLOCK_PART_LOST: return ROW_LOST;
    case BLOCK_PART_FOUND: break;
    }
    return ROW_THERE;
}

/* The record of an entry, if its parts are in the cache; else they are wanted. */
static enum row_state find_record(struct page_maker *maker, const struct history_place *place,
                                  struct bytes *record)
{
    struct block_cache *cache = maker->source->cache;
    const struct block_head *head;
    const struct block_frame *frame;
    enum block_find found = block_cache_find_head(cache, place->block, &head);
    if (found == BLOCK_PART_ABSENT)
        want_part(maker, place->block, BLOCK_HEAD_PART);
    if (found != BLOCK_PART_FOUND)
        return state_of(found);
    size_t number = block_head_frame_of(head, place->record);
    if (number == head->frame_count)
        return ROW_LOST;
    uint32_t part = (uint32_t)(BLOCK_FIRST_FRAME + number);
    if (!add_place(maker->frames, &maker->frame_count, PACKED_PAGE_FRAMES_MAX,
                   (struct block_place){ place->block, part }))
        return ROW_TOO_FAR;
    found = block_cache_find_frame(cache, place->block, number, &frame);
    if (found == BLOCK_PART_ABSENT)
        want_part(maker, place->block, part);
    if (found != BLOCK_PART_FOUND)
        return state_of(found);
    *record = block_frame_record(frame, place->record);
    return record->data ? ROW_THERE : ROW_LOST;
}

static size_t row_at(const struct row_walk *walk, size_t number)
{
    return walk->is_backward ? walk->first - number : walk->first + number;
}

/* Which rows the page is made of. What has to be fetched is wanted for all of them at once. */
static void plan_rows(struct page_maker *maker, struct row_walk *walk, size_t limit)
{
    bool is_missing = false;
    for (size_t i = 0; i < walk->count && walk->taken < limit; i++) {
        struct history_entry entry;
        struct bytes record = { 0 };
        block_rows_entry(maker->rows, row_at(walk, i), &entry);
        enum row_state state = find_record(maker, &entry.place, &record);
        is_missing = is_missing || state == ROW_MISSING;
        if (state == ROW_TOO_FAR || (state == ROW_LOST && walk->taken > 0))
            return;
        if (state == ROW_LOST && !is_missing)
            walk->skipped++;
        else
            walk->taken++;
    }
}

/* Of `rows` those that are asked for. */
static struct row_walk find_rows(const struct block_rows *rows,
                                 const struct stream_page_bounds *bounds)
{
    struct stream_id place = bounds->place.id;
    size_t before = block_rows_find(rows, bounds->is_backward ? place : stream_id_after(place));
    size_t count = bounds->is_backward ? before : block_rows_count(rows) - before;
    return (struct row_walk){
        .first = bounds->is_backward && before > 0 ? before - 1 : before,
        .count = count,
        .is_backward = bounds->is_backward,
    };
}

static void write_id_text(struct stream_page *page, struct stream_entry *entry)
{
    char text[STREAM_ID_TEXT_SIZE];
    entry->id_text = page_arena_copy(&page->texts, stream_id_format(text, entry->id));
}

static void keep_fields(struct page_arena *texts, struct stream_entry *entry)
{
    entry->json = page_arena_copy(texts, entry->json);
    entry->domains = page_arena_copy(texts, entry->domains);
    entry->der = page_arena_copy(texts, entry->der);
    entry->chain = page_arena_copy(texts, entry->chain);
    entry->log = page_arena_copy(texts, entry->log);
    entry->tbs = page_arena_copy(texts, entry->tbs);
}

/* False if it cannot be made again. One that is no message has its id and nothing else. */
static bool make_entry(struct page_maker *maker, struct stream_page *page, size_t row,
                       struct stream_entry *out)
{
    struct history_entry entry;
    struct history_fields fields;
    struct bytes record = { 0 };
    block_rows_entry(maker->rows, row, &entry);
    if (find_record(maker, &entry.place, &record) != ROW_THERE ||
        !entry_renderer_render(maker->source->renderer, &entry, record, page->wanted & ENTRY_ALL,
                               &fields))
        return false;
    *out = (struct stream_entry){ 0 };
    (void)stream_entry_read_fields(out, &fields);
    /* What is not wanted does not make it another entry. */
    if (!entry.is_verbatim) {
        out->index = entry.index;
        out->is_message = out->der.size > 0;
    }
    if (!(page->wanted & PAGE_WANTS_DER))
        out->der = (struct bytes){ 0 };
    if (!out->is_message)
        *out = (struct stream_entry){ .is_control = out->is_control };
    out->id = entry.id;
    page->payload += out->json.size + out->der.size + out->domains.size + out->chain.size;
    write_id_text(page, out);
    keep_fields(&page->texts, out);
    return true;
}

/* As many as the walk has, or fewer if they are large, in the order of the stream. */
static void make_entries(struct page_maker *maker, struct stream_page *page, struct row_walk *walk)
{
    size_t planned = walk->taken;
    size_t end = walk->is_backward ? planned : 0;
    size_t at = walk->skipped;
    walk->taken = 0;
    while (walk->taken < planned && page->payload < PACKED_PAGE_BYTES) {
        size_t slot = walk->is_backward ? end - 1 - walk->taken : walk->taken;
        bool is_made = make_entry(maker, page, row_at(walk, at), &page->entries[slot]);
        if (!is_made && walk->taken > 0)
            break;
        at++;
        walk->skipped += !is_made;
        planned -= !is_made;
        walk->taken += is_made;
    }
    page->count = walk->taken;
    if (walk->is_backward && page->count < end)
        memmove(page->entries, page->entries + end - page->count,
                page->count * sizeof *page->entries);
}

static struct stream_position position_of_row(const struct page_maker *maker, size_t row)
{
    struct history_entry entry;
    block_rows_entry(maker->rows, row, &entry);
    return (struct stream_position){ entry.id, history_block_ordinal(maker->block, row) };
}

/* The place behind the last of the entries that are lost, where the page has none. */
static struct stream_position end_of_lost(const struct page_maker *maker,
                                          const struct row_walk *walk)
{
    if (!maker->rows || walk->skipped == 0)
        return (struct stream_position){
            maker->block->last, history_block_ordinal(maker->block, maker->block->count - 1)
        };
    return position_of_row(maker, row_at(walk, walk->skipped - 1));
}

static struct stream_position successor(struct stream_position place)
{
    return (struct stream_position){ stream_id_after(place.id),
                                     place.ordinal ? place.ordinal + 1 : 0 };
}

/* Between two blocks there may be ids, and nothing else. */
static struct stream_position begin_of(const struct page_maker *maker)
{
    const struct history_block *before = maker->before;
    uint64_t ordinal = history_block_ordinal(maker->block, 0);
    bool is_joined = ordinal && history_block_is_there(before) &&
                     history_block_ordinal(before, before->count) == ordinal;
    struct stream_id id = is_joined ? stream_id_after(before->last) : maker->block->first;
    return (struct stream_position){ id, ordinal };
}

static void set_forward(const struct page_maker *maker, struct stream_page *page,
                        const struct row_walk *walk)
{
    bool has_lost = walk->skipped > 0 || !maker->rows;
    page->from = page->asked.place.id;
    page->end =
        page->count ? stream_page_position(page, page->count - 1) : end_of_lost(maker, walk);
    struct stream_position begin = begin_of(maker);
    if (has_lost)
        begin = page->count ? stream_page_position(page, 0) : successor(page->end);
    stream_state_begin_at(&page->state, begin);
}

/* Up to the place, if nothing that was lost lies between. */
static void set_backward(const struct page_maker *maker, struct stream_page *page,
                         const struct row_walk *walk)
{
    const struct history_block *block = maker->block;
    struct stream_id place = stream_id_before(page->asked.place.id);
    size_t passed = walk->skipped + walk->taken;
    page->from = stream_id_before(
        maker->rows && passed ? position_of_row(maker, row_at(walk, passed - 1)).id : block->first);
    page->end = (struct stream_position){ page->from, 0 };
    if (page->count)
        page->end = stream_page_position(page, page->count - 1);
    bool has_lost = walk->skipped > 0 || !maker->rows;
    if (!has_lost && stream_id_compare(page->end.id, place) != 0)
        page->end = (struct stream_position){ place, 0 };
    stream_state_begin_at(
        &page->state, (struct stream_position){ block->first, history_block_ordinal(block, 0) });
}

static void set_first_ordinal(const struct page_maker *maker, struct stream_page *page,
                              const struct row_walk *walk)
{
    if (page->count == 0)
        return;
    size_t first = walk->skipped + (walk->is_backward ? walk->taken - 1 : 0);
    page->first_ordinal = history_block_ordinal(maker->block, row_at(walk, first));
}

static struct stream_page *make_page(struct page_maker *maker, const struct packed_request *request,
                                     struct row_walk *walk)
{
    const struct stream_page_bounds *bounds = &request->bounds;
    struct stream_page *page = memory_allocate(sizeof *page);
    *page = (struct stream_page){
        .state = request->state,
        .asked = *bounds,
        .wanted = request->wanted,
    };
    if (maker->rows)
        make_entries(maker, page, walk);
    set_first_ordinal(maker, page, walk);
    if (bounds->is_backward)
        set_backward(maker, page, walk);
    else
        set_forward(maker, page, walk);
    maker->source->lost += maker->rows ? walk->skipped : maker->block->count;
    /* Of the bytes of the block the entries' share: so much of it was read for them. */
    page->payload = (size_t)(maker->block->size * page->count / maker->block->count);
    page->bytes = sizeof *page + page->texts.bytes;
    return page;
}

/* What the rows are found by. */
static enum block_find open_block(struct page_maker *maker)
{
    struct block_cache *cache = maker->source->cache;
    struct stream_id block = maker->block->last;
    const struct block_head *head;
    if (maker->block->format != BLOCK_FORMAT)
        return BLOCK_PART_LOST;
    enum block_find found = block_cache_find_head(cache, block, &head);
    if (found == BLOCK_PART_ABSENT)
        want_part(maker, block, BLOCK_HEAD_PART);
    if (found != BLOCK_PART_FOUND)
        return found;
    if (head->count != maker->block->count)
        return BLOCK_PART_LOST;
    found = block_cache_find_rows(cache, block, &maker->rows);
    if (found == BLOCK_PART_ABSENT)
        want_part(maker, block, BLOCK_ROWS_PART);
    return found;
}

struct stream_page *packed_page_create(struct packed_source *source,
                                       const struct packed_request *request,
                                       struct packed_parts *parts)
{
    const struct stream_page_bounds *bounds = &request->bounds;
    assert(bounds->limit > 0 && bounds->limit <= STREAM_PAGE_ENTRIES_MAX);
    struct page_maker maker = {
        .source = source,
        .block = &request->block,
        .before = &request->before,
        .parts = parts,
    };
    *parts = (struct packed_parts){ 0 };
    if (open_block(&maker) == BLOCK_PART_ABSENT)
        return NULL;
    struct row_walk walk = { 0 };
    if (maker.rows) {
        walk = find_rows(maker.rows, bounds);
        plan_rows(&maker, &walk, bounds->limit);
    }
    return parts->count ? NULL : make_page(&maker, request, &walk);
}

struct stream_page *packed_page_create_begin(const struct stream_state *state,
                                             const struct stream_page_bounds *bounds)
{
    struct stream_page *page = memory_allocate(sizeof *page);
    *page = (struct stream_page){
        .state = *state,
        .asked = *bounds,
        .wanted = PAGE_WANTS_ALL,
        .is_begin = true,
        .end = { stream_id_before(bounds->place.id), 0 },
        .bytes = sizeof *page,
    };
    return page;
}
