/*
 * A log list that cannot be read: ingest says so, stays, follows its logs as soon as it can be
 * read, and at the next start takes the copy that Redis keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/base64.h"
#include "shared/base/digest.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    PATIENCE_MS = 60000,
    LOGS = 2
};

struct parts {
    struct ingest_stage stage;
    char list[HARNESS_PATH_SIZE];
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    const char *const ct_log[] = { "--size", "100", "--seed", "list", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    harness_path(parts->stage.harness, parts->list, "list.json");
    return 0;
}

static struct program *start_ingest(struct parts *parts, const char *name)
{
    const char *const arguments[] = { CERTSTREAM_INGEST,
                                      "--redis",
                                      redis_server_url(parts->stage.redis),
                                      "--log-list",
                                      parts->list,
                                      "--start",
                                      "0",
                                      "--instance",
                                      "list",
                                      "--poll",
                                      "1",
                                      NULL };
    return program_start(parts->stage.harness,
                         &(struct program_options){ .name = name,
                                                    .arguments = arguments,
                                                    .ready = "certstream-ingest ready",
                                                    .is_daemon = true });
}

static void write_list(const struct parts *parts)
{
    struct http_answer answer = http_get_local(program_port(parts->stage.ct_log), "/log_list.json");
    assert_int_equal(answer.status, 200);
    FILE *file = fopen(parts->list, "we");
    assert_non_null(file);
    assert_true(fputs(http_answer_text(&answer), file) >= 0);
    assert_int_equal(fclose(file), 0);
    http_answer_free(&answer);
}

static bool counter_is(struct parts *parts, const char *name, const char *value)
{
    redisReply *reply =
        redis_server_command(parts->stage.redis, "HGET {certstream}:ingest:list %s", name);
    bool is = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, value) == 0;
    freeReplyObject(reply);
    return is;
}

static void wait_for_counter(struct parts *parts, const char *name, const char *value)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, name);
    while (!counter_is(parts, name, value))
        deadline_wait(&deadline);
}

static void expect_counter(struct parts *parts, const char *name, const char *value)
{
    if (!counter_is(parts, name, value))
        fail_msg("%s is not %s", name, value);
}

static void waits_for_its_list_and_keeps_a_copy(void **state)
{
    struct parts *parts = *state;
    struct program *ingest = start_ingest(parts, "first");
    program_wait_for_errors(ingest, "log list cannot be read");
    write_list(parts);
    ingest_stage_wait_for_length(&parts->stage, 100LL * LOGS);
    assert_int_equal(program_stop(ingest), 0);
    long long issuers = redis_server_integer(parts->stage.redis, "HLEN {certstream}:issuers");

    assert_int_equal(unlink(parts->list), 0);
    ingest = start_ingest(parts, "second");
    program_wait_for_errors(ingest, "log list taken from Redis");
    daemon_control_ct_log(parts->stage.ct_log, "size=150");
    ingest_stage_wait_for_length(&parts->stage, 150LL * LOGS);
    /* The issuers that Redis had at the start are the same, and all could be checked. */
    wait_for_counter(parts, "entries", "100");
    assert_int_equal(redis_server_integer(parts->stage.redis, "HLEN {certstream}:issuers"),
                     issuers);
    expect_counter(parts, "chain_unchecked_total", "0");
}

/* A log whose key is none that a log may have. */
static void write_list_with_bad_key(const struct parts *parts)
{
    static const char key[] = "not a key";
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    uint8_t id[SHA256_SIZE];
    struct buffer text;
    buffer_init(&text, 4096);
    digest_bytes(sha256, id, bytes_of_string(key));
    digest_destroy(sha256);
    buffer_append_string(
        &text, "{\"operators\":[{\"name\":\"o\",\"logs\":[{\"url\":\"http://127.0.0.1:1/\","
               "\"state\":{\"usable\":{}},\"key\":\"");
    base64_encode(&text, bytes_of_string(key));
    buffer_append_string(&text, "\",\"log_id\":\"");
    base64_encode(&text, bytes_of(id, sizeof id));
    buffer_append_string(&text, "\"}]}]}");
    FILE *file = fopen(parts->list, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
    assert_int_equal(fclose(file), 0);
    buffer_free(&text);
}

static void a_log_that_cannot_be_followed_costs_nothing(void **state)
{
    struct parts *parts = *state;
    write_list_with_bad_key(parts);
    struct program *ingest = start_ingest(parts, "ingest");
    program_wait_for_errors(ingest, "log is left alone");
    wait_for_counter(parts, "logs", "1");
    /* The counters are written every two seconds. */
    redisReply *reply =
        redis_server_command(parts->stage.redis, "HGET {certstream}:ingest:list updated_ms");
    double before = program_cpu_seconds(ingest);
    struct deadline deadline = deadline_after(PATIENCE_MS, "the next counters");
    while (counter_is(parts, "updated_ms", reply->str))
        deadline_wait(&deadline);
    freeReplyObject(reply);
    if (!getenv("CERTSTREAM_WRAPPER"))
        assert_true(program_cpu_seconds(ingest) - before < 0.5);
    assert_int_equal(redis_server_integer(parts->stage.redis, "EXISTS {certstream}:stream"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(waits_for_its_list_and_keeps_a_copy, setup),
        ON_INGEST_STAGE(a_log_that_cannot_be_followed_costs_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
