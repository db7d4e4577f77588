/* Clients as people use them, on every stream: what was there before they came (?since=0), and what
 * comes then, each certificate once and in order. What is not on the machine is skipped, loudly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    INSTALL_MS = 120000,
    BEFORE = 40,
    ALL = 100,
};

#define ALL_TEXT "100"

static const char npm_client[] = CERTSTREAM_SOURCE "/tests/clients/certstream_client.js";
static const char python_client[] = CERTSTREAM_SOURCE "/tests/clients/websockets_client.py";

struct parts {
    struct streamer_stage stage;
    char base[64]; /* ws://127.0.0.1:port */
};

static int setup(void **state)
{
    struct parts *parts = streamer_stage_create(sizeof *parts);
    *state = parts;
    stream_feed_put_issuer(parts->stage.redis);
    stream_feed_add(parts->stage.redis, 0, BEFORE, 100);
    streamer_stage_start(&parts->stage, NULL);
    (void)snprintf(parts->base, sizeof parts->base, "ws://127.0.0.1:%d",
                   program_port(parts->stage.streamer));
    return 0;
}

static struct program *start(const struct parts *parts, const char *name,
                             const char *const *arguments)
{
    return program_start(parts->stage.harness,
                         &(struct program_options){ .name = name, .arguments = arguments });
}

typedef char *(*output_of)(const struct program *program);

/* How often the text stands in it. */
static size_t count_of(const char *output, const char *text)
{
    size_t count = 0;
    for (const char *at = output; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}

/* Waits until a stream's text has come `count` times. */
static void await_count(struct program *program, output_of output, const char *text, size_t count)
{
    struct deadline deadline = deadline_after(WAIT_MS, text);
    for (size_t seen = 0; seen < count;) {
        char *said = output(program);
        seen = count_of(said, text);
        if (deadline_has_passed(&deadline))
            fail_msg("%zu of %zu of %s in %.4000s", seen, count, text, said);
        free(said);
        if (seen < count)
            deadline_wait(&deadline);
    }
}

/* Where the text stands next; fails the test, in the name of `expected`, if it does not. */
static const char *find_next(const char *at, const char *text, unsigned long expected)
{
    const char *found = strstr(at, text);
    if (!found)
        fail_msg("%lu is missing behind %s", expected, text);
    return found;
}

/* Each of the numbers follows `text`, once and in order. */
static void expect_all(const struct program *program, output_of output, const char *text)
{
    char *said = output(program);
    const char *at = said;
    for (unsigned long expected = 0; expected < ALL; expected++) {
        at = find_next(at, text, expected) + strlen(text);
        assert_int_equal(strtoul(at, NULL, 10), expected);
    }
    assert_null(strstr(at, text));
    free(said);
}

/* Those who print "STREAM NUMBER" and end by themselves. */
static void expect_streams(const struct parts *parts, struct program *program, size_t padding)
{
    static const char *const streams[] = { "lite ", "full ", "domains " };
    for (size_t i = 0; i < 3; i++)
        await_count(program, program_output, streams[i], BEFORE);
    stream_feed_add(parts->stage.redis, BEFORE, ALL, padding);
    int code = program_wait(program, WAIT_MS);
    char *errors = program_errors(program);
    if (code != 0)
        fail_msg("it ended with %d: %.2000s", code, errors);
    free(errors);
    for (size_t i = 0; i < 3; i++)
        expect_all(program, program_output, streams[i]);
}

static void the_certstream_client_of_npm(void **state)
{
    struct parts *parts = *state;
    harness_skip_unless("command -v node && command -v npm", "node and npm");
    char folder[HARNESS_PATH_SIZE];
    char modules[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, folder, "npm");
    harness_path(parts->stage.harness, modules, "npm/node_modules");
    struct program *npm = start(parts, "npm",
                                (const char *const[]){ "npm", "install", "--no-audit", "--no-fund",
                                                       "--ignore-scripts", "--fetch-retries=0",
                                                       "--fetch-timeout=30000", "--prefix", folder,
                                                       "certstream@1.1.1", NULL });
    if (program_wait(npm, INSTALL_MS) != 0)
        harness_skip_without("npm registry");
    struct program *client = start(parts, "certstream-client",
                                   (const char *const[]){ "node", npm_client, modules, parts->base,
                                                          "?since=0", ALL_TEXT, NULL });
    expect_streams(parts, client, 100);
}

static void run_python(const struct parts *parts, const char *compression)
{
    harness_skip_unless("/usr/bin/python3 -c 'import websockets'", "python3-websockets");
    struct program *client =
        start(parts, "python-client",
              (const char *const[]){ "/usr/bin/python3", python_client, parts->base, "?since=0",
                                     ALL_TEXT, compression, NULL });
    expect_streams(parts, client, 100);
}

static void python_websockets(void **state)
{
    run_python(*state, "none");
}

static void python_websockets_with_compression(void **state)
{
    run_python(*state, "deflate");
}

/* Messages that no TLS record and no socket takes whole. */
static void python_websockets_over_tls(void **state)
{
    struct parts *parts = *state;
    harness_skip_unless("/usr/bin/python3 -c 'import websockets'", "python3-websockets");
    char certificate[HARNESS_PATH_SIZE];
    char key[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, certificate, "certificate.pem");
    harness_path(parts->stage.harness, key, "key.pem");
    streamer_stage_make_certificate(&parts->stage, "openssl", "ed25519", certificate, key);
    struct program *streamer = daemon_start_streamer(
        parts->stage.harness, "streamer-tls", parts->stage.redis,
        (const char *const[]){ "--tls-cert", certificate, "--tls-key", key, NULL });
    char base[64];
    (void)snprintf(base, sizeof base, "wss://127.0.0.1:%d", program_port(streamer));
    struct program *client =
        start(parts, "python-client",
              (const char *const[]){ "/usr/bin/python3", python_client, base, "?since=0", ALL_TEXT,
                                     "none", certificate, NULL });
    expect_streams(parts, client, 200000);
}

/* WebSocket and EventSource, all in one page; the browser says on standard error what the page says
 * on its console. */
static void a_browser(void **state)
{
    struct parts *parts = *state;
    harness_skip_unless("command -v chromium", "chromium");
    char profile[HARNESS_PATH_SIZE + 16];
    char folder[HARNESS_PATH_SIZE];
    char page[512];
    harness_path(parts->stage.harness, folder, "browser");
    (void)snprintf(profile, sizeof profile, "--user-data-dir=%s", folder);
    (void)snprintf(page, sizeof page, "file://%s/tests/clients/page.html#127.0.0.1:%d",
                   CERTSTREAM_SOURCE, program_port(parts->stage.streamer));
    const char *const arguments[] = { "chromium",
                                      "--headless",
                                      "--no-sandbox",
                                      "--disable-gpu",
                                      "--disable-quic",
                                      "--no-first-run",
                                      "--disable-background-networking",
                                      "--disable-component-update",
                                      "--disable-sync",
                                      "--disable-dev-shm-usage",
                                      "--enable-logging=stderr",
                                      "--remote-debugging-port=0",
                                      profile,
                                      page,
                                      NULL };
    struct program *browser = start(parts, "browser", arguments);
    static const char *const streams[] = { "<lite ",     "<full ",     "<domains ",
                                           "<sse-lite ", "<sse-full ", "<sse-domains " };
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        await_count(browser, program_errors, streams[i], BEFORE);
    stream_feed_add(parts->stage.redis, BEFORE, ALL, 100);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        await_count(browser, program_errors, streams[i], ALL);
        expect_all(browser, program_errors, streams[i]);
    }
    (void)program_stop(browser);
}

static void curl_with_server_sent_events(void **state)
{
    struct parts *parts = *state;
    harness_skip_unless("command -v curl", "curl");
    static const char *const streams[][2] = { { "lite", "\"cert_index\":" },
                                              { "full", "\"cert_index\":" },
                                              { "domains", "\"data\":[\"" } };
    struct program *clients[3];
    for (size_t i = 0; i < 3; i++) {
        char url[128];
        char name[32];
        (void)snprintf(url, sizeof url, "http%s/sse?stream=%s&since=0", parts->base + 2,
                       streams[i][0]);
        (void)snprintf(name, sizeof name, "curl-%s", streams[i][0]);
        clients[i] = start(parts, name, (const char *const[]){ "curl", "-sN", url, NULL });
        await_count(clients[i], program_output, streams[i][1], BEFORE);
    }
    stream_feed_add(parts->stage.redis, BEFORE, ALL, 100);
    for (size_t i = 0; i < 3; i++) {
        await_count(clients[i], program_output, streams[i][1], ALL);
        expect_all(clients[i], program_output, streams[i][1]);
        program_kill(clients[i]);
    }
}

/* What websocat and others send: the bare handshake, and bare frames. */
static void bare_frames(void **state)
{
    struct parts *parts = *state;
    static const char *const streams[][2] = { { "/?since=0", "\"cert_index\":" },
                                              { "/full-stream?since=0", "\"cert_index\":" },
                                              { "/domains-only?since=0", "\"data\":[\"" } };
    struct websocket_client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = websocket_client_connect(program_port(parts->stage.streamer), streams[i][0]);
        websocket_client_send(clients[i], WEBSOCKET_TEXT, bytes_of_string("hello\n"));
    }
    stream_feed_add(parts->stage.redis, BEFORE, ALL, 100);
    for (size_t i = 0; i < 3; i++) {
        for (unsigned long expected = 0; expected < ALL; expected++) {
            const char *text = websocket_client_expect(clients[i], streams[i][1], WAIT_MS);
            const char *at = strstr(text, streams[i][1]) + strlen(streams[i][1]);
            assert_int_equal(strtoul(at, NULL, 10), expected);
        }
        websocket_client_destroy(clients[i]);
    }
}

#define WITH_STREAMER(test) cmocka_unit_test_setup_teardown(test, setup, streamer_stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STREAMER(bare_frames),
        WITH_STREAMER(curl_with_server_sent_events),
        WITH_STREAMER(python_websockets),
        WITH_STREAMER(python_websockets_with_compression),
        WITH_STREAMER(python_websockets_over_tls),
        WITH_STREAMER(the_certstream_client_of_npm),
        WITH_STREAMER(a_browser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
