/*
 * A log list (v3 schema, as Chrome and Apple publish it), or the description of a single log as
 * logs serve it (log.v3.json): its text to logs. Pure.
 */
#ifndef INGEST_LISTS_LOG_LIST_H
#define INGEST_LISTS_LOG_LIST_H

#include "ingest/ct/ct_log.h"

enum {
    /* The largest list seen is 160 KB; room for growth, not for a flood. */
    LOG_LIST_SIZE_MAX = 4 * 1024 * 1024,
    /* 69 logs are followed in 2026; 262 stood in the longest list of all logs. */
    LOG_LIST_LOGS_MAX = 1024,
    LOG_LIST_VERSION_SIZE = 32,
};

struct log_list {
    struct ct_log *logs; /* owned */
    size_t count;
    size_t
        refused; /* logs of the list that are no valid description: wrong id, key, URL, interval */
    char version[LOG_LIST_VERSION_SIZE]; /* as the list has it, printable; or "" */
    uint64_t timestamp_ms;               /* log_list_timestamp, ms since 1970; 0: it has none */
};

/*
 * Reads `text` into `list`, which starts zeroed. Of several descriptions of one log id the one that
 * is preferred (ct_log_is_preferred) is kept. http:// URLs are taken only with `allow_http`. NULL,
 * or a constant text that says why the whole text is no log list; `list` is then as it was.
 */
const char *log_list_parse(struct log_list *list, struct bytes text, bool allow_http);

/* The log with this id, or NULL. */
const struct ct_log *log_list_find(const struct log_list *list, const uint8_t *id);

void log_list_clear(struct log_list *list);

#endif
