/*
 * A Redis Cluster of the test's own on the loopback: three masters with a replica each, all started
 * as redis_server.h does. Nodes go by their number; which is whose replica changes.
 */
#ifndef TESTS_SUPPORT_REDIS_CLUSTER_H
#define TESTS_SUPPORT_REDIS_CLUSTER_H

#include <stddef.h>

struct harness;
struct redis_cluster;
struct redis_server;

enum {
    REDIS_CLUSTER_MASTERS = 3,
    REDIS_CLUSTER_NODES = 6,
    REDIS_CLUSTER_NOBODY = REDIS_CLUSTER_NODES,
};

/* All slots have an owner, all replicas are in step. A node that is silent for `node_timeout_ms` is
 * taken for dead by the others. `overrides` as for redis_server_start. */
struct redis_cluster *redis_cluster_start(struct harness *harness, const char *node_timeout_ms,
                                          const char *const *overrides);
/* NULL is fine. */
void redis_cluster_destroy(struct redis_cluster *cluster);

struct redis_server *redis_cluster_server(const struct redis_cluster *cluster, size_t node);
int redis_cluster_port(const struct redis_cluster *cluster, size_t node);

/* kill -9 and SIGSTOP; nobody asks such a node. And what makes up for them: the node is asked
 * again, and after a kill what it held is loaded. */
void redis_cluster_kill(struct redis_cluster *cluster, size_t node);
void redis_cluster_restart(struct redis_cluster *cluster, size_t node);
void redis_cluster_pause(struct redis_cluster *cluster, size_t node);
void redis_cluster_resume(struct redis_cluster *cluster, size_t node);

/* Who has the key's slot: as all nodes that are not away say, or else REDIS_CLUSTER_NOBODY. */
size_t redis_cluster_owner(struct redis_cluster *cluster, const char *key);
/* Waits until they agree on one who is not `former`. */
size_t redis_cluster_wait_for_owner(struct redis_cluster *cluster, const char *key, size_t former);
/* Waits until every node that is not away serves, the replicas in step with their masters. */
void redis_cluster_wait_until_well(struct redis_cluster *cluster);
/* Waits until a replica of the master has what the master had when this was called: whose link is
 * up may not be sent anything yet, and is promoted as empty as it is. */
void redis_cluster_wait_until_copied(struct redis_cluster *cluster, size_t master);
/* One of the nodes that are masters and are neither `owner` nor away. */
size_t redis_cluster_another_master(struct redis_cluster *cluster, size_t owner);

/* A replica of this master that is not away. */
size_t redis_cluster_replica_of(struct redis_cluster *cluster, size_t master);

struct redis_cluster_move {
    unsigned slot;
    size_t from, to;
    unsigned long long
        longest_ms; /* that moving one key has taken: so long two nodes stood still */
};

/* Moves all keys of the key's slot from its owner to another master, one by one, as redis-cli does;
 * `meanwhile` (or NULL) is called again and again. */
struct redis_cluster_move redis_cluster_move_keys(struct redis_cluster *cluster, const char *key,
                                                  size_t to, void (*meanwhile)(void *context),
                                                  void *context);
/* Until then the slot is on its way: the former owner says ASK of all its keys. */
void redis_cluster_end_move(struct redis_cluster *cluster, const struct redis_cluster_move *move,
                            const char *key);

#endif
