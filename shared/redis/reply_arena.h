/*
 * Replies of Redis whose memory is one arena: hiredis' own objects cost two allocations for each
 * field of an entry, these a few for a whole reply. Objects begin as hiredis' redisReply, so
 * whoever reads replies sees no difference. Texts are copied into the arena, because the buffer
 * that they are read from moves.
 *
 * A reply lives until its last user has let go of it: hiredis is one, from the last byte read until
 * the callback returns.
 */
#ifndef SHARED_REDIS_REPLY_ARENA_H
#define SHARED_REDIS_REPLY_ARENA_H

#include <stddef.h>

struct redisReader;
struct redisReply;
struct reply_pool;

/* Memory of replies that were freed, kept for those to come: what malloc gives back to the kernel
 * after each large reply is cleared by it anew for the next one. Bounded, some MiB. */
struct reply_pool *reply_pool_create(void);
/* Nobody adopts it any more; it goes with the last of its replies. NULL is fine. */
void reply_pool_release(struct reply_pool *pool);

/* What is read from here on becomes such replies. Nothing may have been read yet. `pool` outlives
 * the reader; NULL: none. */
void reply_arena_adopt(struct redisReader *reader, struct reply_pool *pool);

/* One more user of a whole reply, not of a part of one; it has to have come from such a reader. */
struct redisReply *reply_arena_hold(struct redisReply *reply);
/* One user less; the last one frees it. NULL is fine. */
void reply_arena_release(struct redisReply *reply);

/* The memory that a whole reply takes, in bytes. */
size_t reply_arena_bytes(const struct redisReply *reply);

#endif
