/* Packs entries of the Redis stream into blocks of history, as ingest does, at the moment that a
 * test wants it. */
#ifndef TESTS_E2E_PACKED_FEED_H
#define TESTS_E2E_PACKED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packed_feed;
struct redis_server;

struct packed_feed *packed_feed_create(struct redis_server *redis);
void packed_feed_destroy(struct packed_feed *feed);

/* Packs the oldest entries of the stream, at most `count`, into one block; answers how many. The
 * test fails if an entry cannot be made again from its certificate, unless `may_be_verbatim`. */
size_t packed_feed_pack(struct packed_feed *feed, size_t count, bool may_be_verbatim);
/* The next block begins a generation. */
void packed_feed_begin_generation(struct packed_feed *feed);
/* Trims the blocks of the oldest generation, of which there has to be one. */
void packed_feed_trim(struct packed_feed *feed);

#endif
