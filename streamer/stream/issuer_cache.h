/*
 * The issuers' certificate objects that full messages are spliced with, by the issuer's SHA-256. A
 * cache of what Redis has, bounded in bytes.
 */
#ifndef STREAMER_STREAM_ISSUER_CACHE_H
#define STREAMER_STREAM_ISSUER_CACHE_H

#include "shared/base/bytes.h"

struct issuer_cache;

/* `limit_bytes`: see issuer_cache_trim. */
struct issuer_cache *issuer_cache_create(size_t limit_bytes);
/* NULL is fine. */
void issuer_cache_destroy(struct issuer_cache *issuers);

/* The object, alive until the next call but this one; false if the issuer is unknown, or was absent
 * and it is time to ask again. `sha256` has 32 bytes, here and below. */
bool issuer_cache_find(const struct issuer_cache *issuers, const uint8_t *sha256, uint64_t now_ms,
                       struct bytes *object);

/* Keeps a copy of the object. */
void issuer_cache_put(struct issuer_cache *issuers, const uint8_t *sha256, struct bytes object);
/* Redis does not have it: until `retry_at_ms` it is an object of nulls that has only its
 * fingerprint. */
void issuer_cache_put_absent(struct issuer_cache *issuers, const uint8_t *sha256,
                             uint64_t retry_at_ms);

/* Forgets everything if it is more than the limit. To be called between replies and not while one
 * is worked on, so that what a reply needs is there however much it is. */
void issuer_cache_trim(struct issuer_cache *issuers);

size_t issuer_cache_count(const struct issuer_cache *issuers);
size_t issuer_cache_bytes(const struct issuer_cache *issuers);

#endif
