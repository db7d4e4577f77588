/*
 * The promise itself: every entry of every log is in the Redis stream once and in order. Reads the
 * stream from its beginning to its end and fails the test at the first entry that is missing,
 * doubled, out of order or not of the contract's form. Can be asked again later and then reads on.
 *
 * It cannot be fooled by what a Redis may do: entries that are trimmed or packed before they were
 * read fail the test with words of their own, and where Redis lost its end in a crash
 * (stream_check_step_back) the check goes back to what is left.
 */
#ifndef TESTS_E2E_STREAM_CHECK_H
#define TESTS_E2E_STREAM_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/bytes.h"

struct redisReply;
struct redis_server;

enum {
    STREAM_CHECK_LOGS = 32,
    STREAM_CHECK_LOG_SIZE = 65,
    STREAM_CHECK_ID_SIZE = 48,
    /* Pages that were read: more than Redis can lose, at a page every 10 ms. */
    STREAM_CHECK_MARKS = 1024,
};

struct stream_check_log {
    char id[STREAM_CHECK_LOG_SIZE]; /* hex */
    uint64_t first;                 /* index of its first entry in the stream */
    uint64_t next;                  /* the index that has to come next */
};

/* How far the check was. */
struct stream_check_mark {
    uint64_t next[STREAM_CHECK_LOGS]; /* of logs[] */
    size_t count;
    uint64_t entries;
    char last_id[STREAM_CHECK_ID_SIZE];
};

struct stream_check {
    const char *prefix; /* NULL: the usual one */
    struct stream_check_log logs[STREAM_CHECK_LOGS];
    size_t count;
    uint64_t before; /* entries that had left the stream when it was first read */
    uint64_t entries;
    char last_id[STREAM_CHECK_ID_SIZE]; /* "" before the first entry */
    /* STREAM_CHECK_MARKS of them, a ring, for who steps back; else NULL. */
    struct stream_check_mark *marks;
    size_t mark_count;
};

/* Starts with { 0 }, but for prefix and marks. */
void stream_check_read(struct stream_check *check, struct redis_server *redis);

/* After a Redis that was killed has come back, before anything else is read: it may have lost what
 * it had not written to its file (appendfsync everysec; for up to two seconds where the disk is
 * slow), with the logs' positions and although it had been read. Then the same entries have to come
 * again. Goes back to an entry that is still there; says how many that were read are to be read
 * again. */
uint64_t stream_check_step_back(struct stream_check *check, struct redis_server *redis);

/* All that was ever added has been read: Redis counted as many. */
void stream_check_expect_all_read(const struct stream_check *check, struct redis_server *redis);

/* For who reads by himself, an entry in its order: as XRANGE answers it, or what it is of, with its
 * id in the stream. */
void stream_check_take_entry(struct stream_check *check, const struct redisReply *entry);
void stream_check_take(struct stream_check *check, struct bytes log_id, uint64_t index,
                       const char *id);

/* Waits until the stream is as long as that and reads it: `logs` logs with the indexes first … next
 * - 1 of each, and the same position in the log's hash. */
void stream_check_expect(struct stream_check *check, struct redis_server *redis, size_t logs,
                         uint64_t first, uint64_t next);

#endif
