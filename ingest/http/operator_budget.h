/*
 * How much may be asked of one operator, whose logs share front ends and limits (ingest/README.md,
 * "Budgets"): how many requests at once and how many per second, learnt from the answers. No I/O
 * and no clock: it is told what was sent and what came back, and says whether another request may
 * go out. Times are monotonic milliseconds.
 *
 *   at once        4 at first; one more after each round of good answers, half as many when
 *                  throttled
 *   per second     no limit until throttled; then rate_curve.h
 *   not at all     for as long as Retry-After says, or else a growing while
 *
 * Under a limit each request goes to the log that has had least for what it lacks: entries are
 * spread over an operator's logs by how far each is behind. Tree heads take at most a quarter as
 * long as entries wait.
 *
 * A log whose answers are throttled one after the other speaks for itself and not for its operator;
 * what does not answer for long stops counting as being at once. So a dead log does not starve
 * those beside it: what holds it back is the follower's back-off.
 */
#ifndef INGEST_HTTP_OPERATOR_BUDGET_H
#define INGEST_HTTP_OPERATOR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct operator_budget;
struct operator_budgets;

/* The part of one log in its operator's budget; the caller keeps it. Its pointer lives as long as
 * the budgets. */
struct operator_share {
    struct operator_budget *budget;
    bool is_throttled; /* so was its last answer */
    uint64_t missing;  /* entries that the log is behind, as said last */
    double had;        /* requests, each divided by what it lacked then */
};

/* What is asked for. */
enum operator_request {
    OPERATOR_ENTRIES, /* or what they need: proofs, issuers */
    OPERATOR_HEAD,
    OPERATOR_LOOK, /* a head of a log that has entries to fetch: it can wait longest */
};

enum operator_outcome {
    OPERATOR_GOOD,      /* an answer, also one that refuses this request alone (400, 404) */
    OPERATOR_THROTTLED, /* asked for less */
    OPERATOR_FAILED,    /* broken: unreachable, a 5xx */
};

struct operator_answer {
    enum operator_outcome outcome;
    uint64_t retry_after_ms; /* what the answer asked for; 0: nothing */
    uint64_t sent_at_ms;     /* as given to operator_budget_on_sent */
};

/* `seed` makes the jitter. */
struct operator_budgets *operator_budgets_create(uint64_t seed);
/* NULL is fine. */
void operator_budgets_destroy(struct operator_budgets *budgets);

/* The share of a log of this operator, who is the host of `url` if the list does not name one. Once
 * for each log: what is on its way is answered to the budget it was sent under. */
struct operator_share operator_budgets_join(struct operator_budgets *budgets,
                                            const char *operator_name, const char *url);

/* What an HTTP status says. 503 asks for less only with a Retry-After: without one it is a broken
 * log more often. */
enum operator_outcome operator_outcome_of_status(long status, uint64_t retry_after_ms);

/* How far the log is behind, in entries. */
void operator_budget_set_missing(struct operator_share *share, uint64_t missing);
/* The part of what is borne that this process takes, from above 0 to 1: others follow logs of the
 * same operator. */
void operator_budget_set_part(struct operator_share *share, double part);
/* What the administrator allows at most, or 0: what is learnt. */
void operator_budget_set_limits(struct operator_share *share, double per_second, unsigned at_once);

/* When a request may be sent: not after `now_ms` if at once. Else it is to be asked again then;
 * UINT64_MAX: after the next answer. To be asked only by who would send. */
uint64_t operator_budget_ask(struct operator_share *share, enum operator_request request,
                             uint64_t now_ms);

/* Only when it may be sent. Each is answered once, whatever becomes of it. */
void operator_budget_on_sent(struct operator_share *share, enum operator_request request,
                             uint64_t now_ms);
void operator_budget_on_answer(struct operator_share *share, const struct operator_answer *answer,
                               uint64_t now_ms);

/* Reports and tests ask for these. */
const char *operator_budget_name(const struct operator_share *share);
unsigned operator_budget_at_once(const struct operator_share *share);
/* Requests per second; 0: not limited. */
double operator_budget_rate(const struct operator_share *share, uint64_t now_ms);

#endif
