#include "ingest/make/pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"

enum {
    /* An issuer's object holds its DER, at most ISSUER_SET_DER_MAX, in base64, and its names. */
    ISSUER_JSON_MAX = 4 * 1024 * 1024,
    /* A TBSCertificate of three-byte length, and a little around it. */
    WRAPPED_MAX = (1 << 24) + 4096,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    SECOND_MS = 1000,
};

struct pipeline {
    struct digest *sha256;
    struct certificate *certificate;
    struct certificate *issuer;
    struct issuer_set *issuers;
    bool issuers_are_full;
    struct buffer issuer_json;
    struct buffer wrapped; /* a certificate around a TBS whose precertificate is not its own */
    uint64_t signatures_since_ms;
    unsigned signatures;
    struct pipeline_stats stats;
};

/* A certificate of an entry's chain: known, or read for the moment. */
struct member {
    uint8_t fingerprint[SHA256_SIZE];
    struct bytes der; /* empty: the log named it by its fingerprint only */
    struct known_issuer *known;
    bool is_read;
    struct chain_certificate certificate;
};

/* The chain of one entry, and how far it is bound to it. */
struct chain {
    struct member members[PIPELINE_CHAIN_MAX];
    size_t count;
    bool is_cut; /* there were more */
    size_t bound_count;
    enum message_chain verdict;
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

bool pipeline_learn_issuer(struct pipeline *pipeline, const uint8_t *fingerprint, struct bytes der,
                           const void *owner, uint64_t now_ms)
{
    return issuer_set_add(pipeline->issuers, fingerprint, der, owner, now_ms) != NULL;
}

void pipeline_limit_issuers(struct pipeline *pipeline, bool is_full)
{
    pipeline->issuers_are_full = is_full;
}

/* The stamp says that it is named; with it goes the issuer itself, because Redis may have dropped
 * what nothing named. */
static void send_issuer(struct pipeline *pipeline, struct batch *batch, struct known_issuer *known,
                        uint64_t now_ms)
{
    if (known->stamped_ms && now_ms < known->stamped_ms + ISSUER_STAMP_MS)
        return;
    char hex[FINGERPRINT_HEX + 1];
    hex_encode(hex, bytes_of(known->fingerprint, SHA256_SIZE));
    buffer_clear(&pipeline->issuer_json);
    if (!pipeline->issuers_are_full) {
        (void)certificate_parse(pipeline->issuer, known->certificate.der);
        certificate_json_write(&pipeline->issuer_json, pipeline->issuer,
                               CERTIFICATE_DIALECT_CERTSTREAM, true);
    }
    if (pipeline->issuer_json.failed ||
        !batch_add_issuer(batch, hex, buffer_bytes(&pipeline->issuer_json)))
        return;
    pipeline->stats.issuers += pipeline->issuer_json.size > 0 && !known->stamped_ms;
    known->stamped_ms = now_ms;
}

/* What is named now is not forgotten while the chain is worked on. */
static void add_member(struct chain *chain, struct known_issuer *known, struct bytes der,
                       uint64_t now_ms)
{
    chain->members[chain->count++] = (struct member){ .der = der, .known = known };
    if (known)
        known->named_ms = now_ms;
}

static void add_named_member(struct pipeline *pipeline, struct chain *chain,
                             const uint8_t *fingerprint, uint64_t now_ms)
{
    struct member *member = &chain->members[chain->count];
    add_member(chain, issuer_set_find(pipeline->issuers, fingerprint), (struct bytes){ 0 }, now_ms);
    memcpy(member->fingerprint, fingerprint, SHA256_SIZE);
}

static void add_served_member(struct pipeline *pipeline, struct chain *chain, struct bytes der,
                              uint64_t now_ms)
{
    struct member *member = &chain->members[chain->count];
    add_member(chain, issuer_set_find_der(pipeline->issuers, der), der, now_ms);
    if (member->known)
        memcpy(member->fingerprint, member->known->fingerprint, SHA256_SIZE);
    else
        digest_bytes(pipeline->sha256, member->fingerprint, der);
}

static void read_chain(struct pipeline *pipeline, struct chain *chain, const struct entry *entry,
                       uint64_t now_ms)
{
    struct bytes rest = entry->chain;
    struct bytes der;
    chain->count = chain->bound_count = 0;
    if (entry->has_fingerprints)
        for (size_t at = 0; at < rest.size && chain->count < PIPELINE_CHAIN_MAX; at += SHA256_SIZE)
            add_named_member(pipeline, chain, rest.data + at, now_ms);
    else
        while (chain->count < PIPELINE_CHAIN_MAX && entry_next_chain_certificate(&rest, &der))
            add_served_member(pipeline, chain, der, now_ms);
    chain->is_cut =
        entry->has_fingerprints ? rest.size / SHA256_SIZE > chain->count : rest.size > 0;
}

/* NULL if the certificate is not there. */
static const struct chain_certificate *certificate_at(struct pipeline *pipeline,
                                                      struct chain *chain, size_t at)
{
    struct member *member = &chain->members[at];
    if (at >= chain->count || (!member->known && !member->der.size))
        return NULL;
    if (member->known)
        return &member->known->certificate;
    if (!member->is_read) {
        (void)certificate_parse(pipeline->issuer, member->der);
        chain_certificate_read(&member->certificate, pipeline->issuer, member->der);
        member->is_read = true;
    }
    return &member->certificate;
}

static bool may_verify_signature(struct pipeline *pipeline, uint64_t now_ms)
{
    if (now_ms < pipeline->signatures_since_ms ||
        now_ms - pipeline->signatures_since_ms >= SECOND_MS) {
        pipeline->signatures_since_ms = now_ms;
        pipeline->signatures = 0;
    }
    return pipeline->signatures++ < PIPELINE_SIGNATURES_MAX;
}

static enum message_chain verdict_of_signature(bool is_signed)
{
    return is_signed ? MESSAGE_CHAIN_BOUND : MESSAGE_CHAIN_UNBOUND;
}

/* `known`: the certificate, if it is a known issuer itself, or NULL. */
static enum message_chain check_signature(struct pipeline *pipeline, struct known_issuer *known,
                                          const struct chain_certificate *certificate,
                                          const struct chain_certificate *issuer,
                                          const uint8_t *issuer_fingerprint, uint64_t now_ms)
{
    if (known && known->is_tested &&
        memcmp(known->tested_issuer, issuer_fingerprint, SHA256_SIZE) == 0)
        return verdict_of_signature(known->is_signed);
    if (!may_verify_signature(pipeline, now_ms))
        return MESSAGE_CHAIN_UNCHECKED;
    bool is_signed = chain_link_is_signed(certificate, issuer);
    if (known) {
        known->is_tested = true;
        known->is_signed = is_signed;
        memcpy(known->tested_issuer, issuer_fingerprint, SHA256_SIZE);
    }
    return verdict_of_signature(is_signed);
}

/* Whether the certificate `at` of the chain belongs to the one before it. */
static enum message_chain check_link(struct pipeline *pipeline, struct chain *chain, size_t at,
                                     const struct chain_certificate *certificate,
                                     const struct chain_certificate *issuer, uint64_t now_ms)
{
    switch (chain_link_check(certificate, issuer)) {
    case CHAIN_LINK_BOUND: return MESSAGE_CHAIN_BOUND;
    case CHAIN_LINK_BROKEN: return MESSAGE_CHAIN_UNBOUND;
    case CHAIN_LINK_OPEN: break;
    }
    struct known_issuer *known = at ? chain->members[at - 1].known : NULL;
    return check_signature(pipeline, known, certificate, issuer, chain->members[at].fingerprint,
                           now_ms);
}

/* From the certificate before the first member, or NULL where that one is bound by its key's hash,
 * to the first link that does not hold. A certificate that is its own issuer ends a chain. */
static void check_links(struct pipeline *pipeline, struct chain *chain,
                        const struct chain_certificate *before, uint64_t now_ms)
{
    chain->verdict = chain->count ? MESSAGE_CHAIN_BOUND : MESSAGE_CHAIN_UNCHECKED;
    for (size_t i = 0; i < chain->count && chain->verdict == MESSAGE_CHAIN_BOUND; i++) {
        const struct chain_certificate *issuer = certificate_at(pipeline, chain, i);
        if (!issuer)
            chain->verdict = MESSAGE_CHAIN_UNCHECKED;
        else if (before)
            chain->verdict = check_link(pipeline, chain, i, before, issuer, now_ms);
        chain->bound_count += chain->verdict == MESSAGE_CHAIN_BOUND;
        before = issuer;
    }
    if (chain->is_cut && chain->verdict == MESSAGE_CHAIN_BOUND)
        chain->verdict = MESSAGE_CHAIN_UNCHECKED;
}

static enum precertificate_binding check_precertificate(struct pipeline *pipeline,
                                                        struct chain *chain,
                                                        const struct entry *entry)
{
    enum {
        BINDING_ISSUERS = 2, /* the issuer, and its own if it signs in the name of that one */
    };
    struct precertificate_issuer issuers[BINDING_ISSUERS];
    size_t count = 0;
    while (count < BINDING_ISSUERS) {
        const struct chain_certificate *issuer = certificate_at(pipeline, chain, count);
        if (!issuer || !issuer->has_key)
            break;
        issuers[count++] = issuer->key;
    }
    const struct precertificate precertificate = {
        .tbs = entry->tbs,
        .issuer_key_hash = entry->issuer_key_hash.data,
        .der = entry->certificate,
    };
    return precertificate_check(&precertificate, issuers, count);
}

/* Of a precertificate that is not that of the leaf only what the leaf says counts. */
static struct bytes wrap_leaf(struct pipeline *pipeline, const struct entry *entry)
{
    buffer_clear(&pipeline->wrapped);
    precertificate_wrap(&pipeline->wrapped, entry->tbs);
    return buffer_bytes(&pipeline->wrapped);
}

/* The certificate to publish, and what is known of the chain. */
static struct bytes bind_precertificate(struct pipeline *pipeline, struct chain *chain,
                                        const struct entry *entry, uint64_t now_ms)
{
    enum precertificate_binding binding = check_precertificate(pipeline, chain, entry);
    chain->verdict = MESSAGE_CHAIN_UNBOUND;
    switch (binding) {
    case PRECERTIFICATE_UNREADABLE:
    case PRECERTIFICATE_DIFFERS: return wrap_leaf(pipeline, entry);
    case PRECERTIFICATE_OTHER_ISSUER: return entry->certificate;
    case PRECERTIFICATE_WITHOUT_ISSUER:
        chain->verdict = MESSAGE_CHAIN_UNCHECKED;
        return entry->certificate;
    case PRECERTIFICATE_BOUND:
    case PRECERTIFICATE_BOUND_BY_SIGNER: break;
    }
    check_links(pipeline, chain, NULL, now_ms);
    return binding == PRECERTIFICATE_BOUND ? entry->certificate : wrap_leaf(pipeline, entry);
}

static bool parse_leaf(struct pipeline *pipeline, struct chain *chain, const struct entry *entry,
                       struct bytes *der, uint64_t now_ms)
{
    if (entry->is_precertificate && entry->tbs.data) {
        *der = bind_precertificate(pipeline, chain, entry, now_ms);
        return certificate_parse(pipeline->certificate, *der);
    }
    *der = entry->certificate;
    bool parsed = certificate_parse(pipeline->certificate, *der);
    struct chain_certificate leaf;
    chain_certificate_read(&leaf, pipeline->certificate, *der);
    check_links(pipeline, chain, &leaf, now_ms);
    if (entry->malformed || entry->malformed_extra)
        chain->verdict = MESSAGE_CHAIN_UNBOUND;
    return parsed;
}

/* What is bound to the entry is kept, and goes to Redis with it. */
static void send_chain(struct pipeline *pipeline, struct batch *batch, struct chain *chain,
                       uint64_t now_ms)
{
    for (size_t i = 0; i < chain->bound_count; i++) {
        struct member *member = &chain->members[i];
        if (!member->known)
            member->known = issuer_set_add(pipeline->issuers, member->fingerprint, member->der,
                                           batch->owner, now_ms);
        if (member->known)
            send_issuer(pipeline, batch, member->known, now_ms);
    }
}

static void write_chain(struct buffer *out, const struct chain *chain)
{
    char hex[FINGERPRINT_HEX + 1];
    for (size_t i = 0; i < chain->count; i++) {
        if (i)
            buffer_append_byte(out, ' ');
        hex_encode(hex, bytes_of(chain->members[i].fingerprint, SHA256_SIZE));
        buffer_append(out, hex, FINGERPRINT_HEX);
    }
}

/* Nothing where the TBSCertificate cannot be read. */
static void add_tbs_digest(struct batch *batch, const struct certificate *certificate)
{
    const uint8_t *digest = certificate_tbs_sha256(certificate);
    char hex[FINGERPRINT_HEX + 1] = "";
    if (digest)
        hex_encode(hex, bytes_of(digest, SHA256_SIZE));
    batch_add_field(batch, BATCH_TBS, bytes_of_string(hex));
}

static void add_fields(struct pipeline *pipeline, struct batch *batch,
                       const struct message_entry *message, struct bytes der,
                       const struct chain *chain)
{
    struct buffer *out = &batch->arena;
    batch_begin_entry(batch);
    batch_begin_field(batch, BATCH_JSON);
    message_write(out, message, pipeline->certificate);
    batch_end_field(batch, BATCH_JSON);
    batch_begin_field(batch, BATCH_DOMAINS);
    certificate_json_write_domains(out, pipeline->certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    batch_end_field(batch, BATCH_DOMAINS);
    batch_add_field(batch, BATCH_DER, der);
    batch_begin_field(batch, BATCH_CHAIN);
    write_chain(out, chain);
    batch_end_field(batch, BATCH_CHAIN);
    batch_add_field(batch, BATCH_LOG, bytes_of_string(batch->log_id_hex));
    batch_begin_field(batch, BATCH_INDEX);
    buffer_append_unsigned(out, message->index);
    batch_end_field(batch, BATCH_INDEX);
    add_tbs_digest(batch, pipeline->certificate);
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

static void count_entry(struct pipeline_stats *stats, const struct entry *entry,
                        enum message_chain verdict, bool parsed)
{
    bool malformed = entry->malformed || entry->malformed_extra;
    stats->entries++;
    stats->precertificates += entry->is_precertificate;
    stats->malformed_entries += malformed;
    stats->unbound += verdict == MESSAGE_CHAIN_UNBOUND && !malformed;
    stats->unchecked += verdict == MESSAGE_CHAIN_UNCHECKED;
    stats->parse_errors += !parsed;
}

void pipeline_add_entry(struct pipeline *pipeline, struct batch *batch,
                        const struct message_source *source, const struct entry *entry,
                        uint64_t seen_ms)
{
    assert(!batch_is_full(batch));
    struct chain chain;
    struct bytes der;
    read_chain(pipeline, &chain, entry, seen_ms);
    bool parsed = parse_leaf(pipeline, &chain, entry, &der, seen_ms);
    send_chain(pipeline, batch, &chain, seen_ms);
    struct message_entry message = {
        .source = source,
        .index = batch->position.next,
        .timestamp_ms = entry->timestamp_ms,
        .seen_ms = seen_ms,
        .is_precertificate = entry->is_precertificate,
        .chain = chain.verdict,
        .parse_error = entry->malformed ? entry->malformed : entry->malformed_extra,
    };
    add_fields(pipeline, batch, &message, der, &chain);
    if (batch->arena.failed) {
        batch_cancel_entry(batch);
        message.parse_error = "too large to be shown";
        parsed = certificate_parse(pipeline->certificate, (struct bytes){ 0 });
        add_fields(pipeline, batch, &message, (struct bytes){ 0 }, &chain);
        assert(!batch->arena.failed);
    }
    advance(pipeline, batch, entry);
    count_entry(&pipeline->stats, entry, chain.verdict, parsed);
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
