/*
 * What a log's tree proves of a precertificate entry is its TBSCertificate without the poison and
 * the hash of its issuer's key (RFC 6962 section 3.2). The precertificate itself and the chain are
 * only claimed beside it. This checks the claims, so that nothing is published of a certificate
 * that the log has not signed. Pure.
 */
#ifndef INGEST_CT_PRECERTIFICATE_H
#define INGEST_CT_PRECERTIFICATE_H

#include "shared/base/buffer.h"
#include "shared/base/digest.h"

struct certificate;

/* What the check needs of an issuer; the same for all its certificates, so it is worth keeping. */
struct precertificate_issuer {
    uint8_t key_hash[SHA256_SIZE]; /* of its SubjectPublicKeyInfo */
    /* A Precertificate Signing Certificate (RFC 6962 section 3.1): it signs in the name of its own
     * issuer. */
    bool is_signer;
};

/* Reads a parsed issuer certificate. False if its key cannot be read. */
bool precertificate_issuer_read(struct precertificate_issuer *issuer,
                                const struct certificate *certificate);

/* An entry of a log; `tbs` and `issuer_key_hash` are under the tree's root, `der` is not. */
struct precertificate {
    struct bytes tbs;               /* TBSCertificate without the poison, DER */
    const uint8_t *issuer_key_hash; /* SHA256_SIZE bytes */
    struct bytes der;               /* the precertificate as submitted */
};

enum precertificate_binding {
    PRECERTIFICATE_BOUND,
    /* By a Precertificate Signing Certificate: its issuer and authority key identifier are not
     * those of the TBS, and nothing proves them. */
    PRECERTIFICATE_BOUND_BY_SIGNER,
    PRECERTIFICATE_UNREADABLE,     /* the precertificate or the TBS */
    PRECERTIFICATE_DIFFERS,        /* it is not the precertificate of this TBS */
    PRECERTIFICATE_WITHOUT_ISSUER, /* the chain is too short for the key hash to be checked */
    PRECERTIFICATE_OTHER_ISSUER, /* the chain does not begin with the issuer whose key was hashed */
};

/* `issuers`: the chain's first certificates, issuer first; two are enough, fewer if the chain has
 * fewer. */
enum precertificate_binding precertificate_check(const struct precertificate *precertificate,
                                                 const struct precertificate_issuer *issuers,
                                                 size_t issuer_count);

/* A short constant text, for counters and logs. */
const char *precertificate_binding_name(enum precertificate_binding binding);

/* Appends a certificate that holds this TBSCertificate and an empty signature: what there is to
 * publish of an entry whose precertificate is not the log's. Where the TBS does not say with which
 * algorithm it is signed, there is none. */
void precertificate_wrap(struct buffer *out, struct bytes tbs);

#endif
