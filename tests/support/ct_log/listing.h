/*
 * What the log list says of the local CT log's two views, which /control may change: so a test can
 * have a log retired, vanish, become read-only or be one of many.
 */
#ifndef CT_LOG_LISTING_H
#define CT_LOG_LISTING_H

#include "shared/base/bytes.h"

struct ct_log;

enum {
    LISTING_VIEWS = 2,
    LISTING_STATE_SIZE = 16,
    LISTING_EXTRA_MAX = 100,
    LISTING_AGE_MAX_S = 366 * 86400,
};

struct listing {
    /* The state of each enum ct_log_view: "usable"; "": no state; "gone": not in the list. */
    char states[LISTING_VIEWS][LISTING_STATE_SIZE];
    uint64_t final_size[LISTING_VIEWS]; /* of "readonly" */
    uint64_t extra_count;               /* further usable logs, at addresses where nothing is */
    uint64_t age_s;                     /* of its timestamp, counted from the log's start */
    uint64_t version;                   /* grows with every change */
};

struct listing listing_of_usable_logs(void);

/* Changes what the query asks for: list-state=, of both views or of that which list-log= names;
 * list-extra=; list-age=. NULL, or what is wrong. A log becomes read-only at the size that it has
 * now. */
const char *listing_set(struct listing *listing, const struct ct_log *log, struct bytes query);

#endif
