/*
 * The issuers' certificate objects that full messages are spliced with, by the issuer's SHA-256. A cache of what Redis has,
 * bounded in bytes.
 */
#ifndef STREAMER_STREAM_ISSUER_CACHE_H
#define STREAMER_STREAM_ISSUER_CACHE_H

#include "shared/base/bytes.h"

struct issuers;

/* `limit_bytes`: see issuers_trim. */
struct issuers *issuers_create(size_t limit_bytes);
/* NULL is fine. */
void issuers_destroy(struct issuers *issuers);

/* The object, alive until the next call but this one; false if the issuer is unknown, or was absent and it is time to ask
 * again. `sha256` has 32 bytes, here and below. */
bool issuers_find(const struct issuers *issuers, const uint8_t *sha256, uint64_t now_ms,
                  struct bytes *object);

/* Keeps a copy of the object. */
void issuers_put(struct issuers *issuers, const uint8_t *sha256, struct bytes object);
/* Redis does not have it: until `retry_at_ms` it is an object of nulls that has only its fingerprint. */
void issuers_put_absent(struct issuers *issuers, const uint8_t *sha256, uint64_t retry_at_ms);

/* Forgets everything if it is more than the limit. To be called between replies and not while one is worked on, so that
 * what a reply needs is there however much it is. */
void issuers_trim(struct issuers *issuers);

size_t issuers_count(const struct issuers *issuers);
size_t issuers_bytes(const struct issuers *issuers);

#endif
