/*
 * A follower decides what is asked of one log, and when. It does no I/O and has no clock: it is
 * told what happened and answers what to do next, so each of its states is a unit test with a
 * made-up time. Times are monotonic milliseconds.
 *
 *   UNOWNED → LOADING → FETCHING_HEAD → STARTING → FETCHING_RANGES → VERIFYING → APPENDING
 *           → WAITING → FETCHING_HEAD …
 *
 * Each state is one function, which says what is wanted, or when it is to be called again, or goes
 * on to the next state.
 *
 * Ranges of entries are fetched several at a time and arrive in any order, but are taken strictly
 * in the order of their index, and released to Redis only when they are proven to be in a tree that
 * the log signed (log_book.h). The window of what is not proven yet ends at the head, and is proven
 * by the head's root; or before it, when memory is short, the rest is not wanted yet or cannot be
 * had, and is then proven by a proof that its leaves are the head's. A window that is not proven is
 * fetched again from its start, and after a few times the log is quarantined: nothing of it is
 * released, and it is looked at again less and less often.
 *
 * No index is ever skipped: a range that fails, comes short or comes empty is asked for again.
 */
#ifndef INGEST_FOLLOW_FOLLOWER_H
#define INGEST_FOLLOW_FOLLOWER_H

#include "ingest/ct/ct_log.h"
#include "ingest/follow/log_book.h"
#include "ingest/follow/page_size.h"
#include "shared/base/jitter.h"

/* They are passed through in this order. */
enum follower_state {
    FOLLOWER_UNOWNED, /* the lease is with another process, or not asked for yet */
    FOLLOWER_LOADING, /* the position is being read from Redis */
    FOLLOWER_FETCHING_HEAD,
    FOLLOWER_STARTING, /* the frontier of the starting point is being fetched */
    FOLLOWER_FETCHING_RANGES,
    FOLLOWER_VERIFYING, /* a proof is being fetched */
    FOLLOWER_APPENDING, /* all is with the publisher */
    FOLLOWER_WAITING,   /* for the next poll */
    FOLLOWER_BACKING_OFF,
    FOLLOWER_QUARANTINED,
    FOLLOWER_FINISHED, /* a read-only or vanished log is drained */
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
    uint64_t poll_max_ms;   /* an idle log is polled less and less often, down to this */
    uint64_t page_max;      /* entries asked for at most */
    bool has_tiles;         /* ranges are tiles of page_max, whose size is not learnt */
    bool verifies;          /* else what is taken is released at once */
    uint64_t partial_ms;    /* a partial tile is asked for once it has been there for so long */
    uint64_t quarantine_ms; /* until the first look at a log in quarantine; then twice as long, and
                               so on */
    enum follower_start start;
    uint64_t start_value; /* the index, or how many before the head */
    uint64_t end;         /* entries from here on are not wanted; 0: all are */
};

/* Where a new log starts, from text: "head", an index, or -N. False if it is none of these. */
bool follower_policy_set_start(struct follower_policy *policy, const char *text);

enum fetch_kind {
    FETCH_POSITION, /* from Redis; all others from the log */
    FETCH_HEAD,
    FETCH_START, /* the next thing that the frontier of the starting point needs */
    FETCH_RANGE,
    FETCH_PROOF,    /* the next thing that the proof of the window needs */
    FETCH_CLASSIFY, /* the same, to find out whether the head extends what was released */
    FETCH_KINDS,
};

/* Something to GET. */
struct fetch {
    enum fetch_kind kind;
    uint64_t generation; /* the follower's: answers to an earlier one are no longer of interest */
    uint64_t sent_at_ms;
    unsigned slot;
    /* FETCH_RANGE: entries [start, start + count) are wanted. */
    uint64_t start;
    uint64_t count;
    /* Tiles: how much of the tile the log is known to have; TILE_WIDTH when the partial one is
     * gone. */
    unsigned width;
    bool is_fresh; /* past every cache, over a connection of its own: the last answer was wrong or
                      did not come */
    bool is_large; /* the answer was larger than an ordinary one may be */
};

enum {
    /* Ranges of one log that are asked for or held at once. */
    FOLLOWER_SLOTS = 4,
    /* Without verification, a starting point that cannot be had this many times is done without. */
    FOLLOWER_START_TRIES = 4,
};

enum slot_state {
    SLOT_WANTED,
    SLOT_IN_FLIGHT,
    SLOT_HELD
};

/* What fails for itself: that one of them succeeds says nothing of the others. */
enum follower_lane {
    FOLLOWER_LANE_HEAD,
    FOLLOWER_LANE_START,
    FOLLOWER_LANE_RANGE,
    FOLLOWER_LANE_PROOF,
    FOLLOWER_LANES
};

struct follower_trouble {
    unsigned failures;      /* in a row; what was under way at the same time fails once */
    bool is_other_question; /* less is asked for than before: not to be waited with */
    uint64_t failed_at_ms;
    uint64_t since_ms; /* of the first of them */
    bool was_large;    /* the last answer passed its ceiling */
    bool was_broken;   /* the last answer did not come whole, or was not what was asked for */
};

struct follower_slot {
    enum slot_state state;
    bool whole_tile;
    uint64_t start;
    uint64_t count;
};

/* What the window waits for. */
enum follower_need {
    FOLLOWER_NEEDS_NOTHING,
    FOLLOWER_NEEDS_PROOF,
    FOLLOWER_NEEDS_CLASS,
};

struct follower {
    const struct follower_policy *policy;
    enum follower_state state;
    uint64_t life; /* counts loads of the position: what was appended in an earlier one is of no
                      interest */
    uint64_t generation; /* the same of what is fetched */
    struct jitter jitter;

    bool has_position; /* the position is loaded or created */
    bool has_start;    /* where to start is known, its frontier is not */
    uint64_t start;
    struct log_book book;

    bool has_head;
    struct signed_head head; /* the largest seen */
    enum follower_need need;
    bool has_final_size;
    uint64_t final_size;
    bool is_draining;
    bool is_drained;      /* it is draining, and has not grown for long */
    uint64_t grown_at_ms; /* when the head last grew */

    bool head_due; /* before anything else */
    bool load_in_flight;
    bool head_in_flight;
    bool start_in_flight;
    bool proof_in_flight;
    uint64_t poll_at_ms;
    uint64_t retry_at_ms;
    /* The tile at the head may be asked for, though it is partial, from this time on. */
    uint64_t partial_at_ms;
    uint64_t partial_tile;
    bool partial_due;
    unsigned idle_polls; /* in a row */
    unsigned start_failures;
    struct follower_trouble trouble[FOLLOWER_LANES];

    unsigned mismatches; /* windows that were not proven, in a row */
    bool is_quarantined; /* until a window is proven or a head is right */
    uint64_t quarantine_ms;

    struct page_size page;

    /* A ring in index order: the i-th range is in slots[(first + i) % FOLLOWER_SLOTS]. */
    struct follower_slot slots[FOLLOWER_SLOTS];
    unsigned first;
    unsigned count;
};

/* `seed` makes the jitter; the policy is borrowed and outlives the follower. */
void follower_init(struct follower *follower, const struct ct_log *ct_log,
                   const struct follower_policy *policy, uint64_t seed);

/* The log's description has changed: a read-only log ends elsewhere, or goes on. */
void follower_on_description(struct follower *follower, const struct ct_log *ct_log);

/* Its entries are asked for in another way from now on: what is under way is asked for anew. */
void follower_change_policy(struct follower *follower, const struct follower_policy *policy);

/* The lease was got: the position is to be loaded. Or it was lost, or Redis went away: everything
 * is forgotten. */
void follower_own(struct follower *follower);
void follower_disown(struct follower *follower);
/* Redis refused or failed a batch, or came back: forget what was under way and load the position
 * again, not before `at_ms`. */
void follower_reload(struct follower *follower, uint64_t at_ms);

/* What was read from Redis; one of these answers FETCH_POSITION, or another follower_reload. */
void follower_on_position(struct follower *follower, const struct log_position *position,
                          uint64_t now_ms);
/* The position stands there, but its frontier is not known and has to be got from the log. */
void follower_on_bare_position(struct follower *follower, const struct log_position *position,
                               uint64_t now_ms);
/* There is none: the log is new, and its starting point follows from its head. */
void follower_on_new_log(struct follower *follower, uint64_t now_ms);

/* In STARTING: the index it starts at. */
uint64_t follower_start_index(const struct follower *follower);
/* The starting point is known and on its way to Redis: the publisher has been given this position.
 */
void follower_on_started(struct follower *follower, const struct log_position *position,
                         uint64_t now_ms);

/*
 * What is wanted next: not after `now_ms`: `fetch` now; later: it is to be called again
 * then; UINT64_MAX: after the next event. To be called until it wants nothing now; follower_on_sent
 * follows if it is carried out. Without `may_run_ahead` (memory is short) only the range that
 * comes next is wanted: without that one nothing held would ever be released.
 */
uint64_t follower_want(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                       struct fetch *fetch);
/* The same of a look at the head beside the ranges: while there are entries to fetch it holds
 * nothing up. */
uint64_t follower_want_head(struct follower *follower, uint64_t now_ms, struct fetch *fetch);
/* What was wanted is on its way; it is answered once. */
void follower_on_sent(struct follower *follower, struct fetch *fetch, uint64_t now_ms);

/* Whether an answer to `fetch` is still of interest. */
bool follower_expects(const struct follower *follower, const struct fetch *fetch);

/* A head that the log signed. */
void follower_on_head(struct follower *follower, const struct signed_head *head, uint64_t now_ms);
/* A start or proof fetch was answered, and another follows. */
void follower_on_step(struct follower *follower, const struct fetch *fetch);
/* A range's answer is held by the caller until follower_next_held says it is its turn. */
void follower_on_range(struct follower *follower, const struct fetch *fetch);

/* Why a fetch failed. */
enum fetch_failure {
    FETCH_UNREACHABLE, /* no answer, or half of one */
    FETCH_UNWELL,      /* the log is not well, or asks for less */
    FETCH_REFUSED,     /* the question is wrong, says the log */
    FETCH_MISSING,     /* 404 and 410 */
    FETCH_MALFORMED,   /* an answer that is not what was asked for */
    FETCH_TOO_LARGE,   /* the answer passed its ceiling */
};

/* What the caller has to do about it. */
enum failure_advice {
    FAILURE_RETRIED,
    FAILURE_ENDS_START,    /* start without a frontier: only where nothing is verified */
    FAILURE_ENDS_CLASSIFY, /* quarantine the log without a class */
};

/* `retry_after_ms`: what the log asked for, or 0. */
enum failure_advice follower_on_failure(struct follower *follower, const struct fetch *fetch,
                                        enum fetch_failure failure, uint64_t retry_after_ms,
                                        uint64_t now_ms);

/* A start or proof fetch failed, and another way to the same proof will be tried after a pause. */
void follower_on_other_way(struct follower *follower, const struct fetch *fetch,
                           enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms);

/* The slot whose range comes next and has arrived, or -1; also -1 while the window waits
 * for a proof. */
int follower_next_held(const struct follower *follower);
/* The first `count` entries of the range that follower_next_held named are in the window, which
 * ends at the book's `taken`; 1 <= count <= the slot's count. The rest of a short answer is asked
 * for again. follower_next_verdict is to be called. */
void follower_on_taken(struct follower *follower, uint64_t count);
/* The held range turned out to be empty or unreadable. */
void follower_on_bad_range(struct follower *follower, uint64_t now_ms);

enum follower_verdict {
    FOLLOWER_VERDICT_NONE,     /* not yet */
    FOLLOWER_VERDICT_RELEASE,  /* nothing is verified: follower_on_proven */
    FOLLOWER_VERDICT_BY_ROOT,  /* the head's root has to be that of the entries: follower_on_proven
                                  or _on_mismatch */
    FOLLOWER_VERDICT_BY_PROOF, /* a proof was begun: FETCH_PROOF follows, or at once one of the same
                                  two */
};

/* Whether the window has to be proven now; `must_close`: it must not grow on, because memory is
 * short. */
enum follower_verdict follower_next_verdict(struct follower *follower, bool must_close);

/* All that was taken is proven to be in the tree of `head`, its first `proven_size` entries at
 * least, and with the publisher. */
void follower_on_proven(struct follower *follower, const struct signed_head *head,
                        uint64_t proven_size);

enum mismatch_advice {
    MISMATCH_RETRIED,     /* the window is forgotten and fetched again */
    MISMATCH_TO_CLASSIFY, /* FETCH_CLASSIFY follows, or at once follower_on_quarantine */
    MISMATCH_QUARANTINED,
};

/* The window is not what the head's root says: the caller forgets it. */
enum mismatch_advice follower_on_mismatch(struct follower *follower, uint64_t now_ms);
/* The log contradicts itself, or keeps serving what it did not sign. */
void follower_on_quarantine(struct follower *follower, uint64_t now_ms);
/* A head signs just what is released: what was wrong is over. */
void follower_on_right_head(struct follower *follower);
/* It is to be looked at now: it has moved to another address, or an operator says so. */
void follower_recheck(struct follower *follower);

/* Redis has everything below `next`. */
void follower_on_durable(struct follower *follower, uint64_t next);

/* Whether what was asked for last fails, in any lane; the state may be another meanwhile. */
bool follower_is_failing(const struct follower *follower);
/* What it has waited for longest, and since when; false: for nothing that fails. */
bool follower_waits_for(const struct follower *follower, enum follower_lane *lane,
                        uint64_t *since_ms);

/* Entries between the largest head seen and what is in Redis. */
uint64_t follower_lag(const struct follower *follower);

#endif
