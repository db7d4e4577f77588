/*
 * As a service manager sees the daemons: they say when they are ready, that their loop turns, how
 * they do and that they stop; and they do stop in time, whoever hangs.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    MESSAGE_MS = 60000,
    MESSAGE_SIZE = 512,
    LOGS = 2,
    SIZE = 300,
    GROWN = 20000,
    STOP_MAX_MS = 5000,
};

struct parts {
    struct ingest_stage stage;
    int manager; /* receives what is said */
};

/* NOTIFY_SOCKET is set for what is started from now on. */
static int listen_as_manager(struct harness *harness)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char path[HARNESS_PATH_SIZE];
    harness_path(harness, path, "notify");
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&address, sizeof address), 0);
    (void)setenv("NOTIFY_SOCKET", path, 1);
    (void)setenv("WATCHDOG_USEC", "400000", 1);
    return manager;
}

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    const char *const ct_log[] = { "--size", "300", "--seed", "service", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    parts->manager = listen_as_manager(parts->stage.harness);
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)close(parts->manager);
    return ingest_stage_teardown(state);
}

/* Waits for a message that begins so; others before it are passed over. */
static void expect(const struct parts *parts, const char *wanted)
{
    struct deadline deadline = deadline_after(MESSAGE_MS, wanted);
    for (;;) {
        char text[MESSAGE_SIZE] = "";
        if (recv(parts->manager, text, sizeof text - 1, 0) < 0)
            deadline_wait(&deadline);
        else if (strncmp(text, wanted, strlen(wanted)) == 0)
            return;
    }
}

static size_t drop_messages(const struct parts *parts)
{
    char text[MESSAGE_SIZE];
    size_t count = 0;
    while (recv(parts->manager, text, sizeof text, 0) >= 0)
        count++;
    return count;
}

/* One that is stopped is one whose loop hangs. */
static void expect_signs_of_life(const struct parts *parts, struct program *program)
{
    for (unsigned i = 0; i < 3; i++)
        expect(parts, "WATCHDOG=1");
    program_signal(program, SIGSTOP);
    harness_pause(300);
    (void)drop_messages(parts);
    harness_pause(1000);
    assert_int_equal(drop_messages(parts), 0);
    program_signal(program, SIGCONT);
    expect(parts, "WATCHDOG=1");
}

static struct program *start_ingest(const struct parts *parts)
{
    const char *const arguments[] = { "--start", "0", "--retain-entries", "0", NULL };
    return daemon_start_ingest(parts->stage.harness, "ingest", parts->stage.redis,
                               parts->stage.ct_log, arguments);
}

static void ingest_tells_its_manager(void **state)
{
    const struct parts *parts = *state;
    struct program *ingest = start_ingest(parts);
    expect(parts, "READY=1");
    expect(parts, "STATUS=follows 2 logs");
    expect_signs_of_life(parts, ingest);
    redis_server_kill(parts->stage.redis);
    expect(parts, "STATUS=Redis is away: ");
    expect(parts, "WATCHDOG=1");
    assert_int_equal(program_stop(ingest), 0);
    expect(parts, "STOPPING=1");
}

static void streamer_tells_its_manager(void **state)
{
    const struct parts *parts = *state;
    struct program *streamer =
        daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, NULL);
    expect(parts, "READY=1");
    expect(parts, "STATUS=serves ");
    expect_signs_of_life(parts, streamer);
    redis_server_kill(parts->stage.redis);
    expect(parts, "STATUS=Redis is away: ");
    assert_int_equal(program_stop(streamer), 0);
    expect(parts, "STOPPING=1");
}

/* Without Redis to begin with: the loop runs, so it is ready. */
static void is_ready_without_redis(void **state)
{
    const struct parts *parts = *state;
    redis_server_kill(parts->stage.redis);
    (void)start_ingest(parts);
    expect(parts, "READY=1");
    (void)daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, NULL);
    expect(parts, "READY=1");
}

static void stop_in_time(struct program *ingest, const char *while_what)
{
    uint64_t start_ms = clock_monotonic_ms();
    assert_int_equal(program_stop(ingest), 0);
    uint64_t took_ms = clock_monotonic_ms() - start_ms;
    print_message("stopped in %llu ms while %s\n", (unsigned long long)took_ms, while_what);
    if (!getenv("CERTSTREAM_WRAPPER"))
        assert_true(took_ms < STOP_MAX_MS);
}

static void stops_in_time_and_loses_nothing(void **state)
{
    const struct parts *parts = *state;
    struct program *ingest = start_ingest(parts);
    struct stream_check check = { 0 };
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, SIZE);

    daemon_control_ct_log(parts->stage.ct_log, "route=get-entries&fault=drip&bytes=2000");
    daemon_control_ct_log(parts->stage.ct_log, "route=data&fault=drip&bytes=2000&size=20000");
    unsigned long long requests = daemon_count_requests(parts->stage.ct_log);
    struct deadline deadline = deadline_after(MESSAGE_MS, "requests that drip");
    while (daemon_count_requests(parts->stage.ct_log) < requests + 4)
        deadline_wait(&deadline);
    stop_in_time(ingest, "the logs drip");

    daemon_control_ct_log(parts->stage.ct_log, "clear=1&size=20000");
    program_restart(ingest);
    stream_check_read(&check, parts->stage.redis);
    program_signal(redis_server_program(parts->stage.redis), SIGSTOP);
    harness_pause(500);
    stop_in_time(ingest, "Redis hangs");
    program_signal(redis_server_program(parts->stage.redis), SIGCONT);

    program_restart(ingest);
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, GROWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ingest_tells_its_manager, setup, teardown),
        cmocka_unit_test_setup_teardown(streamer_tells_its_manager, setup, teardown),
        cmocka_unit_test_setup_teardown(is_ready_without_redis, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_in_time_and_loses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
