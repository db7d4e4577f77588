/* Entries as ingest writes them, of the local CT log, taken out of a Redis of their own, to be put
 * into another's stream. */
#ifndef TESTS_BENCH_CAPTURED_ENTRIES_H
#define TESTS_BENCH_CAPTURED_ENTRIES_H

#include <stdint.h>
#include <sys/types.h>

struct captured_entries;
struct redis_server;

/* Drains so many entries of a log of one kind. */
struct captured_entries *captured_entries_create(uint64_t count);
void captured_entries_destroy(struct captured_entries *captured);
uint64_t captured_entries_count(const struct captured_entries *captured);

/* How many entries the stream that is fed keeps, about; 100,000 before that. */
void captured_entries_retain(struct captured_entries *captured, uint64_t count);

/* The issuers that full messages need. */
void captured_entries_put_issuers(const struct captured_entries *captured,
                                  struct redis_server *redis);
/* Adds `count` entries, from the first on and again from there, with indexes of their own; as fast
 * as Redis takes them, or `per_second` (0: as fast). In a process of its own, to be waited for. */
pid_t captured_entries_feed(const struct captured_entries *captured,
                            const struct redis_server *redis, uint64_t count, uint64_t per_second);

#endif
