/*
 * Whether the stream holds what the local CT logs signed: each entry with the timestamp that is in
 * the log's tree, which is what faults of that log change.
 */
#ifndef TESTS_E2E_STREAM_TRUTH_H
#define TESTS_E2E_STREAM_TRUTH_H

#include <stddef.h>

struct program;
struct redis_server;

/* The ids, in hex, of both views of a local CT log; 65 bytes each. */
void stream_truth_ids(const struct program *ct_log, char *rfc6962, char *tiled);

/* Compares all of the stream with the logs, which have no faults set. Fails the test at the first
 * difference. */
void stream_truth_expect(struct redis_server *redis, const struct program *const *ct_logs,
                         size_t count);

#endif
