/*
 * A subscriber's cursor: its position in a lane, and when what happened. It does no I/O and reads
 * no clock: it is told, and says what is to be done next.
 *
 * It is live while the lane holds what it is sent next. One that the lane has overtaken, or that
 * came for what was before the lane, is behind: it is fed pages of the past until it has had all
 * that the lane no longer holds.
 */
#ifndef STREAMER_LANES_CURSOR_H
#define STREAMER_LANES_CURSOR_H

#include "streamer/lanes/lane.h"
#include "streamer/past/since.h"
#include "streamer/stream/gap.h"

enum {
    /* A replica lags by less, and who waits for longer waits for another stream. */
    CURSOR_AHEAD_MAX_MS = 10000,
};

/* All in milliseconds. */
struct cursor_timing {
    uint64_t heartbeat_ms; /* a connection that was quiet for this long gets a heartbeat */
    uint64_t ping_ms;      /* between pings */
    uint64_t silence_ms;   /* a client from which nothing came for this long is gone */
    uint64_t stall_ms;     /* a client whose socket took nothing for this long is too slow */
};

struct cursor {
    uint64_t position;           /* of a live one: the number of the message it is sent next */
    struct stream_position last; /* all up to here it has had, or did not want */
    struct stream_id seen; /* all up to here it had had, when it came or when Redis was set back */
    bool is_behind;
    bool is_ahead;  /* it may have had what the lane has yet to get */
    bool wants_all; /* whatever came before `last` is none it would miss */
    bool is_held;   /* behind, and where it goes on is known only by cursor_note_fork */
    bool owes_gap;  /* it has to be told of `gap` once it has had what comes before `gap_at` */
    struct gap gap;
    uint64_t gap_at;
    uint64_t ahead_since_ms; /* it stands where the stream has not come yet; 0: it does not */
    /* Messages and heartbeats; a ping is none: many clients count only what they get to see. 0:
     * nothing yet, so the first heartbeat is due at once. */
    uint64_t sent_at_ms;
    uint64_t heard_at_ms;
    uint64_t pinged_at_ms;
    uint64_t
        waiting_since_ms; /* asked for a writable socket and has not got it; 0: it has not asked */
};

enum cursor_next {
    CURSOR_NEXT_NOTHING,
    CURSOR_NEXT_SLICE,
    CURSOR_NEXT_PAGE, /* it is behind: cursor_catch_up, else a page of what comes after `last` */
    CURSOR_NEXT_GAP,  /* it has to be told of cursor->gap: then cursor_told */
};

enum cursor_due {
    CURSOR_DUE_NOTHING,
    CURSOR_DUE_HEARTBEAT,
    CURSOR_DUE_PING,
    CURSOR_DUE_CLOSE_SILENT,
    CURSOR_DUE_CLOSE_SLOW,
};

/* Joins the lane: at its end, or as one that is behind and wants what came since. `newest` is the
 * newest entry that was read from the stream. `now_ms` is monotonic and above zero, here and
 * below. */
void cursor_join(struct cursor *cursor, const struct lane *lane, const struct since *since,
                 struct stream_position newest, uint64_t now_ms);
/* What the newest entry is was not known when it joined, and is now. */
void cursor_learn_newest(struct cursor *cursor, struct stream_position newest);

/* Redis was set back: what it gets again, under new ids, this client has had. */
void cursor_note_rollback(struct cursor *cursor);
/* And so that entries are gone; the stream ends at `end` now. A live one has had all that was read,
 * and nobody knows of what was not; what one that is behind misses will be known. */
void cursor_note_loss(struct cursor *cursor, const struct lane *lane, struct stream_id end);
/* What was lost is what came after `fork`, read up to `lost`: who stands between goes on at the
 * fork. What it has had of the stream since then is known by `seen`. `gap` is what it misses if it
 * is held; NULL: nobody knows. */
void cursor_note_fork(struct cursor *cursor, struct stream_id fork, struct stream_id lost,
                      const struct gap *gap);
/* The lane has overtaken it where it stood in a history that is gone: it goes on at `place`, and
 * what it has had is known by `seen`. */
void cursor_move(struct cursor *cursor, struct stream_id place);
/* To be called every second or so: one that came for what comes after a place where the stream,
 * which ends at `newest`, does not get to in CURSOR_AHEAD_MAX_MS (a Redis that was set back, or
 * another one) goes on from the stream's end. True if it has to be told so. */
bool cursor_give_up_waiting(struct cursor *cursor, const struct lane *lane,
                            struct stream_position newest, uint64_t now_ms);
void cursor_told(struct cursor *cursor);

/* What to send next, and for CURSOR_NEXT_SLICE at most `limit` bytes of it (but a whole message).
 * One that the lane has overtaken is behind from here on. */
enum cursor_next cursor_next(struct cursor *cursor, const struct lane *lane, size_t limit,
                             struct lane_slice *slice);
/* A slice of the lane was handed over; or one of a page. */
void cursor_advance(struct cursor *cursor, const struct lane_slice *slice, uint64_t now_ms);
/* All up to `end` was handed over, or does not pass the filter. */
void cursor_advance_to(struct cursor *cursor, struct stream_position end);
/* True if the lane holds all that it has not had: it is live again. */
bool cursor_catch_up(struct cursor *cursor, const struct lane *lane);
/* It was told that what is in the gap is gone. */
void cursor_skip(struct cursor *cursor, const struct gap *gap);

/* What the passing of time asks for; the most urgent first. */
enum cursor_due cursor_due(const struct cursor *cursor, const struct cursor_timing *timing,
                           uint64_t now_ms);

#endif
