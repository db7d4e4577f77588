/*
 * A Redis with little memory: the stream is trimmed before it is full, and where it is full all the
 * same it is trimmed first and appended to then. No log ever waits for an administrator.
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
    /* Three times what fits. */
    SIZE = 9000,
    WAIT_MS = 120000,
    KEPT = 500,
    /* An approximate trim leaves a node more, and a batch comes behind it. */
    KEPT_SLACK = 500,
};

#define STREAM  CONTRACT_PREFIX ":stream"
#define ISSUERS CONTRACT_PREFIX ":issuers"

static int setup(void **state)
{
    static const char *const redis[] = { "--maxmemory", "12mb", NULL };
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, redis);
    *state = stage;
    static const char *const ct_log[] = { "--size",  "9000",  "--seed", "full",
                                          "--kinds", "tiled", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    return 0;
}

/* The position of the one log; 0 before it has one. */
static unsigned long long position(const struct ingest_stage *stage)
{
    unsigned long long next = 0;
    redisReply *logs = redis_server_command(stage->redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    for (size_t i = 0; i < logs->elements; i++) {
        redisReply *reply = redis_server_command(
            stage->redis, "HGET " CONTRACT_PREFIX ":log:%s next", logs->element[i]->str);
        if (reply->type == REDIS_REPLY_STRING)
            next = strtoull(reply->str, NULL, 10);
        freeReplyObject(reply);
    }
    freeReplyObject(logs);
    return next;
}

static void wait_for_position(const struct ingest_stage *stage, unsigned long long next)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the log's position");
    while (position(stage) < next)
        deadline_wait(&deadline);
}

static long long length(const struct ingest_stage *stage)
{
    return redis_server_integer(stage->redis, "XLEN " STREAM);
}

/* The newest entries are there, one after the other up to the position. */
static void expect_newest(const struct ingest_stage *stage)
{
    redisReply *entries = redis_server_command(stage->redis, "XREVRANGE " STREAM " + - COUNT 200");
    assert_int_equal(entries->elements, 200);
    unsigned long long expected = position(stage);
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        for (size_t field = 0; field + 1 < fields->elements; field += 2)
            if (strcmp(fields->element[field]->str, CONTRACT_FIELD_INDEX) == 0)
                assert_int_equal(strtoull(fields->element[field + 1]->str, NULL, 10), --expected);
    }
    freeReplyObject(entries);
}

static void keeps_what_fits(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const ingest[] = { "--start", "0", "--retain-entries", "0", NULL };
    ingest_stage_start(stage, ingest);
    wait_for_position(stage, SIZE);
    assert_true(length(stage) < SIZE);
    expect_newest(stage);
    char *errors = program_errors(stage->ingest);
    assert_null(strstr(errors, "Redis does not take writes"));
    free(errors);
}

static void keeps_so_many_bytes(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const ingest[] = { "--start", "0", "--retain-entries", "0", "--retain-bytes",
                                          "3m",      NULL };
    ingest_stage_start(stage, ingest);
    wait_for_position(stage, SIZE);
    expect_newest(stage);
    /* What came since the last measure stands beyond it. */
    assert_true(redis_server_integer(stage->redis, "MEMORY USAGE " STREAM) <
                (long long)6 * 1024 * 1024);
}

static void goes_on_when_it_is_full(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const without_limit[] = {
        "--start", "0", "--retain-entries", "0", "--retain-bytes", "1g", NULL
    };
    static const char *const with_limit[] = { "--start", "0", "--retain-entries", "500", NULL };
    ingest_stage_start(stage, without_limit);
    struct deadline deadline = deadline_after(WAIT_MS, "a full Redis");
    for (bool is_full = false; !is_full;) {
        char *errors = program_errors(stage->ingest);
        is_full = strstr(errors, "Redis does not take writes") != NULL;
        free(errors);
        if (!is_full)
            deadline_wait(&deadline);
    }
    assert_true(position(stage) < SIZE);
    program_kill(stage->ingest);
    ingest_stage_start(stage, with_limit);
    wait_for_position(stage, SIZE);
    expect_newest(stage);
    assert_true(length(stage) <= KEPT + KEPT_SLACK);
}

/* Every append stamps the issuers it names; what was stamped long before the oldest entry goes, and
 * what an older version left without a stamp gets one. */
static void issuers_that_nothing_names_go(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const ingest[] = { "--start", "-100", NULL };
    ingest_stage_start(stage, ingest);
    wait_for_position(stage, SIZE);
    long long issuers = redis_server_integer(stage->redis, "HLEN " ISSUERS);
    assert_true(issuers > 0);
    assert_int_equal(redis_server_integer(stage->redis, "ZCARD " ISSUERS ":named"), issuers);
    assert_int_equal(program_stop(stage->ingest), 0);
    (void)redis_server_integer(stage->redis, "HSET " ISSUERS " old {} stampless {}");
    (void)redis_server_integer(stage->redis, "ZADD " ISSUERS ":named 1 old");
    program_restart(stage->ingest);
    daemon_control_ct_log(stage->ct_log, "size=9100");
    wait_for_position(stage, SIZE + 100);
    assert_int_equal(redis_server_integer(stage->redis, "HEXISTS " ISSUERS " old"), 0);
    assert_int_equal(redis_server_integer(stage->redis, "HEXISTS " ISSUERS " stampless"), 1);
    assert_int_equal(redis_server_integer(stage->redis, "ZCARD " ISSUERS ":named"), issuers + 1);
    assert_int_equal(redis_server_integer(stage->redis, "HLEN " ISSUERS), issuers + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(keeps_what_fits, setup),
        ON_INGEST_STAGE(keeps_so_many_bytes, setup),
        ON_INGEST_STAGE(goes_on_when_it_is_full, setup),
        ON_INGEST_STAGE(issuers_that_nothing_names_go, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
