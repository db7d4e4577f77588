#include "shared/redis/shard_tags.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/redis/contract.h"
#include "shared/redis/redis_cluster.h"
#include "shared/redis/shard_id.h"

enum {
    /* Each slot is met by one word in 16384 on average; there is none that all of these miss. */
    WORDS = 1 << 20,
    PREFIX_SIZE = CONTRACT_PREFIX_MAX + 1,
};

bool shard_tags_prefix(char *out, size_t size, const char *prefix, const char *word)
{
    const char *open = strchr(prefix, '{');
    const char *close = open ? strchr(open + 1, '}') : NULL;
    if (!redis_cluster_has_tag(prefix) || !close)
        return false;
    int length = snprintf(out, size, "%.*s%s%s%s", (int)(close - prefix), prefix, *word ? ":" : "",
                          word, close);
    return length > 0 && (size_t)length < size;
}

static bool slot_of(unsigned *slot, const char *prefix, const char *word)
{
    char text[PREFIX_SIZE];
    if (!shard_tags_prefix(text, sizeof text, prefix, word))
        return false;
    *slot = redis_cluster_slot(text);
    return true;
}

static int compare_slots(const void *a, const void *b)
{
    unsigned first = *(const unsigned *)a, second = *(const unsigned *)b;
    return (first > second) - (first < second);
}

/* The middle of the largest hole between slots in order; behind the last one it goes on with the
 * first. Of several the last: with three nodes that have a third of the slots each, the first three
 * shards then lie with three nodes. */
static unsigned find_middle(const unsigned *slots, size_t count)
{
    unsigned hole = 0, start = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned next = i + 1 < count ? slots[i + 1] : slots[0] + REDIS_SLOTS;
        if (next - slots[i] >= hole) {
            hole = next - slots[i];
            start = slots[i];
        }
    }
    return (start + hole / 2) % REDIS_SLOTS;
}

bool shard_tags_choose(char *word, const char *prefix, const char (*words)[SHARD_WORD_SIZE],
                       size_t count)
{
    unsigned slots[SHARDS_MAX];
    assert(count > 0 && count < SHARDS_MAX);
    for (size_t i = 0; i < count; i++)
        if (!slot_of(&slots[i], prefix, words[i]))
            return false;
    qsort(slots, count, sizeof *slots, compare_slots);
    unsigned wanted = find_middle(slots, count), slot = REDIS_SLOTS;
    for (unsigned i = 0; i < WORDS && slot != wanted; i++) {
        (void)snprintf(word, SHARD_WORD_SIZE, "%x", i);
        if (!slot_of(&slot, prefix, word))
            return false;
    }
    return slot == wanted;
}
