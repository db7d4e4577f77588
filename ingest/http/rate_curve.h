/*
 * How many requests per second are sent to who has asked for less: the shape of CUBIC (RFC 9438,
 * section 4.2) in time and answers instead of round trips. The rate that was borne before the cut
 * is remembered. From seven tenths of it the rate comes back to nine tenths within seconds of good
 * answers, stays near it, and then probes, slowly at first.
 *
 *   rate  borne ┤          ___________________/   probing: 60 s and 96 answers,
 *               │     .--'                        whichever is more, to a tenth above
 *           0.7 ┤ _.-'    recovery: 18 s
 *               └─┬──────┬──────────────────────→ time of good answers
 *
 * Before the borne rate is known, because the first limit is a guess of what was sent until then,
 * the rate doubles every two and a half seconds until it is refused. Pure: it has no clock. Times
 * are monotonic milliseconds, rates per second.
 */
#ifndef INGEST_HTTP_RATE_CURVE_H
#define INGEST_HTTP_RATE_CURVE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* The last good answers that tell what is borne. */
    RATE_CURVE_ANSWERS = 128
};

struct rate_curve {
    bool is_limited; /* it was cut once, and that is not forgotten */
    bool is_found;   /* and again under a limit: `borne` is measured, not guessed */
    double borne;
    uint64_t cut_at_ms;
    /* These count good answers since the cut. */
    uint64_t good_count;
    uint64_t first_good_at_ms;
    uint64_t recovered_count; /* those until recovery was over */
    /* When the last good answers came, also before the cut: a ring. */
    uint64_t good_at_ms[RATE_CURVE_ANSWERS];
    uint64_t good_total;
};

void rate_curve_on_good(struct rate_curve *curve, uint64_t now_ms);

/* It was refused for asking too much. Without a good answer since the last cut this says nothing
 * new. */
void rate_curve_cut(struct rate_curve *curve, uint64_t now_ms);

/* What may be sent now; 0: as much as one likes. */
double rate_curve_now(const struct rate_curve *curve, uint64_t now_ms);

#endif
