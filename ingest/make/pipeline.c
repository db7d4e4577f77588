#include "ingest/make/pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"

enum {
    /* An issuer's object holds its DER, at most 16 MB, in base64, and its names. */
    ISSUER_JSON_MAX = 256 * 1024 * 1024,
    /* A TBSCertificate of three-byte length, and a little around it. */
    WRAPPED_MAX = (1 << 24) + 4096,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* The issuer, and its own if it is a Precertificate Signing Certificate. */
    BINDING_ISSUERS = 2,
};

struct pipeline {
    struct digest *sha256;
    struct certificate *certificate;
    struct certificate *issuer;
    struct issuer_set *issuers;
    struct buffer issuer_json;
    struct buffer wrapped; /* a certificate around a TBS whose precertificate is not its own */
    struct pipeline_stats stats;
};

struct pipeline *pipeline_create(void)
{
    struct pipeline *pipeline = memory_allocate_zeroed(1, sizeof *pipeline);
    pipeline->sha256 = digest_create(DIGEST_SHA256);
    pipeline->certificate = certificate_create();
    pipeline->issuer = certificate_create();
    pipeline->issuers = issuer_set_create();
    buffer_init(&pipeline->issuer_json, ISSUER_JSON_MAX);
    buffer_init(&pipeline->wrapped, WRAPPED_MAX);
    return pipeline;
}

void pipeline_destroy(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    digest_destroy(pipeline->sha256);
    certificate_destroy(pipeline->certificate);
    certificate_destroy(pipeline->issuer);
    issuer_set_destroy(pipeline->issuers);
    buffer_free(&pipeline->issuer_json);
    buffer_free(&pipeline->wrapped);
    free(pipeline);
}

void pipeline_learn_issuer(struct pipeline *pipeline, const uint8_t *fingerprint, struct bytes der)
{
    struct precertificate_issuer issuer;
    (void)certificate_parse(pipeline->issuer, der);
    bool has_key = precertificate_issuer_read(&issuer, pipeline->sha256, pipeline->issuer);
    issuer_set_add(pipeline->issuers, fingerprint, has_key ? &issuer : NULL);
}

static void send_issuer_once(struct pipeline *pipeline, struct batch *batch,
                             const uint8_t *fingerprint, struct bytes der)
{
    if (issuer_set_find(pipeline->issuers, fingerprint))
        return;
    char hex[FINGERPRINT_HEX + 1];
    hex_encode(hex, bytes_of(fingerprint, SHA256_SIZE));
    pipeline_learn_issuer(pipeline, fingerprint, der);
    buffer_clear(&pipeline->issuer_json);
    certificate_json_write(&pipeline->issuer_json, pipeline->issuer, CERTIFICATE_DIALECT_CERTSTREAM,
                           true);
    if (pipeline->issuer_json.failed)
        return;
    pipeline->stats.issuers += batch_add_issuer(batch, hex, buffer_bytes(&pipeline->issuer_json));
}

void pipeline_add_issuer(struct pipeline *pipeline, struct batch *batch, struct bytes der)
{
    uint8_t fingerprint[SHA256_SIZE];
    issuer_set_fingerprint(pipeline->issuers, der, fingerprint);
    send_issuer_once(pipeline, batch, fingerprint, der);
}

/* The fingerprints of the entry's chain, in order; how many. */
static size_t collect_chain(struct pipeline *pipeline, struct batch *batch,
                            const struct entry *entry, uint8_t (*fingerprints)[SHA256_SIZE])
{
    size_t count = 0;
    if (entry->has_fingerprints) {
        for (size_t at = 0; at < entry->chain.size && count < PIPELINE_CHAIN_MAX; at += SHA256_SIZE)
            memcpy(fingerprints[count++], entry->chain.data + at, SHA256_SIZE);
        return count;
    }
    struct bytes chain = entry->chain;
    struct bytes der;
    while (count < PIPELINE_CHAIN_MAX && entry_next_chain_certificate(&chain, &der)) {
        issuer_set_fingerprint(pipeline->issuers, der, fingerprints[count]);
        send_issuer_once(pipeline, batch, fingerprints[count++], der);
    }
    return count;
}

static void write_chain(struct buffer *out, uint8_t (*fingerprints)[SHA256_SIZE], size_t count)
{
    char hex[FINGERPRINT_HEX + 1];
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_append_byte(out, ' ');
        hex_encode(hex, bytes_of(fingerprints[i], SHA256_SIZE));
        buffer_append(out, hex, FINGERPRINT_HEX);
    }
}

static void write_fields(struct pipeline *pipeline, struct batch *batch,
                         const struct message_entry *message, struct bytes der,
                         uint8_t (*fingerprints)[SHA256_SIZE], size_t fingerprint_count)
{
    struct buffer *out = &batch->arena;
    batch_begin_entry(batch);
    message_write(out, message, pipeline->certificate);
    batch_end_field(batch, BATCH_JSON);
    certificate_json_write_domains(out, pipeline->certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    batch_end_field(batch, BATCH_DOMAINS);
    buffer_append_bytes(out, der);
    batch_end_field(batch, BATCH_DER);
    write_chain(out, fingerprints, fingerprint_count);
    batch_end_field(batch, BATCH_CHAIN);
    buffer_append_string(out, batch->log_id_hex);
    batch_end_field(batch, BATCH_LOG);
    buffer_append_unsigned(out, message->index);
    batch_end_field(batch, BATCH_INDEX);
}

/* What is known of the first certificates of the chain; how many. */
static size_t collect_issuers(const struct pipeline *pipeline, uint8_t (*fingerprints)[SHA256_SIZE],
                              size_t count, struct precertificate_issuer *issuers)
{
    size_t known_count = 0;
    while (known_count < count && known_count < BINDING_ISSUERS) {
        const struct known_issuer *known =
            issuer_set_find(pipeline->issuers, fingerprints[known_count]);
        if (!known || !known->has_key)
            break;
        issuers[known_count++] = known->issuer;
    }
    return known_count;
}

static enum precertificate_binding check_binding(const struct pipeline *pipeline,
                                                 const struct entry *entry,
                                                 uint8_t (*fingerprints)[SHA256_SIZE], size_t count)
{
    if (!entry->is_precertificate || entry->malformed)
        return PRECERTIFICATE_BOUND;
    struct precertificate_issuer issuers[BINDING_ISSUERS];
    const struct precertificate precertificate = {
        .tbs = entry->tbs,
        .issuer_key_hash = entry->issuer_key_hash.data,
        .der = entry->certificate,
    };
    return precertificate_check(&precertificate, issuers,
                                collect_issuers(pipeline, fingerprints, count, issuers));
}

/* The certificate to publish, and whether what the log does not prove belongs to it. Of a
 * precertificate that is not that of the leaf only what the leaf says counts. */
static struct bytes choose_certificate(struct pipeline *pipeline, const struct entry *entry,
                                       enum precertificate_binding binding, bool *is_unbound)
{
    *is_unbound = false;
    switch (binding) {
    case PRECERTIFICATE_BOUND: return entry->certificate;
    case PRECERTIFICATE_WITHOUT_ISSUER: pipeline->stats.unchecked++; return entry->certificate;
    case PRECERTIFICATE_OTHER_ISSUER:
    case PRECERTIFICATE_UNREADABLE:
    case PRECERTIFICATE_DIFFERS: break;
    }
    *is_unbound = true;
    pipeline->stats.unbound++;
    buffer_clear(&pipeline->wrapped);
    bool wrap = binding != PRECERTIFICATE_OTHER_ISSUER &&
                precertificate_wrap(&pipeline->wrapped, entry->tbs);
    return wrap && !pipeline->wrapped.failed ? buffer_bytes(&pipeline->wrapped)
                                             : entry->certificate;
}

static void advance(struct pipeline *pipeline, struct batch *batch, const struct entry *entry)
{
    struct log_position *position = &batch->position;
    if (position->has_frontier) {
        struct merkle_hash leaf;
        merkle_hash_leaf(pipeline->sha256, &leaf, entry->leaf_pieces, 2);
        merkle_frontier_add(pipeline->sha256, &position->frontier, 0, &leaf);
    }
    position->next++;
}

void pipeline_add_entry(struct pipeline *pipeline, struct batch *batch,
                        const struct message_source *source, const struct entry *entry,
                        uint64_t seen_ms)
{
    assert(!batch_is_full(batch));
    struct message_entry message = {
        .source = source,
        .index = batch->position.next,
        .timestamp_ms = entry->timestamp_ms,
        .seen_ms = seen_ms,
        .is_precertificate = entry->is_precertificate,
        .parse_error = entry->malformed,
    };
    uint8_t fingerprints[PIPELINE_CHAIN_MAX][SHA256_SIZE];
    size_t fingerprint_count = collect_chain(pipeline, batch, entry, fingerprints);
    enum precertificate_binding binding =
        check_binding(pipeline, entry, fingerprints, fingerprint_count);
    struct bytes der = choose_certificate(pipeline, entry, binding, &message.is_unbound);
    bool parsed = certificate_parse(pipeline->certificate, der);
    write_fields(pipeline, batch, &message, der, fingerprints, fingerprint_count);
    if (batch->arena.failed) {
        batch_cancel_entry(batch);
        message.parse_error = "too large to be shown";
        parsed = certificate_parse(pipeline->certificate, (struct bytes){ 0 });
        write_fields(pipeline, batch, &message, (struct bytes){ 0 }, fingerprints,
                     fingerprint_count);
        assert(!batch->arena.failed);
    }
    advance(pipeline, batch, entry);
    pipeline->stats.entries++;
    pipeline->stats.precertificates += entry->is_precertificate;
    pipeline->stats.malformed_entries += entry->malformed != NULL;
    pipeline->stats.parse_errors += !parsed;
}

struct issuer_set *pipeline_issuers(struct pipeline *pipeline)
{
    return pipeline->issuers;
}

struct digest *pipeline_sha256(struct pipeline *pipeline)
{
    return pipeline->sha256;
}

const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline)
{
    return &pipeline->stats;
}
