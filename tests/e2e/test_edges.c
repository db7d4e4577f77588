/* The streamer's edges: TLS, tokens, origins, ceilings, proxies, and the places where it
 * listens. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "shared/process/clock.h"
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
    URL_SIZE = 512,
    PLACES_MAX = 4,
};

#define TOKEN "first-token-of-all"
#define OTHER "second-token-of-all"

struct parts {
    struct streamer_stage stage;
    char urls[PLACES_MAX][URL_SIZE];
};

static int setup(void **state)
{
    struct parts *parts = streamer_stage_create(sizeof *parts);
    *state = parts;
    return 0;
}

/* The places it says it listens on, one per line. */
static void read_urls(struct parts *parts)
{
    static const char start[] = "listening on ";
    char *output = program_output(parts->stage.streamer);
    const char *at = output;
    for (size_t i = 0; i < PLACES_MAX && (at = strstr(at, start)) != NULL; i++) {
        at += sizeof start - 1;
        size_t size = strcspn(at, "\n");
        assert_true(size < URL_SIZE);
        memcpy(parts->urls[i], at, size);
    }
    free(output);
}

static void start_streamer(struct parts *parts, const char *const *arguments)
{
    parts->stage.streamer =
        daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, arguments);
    read_urls(parts);
}

static void write_file(const struct parts *parts, char *path, const char *name, const char *text)
{
    harness_path(parts->stage.harness, path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

/* How often the text stands in what the streamer said on standard error. */
static size_t count_in_log(const struct parts *parts, const char *text)
{
    char *errors = program_errors(parts->stage.streamer);
    size_t count = 0;
    for (const char *at = errors; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    free(errors);
    return count;
}

static void hang_up(const struct parts *parts, const char *expected)
{
    size_t before = count_in_log(parts, expected);
    program_signal(parts->stage.streamer, SIGHUP);
    struct deadline deadline = deadline_after(WAIT_MS, expected);
    while (count_in_log(parts, expected) == before)
        deadline_wait(&deadline);
}

/* The status of the answer to an upgrade. */
static int upgrade(const struct parts *parts, const char *path, const char *headers)
{
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = program_port(parts->stage.streamer), .path = path, .headers = headers });
    int status = websocket_client_status(client);
    websocket_client_destroy(client);
    return status;
}

static int get(const struct parts *parts, const char *path, const char *headers)
{
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s\r\n", path,
                   program_port(parts->stage.streamer), headers);
    struct raw_socket raw = raw_socket_connect(program_port(parts->stage.streamer));
    raw_socket_send_text(&raw, request);
    (void)raw_socket_await(&raw, "\r\n\r\n", WAIT_MS);
    int status = raw_socket_status(&raw);
    raw_socket_close(&raw);
    return status;
}

static void only_who_has_a_token_comes_in(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--token", TOKEN, "--token", OTHER, NULL });
    static const struct {
        const char *path, *headers;
        int upgrade, get;
    } rows[] = {
        { "/domains-only", "", 401, 401 },
        { "/domains-only", "Authorization: Bearer " TOKEN "\r\n", 101, 426 },
        { "/domains-only", "Authorization: Bearer " OTHER "\r\n", 101, 426 },
        { "/domains-only", "Authorization: Bearer " TOKEN "x\r\n", 401, 401 },
        { "/domains-only?token=" TOKEN, "", 101, 426 },
        { "/domains-only?token=first%2Dtoken-of-all", "", 101, 426 },
        { "/domains-only?dialect=go&token=" OTHER, "", 101, 426 },
        { "/domains-only?token=wrong-token", "", 401, 401 },
        { "/nothing", "", 401, 401 },
        { "/stats?token=" TOKEN, "", 404, 200 },
        { "/healthz", "", 404, 200 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int upgraded = upgrade(parts, rows[i].path, rows[i].headers);
        int got = get(parts, rows[i].path, rows[i].headers);
        if (upgraded != rows[i].upgrade || got != rows[i].get)
            fail_msg("row %zu: %d, %d", i, upgraded, got);
    }
    assert_int_equal(count_in_log(parts, "token-of-all"), 0);
}

static void a_token_file_is_read_again_at_sighup(void **state)
{
    struct parts *parts = *state;
    char path[HARNESS_PATH_SIZE];
    write_file(parts, path, "tokens", "# ours\n" TOKEN "\n");
    start_streamer(parts, (const char *const[]){ "--token-file", path, NULL });
    streamer_stage_wait_until_ready(parts->stage.streamer);
    assert_int_equal(get(parts, "/stats?token=" TOKEN, ""), 200);
    struct websocket_client *client =
        websocket_client_connect(program_port(parts->stage.streamer), "/domains-only?token=" TOKEN);

    write_file(parts, path, "tokens", OTHER "\n");
    hang_up(parts, "tokens read again");
    assert_int_equal(get(parts, "/stats?token=" TOKEN, ""), 401);
    assert_int_equal(get(parts, "/stats?token=" OTHER, ""), 200);

    write_file(parts, path, "tokens", "this is no token\n");
    hang_up(parts, "the tokens stay as they were");
    write_file(parts, path, "tokens", "\n");
    hang_up(parts, "the tokens stay as they were");
    assert_int_equal(get(parts, "/stats?token=" OTHER, ""), 200);
    assert_int_equal(get(parts, "/stats", ""), 401);

    /* Who is in stays in. */
    stream_feed_add(parts->stage.redis, 0, 1, 0);
    (void)websocket_client_expect(client, "0.example", WAIT_MS);
    websocket_client_destroy(client);
    assert_int_equal(count_in_log(parts, "token-of-all"), 0);
}

static void browsers_come_in_from_known_pages(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--origin", "https://dash.example", NULL });
    char own[URL_SIZE];
    (void)snprintf(own, sizeof own, "Origin: http://127.0.0.1:%d\r\n",
                   program_port(parts->stage.streamer));
    assert_int_equal(upgrade(parts, "/", ""), 101);
    assert_int_equal(upgrade(parts, "/", "Origin: https://dash.example\r\n"), 101);
    assert_int_equal(upgrade(parts, "/", own), 101);
    assert_int_equal(upgrade(parts, "/", "Origin: https://evil.example\r\n"), 403);
    assert_int_equal(upgrade(parts, "/", "Origin: null\r\n"), 403);
    assert_int_equal(get(parts, "/stats", "Origin: https://evil.example\r\n"), 403);
    assert_int_equal(get(parts, "/stats", "Origin: https://dash.example\r\n"), 200);
}

static struct websocket_client *open_as(const struct parts *parts, const char *forwarded_for)
{
    char header[128];
    (void)snprintf(header, sizeof header, "X-Forwarded-For: %s\r\n", forwarded_for);
    return websocket_client_open(&(struct websocket_options){
        .port = program_port(parts->stage.streamer), .path = "/domains-only", .headers = header });
}

static void expect_as(const struct parts *parts, const char *forwarded_for, int status)
{
    struct websocket_client *client = open_as(parts, forwarded_for);
    if (websocket_client_status(client) != status)
        fail_msg("%s: %d, not %d", forwarded_for, websocket_client_status(client), status);
    websocket_client_destroy(client);
}

static void a_customer_behind_a_proxy_has_a_ceiling(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--customer-connections", "2", "--trusted-proxy",
                                                 "127.0.0.0/8", NULL });
    struct websocket_client *first = open_as(parts, "192.0.2.1");
    struct websocket_client *second = open_as(parts, "198.51.100.9, 192.0.2.1, 127.0.0.7");
    struct websocket_client *third = open_as(parts, "2001:db8::1");
    struct websocket_client *fourth = open_as(parts, "[2001:db8::ffff:1]:443");
    expect_as(parts, "192.0.2.1", 429);
    expect_as(parts, "203.0.113.5, 192.0.2.1", 429);
    expect_as(parts, "192.0.2.2", 101);
    expect_as(parts, "2001:db8::2", 429);
    expect_as(parts, "2001:db8:0:1::2", 101);
    /* Whom the proxy cannot name are one customer together. */
    struct websocket_client *unknown = open_as(parts, "unknown");
    struct websocket_client *hidden = open_as(parts, "192.0.2.1, _hidden");
    expect_as(parts, "unknown", 429);
    websocket_client_destroy(unknown);
    websocket_client_destroy(hidden);
    /* The proxy itself is nobody's customer. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(get(parts, "/healthz", ""), 200);
    websocket_client_destroy(first);
    struct deadline deadline = deadline_after(WAIT_MS, "the place of a client that has gone");
    for (int status = 429; status != 101;) {
        struct websocket_client *again = open_as(parts, "192.0.2.1");
        status = websocket_client_status(again);
        websocket_client_destroy(again);
        if (status != 101)
            deadline_wait(&deadline);
    }
    websocket_client_destroy(second);
    websocket_client_destroy(third);
    websocket_client_destroy(fourth);
}

/* A named token is a customer of its own, wherever it is used, and is counted by itself. */
static void a_named_token_has_limits_of_its_own(void **state)
{
    struct parts *parts = *state;
    char path[HARNESS_PATH_SIZE];
    write_file(parts, path, "tokens", "alice:correct-horse connections=2\nplain-token\n");
    start_streamer(parts, (const char *const[]){ "--token-file", path, "--customer-connections",
                                                 "1", "--trusted-proxy", "127.0.0.0/8", NULL });
    static const char as_alice[] =
        "Authorization: Bearer correct-horse\r\nX-Forwarded-For: 192.0.2.1\r\n";
    struct websocket_options options = {
        .port = program_port(parts->stage.streamer),
        .path = "/",
        .headers = as_alice,
    };
    struct websocket_client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = websocket_client_open(&options);
        assert_int_equal(websocket_client_status(clients[i]), i < 2 ? 101 : 429);
    }
    /* The address itself has what it had. */
    static const char others[] =
        "Authorization: Bearer plain-token\r\nX-Forwarded-For: 192.0.2.1\r\n";
    assert_int_equal(get(parts, "/stats", others), 200);
    struct http_answer answer = http_get_local(options.port, "/metrics?token=plain-token");
    assert_non_null(
        strstr(http_answer_text(&answer), "certstream_token_connections{token=\"alice\"} 2\n"));
    assert_non_null(
        strstr(http_answer_text(&answer), "certstream_token_refused_total{token=\"alice\"} 1\n"));
    http_answer_free(&answer);
    for (size_t i = 0; i < 3; i++)
        websocket_client_destroy(clients[i]);
}

static void nobody_else_is_believed(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--customer-connections", "2", "--trusted-proxy",
                                                 "10.0.0.0/8", NULL });
    enum {
        CLIENTS = 4
    };
    /* What comes over loopback is nobody's. */
    struct websocket_client *clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = open_as(parts, "192.0.2.1");
        assert_int_equal(websocket_client_status(clients[i]), 101);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        websocket_client_destroy(clients[i]);
}

/* More than can be told politely: those are told at once. */
static void a_crowd_is_turned_away(void **state)
{
    struct parts *parts = *state;
    enum {
        CROWD = 100
    };
    start_streamer(parts, (const char *const[]){ "--max-clients", "1", NULL });
    streamer_stage_wait_until_ready(parts->stage.streamer);
    struct websocket_options options = { .port = program_port(parts->stage.streamer), .path = "/" };
    struct websocket_client *inside = websocket_client_open(&options);
    struct deadline deadline = deadline_after(WAIT_MS, "the last connection to be gone");
    while (websocket_client_status(inside) != 101) {
        websocket_client_destroy(inside);
        deadline_wait(&deadline);
        inside = websocket_client_open(&options);
    }
    size_t healthy = 0;
    struct raw_socket crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = raw_socket_connect(program_port(parts->stage.streamer));
    for (size_t i = 0; i < CROWD; i++) {
        raw_socket_send_text(&crowd[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(raw_socket_await_end(&crowd[i], WAIT_MS));
        /* Health has places of its own; who comes when these are taken is turned away at once. */
        bool has_place = raw_socket_status(&crowd[i]) == 200;
        if (!has_place)
            assert_int_equal(raw_socket_status(&crowd[i]), 503);
        healthy += has_place;
        raw_socket_close(&crowd[i]);
    }
    assert_true(healthy > 0 && healthy < CROWD);
    stream_feed_add(parts->stage.redis, 0, 1, 0);
    (void)websocket_client_expect(inside, "\"cert_index\":0,", WAIT_MS);
    websocket_client_destroy(inside);
}

/* As a container's health check asks: its code. */
static int check_health(const struct parts *parts, const char *name, const char *admin)
{
    const char *const words[] = { CERTSTREAM_STREAMER, "--check", "--admin-listen", admin, NULL };
    struct program *check = program_start(
        parts->stage.harness, &(struct program_options){ .name = name, .arguments = words });
    return program_wait(check, WAIT_MS);
}

static void a_health_check_needs_no_other_program(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--admin-listen", "127.0.0.1:0", NULL });
    streamer_stage_wait_until_ready(parts->stage.streamer);
    char place[DAEMON_URL_SIZE];
    (void)snprintf(place, sizeof place, "127.0.0.1:%ld",
                   strtol(parts->urls[1] + strlen("http://127.0.0.1:"), NULL, 10));
    assert_int_equal(check_health(parts, "well", place), 0);
    assert_int_equal(check_health(parts, "encrypted", "https://127.0.0.1:1"), 2);
    redis_server_kill(parts->stage.redis);
    struct deadline deadline = deadline_after(WAIT_MS, "it is not ready");
    while (get(parts, "/readyz", "") == 200)
        deadline_wait(&deadline);
    assert_int_equal(check_health(parts, "not_ready", place), 1);
    (void)program_stop(parts->stage.streamer);
    assert_int_equal(check_health(parts, "gone", place), 1);
}

/* Clients and idle connections fill all that there is; who looks after the server does not notice.
 */
static void administrators_have_places_of_their_own(void **state)
{
    struct parts *parts = *state;
    enum {
        IDLE = 60
    };
    start_streamer(parts, (const char *const[]){ "--max-clients", "2", "--admin-listen",
                                                 "127.0.0.1:0", NULL });
    streamer_stage_wait_until_ready(parts->stage.streamer);
    int admin_port = (int)strtol(parts->urls[1] + strlen("http://127.0.0.1:"), NULL, 10);
    int port = program_port(parts->stage.streamer);
    struct websocket_client *client = websocket_client_connect(port, "/?domain=a.example");
    struct raw_socket idle[IDLE];
    for (size_t i = 0; i < IDLE; i++)
        idle[i] = raw_socket_connect(port);
    struct http_answer answer = http_get_local(admin_port, "/healthz");
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
    answer = http_get_local(admin_port, "/admin/clients");
    assert_int_equal(answer.status, 200);
    const char *found = strstr(http_answer_text(&answer), "\"filter\":\"domain=a.example\"");
    assert_non_null(found);
    while (found > http_answer_text(&answer) && strncmp(found, "\"number\":", 9) != 0)
        found--;
    char request[128];
    (void)snprintf(request, sizeof request,
                   "DELETE /admin/clients/%ld HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                   strtol(found + strlen("\"number\":"), NULL, 10));
    http_answer_free(&answer);
    struct raw_socket admin = raw_socket_connect(admin_port);
    raw_socket_send_text(&admin, request);
    assert_true(raw_socket_await(&admin, "disconnected", WAIT_MS));
    raw_socket_close(&admin);
    struct websocket_frame frame = { 0 };
    while (websocket_client_read(client, &frame, WAIT_MS) == WEBSOCKET_FRAME &&
           frame.opcode != WEBSOCKET_CLOSE)
        continue;
    assert_int_equal(frame.opcode, WEBSOCKET_CLOSE);
    /* No page may ask, not even one whose name was made lead here. */
    admin = raw_socket_connect(admin_port);
    raw_socket_send_text(&admin, "GET /admin/clients HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_true(raw_socket_await_end(&admin, WAIT_MS));
    assert_int_equal(raw_socket_status(&admin), 403);
    raw_socket_close(&admin);
    answer = http_get_local(port, "/admin/clients");
    assert_int_not_equal(answer.status, 200);
    http_answer_free(&answer);
    for (size_t i = 0; i < IDLE; i++)
        raw_socket_close(&idle[i]);
    websocket_client_destroy(client);
}

struct fetch {
    const char *url, *ca, *unix_socket;
};

static size_t on_data(char *data, size_t unit, size_t count, void *context)
{
    (void)data;
    (void)context;
    return unit * count;
}

/* The status, or minus curl's error. */
static long fetch(const struct fetch *what)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, what->url);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    if (what->ca)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, what->ca);
    if (what->unix_socket)
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, what->unix_socket);
    CURLcode result = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return result == CURLE_OK ? status : -(long)result;
}

static void expect_url(const char *url, const char *ca, const char *unix_socket, long status)
{
    char path[2 * URL_SIZE];
    (void)snprintf(path, sizeof path, "%s/healthz", url);
    long got = fetch(&(struct fetch){ path, ca, unix_socket });
    if (got != status)
        fail_msg("%s: %ld, not %ld", path, got, status);
}

static void it_listens_in_several_places(void **state)
{
    struct parts *parts = *state;
    char place[HARNESS_PATH_SIZE + 8];
    char path[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, path, "streamer.sock");
    (void)snprintf(place, sizeof place, "unix:%s", path);
    start_streamer(parts, (const char *const[]){ "--listen", "[::1]:0", "--listen", place,
                                                 "--customer-connections", "1", NULL });
    expect_url(parts->urls[0], NULL, NULL, 200);
    expect_url(parts->urls[1], NULL, NULL, 200);
    assert_int_equal(strncmp(parts->urls[1], "http://[::1]:", 13), 0);
    expect_url("http://anything", NULL, path, 200);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);

    /* What a killed one leaves behind is no obstacle; what a stopped one leaves behind is
     * nothing. */
    program_kill(parts->stage.streamer);
    assert_int_equal(stat(path, &status), 0);
    program_restart(parts->stage.streamer);
    expect_url("http://anything", NULL, path, 200);
    assert_int_equal(program_stop(parts->stage.streamer), 0);
    assert_int_not_equal(stat(path, &status), 0);
}

/* /metrics tells when the certificate expires: here two days from now. */
static void expect_expiry(const char *url)
{
    static const char name[] = "\ncertstream_tls_certificate_expiry_timestamp_seconds ";
    struct http_answer answer =
        http_get_local((int)strtol(strrchr(url, ':') + 1, NULL, 10), "/metrics");
    const char *found = strstr((const char *)answer.body.data, name);
    if (!found)
        fail_msg("no expiry in %.500s", (const char *)answer.body.data);
    double left = strtod(found + sizeof name - 1, NULL) - (double)clock_realtime_ms() / 1000;
    assert_true(left > 47 * 3600.0 && left < 49 * 3600.0);
    http_answer_free(&answer);
}

/* The new one is of the other kind of key, which must not be served beside the old one. */
static void tls_takes_a_new_certificate_without_dropping_anybody(void **state)
{
    struct parts *parts = *state;
    char certificate[HARNESS_PATH_SIZE];
    char key[HARNESS_PATH_SIZE];
    char first_ca[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, certificate, "certificate.pem");
    harness_path(parts->stage.harness, key, "key.pem");
    harness_path(parts->stage.harness, first_ca, "first.pem");
    streamer_stage_make_certificate(&parts->stage, "openssl-1", "rsa:2048", certificate, key);
    start_streamer(parts, (const char *const[]){ "--listen", "http://127.0.0.1:0", "--tls-cert",
                                                 certificate, "--tls-key", key, NULL });
    assert_int_equal(strncmp(parts->urls[0], "https://", 8), 0);
    expect_url(parts->urls[0], certificate, NULL, 200);
    expect_url(parts->urls[1], NULL, NULL, 200);
    expect_expiry(parts->urls[1]);

    CURL *open = curl_easy_init();
    char url[URL_SIZE];
    long connections = 0;
    (void)snprintf(url, sizeof url, "%.400s/healthz", parts->urls[0]);
    (void)curl_easy_setopt(open, CURLOPT_URL, url);
    (void)curl_easy_setopt(open, CURLOPT_CAINFO, certificate);
    (void)curl_easy_setopt(open, CURLOPT_WRITEFUNCTION, on_data);
    assert_int_equal(curl_easy_perform(open), CURLE_OK);

    assert_int_equal(rename(certificate, first_ca), 0);
    streamer_stage_make_certificate(&parts->stage, "openssl-2", "ed25519", certificate, key);
    hang_up(parts, "certificate read again");
    expect_url(parts->urls[0], certificate, NULL, 200);
    expect_url(parts->urls[0], first_ca, NULL, -CURLE_PEER_FAILED_VERIFICATION);
    /* On the connection that was open. */
    assert_int_equal(curl_easy_perform(open), CURLE_OK);
    (void)curl_easy_getinfo(open, CURLINFO_NUM_CONNECTS, &connections);
    assert_int_equal(connections, 0);
    curl_easy_cleanup(open);

    char path[HARNESS_PATH_SIZE];
    write_file(parts, path, "key.pem", "no key\n");
    hang_up(parts, "the certificate stays as it was");
    expect_url(parts->urls[0], certificate, NULL, 200);
}

static void tls_is_what_it_says(void **state)
{
    struct parts *parts = *state;
    char certificate[HARNESS_PATH_SIZE];
    char key[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, certificate, "certificate.pem");
    harness_path(parts->stage.harness, key, "key.pem");
    streamer_stage_make_certificate(&parts->stage, "openssl", "ed25519", certificate, key);
    start_streamer(parts, (const char *const[]){ "--tls-cert", certificate, "--tls-key", key,
                                                 "--handshake-timeout", "2s", NULL });
    /* HTTP in the clear gets no answer, silence and noise get an end. */
    struct raw_socket plain = raw_socket_connect(program_port(parts->stage.streamer));
    struct raw_socket silent = raw_socket_connect(program_port(parts->stage.streamer));
    raw_socket_send_text(&plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(raw_socket_await_end(&plain, WAIT_MS));
    assert_int_equal(raw_socket_status(&plain), 0);
    assert_true(raw_socket_await_end(&silent, WAIT_MS));
    raw_socket_close(&plain);
    raw_socket_close(&silent);
    expect_url(parts->urls[0], certificate, NULL, 200);
}

/* It says so and ends with 1. */
static void expect_complaint(struct parts *parts, const char *name, const char *const *arguments,
                             const char *complaint)
{
    const char *words[16] = { CERTSTREAM_STREAMER, "--port", "0" };
    size_t count = 3;
    while (*arguments)
        words[count++] = *arguments++;
    struct program *program = program_start(
        parts->stage.harness, &(struct program_options){ .name = name, .arguments = words });
    assert_int_not_equal(program_wait(program, WAIT_MS), 0);
    char *errors = program_errors(program);
    if (!strstr(errors, complaint) || strstr(errors, "sEcReT"))
        fail_msg("%s: %s", name, errors);
    free(errors);
}

static void wrong_settings_are_told(void **state)
{
    struct parts *parts = *state;
    expect_complaint(parts, "no-key", (const char *const[]){ "--tls-cert", "/dev/null", NULL },
                     "one needs the other");
    expect_complaint(
        parts, "no-pair",
        (const char *const[]){ "--tls-cert", "/dev/null", "--tls-key", "/dev/null", NULL },
        "no certificate in PEM form");
    expect_complaint(parts, "no-tokens", (const char *const[]){ "--token-file", "/dev/null", NULL },
                     "holds no token");
    expect_complaint(parts, "no-file", (const char *const[]){ "--token-file", "/nowhere/t", NULL },
                     "/nowhere/t: No such file");
    expect_complaint(parts, "bad-token", (const char *const[]){ "--token", "sEcReT words", NULL },
                     "letters, digits");
    expect_complaint(parts, "bad-proxy", (const char *const[]){ "--trusted-proxy", "me", NULL },
                     "not an address");
    expect_complaint(parts, "no-tls", (const char *const[]){ "--listen", "https://[::1]:0", NULL },
                     "needs --tls-cert");
}

static void who_dawdles_is_closed(void **state)
{
    struct parts *parts = *state;
    start_streamer(parts, (const char *const[]){ "--handshake-timeout", "2s", NULL });
    struct raw_socket silent = raw_socket_connect(program_port(parts->stage.streamer));
    struct raw_socket slow = raw_socket_connect(program_port(parts->stage.streamer));
    struct deadline deadline = deadline_after(WAIT_MS, "the end of a slow request");
    raw_socket_send_text(&slow, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    /* A byte now and then does not help. */
    while (!raw_socket_await_end(&slow, 200)) {
        raw_socket_send_text(&slow, "x");
        if (deadline_has_passed(&deadline))
            fail_msg("a slow request is never ended");
    }
    assert_true(raw_socket_await_end(&silent, WAIT_MS));
    raw_socket_close(&silent);
    raw_socket_close(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_who_has_a_token_comes_in, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_token_file_is_read_again_at_sighup, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(browsers_come_in_from_known_pages, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_customer_behind_a_proxy_has_a_ceiling, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_named_token_has_limits_of_its_own, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(nobody_else_is_believed, setup, streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_crowd_is_turned_away, setup, streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_health_check_needs_no_other_program, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(administrators_have_places_of_their_own, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(it_listens_in_several_places, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(tls_takes_a_new_certificate_without_dropping_anybody, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(tls_is_what_it_says, setup, streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(wrong_settings_are_told, setup, streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(who_dawdles_is_closed, setup, streamer_stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
