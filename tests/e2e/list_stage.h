/*
 * The stage of the tests about log lists: Redis, a local CT log whose list changes at /control, and
 * an ingest that reads that list every second, and takes it only if it is signed.
 */
#ifndef TESTS_E2E_LIST_STAGE_H
#define TESTS_E2E_LIST_STAGE_H

#include "tests/support/program.h"

enum {
    /* The local log's two views. */
    LIST_STAGE_LOGS = 2,
    LIST_STAGE_SIZE = 100,
    LIST_STAGE_HASH_SIZE = 65,
};

struct harness;
struct redis_server;

struct list_stage {
    struct harness *harness;
    struct redis_server *redis;
    struct program *ct_log;
    char address[128];                   /* of the list */
    char key_hash[LIST_STAGE_HASH_SIZE]; /* of the key that signs it, hex */
};

/* For cmocka: *state is the stage. The second one's log is one log in two forms. */
int list_stage_setup(void **state);
int list_stage_setup_one_key(void **state);
int list_stage_teardown(void **state);

/* An ingest on the signed list, from entry 0, as instance "list". `key_hash` NULL: the right
 * one. */
struct program *list_stage_start_ingest(struct list_stage *stage, const char *name,
                                        const char *key_hash, const char *const *arguments);

/* Waiting, with a deadline: for a counter of the instance to be at
 * least that; for a field of both the log's views in Redis. */
long long list_stage_counter(struct list_stage *stage, const char *name);
void list_stage_wait_for_counter(struct list_stage *stage, const char *name, long long at_least);
/* How many logs' hashes have this value. */
size_t list_stage_count_logs(struct list_stage *stage, const char *field, const char *value);
void list_stage_wait_for_logs(struct list_stage *stage, const char *field, const char *value,
                              size_t count);

#endif
