/*
 * The stretch of the road that is the same for every log: entry → leaf hash → certificate → JSON →
 * batch. It owns what is used again for every entry: digests, the parsed certificate, the set of
 * known issuers. No I/O.
 */
#ifndef INGEST_MAKE_PIPELINE_H
#define INGEST_MAKE_PIPELINE_H

#include "ingest/ct/entry.h"
#include "ingest/make/issuer_set.h"
#include "ingest/store/batch.h"
#include "shared/message/message.h"

struct pipeline;

enum {
    /* Issuers of one entry that are named: real chains have two or three. */
    PIPELINE_CHAIN_MAX = 64,
    /* Signatures that are verified in a second, where the key identifiers of a chain do not tell:
     * some 20 ms of it at most. Real chains need next to none. */
    PIPELINE_SIGNATURES_MAX = 200,
};

struct pipeline_stats {
    uint64_t entries;
    uint64_t precertificates;
    uint64_t malformed_entries;
    uint64_t parse_errors; /* certificates that could not be read fully */
    uint64_t unbound;      /* precertificates or chains that are not those of what the log proves */
    uint64_t unchecked;    /* entries whose chain was not there to be checked, or not to its end */
    uint64_t issuers;
};

struct pipeline *pipeline_create(void);
void pipeline_destroy(struct pipeline *pipeline);

/* Adds one entry, whose index is batch->position.next, which moves on by one. `batch` must not be
 * full. The message's entry part is filled by the caller but for what the entry itself says.
 * `seen_ms`: realtime. */
void pipeline_add_entry(struct pipeline *pipeline, struct batch *batch,
                        const struct message_source *source, const struct entry *entry,
                        uint64_t seen_ms);

/* Learns an issuer whose fingerprint a tiled log's entries name. `owner`: as batch->owner of the
 * log. False if there is no room for it. */
bool pipeline_learn_issuer(struct pipeline *pipeline, const uint8_t *fingerprint, struct bytes der,
                           const void *owner, uint64_t now_ms);

/* Redis holds as many issuers as it may: none is added, those it has are stamped. */
void pipeline_limit_issuers(struct pipeline *pipeline, bool is_full);

struct issuer_set *pipeline_issuers(struct pipeline *pipeline);
struct digest *pipeline_sha256(struct pipeline *pipeline);
const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline);

#endif
