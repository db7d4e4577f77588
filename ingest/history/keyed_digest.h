/*
 * A short digest of bytes by a key that nobody else has: Poly1305 (RFC 8439 section 2.5), four
 * times as fast as SHA-256. With one key for all it proves nothing to others, but as long as
 * neither key nor digests leave the process, two different runs have the same digest with a chance
 * below 2^-90 for a certificate's size, whoever chose them.
 */
#ifndef INGEST_HISTORY_KEYED_DIGEST_H
#define INGEST_HISTORY_KEYED_DIGEST_H

#include "shared/base/bytes.h"

enum {
    KEYED_DIGEST_SIZE = 16,
    KEYED_DIGEST_KEY_SIZE = 32,
};

struct keyed_digest;

/* `key`: KEYED_DIGEST_KEY_SIZE random bytes, which are copied. */
struct keyed_digest *keyed_digest_create(const uint8_t *key);
void keyed_digest_destroy(struct keyed_digest *digest);

/* Writes KEYED_DIGEST_SIZE bytes to `out`: of the pieces with their sizes. */
void keyed_digest_pieces(struct keyed_digest *digest, uint8_t *out, const struct bytes *pieces,
                         size_t count);

#endif
