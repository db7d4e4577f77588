/*
 * The issuers that are in Redis already, or on their way there: each is parsed, rendered and sent
 * once, however many thousand entries name it. Pure.
 *
 * A certificate of an RFC 6962 chain comes as DER each time. To hash it each time would cost more
 * than all else that is done to an entry, so the set keeps the DER and compares it: certificates
 * end in their signature, whose last bytes find the place.
 */
#ifndef INGEST_MAKE_ISSUER_SET_H
#define INGEST_MAKE_ISSUER_SET_H

#include "ingest/ct/precertificate.h"

enum {
    /* 3,277 issuers are known to the public Web PKI; above this the set starts anew. */
    ISSUER_SET_MAX = 16 * 1024,
    ISSUER_SET_DER_MAX = 64 * 1024 * 1024,
};

struct issuer_set;

struct issuer_set *issuer_set_create(void);
void issuer_set_destroy(struct issuer_set *set);
/* Forgets all, because Redis may have: after a lost connection or a refused batch. */
void issuer_set_clear(struct issuer_set *set);

/* What is known of an issuer. */
struct known_issuer {
    bool is_known;
    bool has_key; /* its key could be read: `issuer` is filled */
    struct precertificate_issuer issuer;
    uint8_t fingerprint[SHA256_SIZE];
};

/* Lives until the next change of the set; NULL if the issuer is not known. */
const struct known_issuer *issuer_set_find(const struct issuer_set *set,
                                           const uint8_t *fingerprint);
/* `issuer`: NULL if its key cannot be read. */
void issuer_set_add(struct issuer_set *set, const uint8_t *fingerprint,
                    const struct precertificate_issuer *issuer);

/* The SHA-256 of an issuer's DER, remembered. */
void issuer_set_fingerprint(struct issuer_set *set, struct bytes der, uint8_t *fingerprint);

#endif
