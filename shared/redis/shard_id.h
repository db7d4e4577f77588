/*
 * One line of ids for the entries of several streams (shards): the entry ms-seq of shard k has the
 * merged id ms-(k·2^40 + seq). It looks like any id of Redis, is the same wherever the shard is
 * read, and orders by time, then by shard. Of shard 0 it is the id itself, so a deployment of one
 * stream has no other ids than Redis'. Pure.
 */
#ifndef SHARED_REDIS_SHARD_ID_H
#define SHARED_REDIS_SHARD_ID_H

#include "shared/redis/stream_id.h"

enum {
    /* Of one deployment. Each costs a connection of every streamer. */
    SHARDS_MAX = 64,
    /* Redis counts the entries of a millisecond: there are never as many as that. */
    SHARD_SEQUENCE_BITS = 40,
};

/* False if the sequence leaves no room for the shard, as only an id can that somebody chose. */
bool shard_id_merge(struct stream_id *merged, unsigned shard, struct stream_id id);
/* Which entry of which shard a merged id is. False: there is no such shard. */
bool shard_id_split(unsigned *shard, struct stream_id *id, struct stream_id merged);
/* Where a shard is to be read on from by who has had everything up to and including `merged`: the
 * last of its ids that comes no later in the line. */
struct stream_id shard_id_place(unsigned shard, struct stream_id merged);

#endif
