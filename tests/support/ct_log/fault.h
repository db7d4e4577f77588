/*
 * What goes wrong on purpose: a list of faults, each of a kind, for some routes, a number of times
 * or with a probability. A kind is one row of the table in fault.c: it bends what a route is about
 * to answer, or breaks the finished reply.
 */
#ifndef CT_LOG_FAULT_H
#define CT_LOG_FAULT_H

#include "shared/base/buffer.h"
#include "tests/support/seeded_random.h"

struct http_reply;
struct json_writer;

/* What a fault can be set on; several routes may share a target. */
enum fault_target {
    FAULT_TARGET_NONE, /* control and statistics never fail */
    FAULT_TARGET_GET_STH,
    FAULT_TARGET_GET_ENTRIES,
    FAULT_TARGET_CONSISTENCY,
    FAULT_TARGET_ENTRY_AND_PROOF,
    FAULT_TARGET_PROOF_BY_HASH,
    FAULT_TARGET_PROOF, /* all three */
    FAULT_TARGET_ROOTS,
    FAULT_TARGET_CHECKPOINT,
    FAULT_TARGET_TILE,
    FAULT_TARGET_DATA,
    FAULT_TARGET_ISSUER,
    FAULT_TARGET_LIST,
    FAULT_TARGET_LIST_SIGNATURE,
    FAULT_TARGET_ANY,
    FAULT_TARGETS,
};

/* How an answer is to differ from the truth. All zero: not at all. */
struct distortion {
    uint64_t stale_entries;  /* head: as it was this many entries ago, */
    uint64_t stale_ms;       /* or this long ago */
    uint64_t shrink_entries; /* head: new, and this much smaller */
    uint64_t page;           /* entries: no more than this; 0: as many as allowed */
    uint64_t extra_entries;  /* entries: more than asked for */
    bool flips_signature;
    bool is_forked;
    bool flips_leaf; /* one bit of an entry, or of a hash in a tile or a proof */
    bool has_index;  /* of entry `leaf_index`; else of the first */
    uint64_t leaf_index;
    bool is_empty;             /* 200, and nothing in it */
    uint64_t lag_entries;      /* everything: as a front end has it that lacks the last ones */
    uint64_t says_wrong_index; /* what is added to the index that an entry says in its leaf */
    bool keeps_to_tiles;       /* get-entries: not beyond the tile of the first entry, as CTile */
    uint64_t tile;             /* of so many entries; 0: the page */
    bool has_strict_end;       /* get-entries: 400 if the end is not in the tree */
    bool has_null_path;        /* an empty audit path is null */
    bool has_bad_extra;        /* entries: extra_data that cannot be read */
    uint64_t junk;             /* entries: so many certificates more in each chain, */
    uint64_t junk_size;        /* of so many bytes each */
    bool drops_partials;       /* a partial tile is gone once its full tile exists */
};

struct faults;

/* `seed` decides the outcome of probabilities. */
struct faults *faults_create(const char *seed);
void faults_destroy(struct faults *faults);

/* Sets a fault from a query: route=, fault=, count=, probability= and the kind's own parameters.
 * NULL, or what is wrong. */
const char *faults_set(struct faults *faults, struct bytes query);
void faults_clear(struct faults *faults);

/* What a request asks for, as far as faults look at it. */
struct fault_request {
    enum fault_target target;
    /* Entries [start, start + count); count 0: none. */
    uint64_t start;
    uint64_t count;
    bool is_fresh; /* no cache on the way may answer it */
};

/* Rolls the dice for one request: which faults hit it. They are used up by it. */
struct distortion faults_strike(struct faults *faults, enum fault_target target);
struct distortion faults_strike_request(struct faults *faults, const struct fault_request *request);
/* Breaks the reply as the faults that struck last demand. */
void faults_break_reply(struct faults *faults, struct http_reply *reply);

/* Whether the fault set last is a fork, and from which entry on. */
bool faults_newest_forks(const struct faults *faults, uint64_t *first);

/* An array of the active faults. */
void faults_write(const struct faults *faults, struct json_writer *writer);

#endif
