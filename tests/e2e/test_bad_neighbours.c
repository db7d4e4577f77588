/*
 * Ten honest logs beside sixteen of which each does something wrong for as long as the test lasts,
 * and one ingest for all: the honest ones are complete, proven and on time, and it costs little.
 *
 * NEIGHBOURS_RATE (20) and NEIGHBOURS_SECONDS (12): entries per second of each log, and how long.
 * NEIGHBOURS_RETAIN (0: all): entries that Redis keeps; then the ten honest ones follow by
 * themselves, and Redis has to be no larger beside bad ones. tests/neighbours.sh is the full size.
 */
#include <setjmp.h>
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
    /* Each is an RFC 6962 log and a tiled log. */
    HONEST = 5,
    BAD = 8,
    START_SIZE = 500,
    RUN_SECONDS = 30,
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

/* Of one core; and of the honest ones' size in Redis: the others' entries have other certificates.
 */
static const double CPU_MAX = 0.1, DATA_MAX = 1.1;

struct neighbours {
    struct ingest_stage stage;
    struct program *honest[HONEST];
    struct program *bad[BAD];
    char honest_ids[2 * HONEST][ID_SIZE];
    size_t honest_count;
    uint64_t rate;
    uint64_t retain;
};

/*
 * What the bad ones do for as long as the test lasts. Routes of an RFC 6962 log are not those of a
 * tiled log, so each of the two does its own:
 */
static const char *const sins[BAD][4] = {
    /* it asks for a pause, always; 429 to what comes faster than twice a second */
    { "route=get-sth&fault=status&code=429&retry-after=12", "route=checkpoint&fault=limit&n=2",
      "route=data&fault=limit&n=2&per-second=2" },
    /* so little is allowed that heads could take all of it; fingerprints of nothing */
    { "route=get-sth&fault=limit&per-second=0.5", "route=get-entries&fault=limit&per-second=0.5",
      "route=data&fault=junk&n=20" },
    /* chains of 64 certificates that are none; answers that are cut */
    { "route=get-entries&fault=junk&n=64", "route=data&fault=clip" },
    /* extra_data that cannot be read; what is there is not there, half the time */
    { "route=get-entries&fault=bad-extra", "route=data&fault=status&code=404&probability=0.5",
      "route=tile&fault=status&code=403&probability=0.5" },
    /* only single entries come whole; one tile that never comes */
    { "route=get-entries&fault=truncate&above=1", "route=data&fault=status&code=500&covers=700" },
    /* proofs that fail; hash tiles that never end */
    { "route=proof&fault=status&code=503", "route=tile&fault=hang" },
    /* one entry that never comes; entries that the log did not sign */
    { "route=get-entries&fault=status&code=500&covers=700", "route=data&fault=bad-leaf&index=600" },
    /* pages of 40 MB; bodies that inflate to 64 MB */
    { "route=get-entries&fault=junk&n=1&bytes=150000", "route=data&fault=bomb&n=64" },
};

static int setup(void **state)
{
    struct neighbours *all = ingest_stage_create(sizeof *all, NULL);
    all->rate = harness_setting("NEIGHBOURS_RATE", 20);
    all->retain = harness_setting("NEIGHBOURS_RETAIN", 0);
    *state = all;
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

static void start_all(struct neighbours *all, size_t bad)
{
    char retain[TEXT_SIZE];
    (void)snprintf(retain, sizeof retain, "%llu", (unsigned long long)all->retain);
    const char *arguments[8 + 2 * (HONEST + BAD)] = { "--start", "0",      "--retain-entries",
                                                      retain,    "--poll", "1" };
    static char urls[HONEST + BAD][TEXT_SIZE];
    size_t count = 6;
    for (size_t i = 0; i < bad; i++) {
        all->bad[i] = start_neighbour(all, "bad", i);
        for (const char *const *sin = sins[i]; *sin; sin++)
            daemon_control_ct_log(all->bad[i], *sin);
    }
    for (size_t i = 0; i < HONEST; i++)
        all->honest[i] = start_neighbour(all, "honest", i);
    all->stage.ct_log = all->honest[0];
    for (size_t i = 1; i < HONEST + bad; i++) {
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

/* Redis without what it needs to answer. */
static unsigned long long data_bytes(const struct neighbours *all)
{
    redisReply *info = redis_server_command(all->stage.redis, "INFO memory");
    const char *found = strstr(info->str, "used_memory_dataset:");
    assert_non_null(found);
    unsigned long long bytes = strtoull(strchr(found, ':') + 1, NULL, 10);
    freeReplyObject(info);
    return bytes;
}

struct figures {
    uint64_t lag_ms;
    double cpu; /* of one core */
    unsigned long memory_kib;
    unsigned long long data_bytes;
};

static struct figures follow_all(struct neighbours *all, size_t bad, struct stream_check *check)
{
    struct figures figures = { 0 };
    uint64_t seconds = harness_setting("NEIGHBOURS_SECONDS", RUN_SECONDS);
    start_all(all, bad);
    find_honest(all);
    uint64_t start_ms = clock_monotonic_ms();
    double cpu = program_cpu_seconds(all->stage.ingest);
    while (clock_monotonic_ms() - start_ms < seconds * 1000) {
        uint64_t lag_ms = longest_lag(all);
        figures.lag_ms = lag_ms > figures.lag_ms ? lag_ms : figures.lag_ms;
        stream_check_read(check, all->stage.redis);
        harness_pause(500);
    }
    cpu = program_cpu_seconds(all->stage.ingest) - cpu;
    figures.cpu = cpu / ((double)(clock_monotonic_ms() - start_ms) / 1000);
    figures.memory_kib = memory_peak_kib(all->stage.ingest);
    expect_complete(all);
    stream_check_read(check, all->stage.redis);
    figures.data_bytes = data_bytes(all);
    print_message("%zu bad logs, %llu entries/s each for %llu s: at most %.1f s behind; %.1f %% of "
                  "a core, %lu MiB; Redis %.1f MB\n",
                  2 * bad, (unsigned long long)all->rate, (unsigned long long)seconds,
                  (double)figures.lag_ms / 1000, figures.cpu * 100, figures.memory_kib / 1024,
                  (double)figures.data_bytes / 1e6);
    return figures;
}

/* What Redis has of the honest ones, where it keeps so many entries. */
static unsigned long long honest_bytes;

static void honest_logs_by_themselves(void **state)
{
    struct neighbours *all = *state;
    struct stream_check check = { 0 };
    if (!all->retain)
        skip();
    harness_expect_work(all->stage.harness, "logs grow");
    honest_bytes = follow_all(all, 0, &check).data_bytes;
}

static void honest_logs_are_complete_and_on_time(void **state)
{
    struct neighbours *all = *state;
    struct stream_check check = { 0 };
    harness_expect_work(all->stage.harness, "logs go on failing");
    const struct figures figures = follow_all(all, BAD, &check);
    expect_no_junk(all);
    assert_true(figures.lag_ms <= (uint64_t)LAG_MAX_MS * harness_slowdown());
    if (harness_figures_are_the_daemons()) {
        assert_true(figures.cpu < CPU_MAX);
        assert_true(figures.memory_kib < MEMORY_MAX_KIB);
    }
    if (honest_bytes)
        assert_true((double)figures.data_bytes < DATA_MAX * (double)honest_bytes);
}

/* Logs whose pages are as large as the format allows, because of what nothing proves: they are
 * read in small steps, and ingest does not hold what it would not ask for. */
static void large_answers_take_no_more_memory(void **state)
{
    struct neighbours *all = *state;
    const char *arguments[2 * GREEDY + 3] = { "--start", "0" };
    static char urls[GREEDY][TEXT_SIZE];
    if (all->retain)
        skip();
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
        ON_INGEST_STAGE(honest_logs_by_themselves, setup),
        ON_INGEST_STAGE(honest_logs_are_complete_and_on_time, setup),
        ON_INGEST_STAGE(large_answers_take_no_more_memory, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
