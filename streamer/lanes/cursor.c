#include "streamer/lanes/cursor.h"

#include <assert.h>

static const struct stream_id nowhere = { 0 };

/* Where the stream ended was not known: then its place has no number either. */
static bool knows_end(struct stream_position newest)
{
    return newest.ordinal > 0 || stream_id_compare(newest.id, nowhere) > 0;
}

/* Of two that it was not told of yet nobody knows how much they are together. */
static void owe_gap(struct cursor *cursor, const struct gap *gap, uint64_t at)
{
    struct gap earlier = cursor->gap;
    bool owed_one = cursor->owes_gap;
    cursor->gap = *gap;
    cursor->gap_at = at;
    cursor->owes_gap = true;
    if (!owed_one)
        return;
    cursor->gap.from = earlier.from;
    cursor->gap.is_counted = false;
    cursor->gap.missed = 0;
}

static void owe_uncounted_gap(struct cursor *cursor, struct stream_id from, struct stream_id to,
                              uint64_t at)
{
    owe_gap(cursor, &(struct gap){ .from = from, .to = to, .reason = GAP_TRIMMED }, at);
}

static void begin_behind(struct cursor *cursor, const struct since *since)
{
    cursor->is_behind = true;
    cursor->wants_all = since->kind == SINCE_BEGINNING;
    cursor->last = cursor->wants_all ? (struct stream_position){ 0 } : since->after;
    cursor->seen = cursor->last.id;
}

void cursor_join(struct cursor *cursor, const struct lane *lane, const struct since *since,
                 struct stream_position newest, uint64_t now_ms)
{
    assert(now_ms > 0 && since->kind != SINCE_SECONDS);
    *cursor = (struct cursor){
        .position = lane_next(lane),
        .last = newest,
        .heard_at_ms = now_ms,
        .pinged_at_ms = now_ms,
    };
    if (since->kind == SINCE_UNKNOWN)
        owe_uncounted_gap(cursor, nowhere, newest.id, cursor->position);
    else if (since->kind != SINCE_NOW)
        begin_behind(cursor, since);
    if (since->kind == SINCE_LOST)
        owe_gap(cursor, &since->lost, cursor->position);
}

void cursor_note_rollback(struct cursor *cursor)
{
    if (stream_id_compare(cursor->last.id, cursor->seen) > 0)
        cursor->seen = cursor->last.id;
    /* Ids that the lane gets from here on say nothing of what it had. */
    cursor->is_ahead = false;
}

void cursor_note_loss(struct cursor *cursor, const struct lane *lane, struct stream_id end)
{
    struct stream_id had = cursor->last.id;
    cursor_note_rollback(cursor);
    if (stream_id_compare(had, nowhere) == 0)
        return;
    owe_uncounted_gap(cursor, had, end, lane_next(lane));
    cursor->is_held = cursor->is_behind;
    if (!cursor->is_behind && stream_id_compare(had, end) > 0)
        cursor->last = (struct stream_position){ end, 0 };
}

void cursor_move(struct cursor *cursor, struct stream_id place)
{
    if (stream_id_compare(cursor->last.id, place) == 0)
        return;
    cursor_note_rollback(cursor);
    cursor->last = (struct stream_position){ place, 0 };
}

void cursor_note_fork(struct cursor *cursor, struct stream_id fork, struct stream_id lost,
                      const struct gap *gap)
{
    if (cursor->is_held && gap) {
        cursor->owes_gap = false;
        owe_gap(cursor, gap, cursor->gap_at);
    }
    cursor->is_held = false;
    if (cursor->is_behind && stream_id_compare(cursor->last.id, fork) > 0 &&
        stream_id_compare(cursor->last.id, lost) <= 0)
        cursor->last = (struct stream_position){ fork, 0 };
}

bool cursor_give_up_waiting(struct cursor *cursor, const struct lane *lane,
                            struct stream_position newest, uint64_t now_ms)
{
    bool is_ahead =
        !cursor->is_held && knows_end(newest) && stream_id_compare(cursor->last.id, newest.id) > 0;
    if (!is_ahead) {
        cursor->ahead_since_ms = 0;
        return false;
    }
    if (!cursor->ahead_since_ms)
        cursor->ahead_since_ms = now_ms;
    if (now_ms - cursor->ahead_since_ms < CURSOR_AHEAD_MAX_MS)
        return false;
    cursor_note_rollback(cursor);
    cursor->position = lane_next(lane);
    owe_uncounted_gap(cursor, cursor->last.id, newest.id, cursor->position);
    cursor->is_behind = false;
    cursor->ahead_since_ms = 0;
    cursor_advance_to(cursor, newest);
    return true;
}

void cursor_told(struct cursor *cursor)
{
    cursor->owes_gap = false;
}

void cursor_learn_newest(struct cursor *cursor, struct stream_position newest)
{
    if (cursor->is_behind || knows_end(cursor->last))
        return;
    cursor->last = newest;
    if (cursor->owes_gap)
        cursor->gap.to = newest.id;
}

/* One that was fed from Redis, or comes from another streamer, may be further than the reader
 * here. */
static void skip_what_it_had(struct cursor *cursor, const struct lane *lane)
{
    uint64_t number;
    if (!lane_find(lane, cursor->last.id, &number))
        return;
    if (number > cursor->position)
        cursor->position = number;
    cursor->is_ahead = number == lane_next(lane);
}

enum cursor_next cursor_next(struct cursor *cursor, const struct lane *lane, size_t limit,
                             struct lane_slice *slice)
{
    if (!cursor->is_behind && cursor->position < lane_first(lane))
        cursor->is_behind = true;
    if (cursor->is_held)
        return CURSOR_NEXT_NOTHING;
    if (cursor->owes_gap && (cursor->is_behind || cursor->position >= cursor->gap_at))
        return CURSOR_NEXT_GAP;
    if (cursor->is_behind)
        return CURSOR_NEXT_PAGE;
    if (cursor->is_ahead)
        skip_what_it_had(cursor, lane);
    return lane_read(lane, cursor->position, limit, slice) ? CURSOR_NEXT_SLICE
                                                           : CURSOR_NEXT_NOTHING;
}

void cursor_advance(struct cursor *cursor, const struct lane_slice *slice, uint64_t now_ms)
{
    cursor->position = slice->next;
    cursor->sent_at_ms = now_ms;
    cursor_advance_to(cursor, slice->last);
}

void cursor_advance_to(struct cursor *cursor, struct stream_position end)
{
    cursor->last = end;
    cursor->wants_all = false;
}

bool cursor_catch_up(struct cursor *cursor, const struct lane *lane)
{
    assert(cursor->is_behind);
    if (cursor->wants_all || !lane_find(lane, cursor->last.id, &cursor->position))
        return false;
    cursor->is_behind = false;
    cursor->is_ahead = true;
    return true;
}

/* Where the count is not known, the place behind the gap has no number either. */
void cursor_skip(struct cursor *cursor, const struct gap *gap)
{
    bool is_counted = gap->is_counted && cursor->last.ordinal;
    cursor_advance_to(cursor, (struct stream_position){
                                  gap->to, is_counted ? cursor->last.ordinal + gap->missed : 0 });
}

enum cursor_due cursor_due(const struct cursor *cursor, const struct cursor_timing *timing,
                           uint64_t now_ms)
{
    if (cursor->waiting_since_ms && now_ms - cursor->waiting_since_ms >= timing->stall_ms)
        return CURSOR_DUE_CLOSE_SLOW;
    if (now_ms - cursor->heard_at_ms >= timing->silence_ms)
        return CURSOR_DUE_CLOSE_SILENT;
    if (now_ms - cursor->pinged_at_ms >= timing->ping_ms)
        return CURSOR_DUE_PING;
    if (cursor->sent_at_ms == 0 || now_ms - cursor->sent_at_ms >= timing->heartbeat_ms)
        return CURSOR_DUE_HEARTBEAT;
    return CURSOR_DUE_NOTHING;
}
