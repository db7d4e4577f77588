/*
 * Redis is emptied under an ingest that follows a log: the log is not new. It goes on where it
 * stood, and the stream says what it no longer holds, so that no entry is nobody's. What packed
 * history holds is not lost.
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
#include "tests/e2e/history_walk.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/packed_feed.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    SIZE = 300,
    GROWN = 450,
    AHEAD = 350, /* in the stream, of which the process knows nothing */
    TEXT_SIZE = 128,
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

/* The key of the log's hash, of TEXT_SIZE bytes. */
static void write_hash_key(const struct ingest_stage *stage, char *key)
{
    redisReply *ids = redis_server_command(stage->redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    assert_int_equal(ids->elements, 1);
    (void)snprintf(key, TEXT_SIZE, CONTRACT_PREFIX ":log:%s", ids->element[0]->str);
    freeReplyObject(ids);
}

/* The indexes of the stream's entries: `before`, then those from `first` to GROWN, each once. */
static void expect_indexes(const struct ingest_stage *stage, size_t before, uint64_t first)
{
    redisReply *entries = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    assert_int_equal(entries->elements, before + GROWN - first);
    for (size_t i = 0; i < entries->elements; i++) {
        const char *index = field_of(entries->element[i], CONTRACT_FIELD_INDEX);
        assert_non_null(index);
        if (i >= before)
            assert_int_equal(strtoull(index, NULL, 10), first + i - before);
    }
    freeReplyObject(entries);
    expect_said(stage);
}

/* What is in the stream is neither lost nor added again. */
static void a_position_that_is_lost_alone_follows_from_the_stream(void **state)
{
    struct ingest_stage *stage = *state;
    char key[TEXT_SIZE];
    write_hash_key(stage, key);
    freeReplyObject(redis_server_command(stage->redis, "DEL %s", key));
    daemon_control_ct_log(stage->ct_log, "size=450");
    ingest_stage_wait_for_length(stage, GROWN);
    expect_indexes(stage, SIZE, SIZE);
}

/* Another process has gone on since this one had the log. */
static void the_stream_may_be_ahead_of_what_is_remembered(void **state)
{
    struct ingest_stage *stage = *state;
    char key[TEXT_SIZE];
    write_hash_key(stage, key);
    const char *id = strrchr(key, ':') + 1;
    freeReplyObject(redis_server_command(stage->redis, "MULTI"));
    freeReplyObject(redis_server_command(stage->redis, "DEL %s", key));
    freeReplyObject(redis_server_command(
        stage->redis, "XADD " STREAM " * json {} domains [] log %s index %d", id, AHEAD - 1));
    freeReplyObject(redis_server_command(stage->redis, "EXEC"));
    daemon_control_ct_log(stage->ct_log, "size=450");
    ingest_stage_wait_for_length(stage, SIZE + 1 + GROWN - AHEAD);
    expect_indexes(stage, SIZE + 1, AHEAD);
}

/* Entries of the stream and of the blocks. */
static long long count_all(const struct ingest_stage *stage)
{
    return redis_server_integer(
        stage->redis, "EVAL %s 2 " CONTRACT_PREFIX ":history " STREAM,
        "local count = redis.call('XLEN', KEYS[2]) "
        "for _, block in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do "
        "  count = count + block[2][4] "
        "end "
        "return count");
}

static void pack_all(const struct ingest_stage *stage, size_t count)
{
    struct packed_feed *feed = packed_feed_create(stage->redis);
    assert_int_equal(packed_feed_pack(feed, count, true), count);
    assert_int_equal(redis_server_integer(stage->redis, "XLEN " STREAM), 0);
    packed_feed_destroy(feed);
}

static void grow_without_position(const struct ingest_stage *stage)
{
    char key[TEXT_SIZE];
    write_hash_key(stage, key);
    freeReplyObject(redis_server_command(stage->redis, "DEL %s", key));
    daemon_control_ct_log(stage->ct_log, "size=450");
    struct deadline deadline = deadline_after(WAIT_MS, "the log's new entries");
    for (bool is_there = false; !is_there;) {
        redisReply *next = redis_server_command(stage->redis, "HGET %s next", key);
        is_there = next->type == REDIS_REPLY_STRING && strtoull(next->str, NULL, 10) == GROWN;
        freeReplyObject(next);
        deadline_wait(&deadline);
    }
}

/* What is packed is neither lost nor added again: each index once. */
static void a_position_that_is_lost_alone_follows_from_packed_history(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    pack_all(stage, SIZE);
    grow_without_position(stage);
    struct history_walked walked = history_walk(&check, stage->redis);
    assert_int_equal(check.count, 1);
    assert_int_equal(check.logs[0].first, 0);
    assert_int_equal(check.logs[0].next, GROWN);
    assert_int_equal(check.entries, GROWN);
    assert_int_equal(walked.packed, SIZE);
    expect_said(stage);
}

/* Also where it is no entry as ingest writes them: it is packed with all its fields. */
static void packed_history_may_be_ahead_of_what_is_remembered(void **state)
{
    struct ingest_stage *stage = *state;
    char key[TEXT_SIZE];
    write_hash_key(stage, key);
    freeReplyObject(redis_server_command(stage->redis,
                                         "XADD " STREAM " * json {} domains [] log %s index %d",
                                         strrchr(key, ':') + 1, AHEAD - 1));
    pack_all(stage, SIZE + 1);
    grow_without_position(stage);
    expect_said(stage);
    assert_int_equal(count_all(stage), SIZE + 1 + GROWN - AHEAD);
}

static size_t count_in(const struct program *program, const char *text)
{
    char *errors = program_errors(program);
    size_t count = 0;
    for (const char *at = errors; (at = strstr(at, text)); at++)
        count++;
    free(errors);
    return count;
}

static void wait_for_leases(const struct ingest_stage *stage, const char *owner)
{
    struct deadline deadline = deadline_after(WAIT_MS, "a lease of the second process");
    for (bool is_there = false; !is_there;) {
        redisReply *keys =
            redis_server_command(stage->redis, "KEYS " CONTRACT_PREFIX ":lease:[0-9a-f]*");
        for (size_t i = 0; i < keys->elements; i++) {
            redisReply *name = redis_server_command(stage->redis, "GET %s", keys->element[i]->str);
            is_there |= name->type == REDIS_REPLY_STRING && strcmp(name->str, owner) == 0;
            freeReplyObject(name);
        }
        freeReplyObject(keys);
        if (!is_there)
            deadline_wait(&deadline);
    }
}

/* Each log from where it stood to its end, and what was lost is said. */
static void expect_both(const struct ingest_stage *stage)
{
    redisReply *ids = redis_server_command(stage->redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    redisReply *entries = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    assert_int_equal(ids->elements, 2);
    for (size_t log = 0; log < ids->elements; log++) {
        uint64_t next = SIZE, lost = 0;
        for (size_t i = 0; i < entries->elements; i++) {
            const char *index = field_of(entries->element[i], CONTRACT_FIELD_INDEX);
            if (strcmp(field_of(entries->element[i], CONTRACT_FIELD_LOG), ids->element[log]->str) !=
                0)
                continue;
            lost += !index;
            if (index)
                assert_int_equal(strtoull(index, NULL, 10), next++);
        }
        assert_int_equal(next, GROWN);
        assert_int_equal(lost, 1);
    }
    freeReplyObject(entries);
    freeReplyObject(ids);
}

/* A process gets a log that another one followed, and has never read its position. */
static void a_log_of_another_process_is_not_new(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const words[] = { "--start", "head", NULL };
    struct program *second =
        daemon_start_ingest(stage->harness, "second", stage->redis, stage->ct_log, words);
    wait_for_leases(stage, "second");
    /* It forgets that it had both. */
    size_t resumed = count_in(stage->ingest, "log resumes");
    program_kill(stage->ingest);
    program_restart(stage->ingest);
    struct deadline deadline = deadline_after(WAIT_MS, "the first process to have its log again");
    while (count_in(stage->ingest, "log resumes") == resumed)
        deadline_wait(&deadline);
    size_t new_logs = count_in(stage->ingest, "log is new") + count_in(second, "log is new");
    program_kill(second);
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    ingest_stage_wait_for_length(stage, 2);
    daemon_control_ct_log(stage->ct_log, "size=450");
    ingest_stage_wait_for_length(stage, 2LL * (1 + GROWN - SIZE));
    expect_both(stage);
    assert_int_equal(count_in(stage->ingest, "log is new") + count_in(second, "log is new"),
                     new_logs);
}

/* What is on its way when Redis is emptied is added behind what is said to be lost. */
static void nothing_is_missing_when_it_is_emptied_between_appends(void **state)
{
    struct ingest_stage *stage = *state;
    daemon_control_ct_log(stage->ct_log, "rate=300");
    ingest_stage_wait_for_length(stage, 2LL * SIZE);
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    ingest_stage_wait_for_length(stage, 2LL * SIZE);
    daemon_control_ct_log(stage->ct_log, "rate=0");
    redisReply *entries = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    const char *control = field_of(entries->element[0], CONTRACT_FIELD_CONTROL);
    assert_non_null(control);
    uint64_t next = strtoull(strstr(control, "\"to\":") + strlen("\"to\":"), NULL, 10);
    assert_true(next >= 2ULL * SIZE);
    for (size_t i = 1; i < entries->elements; i++) {
        const char *index = field_of(entries->element[i], CONTRACT_FIELD_INDEX);
        assert_non_null(index);
        assert_int_equal(strtoull(index, NULL, 10), next++);
    }
    freeReplyObject(entries);
    expect_said(stage);
}

static int setup_two_logs(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    *state = stage;
    static const char *const ct_log[] = { "--size", "300", "--seed", "lost", NULL };
    static const char *const ingest[] = { "--start", "0", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    ingest_stage_start(stage, ingest);
    ingest_stage_wait_for_length(stage, 2LL * SIZE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(a_log_goes_on_where_it_stood, setup),
        ON_INGEST_STAGE(a_quiet_log_is_restored, setup),
        ON_INGEST_STAGE(nothing_is_missing_when_it_is_emptied_between_appends, setup),
        ON_INGEST_STAGE(a_position_that_is_lost_alone_follows_from_the_stream, setup),
        ON_INGEST_STAGE(the_stream_may_be_ahead_of_what_is_remembered, setup),
        ON_INGEST_STAGE(a_position_that_is_lost_alone_follows_from_packed_history, setup),
        ON_INGEST_STAGE(packed_history_may_be_ahead_of_what_is_remembered, setup),
        ON_INGEST_STAGE(a_log_of_another_process_is_not_new, setup_two_logs),
        ON_INGEST_STAGE(what_was_lost_is_said_by_a_redis_that_was_full_too, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
