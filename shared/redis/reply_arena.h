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

/* What is read from here on becomes such replies. Nothing may have been read yet. */
void reply_arena_adopt(struct redisReader *reader);

/* One more user of a whole reply, not of a part of one; it has to have come from such a reader. */
struct redisReply *reply_arena_hold(struct redisReply *reply);
/* One user less; the last one frees it. NULL is fine. */
void reply_arena_release(struct redisReply *reply);

/* The memory that a whole reply takes, in bytes. */
size_t reply_arena_bytes(const struct redisReply *reply);

#endif
