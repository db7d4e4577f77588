/*
 * The hash tags of a deployment's shards. The first one's is that of the prefix, `{certstream}`,
 * and its keys are those of a deployment without shards; the others have `{certstream:<word>}`. In
 * Redis Cluster a tag is a slot, and slots lie with nodes in stretches, so tags are chosen whose
 * slots lie evenly: each halves the largest hole that those before it leave. Those that are there
 * stay, so the number of shards can grow. Pure.
 */
#ifndef SHARED_REDIS_SHARD_TAGS_H
#define SHARED_REDIS_SHARD_TAGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /* A word has at most this many characters. */
    SHARD_WORD_MAX = 5,
    SHARD_WORD_SIZE = SHARD_WORD_MAX + 1,
};

/* Writes the prefix of the shard that has this word; "" is that of the first: the prefix itself.
 * False if it does not fit `size` bytes, or the prefix has no hash tag. */
bool shard_tags_prefix(char *out, size_t size, const char *prefix, const char *word);

/* Chooses the word of the next shard, behind `count` that have these words. False: the prefix has
 * no hash tag, or is too long for one more word. */
bool shard_tags_choose(char *word, const char *prefix, const char (*words)[SHARD_WORD_SIZE],
                       size_t count);

#endif
