/*
 * Logs spread over several streams: each log is in one of them, evenly, each entry once and in
 * order whatever is killed; another number of shards is refused before anything is written; the
 * commands see all shards, or say what they see.
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
#include "tests/e2e/stream_check.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    SHARDS = 3,
    CT_LOGS = 3,
    LOGS = 2 * CT_LOGS,
    LOGS_EACH = LOGS / SHARDS,
    SIZE = 200,
    SETTLE_MS = 60000,
    END_MS = 30000,
    WORDS_MAX = 24,
};

struct shards_stage {
    struct ingest_stage stage;
    struct program *ct_logs[CT_LOGS];
    char lists[CT_LOGS][DAEMON_URL_SIZE];
    char prefixes[SHARDS][CONTRACT_PREFIX_MAX + 1];
    struct stream_check checks[SHARDS];
    uint64_t size;
};

static int setup(void **state)
{
    struct shards_stage *shards = ingest_stage_create(sizeof *shards, NULL);
    *state = shards;
    shards->size = SIZE;
    for (size_t i = 0; i < CT_LOGS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "ct_log-%zu", i);
        const char *const arguments[] = { "--size", "200", "--seed", name, NULL };
        shards->ct_logs[i] = daemon_start_ct_log(shards->stage.harness, name, arguments);
        (void)snprintf(shards->lists[i], DAEMON_URL_SIZE, "%s/log_list.json",
                       program_ready_text(shards->ct_logs[i]));
    }
    return 0;
}

/* The first list is an argument of daemon_start_ingest. */
static struct program *start_ingest(struct shards_stage *shards, const char *name,
                                    const char *const *more)
{
    const char *words[WORDS_MAX] = { "--start", "0", "--retain-entries", "0" };
    size_t count = 4;
    for (size_t i = 1; i < CT_LOGS; i++) {
        words[count++] = "--log-list";
        words[count++] = shards->lists[i];
    }
    for (; *more; more++)
        words[count++] = *more;
    assert_true(count < WORDS_MAX);
    return daemon_start_ingest(shards->stage.harness, name, shards->stage.redis, shards->ct_logs[0],
                               words);
}

static const char *const three[] = { "--shards", "3", NULL };

/* One that is started only to be refused: it may end before it is ready. */
static void expect_refused(struct shards_stage *shards, const char *name, const char *const *more,
                           const char *reason)
{
    const char *words[WORDS_MAX] = { CERTSTREAM_INGEST,
                                     "--redis",
                                     redis_server_url(shards->stage.redis),
                                     "--log-list",
                                     shards->lists[0],
                                     "--instance",
                                     name };
    for (size_t count = 7; *more; more++)
        words[count++] = *more;
    long long keys = redis_server_integer(shards->stage.redis, "DBSIZE");
    struct program *ingest = program_start(
        shards->stage.harness, &(struct program_options){ .name = name, .arguments = words });
    assert_int_equal(program_wait(ingest, END_MS), EXIT_FAILURE);
    char *errors = program_errors(ingest);
    if (!strstr(errors, reason))
        fail_msg("%s", errors);
    free(errors);
    assert_int_equal(
        redis_server_integer(shards->stage.redis, "EXISTS %s:ingest:%s", CONTRACT_PREFIX, name), 0);
    if (!shards->stage.ingest)
        assert_int_equal(redis_server_integer(shards->stage.redis, "DBSIZE"), keys);
}

static void read_prefixes(struct shards_stage *shards)
{
    struct deadline deadline = deadline_after(SETTLE_MS, "the record of the shards");
    while (!redis_server_integer(shards->stage.redis, "EXISTS " CONTRACT_PREFIX ":deployment"))
        deadline_wait(&deadline);
    for (size_t i = 0; i < SHARDS; i++) {
        redisReply *reply = redis_server_command(
            shards->stage.redis, "HGET " CONTRACT_PREFIX ":deployment prefix:%d", (int)i);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        (void)snprintf(shards->prefixes[i], sizeof shards->prefixes[i], "%s", reply->str);
        freeReplyObject(reply);
        shards->checks[i].prefix = shards->prefixes[i];
    }
    assert_string_equal(shards->prefixes[0], CONTRACT_PREFIX);
}

static void expect_complete(struct shards_stage *shards)
{
    read_prefixes(shards);
    for (size_t i = 0; i < SHARDS; i++)
        stream_check_expect(&shards->checks[i], shards->stage.redis, LOGS_EACH, 0, shards->size);
}

static void publish(struct shards_stage *shards, uint64_t more)
{
    char query[64];
    shards->size += more;
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)shards->size);
    for (size_t i = 0; i < CT_LOGS; i++)
        daemon_control_ct_log(shards->ct_logs[i], query);
}

/* What the first shard's record says is what is in the others. */
static void expect_record(struct shards_stage *shards)
{
    for (size_t i = 0; i < SHARDS; i++) {
        redisReply *reply = redis_server_command(shards->stage.redis, "HMGET %s:deployment %s %s",
                                                 shards->prefixes[i], CONTRACT_DEPLOYMENT_SHARDS,
                                                 CONTRACT_DEPLOYMENT_SHARD);
        assert_string_equal(reply->element[0]->str, "3");
        assert_int_equal(strtoull(reply->element[1]->str, NULL, 10), i);
        freeReplyObject(reply);
        for (size_t j = 0; j < LOGS_EACH; j++) {
            reply = redis_server_command(shards->stage.redis,
                                         "HGET " CONTRACT_PREFIX ":deployment %s%s",
                                         CONTRACT_DEPLOYMENT_LOG, shards->checks[i].logs[j].id);
            assert_int_equal(reply->type, REDIS_REPLY_STRING);
            assert_int_equal(strtoull(reply->str, NULL, 10), i);
            freeReplyObject(reply);
        }
    }
}

static void logs_are_spread_evenly_and_each_entry_is_there_once(void **state)
{
    struct shards_stage *shards = *state;
    struct program *first = start_ingest(shards, "ingest-a", three);
    expect_complete(shards);
    expect_record(shards);

    publish(shards, SIZE);
    harness_pause(harness_random(shards->stage.harness, 300));
    program_kill(first);
    program_restart(first);
    expect_complete(shards);

    struct program *second = start_ingest(shards, "ingest-b", three);
    publish(shards, SIZE);
    expect_complete(shards);
    program_kill(first);
    publish(shards, SIZE);
    expect_complete(shards);
    assert_int_equal(program_stop(second), 0);
    program_restart(first);
    publish(shards, SIZE);
    expect_complete(shards);
    expect_record(shards);
}

/* Two begin at the same moment, on nothing: the record decides, not who asks. */
static void processes_that_begin_at_once_agree(void **state)
{
    struct shards_stage *shards = *state;
    (void)start_ingest(shards, "ingest-a", three);
    (void)start_ingest(shards, "ingest-b", three);
    (void)start_ingest(shards, "ingest-c", three);
    expect_complete(shards);
    expect_record(shards);
}

static void another_number_of_shards_is_refused(void **state)
{
    struct shards_stage *shards = *state;
    static const char *const two[] = { "--shards", "2", NULL };
    static const char *const one[] = { NULL };
    shards->stage.ingest = start_ingest(shards, "ingest", three);
    expect_complete(shards);
    expect_refused(shards, "two", two, "this deployment has --shards 3");
    expect_refused(shards, "one", one, "this deployment has --shards 3");
    const char *const other[] = { "--prefix", shards->prefixes[1], NULL };
    expect_refused(shards, "other", other, "this deployment has --shards 3");
    const char *const inner[] = { "--prefix", shards->prefixes[1], "--shards", "3", NULL };
    expect_refused(shards, "inner", inner, "these keys are another deployment's");
    publish(shards, SIZE);
    expect_complete(shards);
}

static void a_deployment_of_one_stream_stays_one(void **state)
{
    struct shards_stage *shards = *state;
    static const char *const one[] = { NULL };
    struct program *ingest = start_ingest(shards, "ingest", one);
    struct stream_check check = { 0 };
    stream_check_expect(&check, shards->stage.redis, LOGS, 0, SIZE);
    assert_int_equal(program_stop(ingest), 0);
    assert_int_equal(
        redis_server_integer(shards->stage.redis, "EXISTS " CONTRACT_PREFIX ":deployment"), 0);
    expect_refused(shards, "three", three, "this deployment has --shards 1");
    program_restart(ingest);
    publish(shards, SIZE);
    stream_check_expect(&check, shards->stage.redis, LOGS, 0, shards->size);
}

/* Whose Redis was emptied writes the record again; its logs stay where they were. */
static void the_record_comes_again_after_a_flush(void **state)
{
    struct shards_stage *shards = *state;
    (void)start_ingest(shards, "ingest-a", three);
    expect_complete(shards);
    freeReplyObject(redis_server_command(shards->stage.redis, "FLUSHALL"));
    read_prefixes(shards);
    struct deadline deadline = deadline_after(SETTLE_MS, "the record of the last log");
    while (redis_server_integer(shards->stage.redis, "HLEN " CONTRACT_PREFIX ":deployment") <
           2 + SHARDS + LOGS)
        deadline_wait(&deadline);
    deadline = deadline_after(SETTLE_MS, "the record of the last shard");
    while (!redis_server_integer(shards->stage.redis, "EXISTS %s:deployment",
                                 shards->prefixes[SHARDS - 1]))
        deadline_wait(&deadline);
    expect_record(shards);
    harness_expect_work(shards->stage.harness, "what was lost is told and fetched again");
}

static char *run_to_its_end(struct shards_stage *shards, const char *name, const char *const *words)
{
    struct program *program = program_start(
        shards->stage.harness, &(struct program_options){ .name = name, .arguments = words });
    assert_int_equal(program_wait(program, END_MS), 0);
    return program_output(program);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static uint64_t count_added(struct shards_stage *shards, const char *prefix)
{
    redisReply *reply = redis_server_command(shards->stage.redis, "XINFO STREAM %s:stream", prefix);
    uint64_t added = 0;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (strcmp(reply->element[i]->str, "entries-added") == 0)
            added = (uint64_t)reply->element[i + 1]->integer;
    freeReplyObject(reply);
    return added;
}

/* Each shard packs its own history, and takes its part of what may be plain; certstream-history
 * prints that of its prefix, and says so. */
static void each_shard_has_its_history(void **state)
{
    struct shards_stage *shards = *state;
    static const char *const words[] = {
        "--shards", "3", "--history", "on", "--plain-bytes", "1m", "--plain-age", "1h", NULL
    };
    (void)start_ingest(shards, "ingest-a", words);
    read_prefixes(shards);
    for (size_t i = 0; i < SHARDS; i++) {
        const char *prefix = shards->prefixes[i];
        struct deadline deadline = deadline_after(SETTLE_MS, "a shard's entries to be packed");
        while (!redis_server_integer(shards->stage.redis, "EXISTS %s:packed", prefix) ||
               count_added(shards, prefix) < (uint64_t)LOGS_EACH * SIZE)
            deadline_wait(&deadline);
        char name[24];
        (void)snprintf(name, sizeof name, "history-%zu", i);
        const char *const history[] = {
            CERTSTREAM_HISTORY, "--redis", redis_server_url(shards->stage.redis),
            "--prefix",         prefix,    NULL
        };
        struct program *program = program_start(
            shards->stage.harness, &(struct program_options){ .name = name, .arguments = history });
        assert_int_equal(program_wait(program, END_MS), 0);
        program_wait_for_errors(program, "one shard of several");
        char *output = program_output(program);
        assert_int_equal(count_lines(output), LOGS_EACH * SIZE);
        free(output);
    }
}

static void status_sees_all_shards(void **state)
{
    struct shards_stage *shards = *state;
    (void)start_ingest(shards, "ingest-a", three);
    expect_complete(shards);
    struct deadline deadline = deadline_after(SETTLE_MS, "every log's report");
    const char *const json[] = { CERTSTREAM_STATUS, "--redis",
                                 redis_server_url(shards->stage.redis), "--json", NULL };
    const char *const text[] = { CERTSTREAM_STATUS, "--redis",
                                 redis_server_url(shards->stage.redis), NULL };
    struct program *status = program_start(
        shards->stage.harness, &(struct program_options){ .name = "status", .arguments = json });
    while (program_wait(status, END_MS) != 0) {
        deadline_wait(&deadline);
        program_restart(status);
    }
    char *output = program_output(status), *last = output;
    for (char *at = strstr(output, "{\"verdict\":\"well\""); at;
         at = strstr(at + 1, "{\"verdict\":\"well\""))
        last = at;
    size_t found = 0;
    for (const char *at = strstr(last, "\"log_id\""); at; at = strstr(at + 1, "\"log_id\""))
        found++;
    assert_int_equal(found, LOGS);
    assert_non_null(strstr(last, "\"entries\":1200,"));
    assert_non_null(strstr(last, shards->prefixes[2]));
    free(output);
    output = run_to_its_end(shards, "status-text", text);
    if (!strstr(output, "shard 2   ") || !strstr(output, ", 2 logs, 400 certificates"))
        fail_msg("%s", output);
    free(output);
}

/* An order finds the shard of its log. */
static void an_order_goes_to_the_shard_of_its_log(void **state)
{
    struct shards_stage *shards = *state;
    (void)start_ingest(shards, "ingest-a", three);
    expect_complete(shards);
    const char *log = shards->checks[2].logs[0].id;
    const char *const release[] = { CERTSTREAM_INGEST,
                                    "--redis",
                                    redis_server_url(shards->stage.redis),
                                    "--shards",
                                    "3",
                                    "--release",
                                    log,
                                    "--reason",
                                    "a test",
                                    NULL };
    free(run_to_its_end(shards, "release", release));
    redisReply *reply =
        redis_server_command(shards->stage.redis, "HGET %s:log:%s epoch", shards->prefixes[2], log);
    assert_string_equal(reply->str, "1");
    freeReplyObject(reply);
}

/* A streamer has the shard whose prefix it is given, and says so. */
static void each_shard_has_streamers_of_its_own(void **state)
{
    struct shards_stage *shards = *state;
    (void)start_ingest(shards, "ingest-a", three);
    expect_complete(shards);
    const char *const words[] = { "--prefix", shards->prefixes[1], NULL };
    struct program *streamer =
        daemon_start_streamer(shards->stage.harness, "streamer", shards->stage.redis, words);
    program_wait_for_errors(streamer, "this stream is one shard of several");
    streamer_stage_wait_until_ready(streamer);
    publish(shards, 1);
    expect_complete(shards);
    struct deadline deadline = deadline_after(SETTLE_MS, "what this shard has got, and no more");
    for (size_t entries = 0; entries != LOGS_EACH;) {
        deadline_wait(&deadline);
        struct http_answer answer = http_get_local(program_port(streamer), "/metrics");
        entries =
            harness_number_after(http_answer_text(&answer), "\ncertstream_stream_entries_total ");
        http_answer_free(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(logs_are_spread_evenly_and_each_entry_is_there_once, setup),
        ON_INGEST_STAGE(processes_that_begin_at_once_agree, setup),
        ON_INGEST_STAGE(another_number_of_shards_is_refused, setup),
        ON_INGEST_STAGE(a_deployment_of_one_stream_stays_one, setup),
        ON_INGEST_STAGE(the_record_comes_again_after_a_flush, setup),
        ON_INGEST_STAGE(each_shard_has_its_history, setup),
        ON_INGEST_STAGE(status_sees_all_shards, setup),
        ON_INGEST_STAGE(an_order_goes_to_the_shard_of_its_log, setup),
        ON_INGEST_STAGE(each_shard_has_streamers_of_its_own, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
