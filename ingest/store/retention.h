/*
 * What the stream keeps: so many entries, so old ones, so many bytes. It is trimmed by commands of
 * their own, before the transaction that adds entries, because Redis refuses a transaction when it
 * is full and trims nothing in it; and by Redis' clock, which the ids are made with.
 *
 * Bytes are measured, about once a second while entries come: what the stream and the issuers take,
 * and how much memory Redis has left.
 */
#ifndef INGEST_STORE_RETENTION_H
#define INGEST_STORE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/store/retention_plan.h"

struct contract;
struct redis_link;
struct retention;

struct retention *retention_create(struct redis_link *link, const struct contract *contract,
                                   const struct retention_limits *limits);
/* After the link, so that no reply is owed. NULL is fine. */
void retention_destroy(struct retention *retention);

/* Asks once a second for the time, and for how much memory there is; when the answers come, trims
 * what is too much. They come before that to anything that is sent afterwards. To be called before
 * each batch, and now and then without one: a full Redis may refuse all that leads to a batch. */
void retention_ask(struct retention *retention, uint64_t now_ms);
/* Trims to the limits that need no measuring. `entries`: in the stream now. */
void retention_trim(struct retention *retention, uint64_t entries, uint64_t now_ms);

/* So many bytes are on their way; or were refused because Redis is full, so that it is measured at
 * once. */
void retention_on_append(struct retention *retention, size_t bytes);
void retention_on_refusal(struct retention *retention);

/* There is packed history, which goes before anything of the stream does; and the stream is trimmed
 * by packing, and not for its bytes (ingest/history). False and false to begin with. */
void retention_set_history(struct retention *retention, bool has_blocks, bool keeps_stream);

/* Milliseconds since 1970 by Redis' clock, as of the last answer; 0 before the first. */
uint64_t retention_redis_ms(const struct retention *retention);
/* As last measured; zeros before. */
const struct retention_memory *retention_memory(const struct retention *retention);
bool retention_issuers_are_full(const struct retention *retention);

#endif
