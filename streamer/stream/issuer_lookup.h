/* Gets the issuers of entries from Redis into the cache: one HMGET at a time. */
#ifndef STREAMER_STREAM_ISSUER_LOOKUP_H
#define STREAMER_STREAM_ISSUER_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contract;
struct issuer_lookup;
struct issuer_cache;
struct redis_link;
struct stream_entry;

/* Every issuer that was asked for is in the cache now, or marked absent there; false: the
 * connection went away first. */
typedef void (*issuer_lookup_on_done)(bool fetched, void *context);

/* `contract` and `issuers` are borrowed as long as the fetch exists. */
struct issuer_lookup *issuer_lookup_create(const struct contract *contract,
                                           struct issuer_cache *issuers,
                                           issuer_lookup_on_done on_done, void *context);
/* Not while a fetch is under way on a link that lives on. NULL is fine. */
void issuer_lookup_destroy(struct issuer_lookup *fetch);

/* Asks for the issuers of these entries that the cache does not know. False, and no callback, if it
 * knows them all or nothing can be asked because the link is not up. Not while a fetch is under
 * way. */
bool issuer_lookup_start(struct issuer_lookup *fetch, struct redis_link *link,
                         const struct stream_entry *entries, size_t count, uint64_t now_ms);

#endif
