/*
 * A follower decides what is asked of one log, and when. It does no I/O and has no clock: it is told what happened and
 * answers what to do next, so each of its states is a unit test with a made-up time. Times are monotonic milliseconds.
 *
 *   UNOWNED → LOADING → FETCHING_HEAD → STARTING → FETCHING_RANGES → APPENDING → WAITING → FETCHING_HEAD …
 *
 * Ranges of entries are fetched several at a time and arrive in any order, but are handed on strictly in the order of
 * their index:
 *
 *   durable ≤ submitted ≤ planned ≤ head.size
 *   in Redis   at the publisher   in slots
 *
 * No index is ever skipped: a range that fails, comes short or comes empty is asked for again.
 */
#ifndef INGEST_FOLLOWER_H
#define INGEST_FOLLOWER_H

#include "ingest/ct_log.h"
#include "ingest/signed_head.h"

/* In order of travel. */
enum follower_state {
    FOLLOWER_UNOWNED, /* the lease is with another process, or not asked for yet */
    FOLLOWER_LOADING, /* the checkpoint is being read from Redis */
    FOLLOWER_FETCHING_HEAD,
    FOLLOWER_STARTING, /* the frontier of the starting point is being fetched */
    FOLLOWER_FETCHING_RANGES,
    FOLLOWER_APPENDING, /* all is with the publisher */
    FOLLOWER_WAITING,   /* for the next poll */
    FOLLOWER_BACKING_OFF,
    FOLLOWER_FINISHED, /* a read-only log is drained */
};

const char *follower_state_name(enum follower_state state);

enum follower_start {
    FOLLOWER_START_HEAD,
    FOLLOWER_START_INDEX,
    FOLLOWER_START_BEFORE_HEAD
};

/* What is the same for all followers of a kind of log, and settings. */
struct follower_policy {
    uint64_t poll_ms;
    uint64_t poll_max_ms; /* an idle log is polled less and less often, down to this */
    uint64_t page_max;    /* entries asked for at most */
    bool has_tiles;       /* ranges are tiles of page_max, whose size is not learnt */
    enum follower_start start;
    uint64_t start_value; /* the index, or how many before the head */
};

enum fetch_kind {
    FETCH_HEAD,
    FETCH_START, /* the next thing that the starting point needs */
    FETCH_RANGE,
};

/* Something to GET. */
struct fetch {
    enum fetch_kind kind;
    uint64_t generation; /* answers to an earlier life of the follower are not for this one */
    unsigned slot;
    /* FETCH_RANGE: entries [start, start + count) are wanted. */
    uint64_t start;
    uint64_t count;
    /* Tiles: how much of the tile the log is known to have; TILE_WIDTH when the partial one is gone. */
    unsigned width;
};

enum {
    /* Ranges of one log that are asked for or held at once. */
    FOLLOWER_SLOTS = 4,
    /* A starting point that cannot be had this many times is done without (see has_frontier of the checkpoint). */
    FOLLOWER_START_TRIES = 4,
};

enum slot_state {
    SLOT_WANTED,
    SLOT_IN_FLIGHT,
    SLOT_HELD
};

struct follower_slot {
    enum slot_state state;
    bool whole_tile;
    uint64_t start;
    uint64_t count;
};

struct follower {
    const struct follower_policy *policy;
    enum follower_state state;
    uint64_t generation;
    uint64_t random_state;

    bool has_position; /* the checkpoint is loaded or created */
    uint64_t durable;
    uint64_t submitted;
    uint64_t planned;

    bool has_head;
    struct signed_head head; /* the largest seen */
    bool has_final_size;
    uint64_t final_size;

    bool head_due;
    bool in_flight; /* a head or start fetch is out */
    uint64_t poll_at_ms;
    uint64_t retry_at_ms;
    unsigned failures;   /* in a row */
    unsigned idle_polls; /* in a row */
    unsigned start_failures;

    uint64_t page;        /* learnt; 0: not yet */
    uint64_t probed;      /* the most that a short answer held while page is not known */
    unsigned full_pages;  /* since the page was learnt */
    unsigned short_pages; /* in a row */

    /* A ring in index order: slot i of the road is slots[(first + i) % FOLLOWER_SLOTS]. */
    struct follower_slot slots[FOLLOWER_SLOTS];
    unsigned first;
    unsigned count;
};

/* `seed` makes the jitter; the policy is borrowed and outlives the follower. */
void follower_init(struct follower *follower, const struct ct_log *ct_log,
                   const struct follower_policy *policy, uint64_t seed);

/* The log's description has changed: a read-only log ends elsewhere, or goes on. */
void follower_set_final_size(struct follower *follower, const struct ct_log *ct_log);

/* The log is reached elsewhere from now on: what failed at its old address is no reason to wait. */
void follower_on_moved(struct follower *follower);

/* The lease was got: the checkpoint is to be loaded. Or it was lost, or Redis went away: everything is forgotten. */
void follower_own(struct follower *follower);
void follower_disown(struct follower *follower);
/* Redis refused or failed an append, or came back: forget what was under way and load the checkpoint again, not before
 * `at_ms`. */
void follower_reload(struct follower *follower, uint64_t at_ms);
/* True once when the checkpoint is to be read: follower_on_checkpoint or follower_on_new_log then follows, or another
 * follower_reload. */
bool follower_next_load(struct follower *follower, uint64_t now_ms);

/* The checkpoint stands at `next`; `page` as learnt earlier or 0. */
void follower_on_checkpoint(struct follower *follower, uint64_t next, uint64_t page,
                            uint64_t now_ms);
/* There is none: the log is new, and its starting point follows from its head. */
void follower_on_new_log(struct follower *follower, uint64_t now_ms);

/* In STARTING: the index it starts at. */
uint64_t follower_start_index(const struct follower *follower);
/* The starting point is known and on its way to Redis: the publisher has been given a checkpoint at this index. */
void follower_on_started(struct follower *follower, uint64_t index, uint64_t now_ms);

/* The next thing to GET, if there is any; to be called until it says no. What it answers counts as in flight. Without
 * `may_run_ahead` (memory is short) only the range that is next on the road is asked for: without that one nothing held
 * would ever be released. */
bool follower_next_fetch(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                         struct fetch *fetch);
/* Whether an answer to `fetch` is still of interest. */
bool follower_expects(const struct follower *follower, const struct fetch *fetch);

void follower_on_head(struct follower *follower, const struct signed_head *head, uint64_t now_ms);
/* The start fetch was answered, and another follows. */
void follower_on_start_step(struct follower *follower);
/* A range's answer is held by the caller until follower_next_held says it is its turn. */
void follower_on_range(struct follower *follower, const struct fetch *fetch);

/* Why a fetch failed. */
enum fetch_failure {
    FETCH_UNREACHABLE, /* no answer, or half of one */
    FETCH_REFUSED,     /* an HTTP status that is no success */
    FETCH_MISSING,     /* 404 and 410 */
    FETCH_MALFORMED,   /* an answer that is not what was asked for */
};

/* `retry_after_ms`: what the log asked for, or 0. True if the follower gives up on the frontier of its starting point:
 * the caller then starts without one. */
bool follower_on_failure(struct follower *follower, const struct fetch *fetch,
                         enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms);

/* The slot whose range is next on the road and has arrived, or -1. */
int follower_next_held(const struct follower *follower);
/* The first `count` entries of the range that follower_next_held named were handed to the publisher; 1 <= count <= the
 * slot's count. The rest of a short answer is asked for again. */
void follower_on_submitted(struct follower *follower, uint64_t count);
/* The held range turned out to be empty or unreadable. */
void follower_on_bad_range(struct follower *follower, uint64_t now_ms);

/* Redis has everything below `next`. */
void follower_on_durable(struct follower *follower, uint64_t next);

/* When follower_next_fetch or follower_next_load may answer otherwise than now; UINT64_MAX: only after an event. */
uint64_t follower_deadline_ms(const struct follower *follower);

/* Entries between the largest head seen and what is in Redis. */
uint64_t follower_lag(const struct follower *follower);

#endif
