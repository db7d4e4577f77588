#include "ingest/http/rate_curve.h"

#include <math.h>

enum {
    RECOVERY_MS = 18 * 1000,
    /* The rate is a tenth above what was borne after so long and so many answers. More than one
     * refusal in a hundred requests would not be worth what is found. */
    PROBE_MS = 60 * 1000,
    PROBE_ANSWERS = 96,
    SEARCH_DOUBLING_MS = 2500,
    /* Fewer answers between two cuts measure nothing. */
    MEASURED_MIN = 3,
    /* A rate is an average over some answers, and over no less than a second while bursts may be
     * among them. */
    AVERAGE_MIN = 8,
    GUESS_SPAN_MIN_MS = 1000,
    SPAN_MIN_MS = 100,
    /* So long without being refused means that the limit is gone. */
    FORGOTTEN_MS = 60 * 60 * 1000,
    /* The lowest rate, milliseconds per request: who refuses everything is asked so often. */
    INTERVAL_MAX_MS = 60 * 1000,
};

static const double cut_to = 0.7;
static const double probed_above = 0.1;
/* What was answered in quiet times says little of what is borne: a first guess is no lower. */
static const double guess_min = 1;

static bool is_limited(const struct rate_curve *curve, uint64_t now_ms)
{
    return curve->is_limited && now_ms - curve->cut_at_ms <= FORGOTTEN_MS;
}

static double recovering(const struct rate_curve *curve, uint64_t since_ms)
{
    double left = 1 - (double)since_ms / RECOVERY_MS;
    return curve->borne * (1 - (1 - cut_to) * left * left * left);
}

static double probing(const struct rate_curve *curve, uint64_t since_ms)
{
    double by_time = (double)(since_ms - RECOVERY_MS) / PROBE_MS;
    double by_answers =
        (double)(curve->good_count - curve->recovered_count) / (double)PROBE_ANSWERS;
    double way = by_time < by_answers ? by_time : by_answers;
    return curve->borne * (1 + probed_above * way * way * way);
}

double rate_curve_now(const struct rate_curve *curve, uint64_t now_ms)
{
    if (!is_limited(curve, now_ms))
        return 0;
    uint64_t since_ms = curve->good_count ? now_ms - curve->first_good_at_ms : 0;
    double rate = !curve->is_found
                      ? curve->borne * cut_to * exp2((double)since_ms / (double)SEARCH_DOUBLING_MS)
                  : since_ms < RECOVERY_MS ? recovering(curve, since_ms)
                                           : probing(curve, since_ms);
    double lowest = 1000.0 / INTERVAL_MAX_MS;
    return rate > lowest ? rate : lowest;
}

void rate_curve_on_good(struct rate_curve *curve, uint64_t now_ms)
{
    curve->good_at_ms[curve->good_total++ % RATE_CURVE_ANSWERS] = now_ms;
    curve->is_limited = is_limited(curve, now_ms);
    if (curve->good_count++ == 0)
        curve->first_good_at_ms = now_ms;
    if (now_ms - curve->first_good_at_ms < RECOVERY_MS)
        curve->recovered_count = curve->good_count;
}

/* The average since the `count`th last good answer. */
static double average(const struct rate_curve *curve, uint64_t count, uint64_t span_min_ms,
                      uint64_t now_ms)
{
    uint64_t first_ms = curve->good_at_ms[(curve->good_total - count) % RATE_CURVE_ANSWERS];
    uint64_t span_ms = now_ms - first_ms;
    return (double)count * 1000 / (double)(span_ms > span_min_ms ? span_ms : span_min_ms);
}

/* The highest average of what came without a limit. */
static double guess(const struct rate_curve *curve, uint64_t now_ms)
{
    uint64_t known =
        curve->good_total < RATE_CURVE_ANSWERS ? curve->good_total : RATE_CURVE_ANSWERS;
    double highest = guess_min;
    for (uint64_t count = known < AVERAGE_MIN ? known : AVERAGE_MIN; count && count <= known;
         count++) {
        double rate = average(curve, count, GUESS_SPAN_MIN_MS, now_ms);
        highest = rate > highest ? rate : highest;
    }
    return highest;
}

/* What was borne since the last cut: no more than was sent. */
static double measure(const struct rate_curve *curve, uint64_t now_ms)
{
    double sent = rate_curve_now(curve, now_ms);
    uint64_t count =
        curve->good_count < RATE_CURVE_ANSWERS ? curve->good_count : RATE_CURVE_ANSWERS;
    double rate = count < MEASURED_MIN
                      ? (double)count * 1000 / (double)(now_ms - curve->cut_at_ms + 1)
                      : average(curve, count, SPAN_MIN_MS, now_ms);
    /* A few answers measure little: not less than half. */
    if (count < MEASURED_MIN && rate < sent / 2)
        rate = sent / 2;
    return rate < sent ? rate : sent;
}

void rate_curve_cut(struct rate_curve *curve, uint64_t now_ms)
{
    bool was_limited = is_limited(curve, now_ms);
    if (was_limited && !curve->good_count)
        return;
    curve->borne = was_limited ? measure(curve, now_ms) : guess(curve, now_ms);
    curve->is_found = was_limited;
    curve->is_limited = true;
    curve->cut_at_ms = now_ms;
    curve->good_count = curve->recovered_count = 0;
}
