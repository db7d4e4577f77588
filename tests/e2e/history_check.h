/*
 * What was added to the stream, remembered entry by entry, and compared with what history and
 * stream have of it later. A consumer group reads it, so that nothing is packed before it is known.
 */
#ifndef TESTS_E2E_HISTORY_CHECK_H
#define TESTS_E2E_HISTORY_CHECK_H

#include <stddef.h>

#include "shared/redis/stream_id.h"

struct history_check;
struct redis_server;

/* Makes the group, and the stream if there is none. */
struct history_check *history_check_create(struct redis_server *redis);
void history_check_destroy(struct history_check *check);

/* Reads what has come; how many entries are known. */
size_t history_check_read(struct history_check *check);

/* What there was of history when it was looked at. */
struct history_found {
    size_t blocks;
    size_t packed; /* entries in blocks */
    size_t plain;
    size_t bytes; /* of blocks */
    size_t generations;
    struct stream_id oldest; /* of them; it goes first */
};

/* Reads all of it, as it is at one moment. Fails the test unless each entry that is known, from the
 * oldest that is left on, is in just one of blocks and stream, in order, with all its fields as
 * they were, unless index, blocks and P:packed agree, and unless ordinals count what was added. */
struct history_found history_check_compare(struct history_check *check);

/* When nobody packs or trims: no block is left that the index does not name. */
void history_check_expect_no_other_block(struct history_check *check);

#endif
