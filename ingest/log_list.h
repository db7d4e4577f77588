/*
 * A log list (v3 schema, as Chrome and Apple publish it): its text to logs. Pure.
 */
#ifndef INGEST_LOG_LIST_H
#define INGEST_LOG_LIST_H

#include "ingest/ct_log.h"

enum {
    /* The largest list seen is 160 KB; room for growth, not for a flood. */
    LOG_LIST_SIZE_MAX = 4 * 1024 * 1024,
    /* 69 logs are followed in 2026; 262 stood in the longest list of all logs. */
    LOG_LIST_LOGS_MAX = 1024,
};

struct log_list {
    struct ct_log *logs; /* owned */
    size_t count;
    size_t refused; /* logs of the list that are no valid description: wrong id, key, URL */
};

/*
 * Adds the logs of `text` to `list`, which starts zeroed. A log id that is there already is not added again, but a tiled
 * description replaces an RFC 6962 one of the same id. http:// URLs are taken only with `allow_http`. NULL, or a constant
 * text that says why the whole text is no log list; `list` is then as it was.
 */
const char *log_list_parse(struct log_list *list, struct bytes text, bool allow_http);

/* The log with this id, or NULL. */
const struct ct_log *log_list_find(const struct log_list *list, const uint8_t *id);

void log_list_clear(struct log_list *list);

#endif
