#include "streamer/past/certificate_index.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/message/message_view.h"

enum {
    CAPACITY_FIRST = 1 << 12
};

/* A ring: number 0 is the oldest. */
struct certificate_index {
    struct stream_id *ids;
    uint32_t *sha256, *sha1; /* their first bytes */
    size_t capacity;         /* a power of two */
    size_t begin, count;
    size_t trimmed;         /* of the oldest, those that the stream no longer has */
    struct stream_id first; /* of the stream, when it was trimmed last */
};

static void make_rings(struct certificate_index *index, size_t capacity)
{
    index->capacity = capacity;
    index->ids = memory_allocate_zeroed(capacity, sizeof *index->ids);
    index->sha256 = memory_allocate_zeroed(capacity, sizeof *index->sha256);
    index->sha1 = memory_allocate_zeroed(capacity, sizeof *index->sha1);
}

static void free_rings(struct certificate_index *index)
{
    free(index->ids);
    free(index->sha256);
    free(index->sha1);
}

struct certificate_index *certificate_index_create(void)
{
    struct certificate_index *index = memory_allocate_zeroed(1, sizeof *index);
    make_rings(index, CAPACITY_FIRST);
    return index;
}

void certificate_index_destroy(struct certificate_index *index)
{
    if (!index)
        return;
    free_rings(index);
    free(index);
}

static size_t place_of(const struct certificate_index *index, size_t number)
{
    return (index->begin + number) & (index->capacity - 1);
}

static void grow(struct certificate_index *index)
{
    struct certificate_index old = *index;
    make_rings(index, old.capacity * 2);
    index->begin = 0;
    for (size_t i = 0; i < old.count; i++) {
        size_t from = place_of(&old, i);
        index->ids[i] = old.ids[from];
        index->sha256[i] = old.sha256[from];
        index->sha1[i] = old.sha1[from];
    }
    free_rings(&old);
}

static void set_entry(struct certificate_index *index, size_t place, struct stream_id id,
                      const struct message_fingerprints *fingerprints)
{
    index->ids[place] = id;
    memcpy(&index->sha256[place], fingerprints->sha256, sizeof *index->sha256);
    memcpy(&index->sha1[place], fingerprints->sha1, sizeof *index->sha1);
}

static void drop_oldest(struct certificate_index *index)
{
    index->begin = place_of(index, 1);
    index->count--;
    index->trimmed -= index->trimmed > 0;
}

void certificate_index_add(struct certificate_index *index, struct stream_id id,
                           const struct message_fingerprints *fingerprints)
{
    while (index->count > 0 &&
           stream_id_compare(index->ids[place_of(index, index->count - 1)], id) >= 0)
        index->count--;
    if (index->trimmed > index->count)
        index->trimmed = index->count;
    if (index->count == CERTIFICATE_INDEX_MAX)
        drop_oldest(index);
    if (index->count == index->capacity)
        grow(index);
    set_entry(index, place_of(index, index->count), id, fingerprints);
    index->count++;
}

bool certificate_index_add_older(struct certificate_index *index, struct stream_id id,
                                 const struct message_fingerprints *fingerprints)
{
    bool is_older = index->count == 0 || stream_id_compare(id, index->ids[index->begin]) < 0;
    if (!is_older || index->trimmed > 0 || index->count == CERTIFICATE_INDEX_MAX)
        return !is_older;
    if (index->count == index->capacity)
        grow(index);
    index->begin = (index->begin + index->capacity - 1) & (index->capacity - 1);
    set_entry(index, index->begin, id, fingerprints);
    index->count++;
    return true;
}

void certificate_index_clear(struct certificate_index *index)
{
    index->begin = index->count = index->trimmed = 0;
    index->first = (struct stream_id){ 0 };
}

void certificate_index_trim(struct certificate_index *index, struct stream_id first)
{
    index->first = first;
    while (index->trimmed < index->count &&
           stream_id_compare(index->ids[place_of(index, index->trimmed)], first) < 0)
        index->trimmed++;
    while (index->trimmed > CERTIFICATE_INDEX_TRIMMED)
        drop_oldest(index);
}

/* The number of the first entry with an id above `id`. */
static size_t number_after(const struct certificate_index *index, struct stream_id id)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream_id_compare(index->ids[place_of(index, middle)], id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool certificate_index_find(const struct certificate_index *index, const uint8_t *sha256,
                            const uint8_t *sha1, struct stream_id before, struct stream_id *id)
{
    uint32_t wanted;
    const uint32_t *tags = sha256 ? index->sha256 : index->sha1;
    memcpy(&wanted, sha256 ? sha256 : sha1, sizeof wanted);
    for (size_t i = number_after(index, stream_id_before(before)); i > index->trimmed; i--) {
        size_t place = place_of(index, i - 1);
        if (tags[place] != wanted)
            continue;
        *id = index->ids[place];
        return true;
    }
    return false;
}

struct stream_id certificate_index_skip(const struct certificate_index *index, struct stream_id id)
{
    bool is_trimmed = stream_id_compare(id, index->first) < 0;
    size_t next = number_after(index, id);
    return is_trimmed && next > 0 && next == index->trimmed ? stream_id_before(index->first) : id;
}

size_t certificate_index_count(const struct certificate_index *index)
{
    return index->count - index->trimmed;
}
