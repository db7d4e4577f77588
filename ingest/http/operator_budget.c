#include "ingest/http/operator_budget.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    /* The first pause without Retry-After; it doubles while nothing good comes in between. */
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    RETRY_AFTER_MIN_MS = 1000,
    RETRY_AFTER_MAX_MS = 15 * 60 * 1000,
    /* Each good answer under a limit raises it by a hundredth: an operator that bears little is
     * tried again as seldom as it is asked. But it does not double in less than this. */
    RATE_GROWTH_PARTS = 100,
    RATE_DOUBLING_MS = 30 * 1000,
    /* The same while it was throttled only once: the first limit is a guess, and mostly too low. */
    RATE_SEARCH_PARTS = 20,
    RATE_SEARCH_DOUBLING_MS = 5 * 1000,
    /* So long without being throttled means that the limit was not the operator's. */
    RATE_FORGOTTEN_MS = 60 * 60 * 1000,
    /* What was sent in quiet times says little of what is borne: a limit made of it is no lower
     * than this, per second. */
    RATE_FIRST_MIN = 1,
    /* The lowest limit, milliseconds per request: an operator that refuses everything is asked so
     * often. */
    RATE_MIN_INTERVAL_MS = 60 * 1000,
    /* What was sent per second is an average over some requests, and over no less than a second. */
    RATE_REQUESTS_MIN = 8,
    RATE_REQUESTS_MAX = 128,
    RATE_SPAN_MIN_MS = 1000,
    /* A turn of the loop that came late is made up for, as far as this. */
    LATE_MAX_US = 100 * 1000,
};

struct operator_budget {
    char name[NAME_SIZE];
    struct jitter jitter;
    /* When each request that is out was sent, in no order. */
    uint64_t out[OUT_MAX];
    unsigned out_count;
    unsigned at_once;
    unsigned good_answers; /* since at_once was changed */
    /* When the last requests were sent: a ring. */
    uint64_t sent[RATE_REQUESTS_MAX];
    uint64_t sent_count;
    bool is_limited;
    bool is_found;   /* it was throttled under a limit */
    double limit;    /* per second */
    double cut_rate; /* what the limit was cut to */
    uint64_t cut_at_ms;
    uint64_t next_at_us;    /* because of the limit */
    uint64_t held_until_ms; /* because of Retry-After, or a pause */
    unsigned pauses;        /* since the last good answer */
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

static double rate_now(const struct operator_budget *budget, uint64_t now_ms)
{
    bool is_limited = budget->is_limited && now_ms - budget->cut_at_ms <= RATE_FORGOTTEN_MS;
    return is_limited ? budget->limit : 0;
}

static void raise_limit(struct operator_budget *budget, uint64_t now_ms)
{
    uint64_t doubling_ms = budget->is_found ? RATE_DOUBLING_MS : RATE_SEARCH_DOUBLING_MS;
    double doublings = (double)(now_ms - budget->cut_at_ms) / (double)doubling_ms;
    double highest = budget->cut_rate * exp2(doublings);
    double parts = budget->is_found ? RATE_GROWTH_PARTS : RATE_SEARCH_PARTS;
    double raised = budget->limit * (1 + 1 / parts);
    if (budget->limit < highest)
        budget->limit = raised < highest ? raised : highest;
}

/* Those that have hung for long do not count, as far as that goes. */
static bool has_place(const struct operator_budget *budget, uint64_t now_ms)
{
    unsigned counted = 0;
    for (unsigned i = 0; i < budget->out_count; i++)
        counted += now_ms - budget->out[i] < HANGING_MS;
    return counted < budget->at_once && budget->out_count < 2 * budget->at_once;
}

static uint64_t place_at_ms(const struct operator_budget *budget, uint64_t now_ms)
{
    uint64_t at_ms = UINT64_MAX;
    if (has_place(budget, now_ms))
        return now_ms;
    if (budget->out_count >= 2 * budget->at_once)
        return at_ms;
    for (unsigned i = 0; i < budget->out_count; i++)
        if (now_ms - budget->out[i] < HANGING_MS && budget->out[i] + HANGING_MS < at_ms)
            at_ms = budget->out[i] + HANGING_MS;
    return at_ms;
}

/* When neither a pause nor the limit stands against it. */
static uint64_t due_at_ms(const struct operator_budget *budget)
{
    uint64_t limit_ms = (budget->next_at_us + 999) / 1000;
    return limit_ms > budget->held_until_ms ? limit_ms : budget->held_until_ms;
}

bool operator_budget_may_send(const struct operator_share *share, uint64_t now_ms)
{
    const struct operator_budget *budget = share->budget;
    return now_ms >= due_at_ms(budget) && has_place(budget, now_ms);
}

uint64_t operator_budget_deadline_ms(const struct operator_share *share, uint64_t now_ms)
{
    uint64_t due_ms = due_at_ms(share->budget);
    uint64_t place_ms = place_at_ms(share->budget, now_ms);
    uint64_t at_ms = due_ms > place_ms ? due_ms : place_ms;
    return at_ms > now_ms ? at_ms : UINT64_MAX;
}

/* The time to the next request, a tenth more or less. */
static void space_out(struct operator_budget *budget, uint64_t now_ms)
{
    double rate = rate_now(budget, now_ms);
    uint64_t now_us = now_ms * 1000;
    if (rate <= 0) {
        budget->next_at_us = 0;
        return;
    }
    uint64_t interval_us = (uint64_t)(1e6 / rate);
    uint64_t from_us = budget->next_at_us;
    if (from_us + LATE_MAX_US < now_us)
        from_us = now_us - LATE_MAX_US;
    budget->next_at_us =
        from_us + interval_us - interval_us / 10 + jitter_below(&budget->jitter, interval_us / 5);
}

void operator_budget_on_sent(struct operator_share *share, uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    assert(budget->out_count < OUT_MAX);
    budget->out[budget->out_count++] = now_ms;
    budget->sent[budget->sent_count++ % RATE_REQUESTS_MAX] = now_ms;
    space_out(budget, now_ms);
}

/* The highest average over the last requests. */
static double rate_sent(const struct operator_budget *budget, uint64_t now_ms)
{
    uint64_t known =
        budget->sent_count < RATE_REQUESTS_MAX ? budget->sent_count : RATE_REQUESTS_MAX;
    uint64_t first = known < RATE_REQUESTS_MIN ? known : RATE_REQUESTS_MIN;
    double highest = 0;
    for (uint64_t count = first; count && count <= known; count++) {
        uint64_t span_ms = now_ms - budget->sent[(budget->sent_count - count) % RATE_REQUESTS_MAX];
        if (span_ms < RATE_SPAN_MIN_MS)
            span_ms = RATE_SPAN_MIN_MS;
        double rate = (double)count * 1000 / (double)span_ms;
        highest = rate > highest ? rate : highest;
    }
    return highest;
}

static void hold(struct operator_budget *budget, uint64_t delay_ms, uint64_t now_ms)
{
    uint64_t until_ms = now_ms + delay_ms + jitter_below(&budget->jitter, delay_ms / 10);
    if (until_ms > budget->held_until_ms)
        budget->held_until_ms = until_ms;
}

static void pause_a_while(struct operator_budget *budget, uint64_t now_ms)
{
    uint64_t delay_ms = PAUSE_FIRST_MS;
    for (unsigned i = 0; i < budget->pauses && delay_ms < PAUSE_MAX_MS; i++)
        delay_ms *= 2;
    budget->pauses++;
    hold(budget, delay_ms < PAUSE_MAX_MS ? delay_ms : PAUSE_MAX_MS, now_ms);
}

/* Half of what was sent or, if that was less, of the limit; but quiet times say little. */
static double lower_rate(const struct operator_budget *budget, uint64_t now_ms)
{
    double limit = rate_now(budget, now_ms);
    double half = rate_sent(budget, now_ms) / 2;
    half = half > RATE_FIRST_MIN ? half : RATE_FIRST_MIN;
    half = limit > 0 && limit / 2 < half ? limit / 2 : half;
    double lowest = 1000.0 / RATE_MIN_INTERVAL_MS;
    return half > lowest ? half : lowest;
}

static void cut(struct operator_budget *budget, uint64_t now_ms)
{
    budget->is_found = rate_now(budget, now_ms) > 0;
    budget->limit = budget->cut_rate = lower_rate(budget, now_ms);
    budget->cut_at_ms = now_ms;
    budget->is_limited = true;
    budget->next_at_us = now_ms * 1000;
    budget->at_once = budget->at_once > 1 ? budget->at_once / 2 : 1;
    budget->good_answers = 0;
    space_out(budget, now_ms);
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
    if (budget->is_limited && answer->sent_at_ms < budget->cut_at_ms)
        return;
    cut(budget, now_ms);
    if (!answer->retry_after_ms)
        pause_a_while(budget, now_ms);
}

static void on_good(struct operator_share *share, uint64_t now_ms)
{
    struct operator_budget *budget = share->budget;
    share->is_throttled = false;
    budget->pauses = 0;
    budget->is_limited = rate_now(budget, now_ms) > 0;
    if (budget->is_limited)
        raise_limit(budget, now_ms);
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
    return share->budget->at_once;
}

double operator_budget_rate(const struct operator_share *share, uint64_t now_ms)
{
    return rate_now(share->budget, now_ms);
}
