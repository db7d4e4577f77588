/*
 * Whatever a log answers: ingest does not hammer it, never skips an index, publishes nothing that
 * is wrong, and has everything once the log behaves again. One row per fault of the local CT log,
 * and some at random.
 *
 * Each lane is a local CT log (of an operator of its own, because throttled operators are asked
 * less for a while) that goes through its faults one after the other; all lanes at once, with one
 * ingest process.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/e2e/stream_truth.h"
#include "tests/support/harness.h"

enum {
    LOGS_PER_LANE = 2,
    SIZE = 600,
    /* Published when the fault has begun: more than a page and a tile. */
    GROWTH = 400,
    FAULT_MS = 2000,
    FAULT_MAX_MS = 20000,
    /* A back-off or a quarantine of 2 s has at most doubled twice, on a machine that does other
     * things too. */
    RECOVERY_MS = 120000,
    QUERY_SIZE = 512,
    DATE_SIZE = 64,
    MIXED = 3,
};

/* While it lasts. */
enum effect {
    NOTHING_COMES,
    NOTHING_WRONG_COMES, /* the entries are asked for again and again */
    SOME_COMES,
    ALL_COMES
};

/* Per second, to both logs in all: polls every second, retries and their back-off; a request per
 * seven entries. */
static const unsigned long long requests_max[] = {
    [NOTHING_COMES] = 12, [NOTHING_WRONG_COMES] = 40, [SOME_COMES] = 20, [ALL_COMES] = 100
};

struct fault {
    const char *name;
    /* Several are parted by spaces; DATE stands for the date that is in 2 s; none: some of `mixed`
     * at random. */
    const char *query;
    enum effect effect;
};

static const struct fault broken_answers[] = {
    { "500", "route=any&fault=status&code=500", NOTHING_COMES },
    { "503 in HTML", "route=any&fault=status&code=503&body=html", NOTHING_COMES },
    { "400, as of a lagging replica", "route=any&fault=status&code=400", NOTHING_COMES },
    { "404", "route=any&fault=status&code=404", NOTHING_COMES },
    { "a redirect", "route=any&fault=status&code=302&location=/tiled/checkpoint", NOTHING_COMES },
    { "a body cut short", "route=any&fault=truncate", NOTHING_COMES },
    { "200 with garbage", "route=any&fault=garbage", NOTHING_COMES },
    { "200 with a page", "route=any&fault=garbage&body=html", NOTHING_COMES },
    { "200 with nothing in it", "route=any&fault=empty", NOTHING_COMES },
    { "no answer at all", "route=any&fault=close", NOTHING_COMES },
    { "a decompression bomb", "route=any&fault=bomb&n=8", NOTHING_COMES },
    { "any of these at random", NULL, ALL_COMES },
};

static const struct fault odd_answers[] = {
    { "no entries in good time",
      "route=get-entries&fault=status&code=503 route=data&fault=status&code=503", SOME_COMES },
    { "every other request fails", "route=any&fault=status&code=503&probability=0.5", ALL_COMES },
    { "few entries at a time", "route=any&fault=short&page=7", ALL_COMES },
    { "more entries than asked for", "route=any&fault=extra", ALL_COMES },
    { "entries up to the end of their tile", "route=any&fault=ctile&page=100", ALL_COMES },
    { "400 if the end is not in the tree", "route=any&fault=strict-end", ALL_COMES },
    { "no partial tile beside its full one", "route=any&fault=drop-partials", ALL_COMES },
    { "slow answers", "route=any&fault=delay&ms=300", ALL_COMES },
    { "dripping bodies", "route=any&fault=drip&bytes=200000", ALL_COMES },
    { "compressed, asked for or not", "route=any&fault=gzip", ALL_COMES },
    { "compressed without a word", "route=any&fault=raw-gzip", ALL_COMES },
    { "no proofs", "route=proof&fault=status&code=404", ALL_COMES },
    { "any of these at random", NULL, ALL_COMES },
};

static const struct fault wrong_answers[] = {
    { "a stale head", "route=any&fault=stale&n=300", SOME_COMES },
    { "a shrunken head", "route=any&fault=shrink&n=300", SOME_COMES },
    { "a front end that lags", "route=any&fault=lag&n=300", SOME_COMES },
    { "two front ends, one of which lags", "route=any&fault=lag&n=300&probability=0.5", ALL_COMES },
    { "a head somebody else signed", "route=any&fault=bad-signature", NOTHING_COMES },
    { "a flipped bit in entries", "route=get-entries&fault=bad-leaf route=data&fault=bad-leaf",
      NOTHING_WRONG_COMES },
    { "a flipped bit in hash tiles and proofs",
      "route=tile&fault=bad-leaf route=proof&fault=bad-leaf", ALL_COMES },
    { "a wrong index in entries",
      "route=get-entries&fault=wrong-index route=data&fault=wrong-index", NOTHING_WRONG_COMES },
    { "another tree", "route=any&fault=fork&n=0", NOTHING_WRONG_COMES },
    { "a head of another tree", "route=get-sth&fault=fork&n=0 route=checkpoint&fault=fork&n=0",
      NOTHING_WRONG_COMES },
    { "any of these at random", NULL, ALL_COMES },
};

static const struct fault throttled[] = { { "429", "route=any&fault=status&code=429",
                                            NOTHING_COMES } };
static const struct fault throttled_for_seconds[] = {
    { "429 with Retry-After", "route=any&fault=status&code=429&retry-after=1", NOTHING_COMES }
};
static const struct fault throttled_until_a_date[] = {
    { "503 with Retry-After, a date", "route=any&fault=status&code=503&retry-after=DATE",
      NOTHING_COMES }
};
static const struct fault forbidden[] = { { "403", "route=any&fault=status&code=403",
                                            NOTHING_COMES } };

/* What a random fault is made of. */
static const char *const mixed[] = {
    "fault=status&code=500", "fault=status&code=503&body=html",
    "fault=status&code=404", "fault=truncate",
    "fault=garbage",         "fault=empty",
    "fault=close",           "fault=short&page=50",
    "fault=extra",           "fault=stale&n=100",
    "fault=shrink&n=50",     "fault=lag&n=200",
    "fault=delay&ms=200",    "fault=gzip",
    "fault=raw-gzip",        "fault=bad-signature",
    "fault=bad-leaf",        "fault=wrong-index",
};

#define LANE(name, rows)                          \
    {                                             \
        name, rows, sizeof(rows) / sizeof *(rows) \
    }

static const struct {
    const char *name;
    const struct fault *faults;
    size_t count;
} lane_rows[] = {
    LANE("broken", broken_answers),         LANE("odd", odd_answers),
    LANE("wrong", wrong_answers),           LANE("throttled", throttled),
    LANE("seconds", throttled_for_seconds), LANE("date", throttled_until_a_date),
    LANE("forbidden", forbidden),
};

enum {
    LANES = sizeof lane_rows / sizeof *lane_rows
};

_Static_assert(LANES *LOGS_PER_LANE <= STREAM_CHECK_LOGS, "the stream check knows all logs");

struct lane {
    struct program *ct_log;
    const struct fault *faults;
    size_t count;
    size_t at;       /* the fault that is on, or over */
    bool is_failing; /* else everything of it is waited for */
    uint64_t started_ms;
    struct deadline recovery;
    uint64_t size;
    uint64_t entries; /* in the stream when the fault began */
    unsigned long long requests;
    char ids[LOGS_PER_LANE][STREAM_CHECK_LOG_SIZE];
};

struct parts {
    struct ingest_stage stage;
    struct stream_check check;
    struct lane lanes[LANES];
};

static void start_lane(struct parts *parts, size_t at)
{
    struct lane *lane = &parts->lanes[at];
    const char *name = lane_rows[at].name;
    const char *const words[] = { "--size", "600", "--seed", name, "--operator", name, NULL };
    lane->ct_log = daemon_start_ct_log(parts->stage.harness, name, words);
    lane->faults = lane_rows[at].faults;
    lane->count = lane_rows[at].count;
    lane->size = SIZE;
    stream_truth_ids(lane->ct_log, lane->ids[0], lane->ids[1]);
}

static int setup(void **state)
{
    static char lists[LANES][DAEMON_URL_SIZE];
    const char *words[2 * LANES + 8] = {
        "--start", "0", "--retain-entries", "0", "--quarantine-recheck", "1"
    };
    size_t count = 6;
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    for (size_t i = 0; i < LANES; i++) {
        start_lane(parts, i);
        (void)snprintf(lists[i], sizeof lists[i], "%s/log_list.json",
                       program_ready_text(parts->lanes[i].ct_log));
        if (i == 0)
            continue;
        words[count++] = "--log-list";
        words[count++] = lists[i];
    }
    (void)daemon_start_ingest(parts->stage.harness, "ingest", parts->stage.redis,
                              parts->lanes[0].ct_log, words);
    return 0;
}

/* The index that the stream has to have next of one of the lane's logs. */
static uint64_t next_of(const struct stream_check *check, const char *id)
{
    for (size_t i = 0; i < check->count; i++)
        if (strcmp(check->logs[i].id, id) == 0)
            return check->logs[i].next;
    return 0;
}

static uint64_t entries_of(const struct stream_check *check, const struct lane *lane)
{
    return next_of(check, lane->ids[0]) + next_of(check, lane->ids[1]);
}

static void publish(struct lane *lane)
{
    char query[64];
    lane->size += GROWTH;
    (void)snprintf(query, sizeof query, "size=%" PRIu64, lane->size);
    daemon_control_ct_log(lane->ct_log, query);
}

static void write_date(char *out, size_t size)
{
    time_t later = time(NULL) + 2;
    struct tm parts;
    assert_non_null(gmtime_r(&later, &parts));
    assert_true(strftime(out, size, "%a,%%20%d%%20%b%%20%Y%%20%H:%M:%S%%20GMT", &parts) > 0);
}

/* One fault; a date can stand only at the end of it. */
static void set_one(const struct lane *lane, const char *text, size_t size)
{
    char query[QUERY_SIZE];
    assert_true(size < QUERY_SIZE - DATE_SIZE);
    memcpy(query, text, size);
    query[size] = '\0';
    char *date = strstr(query, "DATE");
    if (date)
        write_date(date, DATE_SIZE);
    daemon_control_ct_log(lane->ct_log, query);
}

static void set_mixed(struct parts *parts, const struct lane *lane)
{
    for (size_t i = 0; i < MIXED; i++) {
        char query[QUERY_SIZE];
        (void)snprintf(query, sizeof query, "%s&probability=0.2",
                       mixed[harness_random(parts->stage.harness, sizeof mixed / sizeof *mixed)]);
        print_message("at random: %s\n", query);
        daemon_control_ct_log(lane->ct_log, query);
    }
}

static void begin_fault(struct parts *parts, struct lane *lane)
{
    const struct fault *fault = &lane->faults[lane->at];
    if (!fault->query)
        set_mixed(parts, lane);
    for (const char *at = fault->query; at && *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        set_one(lane, at, size);
        at += size;
    }
    publish(lane);
    lane->entries = entries_of(&parts->check, lane);
    lane->requests = daemon_count_requests(lane->ct_log);
    lane->started_ms = clock_monotonic_ms();
    lane->is_failing = true;
}

/* Long enough, and it was met. */
static bool has_lasted(const struct lane *lane)
{
    uint64_t elapsed_ms = clock_monotonic_ms() - lane->started_ms;
    return elapsed_ms >= FAULT_MAX_MS ||
           (elapsed_ms >= FAULT_MS && daemon_count_requests(lane->ct_log) > lane->requests);
}

static void end_fault(struct parts *parts, struct lane *lane)
{
    const struct fault *fault = &lane->faults[lane->at];
    unsigned long long requests = daemon_count_requests(lane->ct_log) - lane->requests;
    uint64_t elapsed_ms = clock_monotonic_ms() - lane->started_ms;
    print_message("%s: %.1f requests/s\n", fault->name,
                  (double)requests * 1000 / (double)elapsed_ms);
    assert_true(requests > 0);
    if (requests > requests_max[fault->effect] * elapsed_ms / 1000)
        fail_msg("%s: %llu requests in %" PRIu64 " ms", fault->name, requests, elapsed_ms);
    stream_check_read(&parts->check, parts->stage.redis);
    if (fault->effect <= NOTHING_WRONG_COMES && entries_of(&parts->check, lane) != lane->entries)
        fail_msg("%s: entries came", fault->name);
    daemon_control_ct_log(lane->ct_log, "clear=1");
    lane->recovery = deadline_after(RECOVERY_MS, fault->name);
    lane->is_failing = false;
}

static bool is_complete(const struct parts *parts, const struct lane *lane)
{
    return next_of(&parts->check, lane->ids[0]) == lane->size &&
           next_of(&parts->check, lane->ids[1]) == lane->size;
}

/* False once it is through. */
static bool advance(struct parts *parts, struct lane *lane)
{
    if (lane->at == lane->count)
        return false;
    if (lane->is_failing) {
        if (has_lasted(lane))
            end_fault(parts, lane);
        return true;
    }
    if (!is_complete(parts, lane)) {
        if (deadline_has_passed(&lane->recovery))
            fail_msg("%s: %" PRIu64 " and %" PRIu64 " of %" PRIu64 " afterwards",
                     lane->faults[lane->at].name, next_of(&parts->check, lane->ids[0]),
                     next_of(&parts->check, lane->ids[1]), lane->size);
        return true;
    }
    if (++lane->at < lane->count)
        begin_fault(parts, lane);
    return true;
}

static void nothing_is_missing_or_wrong_after_any_fault(void **state)
{
    struct parts *parts = *state;
    const struct program *ct_logs[LANES];
    stream_check_expect(&parts->check, parts->stage.redis, (size_t)LANES * LOGS_PER_LANE, 0, SIZE);
    for (size_t i = 0; i < LANES; i++) {
        ct_logs[i] = parts->lanes[i].ct_log;
        begin_fault(parts, &parts->lanes[i]);
    }
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        for (size_t i = 0; i < LANES; i++)
            is_busy |= advance(parts, &parts->lanes[i]);
        stream_check_read(&parts->check, parts->stage.redis);
        harness_pause(20);
    }
    stream_truth_expect(parts->stage.redis, ct_logs, LANES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(nothing_is_missing_or_wrong_after_any_fault, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
