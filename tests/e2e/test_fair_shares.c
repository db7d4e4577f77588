/* What one customer takes, the others still have: filters, lanes, searches, memory, and the loop's
 * time. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/raw_socket.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    HEADER_SIZE = 128,
};

#define BEHIND_A_PROXY "--trusted-proxy", "127.0.0.0/8"

static struct websocket_client *open_as(const struct streamer_stage *stage, const char *customer,
                                        const char *path)
{
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof header, "X-Forwarded-For: %s\r\n", customer);
    return websocket_client_open(&(struct websocket_options){
        .port = streamer_stage_port(stage), .path = path, .headers = header });
}

static void expect_as(const struct streamer_stage *stage, const char *customer, const char *path,
                      int status)
{
    struct websocket_client *client = open_as(stage, customer, path);
    if (websocket_client_status(client) != status)
        fail_msg("%s, %s: %d, not %d", customer, path, websocket_client_status(client), status);
    websocket_client_destroy(client);
}

static void wait_until(const struct streamer_stage *stage, const char *customer, const char *path,
                       int status)
{
    struct deadline deadline = deadline_after(WAIT_MS, "a share to be given back");
    for (int got = 0; got != status;) {
        struct websocket_client *client = open_as(stage, customer, path);
        got = websocket_client_status(client);
        websocket_client_destroy(client);
        if (got != status)
            deadline_wait(&deadline);
    }
}

/* The answer to a GET of this customer, which is to be closed. */
static struct raw_socket ask_as(const struct streamer_stage *stage, const char *customer,
                                const char *path)
{
    char request[2 * HEADER_SIZE];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: %s\r\n\r\n",
                   path, customer);
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
    raw_socket_send_text(&raw, request);
    return raw;
}

static void expect_answer(struct raw_socket *raw, int status, const char *part)
{
    assert_true(raw_socket_await(raw, part, WAIT_MS));
    assert_int_equal(raw_socket_status(raw), status);
    raw_socket_close(raw);
}

static void a_customer_has_a_share_of_the_filters(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage,
                         (const char *const[]){ "--customer-filters", "2", BEHIND_A_PROXY, NULL });
    struct websocket_client *first = open_as(stage, "192.0.2.1", "/?domain=a.example");
    struct websocket_client *second = open_as(stage, "192.0.2.1", "/domains-only?match=shop");
    expect_as(stage, "192.0.2.1", "/?domain=c.example", 429);
    struct raw_socket events = ask_as(stage, "192.0.2.1", "/sse?match=c");
    expect_answer(&events, 429, "too many different filters of yours");
    /* What he has already, and what has no filter. */
    struct websocket_client *again = open_as(stage, "192.0.2.1", "/full-stream?domain=a.example");
    assert_int_equal(websocket_client_status(again), 101);
    expect_as(stage, "192.0.2.1", "/", 101);
    expect_as(stage, "192.0.2.2", "/?domain=c.example", 101);
    /* One of the two that have it still holds it. */
    websocket_client_destroy(first);
    expect_as(stage, "192.0.2.1", "/?domain=c.example", 429);
    websocket_client_destroy(again);
    wait_until(stage, "192.0.2.1", "/?domain=c.example", 101);
    websocket_client_destroy(second);
}

static void a_customer_has_a_share_of_what_filters_cost(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(
        stage, (const char *const[]){ "--customer-filter-cost", "400", BEHIND_A_PROXY, NULL });
    static const char costly[] = "/?regex=.{0,60}!";
    struct raw_socket events = ask_as(stage, "192.0.2.1", "/sse?regex=.{0,60}!");
    expect_answer(&events, 429, "your filters cost too much together");
    expect_as(stage, "192.0.2.1", costly, 429);
    expect_as(stage, "192.0.2.1", "/?domain=a.example", 101);
}

/* Until the streamer has said goodbye, too. */
static void leave(struct websocket_client *client)
{
    struct websocket_frame frame = { 0 };
    websocket_client_send(client, WEBSOCKET_CLOSE, (struct bytes){ 0 });
    while (websocket_client_read(client, &frame, WAIT_MS) == WEBSOCKET_FRAME &&
           frame.opcode != WEBSOCKET_CLOSE)
        continue;
    assert_int_equal(frame.opcode, WEBSOCKET_CLOSE);
    websocket_client_destroy(client);
}

/* Lanes outlive their clients for a while; they must not keep others out meanwhile. */
static void filters_that_come_and_go_keep_nobody_out(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        FILTERS = 20
    };
    streamer_stage_start(stage,
                         (const char *const[]){ "--max-filters", "4", BEHIND_A_PROXY, NULL });
    struct websocket_client *faithful = open_as(stage, "192.0.2.2", "/?match=.example");
    for (int i = 0; i < FILTERS; i++) {
        char path[HEADER_SIZE];
        (void)snprintf(path, sizeof path, "/?domain=%d.example", i);
        struct websocket_client *client = open_as(stage, "192.0.2.1", path);
        assert_int_equal(websocket_client_status(client), 101);
        leave(client);
    }
    struct http_answer answer = streamer_stage_get(stage, "/metrics");
    assert_non_null(strstr(http_answer_text(&answer), "certstream_lanes_filtered 4\n"));
    http_answer_free(&answer);
    stream_feed_add(stage->redis, 0, 1, 0);
    (void)websocket_client_expect(faithful, "\"cert_index\":0,", WAIT_MS);
    websocket_client_destroy(faithful);
}

/* Four of the largest: refused, but only when it is known what they cost. */
#define COSTLY  "regex=(.{0,31}){8}!"
#define REFUSED "?" COSTLY "1&" COSTLY "2&" COSTLY "3&" COSTLY "4"

static void filters_that_are_refused_are_paid_for(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const paths[] = { "/latest.json" REFUSED, "/sse" REFUSED };
    enum {
        AT_MOST = 1000
    };
    stream_feed_add(stage->redis, 0, 1, 0);
    streamer_stage_start(
        stage, (const char *const[]){ "--customer-filter-time", "1", BEHIND_A_PROXY, NULL });
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char customer[HEADER_SIZE];
        (void)snprintf(customer, sizeof customer, "192.0.2.%zu", i + 1);
        int status = 400;
        for (size_t tries = 0; status == 400; tries++) {
            assert_true(tries < AT_MOST);
            struct raw_socket raw = ask_as(stage, customer, paths[i]);
            assert_true(raw_socket_await_end(&raw, WAIT_MS));
            status = raw_socket_status(&raw);
            if (status == 429)
                assert_non_null(strstr(raw_socket_text(&raw), "retry-after: "));
            else
                assert_non_null(strstr(raw_socket_text(&raw), "costs too much"));
            raw_socket_close(&raw);
        }
        assert_int_equal(status, 429);
        expect_as(stage, customer, "/?match=example", 429);
        /* What has no filter, and whoever else. */
        expect_as(stage, customer, "/", 101);
        expect_as(stage, "198.51.100.1", "/?match=example", 101);
    }
    struct http_answer answer = streamer_stage_get(stage, "/metrics");
    assert_non_null(strstr(http_answer_text(&answer), "certstream_filters_unread_total 4\n"));
    http_answer_free(&answer);
    /* After ten seconds nothing is owed any more, and it is less until he is heard again. */
    wait_until(stage, "192.0.2.1", "/?match=example", 101);
}

static void a_customer_has_a_share_of_the_searches(void **state)
{
    struct streamer_stage *stage = *state;
    struct program *redis = redis_server_program(stage->redis);
    stream_feed_add(stage->redis, 0, 1, 0);
    streamer_stage_start(stage,
                         (const char *const[]){ "--customer-searches", "1", BEHIND_A_PROXY, NULL });
    program_signal(redis, SIGSTOP);
    struct raw_socket first = ask_as(stage, "192.0.2.1", "/latest.json?match=example");
    /* It has come before the one behind it is answered. */
    struct raw_socket second = ask_as(stage, "192.0.2.1", "/latest.json?match=exam");
    expect_answer(&second, 429, "too many searches of yours at once");
    struct raw_socket other = ask_as(stage, "192.0.2.2", "/latest.json?match=exam");
    program_signal(redis, SIGCONT);
    expect_answer(&first, 200, "\"cert_index\":0,");
    expect_answer(&other, 200, "\"cert_index\":0,");
    /* Who leaves in the middle of it has given it back. */
    program_signal(redis, SIGSTOP);
    first = ask_as(stage, "192.0.2.1", "/latest.json?match=example");
    second = ask_as(stage, "192.0.2.1", "/latest.json?match=exam");
    expect_answer(&second, 429, "too many searches of yours at once");
    raw_socket_close(&first);
    program_signal(redis, SIGCONT);
    struct deadline deadline = deadline_after(WAIT_MS, "the share of a search to be given back");
    for (int status = 0; status != 200;) {
        struct raw_socket again = ask_as(stage, "192.0.2.1", "/latest.json?match=example");
        assert_true(raw_socket_await_end(&again, WAIT_MS));
        status = raw_socket_status(&again);
        raw_socket_close(&again);
        if (status != 200)
            deadline_wait(&deadline);
    }
}

/* Its administrators' port. */
static int start_with_administrators(struct streamer_stage *stage)
{
    static const char start[] = "listening on http://127.0.0.1:";
    stage->streamer =
        daemon_start_streamer(stage->harness, "streamer", stage->redis,
                              (const char *const[]){ "--admin-listen", "127.0.0.1:0",
                                                     "--handshake-timeout", "10m", NULL });
    streamer_stage_wait_until_ready(stage->streamer);
    char *output = program_output(stage->streamer);
    const char *place = strstr(output, start);
    place = place ? strstr(place + 1, start) : NULL;
    assert_non_null(place);
    int port = (int)strtol(place + strlen(start), NULL, 10);
    free(output);
    return port;
}

/* What the streamer keeps for the client for whom it keeps most. */
static unsigned long long buffered_of(int admin_port)
{
    unsigned long long most = 0;
    struct http_answer answer = http_get_local(admin_port, "/admin/clients");
    assert_int_equal(answer.status, 200);
    const char *at = http_answer_text(&answer);
    while ((at = strstr(at, "\"buffered_bytes\":")) != NULL) {
        at += strlen("\"buffered_bytes\":");
        unsigned long long bytes = strtoull(at, NULL, 10);
        most = bytes > most ? bytes : most;
    }
    http_answer_free(&answer);
    return most;
}

/* As many of them as the streamer takes from one who reads nothing; fails the test if it keeps too
 * much for him. */
static void pile_up(const struct streamer_stage *stage, int admin_port, const char *question)
{
    enum {
        BATCH = 256,
        BATCHES = 4000,
        QUIET_MS = 300,
        BUFFERED_MAX = 256 * 1024
    };
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
    struct pollfd writable = { .fd = raw.descriptor, .events = POLLOUT };
    struct buffer batch;
    buffer_init(&batch, BATCH * strlen(question));
    for (int i = 0; i < BATCH; i++)
        buffer_append_string(&batch, question);
    size_t sent = 0;
    for (int i = 0; i < BATCHES && poll(&writable, 1, QUIET_MS) == 1; i++) {
        ssize_t size = send(raw.descriptor, batch.data + sent, batch.size - sent, MSG_NOSIGNAL);
        /* Or it has lost its patience. */
        if (size <= 0)
            break;
        sent = (sent + (size_t)size) % batch.size;
        if (buffered_of(admin_port) > BUFFERED_MAX)
            fail_msg("too much is kept for one who reads nothing: %s", question);
    }
    buffer_free(&batch);
    raw_socket_close(&raw);
}

static void answers_that_are_not_taken_are_not_piled_up(void **state)
{
    struct streamer_stage *stage = *state;
    int admin_port = start_with_administrators(stage);
    pile_up(stage, admin_port, "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n");
    pile_up(stage, admin_port, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    pile_up(stage, admin_port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
}

/* Nobody shows a token there, so there is nothing that one would be needed for; and no page reads
 * metrics, which name customers. */
static void administrators_have_no_streams(void **state)
{
    struct streamer_stage *stage = *state;
    int admin_port = start_with_administrators(stage);
    static const char *const closed[] = { "/latest.json", "/sse", "/", "/stats" };
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        struct http_answer answer = http_get_local(admin_port, closed[i]);
        assert_int_equal(answer.status, 404);
        http_answer_free(&answer);
    }
    struct raw_socket page = raw_socket_connect(admin_port);
    raw_socket_send_text(&page, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Origin: https://evil.example\r\n\r\n");
    assert_true(raw_socket_await_end(&page, WAIT_MS));
    assert_int_equal(raw_socket_status(&page), 403);
    raw_socket_close(&page);
    /* Not even one whose name was made lead here; who scrapes calls us by another one. */
    static const struct {
        const char *request;
        int status;
    } hosts[] = {
        { "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "GET /metrics HTTP/1.1\r\nHost: streamer:4001\r\nConnection: close\r\n\r\n", 200 },
        { "GET /metrics HTTP/1.0\r\n\r\n", 200 },
        { "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 200 },
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct raw_socket raw = raw_socket_connect(admin_port);
        raw_socket_send_text(&raw, hosts[i].request);
        assert_true(raw_socket_await_end(&raw, WAIT_MS));
        assert_int_equal(raw_socket_status(&raw), hosts[i].status);
        raw_socket_close(&raw);
    }
}

/* Health has some places beyond the ceiling, and who takes them and says nothing gives way. */
static void silence_keeps_nobody_from_asking_for_health(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        SILENT = 60
    };
    struct raw_socket silent[SILENT];
    streamer_stage_start(
        stage, (const char *const[]){ "--max-clients", "1", "--handshake-timeout", "10m", NULL });
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = raw_socket_connect(streamer_stage_port(stage));
    for (int i = 0; i < 3; i++) {
        struct http_answer answer = streamer_stage_get(stage, "/healthz");
        assert_int_equal(answer.status, 200);
        http_answer_free(&answer);
    }
    for (size_t i = 0; i < SILENT; i++)
        raw_socket_close(&silent[i]);
}

/* And who finds the administrators' listener keeps no administrator out. */
static void silence_keeps_no_administrator_out(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        SILENT = 60
    };
    struct raw_socket silent[SILENT];
    int admin_port = start_with_administrators(stage);
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = raw_socket_connect(admin_port);
    for (int i = 0; i < 20; i++) {
        struct http_answer answer = http_get_local(admin_port, i % 2 ? "/healthz" : "/metrics");
        assert_int_equal(answer.status, 200);
        http_answer_free(&answer);
    }
    for (size_t i = 0; i < SILENT; i++)
        raw_socket_close(&silent[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(a_customer_has_a_share_of_the_filters),
        ON_STREAMER_STAGE_REDIS(a_customer_has_a_share_of_what_filters_cost),
        ON_STREAMER_STAGE_REDIS(filters_that_come_and_go_keep_nobody_out),
        ON_STREAMER_STAGE_REDIS(filters_that_are_refused_are_paid_for),
        ON_STREAMER_STAGE_REDIS(a_customer_has_a_share_of_the_searches),
        ON_STREAMER_STAGE_REDIS(answers_that_are_not_taken_are_not_piled_up),
        ON_STREAMER_STAGE_REDIS(administrators_have_no_streams),
        ON_STREAMER_STAGE_REDIS(silence_keeps_nobody_from_asking_for_health),
        ON_STREAMER_STAGE_REDIS(silence_keeps_no_administrator_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
