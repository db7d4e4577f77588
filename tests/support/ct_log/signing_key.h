/* A log's signing key, P-256, made from a seed: the same log id on every machine. For tests
 * only. */
#ifndef CT_LOG_SIGNING_KEY_H
#define CT_LOG_SIGNING_KEY_H

#include "shared/base/buffer.h"

enum {
    SIGNING_KEY_ID_SIZE = 32
};

struct signing_key;

struct signing_key *signing_key_create(const char *seed, const char *purpose);
void signing_key_destroy(struct signing_key *key);

/* The SubjectPublicKeyInfo, and its SHA-256: the log id (RFC 6962 section 3.2). Alive as long as
 * the key. */
struct bytes signing_key_info(const struct signing_key *key);
const uint8_t *signing_key_id(const struct signing_key *key);

/* Appends a DigitallySigned (RFC 6962 section 2.1.4 with RFC 5246 section 4.7): ECDSA over
 * SHA-256. */
void signing_key_sign(const struct signing_key *key, struct bytes input, struct buffer *out);

#endif
