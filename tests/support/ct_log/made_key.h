/*
 * Public keys and signatures from a seed, as DER. An RSA modulus is random bytes and a signature is
 * well-formed filler: nobody verifies a CA's signature in this project, so no private key is
 * needed. Points are real points of their curve.
 */
#ifndef CT_LOG_MADE_KEY_H
#define CT_LOG_MADE_KEY_H

#include "shared/base/buffer.h"

struct seeded_random;

enum made_key {
    MADE_KEY_P256,
    MADE_KEY_P384,
    MADE_KEY_RSA_2048,
    MADE_KEY_RSA_4096,
};

/* Appends a SubjectPublicKeyInfo. */
void made_key_write(struct buffer *out, enum made_key key, struct seeded_random *random);

/* Appends the AlgorithmIdentifier of signatures by a key of this kind. */
void made_key_write_signature_algorithm(struct buffer *out, enum made_key key);

/* Appends the BIT STRING of a signature by a key of this kind. */
void made_key_write_signature(struct buffer *out, enum made_key key, struct seeded_random *random);

#endif
