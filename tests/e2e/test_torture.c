/*
 * Four logs of both kinds that grow at a thousand entries per second in all, three ingest
 * processes, and everything that can go wrong at once: parts are killed, paused and stopped at
 * random, and the logs answer slowly, wrongly, or not at all, or sign what is not theirs. At the
 * end each index of each log is in the stream once, in order, under a verified root.
 *
 * CERTSTREAM_TORTURE_SECONDS (20) is for how long. tests/torture.sh runs it for half an hour.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    CT_LOGS = 2,
    LOGS = 2 * CT_LOGS,
    INGESTS = 3,
    SIZE = 600,
    /* Most afflictions are short; one in so many outlasts a lease. */
    LONG_ONE_IN = 8,
    SHORT_MS = 700,
    LONG_MS = 8000,
    /* For what is behind at the end: operators were annoyed, logs are in quarantine. */
    COMPLETE_MS = 300000,
    QUERY_SIZE = 128,
};

enum affliction {
    UNHARMED,
    KILLED,
    STOPPED, /* in order, and started again */
    PAUSED,
};

struct parts {
    struct ingest_stage stage;
    struct program *ct_logs[CT_LOGS];
    struct program *ingests[INGESTS];
    enum affliction afflictions[INGESTS];
    enum affliction redis_affliction;
    struct stream_check check;
    uint64_t counts[PAUSED + 1];
    uint64_t faults;
};

/* After a = at the end comes a number below 1,000. */
static const char *const faults[] = {
    "route=any&fault=status&code=503&probability=0.3",
    "route=any&fault=status&code=500",
    "route=any&fault=status&code=429&count=3",
    "route=any&fault=status&code=400&probability=0.2",
    "route=data&fault=status&code=404&probability=0.5",
    "route=any&fault=truncate&probability=0.2",
    "route=any&fault=garbage&probability=0.2",
    "route=any&fault=empty&probability=0.3",
    "route=any&fault=close&probability=0.3",
    "route=any&fault=delay&ms=",
    "route=any&fault=short&page=7",
    "route=any&fault=extra",
    "route=any&fault=stale&n=",
    "route=any&fault=shrink&n=",
    "route=any&fault=lag&probability=0.5&n=",
    "route=any&fault=bad-signature&probability=0.5",
    "route=any&fault=fork&n=1",
    "route=any&fault=fork&n=1&probability=0.1",
    "route=get-sth&fault=fork&n=1",
    "route=get-entries&fault=bad-leaf&probability=0.3",
    "route=data&fault=bad-leaf&probability=0.3",
    "route=data&fault=wrong-index&probability=0.3",
    "route=proof&fault=bad-leaf",
    "route=tile&fault=bad-leaf",
    "route=any&fault=ctile",
    "route=any&fault=strict-end",
    "route=any&fault=gzip",
    "route=any&fault=raw-gzip",
    "route=any&fault=drop-partials",
};

static struct program *start_ingest(struct parts *parts, const char *name)
{
    char list[DAEMON_URL_SIZE];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(parts->ct_logs[1]));
    const char *const arguments[] = {
        "--log-list",       list,      "--start", "0", "--quarantine-recheck", "1",
        "--retain-entries", "2000000", NULL
    };
    return daemon_start_ingest(parts->stage.harness, name, parts->stage.redis, parts->ct_logs[0],
                               arguments);
}

static int setup(void **state)
{
    static const char *const names[INGESTS] = { "ingest-a", "ingest-b", "ingest-c" };
    /* Loaded again after each kill: half an hour of entries would take minutes. */
    static const char *const redis[] = { "--auto-aof-rewrite-percentage", "100",
                                         "--auto-aof-rewrite-min-size", "64mb", NULL };
    struct parts *parts = ingest_stage_create(sizeof *parts, redis);
    *state = parts;
    for (size_t i = 0; i < CT_LOGS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "ct_log-%zu", i);
        const char *const arguments[] = { "--size", "600", "--rate", "250", "--seed", name, NULL };
        parts->ct_logs[i] = daemon_start_ct_log(parts->stage.harness, name, arguments);
    }
    for (size_t i = 0; i < INGESTS; i++)
        parts->ingests[i] = start_ingest(parts, names[i]);
    return 0;
}

static uint64_t pick(struct parts *parts, uint64_t below)
{
    return harness_random(parts->stage.harness, below);
}

static void set_fault(struct parts *parts)
{
    char query[QUERY_SIZE];
    const char *fault = faults[pick(parts, sizeof faults / sizeof *faults)];
    int size = snprintf(query, sizeof query, "%s", fault);
    if (fault[size - 1] == '=')
        (void)snprintf(query + size, sizeof query - (size_t)size, "%u",
                       (unsigned)pick(parts, 1000));
    daemon_control_ct_log(parts->ct_logs[pick(parts, CT_LOGS)], query);
    parts->faults++;
}

static void afflict_program(struct parts *parts, struct program *program,
                            enum affliction affliction)
{
    parts->counts[affliction]++;
    switch (affliction) {
    case UNHARMED: break;
    case KILLED: program_kill(program); break;
    case STOPPED: assert_int_equal(program_stop(program), 0); break;
    case PAUSED: program_signal(program, SIGSTOP); break;
    }
}

static void heal_program(struct program *program, enum affliction affliction)
{
    switch (affliction) {
    case UNHARMED: break;
    case KILLED:
    case STOPPED: program_restart(program); break;
    case PAUSED: program_signal(program, SIGCONT); break;
    }
}

static void afflict(struct parts *parts)
{
    for (size_t i = 0; i < INGESTS; i++) {
        parts->afflictions[i] = pick(parts, 3) ? UNHARMED : (enum affliction)(1 + pick(parts, 3));
        afflict_program(parts, parts->ingests[i], parts->afflictions[i]);
    }
    parts->redis_affliction = pick(parts, 6) ? UNHARMED : pick(parts, 2) ? KILLED : PAUSED;
    if (parts->redis_affliction == KILLED) {
        parts->counts[KILLED]++;
        redis_server_kill(parts->stage.redis);
    } else {
        afflict_program(parts, redis_server_program(parts->stage.redis), parts->redis_affliction);
    }
    for (uint64_t i = pick(parts, 3); i > 0; i--)
        set_fault(parts);
}

static void heal(struct parts *parts)
{
    if (parts->redis_affliction == KILLED)
        redis_server_restart(parts->stage.redis);
    else
        heal_program(redis_server_program(parts->stage.redis), parts->redis_affliction);
    for (size_t i = 0; i < INGESTS; i++)
        heal_program(parts->ingests[i], parts->afflictions[i]);
    /* Faults last for one round or for several. */
    if (pick(parts, 2))
        for (size_t i = 0; i < CT_LOGS; i++)
            daemon_control_ct_log(parts->ct_logs[i], "clear=1");
}

static uint64_t size_of(const struct program *ct_log)
{
    struct http_answer answer = http_get_local(program_port(ct_log), "/control");
    const char *text = strstr(http_answer_text(&answer), "\"size\":");
    assert_non_null(text);
    uint64_t size = strtoull(text + strlen("\"size\":"), NULL, 10);
    http_answer_free(&answer);
    return size;
}

/* Both logs tell the truth again, and end at the same size. */
static uint64_t end_growth(struct parts *parts)
{
    uint64_t end = 0;
    char query[QUERY_SIZE];
    for (size_t i = 0; i < CT_LOGS; i++) {
        daemon_control_ct_log(parts->ct_logs[i], "clear=1&rate=0");
        uint64_t size = size_of(parts->ct_logs[i]);
        end = size > end ? size : end;
    }
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)end + 1000);
    for (size_t i = 0; i < CT_LOGS; i++)
        daemon_control_ct_log(parts->ct_logs[i], query);
    return end + 1000;
}

static bool is_complete(const struct stream_check *check, uint64_t end)
{
    bool complete = check->count == LOGS;
    for (size_t i = 0; i < check->count; i++)
        complete &= check->logs[i].next == end;
    return complete;
}

static void check_position(struct parts *parts, const char *id, uint64_t end)
{
    static const char *const fields[] = { "next", "verified_size", "sth_size" };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        redisReply *reply = redis_server_command(
            parts->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s %s", id, fields[i]);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        assert_int_equal(strtoull(reply->str, NULL, 10), end);
        freeReplyObject(reply);
    }
}

static void each_entry_once_whatever_goes_wrong(void **state)
{
    struct parts *parts = *state;
    uint64_t end_ms =
        clock_monotonic_ms() + harness_setting("CERTSTREAM_TORTURE_SECONDS", 20) * 1000;
    /* Every log has begun: from here on another tree contradicts it. */
    struct deadline begun = deadline_after(COMPLETE_MS, "every log to begin");
    while (parts->check.count < LOGS) {
        stream_check_read(&parts->check, parts->stage.redis);
        deadline_wait(&begun);
    }
    while (clock_monotonic_ms() < end_ms) {
        afflict(parts);
        harness_pause(pick(parts, pick(parts, LONG_ONE_IN) ? SHORT_MS : LONG_MS));
        heal(parts);
        stream_check_read(&parts->check, parts->stage.redis);
    }
    uint64_t end = end_growth(parts);
    struct deadline complete = deadline_after(COMPLETE_MS, "all logs to be complete");
    while (!is_complete(&parts->check, end)) {
        stream_check_read(&parts->check, parts->stage.redis);
        deadline_wait(&complete);
    }
    for (size_t i = 0; i < LOGS; i++) {
        assert_int_equal(parts->check.logs[i].first, 0);
        check_position(parts, parts->check.logs[i].id, end);
    }
    print_message("%llu entries; %llu kills, %llu stops, %llu pauses, %llu faults; %lld records of "
                  "evidence\n",
                  (unsigned long long)parts->check.entries,
                  (unsigned long long)parts->counts[KILLED],
                  (unsigned long long)parts->counts[STOPPED],
                  (unsigned long long)parts->counts[PAUSED], (unsigned long long)parts->faults,
                  redis_server_integer(parts->stage.redis, "XLEN " CONTRACT_PREFIX ":evidence"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(each_entry_once_whatever_goes_wrong, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
