#include "streamer/past/block_cache.h"

#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* As many as are looked through for one; of small blocks many would go into the memory. */
    PARTS_MAX = 1024
};

struct cached_part {
    struct block_place place;
    bool is_lost;
    /* One of these three, by its place; none of a part that is lost. */
    struct block_head head;
    uint8_t *head_bytes; /* which the head has views into */
    struct block_rows *rows;
    struct block_frame *frame;
    size_t size; /* of memory */
};

struct block_cache {
    size_t limit;
    struct block_decoder *decoder;
    struct cached_part *parts[PARTS_MAX]; /* the one that was used last is the last */
    size_t count;
    struct block_cache_stats stats;
};

struct block_cache *block_cache_create(size_t limit)
{
    struct block_cache *cache = memory_allocate_zeroed(1, sizeof *cache);
    cache->limit = limit;
    cache->decoder = block_decoder_create();
    return cache;
}

static void free_part(struct cached_part *part)
{
    free(part->head_bytes);
    block_rows_close(part->rows);
    block_frame_close(part->frame);
    free(part);
}

/* The part comes out of its place. */
static struct cached_part *take_out(struct block_cache *cache, size_t at)
{
    struct cached_part *part = cache->parts[at];
    cache->count--;
    memmove(cache->parts + at, cache->parts + at + 1, (cache->count - at) * sizeof(void *));
    return part;
}

static void drop_part(struct block_cache *cache, size_t at)
{
    struct cached_part *part = take_out(cache, at);
    cache->stats.bytes -= part->size;
    free_part(part);
}

void block_cache_clear(struct block_cache *cache)
{
    while (cache->count > 0)
        drop_part(cache, cache->count - 1);
}

void block_cache_destroy(struct block_cache *cache)
{
    if (!cache)
        return;
    block_cache_clear(cache);
    block_decoder_destroy(cache->decoder);
    free(cache);
}

/* Those that are wanted again and again stand behind. The count if it is not there. */
static size_t place_of_part(const struct block_cache *cache, struct block_place place)
{
    for (size_t at = cache->count; at > 0; at--) {
        const struct block_place *other = &cache->parts[at - 1]->place;
        if (other->part == place.part && stream_id_compare(other->block, place.block) == 0)
            return at - 1;
    }
    return cache->count;
}

static struct cached_part *find_part(struct block_cache *cache, struct block_place place)
{
    size_t at = place_of_part(cache, place);
    if (at == cache->count)
        return NULL;
    struct cached_part *part = take_out(cache, at);
    cache->parts[cache->count++] = part;
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

static struct cached_part *make_part(struct block_place place)
{
    struct cached_part *part = memory_allocate_zeroed(1, sizeof *part);
    part->place = place;
    part->size = sizeof *part;
    return part;
}

/* It is the one used last; others go if they are too much with it. */
static void enter_part(struct block_cache *cache, struct cached_part *part)
{
    size_t before = place_of_part(cache, part->place);
    if (before < cache->count)
        drop_part(cache, before);
    while (cache->count > 0 &&
           (cache->count == PARTS_MAX || cache->stats.bytes + part->size > cache->limit))
        drop_part(cache, 0);
    cache->parts[cache->count++] = part;
    cache->stats.bytes += part->size;
    cache->stats.lost += part->is_lost;
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

/* A head that has gone meanwhile is asked for again, and so is the part. */
static enum block_result open_behind_head(struct block_cache *cache, struct cached_part *part,
                                          struct bytes packed)
{
    const struct block_head *head;
    if (block_cache_find_head(cache, part->place.block, &head) != BLOCK_PART_FOUND)
        return BLOCK_UNKNOWN;
    return part->place.part == BLOCK_ROWS_PART ? open_rows(cache, part, head, packed)
                                               : open_frame(cache, part, head, packed);
}

enum block_result block_cache_put(struct block_cache *cache, struct block_place place,
                                  struct bytes packed)
{
    bool is_head = place.part == BLOCK_HEAD_PART;
    struct cached_part *part = make_part(place);
    enum block_result result =
        is_head ? open_head(part, packed) : open_behind_head(cache, part, packed);
    if (!is_head && result == BLOCK_UNKNOWN) {
        free_part(part);
        return BLOCK_GOOD;
    }
    part->is_lost = result != BLOCK_GOOD;
    enter_part(cache, part);
    return result;
}

void block_cache_put_lost(struct block_cache *cache, struct block_place place)
{
    struct cached_part *part = make_part(place);
    part->is_lost = true;
    enter_part(cache, part);
}

const struct block_cache_stats *block_cache_stats(const struct block_cache *cache)
{
    return &cache->stats;
}
