/*
 * How much the logs of a process may hold together, and each of them: answers that were asked for
 * (as many bytes as were admitted), answers that wait for their turn, and windows of entries that
 * are not proven yet. When memory is short the windows that hold more than a part each are closed,
 * and the largest in any case: what cannot be closed does not make the others' grow. Pure.
 */
#ifndef INGEST_FOLLOW_HELD_MEMORY_H
#define INGEST_FOLLOW_HELD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Over all logs; with the publisher's queue what ingest's memory mostly is. */
    HELD_MEMORY_MAX = 48 * 1024 * 1024,
    /* Of one log. */
    HELD_MEMORY_LOG_MAX = 20 * 1024 * 1024,
    /* A window costs a proof, so it is worth some pages. */
    HELD_MEMORY_WINDOW_MAX = 16 * 1024 * 1024,
    /* What an answer may have without a question. Larger than any page or tile that was seen; */
    HELD_MEMORY_ANSWER_MAX = 16 * 1024 * 1024,
    /* one that is larger still is asked for alone, and not by more logs than these at once. */
    HELD_MEMORY_LARGE_MAX = 2,
};

enum memory_use {
    MEMORY_ADMITTED, /* an answer that is on its way */
    MEMORY_ANSWER,   /* one that waits for its turn */
    MEMORY_WINDOW,
    MEMORY_USES
};

struct held_memory {
    struct memory_share *first;
    size_t bytes[MEMORY_USES];
    unsigned large_count;
    uint64_t large_turns; /* that were had */
};

/* The part of one log; the caller keeps it. */
struct memory_share {
    struct held_memory *memory;
    struct memory_share *next;
    size_t bytes[MEMORY_USES];
    bool has_large;
    bool waits_for_large;
    uint64_t large_turn; /* the last that it had; 0: none */
};

void memory_share_join(struct memory_share *share, struct held_memory *memory);
/* It holds nothing any more. */
void memory_share_leave(struct memory_share *share);

void memory_share_add(struct memory_share *share, enum memory_use use, size_t size);
void memory_share_remove(struct memory_share *share, enum memory_use use, size_t size);

/* Whether more may be asked for than what comes next. */
bool memory_share_may_run_ahead(const struct memory_share *share);
/* Whether the window must not grow on. */
bool memory_share_must_close(const struct memory_share *share);

/* Whether it may ask for an answer beyond HELD_MEMORY_ANSWER_MAX now; if not it waits, and whoever
 * had one before it did comes after it: a log whose answers take for ever has its turn, and not
 * that of the others. */
bool memory_share_may_be_large(struct memory_share *share);
/* It does not wait, or will say so again. */
void memory_share_withdraw_large(struct memory_share *share);
void memory_share_begin_large(struct memory_share *share);
/* The answer did not come, or is dealt with. Without one nothing happens. */
void memory_share_end_large(struct memory_share *share);

size_t held_memory_bytes(const struct held_memory *memory);

#endif
