/*
 * A log list from one address, a file or a URL, read again and again. What was read last stays when the address fails; a
 * copy of it is kept in Redis for the next start.
 */
#ifndef INGEST_LIST_SOURCE_H
#define INGEST_LIST_SOURCE_H

#include "ingest/ingest.h"

enum {
    /* Lists change a few times a month. */
    LIST_REFRESH_MS = 3600 * 1000,
    LIST_RETRY_MS = 2000,
    LIST_RETRY_MAX_MS = 10 * 60 * 1000,
};

struct list_source {
    struct ingest *ingest;
    const char *address; /* borrowed from the settings */
    bool allow_http;     /* the user named this list */
    bool is_loaded;
    bool asked_redis; /* for the copy, because the address failed at start */
    bool in_flight;
    bool has_failed;
    struct log_list list;
    uint64_t due_at_ms;
    uint64_t back_off_ms;
    /* Called when the list has been read, at first or anew. */
    void (*on_change)(struct ingest *ingest);
};

void list_source_init(struct list_source *source, struct ingest *ingest, const char *address,
                      bool allow_http);
void list_source_clear(struct list_source *source);

/* Reads or asks for the list when it is due. */
void list_source_work(struct list_source *source, uint64_t now_ms);

#endif
