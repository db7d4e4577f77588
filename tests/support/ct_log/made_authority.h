/*
 * The handful of made-up CAs that issue what the local CT log holds: each a root and one
 * intermediate.
 */
#ifndef CT_LOG_MADE_AUTHORITY_H
#define CT_LOG_MADE_AUTHORITY_H

#include "shared/base/buffer.h"
#include "tests/support/ct_log/made_key.h"

enum {
    MADE_AUTHORITY_COUNT = 6,
    MADE_KEY_ID_SIZE = 20,
    /* Larger than any certificate made here: 100 names of at most 100 bytes, keys and
     * signatures. */
    MADE_CERTIFICATE_MAX = 65536,
};

struct made_authority {
    const char *host;   /* of its URLs */
    const char *policy; /* certificate policy of its own, dotted, or NULL */
    bool has_ocsp;
    enum made_key key;  /* of the intermediate: what it signs leaves with */
    struct buffer name; /* the intermediate's subject, a Name */
    struct buffer certificate;
    struct buffer root;
    uint8_t key_hash[32]; /* SHA-256 of the intermediate's SPKI: RFC 6962's issuer_key_hash */
    uint8_t key_id[MADE_KEY_ID_SIZE]; /* its subjectKeyIdentifier */
    uint8_t fingerprints[2][32];      /* SHA-256 of certificate and root: a static-ct chain */
};

/* Makes authority `number`, below MADE_AUTHORITY_COUNT, valid around `now` (seconds since 1970). */
void made_authority_init(struct made_authority *authority, const char *seed, size_t number,
                         uint64_t now);
void made_authority_clear(struct made_authority *authority);

#endif
