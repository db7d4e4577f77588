#include "ingest/follow/follower.h"

#include <assert.h>

#include "shared/message/tile_path.h"

enum {
    BACK_OFF_FIRST_MS = 1000,
    BACK_OFF_MAX_MS = 300 * 1000,
    RETRY_AFTER_MIN_MS = 1000,
    RETRY_AFTER_MAX_MS = 15 * 60 * 1000,
    /* After this many polls without growth the interval doubles. */
    IDLE_POLLS = 10,
    /* So many full-page asks in a row answered short mean that the log's page has shrunk. */
    SHORT_PAGES = 3,
    /* So many short answers tell the page: the first may have ended at a boundary of the log's. */
    PROBES = 2,
    /* After so many full answers a larger page is asked for again: two requests that may come short. */
    FULL_PAGES = 256,
    /* Ranges refused in a row, after which less is asked for at once. */
    REFUSALS = 4,
    /* Classifications that fail in a row, after which the log is quarantined without a class. */
    CLASSIFY_TRIES = 4,
    QUARANTINE_MAX_MS = 6 * 3600 * 1000,
    /* A log that the lists dropped may still take entries for weeks: it is done when it has not grown for so long, or when
     * so many requests for its head in a row find nothing there. */
    DRAIN_MS = 7 * 86400 * 1000,
    DRAIN_MISSING = 10,
};

const char *follower_state_name(enum follower_state state)
{
    static const char *const names[] = {
        [FOLLOWER_UNOWNED] = "unowned",
        [FOLLOWER_LOADING] = "loading",
        [FOLLOWER_FETCHING_HEAD] = "fetching head",
        [FOLLOWER_STARTING] = "starting",
        [FOLLOWER_FETCHING_RANGES] = "fetching ranges",
        [FOLLOWER_VERIFYING] = "verifying",
        [FOLLOWER_APPENDING] = "appending",
        [FOLLOWER_WAITING] = "waiting",
        [FOLLOWER_BACKING_OFF] = "backing off",
        [FOLLOWER_QUARANTINED] = "quarantined",
        [FOLLOWER_FINISHED] = "finished",
    };
    return names[state];
}

static struct follower_slot *slot_at(struct follower *follower, unsigned place)
{
    return &follower->slots[(follower->first + place) % FOLLOWER_SLOTS];
}

/* What is on its way is no longer of interest. */
static void forget_fetches(struct follower *follower)
{
    follower->generation++;
    follower->in_flight = follower->proof_in_flight = false;
    follower->first = follower->count = 0;
    follower->need = FOLLOWER_NEEDS_NOTHING;
}

static void forget_head(struct follower *follower)
{
    follower->has_head = false;
    follower->head_due = true;
    follower->partial_due = false;
    follower->partial_tile = UINT64_MAX;
}

static void forget_travel(struct follower *follower)
{
    forget_fetches(follower);
    forget_head(follower);
    follower->life++;
    follower->has_position = follower->has_start = false;
}

/* The window is forgotten; it begins again where what was released ends. */
static void rewind_window(struct follower *follower)
{
    forget_fetches(follower);
    follower->planned = follower->taken = follower->released;
}

void follower_init(struct follower *follower, const struct ct_log *ct_log,
                   const struct follower_policy *policy, uint64_t seed)
{
    *follower = (struct follower){
        .policy = policy,
        .jitter = jitter_of(seed),
        .page = policy->has_tiles ? TILE_WIDTH : 0,
    };
    forget_travel(follower);
    follower_on_description(follower, ct_log);
}

void follower_own(struct follower *follower)
{
    if (follower->state == FOLLOWER_UNOWNED)
        follower_reload(follower, 0);
}

void follower_disown(struct follower *follower)
{
    forget_travel(follower);
    follower->state = FOLLOWER_UNOWNED;
}

void follower_reload(struct follower *follower, uint64_t at_ms)
{
    forget_travel(follower);
    follower->state = FOLLOWER_LOADING;
    follower->retry_at_ms = at_ms;
}

bool follower_next_load(struct follower *follower, uint64_t now_ms)
{
    if (follower->state != FOLLOWER_LOADING || follower->in_flight ||
        now_ms < follower->retry_at_ms)
        return false;
    follower->in_flight = true;
    return true;
}

/* Up to where entries are wanted now: to the head, but for a partial tile that may soon be full. */
static uint64_t wanted_end(const struct follower *follower)
{
    uint64_t end = follower->head.size;
    if (follower->policy->has_tiles && !follower->partial_due)
        end -= end % TILE_WIDTH;
    return end > follower->planned ? end : follower->planned;
}

/* Nothing is left to fetch for the window, and it does not end at the head. */
static bool ends_early(const struct follower *follower)
{
    return !follower->count && follower->planned == wanted_end(follower);
}

static bool is_finished(const struct follower *follower)
{
    return follower->is_drained ||
           (follower->has_final_size && follower->durable >= follower->final_size);
}

/* Where the road goes on from here, when nothing holds the follower back. */
static enum follower_state next_state(const struct follower *follower)
{
    if (!follower->has_head || follower->head_due)
        return FOLLOWER_FETCHING_HEAD;
    if (!follower->has_position)
        return follower->has_start && follower->head.size < follower->start ? FOLLOWER_WAITING
                                                                            : FOLLOWER_STARTING;
    if (follower->need != FOLLOWER_NEEDS_NOTHING)
        return FOLLOWER_VERIFYING;
    if (follower->count || follower->planned < wanted_end(follower))
        return FOLLOWER_FETCHING_RANGES;
    if (follower->durable < follower->taken)
        return FOLLOWER_APPENDING;
    return is_finished(follower) ? FOLLOWER_FINISHED : FOLLOWER_WAITING;
}

static uint64_t poll_interval(struct follower *follower)
{
    uint64_t interval = follower->policy->poll_ms;
    for (unsigned idle = follower->idle_polls;
         idle >= IDLE_POLLS && interval < follower->policy->poll_max_ms; idle -= IDLE_POLLS)
        interval *= 2;
    if (interval > follower->policy->poll_max_ms || follower->is_draining)
        interval = follower->policy->poll_max_ms;
    return interval - interval / 20 + jitter_below(&follower->jitter, interval / 10);
}

static void travel(struct follower *follower)
{
    follower->state = next_state(follower);
}

/* After good news: a back-off that another fetch of the same log asked for still holds. */
static void travel_unless_held_back(struct follower *follower)
{
    if (follower->state != FOLLOWER_BACKING_OFF && follower->state != FOLLOWER_QUARANTINED)
        travel(follower);
}

static void enter_after_load(struct follower *follower, uint64_t now_ms)
{
    follower->in_flight = false;
    follower->poll_at_ms = now_ms;
    travel(follower);
}

static void stand_at(struct follower *follower, uint64_t index)
{
    follower->has_position = true;
    follower->has_start = false;
    follower->durable = follower->released = follower->taken = follower->planned = index;
}

void follower_on_position(struct follower *follower, uint64_t next, uint64_t page, uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_LOADING);
    stand_at(follower, next);
    if (!follower->policy->has_tiles && page && page <= follower->policy->page_max)
        follower->page = page;
    enter_after_load(follower, now_ms);
}

void follower_on_bare_position(struct follower *follower, uint64_t next, uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_LOADING);
    follower->has_start = true;
    follower->start = next;
    follower->start_failures = 0;
    enter_after_load(follower, now_ms);
}

void follower_on_new_log(struct follower *follower, uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_LOADING);
    follower->start_failures = 0;
    enter_after_load(follower, now_ms);
}

uint64_t follower_start_index(const struct follower *follower)
{
    assert(follower->has_head);
    uint64_t size = follower->head.size;
    uint64_t value = follower->policy->start_value;
    if (follower->has_start)
        return follower->start;
    switch (follower->policy->start) {
    case FOLLOWER_START_HEAD: return size;
    case FOLLOWER_START_INDEX: return value < size ? value : size;
    case FOLLOWER_START_BEFORE_HEAD: return value < size ? size - value : 0;
    }
    return size;
}

void follower_on_started(struct follower *follower, uint64_t index, uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_STARTING || follower->state == FOLLOWER_BACKING_OFF);
    assert(index <= follower->head.size);
    stand_at(follower, index);
    follower->in_flight = false;
    follower->failures = 0;
    follower->poll_at_ms = follower->poll_at_ms > now_ms ? follower->poll_at_ms : now_ms;
    travel(follower);
}

/* The end of the range that begins at `start`: page boundaries make every later request aligned and cacheable. */
static uint64_t range_end(const struct follower *follower, uint64_t start)
{
    uint64_t end = follower->page ? (start / follower->page + 1) * follower->page
                                  : start + follower->policy->page_max;
    uint64_t wanted = wanted_end(follower);
    return end < wanted ? end : wanted;
}

/* Fills the free slots. While the page size is being learnt, one range at a time. */
static void plan_ranges(struct follower *follower)
{
    unsigned limit = follower->page ? FOLLOWER_SLOTS : 1;
    while (follower->count < limit && follower->planned < wanted_end(follower)) {
        uint64_t end = range_end(follower, follower->planned);
        struct follower_slot *slot = slot_at(follower, follower->count++);
        *slot =
            (struct follower_slot){ .start = follower->planned, .count = end - follower->planned };
        follower->planned = end;
    }
}

static unsigned tile_width(const struct follower *follower, const struct follower_slot *slot)
{
    uint64_t base = slot->start / TILE_WIDTH * TILE_WIDTH;
    uint64_t width = follower->head.size - base;
    return slot->whole_tile || width > TILE_WIDTH ? TILE_WIDTH : (unsigned)width;
}

static struct fetch make_fetch(const struct follower *follower, enum fetch_kind kind)
{
    return (struct fetch){
        .kind = kind,
        .generation = follower->generation,
        .is_fresh = follower->mismatches > 0 || follower->is_quarantined,
    };
}

static bool next_range(struct follower *follower, bool may_run_ahead, struct fetch *fetch)
{
    plan_ranges(follower);
    unsigned count = may_run_ahead || !follower->count ? follower->count : 1;
    for (unsigned place = 0; place < count; place++) {
        struct follower_slot *slot = slot_at(follower, place);
        if (slot->state != SLOT_WANTED)
            continue;
        slot->state = SLOT_IN_FLIGHT;
        *fetch = make_fetch(follower, FETCH_RANGE);
        fetch->slot = (follower->first + place) % FOLLOWER_SLOTS;
        fetch->start = slot->start;
        fetch->count = slot->count;
        if (follower->policy->has_tiles)
            fetch->width = tile_width(follower, slot);
        return true;
    }
    return false;
}

static bool is_for_proof(enum fetch_kind kind)
{
    return kind == FETCH_PROOF || kind == FETCH_CLASSIFY;
}

/* What there is one of at a time. */
static bool *single_in_flight(struct follower *follower, enum fetch_kind kind)
{
    return is_for_proof(kind) ? &follower->proof_in_flight : &follower->in_flight;
}

static bool next_single(struct follower *follower, enum fetch_kind kind, struct fetch *fetch)
{
    bool *in_flight = single_in_flight(follower, kind);
    if (*in_flight)
        return false;
    *in_flight = true;
    *fetch = make_fetch(follower, kind);
    return true;
}

/* The proof first; while it is under way the ranges behind the window may come already. */
static bool next_while_verifying(struct follower *follower, bool may_run_ahead, struct fetch *fetch)
{
    if (follower->need == FOLLOWER_NEEDS_CLASS)
        return next_single(follower, FETCH_CLASSIFY, fetch);
    return next_single(follower, FETCH_PROOF, fetch) ||
           (may_run_ahead && next_range(follower, may_run_ahead, fetch));
}

static void hear_time(struct follower *follower, uint64_t now_ms)
{
    bool was_due = follower->partial_due;
    follower->partial_due = follower->has_head && now_ms >= follower->partial_at_ms;
    bool may_go_on =
        (follower->state == FOLLOWER_BACKING_OFF || follower->state == FOLLOWER_QUARANTINED) &&
        now_ms >= follower->retry_at_ms;
    bool has_partial = follower->state == FOLLOWER_WAITING && follower->partial_due && !was_due;
    /* While there is a backlog, only now and then: for the report, and so that its end is no surprise. */
    bool is_busy = follower->state == FOLLOWER_FETCHING_RANGES;
    uint64_t poll_at_ms = follower->poll_at_ms + (is_busy ? follower->policy->poll_max_ms : 0);
    bool is_due = (is_busy || follower->state == FOLLOWER_WAITING) && now_ms >= poll_at_ms;
    follower->head_due |= is_due;
    if (may_go_on || has_partial || is_due)
        travel(follower);
}

bool follower_next_fetch(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                         struct fetch *fetch)
{
    hear_time(follower, now_ms);
    switch (follower->state) {
    case FOLLOWER_FETCHING_HEAD: return next_single(follower, FETCH_HEAD, fetch);
    case FOLLOWER_STARTING: return next_single(follower, FETCH_START, fetch);
    case FOLLOWER_FETCHING_RANGES: return next_range(follower, may_run_ahead, fetch);
    case FOLLOWER_VERIFYING: return next_while_verifying(follower, may_run_ahead, fetch);
    case FOLLOWER_UNOWNED:
    case FOLLOWER_LOADING:
    case FOLLOWER_APPENDING:
    case FOLLOWER_WAITING:
    case FOLLOWER_BACKING_OFF:
    case FOLLOWER_QUARANTINED:
    case FOLLOWER_FINISHED: return false;
    }
    return false;
}

bool follower_expects(const struct follower *follower, const struct fetch *fetch)
{
    return fetch->generation == follower->generation;
}

static void note_growth(struct follower *follower, const struct signed_head *head, uint64_t now_ms)
{
    bool grew = !follower->has_head || head->size > follower->head.size;
    /* Front ends of a log disagree for a while: an older head is no news. */
    if (grew)
        follower->head = *head;
    if (grew || !follower->grown_at_ms)
        follower->grown_at_ms = now_ms;
    follower->has_head = true;
    follower->idle_polls = grew ? 0 : follower->idle_polls + 1;
    follower->is_drained =
        follower->is_draining && now_ms - follower->grown_at_ms >= (uint64_t)DRAIN_MS;
}

void follower_on_head(struct follower *follower, const struct signed_head *head, uint64_t now_ms)
{
    follower->in_flight = false;
    follower->failures = 0;
    follower->head_due = false;
    note_growth(follower, head, now_ms);
    if (follower->head.size / TILE_WIDTH != follower->partial_tile) {
        follower->partial_tile = follower->head.size / TILE_WIDTH;
        follower->partial_at_ms = now_ms + follower->policy->partial_ms;
    }
    follower->partial_due = now_ms >= follower->partial_at_ms;
    follower->poll_at_ms = now_ms + poll_interval(follower);
    travel_unless_held_back(follower);
}

void follower_on_step(struct follower *follower, const struct fetch *fetch)
{
    *single_in_flight(follower, fetch->kind) = false;
    follower->failures = 0;
}

void follower_on_range(struct follower *follower, const struct fetch *fetch)
{
    struct follower_slot *slot = &follower->slots[fetch->slot];
    assert(slot->state == SLOT_IN_FLIGHT && slot->start == fetch->start);
    slot->state = SLOT_HELD;
    follower->failures = follower->refusals = 0;
}

static uint64_t spread(struct follower *follower, uint64_t delay_ms)
{
    return delay_ms + jitter_below(&follower->jitter, delay_ms / 10);
}

static void hold_back(struct follower *follower, uint64_t retry_at_ms)
{
    bool extends = follower->state != FOLLOWER_BACKING_OFF || retry_at_ms > follower->retry_at_ms;
    follower->retry_at_ms = extends ? retry_at_ms : follower->retry_at_ms;
    follower->state = FOLLOWER_BACKING_OFF;
}

static void back_off(struct follower *follower, uint64_t retry_after_ms, uint64_t now_ms)
{
    /* What was asked for at the same time and fails as well is the same failure. */
    bool is_known = follower->state == FOLLOWER_BACKING_OFF && now_ms < follower->retry_at_ms;
    if (is_known && !retry_after_ms)
        return;
    uint64_t delay = BACK_OFF_FIRST_MS;
    for (unsigned i = 0; i < follower->failures && delay < BACK_OFF_MAX_MS; i++)
        delay *= 2;
    if (delay > BACK_OFF_MAX_MS)
        delay = BACK_OFF_MAX_MS;
    follower->failures += !is_known;
    /* Between half and the whole of it, so that many logs of one operator do not come back at once. */
    delay = delay / 2 + jitter_below(&follower->jitter, delay / 2);
    if (retry_after_ms)
        delay = spread(follower, retry_after_ms < RETRY_AFTER_MIN_MS   ? RETRY_AFTER_MIN_MS
                                 : retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS
                                                                       : retry_after_ms);
    hold_back(follower, now_ms + delay);
}

/* A partial tile may be gone once the full one exists: that is asked for before anything counts as a failure. */
static bool take_whole_tile_instead(const struct follower *follower, struct follower_slot *slot,
                                    enum fetch_failure failure, unsigned width)
{
    if (!follower->policy->has_tiles || failure != FETCH_MISSING || width == TILE_WIDTH)
        return false;
    slot->whole_tile = true;
    return true;
}

/* Plans what is not taken yet again, in smaller ranges. A proof that is out is asked for again. */
static void ask_for_less(struct follower *follower, uint64_t count)
{
    enum follower_need need = follower->need;
    follower->page = count > 1 ? count / 2 : 1;
    follower->probed = 0;
    follower->refusals = 0;
    forget_fetches(follower);
    follower->need = need;
    follower->planned = follower->taken;
}

static void on_range_failure(struct follower *follower, const struct fetch *fetch,
                             enum fetch_failure failure)
{
    bool is_refused = failure == FETCH_REFUSED || failure == FETCH_MISSING;
    /* A front end behind the one that gave the head answers 400 or 404: ask again what there is. */
    follower->head_due |= is_refused;
    follower->refusals += is_refused;
    if (!follower->policy->has_tiles &&
        (failure == FETCH_TOO_LARGE || follower->refusals >= REFUSALS))
        ask_for_less(follower, fetch->count);
}

enum failure_advice follower_on_failure(struct follower *follower, const struct fetch *fetch,
                                        enum fetch_failure failure, uint64_t retry_after_ms,
                                        uint64_t now_ms)
{
    if (fetch->kind == FETCH_RANGE) {
        struct follower_slot *slot = &follower->slots[fetch->slot];
        assert(slot->state == SLOT_IN_FLIGHT);
        slot->state = SLOT_WANTED;
        if (take_whole_tile_instead(follower, slot, failure, fetch->width))
            return FAILURE_RETRIED;
        slot->whole_tile = false;
        on_range_failure(follower, fetch, failure);
    } else {
        *single_in_flight(follower, fetch->kind) = false;
    }
    back_off(follower, retry_after_ms, now_ms);
    switch (fetch->kind) {
    case FETCH_START:
        if (++follower->start_failures >= FOLLOWER_START_TRIES && !follower->policy->verifies)
            return FAILURE_ENDS_START;
        /* Perhaps it is the head that was wrong. */
        forget_head(follower);
        return FAILURE_RETRIED;
    case FETCH_CLASSIFY:
        return follower->failures >= CLASSIFY_TRIES ? FAILURE_ENDS_CLASSIFY : FAILURE_RETRIED;
    case FETCH_HEAD:
        follower->is_drained |= follower->is_draining && failure == FETCH_MISSING &&
                                follower->failures >= DRAIN_MISSING;
        return FAILURE_RETRIED;
    case FETCH_PROOF:
        /* With a newer head it may go better. */
        follower->need = FOLLOWER_NEEDS_NOTHING;
        follower->head_due = true;
        return FAILURE_RETRIED;
    case FETCH_RANGE: break;
    }
    return FAILURE_RETRIED;
}

int follower_next_held(const struct follower *follower)
{
    if (!follower->count || follower->slots[follower->first].state != SLOT_HELD ||
        follower->need != FOLLOWER_NEEDS_NOTHING)
        return -1;
    return (int)follower->first;
}

/* A page that was learnt while the log answered little is not kept for ever. */
static void learn_anew(struct follower *follower)
{
    if (follower->page == follower->policy->page_max || ++follower->full_pages < FULL_PAGES)
        return;
    follower->page = follower->probed = 0;
    follower->full_pages = 0;
}

/* Learns the log's page from an answer of `count` entries to a request for `slot`. */
static void learn_page(struct follower *follower, const struct follower_slot *slot, uint64_t count)
{
    if (follower->policy->has_tiles)
        return;
    if (count == slot->count) {
        follower->short_pages = 0;
        if (!follower->page && count == follower->policy->page_max)
            follower->page = count;
        if (count == follower->page)
            learn_anew(follower);
        return;
    }
    follower->probed = count > follower->probed ? count : follower->probed;
    follower->short_pages++;
    if (follower->short_pages < (follower->page ? SHORT_PAGES : PROBES))
        return;
    follower->page = follower->probed;
    follower->probed = 0;
    follower->short_pages = 0;
}

void follower_on_taken(struct follower *follower, uint64_t count)
{
    struct follower_slot *slot = slot_at(follower, 0);
    assert(follower->count && slot->state == SLOT_HELD && slot->start == follower->taken);
    assert(count >= 1 && count <= slot->count);
    learn_page(follower, slot, count);
    follower->taken += count;
    if (count < slot->count) {
        *slot =
            (struct follower_slot){ .start = slot->start + count, .count = slot->count - count };
    } else {
        follower->first = (follower->first + 1) % FOLLOWER_SLOTS;
        follower->count--;
    }
    travel_unless_held_back(follower);
}

void follower_on_bad_range(struct follower *follower, uint64_t now_ms)
{
    struct follower_slot *slot = slot_at(follower, 0);
    assert(follower->count && slot->state == SLOT_HELD);
    slot->state = SLOT_WANTED;
    back_off(follower, 0, now_ms);
}

enum follower_verdict follower_next_verdict(struct follower *follower, bool must_close)
{
    if (follower->taken == follower->released || follower->need != FOLLOWER_NEEDS_NOTHING ||
        !follower->has_head)
        return FOLLOWER_VERDICT_NONE;
    if (!follower->policy->verifies)
        return FOLLOWER_VERDICT_RELEASE;
    if (follower->head_due)
        return FOLLOWER_VERDICT_NONE;
    if (follower->taken == follower->head.size)
        return FOLLOWER_VERDICT_BY_ROOT;
    if (!must_close && !ends_early(follower))
        return FOLLOWER_VERDICT_NONE;
    follower->need = FOLLOWER_NEEDS_PROOF;
    travel_unless_held_back(follower);
    return FOLLOWER_VERDICT_BY_PROOF;
}

void follower_on_proven(struct follower *follower)
{
    follower->proof_in_flight = false;
    follower->need = FOLLOWER_NEEDS_NOTHING;
    follower->released = follower->taken;
    follower_on_right_head(follower);
    travel_unless_held_back(follower);
}

void follower_on_right_head(struct follower *follower)
{
    follower->mismatches = 0;
    follower->is_quarantined = false;
    follower->quarantine_ms = 0;
}

/* The next look at the log comes after the heads have moved on. */
static void retry_window(struct follower *follower, uint64_t now_ms)
{
    uint64_t delay_ms = follower->policy->poll_ms > BACK_OFF_FIRST_MS ? follower->policy->poll_ms
                                                                      : BACK_OFF_FIRST_MS;
    rewind_window(follower);
    forget_head(follower);
    hold_back(follower, now_ms + spread(follower, delay_ms * follower->mismatches));
}

enum mismatch_advice follower_on_mismatch(struct follower *follower, uint64_t now_ms)
{
    follower->mismatches++;
    if (follower->is_quarantined) {
        follower_on_quarantine(follower, now_ms);
        return MISMATCH_QUARANTINED;
    }
    if (follower->mismatches < FOLLOWER_WINDOW_TRIES) {
        retry_window(follower, now_ms);
        return MISMATCH_RETRIED;
    }
    rewind_window(follower);
    follower->need = FOLLOWER_NEEDS_CLASS;
    travel_unless_held_back(follower);
    return MISMATCH_TO_CLASSIFY;
}

void follower_on_quarantine(struct follower *follower, uint64_t now_ms)
{
    rewind_window(follower);
    forget_head(follower);
    uint64_t delay_ms =
        follower->quarantine_ms ? follower->quarantine_ms * 2 : follower->policy->quarantine_ms;
    follower->quarantine_ms = delay_ms < QUARANTINE_MAX_MS ? delay_ms : QUARANTINE_MAX_MS;
    follower->is_quarantined = true;
    follower->state = FOLLOWER_QUARANTINED;
    follower->retry_at_ms = now_ms + spread(follower, follower->quarantine_ms);
}

void follower_recheck(struct follower *follower)
{
    follower->idle_polls = 0;
    if (follower->state != FOLLOWER_BACKING_OFF && follower->state != FOLLOWER_QUARANTINED)
        return;
    follower->failures = 0;
    travel(follower);
}

void follower_on_durable(struct follower *follower, uint64_t next)
{
    assert(next >= follower->durable && next <= follower->released);
    follower->durable = next;
    travel_unless_held_back(follower);
}

uint64_t follower_deadline_ms(const struct follower *follower)
{
    switch (follower->state) {
    case FOLLOWER_LOADING: return follower->in_flight ? UINT64_MAX : follower->retry_at_ms;
    case FOLLOWER_WAITING: {
        bool waits_for_tile = !follower->partial_due && follower->head.size > follower->planned &&
                              follower->partial_at_ms < follower->poll_at_ms;
        return waits_for_tile ? follower->partial_at_ms : follower->poll_at_ms;
    }
    case FOLLOWER_BACKING_OFF:
    case FOLLOWER_QUARANTINED: return follower->retry_at_ms;
    case FOLLOWER_UNOWNED:
    case FOLLOWER_FETCHING_HEAD:
    case FOLLOWER_STARTING:
    case FOLLOWER_FETCHING_RANGES:
    case FOLLOWER_VERIFYING:
    case FOLLOWER_APPENDING:
    case FOLLOWER_FINISHED: return UINT64_MAX;
    }
    return UINT64_MAX;
}

uint64_t follower_lag(const struct follower *follower)
{
    return follower->has_head && follower->head.size > follower->durable
               ? follower->head.size - follower->durable
               : 0;
}

void follower_on_description(struct follower *follower, const struct ct_log *ct_log)
{
    follower->has_final_size = ct_log->has_final_size;
    follower->final_size = ct_log->final_size;
    follower->is_draining = ct_log->is_draining;
    follower->is_drained &= follower->is_draining;
    if (follower->state != FOLLOWER_FINISHED)
        return;
    follower->head_due = !is_finished(follower);
    travel(follower);
}
