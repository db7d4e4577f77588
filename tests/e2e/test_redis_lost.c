/*
 * Redis is emptied under an ingest that follows a log: the log is not new. It goes on where it
 * stood, and the stream says what it no longer holds, so that no entry is nobody's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    SIZE = 300,
    GROWN = 450,
    WAIT_MS = 60000,
};

#define STREAM CONTRACT_PREFIX ":stream"

static int setup(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    *state = stage;
    static const char *const ct_log[] = { "--size",  "300",   "--seed", "lost",
                                          "--kinds", "tiled", NULL };
    static const char *const ingest[] = { "--start", "0", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    ingest_stage_start(stage, ingest);
    ingest_stage_wait_for_length(stage, SIZE);
    return 0;
}

static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

/* First what the stream no longer holds, then the entries from there on, each once. */
static void expect_rest(const struct ingest_stage *stage)
{
    redisReply *entries = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    assert_int_equal(entries->elements, 1 + GROWN - SIZE);
    const char *control = field_of(entries->element[0], CONTRACT_FIELD_CONTROL);
    assert_non_null(control);
    assert_non_null(strstr(control, "\"operation\":\"lost\""));
    assert_non_null(strstr(control, "\"from\":0,\"to\":300,\"epoch\":0,"));
    assert_non_null(field_of(entries->element[0], CONTRACT_FIELD_LOG));
    for (size_t i = 1; i < entries->elements; i++) {
        const char *index = field_of(entries->element[i], CONTRACT_FIELD_INDEX);
        assert_non_null(index);
        assert_int_equal(strtoull(index, NULL, 10), SIZE + i - 1);
    }
    freeReplyObject(entries);
}

static void expect_said(const struct ingest_stage *stage)
{
    char *errors = program_errors(stage->ingest);
    const char *first = strstr(errors, "log is new");
    assert_non_null(first);
    assert_null(strstr(first + 1, "log is new"));
    assert_non_null(strstr(errors, "Redis has lost a log"));
    free(errors);
}

static void grow_and_expect(const struct ingest_stage *stage)
{
    daemon_control_ct_log(stage->ct_log, "size=450");
    ingest_stage_wait_for_length(stage, 1 + GROWN - SIZE);
    expect_rest(stage);
    expect_said(stage);
}

static void a_log_goes_on_where_it_stood(void **state)
{
    struct ingest_stage *stage = *state;
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    grow_and_expect(stage);
}

/* It is noticed without an append as well, when the lease is renewed. */
static void a_quiet_log_is_restored(void **state)
{
    struct ingest_stage *stage = *state;
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    ingest_stage_wait_for_length(stage, 1);
    struct deadline deadline = deadline_after(WAIT_MS, "the set of logs");
    while (redis_server_integer(stage->redis, "SCARD " CONTRACT_PREFIX ":logs") != 1)
        deadline_wait(&deadline);
    grow_and_expect(stage);
}

static bool has_noticed(const struct ingest_stage *stage)
{
    char *errors = program_errors(stage->ingest);
    bool has = strstr(errors, "Redis has lost a log") != NULL;
    free(errors);
    return has;
}

/* What is lost is said when it can be, and then all of it. */
static void what_was_lost_is_said_by_a_redis_that_was_full_too(void **state)
{
    struct ingest_stage *stage = *state;
    harness_expect_work(stage->harness, "Redis is full");
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 1"));
    daemon_control_ct_log(stage->ct_log, "size=450");
    struct deadline deadline = deadline_after(WAIT_MS, "the loss to be noticed");
    while (!has_noticed(stage))
        deadline_wait(&deadline);
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    grow_and_expect(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(a_log_goes_on_where_it_stood, setup),
        ON_INGEST_STAGE(a_quiet_log_is_restored, setup),
        ON_INGEST_STAGE(what_was_lost_is_said_by_a_redis_that_was_full_too, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
