/* The log that is meant by what somebody typed, among those of the log lists. Pure. */
#ifndef INGEST_BACKFILL_LOG_CHOICE_H
#define INGEST_BACKFILL_LOG_CHOICE_H

#include "ingest/lists/roster.h"

enum log_choice {
    LOG_CHOICE_ONE,
    LOG_CHOICE_NONE,
    LOG_CHOICE_SEVERAL, /* `chosen` is the second that fits */
};

/* By id (hex or base64) or address; else by description, of which a part will do, in either case.
 * `chosen` points into the roster. */
enum log_choice log_choice_make(const struct roster *roster, const char *text,
                                const struct ct_log **chosen);

#endif
