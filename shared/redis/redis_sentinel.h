/*
 * What Redis Sentinel answers, read: where the master is, which replicas are well. And what a
 * server says it is. Pure.
 */
#ifndef SHARED_REDIS_REDIS_SENTINEL_H
#define SHARED_REDIS_REDIS_SENTINEL_H

#include <stdbool.h>

struct redisReply;
struct redis_host;

/* Reads the answer to SENTINEL GET-MASTER-ADDR-BY-NAME. False: the sentinel knows no such master,
 * or the answer is none. */
bool redis_sentinel_read_master(struct redis_host *host, const struct redisReply *reply);
/* Reads, of the answer to SENTINEL REPLICAS, one that is up and connected to its master, another
 * with each number in turn. False: none is. */
bool redis_sentinel_read_replica(struct redis_host *host, const struct redisReply *reply,
                                 unsigned number);

/* Judges the answer to ROLE: NULL if a connection that needs the master (or, if it does not, one
 * that is a replica in step with it) may stay; else a constant text that says what the server
 * is. */
const char *redis_role_complaint(const struct redisReply *reply, bool needs_master);

#endif
