/*
 * Which logs are followed: what several log lists say, joined by log id, beside what is followed
 * already. Pure: lists, logs, settings and the time in, one verdict per log out.
 *
 *   usable, qualified        followed
 *   readonly                 followed, to its final tree head if that is known
 *   pending                  followed if the settings say so; if it is followed already it stays so
 *   retired, rejected, gone  drained if it is followed (read until it stands still), else not begun
 *   no state, log for tests  followed if a list of the user's own names it
 *
 * Lists are joined in favour of the log: the description by which it lives longest counts
 * (ct_log_is_preferred), among equal ones that of the list named first. So it is followed if any
 * list says usable, and a list that lags behind, or never had the log, stops nothing.
 *
 * No log is stopped for a list that is away: while one of the lists has not been read, all that is
 * followed is followed on. And a list that would stop many logs at once is not believed (the
 * brake): the caller asks with the new list in its place, and goes on with the old one if the
 * roster is braked.
 */
#ifndef INGEST_LISTS_ROSTER_H
#define INGEST_LISTS_ROSTER_H

#include "ingest/lists/log_list.h"

enum {
    /* Below this many followed logs one more or less is a large part of them: no brake. */
    ROSTER_BRAKE_LOGS_MIN = 5,
    ROSTER_BRAKE_PERCENT = 30,
};

struct roster_list {
    const struct log_list *list; /* NULL: it has not been read */
    const char *name;            /* as ct_log.lists has it */
    bool is_public;              /* Chrome's or Apple's, not one of the user's own */
};

struct roster_policy {
    bool follows_pending;
    /* Ids of logs that are not to be followed whatever lists say. */
    const uint8_t (*ignored)[SHA256_SIZE];
    size_t ignored_count;
    unsigned brake_percent; /* of the followed logs; 100: no brake */
};

struct roster_input {
    const struct roster_list *lists; /* in the order of their precedence */
    size_t list_count;
    const struct ct_log *const *known; /* what is followed or drained now, ids all different */
    size_t known_count;
    struct roster_policy policy;
    uint64_t now_ms; /* since 1970 */
};

enum roster_verdict {
    ROSTER_SKIPPED,
    ROSTER_FOLLOWED,
    ROSTER_DRAINED,
};

enum roster_reason {
    ROSTER_AS_LISTED,      /* the state says it all */
    ROSTER_OWN_LIST,       /* no state, but the user names it */
    ROSTER_PENDING_WANTED, /* by --follow-pending */
    ROSTER_FOLLOWED_ON,    /* pending, but followed already */
    ROSTER_UNREAD_LIST,    /* another list may have a say */
    ROSTER_GONE,           /* no list names it any more */
    ROSTER_PENDING,
    ROSTER_RETIRED,
    ROSTER_REJECTED,
    ROSTER_NO_STATE,
    ROSTER_TEST,
    ROSTER_PLACEHOLDER,  /* at example.com */
    ROSTER_IGNORED,      /* by --ignore-log */
    ROSTER_LIST_UNNAMED, /* the list that named it is no longer in the settings */
};

/* Says to people why a log is followed or not. */
const char *roster_reason_text(enum roster_reason reason);

struct roster_entry {
    /* The log as it is to be followed from now on; owned by the roster. */
    struct ct_log ct_log;
    enum roster_verdict verdict;
    enum roster_reason reason;
    size_t list_count; /* lists that name it */
};

struct roster {
    struct roster_entry
        *entries; /* owned; the lists' logs in their order, then what else is known */
    size_t count;
    size_t followed;
    size_t drained;
    /* Known logs, not counting those drained already, and those of them that this roster would stop
     * following. Logs whose interval is over are expected to leave and do not count as stopped. */
    size_t known;
    size_t stopped;
    bool is_braked;
};

void roster_decide(struct roster *roster, const struct roster_input *input);
void roster_clear(struct roster *roster);

#endif
