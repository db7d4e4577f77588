#include "ingest/pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/certificate.h"
#include "shared/certificate_json.h"
#include "shared/hex.h"
#include "shared/memory.h"

enum {
    /* An issuer's object holds its DER, at most 16 MB, in base64, and its names. */
    ISSUER_JSON_MAX = 256 * 1024 * 1024,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* Real chains have two or three; a log takes what ends at one of its roots. */
    CHAIN_MAX = 64,
};

struct pipeline {
    struct digest *sha256;
    struct certificate *certificate;
    struct certificate *issuer;
    struct issuer_set *issuers;
    struct buffer issuer_json;
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
    free(pipeline);
}

static void send_issuer_once(struct pipeline *pipeline, struct append *append,
                             const uint8_t *fingerprint, struct bytes der)
{
    if (issuer_set_has(pipeline->issuers, fingerprint))
        return;
    char hex[FINGERPRINT_HEX + 1];
    hex_encode(hex, bytes_of(fingerprint, SHA256_SIZE));
    (void)certificate_parse(pipeline->issuer, der);
    buffer_clear(&pipeline->issuer_json);
    certificate_json_write(&pipeline->issuer_json, pipeline->issuer, CERTIFICATE_DIALECT_CERTSTREAM,
                           true);
    if (pipeline->issuer_json.failed)
        return;
    append_add_issuer(append, hex, buffer_bytes(&pipeline->issuer_json));
    issuer_set_add(pipeline->issuers, fingerprint);
    pipeline->stats.issuers++;
}

void pipeline_add_issuer(struct pipeline *pipeline, struct append *append, struct bytes der)
{
    uint8_t fingerprint[SHA256_SIZE];
    issuer_set_fingerprint(pipeline->issuers, der, fingerprint);
    send_issuer_once(pipeline, append, fingerprint, der);
}

/* The fingerprints of the entry's chain, in order; how many. */
static size_t collect_chain(struct pipeline *pipeline, struct append *append,
                            const struct entry *entry, uint8_t (*fingerprints)[SHA256_SIZE])
{
    size_t count = 0;
    if (entry->has_fingerprints) {
        for (size_t at = 0; at < entry->chain.size && count < CHAIN_MAX; at += SHA256_SIZE)
            memcpy(fingerprints[count++], entry->chain.data + at, SHA256_SIZE);
        return count;
    }
    struct bytes chain = entry->chain;
    struct bytes der;
    while (count < CHAIN_MAX && entry_next_chain_certificate(&chain, &der)) {
        issuer_set_fingerprint(pipeline->issuers, der, fingerprints[count]);
        send_issuer_once(pipeline, append, fingerprints[count++], der);
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

static void write_fields(struct pipeline *pipeline, struct append *append,
                         const struct message_entry *message, struct bytes der,
                         uint8_t (*fingerprints)[SHA256_SIZE], size_t fingerprint_count)
{
    struct buffer *out = &append->arena;
    append_begin_entry(append);
    message_write(out, message, pipeline->certificate);
    append_end_field(append, APPEND_JSON);
    certificate_json_write_domains(out, pipeline->certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    append_end_field(append, APPEND_DOMAINS);
    buffer_append_bytes(out, der);
    append_end_field(append, APPEND_DER);
    write_chain(out, fingerprints, fingerprint_count);
    append_end_field(append, APPEND_CHAIN);
    buffer_append_string(out, append->log_id_hex);
    append_end_field(append, APPEND_LOG);
    buffer_append_unsigned(out, message->index);
    append_end_field(append, APPEND_INDEX);
}

static void advance(struct pipeline *pipeline, struct append *append, const struct entry *entry)
{
    struct checkpoint *checkpoint = &append->checkpoint;
    if (checkpoint->has_frontier) {
        struct merkle_hash leaf;
        merkle_hash_leaf(pipeline->sha256, &leaf, entry->leaf_pieces, 2);
        merkle_frontier_add(pipeline->sha256, &checkpoint->frontier, 0, &leaf);
    }
    checkpoint->next++;
}

void pipeline_add_entry(struct pipeline *pipeline, struct append *append,
                        const struct message_source *source, const struct entry *entry,
                        uint64_t seen_ms)
{
    assert(!append_is_full(append));
    struct message_entry message = {
        .source = source,
        .index = append->checkpoint.next,
        .timestamp_ms = entry->timestamp_ms,
        .seen_ms = seen_ms,
        .is_precertificate = entry->is_precertificate,
        .parse_error = entry->malformed,
    };
    uint8_t fingerprints[CHAIN_MAX][SHA256_SIZE];
    size_t fingerprint_count = collect_chain(pipeline, append, entry, fingerprints);
    struct bytes der = entry->certificate;
    bool parsed = certificate_parse(pipeline->certificate, der);
    write_fields(pipeline, append, &message, der, fingerprints, fingerprint_count);
    if (append->arena.failed) {
        append_cancel_entry(append);
        message.parse_error = "too large to be shown";
        parsed = certificate_parse(pipeline->certificate, (struct bytes){ 0 });
        write_fields(pipeline, append, &message, (struct bytes){ 0 }, fingerprints,
                     fingerprint_count);
        assert(!append->arena.failed);
    }
    advance(pipeline, append, entry);
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
