/*
 * Several ingest processes on one Redis: they divide the logs evenly, divide them anew when one
 * joins, is killed, hangs or stops, and whatever happens each entry of each log is in the stream
 * once.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    CT_LOGS = 4,
    LOGS = 2 * CT_LOGS,
    INGESTS = 3,
    SIZE = 200,
    BACKLOG = 1500,
    SETTLE_MS = 60000,
    /* Four renewals of every lease. */
    QUIET_MS = 6000,
    /* The lease of the dead runs out after 6 s and others look every 1.5 s; the rest is for what
     * else the machine does. */
    TAKEOVER_MAX_MS = 20000,
};

#define STREAM CONTRACT_PREFIX ":stream"

static const char *const names[INGESTS] = { "ingest-a", "ingest-b", "ingest-c" };

/* Who has which log: the number in names[], or INGESTS for nobody. */
struct owners {
    size_t of[LOGS];
};

struct parts {
    struct ingest_stage stage;
    struct program *ct_logs[CT_LOGS];
    struct program *ingests[INGESTS];
    char ids[LOGS][CONTRACT_LOG_ID_HEX + 1];
    uint64_t size;
    struct stream_check check;
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    parts->size = SIZE;
    for (size_t i = 0; i < CT_LOGS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "ct_log-%zu", i);
        const char *const arguments[] = { "--size", "200", "--seed", name, NULL };
        parts->ct_logs[i] = daemon_start_ct_log(parts->stage.harness, name, arguments);
    }
    return 0;
}

/* The first list is an argument of daemon_start_ingest. */
static void start_ingest(struct parts *parts, size_t number)
{
    char lists[CT_LOGS][DAEMON_URL_SIZE];
    const char *arguments[4 + 2 * CT_LOGS + 1] = { "--start", "0", "--retain-entries", "0" };
    for (size_t i = 1; i < CT_LOGS; i++) {
        (void)snprintf(lists[i], sizeof lists[i], "%s/log_list.json",
                       program_ready_text(parts->ct_logs[i]));
        arguments[2 + 2 * i] = "--log-list";
        arguments[3 + 2 * i] = lists[i];
    }
    parts->ingests[number] = daemon_start_ingest(parts->stage.harness, names[number],
                                                 parts->stage.redis, parts->ct_logs[0], arguments);
}

static void publish(struct parts *parts, uint64_t more)
{
    char query[64];
    parts->size += more;
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)parts->size);
    for (size_t i = 0; i < CT_LOGS; i++)
        daemon_control_ct_log(parts->ct_logs[i], query);
}

static void learn_ids(struct parts *parts)
{
    struct deadline deadline = deadline_after(SETTLE_MS, "the logs to be known");
    while (redis_server_integer(parts->stage.redis, "SCARD " CONTRACT_PREFIX ":logs") < LOGS)
        deadline_wait(&deadline);
    redisReply *reply =
        redis_server_command(parts->stage.redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    assert_int_equal(reply->elements, LOGS);
    for (size_t i = 0; i < LOGS; i++)
        (void)snprintf(parts->ids[i], sizeof parts->ids[i], "%s", reply->element[i]->str);
    freeReplyObject(reply);
}

static struct owners read_owners(struct parts *parts)
{
    struct owners owners;
    for (size_t i = 0; i < LOGS; i++) {
        redisReply *reply = redis_server_command(parts->stage.redis,
                                                 "GET " CONTRACT_PREFIX ":lease:%s", parts->ids[i]);
        size_t number = 0;
        while (number < INGESTS &&
               (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, names[number]) != 0))
            number++;
        owners.of[i] = number;
        freeReplyObject(reply);
    }
    return owners;
}

/* Whether the logs are divided evenly among those whose bit is set, and nobody else has any. */
static bool is_even(const struct owners *owners, unsigned living)
{
    size_t held[INGESTS + 1] = { 0 };
    for (size_t i = 0; i < LOGS; i++)
        held[owners->of[i]]++;
    size_t processes = (size_t)__builtin_popcount(living);
    bool even = held[INGESTS] == 0;
    for (size_t i = 0; i < INGESTS; i++)
        even = even && (living & 1U << i ? held[i] == LOGS / processes ||
                                               held[i] == (LOGS + processes - 1) / processes
                                         : held[i] == 0);
    return even;
}

/* How long that took. */
static uint64_t wait_until_even(struct parts *parts, unsigned living, const char *when)
{
    uint64_t start_ms = clock_monotonic_ms();
    struct deadline deadline = deadline_after(SETTLE_MS, when);
    for (struct owners owners = read_owners(parts); !is_even(&owners, living);
         owners = read_owners(parts))
        deadline_wait(&deadline);
    uint64_t took_ms = clock_monotonic_ms() - start_ms;
    print_message("%s: even again after %llu ms\n", when, (unsigned long long)took_ms);
    return took_ms;
}

static void expect_no_flapping(struct parts *parts)
{
    struct owners before = read_owners(parts);
    for (uint64_t end_ms = clock_monotonic_ms() + QUIET_MS; clock_monotonic_ms() < end_ms;
         harness_pause(50)) {
        struct owners now = read_owners(parts);
        assert_memory_equal(&now, &before, sizeof now);
    }
}

static size_t count_moved(const struct owners *before, const struct owners *after)
{
    size_t moved = 0;
    for (size_t i = 0; i < LOGS; i++)
        moved += before->of[i] != after->of[i];
    return moved;
}

static void expect_in_time(uint64_t took_ms, uint64_t max_ms)
{
    if (!getenv("CERTSTREAM_WRAPPER"))
        assert_true(took_ms < max_ms);
}

static void expect_complete(struct parts *parts)
{
    stream_check_expect(&parts->check, parts->stage.redis, LOGS, 0, parts->size);
}

static void begin(struct parts *parts)
{
    start_ingest(parts, 0);
    learn_ids(parts);
    (void)wait_until_even(parts, 1, "one process");
    start_ingest(parts, 1);
    (void)wait_until_even(parts, 3, "a second joins");
    start_ingest(parts, 2);
    (void)wait_until_even(parts, 7, "a third joins");
    expect_complete(parts);
}

static void logs_are_divided_evenly_and_stay_where_they_are(void **state)
{
    struct parts *parts = *state;
    begin(parts);
    expect_no_flapping(parts);
    struct owners before = read_owners(parts);
    /* Three and three and two become four and four: two or three logs move, those of the one that
     * goes. */
    assert_int_equal(program_stop(parts->ingests[1]), 0);
    /* It hands its logs over before it ends: nobody has to wait for a lease to run out. */
    struct owners handed_over = read_owners(parts);
    for (size_t i = 0; i < LOGS; i++)
        assert_int_not_equal(handed_over.of[i], 1);
    (void)wait_until_even(parts, 5, "one stops");
    struct owners after = read_owners(parts);
    assert_in_range(count_moved(&before, &after), LOGS / INGESTS, LOGS / INGESTS + 1);
    publish(parts, SIZE);
    expect_complete(parts);
}

static void a_killed_process_is_replaced_in_time(void **state)
{
    struct parts *parts = *state;
    begin(parts);
    publish(parts, BACKLOG);
    program_kill(parts->ingests[0]);
    expect_in_time(wait_until_even(parts, 6, "one is killed"), TAKEOVER_MAX_MS);
    publish(parts, SIZE);
    expect_complete(parts);
    program_restart(parts->ingests[0]);
    (void)wait_until_even(parts, 7, "it is started again");
    publish(parts, SIZE);
    expect_complete(parts);
}

/* It is paused in the middle of its work, and when it wakes up all of that has been done by
 * others. */
static void a_paused_process_writes_nothing_when_it_wakes_up(void **state)
{
    struct parts *parts = *state;
    begin(parts);
    for (size_t i = 0; i < CT_LOGS; i++)
        daemon_control_ct_log(parts->ct_logs[i], "route=any&fault=delay&ms=100");
    long long length = redis_server_integer(parts->stage.redis, "XLEN " STREAM);
    publish(parts, BACKLOG);
    struct deadline deadline = deadline_after(SETTLE_MS, "the work to begin");
    while (redis_server_integer(parts->stage.redis, "XLEN " STREAM) < length + SIZE)
        deadline_wait(&deadline);
    program_signal(parts->ingests[2], SIGSTOP);
    (void)wait_until_even(parts, 3, "one is paused");
    expect_complete(parts);

    length = redis_server_integer(parts->stage.redis, "XLEN " STREAM);
    program_signal(parts->ingests[2], SIGCONT);
    (void)wait_until_even(parts, 7, "it wakes up");
    assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " STREAM), length);
    for (size_t i = 0; i < CT_LOGS; i++)
        daemon_control_ct_log(parts->ct_logs[i], "clear=1");
    publish(parts, SIZE);
    expect_complete(parts);
    expect_no_flapping(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(logs_are_divided_evenly_and_stay_where_they_are, setup),
        ON_INGEST_STAGE(a_killed_process_is_replaced_in_time, setup),
        ON_INGEST_STAGE(a_paused_process_writes_nothing_when_it_wakes_up, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
