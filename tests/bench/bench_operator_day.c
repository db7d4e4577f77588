/*
 * A day of operators that allow so much and no more, in seconds: the real budgets, a made-up clock,
 * logs with an endless backlog that want their heads as well. Prints for each operator which share
 * of the requests it allows fetched entries, and how many it refused; fails where that is less than
 * nine tenths, or more than one in fifty.
 *
 * BENCH_HOURS (24): how long the day is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ingest/http/operator_budget.h"
#include "shared/base/jitter.h"

enum {
    LOGS = 6,
    SLOTS = 4,
    PROCESSES_MAX = 2,
    ANSWER_MS = 120,
    STEP_MS = 20,
    POLL_MS = 10 * 1000,
    BACK_OFF_MAX_MS = 300 * 1000,
};

/* A bucket that fills at the rate, up to the burst. */
struct bucket {
    double rate, burst, tokens;
    uint64_t filled_ms;
};

struct day {
    const char *name;
    double rate, burst;
    bool is_per_log; /* each log has a bucket of its own, of that rate in all */
    bool gives_retry_after;
    unsigned processes; /* that share the logs, and one address */
    /* From then on for a while another rate, as operators change their minds. */
    double other_rate;
};

struct day_log {
    struct operator_share share;
    struct bucket *bucket;
    uint64_t sent_at_ms[SLOTS];
    bool is_out[SLOTS];
    uint64_t head_sent_at_ms;
    bool head_is_out;
    uint64_t poll_at_ms;
    uint64_t retry_at_ms;
    uint64_t back_off_ms;
};

struct tally {
    uint64_t entries, heads, refused;
    double allowed;
};

static bool take_token(struct bucket *bucket, uint64_t now_ms)
{
    bucket->tokens += bucket->rate * (double)(now_ms - bucket->filled_ms) / 1000;
    bucket->tokens = bucket->tokens < bucket->burst ? bucket->tokens : bucket->burst;
    bucket->filled_ms = now_ms;
    if (bucket->tokens < 1)
        return false;
    bucket->tokens--;
    return true;
}

/* The answer to a request of this log; whether it was a good one. */
static bool settle(struct day_log *log, const struct day *day, uint64_t sent_at_ms,
                   struct tally *tally, struct jitter *jitter, uint64_t now_ms)
{
    struct operator_answer answer = { .outcome = OPERATOR_GOOD, .sent_at_ms = sent_at_ms };
    bool good = take_token(log->bucket, now_ms);
    if (good) {
        log->back_off_ms = 1000;
    } else {
        tally->refused++;
        answer.outcome = OPERATOR_THROTTLED;
        answer.retry_after_ms = day->gives_retry_after ? 2000 : 0;
        log->retry_at_ms =
            now_ms + log->back_off_ms / 2 + jitter_below(jitter, log->back_off_ms / 2);
        log->back_off_ms += log->back_off_ms / 2;
        if (log->back_off_ms > BACK_OFF_MAX_MS)
            log->back_off_ms = BACK_OFF_MAX_MS;
    }
    operator_budget_on_answer(&log->share, &answer, now_ms);
    return good;
}

static void want_head(struct day_log *log, uint64_t now_ms)
{
    if (log->head_is_out || now_ms < log->poll_at_ms || now_ms < log->retry_at_ms ||
        operator_budget_ask(&log->share, OPERATOR_LOOK, now_ms) > now_ms)
        return;
    operator_budget_on_sent(&log->share, OPERATOR_LOOK, now_ms);
    log->head_is_out = true;
    log->head_sent_at_ms = now_ms;
    log->poll_at_ms = now_ms + POLL_MS;
}

static void want_entries(struct day_log *log, unsigned slot, uint64_t now_ms)
{
    if (log->is_out[slot] || now_ms < log->retry_at_ms ||
        operator_budget_ask(&log->share, OPERATOR_ENTRIES, now_ms) > now_ms)
        return;
    operator_budget_on_sent(&log->share, OPERATOR_ENTRIES, now_ms);
    log->is_out[slot] = true;
    log->sent_at_ms[slot] = now_ms;
}

static void turn(struct day_log *log, const struct day *day, struct tally *tally,
                 struct jitter *jitter, uint64_t now_ms)
{
    if (log->head_is_out && now_ms >= log->head_sent_at_ms + ANSWER_MS) {
        log->head_is_out = false;
        tally->heads += settle(log, day, log->head_sent_at_ms, tally, jitter, now_ms);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (log->is_out[slot] && now_ms >= log->sent_at_ms[slot] + ANSWER_MS) {
            log->is_out[slot] = false;
            tally->entries += settle(log, day, log->sent_at_ms[slot], tally, jitter, now_ms);
        }
        want_entries(log, slot, now_ms);
    }
    want_head(log, now_ms);
}

static void start(const struct day *day, struct operator_budgets *const *budgets,
                  struct bucket *buckets, struct day_log *logs)
{
    unsigned bucket_count = day->is_per_log ? LOGS : 1;
    for (unsigned i = 0; i < bucket_count; i++)
        buckets[i] = (struct bucket){ .rate = day->rate / bucket_count,
                                      .burst = day->burst,
                                      .tokens = day->burst };
    for (unsigned i = 0; i < LOGS; i++) {
        struct operator_budgets *own = budgets[i % day->processes];
        logs[i] = (struct day_log){
            .share = operator_budgets_join(own, day->name, "https://log.example/"),
            .bucket = &buckets[day->is_per_log ? i : 0],
            .back_off_ms = 1000,
        };
        operator_budget_set_part(&logs[i].share, 1.0 / day->processes);
        operator_budget_set_missing(&logs[i].share, 1000000);
    }
}

/* The middle third of the day has the other rate, if there is one. */
static double rate_at(const struct day *day, uint64_t now_ms, uint64_t end_ms)
{
    bool is_middle = now_ms >= end_ms / 3 && now_ms < end_ms / 3 * 2;
    return is_middle && day->other_rate > 0 ? day->other_rate : day->rate;
}

static struct tally run(const struct day *day, uint64_t end_ms, struct jitter *jitter)
{
    struct operator_budgets *budgets[PROCESSES_MAX];
    struct bucket buckets[LOGS];
    struct day_log logs[LOGS];
    struct tally tally = { 0 };
    for (unsigned i = 0; i < day->processes; i++)
        budgets[i] = operator_budgets_create(jitter_below(jitter, UINT32_MAX));
    start(day, budgets, buckets, logs);
    unsigned bucket_count = day->is_per_log ? LOGS : 1;
    for (uint64_t now_ms = 1; now_ms < end_ms; now_ms += STEP_MS) {
        double rate = rate_at(day, now_ms, end_ms);
        tally.allowed += rate * STEP_MS / 1000;
        for (unsigned i = 0; i < bucket_count; i++)
            buckets[i].rate = rate / bucket_count;
        uint64_t first = jitter_below(jitter, LOGS);
        for (unsigned i = 0; i < LOGS; i++)
            turn(&logs[(first + i) % LOGS], day, &tally, jitter, now_ms);
    }
    for (unsigned i = 0; i < day->processes; i++)
        operator_budgets_destroy(budgets[i]);
    return tally;
}

int main(void)
{
    static const struct day days[] = {
        { "0.15/s, one at once", 0.15, 1, false, false, 1, 0 },
        { "0.15/s, bursts of 10", 0.15, 10, false, false, 1, 0 },
        { "1/s, bursts of 5", 1, 5, false, false, 1, 0 },
        { "1/s, Retry-After", 1, 5, false, true, 1, 0 },
        { "5/s, bursts of 10", 5, 10, false, false, 1, 0 },
        { "20/s, bursts of 20", 20, 20, false, false, 1, 0 },
        { "6/s, a limit per log", 6, 5, true, false, 1, 0 },
        { "10/s, two processes", 10, 10, false, false, 2, 0 },
        { "5/s, 1/s for a third of it", 5, 10, false, false, 1, 1 },
    };
    const char *hours_text = getenv("BENCH_HOURS");
    uint64_t hours = hours_text ? strtoull(hours_text, NULL, 10) : 24;
    uint64_t seed = (uint64_t)time(NULL);
    struct jitter jitter = jitter_of(seed);
    bool all_good = true;
    (void)printf("%llu hours, seed %llu\n%-28s %10s %8s %8s\n", (unsigned long long)hours,
                 (unsigned long long)seed, "operator allows", "entries", "heads", "refused");
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct tally tally = run(&days[i], hours * 3600 * 1000, &jitter);
        double share = (double)tally.entries / tally.allowed;
        double heads = (double)tally.heads / tally.allowed;
        uint64_t answers = tally.entries + tally.heads + tally.refused;
        double refused = (double)tally.refused / (double)answers;
        bool good = share >= 0.9 && refused <= 0.02;
        all_good &= good;
        (void)printf("%-28s %8.1f %% %6.1f %% %6.2f %%%s\n", days[i].name, share * 100, heads * 100,
                     refused * 100, good ? "" : "  <--");
    }
    return all_good || hours < 24 ? EXIT_SUCCESS : EXIT_FAILURE;
}
