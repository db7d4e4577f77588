/*
 * ./certstream as its users run it: demo, up again, what goes wrong, and that nothing is left
 * running (the harness looks for that at every end).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/program.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

#define LOG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LOG_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

enum {
    WORDS_MAX = 12,
    /* Seconds on a machine that has nothing else to do. */
    FLOWING_MS = 120000,
    END_MS = 60000,
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

/* Runs ./certstream with its state in the harness's folder and this build's programs. */
static struct program *run_command(struct harness *harness, const char *name,
                                   const char *const *arguments)
{
    static const char *const environment[] = { "CERTSTREAM_BUILD=" CERTSTREAM_BUILD, NULL };
    const char *words[WORDS_MAX + 1] = { CERTSTREAM_SOURCE "/certstream" };
    for (size_t i = 0; arguments[i]; i++) {
        assert_true(i + 1 < WORDS_MAX);
        words[i + 1] = arguments[i];
    }
    return program_start(
        harness,
        &(struct program_options){ .name = name, .arguments = words, .environment = environment });
}

/* The port that the command says it serves, which is its last word when all is up; 0 before. */
static int port_of(const struct program *program)
{
    static const char sign[] = "ws://127.0.0.1:";
    char *output = program_output(program);
    const char *address = strstr(output, sign);
    int port = address ? (int)strtol(address + strlen(sign), NULL, 10) : 0;
    free(output);
    return port;
}

static void fail_with_errors(const struct program *program)
{
    char *errors = program_errors(program);
    print_error("%s", errors);
    free(errors);
    fail_msg("the command ended");
}

static int wait_until_up(struct program *program)
{
    struct deadline deadline = deadline_after(FLOWING_MS, "the command to bring everything up");
    int port = 0;
    while (!(port = port_of(program))) {
        if (!program_is_running(program))
            fail_with_errors(program);
        deadline_wait(&deadline);
    }
    return port;
}

static void wait_for_latest(int port)
{
    struct deadline deadline = deadline_after(FLOWING_MS, "certificates in /latest.json");
    for (bool is_there = false; !is_there;) {
        struct http_answer answer = http_get_local(port, "/latest.json");
        is_there =
            answer.status == 200 && strstr(http_answer_text(&answer), "\"certificate_update\"");
        http_answer_free(&answer);
        deadline_wait(&deadline);
    }
}

/* What people look for in it. */
static void expect_status(struct harness *harness)
{
    static const char *const texts[] = {
        "ingest    ", "knows ", "roots reproduced",   "streamer  connected",
        "verified",   "behind", "Local RFC 6962 log", "Local tiled log",
        "rfc6962",    "tiled",  "2 logs, ",
    };
    char redis[HARNESS_PATH_SIZE], url[HARNESS_PATH_SIZE + 16];
    harness_path(harness, redis, "redis.sock");
    (void)snprintf(url, sizeof url, "unix://%s", redis);
    const char *const by_folder[] = { "status", "--var", harness->folder, NULL };
    const char *const by_address[] = { "status", "--redis", url, NULL };
    const char *const *const forms[] = { by_folder, by_address };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct program *status = run_command(harness, i ? "status_url" : "status", forms[i]);
        /* A log that was taken up just now is not reported on yet. */
        struct deadline deadline = deadline_after(FLOWING_MS, "all to be well");
        while (program_wait(status, END_MS) != 0) {
            deadline_wait(&deadline);
            program_restart(status);
        }
        char *output = program_output(status);
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            if (!strstr(output, texts[j]))
                fail_msg("no \"%s\" in:\n%s", texts[j], output);
        free(output);
    }
}

static void demo_streams_certificates_and_ends_cleanly(void **state)
{
    const char *const arguments[] = { "demo",   "--var", ((struct harness *)*state)->folder,
                                      "--port", "0",     NULL };
    struct program *demo = run_command(*state, "demo", arguments);
    int port = wait_until_up(demo);
    struct websocket_client *lite = websocket_client_connect(port, "/");
    struct websocket_client *full = websocket_client_connect(port, "/full-stream");
    struct websocket_client *domains = websocket_client_connect(port, "/domains-only");
    (void)websocket_client_expect(lite, "\"certificate_update\"", FLOWING_MS);
    assert_non_null(
        strstr(websocket_client_expect(full, "\"certificate_update\"", FLOWING_MS), "\"as_der\""));
    (void)websocket_client_expect(domains, "\"dns_entries\"", FLOWING_MS);
    wait_for_latest(port);
    websocket_client_destroy(lite);
    websocket_client_destroy(full);
    websocket_client_destroy(domains);

    expect_status(*state);

    program_signal(demo, SIGINT);
    assert_int_equal(program_wait(demo, END_MS), 0);
}

static char *error_of(struct harness *harness, const char *const *arguments, int code)
{
    struct program *program = run_command(harness, "command", arguments);
    int ended = program_wait(program, END_MS);
    char *errors = program_errors(program);
    print_message("%s", errors);
    assert_int_equal(ended, code);
    return errors;
}

static void a_port_in_use_is_said_and_nothing_left(void **state)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    char port[16];
    (void)snprintf(port, sizeof port, "%d", ntohs(address.sin_port));

    const char *const arguments[] = { "demo",   "--var", ((struct harness *)*state)->folder,
                                      "--port", port,    NULL };
    char *errors = error_of(*state, arguments, 1);
    assert_non_null(strstr(errors, port));
    assert_string_equal(strchr(errors, '\n'), "\n");
    free(errors);
    (void)close(listener);
}

static void a_redis_that_does_not_answer_is_said(void **state)
{
    const char *const arguments[] = { "up",
                                      "--var",
                                      ((struct harness *)*state)->folder,
                                      "--redis",
                                      "unix:///nonexistent/redis.sock",
                                      NULL };
    char *errors = error_of(*state, arguments, 1);
    assert_non_null(strstr(errors, "does not answer"));
    free(errors);
}

static void expect_json(struct harness *harness, const struct redis_server *redis)
{
    const char *const arguments[] = { "status", "--redis", redis_server_url(redis), "--json",
                                      NULL };
    struct program *status = run_command(harness, "status_json", arguments);
    assert_int_equal(program_wait(status, END_MS), 2);
    char *output = program_output(status);
    cJSON *json = cJSON_Parse(output);
    const cJSON *logs = cJSON_GetObjectItem(json, "logs");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "verdict")), "down");
    assert_int_equal(cJSON_GetArraySize(logs), 2);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(logs, 1), "trouble")),
        "quarantined");
    cJSON_Delete(json);
    free(output);
}

/* An ingest that lives, and a log of its: first well, then long behind. */
static void status_tells_monitoring_by_its_exit_code(void **state)
{
    struct redis_server *redis = redis_server_start(*state, "redis_code", NULL);
    const char *const arguments[] = { "status", "--redis", redis_server_url(redis), NULL };
    static const char *const lags[] = { "1000", "100000" };
    freeReplyObject(redis_server_command(redis, "SADD {certstream}:logs " LOG_A));
    freeReplyObject(redis_server_command(redis, "ZADD {certstream}:ingests 9000000000000 one"));
    for (int code = 0; code < 2; code++) {
        char name[16];
        (void)snprintf(name, sizeof name, "status_%d", code);
        freeReplyObject(redis_server_command(redis,
                                             "HSET {certstream}:log:" LOG_A
                                             " state waiting updated 9000000000000 lag_entries 4 "
                                             "lag_ms %s",
                                             lags[code]));
        struct program *status = run_command(*state, name, arguments);
        assert_int_equal(program_wait(status, END_MS), code);
    }
    static const char *const names[] = { "one", "two" };
    for (size_t i = 0; i < 2; i++) {
        const char *const words[] = { "status",   "--redis", redis_server_url(redis),
                                      "--ingest", names[i],  NULL };
        struct program *status = run_command(*state, names[i], words);
        assert_int_equal(program_wait(status, END_MS), i ? 2 : 0);
    }
    redis_server_destroy(redis);
}

/* A Redis with what is left of two logs, one of them in quarantine, and nobody at work. */
static void status_shows_what_is_left_and_fails_when_nothing_runs(void **state)
{
    struct redis_server *redis = redis_server_start(*state, "redis_left", NULL);
    redisReply *reply = redis_server_command(redis, "SADD {certstream}:logs " LOG_A " " LOG_B);
    freeReplyObject(reply);
    reply = redis_server_command(
        redis,
        "HSET {certstream}:log:" LOG_A " description %s type rfc6962 state waiting next 4294967296 "
        "verified_size 4294967296 sth_size 4294967300 lag_entries 4 lag_ms 1500 rate 2.5 page 256 "
        "updated 1000 owner x last_error %s",
        "A log", "get-sth: HTTP status 503\n\x1b[31m");
    freeReplyObject(reply);
    reply = redis_server_command(redis,
                                 "HSET {certstream}:log:" LOG_B " description %s quarantine %s "
                                 "quarantine_since 1000",
                                 "B log", "fork");
    freeReplyObject(reply);
    const char *const arguments[] = { "status", "--redis", redis_server_url(redis), NULL };
    struct program *status = run_command(*state, "status", arguments);
    assert_int_equal(program_wait(status, END_MS), 2);
    char *output = program_output(status);
    char *errors = program_errors(status);
    print_message("%s", output);
    assert_non_null(strstr(output, "2 logs, 4 entries behind, 1 quarantined, 1 not followed"));
    assert_non_null(strstr(output, " 4294967296  4294967300  4294967296"));
    assert_non_null(strstr(output, "last error: get-sth: HTTP status 503\\u000a\\u001b[31m"));
    assert_non_null(strstr(output, ": fork"));
    assert_non_null(strstr(errors, "nothing runs"));
    free(output);
    free(errors);
    expect_json(*state, redis);
    redis_server_destroy(redis);
}

/* Each trouble comes with what to do about it. */
static void doctor_says_what_to_do(void **state)
{
    static const char *const texts[] = {
        "packages",
        "memory: ",
        "vm.overcommit_memory",
        "clock: ",
        "LOOK  contact\n      -> ",
        "LOOK  Redis does not answer\n      -> ",
        "LOOK  log lists: ",
        "to look at",
    };
    const char *const arguments[] = { "doctor",
                                      "--var",
                                      ((struct harness *)*state)->folder,
                                      "--redis",
                                      "unix:///nonexistent/redis.sock",
                                      "--log-list",
                                      "/nonexistent/list.json",
                                      NULL };
    struct program *doctor = run_command(*state, "doctor", arguments);
    assert_int_equal(program_wait(doctor, END_MS), 1);
    char *output = program_output(doctor);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strstr(output, texts[i]))
            fail_msg("no \"%s\" in:\n%s", texts[i], output);
    free(output);
}

/* One log answers, the other does not. */
static void doctor_asks_each_log(void **state)
{
    struct program *ct_log = daemon_start_ct_log(*state, "ct_log", NULL);
    char list[DAEMON_URL_SIZE];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(ct_log));
    daemon_control_ct_log(ct_log, "route=get-sth&fault=status&code=503");
    const char *const words[] = { CERTSTREAM_BUILD "/ingest/certstream-doctor", "--log-list", list,
                                  NULL };
    struct program *doctor = program_start(
        *state, &(struct program_options){ .name = "doctor_logs", .arguments = words });
    assert_int_equal(program_wait(doctor, END_MS), 1);
    char *output = program_output(doctor);
    assert_non_null(strstr(output, "ok    log lists: 2 logs to be followed\n"));
    assert_non_null(strstr(output, "ok    Local tiled log: "));
    assert_non_null(strstr(output, "LOOK  Local RFC 6962 log: HTTP status 503\n      -> "));
    free(output);
}

static void a_redis_that_does_not_start_is_said(void **state)
{
    char path[HARNESS_PATH_SIZE];
    harness_path(*state, path, "redis");
    FILE *obstacle = fopen(path, "we");
    assert_non_null(obstacle);
    (void)fclose(obstacle);
    const char *const arguments[] = { "up", "--var", ((struct harness *)*state)->folder, NULL };
    free(error_of(*state, arguments, 1));
}

static void wrong_options_exit_with_2(void **state)
{
    const char *const unknown[] = { "up", "--no-such-option", "x", NULL };
    free(error_of(*state, unknown, 2));
}

static void a_second_start_in_the_same_place_is_refused(void **state)
{
    const char *const arguments[] = { "demo",   "--var", ((struct harness *)*state)->folder,
                                      "--port", "0",     NULL };
    struct program *first = run_command(*state, "first", arguments);
    (void)wait_until_up(first);
    char *errors = error_of(*state, arguments, 1);
    assert_non_null(strstr(errors, "already running"));
    free(errors);
    assert_int_equal(program_stop(first), 0);
}

static void run_to_the_end(struct harness *harness, const char *const *arguments)
{
    struct program *program = program_start(
        harness, &(struct program_options){ .name = "install", .arguments = arguments });
    int code = program_wait(program, END_MS);
    if (code != 0)
        fail_with_errors(program);
}

static void works_where_it_is_installed(void **state)
{
    struct harness *harness = *state;
    char prefix[HARNESS_PATH_SIZE];
    harness_path(harness, prefix, "usr");
    const char *const install[] = {
        "cmake", "--install", CERTSTREAM_BUILD, "--prefix", prefix, NULL
    };
    run_to_the_end(harness, install);

    static const char *const documents[] = {
        "usr/share/man/man1/certstream.1.gz",
        "usr/share/man/man1/certstream-ingest.1.gz",
        "usr/share/man/man1/certstream-streamer.1.gz",
        "usr/share/man/man1/certstream-tail.1.gz",
        "usr/share/man/man1/certstream-backfill.1.gz",
        "usr/share/man/man1/certstream-status.1.gz",
        "usr/share/bash-completion/completions/certstream",
        "usr/lib/systemd/system/certstream-ingest@.service",
        "usr/etc/certstream/streamer.conf",
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        char path[HARNESS_PATH_SIZE];
        harness_path(harness, path, documents[i]);
        if (access(path, R_OK) != 0)
            fail_msg("%s is not installed", documents[i]);
    }

    struct program *ct_log = daemon_start_ct_log(harness, "ct_log", NULL);
    char list[DAEMON_URL_SIZE];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(ct_log));
    char command[HARNESS_PATH_SIZE];
    harness_path(harness, command, "usr/bin/certstream");
    char state_home[HARNESS_PATH_SIZE + 16];
    (void)snprintf(state_home, sizeof state_home, "XDG_STATE_HOME=%s", harness->folder);
    const char *const environment[] = { state_home, "CERTSTREAM_POLL=1", NULL };
    const char *const up[] = { command, "up",      "--port", "0", "--log-list",
                               list,    "--start", "-50",    NULL };
    struct program *program = program_start(
        harness,
        &(struct program_options){ .name = "up", .arguments = up, .environment = environment });
    wait_for_latest(wait_until_up(program));
    assert_int_equal(program_stop(program), 0);
    harness_path(harness, command, "certstream/redis/appendonlydir");
    assert_int_equal(access(command, R_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(demo_streams_certificates_and_ends_cleanly, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(works_where_it_is_installed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_said_and_nothing_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redis_that_does_not_answer_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(status_shows_what_is_left_and_fails_when_nothing_runs,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(status_tells_monitoring_by_its_exit_code, setup, teardown),
        cmocka_unit_test_setup_teardown(doctor_says_what_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(doctor_asks_each_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redis_that_does_not_start_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_options_exit_with_2, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_start_in_the_same_place_is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
