/* Entries put into the Redis stream by a test itself, in the contract's form, instead of by
 * ingest. */
#ifndef TESTS_E2E_STREAM_FEED_H
#define TESTS_E2E_STREAM_FEED_H

#include <stddef.h>
#include <stdint.h>

struct redis_server;

/* SHA-256s that an entry names as its issuers; only the first is in Redis after
 * stream_feed_put_issuer. */
#define STREAM_FEED_ISSUER  "1111111111111111111111111111111111111111111111111111111111111111"
#define STREAM_FEED_UNKNOWN "2222222222222222222222222222222222222222222222222222222222222222"

/* Adds the entries `from` to `to` - 1 of one log, another one if there were such already; each
 * one's json has `padding` bytes more than it needs. Its name is "<index>.example". */
void stream_feed_add(struct redis_server *redis, uint64_t from, uint64_t to, size_t padding);
/* The same, of the log as before also if these indexes were added already: as after Redis has lost
 * them. */
void stream_feed_add_again(struct redis_server *redis, uint64_t from, uint64_t to, size_t padding);
/* From here on entries get this id ("5-1"), each the same; NULL: what Redis gives. */
void stream_feed_use_id(const char *id);
/* One entry whose json is what no ingest writes. */
void stream_feed_add_malformed(struct redis_server *redis);

void stream_feed_put_issuer(struct redis_server *redis);

#endif
