/*
 * The Redis contract: the names of every key and field that the daemons share (redis/README.md
 * describes them for direct consumers). Nothing else in the project spells a key.
 *
 * Every key starts with the prefix, whose braces make all keys of a deployment, or of one of its
 * shards, one Redis Cluster slot. A log id stands in a key as 64 lower-case hex digits, so nothing
 * from outside can shape a key.
 */
#ifndef SHARED_REDIS_CONTRACT_H
#define SHARED_REDIS_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/redis/stream_id.h"

#define CONTRACT_PREFIX "{certstream}"

/* Fields of an entry of the stream. */
#define CONTRACT_FIELD_JSON    "json"
#define CONTRACT_FIELD_DOMAINS "domains"
#define CONTRACT_FIELD_DER     "der"
#define CONTRACT_FIELD_CHAIN   "chain"
#define CONTRACT_FIELD_LOG     "log"
#define CONTRACT_FIELD_INDEX   "index"
#define CONTRACT_FIELD_TBS     "tbs"
/* Only of an entry that is no certificate: what an administrator did to the log, JSON. */
#define CONTRACT_FIELD_CONTROL "control"

/* Fields of an entry of the index of history. */
#define CONTRACT_BLOCK_FIRST      "first"
#define CONTRACT_BLOCK_COUNT      "count"
#define CONTRACT_BLOCK_ORDINAL    "ordinal"
#define CONTRACT_BLOCK_GENERATION "generation"
#define CONTRACT_BLOCK_SIZE       "size"
#define CONTRACT_BLOCK_FORMAT     "format"

/* Fields of the record of a deployment that has several shards. */
#define CONTRACT_DEPLOYMENT_SHARDS "shards"
#define CONTRACT_DEPLOYMENT_SHARD  "shard"   /* which of them this is, from 0 */
#define CONTRACT_DEPLOYMENT_PREFIX "prefix:" /* and a shard's number: the prefix of its keys */
/* And a log's id: its shard. Only in the first one's record. */
#define CONTRACT_DEPLOYMENT_LOG "log:"

enum {
    /* Long enough to name a deployment and a shard, short enough for keys on the stack. */
    CONTRACT_PREFIX_MAX = 64,
    CONTRACT_LOG_ID_HEX = 64,
    CONTRACT_INSTANCE_MAX = 64,
    CONTRACT_KEY_SIZE = CONTRACT_PREFIX_MAX + 8 + CONTRACT_LOG_ID_HEX + 1,
};

/* The keys without a variable part. */
struct contract {
    char prefix[CONTRACT_PREFIX_MAX + 1];
    char stream[CONTRACT_KEY_SIZE];  /* the entries */
    char logs[CONTRACT_KEY_SIZE];    /* set of log ids, hex */
    char ingests[CONTRACT_KEY_SIZE]; /* sorted set: ingest processes that are alive → until when */
    char issuers[CONTRACT_KEY_SIZE]; /* hash: issuer's SHA-256, hex → certificate object, JSON */
    /* sorted set: issuer's SHA-256, hex → when an entry last named it, in ms by Redis' clock, to the
     * hour */
    char issuers_named[CONTRACT_KEY_SIZE];
    char evidence[CONTRACT_KEY_SIZE];  /* stream of signed heads that contradict each other */
    char log_lists[CONTRACT_KEY_SIZE]; /* hash: a log list's address → its last good text */
    /* The index of history: a stream with an entry per block, whose id is that of the block's last
     * entry. */
    char history[CONTRACT_KEY_SIZE];
    char packed[CONTRACT_KEY_SIZE];        /* string: id of the last entry that is in a block */
    char history_lease[CONTRACT_KEY_SIZE]; /* string: the ingest process that packs */
    /* Hash: how many shards there are; not there where there is but one. */
    char deployment[CONTRACT_KEY_SIZE];
};

/* False if the prefix is empty, too long, or holds anything but letters, digits and {}:._- */
bool contract_init(struct contract *contract, const char *prefix);

/* The keys with a variable part, written to `key`, of CONTRACT_KEY_SIZE bytes. `log_id_hex` has 64
 * digits, `instance` at most CONTRACT_INSTANCE_MAX characters. */
void contract_log_key(const struct contract *contract, char *key, const char *log_id_hex);
void contract_lease_key(const struct contract *contract, char *key, const char *log_id_hex);
void contract_ingest_key(const struct contract *contract, char *key, const char *instance);
/* A block of history, by the id of its last entry. */
void contract_block_key(const struct contract *contract, char *key, struct stream_id last);

#endif
