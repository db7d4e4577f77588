/*
 * The stage of the tests about ingest: a Redis of the test's own, a local CT log and an ingest that
 * follows it.
 *
 * A test that keeps more than that has a struct which begins with the stage, and makes it in its
 * setup; the teardown is the same for all.
 */
#ifndef TESTS_E2E_INGEST_STAGE_H
#define TESTS_E2E_INGEST_STAGE_H

#include <stddef.h>

#include "tests/support/program.h"

struct harness;
struct redis_server;

struct ingest_stage {
    struct harness *harness;
    struct redis_server *redis;
    struct program *ct_log;
    struct program *ingest; /* NULL until it is started */
};

/* For a setup: `size` zeroed bytes that begin with a stage, which has its Redis. `redis` are
 * arguments for it, or NULL. */
void *ingest_stage_create(size_t size, const char *const *redis);
/* For tests that make files for their Redis, or choose its port, before they start it as
 * stage->redis. */
void *ingest_stage_create_without_redis(size_t size);
/* Starts what is named; the words are those of daemon_start_ct_log and daemon_start_ingest. */
void ingest_stage_start_ct_log(struct ingest_stage *stage, const char *const *arguments);
void ingest_stage_start(struct ingest_stage *stage, const char *const *arguments);
/* For cmocka. */
int ingest_stage_teardown(void **state);

#define ON_INGEST_STAGE(test, setup) \
    cmocka_unit_test_setup_teardown(test, setup, ingest_stage_teardown)

/* Waits until the stream has so many entries. */
void ingest_stage_wait_for_length(const struct ingest_stage *stage, long long length);

#endif
