/* What an administrator orders for one log happens at once, and the stream says so. */
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
    SIZE = 600,
    GROWTH = 700,
    WAIT_MS = 60000,
    ID_SIZE = CONTRACT_LOG_ID_HEX + 1,
};

#define STREAM CONTRACT_PREFIX ":stream"

struct parts {
    struct ingest_stage stage;
    char id[ID_SIZE]; /* of the RFC 6962 log */
};

static void find_log(struct parts *parts)
{
    redisReply *ids = redis_server_command(parts->stage.redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    for (size_t i = 0; i < ids->elements; i++) {
        const char *id = ids->element[i]->str;
        redisReply *type =
            redis_server_command(parts->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s type", id);
        if (type->type == REDIS_REPLY_STRING && strcmp(type->str, "rfc6962") == 0)
            (void)snprintf(parts->id, sizeof parts->id, "%s", id);
        freeReplyObject(type);
    }
    freeReplyObject(ids);
    assert_int_equal(strlen(parts->id), CONTRACT_LOG_ID_HEX);
}

static void wait_for_length(struct parts *parts, long long length)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the stream to grow");
    while (redis_server_integer(parts->stage.redis, "XLEN " STREAM) < length)
        deadline_wait(&deadline);
    assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " STREAM), length);
}

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    const char *const ct_log[] = { "--size", "600", "--seed", "orders", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    /* A log in quarantine is not looked at again while the test lasts. */
    const char *const ingest[] = { "--start", "0", "--quarantine-recheck", "3600", NULL };
    ingest_stage_start(&parts->stage, ingest);
    wait_for_length(parts, 2LL * SIZE);
    find_log(parts);
    return 0;
}

static int order(struct parts *parts, const char *name, const char *option, const char *value)
{
    const char *const arguments[] = { CERTSTREAM_INGEST,
                                      "--redis",
                                      redis_server_url(parts->stage.redis),
                                      option,
                                      value,
                                      "--reason",
                                      "it is a \"test\"",
                                      NULL };
    struct program *program = program_start(
        parts->stage.harness, &(struct program_options){ .name = name, .arguments = arguments });
    return program_wait(program, WAIT_MS);
}

/* Whether there is one entry that records this, with all these texts in it. */
static void check_record(struct parts *parts, const char *operation, const char *from,
                         const char *to)
{
    redisReply *stream = redis_server_command(parts->stage.redis, "XRANGE " STREAM " - +");
    size_t records = 0;
    for (size_t i = 0; i < stream->elements; i++) {
        const redisReply *fields = stream->element[i]->element[1];
        if (strcmp(fields->element[0]->str, "control") != 0)
            continue;
        const char *text = fields->element[1]->str;
        records++;
        assert_non_null(strstr(text, operation));
        assert_non_null(strstr(text, parts->id));
        assert_non_null(strstr(text, from));
        assert_non_null(strstr(text, to));
        assert_non_null(strstr(text, "\"reason\":\"it is a \\\"test\\\"\""));
        assert_string_equal(fields->element[2]->str, "log");
        assert_string_equal(fields->element[3]->str, parts->id);
    }
    assert_int_equal(records, 1);
    freeReplyObject(stream);
}

static void wait_for_field(struct parts *parts, const char *field, const char *value)
{
    struct deadline deadline = deadline_after(WAIT_MS, value);
    for (bool is_there = false; !is_there;) {
        redisReply *reply = redis_server_command(
            parts->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s %s", parts->id, field);
        is_there = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, value) == 0;
        freeReplyObject(reply);
        deadline_wait(&deadline);
    }
}

static void a_released_log_is_looked_at_at_once(void **state)
{
    struct parts *parts = *state;
    char query[64];
    /* In one request: a forked head of the size that is known would be an equivocation. */
    (void)snprintf(query, sizeof query, "size=%d&route=get-sth&fault=fork&n=100", SIZE + GROWTH);
    daemon_control_ct_log(parts->stage.ct_log, query);
    wait_for_field(parts, "quarantine", "fork");
    daemon_control_ct_log(parts->stage.ct_log, "clear=1");
    assert_int_equal(order(parts, "release", "--release", parts->id), 0);
    /* All entries of both logs, and the record. */
    wait_for_length(parts, 2LL * (SIZE + GROWTH) + 1);
    check_record(parts, "\"operation\":\"release\"", "\"from\":600,", "\"to\":600,");
    wait_for_field(parts, "quarantine", "");
}

static void a_rebased_log_goes_on_where_it_is_told_to(void **state)
{
    struct parts *parts = *state;
    char query[32], value[ID_SIZE + 16];
    (void)snprintf(value, sizeof value, "%s=%d", parts->id, SIZE + GROWTH - 50);
    assert_int_equal(order(parts, "rebase", "--rebase", value), 0);
    (void)snprintf(query, sizeof query, "size=%d", SIZE + GROWTH);
    daemon_control_ct_log(parts->stage.ct_log, query);
    /* The other log has no gap. */
    wait_for_length(parts, 2LL * SIZE + GROWTH + 50 + 1);
    check_record(parts, "\"operation\":\"rebase\"", "\"from\":600,", "\"to\":1250,");
    wait_for_field(parts, "next", "1300");
    wait_for_field(parts, "epoch", "1");
    wait_for_field(parts, "verified_size", "1300");
}

static void what_makes_no_sense_changes_nothing(void **state)
{
    struct parts *parts = *state;
    char unknown[ID_SIZE];
    (void)snprintf(unknown, sizeof unknown, "%064d", 1);
    assert_int_equal(order(parts, "unknown", "--release", unknown), 1);
    assert_int_equal(order(parts, "no_id", "--release", "argon"), 2);
    assert_int_equal(order(parts, "no_index", "--rebase", parts->id), 2);
    assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " STREAM), 2 * SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(a_released_log_is_looked_at_at_once, setup),
        ON_INGEST_STAGE(a_rebased_log_goes_on_where_it_is_told_to, setup),
        ON_INGEST_STAGE(what_makes_no_sense_changes_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
