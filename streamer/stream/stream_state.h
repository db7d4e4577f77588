/*
 * The stream as a whole at one moment, as Redis' XINFO STREAM has it: where it begins and ends, and
 * how many entries it ever had, which tells what of it is trimmed.
 */
#ifndef STREAMER_STREAM_STREAM_STATE_H
#define STREAMER_STREAM_STREAM_STATE_H

#include "shared/redis/stream_id.h"
#include "streamer/stream/gap.h"

struct redisReply;

struct stream_state {
    uint64_t length;
    struct stream_id first; /* of the oldest entry; zero if there is none */
    struct stream_id last;  /* the highest id there ever was */
    struct stream_id
        last_deleted; /* the highest id that XDEL took out of the middle; trimming does not count */
    uint64_t added;   /* entries ever added, if this Redis says that (7.0 does) */
    bool has_added;
};

/* Reads the reply to XINFO STREAM. An error that there is no such key makes an empty stream. False
 * if it is none of both. */
bool stream_state_read(struct stream_state *state, const struct redisReply *reply);

/* True if the reply to EXEC says that Redis took none of the commands: one that is full takes no
 * transaction, even if it only reads. */
bool stream_state_is_discarded(const struct redisReply *reply);

/* There is no such stream, or there never was an entry in it. */
bool stream_state_is_missing(const struct stream_state *state);

/* Ordinals (struct stream_position), 0 if not known: of the oldest entry, in an empty stream of the
 * one that comes next; and of the newest that there ever was. */
uint64_t stream_state_first_ordinal(const struct stream_state *state);
uint64_t stream_state_last_ordinal(const struct stream_state *state);
/* False if an entry cannot have that ordinal, because this stream had fewer up to its end: then it
 * is counted from those of another history. */
bool stream_state_has_place(const struct stream_state *state, const struct stream_position *entry);
/* True if nothing was ever trimmed or deleted: all that was ever added is there. */
bool stream_state_is_whole(const struct stream_state *state);
/* The place behind all there is. */
struct stream_position stream_state_end(const struct stream_state *state);
/* The place behind `id`, which has its ordinal if it is before the oldest entry or behind all. */
struct stream_position stream_state_position(const struct stream_state *state, struct stream_id id);

/* As seen from a place in packed history: what there is of the stream begins with the entry at
 * `first`, whose ordinal may not be known. */
void stream_state_begin_at(struct stream_state *state, struct stream_position first);

/* True if entries after `after` are gone: then `gap` says which, and how many if that can be known.
 * One whose ordinal is not known may be told of a gap of which nobody can say how much it is. */
bool stream_state_gap(const struct stream_state *state, const struct stream_position *after,
                      struct gap *gap);

#endif
