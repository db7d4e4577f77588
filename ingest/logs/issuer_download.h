/*
 * Issuers of tiled logs: a tile names them by fingerprint. Each is looked up in Redis, where an
 * earlier process may have left it, and else fetched from `issuer/<fingerprint>`. Entries wait for
 * theirs, but not for ever: after a while they are published without, and what comes later serves
 * later entries.
 *
 * Each log has its own list of what it waits for, oldest first, and its own share of the requests:
 * fingerprints of nothing, of which a log may name any number, cost that log only.
 */
#ifndef INGEST_LOGS_ISSUER_DOWNLOAD_H
#define INGEST_LOGS_ISSUER_DOWNLOAD_H

#include "ingest/make/issuer_set.h"

enum {
    /* How long entries wait for an issuer; it is asked for again all the same, less and less
     * often. */
    ISSUER_WAIT_MS = 30 * 1000,
    ISSUER_RETRY_MS = 2000,
    ISSUER_RETRY_MAX_MS = 10 * 60 * 1000,
    /* Issuers have 1 to 3 KB; some hundred may be held at once. */
    ISSUER_BODY_MAX = ISSUER_SET_DER_MAX,
    /* At once, over all logs and of one. */
    ISSUER_REQUESTS_MAX = 16,
    ISSUER_LOG_REQUESTS_MAX = 2,
    /* Wanted at once by one log; beyond this its entries do not wait. */
    ISSUER_WANTED_MAX = 512,
    /* Looked up at once: of each object comes with its certificate, some 5 KB. */
    ISSUER_LOOK_UP_MAX = 64,
    /* One that has not come by then is forgotten, until an entry names it again. */
    ISSUER_FORGET_MS = 3600 * 1000,
};

struct contract;
struct ct_log;
struct follow_stats;
struct http_client;
struct issuer_download;
struct operator_budgets;
struct pipeline;
struct redis_link;

/* All borrowed. */
struct issuer_download_options {
    struct http_client *http;
    struct operator_budgets *operators;
    struct pipeline *pipeline;
    struct follow_stats *stats;
    struct redis_link *link; /* NULL: there is none to look them up in */
    const struct contract *contract;
};

struct issuer_download *issuer_download_create(const struct issuer_download_options *options);
/* After the link, so that no reply is owed. NULL is fine. */
void issuer_download_destroy(struct issuer_download *download);

/* Whether entries that name this issuer may go on: it is known, or has been waited for long enough.
 * If it is not known it will be fetched from the log, within its operator's budget. `owner`: the
 * log, as batch->owner. */
bool issuer_download_want(struct issuer_download *download, const void *owner,
                          const struct ct_log *ct_log, const uint8_t *fingerprint, uint64_t now_ms);

/* Sends what is due. When it is to be called again; UINT64_MAX: after an answer. */
uint64_t issuer_download_work(struct issuer_download *download, uint64_t now_ms);

#endif
