/*
 * SHA-256 and SHA-1 of bytes that may lie in several pieces. One context is used again and again:
 * in OpenSSL 3 making one, and finding the algorithm, costs more than hashing a certificate.
 */
#ifndef SHARED_BASE_DIGEST_H
#define SHARED_BASE_DIGEST_H

#include "shared/base/bytes.h"

enum {
    SHA256_SIZE = 32,
    SHA1_SIZE = 20
};

enum digest_algorithm {
    DIGEST_SHA256,
    DIGEST_SHA1
};

struct digest;

struct digest *digest_create(enum digest_algorithm algorithm);
/* NULL is fine. */
void digest_destroy(struct digest *digest);

/* Writes SHA256_SIZE or SHA1_SIZE bytes to `out`. */
void digest_bytes(struct digest *digest, uint8_t *out, struct bytes bytes);
void digest_pieces(struct digest *digest, uint8_t *out, const struct bytes *pieces, size_t count);

/* The same where the pieces come one by one. */
void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, struct bytes piece);
void digest_end(struct digest *digest, uint8_t *out);

#endif
