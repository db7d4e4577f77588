/*
 * A chain as a log serves it is proven by nothing: each certificate of it counts only if it belongs
 * to the one before. It does if it is the named issuer and its key is the one that is named, or has
 * signed. Pure.
 */
#ifndef INGEST_CT_CHAIN_LINK_H
#define INGEST_CT_CHAIN_LINK_H

#include "ingest/ct/precertificate.h"

/* What the check needs of a certificate. Views into its DER; empty where there is none. */
struct chain_certificate {
    struct bytes der;
    struct bytes subject, issuer;                  /* whole names */
    struct bytes subject_key_id, authority_key_id; /* of the two extensions */
    struct bytes public_key_info;                  /* a whole element */
    bool has_key;                                  /* `key` is filled */
    struct precertificate_issuer key;
};

/* From a certificate that certificate_parse has read, well or badly. */
void chain_certificate_read(struct chain_certificate *out, const struct certificate *certificate,
                            struct bytes der);

enum chain_link {
    CHAIN_LINK_BOUND,
    /* Only the signature can tell: a key identifier is missing, or the identifiers and the names
     * say different things. */
    CHAIN_LINK_OPEN,
    CHAIN_LINK_BROKEN,
};

/* Whether `issuer` is what `certificate` names as its issuer. */
enum chain_link chain_link_check(const struct chain_certificate *certificate,
                                 const struct chain_certificate *issuer);

/* Whether `issuer` has signed `certificate` (RFC 5280 section 4.1.1.3). Costs up to a few hundred
 * microseconds; false of keys and certificates that OpenSSL cannot read, and of RSA keys beyond
 * 8,192 bits. */
bool chain_link_is_signed(const struct chain_certificate *certificate,
                          const struct chain_certificate *issuer);

#endif
