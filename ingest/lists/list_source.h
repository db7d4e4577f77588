/*
 * A log list from one address, a file or a URL, read again and again. What was read last stays when
 * the address fails, or when what it gives is not believed; a copy of it is kept in Redis for the
 * next start.
 *
 *   IDLE → TEXT → KEY → SIGNATURE → judged
 *
 * The last steps are for lists with a detached signature beside them, of which Chrome's is one:
 * log_list.sig for log_list.json, and the key, which is fetched once, as log_list_pubkey.pem.
 */
#ifndef INGEST_LISTS_LIST_SOURCE_H
#define INGEST_LISTS_LIST_SOURCE_H

#include "ingest/http/http_client.h"
#include "ingest/lists/list_signature.h"
#include "ingest/lists/log_list.h"
#include "shared/base/context.h"
#include "shared/base/jitter.h"

struct contract;
struct list_source;
struct redis_link;

enum {
    LIST_ADDRESS_SIZE = 1024,
    LIST_RETRY_MS = 2000,
    LIST_RETRY_MAX_MS = 10 * 60 * 1000,
    /* List and signature are two files: one may be newer than the other for a moment. */
    LIST_SIGNATURE_RETRY_MS = 60 * 1000,
};

/* What is on its way, in the order in which it is asked for. */
enum list_step {
    LIST_IDLE,
    LIST_TEXT,
    LIST_KEY,
    LIST_SIGNATURE,
};

/* What went wrong since the last good reading, the worst of it: said once each, as it gets
 * worse. */
enum list_failure {
    LIST_FINE,
    LIST_UNREACHABLE,
    LIST_MALFORMED,
    LIST_UNSIGNED,
    LIST_HELD, /* a good list, but not believed */
};

/* How all lists are read. Everything in it is borrowed as long as a source exists. */
struct list_reading {
    struct http_client *http;
    struct redis_link *link; /* for the copies; NULL: without Redis */
    const struct contract *contract;
    uint64_t refresh_ms;
    const char *key_file; /* "": fetched, and pinned by the hash */
    const char *key_hash; /* hex */
};

struct list_events {
    /* Asks whether a new version of the list is believed: NULL, or why it is not, in a text that
     * lives for the call. */
    const char *(*on_candidate)(void *context, const struct list_source *source,
                                const struct log_list *candidate);
    /* source->list is another than before. */
    void (*on_change)(void *context);
    void *context;
};

struct list_stats {
    uint64_t reads;
    uint64_t unchanged; /* answered with 304 */
    uint64_t failures;
    uint64_t bad_signatures;
    uint64_t held; /* versions that were not believed */
};

#define LIST_SOURCE_MARK CONTEXT_MARK('L', 'S', 'R', 'C')

struct list_source {
    uint32_t mark; /* LIST_SOURCE_MARK */
    const struct list_reading *reading;
    struct list_events events;
    const char *name;    /* as the settings have it; borrowed from them */
    const char *address; /* borrowed as well */
    bool is_public;      /* Chrome's or Apple's */
    bool is_signed;

    enum list_step step;
    struct buffer text; /* waits for its signature */
    struct buffer pem;  /* of the key */
    struct list_key *key;
    char text_etag[HTTP_ETAG_SIZE];

    bool is_loaded;
    struct log_list list;
    char etag[HTTP_ETAG_SIZE]; /* of `list`; "": none, or it is a copy out of Redis */
    uint64_t read_at_ms;       /* or confirmed; monotonic */

    bool asked_redis; /* for the copy, because the address failed at start */
    enum list_failure failure;
    size_t told_refused; /* logs described wrongly, as far as that was said */
    uint64_t due_at_ms;
    uint64_t back_off_ms;
    struct jitter jitter;
    struct list_stats stats;
};

/* `name` is one of chrome, chrome-all, apple, or a file or URL, with signed: in front if it is
 * signed. */
void list_source_init(struct list_source *source, const struct list_reading *reading,
                      const char *name, const struct list_events *events);
void list_source_clear(struct list_source *source);

/* Reads or asks for the list when it is due. When it is to be called again; UINT64_MAX while
 * something is on its way. */
uint64_t list_source_work(struct list_source *source, uint64_t now_ms);

#endif
