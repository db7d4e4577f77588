/*
 * Hostile neighbours at full size beside an honest address: costly filters by the hundred, searches
 * for what is not there again and again, and readers of all there is, each for another filter. How
 * long /healthz, /api/cert, the first message of a new filtered stream, and coming back after a
 * minute take with them and without. Fails if one takes more than twice as long, and more than a
 * moment.
 *
 * Variables: BENCH_SECONDS (60) of the past that is come back to, BENCH_RATE (1000 entries per
 * second), BENCH_ROUNDS (5), of which the median counts.
 */
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "tests/bench/captured_entries.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    SECONDS = 60,
    RATE = 1000,
    ROUNDS = 5,
    ROUNDS_MAX = 25,
    CAPTURED = 2000,
    WAIT_MS = 120000,
    /* Row by row, what the streamer was once brought to its knees by. */
    COSTLY_FILTERS = 250,
    PLAIN_FILTERS = 256,
    SEARCHERS = 20,
    HOGS = 30,
    NEIGHBOURS = COSTLY_FILTERS + PLAIN_FILTERS + SEARCHERS + HOGS,
    /* Each of so many is a customer of his own. */
    OF_A_CUSTOMER = 16,
    AGAIN_MS = 5000,
    SETTLE_MS = 5000,
    MOMENT_MS = 100,
    REQUEST_SIZE = 512,
};

enum question {
    ASK_HEALTH,
    ASK_CERTIFICATE,
    ASK_STREAM,
    ASK_RESUME,
    QUESTIONS,
};

static const char *const question_names[QUESTIONS] = {
    [ASK_HEALTH] = "/healthz",
    [ASK_CERTIFICATE] = "/api/cert",
    [ASK_STREAM] = "a new filtered stream",
    [ASK_RESUME] = "coming back",
};

struct parts {
    struct streamer_stage stage;
    struct captured_entries *captured;
    uint64_t seconds;
    char certificate[128]; /* the path of one */
};

/* The neighbours */

static void write_wish(char *path, size_t size, size_t number)
{
    if (number < COSTLY_FILTERS)
        (void)snprintf(path, size,
                       "/sse?regex=.{0,248}!&regex=.{0,247}!&regex=.{0,246}!&regex=.{0,245}!%zu",
                       number);
    else if (number < COSTLY_FILTERS + PLAIN_FILTERS)
        (void)snprintf(path, size, "/sse?regex=(login|x%zu)-?(update|verify)", number);
    else if (number < NEIGHBOURS - HOGS)
        (void)snprintf(path, size, "/latest.json?regex=nothing%zu", number);
    else
        (void)snprintf(path, size, "/sse?stream=full&since=0&match=%zu", number % 100);
}

static void ask_for_wish(struct raw_socket *raw, size_t number)
{
    char path[REQUEST_SIZE / 2];
    char request[REQUEST_SIZE];
    write_wish(path, sizeof path, number);
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.%zu\r\n\r\n", path,
                   1 + number / OF_A_CUSTOMER);
    raw_socket_offer(raw, bytes_of_string(request));
}

static bool is_stream(size_t number)
{
    return number < COSTLY_FILTERS + PLAIN_FILTERS;
}

/* Whoever has had an answer asks again; who was sent away comes again. */
static void bother(int port)
{
    static struct raw_socket sockets[NEIGHBOURS];
    static struct pollfd polls[NEIGHBOURS];
    static uint64_t asked_ms[NEIGHBOURS];
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        for (size_t i = 0; i < NEIGHBOURS; i++) {
            bool is_due = !is_stream(i) && now_ms - asked_ms[i] >= AGAIN_MS;
            if (polls[i].fd > 0 && !is_due)
                continue;
            if (polls[i].fd > 0)
                raw_socket_close(&sockets[i]);
            sockets[i] = raw_socket_connect(port);
            polls[i] = (struct pollfd){ .fd = sockets[i].descriptor, .events = POLLIN };
            asked_ms[i] = now_ms;
            ask_for_wish(&sockets[i], i);
        }
        (void)poll(polls, NEIGHBOURS, 100);
        for (size_t i = 0; i < NEIGHBOURS; i++) {
            if (!polls[i].revents)
                continue;
            raw_socket_skip(&sockets[i], (size_t)256 << 10);
            if (i >= NEIGHBOURS - HOGS - SEARCHERS && i < NEIGHBOURS - HOGS)
                ask_for_wish(&sockets[i], i);
            if (!(polls[i].revents & (POLLHUP | POLLERR)))
                continue;
            raw_socket_close(&sockets[i]);
            polls[i].fd = 0;
        }
    }
}

static pid_t start_neighbours(int port)
{
    pid_t parent = getpid();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        bother(port);
    _exit(0);
}

/* The honest address */

#define HONEST "X-Forwarded-For: 192.0.2.1\r\n"

static void get(const struct parts *parts, const char *path, const char *expected)
{
    char request[REQUEST_SIZE];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: x\r\n" HONEST "Connection: close\r\n\r\n", path);
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(&parts->stage));
    raw_socket_send_text(&raw, request);
    assert_true(raw_socket_await_end(&raw, WAIT_MS));
    if (raw_socket_status(&raw) != 200 || !strstr(raw_socket_text(&raw), expected))
        fail_msg("%s: %.200s", path, raw_socket_text(&raw));
    raw_socket_close(&raw);
}

static struct websocket_client *open_stream(const struct parts *parts, const char *path)
{
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = streamer_stage_port(&parts->stage), .path = path, .headers = HONEST });
    assert_int_equal(websocket_client_status(client), 101);
    return client;
}

/* A new one each time; it gets its first message. */
static void follow(const struct parts *parts)
{
    static unsigned number;
    char path[64];
    (void)snprintf(path, sizeof path, "/domains-only?match=e&match=new%u", number++);
    struct websocket_client *client = open_stream(parts, path);
    (void)websocket_client_expect(client, "dns_entries", WAIT_MS);
    websocket_client_destroy(client);
}

/* Until it is where the stream was when it came. */
static void come_back(const struct parts *parts)
{
    static const char id[] = "\"id\":\"";
    char path[64];
    uint64_t end_ms = clock_realtime_ms();
    uint64_t at_ms = 0;
    (void)snprintf(path, sizeof path, "/domains-only?since=%" PRIu64 "s&match=e", parts->seconds);
    struct websocket_client *client = open_stream(parts, path);
    while (at_ms < end_ms) {
        const char *message = websocket_client_expect(client, id, WAIT_MS);
        at_ms = strtoull(strstr(message, id) + strlen(id), NULL, 10);
    }
    websocket_client_destroy(client);
}

static void ask(const struct parts *parts, enum question question)
{
    switch (question) {
    case ASK_HEALTH: get(parts, "/healthz", "alive"); break;
    case ASK_CERTIFICATE: get(parts, parts->certificate, "cert_index"); break;
    case ASK_STREAM: follow(parts); break;
    case ASK_RESUME: come_back(parts); break;
    case QUESTIONS: break;
    }
}

static double precise_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* In milliseconds. */
static void measure(const struct parts *parts, double *medians)
{
    size_t rounds = (size_t)harness_setting("BENCH_ROUNDS", ROUNDS);
    double taken[QUESTIONS][ROUNDS_MAX];
    assert_true(rounds > 0 && rounds <= ROUNDS_MAX);
    for (size_t round = 0; round < rounds; round++)
        for (unsigned question = 0; question < QUESTIONS; question++) {
            double start_ms = precise_ms();
            ask(parts, (enum question)question);
            taken[question][round] = precise_ms() - start_ms;
        }
    for (unsigned question = 0; question < QUESTIONS; question++) {
        qsort(taken[question], rounds, sizeof(double), compare);
        medians[question] = taken[question][rounds / 2];
    }
}

/* Of one that is in the stream, and not in the index' first look. */
static void find_certificate(struct parts *parts)
{
    static const char name[] = "\"sha256\":\"";
    struct http_answer answer = streamer_stage_get(&parts->stage, "/latest.json");
    const char *at = strstr(http_answer_text(&answer), name);
    assert_non_null(at);
    (void)snprintf(parts->certificate, sizeof parts->certificate, "/api/cert/%.95s",
                   at + strlen(name));
    http_answer_free(&answer);
}

static int setup(void **state)
{
    struct captured_entries *captured = captured_entries_create(CAPTURED);
    struct parts *parts = streamer_stage_create(sizeof *parts);
    parts->captured = captured;
    *state = parts;
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    captured_entries_destroy(parts->captured);
    return streamer_stage_teardown(state);
}

static void stop(pid_t child)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

static void neighbours_are_not_noticed(void **state)
{
    struct parts *parts = *state;
    struct streamer_stage *stage = &parts->stage;
    uint64_t rate = harness_setting("BENCH_RATE", RATE);
    double quiet[QUESTIONS], beside[QUESTIONS];
    bool is_well = true;
    parts->seconds = harness_setting("BENCH_SECONDS", SECONDS);
    captured_entries_retain(parts->captured, rate * (parts->seconds + 60));
    captured_entries_put_issuers(parts->captured, stage->redis);
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    harness_expect_work(stage->harness, "entries come until the end");
    streamer_stage_start(stage, (const char *const[]){ "--trusted-proxy", "127.0.0.0/8", NULL });
    pid_t feed = captured_entries_feed(parts->captured, stage->redis, UINT32_MAX, rate);
    harness_pause(parts->seconds * 1000);
    find_certificate(parts);
    measure(parts, quiet);
    pid_t neighbours = start_neighbours(streamer_stage_port(stage));
    harness_pause(SETTLE_MS);
    measure(parts, beside);
    print_message("%d neighbours, %" PRIu64 " entries/s\n", NEIGHBOURS, rate);
    for (unsigned question = 0; question < QUESTIONS; question++) {
        print_message("%-22s %8.1f ms without them, %8.1f ms beside them\n",
                      question_names[question], quiet[question], beside[question]);
        is_well &= beside[question] <= 2 * quiet[question] ||
                   beside[question] <= MOMENT_MS * harness_slowdown();
    }
    print_message(
        "turns of the loop over 20 ms: %" PRIu64 " of %" PRIu64 "\n",
        http_get_metric(streamer_stage_port(&parts->stage), "certstream_loop_long_turns_total"),
        http_get_metric(streamer_stage_port(&parts->stage), "certstream_loop_turns_total"));
    stop(neighbours);
    stop(feed);
    assert_true(is_well);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_not_noticed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
