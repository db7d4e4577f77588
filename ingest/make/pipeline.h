/*
 * The steps that are the same for every log: entry → leaf hash → certificate → JSON →
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
};

struct pipeline_stats {
    uint64_t entries;
    uint64_t precertificates;
    uint64_t malformed_entries;
    uint64_t parse_errors; /* certificates that could not be read fully */
    uint64_t unbound;      /* precertificates or chains that are not those of what the log proves */
    uint64_t unchecked;    /* precertificates whose issuer's key was not there to be compared */
    uint64_t issuers;
};

struct pipeline *pipeline_create(void);
void pipeline_destroy(struct pipeline *pipeline);

/* Adds one entry, whose index is batch->position.next, which moves on by one. `batch` must not be
 * full. The message's entry part is filled by the caller but for what the entry itself says. */
void pipeline_add_entry(struct pipeline *pipeline, struct batch *batch,
                        const struct message_source *source, const struct entry *entry,
                        uint64_t seen_ms);

/* Adds an issuer that a tiled log served, if Redis does not have it yet. `der` hashes to
 * `fingerprint`. */
void pipeline_add_issuer(struct pipeline *pipeline, struct batch *batch, struct bytes der);

/* Learns an issuer that Redis has. */
void pipeline_learn_issuer(struct pipeline *pipeline, const uint8_t *fingerprint, struct bytes der);

struct issuer_set *pipeline_issuers(struct pipeline *pipeline);
struct digest *pipeline_sha256(struct pipeline *pipeline);
const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline);

#endif
