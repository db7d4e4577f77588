/* The local CT log as a program: what it says, how it serves over real sockets, how it ends and
 * starts again. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/program.h"

enum {
    WAIT_MS = 60000,
    TEXT_SIZE = 4096,
};

static int setup(void **state)
{
    *state = harness_create();
    return 0;
}

static int teardown(void **state)
{
    return harness_destroy(*state);
}

static struct program *start(struct harness *harness, const char *name,
                             const char *const *arguments)
{
    const struct program_options options = {
        .name = name,
        .arguments = arguments,
        .ready = "listening on ",
        .is_daemon = true,
    };
    return program_start(harness, &options);
}

static struct program *start_small(struct harness *harness)
{
    const char *const arguments[] = { LOCAL_CT_LOG, "--size", "600", NULL };
    return start(harness, "log", arguments);
}

static uint64_t tree_size(const struct program *log)
{
    struct http_answer answer = http_get_local(program_port(log), "/rfc6962/ct/v1/get-sth");
    assert_int_equal(answer.status, 200);
    cJSON *sth = cJSON_Parse(http_answer_text(&answer));
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(sth, "tree_size");
    assert_true(cJSON_IsNumber(size));
    uint64_t value = (uint64_t)size->valuedouble;
    cJSON_Delete(sth);
    http_answer_free(&answer);
    return value;
}

static void control(const struct program *log, const char *query)
{
    char path[TEXT_SIZE];
    (void)snprintf(path, sizeof path, "/control?%s", query);
    struct http_answer answer = http_get_local(program_port(log), path);
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
}

static int connect_to(const struct program *log)
{
    struct sockaddr_in where = { .sin_family = AF_INET };
    where.sin_port = htons((uint16_t)program_port(log));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the peer closes or `end` has come; the text so far, NUL-terminated. */
static size_t hear(int fd, char *text, const char *end)
{
    size_t size = 0;
    struct deadline deadline = deadline_after(WAIT_MS, "an answer");
    for (text[0] = '\0'; size < TEXT_SIZE - 1 && !(end && strstr(text, end));) {
        struct pollfd watched = { .fd = fd, .events = POLLIN };
        assert_int_equal(poll(&watched, 1, deadline_remaining_ms(&deadline)), 1);
        ssize_t got = recv(fd, text + size, TEXT_SIZE - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        text[size] = '\0';
    }
    return size;
}

static void serves_both_kinds_and_their_list(void **state)
{
    static const char *const paths[] = {
        "/log_list.json",         "/rfc6962/ct/v1/get-entries?start=0&end=0",
        "/tiled/checkpoint",      "/tiled/tile/data/000",
        "/tiled/tile/0/002.p/88", "/rfc6962/ct/v1/get-roots",
    };
    struct program *log = start_small(*state);
    assert_int_equal(tree_size(log), 600);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_answer answer = http_get_local(program_port(log), paths[i]);
        if (answer.status != 200 || answer.body.size < 100)
            fail_msg("%s: status %ld, %zu bytes", paths[i], answer.status, answer.body.size);
        http_answer_free(&answer);
    }
    assert_int_equal(program_stop(log), 0);
}

static void grows_by_the_clock(void **state)
{
    const char *const arguments[] = { LOCAL_CT_LOG,         "--size", "0", "--rate", "500",
                                      "--publish-interval", "50",     NULL };
    struct program *log = start(*state, "log", arguments);
    struct deadline deadline = deadline_after(WAIT_MS, "200 entries");
    while (tree_size(log) < 200)
        deadline_wait(&deadline);
    control(log, "rate=0");
    uint64_t size = tree_size(log);
    control(log, "size=100000");
    assert_true(size < 100000);
    assert_int_equal(tree_size(log), 100000);
}

static void answers_requests_in_a_row(void **state)
{
    struct program *log = start_small(*state);
    char text[TEXT_SIZE];
    int fd = connect_to(log);
    say(fd, "POST /control?clear=1 HTTP/1.1\r\nHost: log\r\nContent-Length: 5\r\n\r\nhello"
            "HEAD /tiled/checkpoint HTTP/1.1\r\nHost: log\r\n\r\n"
            "GET /first HTTP/1.1\r\nHost: log\r\n\r\n"
            "PUT /tiled/checkpoint HTTP/1.1\r\nHost: log\r\nConnection: close\r\n\r\n");
    (void)hear(fd, text, NULL);
    size_t from = 0;
    static const char *const pieces[] = {
        "HTTP/1.1 200 OK", "{\"size\":600,\"faults\":[]}",
        "HTTP/1.1 200 OK", "Content-Length: ",
        "HTTP/1.1 404 ",   "no such route",
        "HTTP/1.1 405 ",   "Connection: close",
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const char *at = strstr(text + from, pieces[i]);
        assert_non_null(at);
        from = (size_t)(at - text) + strlen(pieces[i]);
    }
    assert_null(strstr(text, "127.0.0.1:")); /* the checkpoint, which HEAD leaves out */
    (void)close(fd);
}

static void waits_for_the_rest_of_a_request(void **state)
{
    struct program *log = start_small(*state);
    char text[TEXT_SIZE];
    int fd = connect_to(log);
    say(fd, "GET /tiled/check");
    assert_int_equal(tree_size(log), 600); /* answered meanwhile */
    say(fd, "point HTTP/1.1\r\n");
    say(fd, "\r\n");
    (void)hear(fd, text, "tiled ");
    assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
    (void)close(fd);
}

static const char sth_request[] = "GET /rfc6962/ct/v1/get-sth HTTP/1.1\r\nHost: log\r\n\r\n";

static void cuts_a_body_and_closes(void **state)
{
    struct program *log = start_small(*state);
    char text[TEXT_SIZE];
    control(log, "route=get-sth&fault=truncate&bytes=20&count=1");
    int fd = connect_to(log);
    say(fd, sth_request);
    (void)hear(fd, text, NULL);
    const char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), 20);
    assert_true(strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10) > 200);
    (void)close(fd);
    assert_int_equal(tree_size(log), 600);
}

static void closes_without_an_answer(void **state)
{
    struct program *log = start_small(*state);
    char text[TEXT_SIZE];
    control(log, "route=get-sth&fault=close&count=1");
    int fd = connect_to(log);
    say(fd, sth_request);
    assert_int_equal(hear(fd, text, NULL), 0);
    (void)close(fd);
    assert_int_equal(tree_size(log), 600);
}

static void delays_and_drips(void **state)
{
    struct program *log = start_small(*state);
    char text[TEXT_SIZE];
    control(log, "route=get-sth&fault=delay&ms=150&count=1");
    control(log, "route=checkpoint&fault=drip&bytes=1000&count=1");
    uint64_t begin_ms = clock_monotonic_ms();
    assert_int_equal(tree_size(log), 600);
    assert_true(clock_monotonic_ms() - begin_ms >= 150);
    int fd = connect_to(log);
    begin_ms = clock_monotonic_ms();
    say(fd, "GET /tiled/checkpoint HTTP/1.1\r\nConnection: close\r\n\r\n");
    (void)hear(fd, text, NULL);
    const char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10));
    /* More than 200 bytes at 1,000 in a second. */
    assert_true(clock_monotonic_ms() - begin_ms >= 150);
    (void)close(fd);
}

static void is_the_same_log_after_a_kill(void **state)
{
    char path[HARNESS_PATH_SIZE];
    harness_path(*state, path, "state");
    const char *const arguments[] = { LOCAL_CT_LOG, "--state", path,  "--size",
                                      "100",        "--rate",  "300", "--publish-interval",
                                      "20",         NULL };
    struct program *log = start(*state, "log", arguments);
    struct deadline deadline = deadline_after(WAIT_MS, "growth");
    while (tree_size(log) < 150)
        deadline_wait(&deadline);
    char query[] = "/rfc6962/ct/v1/get-entries?start=50&end=149";
    struct http_answer before = http_get_local(program_port(log), query);
    uint64_t size = tree_size(log);
    program_kill(log);
    program_restart(log);
    assert_true(tree_size(log) >= size);
    struct http_answer after = http_get_local(program_port(log), query);
    assert_string_equal(http_answer_text(&before), http_answer_text(&after));
    http_answer_free(&before);
    http_answer_free(&after);
}

static void refuses_what_it_cannot_do(void **state)
{
    char port[16];
    struct program *log = start_small(*state);
    (void)snprintf(port, sizeof port, "%d", program_port(log));
    const struct {
        const char *const arguments[4];
        int code;
        const char *says;
    } rows[] = {
        { { LOCAL_CT_LOG, "--nonsense", NULL }, 2, "--nonsense" },
        { { LOCAL_CT_LOG, "--size", "-1", NULL }, 2, "--size" },
        { { LOCAL_CT_LOG, "--size", NULL }, 2, "--size" },
        { { LOCAL_CT_LOG, "--kinds=both", NULL }, 2, "--kinds" },
        { { LOCAL_CT_LOG, "--entries", "/no/such/file", NULL }, 2, "/no/such/file" },
        { { LOCAL_CT_LOG, "--state", "/no/such/folder/file", NULL }, 2, "--state" },
        { { LOCAL_CT_LOG, "--listen", "nowhere", NULL }, 2, "--listen" },
        { { LOCAL_CT_LOG, "--port", port, NULL }, 2, "--port" },
        { { LOCAL_CT_LOG, "--help", NULL }, 0, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "wrong%zu", i);
        const struct program_options options = { .name = name, .arguments = rows[i].arguments };
        struct program *program = program_start(*state, &options);
        assert_int_equal(program_wait(program, WAIT_MS), rows[i].code);
        char *errors = program_errors(program);
        assert_non_null(strstr(errors, rows[i].says));
        free(errors);
    }
}

int main(void)
{
#define WITH_HARNESS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(serves_both_kinds_and_their_list),
        WITH_HARNESS(grows_by_the_clock),
        WITH_HARNESS(answers_requests_in_a_row),
        WITH_HARNESS(waits_for_the_rest_of_a_request),
        WITH_HARNESS(cuts_a_body_and_closes),
        WITH_HARNESS(closes_without_an_answer),
        WITH_HARNESS(delays_and_drips),
        WITH_HARNESS(is_the_same_log_after_a_kill),
        WITH_HARNESS(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
