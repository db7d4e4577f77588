/*
 * Which entries of the stream are to be packed now. The stream keeps the newest ones plain, by age
 * and by bytes, and what consumer groups have not read yet. Pure.
 */
#ifndef INGEST_HISTORY_PACK_PLAN_H
#define INGEST_HISTORY_PACK_PLAN_H

#include <stdbool.h>

#include "shared/redis/stream_id.h"

enum {
    /* Of a small Redis the plain entries take an eighth. */
    PLAIN_PART = 8,
    /* What groups hold back takes a quarter of it at most. */
    HOLD_PART = 4,
    /* Beyond the bound an eighth of it is packed at once, so that a block has many entries. */
    SLACK_PART = 8,
    /* Where few entries come, a block is finished after so long, however small it is. */
    BLOCK_AGE_MS = 60 * 1000,
};

struct pack_limits {
    uint64_t plain_ms;
    uint64_t plain_bytes;
    uint64_t hold_ms; /* 0: groups are not waited for */
    uint64_t hold_bytes;
};

/* What Redis says. */
struct pack_view {
    uint64_t redis_ms; /* its clock */
    uint64_t maximum;  /* maxmemory; 0: none */
    uint64_t stream_bytes;
    uint64_t length;
    struct stream_id first; /* of the stream; where length is not 0 */
    bool has_group;
    struct stream_id wanted; /* the oldest entry that a group has not read and acknowledged */
};

struct pack_plan {
    /* Entries before this id are to be packed; 0-0: none. */
    struct stream_id before;
    /* And so many of the oldest, whatever their age, as long as they come before `wanted`. */
    uint64_t count;
    bool is_pressed; /* it is bytes that are too many, so a block is finished as soon as it can */
    bool is_held;    /* a group holds back what would be packed */
    bool is_hold_ended; /* one did for too long, and is not waited for */
    /* So many bytes of plain entries are too many for more to be added before others are packed. */
    uint64_t ceiling_bytes;
};

void pack_plan_make(struct pack_plan *plan, const struct pack_limits *limits,
                    const struct pack_view *view);

#endif
