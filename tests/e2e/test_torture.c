/*
 * Four logs of both kinds that grow at a thousand entries per second in all, three ingest
 * processes, and everything that can go wrong at once: parts are killed, paused and stopped at
 * random, Redis loses its last moments, and the logs answer slowly, wrongly, or not at all, or sign
 * what is not theirs; all the while history is packed, behind a consumer group. At the end each
 * index of each log is there once, in order, under a verified root: as it was read all along, and
 * in what Redis holds, packed and plain.
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

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/history_walk.h"
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
    /* A second of entries, and of all else that is written. */
    TORN_BYTES = 4 * 1024 * 1024,
};

#define STREAM CONTRACT_PREFIX ":stream"

enum affliction {
    UNHARMED,
    KILLED,
    STOPPED, /* in order, and started again */
    PAUSED,
    TORN, /* Redis: killed, and what it wrote last is not there */
};

struct parts {
    struct ingest_stage stage;
    struct program *ct_logs[CT_LOGS];
    struct program *ingests[INGESTS];
    enum affliction afflictions[INGESTS];
    enum affliction redis_affliction;
    struct stream_check check;
    struct stream_check_mark marks[STREAM_CHECK_MARKS];
    struct stream_check walk; /* what Redis holds at the end */
    uint64_t counts[TORN + 1];
    uint64_t read_again; /* entries that Redis had lost when they had been read */
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
    const char *const arguments[] = { "--log-list",           list, "--start",   "0",
                                      "--quarantine-recheck", "1",  "--history", "on",
                                      "--plain-age",          "5s", NULL };
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
    parts->check.marks = parts->marks;
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
    case TORN: fail(); break;
    }
}

static void heal_program(struct program *program, enum affliction affliction)
{
    switch (affliction) {
    case UNHARMED: break;
    case KILLED:
    case STOPPED: program_restart(program); break;
    case PAUSED: program_signal(program, SIGCONT); break;
    case TORN: fail(); break;
    }
}

static void afflict_redis(struct parts *parts)
{
    static const enum affliction afflictions[] = { KILLED, PAUSED, TORN };
    parts->redis_affliction = pick(parts, 6) ? UNHARMED : afflictions[pick(parts, 3)];
    if (parts->redis_affliction != KILLED && parts->redis_affliction != TORN) {
        afflict_program(parts, redis_server_program(parts->stage.redis), parts->redis_affliction);
        return;
    }
    parts->counts[parts->redis_affliction]++;
    redis_server_kill(parts->stage.redis);
    if (parts->redis_affliction == TORN)
        redis_server_lose_end(parts->stage.redis, pick(parts, TORN_BYTES));
}

/* What Redis has lost comes again. A kill alone can do that too, where the disk is slow. */
static void heal_redis(struct parts *parts)
{
    struct redis_server *redis = parts->stage.redis;
    if (parts->redis_affliction != KILLED && parts->redis_affliction != TORN) {
        heal_program(redis_server_program(redis), parts->redis_affliction);
        return;
    }
    redis_server_restart(redis);
    parts->read_again += stream_check_step_back(&parts->check, redis);
}

/* And nothing is packed before it is read. Redis may have lost the group. */
static void read_stream(struct parts *parts)
{
    stream_check_read(&parts->check, parts->stage.redis);
    freeReplyObject(
        redis_server_ask(parts->stage.redis, "XGROUP CREATE " STREAM " torture 0 MKSTREAM"));
    if (*parts->check.last_id)
        freeReplyObject(redis_server_command(
            parts->stage.redis, "XGROUP SETID " STREAM " torture %s", parts->check.last_id));
}

static void afflict(struct parts *parts)
{
    for (size_t i = 0; i < INGESTS; i++) {
        parts->afflictions[i] = pick(parts, 3) ? UNHARMED : (enum affliction)(1 + pick(parts, 3));
        afflict_program(parts, parts->ingests[i], parts->afflictions[i]);
    }
    afflict_redis(parts);
    for (uint64_t i = pick(parts, 3); i > 0; i--)
        set_fault(parts);
}

static void heal(struct parts *parts)
{
    heal_redis(parts);
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

/* Whatever was read on the way: what is there now is all that was ever added, each index of each
 * log once, in order. */
static void expect_all_held(struct parts *parts, uint64_t end)
{
    stream_check_expect_all_read(&parts->check, parts->stage.redis);
    struct history_walked walked = history_walk(&parts->walk, parts->stage.redis);
    assert_int_equal(parts->walk.count, LOGS);
    for (size_t i = 0; i < LOGS; i++) {
        assert_int_equal(parts->walk.logs[i].first, 0);
        assert_int_equal(parts->walk.logs[i].next, end);
    }
    assert_int_equal(parts->walk.entries, parts->check.entries);
    print_message("%zu of the entries are packed, in %zu blocks of %zu bytes in all\n",
                  walked.packed, walked.blocks, walked.bytes);
}

static void each_entry_once_whatever_goes_wrong(void **state)
{
    struct parts *parts = *state;
    uint64_t end_ms =
        clock_monotonic_ms() + harness_setting("CERTSTREAM_TORTURE_SECONDS", 20) * 1000;
    /* Every log has begun: from here on another tree contradicts it. */
    struct deadline begun = deadline_after(COMPLETE_MS, "every log to begin");
    while (parts->check.count < LOGS) {
        read_stream(parts);
        deadline_wait(&begun);
    }
    while (clock_monotonic_ms() < end_ms) {
        afflict(parts);
        harness_pause(pick(parts, pick(parts, LONG_ONE_IN) ? SHORT_MS : LONG_MS));
        heal(parts);
        read_stream(parts);
    }
    uint64_t end = end_growth(parts);
    struct deadline complete = deadline_after(COMPLETE_MS, "all logs to be complete");
    while (!is_complete(&parts->check, end)) {
        read_stream(parts);
        deadline_wait(&complete);
    }
    for (size_t i = 0; i < LOGS; i++) {
        assert_int_equal(parts->check.logs[i].first, 0);
        check_position(parts, parts->check.logs[i].id, end);
    }
    expect_all_held(parts, end);
    print_message(
        "%llu entries; %llu kills, %llu stops, %llu pauses, %llu ends of Redis lost with "
        "%llu entries that had been read, %llu faults; %lld records of evidence\n",
        (unsigned long long)parts->check.entries, (unsigned long long)parts->counts[KILLED],
        (unsigned long long)parts->counts[STOPPED], (unsigned long long)parts->counts[PAUSED],
        (unsigned long long)parts->counts[TORN], (unsigned long long)parts->read_again,
        (unsigned long long)parts->faults,
        redis_server_integer(parts->stage.redis, "XLEN " CONTRACT_PREFIX ":evidence"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(each_entry_once_whatever_goes_wrong, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
