#include "streamer/stream/block_cache.h"

#include <stdlib.h>

#include "shared/base/memory.h"

struct cached_part {
    struct block_place place;
    bool is_lost;
    /* One of these three, by its place; none of a part that is lost. */
    struct block_head head;
    uint8_t *head_bytes; /* which the head has views into */
    struct block_rows *rows;
    struct block_frame *frame;
    size_t size; /* of memory */
    struct cached_part *newer, *older;
};

struct block_cache {
    size_t limit;
    struct block_decoder *decoder;
    struct cached_part *newest, *oldest; /* by when they were used */
    struct block_cache_stats stats;
};

struct block_cache *block_cache_create(size_t limit)
{
    struct block_cache *cache = memory_allocate_zeroed(1, sizeof *cache);
    cache->limit = limit;
    cache->decoder = block_decoder_create();
    return cache;
}

static void unlink_part(struct block_cache *cache, struct cached_part *part)
{
    if (part->newer)
        part->newer->older = part->older;
    else
        cache->newest = part->older;
    if (part->older)
        part->older->newer = part->newer;
    else
        cache->oldest = part->newer;
}

static void link_newest(struct block_cache *cache, struct cached_part *part)
{
    part->newer = NULL;
    part->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = part;
    else
        cache->oldest = part;
    cache->newest = part;
}

static void drop_part(struct block_cache *cache, struct cached_part *part)
{
    unlink_part(cache, part);
    cache->stats.bytes -= part->size;
    free(part->head_bytes);
    block_rows_close(part->rows);
    block_frame_close(part->frame);
    free(part);
}

void block_cache_clear(struct block_cache *cache)
{
    while (cache->newest)
        drop_part(cache, cache->newest);
}

void block_cache_destroy(struct block_cache *cache)
{
    if (!cache)
        return;
    block_cache_clear(cache);
    block_decoder_destroy(cache->decoder);
    free(cache);
}

/* There are hundreds at most, and those that are wanted again and again stand in front. */
static struct cached_part *find_part(struct block_cache *cache, struct block_place place)
{
    struct cached_part *part = cache->newest;
    while (part && (part->place.part != place.part ||
                    stream_id_compare(part->place.block, place.block) != 0))
        part = part->older;
    if (part && part != cache->newest) {
        unlink_part(cache, part);
        link_newest(cache, part);
    }
    return part;
}

static enum block_find use_part(struct block_cache *cache, struct block_place place,
                                struct cached_part **part)
{
    *part = find_part(cache, place);
    if (!*part) {
        cache->stats.misses++;
        return BLOCK_PART_ABSENT;
    }
    cache->stats.hits++;
    return (*part)->is_lost ? BLOCK_PART_LOST : BLOCK_PART_FOUND;
}

enum block_find block_cache_find_head(struct block_cache *cache, struct stream_id block,
                                      const struct block_head **head)
{
    struct cached_part *part;
    enum block_find found = use_part(cache, (struct block_place){ block, BLOCK_HEAD_PART }, &part);
    *head = found == BLOCK_PART_FOUND ? &part->head : NULL;
    return found;
}

enum block_find block_cache_find_rows(struct block_cache *cache, struct stream_id block,
                                      const struct block_rows **rows)
{
    struct cached_part *part;
    enum block_find found = use_part(cache, (struct block_place){ block, BLOCK_ROWS_PART }, &part);
    *rows = found == BLOCK_PART_FOUND ? part->rows : NULL;
    return found;
}

enum block_find block_cache_find_frame(struct block_cache *cache, struct stream_id block,
                                       size_t number, const struct block_frame **frame)
{
    struct cached_part *part;
    struct block_place place = { block, (uint32_t)(BLOCK_FIRST_FRAME + number) };
    enum block_find found = use_part(cache, place, &part);
    *frame = found == BLOCK_PART_FOUND ? part->frame : NULL;
    return found;
}

static struct cached_part *make_part(struct block_cache *cache, struct block_place place)
{
    struct cached_part *before = find_part(cache, place);
    if (before)
        drop_part(cache, before);
    struct cached_part *part = memory_allocate_zeroed(1, sizeof *part);
    part->place = place;
    part->size = sizeof *part;
    link_newest(cache, part);
    return part;
}

/* The part counts from now on, and others go if it is too much with it. */
static void account_for(struct block_cache *cache, struct cached_part *part)
{
    cache->stats.bytes += part->size;
    while (cache->stats.bytes > cache->limit && cache->oldest != part)
        drop_part(cache, cache->oldest);
}

static enum block_result open_head(struct cached_part *part, struct bytes packed)
{
    size_t size = packed.size < BLOCK_HEAD_MAX ? packed.size : BLOCK_HEAD_MAX;
    part->head_bytes = memory_allocate(size + 1);
    if (size)
        memcpy(part->head_bytes, packed.data, size);
    part->size += size;
    enum block_result result = block_head_read(&part->head, bytes_of(part->head_bytes, size));
    bool is_other = stream_id_compare(part->head.last, part->place.block) != 0;
    return result == BLOCK_GOOD && is_other ? BLOCK_DAMAGED : result;
}

static enum block_result open_rows(struct block_cache *cache, struct cached_part *part,
                                   const struct block_head *head, struct bytes packed)
{
    part->rows = block_rows_open(cache->decoder, head, packed);
    if (!part->rows)
        return BLOCK_DAMAGED;
    part->size += block_rows_size(part->rows);
    cache->stats.unpacked += head->rows.raw_size;
    return BLOCK_GOOD;
}

static enum block_result open_frame(struct block_cache *cache, struct cached_part *part,
                                    const struct block_head *head, struct bytes packed)
{
    size_t number = part->place.part - BLOCK_FIRST_FRAME;
    if (number >= head->frame_count)
        return BLOCK_DAMAGED;
    struct block_part where = block_head_frame(head, number);
    part->frame = block_frame_open(cache->decoder, &where, packed);
    if (!part->frame)
        return BLOCK_DAMAGED;
    part->size += block_frame_size(part->frame);
    cache->stats.unpacked += where.raw_size;
    return BLOCK_GOOD;
}

static enum block_result open_part(struct block_cache *cache, struct cached_part *part,
                                   const struct block_head *head, struct bytes packed)
{
    if (part->place.part == BLOCK_HEAD_PART)
        return open_head(part, packed);
    return part->place.part == BLOCK_ROWS_PART ? open_rows(cache, part, head, packed)
                                               : open_frame(cache, part, head, packed);
}

enum block_result block_cache_put(struct block_cache *cache, struct block_place place,
                                  struct bytes packed)
{
    const struct block_head *head = NULL;
    bool is_head = place.part == BLOCK_HEAD_PART;
    /* A head that has gone meanwhile is asked for again, and so is the part. */
    if (!is_head && block_cache_find_head(cache, place.block, &head) != BLOCK_PART_FOUND)
        return BLOCK_GOOD;
    struct cached_part *part = make_part(cache, place);
    enum block_result result = open_part(cache, part, head, packed);
    part->is_lost = result != BLOCK_GOOD;
    cache->stats.lost += part->is_lost;
    account_for(cache, part);
    return result;
}

void block_cache_put_lost(struct block_cache *cache, struct block_place place)
{
    struct cached_part *part = make_part(cache, place);
    part->is_lost = true;
    cache->stats.lost++;
    account_for(cache, part);
}

const struct block_cache_stats *block_cache_stats(const struct block_cache *cache)
{
    return &cache->stats;
}
