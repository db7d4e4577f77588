/*
 * Issuers of tiled logs: a tile names them by fingerprint, and each is fetched once from
 * `issuer/<fingerprint>`. Entries wait for theirs, but not for ever: after a while they are
 * published without, and the issuer follows when it comes.
 */
#ifndef INGEST_FOLLOW_ISSUER_DOWNLOAD_H
#define INGEST_FOLLOW_ISSUER_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* How long entries wait for an issuer; it is asked for again all the same, less and less often.
     */
    ISSUER_WAIT_MS = 30 * 1000,
    ISSUER_RETRY_MS = 2000,
    ISSUER_RETRY_MAX_MS = 10 * 60 * 1000,
    /* Issuers have 1 to 3 KB; some hundred may be held at once. */
    ISSUER_BODY_MAX = 128 * 1024,
    /* At once, over all logs. */
    ISSUER_REQUESTS_MAX = 8,
    /* Wanted at once; beyond this an entry does not wait. */
    ISSUER_WANTED_MAX = 512,
    /* One that has not come by then is forgotten, until an entry names it again. */
    ISSUER_FORGET_MS = 3600 * 1000,
};

struct batch;
struct ct_log;
struct follow_stats;
struct http_client;
struct issuer_download;
struct operator_budgets;
struct pipeline;

/* All borrowed. */
struct issuer_download_options {
    struct http_client *http;
    struct operator_budgets *operators;
    struct pipeline *pipeline;
    struct follow_stats *stats;
};

struct issuer_download *issuer_download_create(const struct issuer_download_options *options);
void issuer_download_destroy(struct issuer_download *fetcher);

/* Whether entries that name this issuer may go on: it is known, or has been waited for long enough.
 * If it is not known it will be fetched from the log, within its operator's budget. */
bool issuer_download_want(struct issuer_download *fetcher, const struct ct_log *ct_log,
                          const uint8_t *fingerprint, uint64_t now_ms);

/* Adds the issuers that have arrived to `append`, which takes them to Redis. */
void issuer_download_deliver(struct issuer_download *fetcher, struct batch *batch);

/* Sends what is due. When it is to be called again; UINT64_MAX: after an answer. */
uint64_t issuer_download_work(struct issuer_download *fetcher, uint64_t now_ms);

#endif
