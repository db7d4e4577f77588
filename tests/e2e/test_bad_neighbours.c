/*
 * Ten honest logs beside ten of which each does something wrong for as long as the test lasts, and
 * one ingest for all: the honest ones are complete, proven and on time, and it costs little.
 *
 * NEIGHBOURS_RATE (20) and NEIGHBOURS_SECONDS (15): entries per second of each honest log, and how
 * long; 100 and 120 are the full size.
 */
#include <setjmp.h>
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
#include "tests/support/redis_server.h"

enum {
    /* Each is an RFC 6962 log and a tiled log. */
    HONEST = 5,
    BAD = 6,
    START_SIZE = 500,
    LAG_MAX_MS = 10 * 1000,
    MEMORY_MAX_KIB = 150 * 1024,
    COMPLETE_MS = 60000,
    /* Of a local log; and bytes of one in Redis, with its place in a hash. */
    ISSUERS_EACH = 12,
    ISSUER_SIZE_MAX = 16 * 1024,
    GREEDY = 3,
    PEAK_MAX_KIB = 120 * 1024,
    TEXT_SIZE = 128,
    ID_SIZE = 65,
};

struct neighbours {
    struct ingest_stage stage;
    struct program *honest[HONEST];
    struct program *bad[BAD];
    char honest_ids[2 * HONEST][ID_SIZE];
    size_t honest_count;
    uint64_t rate;
};

/* What the bad ones do. */
static const char *const sins[BAD][4] = {
    { "route=any&fault=status&code=429" },
    { "route=get-entries&fault=truncate&above=1", "route=data&fault=hang&count=3",
      "route=data&fault=clip" },
    { "route=get-entries&fault=status&code=500&covers=700",
      "route=data&fault=status&code=500&covers=700",
      "route=get-sth-consistency&fault=status&code=503" },
    { "route=get-entries&fault=bomb&n=64", "route=data&fault=bomb&n=64" },
    { "route=get-entries&fault=bad-leaf&index=600", "route=data&fault=bad-leaf&index=600" },
    { "route=get-entries&fault=junk&n=20", "route=data&fault=junk&n=20" },
};

static int setup(void **state)
{
    *state = ingest_stage_create(sizeof(struct neighbours), NULL);
    return 0;
}

static struct program *start_neighbour(struct neighbours *all, const char *kind, size_t number)
{
    char name[TEXT_SIZE], rate[TEXT_SIZE];
    (void)snprintf(name, sizeof name, "%s%zu", kind, number);
    (void)snprintf(rate, sizeof rate, "%llu", (unsigned long long)all->rate);
    const char *const arguments[] = { "--size", "500",        "--rate", rate, "--seed",
                                      name,     "--operator", name,     NULL };
    return daemon_start_ct_log(all->stage.harness, name, arguments);
}

static void start_all(struct neighbours *all)
{
    const char *arguments[8 + 2 * (HONEST + BAD)] = { "--start", "0",      "--retain-entries",
                                                      "0",       "--poll", "1" };
    static char urls[HONEST + BAD][TEXT_SIZE];
    size_t count = 6;
    for (size_t i = 0; i < BAD; i++) {
        all->bad[i] = start_neighbour(all, "bad", i);
        for (const char *const *sin = sins[i]; *sin; sin++)
            daemon_control_ct_log(all->bad[i], *sin);
    }
    for (size_t i = 0; i < HONEST; i++)
        all->honest[i] = start_neighbour(all, "honest", i);
    all->stage.ct_log = all->honest[0];
    for (size_t i = 1; i < HONEST + BAD; i++) {
        struct program *log = i < HONEST ? all->honest[i] : all->bad[i - HONEST];
        (void)snprintf(urls[i], TEXT_SIZE, "http://127.0.0.1:%d/log_list.json", program_port(log));
        arguments[count++] = "--log-list";
        arguments[count++] = urls[i];
    }
    ingest_stage_start(&all->stage, arguments);
}

/* Fills in the ids of those that are known by now. */
static void collect_honest(struct neighbours *all)
{
    redisReply *ids = redis_server_command(all->stage.redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    all->honest_count = 0;
    for (size_t i = 0; i < ids->elements; i++) {
        redisReply *name = redis_server_command(
            all->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s operator", ids->element[i]->str);
        if (name->type == REDIS_REPLY_STRING && strncmp(name->str, "honest", 6) == 0)
            (void)snprintf(all->honest_ids[all->honest_count++], ID_SIZE, "%s",
                           ids->element[i]->str);
        freeReplyObject(name);
    }
    freeReplyObject(ids);
}

static void find_honest(struct neighbours *all)
{
    struct deadline deadline = deadline_after(COMPLETE_MS, "all logs to be followed");
    for (collect_honest(all); all->honest_count < (size_t)2 * HONEST; collect_honest(all))
        deadline_wait(&deadline);
}

static uint64_t number_of(const struct neighbours *all, size_t log, const char *field)
{
    redisReply *reply = redis_server_command(all->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s %s",
                                             all->honest_ids[log], field);
    uint64_t number = reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return number;
}

/* The longest that an honest log is behind now. */
static uint64_t longest_lag(const struct neighbours *all)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < all->honest_count; i++) {
        uint64_t lag_ms = number_of(all, i, "lag_ms");
        longest = lag_ms > longest ? lag_ms : longest;
    }
    return longest;
}

static unsigned long memory_peak_kib(const struct program *program)
{
    char path[TEXT_SIZE], line[TEXT_SIZE];
    unsigned long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program_pid(program));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    (void)fclose(file);
    return kib;
}

/* What nothing proves is not kept: Redis has the issuers that the logs have, and no more. */
static void expect_no_junk(const struct neighbours *all)
{
    redisReply *count = redis_server_command(all->stage.redis, "HLEN " CONTRACT_PREFIX ":issuers");
    redisReply *size = redis_server_command(all->stage.redis,
                                            "MEMORY USAGE " CONTRACT_PREFIX ":issuers SAMPLES 0");
    assert_true(count->integer >= ISSUERS_EACH);
    assert_true(count->integer <= (long long)ISSUERS_EACH * (HONEST + BAD));
    assert_true(size->integer <= (long long)ISSUER_SIZE_MAX * ISSUERS_EACH * (HONEST + BAD));
    freeReplyObject(count);
    freeReplyObject(size);
}

/* Growth ends; what was published is there, and proven. */
static void expect_complete(struct neighbours *all)
{
    for (size_t i = 0; i < HONEST; i++)
        daemon_control_ct_log(all->honest[i], "rate=0");
    struct deadline deadline = deadline_after(COMPLETE_MS, "the honest logs to be complete");
    for (size_t i = 0; i < all->honest_count;) {
        uint64_t next = number_of(all, i, "next"), size = number_of(all, i, "head_size");
        bool is_complete = next > START_SIZE && next == size &&
                           number_of(all, i, "verified_size") == next &&
                           number_of(all, i, "lag_entries") == 0;
        if (is_complete)
            i++;
        else
            deadline_wait(&deadline);
    }
}

static void honest_logs_are_complete_and_on_time(void **state)
{
    struct neighbours *all = *state;
    struct stream_check check = { 0 };
    all->rate = harness_setting("NEIGHBOURS_RATE", 20);
    uint64_t seconds = harness_setting("NEIGHBOURS_SECONDS", 15);
    uint64_t lag_ms = 0;
    start_all(all);
    harness_expect_work(all->stage.harness, "ten logs go on failing");
    find_honest(all);
    uint64_t start_ms = clock_monotonic_ms();
    double cpu = program_cpu_seconds(all->stage.ingest);
    while (clock_monotonic_ms() - start_ms < seconds * 1000) {
        uint64_t now_ms = longest_lag(all);
        lag_ms = now_ms > lag_ms ? now_ms : lag_ms;
        stream_check_read(&check, all->stage.redis);
        harness_pause(500);
    }
    cpu = program_cpu_seconds(all->stage.ingest) - cpu;
    double share = cpu / ((double)(clock_monotonic_ms() - start_ms) / 1000);
    unsigned long memory = memory_peak_kib(all->stage.ingest);
    print_message("%llu entries/s each for %llu s: at most %.1f s behind; %.1f %% of a core, "
                  "%lu MiB\n",
                  (unsigned long long)all->rate, (unsigned long long)seconds, (double)lag_ms / 1000,
                  share * 100, memory / 1024);
    expect_complete(all);
    stream_check_read(&check, all->stage.redis);
    expect_no_junk(all);
    assert_true(lag_ms <= (uint64_t)LAG_MAX_MS * harness_slowdown());
    if (harness_figures_are_the_daemons()) {
        assert_true(share < 0.1);
        assert_true(memory < MEMORY_MAX_KIB);
    }
}

/* Logs whose pages are as large as the format allows, because of what nothing proves: they are
 * read in small steps, and ingest does not hold what it would not ask for. */
static void large_answers_take_no_more_memory(void **state)
{
    struct neighbours *all = *state;
    const char *arguments[2 * GREEDY + 3] = { "--start", "0" };
    static char urls[GREEDY][TEXT_SIZE];
    for (size_t i = 0; i < GREEDY; i++) {
        all->bad[i] = start_neighbour(all, "bad", i);
        daemon_control_ct_log(all->bad[i], "route=get-entries&fault=junk&n=1&bytes=150000");
        daemon_control_ct_log(all->bad[i], "route=data&fault=status&code=500");
        (void)snprintf(urls[i], TEXT_SIZE, "http://127.0.0.1:%d/log_list.json",
                       program_port(all->bad[i]));
        arguments[2 + 2 * i] = "--log-list";
        arguments[3 + 2 * i] = urls[i];
    }
    all->stage.ct_log = all->bad[0];
    harness_expect_work(all->stage.harness, "pages are too large");
    ingest_stage_start(&all->stage, arguments);
    ingest_stage_wait_for_length(&all->stage, (long long)GREEDY * START_SIZE);
    unsigned long memory = memory_peak_kib(all->stage.ingest);
    print_message("%d logs with pages of 50 MB: at most %lu MiB\n", GREEDY, memory / 1024);
    if (harness_figures_are_the_daemons())
        assert_true(memory < PEAK_MAX_KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(honest_logs_are_complete_and_on_time, setup),
        ON_INGEST_STAGE(large_answers_take_no_more_memory, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
