/*
 * A streamer for a long time: entries come steadily, and clients of every kind come and go. Prints
 * once in a while what it holds in memory and descriptors, and fails if that grows, or if a client
 * is told of a gap that nobody made. tests/soak.sh runs it.
 *
 * Variables: SOAK_SECONDS (20), SOAK_RATE (2000 entries per second), SOAK_CLIENTS (500).
 */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/bench/captured_entries.h"
#include "tests/bench/receivers.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    CAPTURED = 2000,
    GROUPS = 25,
    READY_MS = 30000,
    MS_PER_S = 1000,
    /* One group leaves and comes back so often. */
    CHANGE_MS = 500,
    REPORTS = 20,
    /* Memory may grow by so much of what it was after a fifth of the time. */
    GROWTH_PERCENT_MAX = 15,
    GROWTH_KIB_MIN = 16 * 1024,
    GONE_MS = 10000,
};

/* Most want the names only: 500 times the whole would be more than a machine of this size moves. */
static const struct {
    const char *path;
    bool deflates;
} streams[] = {
    { "/domains-only", false },
    { "/domains-only?since=5s", false },
    { "/domains-only", true },
    { "/domains-only?domain=*.com&domain=*.net", false },
    { "/?match=shop", true },
    { "/domains-only?since=30s", true },
    { "/full-stream?match=login", false },
    { "/domains-only?unique=1", false },
};

static uint64_t resident_kib(const struct program *program)
{
    char path[64], line[256];
    uint64_t kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program_pid(program));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", strlen("VmRSS:")) == 0)
            kib = strtoull(line + strlen("VmRSS:"), NULL, 10);
    (void)fclose(file);
    return kib;
}

static size_t descriptors(const struct program *program)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)program_pid(program));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static void wait_until_ready(const struct program *streamer)
{
    struct deadline deadline = deadline_after(READY_MS, "the streamer to be ready");
    for (long status = 0; status != 200;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/readyz");
        status = answer.status;
        http_answer_free(&answer);
        if (status != 200)
            deadline_wait(&deadline);
    }
}

struct soak {
    struct harness *harness;
    struct program *streamer;
    struct receivers *groups[GROUPS];
    size_t group_size;
    uint64_t messages; /* of groups that have left */
    uint64_t connections;
};

static void change_group(struct soak *soak, size_t number)
{
    size_t stream = (size_t)harness_random(soak->harness, sizeof streams / sizeof *streams);
    if (soak->groups[number]) {
        soak->messages += receivers_totals(soak->groups[number]).messages;
        receivers_destroy(soak->groups[number]);
    }
    soak->groups[number] = receivers_connect(program_port(soak->streamer), streams[stream].path,
                                             streams[stream].deflates, soak->group_size, 60, false);
    soak->connections += soak->group_size;
}

static uint64_t delivered(const struct soak *soak)
{
    uint64_t messages = soak->messages;
    for (size_t i = 0; i < GROUPS; i++)
        messages += receivers_totals(soak->groups[i]).messages;
    return messages;
}

static void check_memory(uint64_t early_kib, uint64_t late_kib)
{
#ifdef __SANITIZE_ADDRESS__
    /* AddressSanitizer keeps back what was freed. */
    (void)early_kib;
    (void)late_kib;
#else
    assert_true(late_kib * 100 <= early_kib * (100 + GROWTH_PERCENT_MAX) ||
                late_kib <= early_kib + GROWTH_KIB_MIN);
#endif
}

static void run(struct soak *soak, uint64_t seconds)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t change_ms = start_ms;
    uint64_t report = 0;
    uint64_t early_kib = 0;
    uint64_t late_kib = 0;
    for (uint64_t now_ms = start_ms; now_ms - start_ms < seconds * MS_PER_S;
         now_ms = clock_monotonic_ms()) {
        for (size_t i = 0; i < GROUPS; i++)
            receivers_turn(soak->groups[i], i == 0 ? 5 : 0);
        if (now_ms >= change_ms) {
            change_group(soak, (size_t)harness_random(soak->harness, GROUPS));
            change_ms = now_ms + CHANGE_MS;
        }
        if ((now_ms - start_ms) * REPORTS < report * seconds * MS_PER_S)
            continue;
        late_kib = resident_kib(soak->streamer);
        if (++report == REPORTS / 5)
            early_kib = late_kib;
        print_message("%5" PRIu64 " s: %6" PRIu64 " KiB, %zu descriptors, %" PRIu64
                      " messages delivered, %" PRIu64 " connections, %.1f s CPU\n",
                      (now_ms - start_ms) / MS_PER_S, late_kib, descriptors(soak->streamer),
                      delivered(soak), soak->connections, program_cpu_seconds(soak->streamer));
    }
    check_memory(early_kib, late_kib);
}

static void leave_all(struct soak *soak, size_t descriptors_before)
{
    for (size_t i = 0; i < GROUPS; i++)
        receivers_destroy(soak->groups[i]);
    struct deadline deadline = deadline_after(GONE_MS, "the descriptors to be closed");
    while (descriptors(soak->streamer) > descriptors_before)
        deadline_wait(&deadline);
}

static void holds_no_more_at_the_end_than_at_the_beginning(void **state)
{
    (void)state;
    uint64_t seconds = harness_setting("SOAK_SECONDS", 20);
    uint64_t rate = harness_setting("SOAK_RATE", 2000);
    struct captured_entries *captured = captured_entries_create(CAPTURED);
    struct soak soak = { .harness = harness_create() };
    soak.group_size = (size_t)harness_setting("SOAK_CLIENTS", 500) / GROUPS;
    struct redis_server *redis = redis_server_start(soak.harness, "redis", NULL);
    captured_entries_put_issuers(captured, redis);
    soak.streamer = daemon_start_streamer(soak.harness, "streamer", redis,
                                          (const char *const[]){ "--ring-bytes", "4m", NULL });
    wait_until_ready(soak.streamer);
    size_t before = descriptors(soak.streamer);
    for (size_t i = 0; i < GROUPS; i++)
        change_group(&soak, i);
    pid_t feeder = captured_entries_feed(captured, redis, rate * seconds, rate);
    run(&soak, seconds);
    (void)waitpid(feeder, NULL, 0);
    leave_all(&soak, before);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(soak.harness), 0);
    captured_entries_destroy(captured);
}

int main(void)
{
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_no_more_at_the_end_than_at_the_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
