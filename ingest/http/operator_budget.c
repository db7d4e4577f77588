#include "ingest/http/operator_budget.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/http/rate_curve.h"
#include "shared/base/jitter.h"
#include "shared/base/memory.h"

enum {
    /* The lists of 2026 name a dozen. What comes after so many shares the last one's budget. */
    OPERATORS_MAX = 64,
    NAME_SIZE = 64,
    /* Front ends are behind load balancers that take much more; a log has little to gain beyond. */
    AT_ONCE_FIRST = 4,
    AT_ONCE_MAX = 16,
    /* What is out for so long waits for something that is broken, and another may take its place;
     * but not more of them than those that may be out at once, because it may just be slow. */
    HANGING_MS = 10 * 1000,
    OUT_MAX = 2 * AT_ONCE_MAX,
    /* Without Retry-After: a quarter of the time since the last good answer, within these. */
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    RETRY_AFTER_MIN_MS = 1000,
    RETRY_AFTER_MAX_MS = 15 * 60 * 1000,
    /* Heads get one request in so many while entries wait, */
    HEADS_ONE_IN = 4,
    LOOKS_ONE_IN = 40,
    /* which is known for so long, or until two requests later. */
    WAITING_MS = 2000,
    /* What every log lacks at least: one with little to fetch gets it soon. */
    MISSING_MIN = 1024,
    /* Who is first in line has this long to come, and a quarter of the time between two requests,
     * but no more than that. */
    GRACE_MIN_MS = 20,
    GRACE_MAX_MS = 1000,
    /* A turn of the loop that came late is made up for, as far as this. */
    LATE_MAX_US = 100 * 1000,
};

struct operator_budget {
    char name[NAME_SIZE];
    struct jitter jitter;
    /* What the administrator allows; 0: what is learnt. */
    double rate_max;
    unsigned at_once_max;
    double part;
    /* When each request that is out was sent, in no order. */
    uint64_t out[OUT_MAX];
    unsigned out_count;
    unsigned at_once;
    unsigned good_answers; /* since at_once was changed */
    struct rate_curve curve;
    uint64_t next_at_us;         /* because of the limit */
    uint64_t next_head_at_us;    /* because of the heads' part of it */
    uint64_t waited_at_ms;       /* somebody would have sent for entries */
    double least_had;            /* of those who wait for the next request */
    double had;                  /* by who sent last */
    uint64_t held_until_ms;      /* because of Retry-After, or a pause */
    uint64_t throttled_since_ms; /* without a good answer since; 0: the last one was good */
};

struct operator_budgets {
    uint64_t seed;
    struct operator_budget list[OPERATORS_MAX];
    size_t count;
};

struct operator_budgets *operator_budgets_create(uint64_t seed)
{
    struct operator_budgets *budgets = memory_allocate_zeroed(1, sizeof *budgets);
    budgets->seed = seed;
    return budgets;
}

void operator_budgets_destroy(struct operator_budgets *budgets)
{
    free(budgets);
}

/* The operator's name, or the host, which ends before its port. */
static void write_name(char *name, const char *operator_name, const char *url)
{
    const char *text = operator_name;
    size_t size = strlen(text);
    if (size == 0) {
        const char *scheme_end = strstr(url, "://");
        text = scheme_end ? scheme_end + 3 : url;
        size = strcspn(text, "/:?#");
    }
    if (size >= NAME_SIZE)
        size = NAME_SIZE - 1;
    memcpy(name, text, size);
    name[size] = '\0';
}

static struct operator_budget *find_budget(struct operator_budgets *budgets, const char *name)
{
    for (size_t i = 0; i < budgets->count; i++)
        if (strcmp(budgets->list[i].name, name) == 0)
            return &budgets->list[i];
    return NULL;
}

static struct operator_budget *add_budget(struct operator_budgets *budgets, const char *name)
{
    if (budgets->count == OPERATORS_MAX)
        return &budgets->list[OPERATORS_MAX - 1];
    struct operator_budget *budget = &budgets->list[budgets->count++];
    memcpy(budget->name, name, strlen(name) + 1);
    budget->jitter = jitter_of(budgets->seed ^ budgets->count << 32);
    budget->at_once = AT_ONCE_FIRST;
    budget->part = 1;
    budget->least_had = INFINITY;
    return budget;
}

struct operator_share operator_budgets_join(struct operator_budgets *budgets,
                                            const char *operator_name, const char *url)
{
    char name[NAME_SIZE];
    write_name(name, operator_name, url);
    struct operator_budget *budget = find_budget(budgets, name);
    return (struct operator_share){ .budget = budget ? budget : add_budget(budgets, name) };
}

enum operator_outcome operator_outcome_of_status(long status, uint64_t retry_after_ms)
{
    if (status == 429 || status == 403 || (status == 503 && retry_after_ms))
        return OPERATOR_THROTTLED;
    return status >= 500 ? OPERATOR_FAILED : OPERATOR_GOOD;
}

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

/* What may be sent per second; 0: as much as one likes. */
static double rate_now(const struct operator_budget *budget, uint64_t now_ms)
{
    double learnt = rate_curve_now(&budget->curve, now_ms);
    double allowed = budget->rate_max * budget->part;
    return learnt <= 0 ? allowed : allowed <= 0 ? learnt : lesser(learnt, allowed);
}

/* The same of requests at once: of this process, one at least. */
static unsigned at_once_now(const struct operator_budget *budget)
{
    unsigned most = budget->at_once_max ? budget->at_once_max : AT_ONCE_MAX;
    unsigned part = (unsigned)(most * budget->part);
    unsigned ceiling = part ? part : 1;
    return budget->at_once < ceiling ? budget->at_once : ceiling;
}

void operator_budget_set_missing(struct operator_share *share, uint64_t missing)
{
    share->missing = missing;
}

void operator_budget_set_part(struct operator_share *share, double part)
{
    share->budget->part = part;
}

void operator_budget_set_limits(struct operator_share *share, double per_second, unsigned at_once)
{
    share->budget->rate_max = per_second;
    share->budget->at_once_max = at_once < AT_ONCE_MAX ? at_once : AT_ONCE_MAX;
}

/* Those that have hung for long do not count, as far as that goes. */
static bool has_place(const struct operator_budget *budget, uint64_t now_ms)
{
    unsigned counted = 0;
    for (unsigned i = 0; i < budget->out_count; i++)
        counted += now_ms - budget->out[i] < HANGING_MS;
    return counted < at_once_now(budget) && budget->out_count < 2 * at_once_now(budget);
}

static uint64_t place_at_ms(const struct operator_budget *budget, uint64_t now_ms)
{
    uint64_t at_ms = UINT64_MAX;
    if (has_place(budget, now_ms))
        return now_ms;
    if (budget->out_count >= 2 * at_once_now(budget))
        return at_ms;
    for (unsigned i = 0; i < budget->out_count; i++)
        if (now_ms - budget->out[i] < HANGING_MS && budget->out[i] + HANGING_MS < at_ms)
            at_ms = budget->out[i] + HANGING_MS;
    return at_ms;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t ms_of(uint64_t us)
{
    return (us + 999) / 1000;
}

/* Whether somebody waits to ask for entries. */
static bool has_waiting(const struct operator_budget *budget, double rate, uint64_t now_ms)
{
    uint64_t known_ms = later(WAITING_MS, (uint64_t)(2000 / rate));
    return budget->waited_at_ms && now_ms - budget->waited_at_ms < known_ms;
}

/* How long the first in line is waited for: it may no longer want anything. */
static uint64_t grace_ms(double rate)
{
    double quarter_ms = 250 / rate;
    return quarter_ms < GRACE_MIN_MS   ? GRACE_MIN_MS
           : quarter_ms > GRACE_MAX_MS ? GRACE_MAX_MS
                                       : (uint64_t)quarter_ms;
}

/* Says, under a limit, when it is this log's turn, which `due_ms` is if nobody lacks more. */
static uint64_t turn_at_ms(struct operator_share *share, double rate, uint64_t due_ms,
                           uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    /* Who had nothing for a while because it wanted nothing is not owed that. */
    if (share->had < budget->had)
        share->had = budget->had;
    budget->least_had = lesser(budget->least_had, share->had);
    budget->waited_at_ms = now_ms;
    return share->had <= budget->least_had ? due_ms : due_ms + grace_ms(rate);
}

uint64_t operator_budget_ask(struct operator_share *share, enum operator_request request,
                             uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    uint64_t due_ms = later(ms_of(budget->next_at_us), budget->held_until_ms);
    double rate = rate_now(budget, now_ms);
    if (rate > 0 && request == OPERATOR_ENTRIES)
        due_ms = turn_at_ms(share, rate, due_ms, now_ms);
    if (rate > 0 && request != OPERATOR_ENTRIES && has_waiting(budget, rate, now_ms))
        due_ms = later(due_ms, ms_of(budget->next_head_at_us));
    return later(due_ms, place_at_ms(budget, now_ms));
}

/* The time to the next request, a fiftieth more or less: a limit that allows no bursts counts each
 * one that comes early. */
static void space_out(struct operator_budget *budget, uint64_t *next_at_us, double rate,
                      uint64_t now_ms)
{
    uint64_t now_us = now_ms * 1000;
    uint64_t interval_us = (uint64_t)(1e6 / rate);
    uint64_t from_us = *next_at_us;
    if (from_us + LATE_MAX_US < now_us)
        from_us = now_us - LATE_MAX_US;
    *next_at_us =
        from_us + interval_us - interval_us / 50 + jitter_below(&budget->jitter, interval_us / 25);
}

static void note_turn(struct operator_share *share)
{
    struct operator_budget *budget = share->budget;
    budget->had = share->had;
    share->had += 1 / (double)(MISSING_MIN + share->missing);
    budget->least_had = INFINITY;
}

void operator_budget_on_sent(struct operator_share *share, enum operator_request request,
                             uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    double rate = rate_now(budget, now_ms);
    assert(budget->out_count < OUT_MAX);
    budget->out[budget->out_count++] = now_ms;
    if (request == OPERATOR_ENTRIES)
        note_turn(share);
    if (rate <= 0) {
        budget->next_at_us = budget->next_head_at_us = 0;
        return;
    }
    space_out(budget, &budget->next_at_us, rate, now_ms);
    if (request != OPERATOR_ENTRIES)
        space_out(budget, &budget->next_head_at_us,
                  rate / (request == OPERATOR_HEAD ? HEADS_ONE_IN : LOOKS_ONE_IN), now_ms);
}

static void hold(struct operator_budget *budget, uint64_t delay_ms, uint64_t now_ms)
{
    uint64_t until_ms = now_ms + delay_ms + jitter_below(&budget->jitter, delay_ms / 10);
    if (until_ms > budget->held_until_ms)
        budget->held_until_ms = until_ms;
}

static void pause_a_while(struct operator_budget *budget, uint64_t now_ms)
{
    if (!budget->throttled_since_ms)
        budget->throttled_since_ms = now_ms;
    uint64_t delay_ms = later((now_ms - budget->throttled_since_ms) / 4, PAUSE_FIRST_MS);
    hold(budget, delay_ms < PAUSE_MAX_MS ? delay_ms : PAUSE_MAX_MS, now_ms);
}

static void cut(struct operator_budget *budget, uint64_t now_ms)
{
    rate_curve_cut(&budget->curve, now_ms);
    budget->next_at_us = now_ms * 1000;
    budget->at_once = budget->at_once > 1 ? budget->at_once / 2 : 1;
    budget->good_answers = 0;
    space_out(budget, &budget->next_at_us, rate_now(budget, now_ms), now_ms);
}

static void on_throttled(struct operator_share *share, const struct operator_answer *answer,
                         uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    bool is_alone = share->is_throttled;
    share->is_throttled = true;
    if (is_alone)
        return;
    if (answer->retry_after_ms) {
        uint64_t delay_ms = answer->retry_after_ms;
        delay_ms = delay_ms < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS : delay_ms;
        hold(budget, delay_ms < RETRY_AFTER_MAX_MS ? delay_ms : RETRY_AFTER_MAX_MS, now_ms);
    }
    /* What was on its way when the limit was cut is answered by that. */
    if (budget->curve.is_limited && answer->sent_at_ms < budget->curve.cut_at_ms)
        return;
    cut(budget, now_ms);
    if (!answer->retry_after_ms)
        pause_a_while(budget, now_ms);
}

static void on_good(struct operator_share *share, uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    share->is_throttled = false;
    budget->throttled_since_ms = 0;
    rate_curve_on_good(&budget->curve, now_ms);
    if (++budget->good_answers < budget->at_once)
        return;
    budget->good_answers = 0;
    budget->at_once += budget->at_once < AT_ONCE_MAX;
}

static void remove_from_out(struct operator_budget *budget, uint64_t sent_at_ms)
{
    unsigned i = 0;
    while (i < budget->out_count && budget->out[i] != sent_at_ms)
        i++;
    assert(i < budget->out_count);
    budget->out[i] = budget->out[--budget->out_count];
}

void operator_budget_on_answer(struct operator_share *share, const struct operator_answer *answer,
                               uint64_t now_ms)
{
    remove_from_out(share->budget, answer->sent_at_ms);
    switch (answer->outcome) {
    case OPERATOR_GOOD: on_good(share, now_ms); break;
    case OPERATOR_THROTTLED: on_throttled(share, answer, now_ms); break;
    case OPERATOR_FAILED: break;
    }
}

const char *operator_budget_name(const struct operator_share *share)
{
    return share->budget->name;
}

unsigned operator_budget_at_once(const struct operator_share *share)
{
    return at_once_now(share->budget);
}

double operator_budget_rate(const struct operator_share *share, uint64_t now_ms)
{
    return rate_now(share->budget, now_ms);
}
