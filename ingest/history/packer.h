/*
 * Packs the stream's older entries into blocks (redis/README.md, "P:history"): of all ingest
 * processes on one Redis the one that holds the lease. It goes in pieces, so that appends, which
 * share its connection and its thread, never wait for more than one:
 *
 *   look (once a second): clock, memory, sizes, groups → what is due
 *   read: XRANGE of some entries → rows of the block, records, frames as they become full
 *   store: one script: is P:packed as it was, and the block's first entry the stream's? →
 *          XADD P:history, SET P:block:<id>, SET P:packed, XTRIM P:stream MINID = behind its last
 *
 * A script, and no WATCH: an append's EXEC on the same connection would end that. So an entry is in
 * exactly one of the two at any moment, whoever is killed when. A reply that was lost is settled by
 * reading P:packed and P:history anew; what a process remembers of the generation goes with it.
 *
 * It also keeps history within its limits: the oldest generation goes first, by commands of their
 * own, which a full Redis takes as well.
 */
#ifndef INGEST_HISTORY_PACKER_H
#define INGEST_HISTORY_PACKER_H

#include "ingest/history/pack_plan.h"
#include "ingest/store/retention_plan.h"

struct contract;
struct packer;
struct redis_link;

struct packer_options {
    const struct contract *contract;
    struct redis_link *link;
    const char *instance;
    bool packs; /* false: history is kept within its limits, and nothing is added */
    struct pack_limits pack;
    struct retention_limits retention;
};

struct packer_stats {
    bool is_leader;  /* this process has the lease */
    uint64_t blocks; /* that it stored */
    uint64_t entries;
    uint64_t records;
    uint64_t verbatim;
    uint64_t bytes;     /* of those blocks */
    uint64_t left_out;  /* entries that no block can hold */
    uint64_t abandoned; /* blocks that somebody else was faster with, or Redis did not take */
    uint64_t holds_ended;
    /* As it is now, if it has the lease: of all of history. */
    uint64_t history_bytes;
    uint64_t history_entries;
    uint64_t oldest_ms; /* of its first entry, by its id; 0: there is none */
    uint64_t lag_ms;    /* how much longer than it should the oldest plain entry has been so */
};

/* What those who append are to know, and every process does. */
struct packer_pressure {
    bool has_history; /* there are blocks */
    /* The stream is trimmed by packing, and by nobody else. */
    bool keeps_stream;
    /* Packing is behind: nothing is to be appended until it is not. */
    bool is_behind;
};

struct packer *packer_create(const struct packer_options *options);
/* After the link, so that no reply is owed. NULL is fine. */
void packer_destroy(struct packer *packer);

/* Sends what is due; when it wants to be called again, in monotonic ms. `appended_bytes`: by this
 * process since its start. */
uint64_t packer_work(struct packer *packer, uint64_t appended_bytes, uint64_t now_ms);
/* The link went down. */
void packer_on_down(struct packer *packer);
/* Gives the lease back. */
void packer_give_back(struct packer *packer);

const struct packer_pressure *packer_pressure(const struct packer *packer);
const struct packer_stats *packer_stats(const struct packer *packer);

#endif
