/* How much of the stream may stay. Pure. */
#ifndef INGEST_STORE_RETENTION_PLAN_H
#define INGEST_STORE_RETENTION_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/bytes.h"

enum {
    /* Beyond these no issuer is added until others go. */
    RETENTION_ISSUERS_MAX = 16 * 1024,
    RETENTION_ISSUER_BYTES_MAX = 64 * 1024 * 1024,
    /* However full Redis is with what is not ours, so much stays. */
    RETENTION_ENTRIES_MIN = 256,
};

/* Where neither the settings nor Redis have a limit. */
#define RETENTION_BYTES_DEFAULT (UINT64_C(1024) * 1024 * 1024)

struct retention_limits {
    uint64_t entries; /* 0: no limit */
    uint64_t age_ms;  /* 0: no limit */
    uint64_t bytes;   /* of stream, history and issuers; 0: what fits Redis' maxmemory */
    /* So many shards may share a Redis, and each counts a part of its memory; 0: one. */
    unsigned shards;
};

/* As Redis says it; of its own memory the part of one shard. */
struct retention_memory {
    uint64_t used;    /* of what maxmemory counts, what clients' buffers hold left out */
    uint64_t maximum; /* 0: no limit */
    uint64_t stream_bytes;
    uint64_t stream_entries;
    uint64_t issuer_bytes;
    uint64_t history_bytes;
};

/* Entries that may stay; UINT64_MAX: all. */
uint64_t retention_entries(const struct retention_limits *limits,
                           const struct retention_memory *memory);

/* Bytes that have to go, of history first; 0: none. */
uint64_t retention_excess(const struct retention_limits *limits,
                          const struct retention_memory *memory);

/* How many shards there are. */
unsigned retention_shards(const struct retention_limits *limits);

/* `used` and `maximum` from the answer to INFO memory. False if they are not there. */
bool retention_read_info(struct retention_memory *memory, struct bytes info,
                         const struct retention_limits *limits);

#endif
