/*
 * The promise itself: every entry of every log is in the Redis stream once and in order. Reads the
 * stream from its beginning to its end and fails the test at the first entry that is missing,
 * doubled, out of order or not of the contract's form. Can be asked again later and then reads on.
 */
#ifndef TESTS_E2E_STREAM_CHECK_H
#define TESTS_E2E_STREAM_CHECK_H

#include <stddef.h>
#include <stdint.h>

struct redis_server;

enum {
    STREAM_CHECK_LOGS = 32,
    STREAM_CHECK_LOG_SIZE = 65,
    STREAM_CHECK_ID_SIZE = 48,
};

struct stream_check_log {
    char id[STREAM_CHECK_LOG_SIZE]; /* hex */
    uint64_t first;                 /* index of its first entry in the stream */
    uint64_t next;                  /* the index that has to come next */
};

struct stream_check {
    const char *prefix; /* NULL: the usual one */
    struct stream_check_log logs[STREAM_CHECK_LOGS];
    size_t count;
    uint64_t entries;
    char last_id[STREAM_CHECK_ID_SIZE]; /* "" before the first entry */
};

/* Starts with { 0 }. */
void stream_check_read(struct stream_check *check, struct redis_server *redis);

/* Waits until the stream is as long as that and reads it: `logs` logs with the indexes first … next
 * - 1 of each, and the same position in the log's hash. */
void stream_check_expect(struct stream_check *check, struct redis_server *redis, size_t logs,
                         uint64_t first, uint64_t next);

#endif
