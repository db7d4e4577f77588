/* Entries put into the Redis stream by a test itself, complete as ingest writes them
 * (tests/unit/entry_builder.h). */
#ifndef TESTS_E2E_BUILT_FEED_H
#define TESTS_E2E_BUILT_FEED_H

#include "tests/unit/entry_builder.h"

struct redis_server;

enum {
    BUILT_ID_SIZE = 64
};

/* Adds the entry and writes its id to `id`, of BUILT_ID_SIZE bytes. */
void built_feed_add(struct redis_server *redis, const struct built_entry *built, char *id);
/* Builds it, adds it and frees it; `id` may be NULL. */
void built_feed_make(struct redis_server *redis, const struct entry_parts *parts, char *id);

#endif
