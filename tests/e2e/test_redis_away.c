/*
 * Redis goes away and comes back: clients stay connected, the streamer says what is wrong, and
 * messages go on, none missing and none twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    SIZE = 100,
    GROWN = 400,
    MESSAGE_MS = 60000,
};

struct parts {
    struct ingest_stage stage;
    struct program *streamer;
    struct websocket_client *client;
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    const char *const ct_log[] = { "--size", "100", "--kinds", "tiled", "--seed", "away", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    parts->streamer =
        daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, NULL);
    parts->client = websocket_client_connect(program_port(parts->streamer), "/");
    const char *const ingest[] = { "--start", "0", NULL };
    ingest_stage_start(&parts->stage, ingest);
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    websocket_client_destroy(parts->client);
    return ingest_stage_teardown(state);
}

static long readiness(const struct parts *parts, const char *part)
{
    struct http_answer answer = http_get_local(program_port(parts->streamer), "/readyz");
    long status = answer.status;
    if (!strstr(http_answer_text(&answer), part))
        status = 0;
    http_answer_free(&answer);
    return status;
}

static void wait_for_readiness(const struct parts *parts, long status, const char *part)
{
    struct deadline deadline = deadline_after(MESSAGE_MS, "/readyz");
    while (readiness(parts, part) != status)
        deadline_wait(&deadline);
}

/* Each message once, in the log's order. */
static void expect_messages(struct parts *parts, uint64_t from, uint64_t to)
{
    for (uint64_t index = from; index < to; index++) {
        const char *text =
            websocket_client_expect(parts->client, "\"certificate_update\"", MESSAGE_MS);
        char member[64];
        (void)snprintf(member, sizeof member, "\"cert_index\":%llu,", (unsigned long long)index);
        if (!strstr(text, member))
            fail_msg("waited for index %llu, got %.300s", (unsigned long long)index, text);
    }
}

static void clients_stay_and_miss_nothing(void **state)
{
    struct parts *parts = *state;
    expect_messages(parts, 0, SIZE);
    wait_for_readiness(parts, 200, "");

    redis_server_kill(parts->stage.redis);
    wait_for_readiness(parts, 503, "edis");
    daemon_control_ct_log(parts->stage.ct_log, "size=400");
    /* Quiet, but alive: the connection answers. */
    websocket_client_send(parts->client, WEBSOCKET_PING, bytes_of_string("there?"));
    struct websocket_frame frame = { 0 };
    while (frame.opcode != WEBSOCKET_PONG)
        assert_int_equal(websocket_client_read(parts->client, &frame, MESSAGE_MS), WEBSOCKET_FRAME);
    assert_true(bytes_equal_string(frame.payload, "there?"));

    redis_server_restart(parts->stage.redis);
    expect_messages(parts, SIZE, GROWN);
    wait_for_readiness(parts, 200, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_stay_and_miss_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
