/* Who asks for the past: nobody keeps another from it, and a Redis that hangs is told of. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/hex.h"
#include "shared/process/clock.h"
#include "shared/x509/certificate.h"
#include "shared/x509/certificate_fields.h"
#include "tests/e2e/built_feed.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/raw_socket.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    ENTRIES = 3000,
    HOGS = 30,
    SEARCHERS = 20,
    MOMENT_MS = 1000,
    CERTIFICATE_PATH_SIZE = 128,
};

static void a_redis_that_hangs_is_told_of_in_time(void **state)
{
    struct streamer_stage *stage = *state;
    struct program *redis = redis_server_program(stage->redis);
    harness_expect_work(stage->harness, "Redis has only just come back");
    program_signal(redis, SIGSTOP);
    uint64_t start_ms = clock_monotonic_ms();
    struct http_answer answer = streamer_stage_get(stage, "/latest.json");
    uint64_t took_ms = clock_monotonic_ms() - start_ms;
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(http_answer_text(&answer), "\"error\":"));
    http_answer_free(&answer);
    assert_true(took_ms < 9000);
    struct deadline deadline = deadline_after(WAIT_MS, "/readyz to say that Redis does not answer");
    for (bool is_told = false; !is_told;) {
        answer = streamer_stage_get(stage, "/readyz");
        is_told = answer.status == 503 &&
                  strstr(http_answer_text(&answer), "\"reason\":\"Redis does not answer\"");
        http_answer_free(&answer);
        if (!is_told)
            deadline_wait(&deadline);
    }
    assert_true(clock_monotonic_ms() - start_ms < 12000);
    program_signal(redis, SIGCONT);
    streamer_stage_wait_until_ready(stage->streamer);
    answer = streamer_stage_get(stage, "/latest.json");
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
}

/* It takes no transaction then, not even one that only reads. */
static void a_redis_that_is_full_is_read_all_the_same(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, 500, 0);
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 1"));
    streamer_stage_start(stage, NULL);
    struct http_answer answer = streamer_stage_get(stage, "/latest.json");
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
    struct websocket_client *client =
        websocket_client_connect(streamer_stage_port(stage), "/domains-only?since=0");
    for (uint64_t index = 0; index < 500; index++) {
        char name[64];
        (void)snprintf(name, sizeof name, "[\"%" PRIu64 ".example\"]", index);
        (void)websocket_client_expect(client, name, WAIT_MS);
    }
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    stream_feed_add(stage->redis, 500, 501, 0);
    (void)websocket_client_expect(client, "[\"500.example\"]", WAIT_MS);
    websocket_client_destroy(client);
}

static struct websocket_client *open_hog(const struct streamer_stage *stage, size_t number)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/domains-only?since=0&match=%zu", number);
    return websocket_client_connect(streamer_stage_port(stage), path);
}

/* Each with another filter, so that each has a lane of its own. */
static void all_filters_share_what_is_read(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *hogs[HOGS];
    /* More than is kept of it. */
    stream_feed_add(stage->redis, 0, ENTRIES, 15000);
    streamer_stage_start(stage, NULL);
    uint64_t before = http_get_metric(streamer_stage_port(stage), "certstream_past_entries_total");
    for (size_t i = 0; i < HOGS; i++)
        hogs[i] = open_hog(stage, i);
    for (size_t i = 0; i < HOGS; i++) {
        char last[64];
        uint64_t index = ENTRIES - 1;
        char digits[24];
        char wanted[24];
        (void)snprintf(wanted, sizeof wanted, "%zu", i);
        /* The last entry whose name has the number in it. */
        do
            (void)snprintf(digits, sizeof digits, "%" PRIu64, index);
        while (!strstr(digits, wanted) && index-- > 0);
        (void)snprintf(last, sizeof last, "[\"%s.example\"]", digits);
        (void)websocket_client_expect(hogs[i], last, WAIT_MS);
        websocket_client_destroy(hogs[i]);
    }
    uint64_t read =
        http_get_metric(streamer_stage_port(stage), "certstream_past_entries_total") - before;
    print_message("%d filters, %d entries, %" PRIu64 " read\n", HOGS, ENTRIES, read);
    assert_true(read <= (uint64_t)2 * ENTRIES);
}

static void search(struct raw_socket *socket, size_t number)
{
    char request[128];
    (void)snprintf(request, sizeof request,
                   "GET /latest.json?regex=nothing%zu HTTP/1.1\r\nHost: x\r\n\r\n", number);
    raw_socket_send_text(socket, request);
}

/* One that is in the stream, and the path that asks for it. */
static void add_certificate(struct streamer_stage *stage, char path[CERTIFICATE_PATH_SIZE])
{
    struct built_entry built;
    const struct entry_parts parts = { 0 };
    char id[BUILT_ID_SIZE];
    char sha256[2 * SHA256_SIZE + 1];
    build_entry(&built, &parts);
    struct certificate *certificate = certificate_create();
    assert_true(certificate_parse(certificate, built.entry.der));
    hex_encode(sha256, bytes_of(certificate->sha256, SHA256_SIZE));
    (void)snprintf(path, CERTIFICATE_PATH_SIZE, "/api/cert/%s", sha256);
    certificate_destroy(certificate);
    built_feed_add(stage->redis, &built, id);
    built_entry_free(&built);
}

/* Twenty who search again and again for what is not there, and one who asks for a certificate. */
static void searches_keep_nobody_from_a_certificate(void **state)
{
    struct streamer_stage *stage = *state;
    struct raw_socket searchers[SEARCHERS];
    char path[CERTIFICATE_PATH_SIZE];
    add_certificate(stage, path);
    stream_feed_add(stage->redis, 0, (uint64_t)2 * ENTRIES, 2000);
    streamer_stage_start(stage, NULL);
    for (size_t i = 0; i < SEARCHERS; i++)
        searchers[i] = raw_socket_connect(streamer_stage_port(stage));
    for (int turn = 0; turn < 20; turn++) {
        for (size_t i = 0; i < SEARCHERS; i++)
            search(&searchers[i], i);
        struct http_answer answer = streamer_stage_get(stage, path);
        assert_int_equal(answer.status, 200);
        http_answer_free(&answer);
        answer = streamer_stage_get(stage, "/latest.json");
        assert_int_equal(answer.status, 200);
        http_answer_free(&answer);
    }
    for (size_t i = 0; i < SEARCHERS; i++)
        raw_socket_close(&searchers[i]);
}

static long status_of(struct streamer_stage *stage, const char *path)
{
    struct http_answer answer = streamer_stage_get(stage, path);
    long status = answer.status;
    http_answer_free(&answer);
    return status;
}

/* One page of what they want is more than may be read in five seconds: whoever waited for that
 * would get no answer. */
static void readers_of_all_keep_nobody_from_a_certificate(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *hogs[HOGS];
    char path[CERTIFICATE_PATH_SIZE];
    streamer_stage_start(stage, (const char *const[]){ "--replay-rate", "64k", NULL });
    stream_feed_add(stage->redis, 0, ENTRIES, 4000);
    add_certificate(stage, path);
    for (size_t i = 0; i < HOGS; i++) {
        char wish[64];
        (void)snprintf(wish, sizeof wish, "/?since=0&match=%zu", i);
        hogs[i] = websocket_client_connect(streamer_stage_port(stage), wish);
    }
    struct deadline deadline = deadline_after(WAIT_MS, "the past to be read");
    while (http_get_metric(streamer_stage_port(stage), "certstream_past_entries_total") == 0)
        deadline_wait(&deadline);
    deadline = deadline_after(WAIT_MS, "the certificate to be known");
    while (status_of(stage, path) == 404)
        deadline_wait(&deadline);
    for (int turn = 0; turn < 20; turn++) {
        uint64_t start_ms = clock_monotonic_ms();
        struct http_answer answer = streamer_stage_get(stage, path);
        assert_int_equal(answer.status, 200);
        http_answer_free(&answer);
        assert_true(clock_monotonic_ms() - start_ms < (uint64_t)MOMENT_MS * harness_slowdown());
    }
    for (size_t i = 0; i < HOGS; i++)
        websocket_client_destroy(hogs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(a_redis_that_hangs_is_told_of_in_time),
        ON_STREAMER_STAGE_REDIS(a_redis_that_is_full_is_read_all_the_same),
        ON_STREAMER_STAGE_REDIS(all_filters_share_what_is_read),
        ON_STREAMER_STAGE_REDIS(searches_keep_nobody_from_a_certificate),
        ON_STREAMER_STAGE_REDIS(readers_of_all_keep_nobody_from_a_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
