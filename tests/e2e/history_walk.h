/* All that Redis holds, packed and plain, in the order in which it was added. */
#ifndef TESTS_E2E_HISTORY_WALK_H
#define TESTS_E2E_HISTORY_WALK_H

#include <stddef.h>

struct redis_server;
struct stream_check;

struct history_walked {
    size_t blocks;
    size_t packed; /* entries that were read from blocks */
    size_t bytes;  /* of blocks */
};

/* Reads it to its end, as a client does, while it may go on being packed, and hands each entry to
 * `check`, which starts with { 0 }. Fails the test if a block is damaged, or is trimmed before it
 * is read. */
struct history_walked history_walk(struct stream_check *check, struct redis_server *redis);

#endif
