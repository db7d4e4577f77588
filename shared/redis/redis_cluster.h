/*
 * What Redis Cluster answers, read: which slot a key lies in, who has a slot, where somebody is
 * sent. All keys of a deployment have one hash tag, so they lie in one slot, and one node has them
 * all. Pure.
 *
 * A node may leave out its own name, because it does not know by which one it can be reached: then
 * it is that of `asked`, who has answered.
 */
#ifndef SHARED_REDIS_REDIS_CLUSTER_H
#define SHARED_REDIS_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;
struct redis_host;

enum {
    REDIS_SLOTS = 16384
};

/* The slot of a key, by its hash tag or, if it has none, by all of it. */
unsigned redis_cluster_slot(const char *key);
/* Whether all keys that begin with this lie in one slot. */
bool redis_cluster_has_tag(const char *prefix);

/* NULL, or a constant text that says why keys with such a prefix cannot be at such an address
 * (redis_address.h): in a cluster without a hash tag they would lie in many slots. */
const char *redis_cluster_refuse_prefix(const char *address, const char *prefix);

/* Each of these reads the answer to CLUSTER SLOTS. False: nobody has the slot, or the answer is
 * none. */
bool redis_cluster_read_owner(struct redis_host *owner, const struct redisReply *reply,
                              unsigned slot, const struct redis_host *asked);
/* Of several replicas another one with each number in turn. Those that have failed, and those that
 * were never in step, are not in the answer. */
bool redis_cluster_read_replica(struct redis_host *replica, const struct redisReply *reply,
                                unsigned slot, const struct redis_host *asked, unsigned number);
/* Appends the nodes that are not among the first `count` of `nodes` already; how many there are
 * then, at most `max`. */
size_t redis_cluster_read_nodes(struct redis_host *nodes, size_t count, size_t max,
                                const struct redisReply *reply, const struct redis_host *asked);

/* Where the error "MOVED <slot> <host>:<port>" sends. False: it is another error. */
bool redis_cluster_read_moved(struct redis_host *owner, const char *error,
                              const struct redis_host *asked);

#endif
