#include "ingest/follow/follower.h"

#include <assert.h>

#include "ingest/follow/log_trial.h"
#include "shared/base/decimal.h"
#include "shared/message/tile_path.h"

enum {
    BACK_OFF_FIRST_MS = 1000,
    BACK_OFF_MAX_MS = 300 * 1000,
    RETRY_AFTER_MIN_MS = 1000,
    RETRY_AFTER_MAX_MS = 15 * 60 * 1000,
    /* After this many polls without growth the interval doubles. */
    IDLE_POLLS = 10,
    /* A range that failed so often in a row is no longer waited for: what lies before it is proven
     * without it. */
    HELD_UP_FAILURES = 2,
    /* Classifications that fail in a row, after which the log is quarantined without a class. */
    CLASSIFY_TRIES = 4,
    QUARANTINE_MAX_MS = 6 * 3600 * 1000,
    /* A log that the lists dropped may still take entries for weeks: it is done when it has not
     * grown for so long, */
    DRAIN_MS = 7 * 86400 * 1000,
    /* or when so many requests for its head in a row find nothing there, or none is answered for so
     * long. */
    DRAIN_MISSING = 10,
    DRAIN_GONE_MS = 86400 * 1000,
};

bool follower_policy_set_start(struct follower_policy *policy, const char *text)
{
    policy->start = *text == 'h'   ? FOLLOWER_START_HEAD
                    : *text == '-' ? FOLLOWER_START_BEFORE_HEAD
                                   : FOLLOWER_START_INDEX;
    if (policy->start == FOLLOWER_START_HEAD)
        return strcmp(text, "head") == 0;
    return decimal_parse(&policy->start_value, bytes_of_string(text + (*text == '-')));
}

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

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is on its way is no longer of interest. */
static void forget_fetches(struct follower *follower)
{
    follower->generation++;
    follower->head_in_flight = follower->start_in_flight = follower->proof_in_flight = false;
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

static void forget_progress(struct follower *follower)
{
    forget_fetches(follower);
    forget_head(follower);
    follower->life++;
    follower->load_in_flight = false;
    follower->has_position = follower->has_start = false;
}

static void rewind_window(struct follower *follower)
{
    forget_fetches(follower);
    log_book_rewind(&follower->book);
}

void follower_init(struct follower *follower, const struct ct_log *ct_log,
                   const struct follower_policy *policy, uint64_t seed)
{
    *follower = (struct follower){
        .policy = policy,
        .jitter = jitter_of(seed),
        .page = page_size_of(policy->page_max, policy->has_tiles),
    };
    forget_progress(follower);
    follower_on_description(follower, ct_log);
}

void follower_own(struct follower *follower)
{
    if (follower->state == FOLLOWER_UNOWNED)
        follower_reload(follower, 0);
}

static void forget_trouble(struct follower *follower)
{
    for (unsigned lane = 0; lane < FOLLOWER_LANES; lane++)
        follower->trouble[lane] = (struct follower_trouble){ 0 };
}

void follower_disown(struct follower *follower)
{
    forget_progress(follower);
    forget_trouble(follower);
    follower->state = FOLLOWER_UNOWNED;
}

void follower_reload(struct follower *follower, uint64_t at_ms)
{
    forget_progress(follower);
    follower->state = FOLLOWER_LOADING;
    follower->retry_at_ms = at_ms;
}

/* Up to where entries are wanted now: to the head, but for a partial tile that may soon be full. */
static uint64_t wanted_end(const struct follower *follower)
{
    uint64_t end = follower->head.size;
    if (follower->policy->has_tiles && !follower->partial_due)
        end -= end % TILE_WIDTH;
    uint64_t last = follower->policy->end;
    if (last && end > last)
        end = last;
    return end > follower->book.planned ? end : follower->book.planned;
}

/* Nothing is left to fetch for the window, and it does not end at the head. */
static bool ends_early(const struct follower *follower)
{
    return !follower->count && follower->book.planned == wanted_end(follower);
}

/* The range behind the window cannot be had. */
static bool is_held_up(const struct follower *follower)
{
    bool is_there = follower->count && follower->slots[follower->first].state == SLOT_HELD;
    return !is_there && follower->trouble[FOLLOWER_LANE_RANGE].failures >= HELD_UP_FAILURES;
}

static bool is_finished(const struct follower *follower)
{
    uint64_t end = follower->policy->end;
    return follower->is_drained || (end && follower->book.durable >= end) ||
           (follower->has_final_size && follower->book.durable >= follower->final_size);
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

/* The state that follows when a look at the head, a back-off or a quarantine is over. */
static void go_on(struct follower *follower)
{
    if (!follower->has_head || follower->head_due)
        follower->state = FOLLOWER_FETCHING_HEAD;
    else
        follower->state = follower->has_position ? FOLLOWER_FETCHING_RANGES : FOLLOWER_STARTING;
}

static void on_loaded(struct follower *follower, uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_LOADING);
    follower->load_in_flight = false;
    follower->start_failures = 0;
    follower->poll_at_ms = now_ms;
    go_on(follower);
}

static void stand_at(struct follower *follower, const struct log_position *position)
{
    log_book_stand_at(&follower->book, position);
    follower->has_position = true;
    follower->has_start = false;
}

void follower_on_position(struct follower *follower, const struct log_position *position,
                          uint64_t now_ms)
{
    stand_at(follower, position);
    page_size_remember(&follower->page, position->page);
    on_loaded(follower, now_ms);
}

void follower_on_bare_position(struct follower *follower, const struct log_position *position,
                               uint64_t now_ms)
{
    log_book_stand_at(&follower->book, position);
    follower->has_start = true;
    follower->start = position->next;
    on_loaded(follower, now_ms);
}

void follower_on_new_log(struct follower *follower, uint64_t now_ms)
{
    log_book_stand_at(&follower->book, &(struct log_position){ 0 });
    on_loaded(follower, now_ms);
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

void follower_on_started(struct follower *follower, const struct log_position *position,
                         uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_STARTING || follower->state == FOLLOWER_BACKING_OFF);
    assert(position->next <= follower->head.size);
    stand_at(follower, position);
    follower->start_in_flight = false;
    follower->trouble[FOLLOWER_LANE_START] = (struct follower_trouble){ 0 };
    follower->poll_at_ms = follower->poll_at_ms > now_ms ? follower->poll_at_ms : now_ms;
    go_on(follower);
}

static enum follower_lane lane_of(enum fetch_kind kind)
{
    static const enum follower_lane lanes[FETCH_KINDS] = {
        [FETCH_HEAD] = FOLLOWER_LANE_HEAD,      [FETCH_START] = FOLLOWER_LANE_START,
        [FETCH_RANGE] = FOLLOWER_LANE_RANGE,    [FETCH_PROOF] = FOLLOWER_LANE_PROOF,
        [FETCH_CLASSIFY] = FOLLOWER_LANE_PROOF,
    };
    assert(kind < FETCH_KINDS && kind != FETCH_POSITION);
    return lanes[kind];
}

/* What there is one of at a time. */
static bool *single_in_flight(struct follower *follower, enum fetch_kind kind)
{
    switch (kind) {
    case FETCH_POSITION: return &follower->load_in_flight;
    case FETCH_HEAD: return &follower->head_in_flight;
    case FETCH_START: return &follower->start_in_flight;
    case FETCH_PROOF:
    case FETCH_CLASSIFY:
    case FETCH_RANGE:
    case FETCH_KINDS: break;
    }
    return &follower->proof_in_flight;
}

/* What the functions of the states answer besides a time. */
static const uint64_t at_once = 0;
static const uint64_t after_an_event = UINT64_MAX;

static struct fetch make_fetch(const struct follower *follower, enum fetch_kind kind)
{
    bool was_broken = kind != FETCH_POSITION && follower->trouble[lane_of(kind)].was_broken;
    return (struct fetch){
        .kind = kind,
        .generation = follower->generation,
        .is_large = kind == FETCH_RANGE && follower->trouble[FOLLOWER_LANE_RANGE].was_large,
        .is_fresh = was_broken || follower->mismatches > 0 || follower->is_quarantined,
    };
}

static uint64_t want_single(struct follower *follower, enum fetch_kind kind, struct fetch *fetch)
{
    if (*single_in_flight(follower, kind))
        return after_an_event;
    *fetch = make_fetch(follower, kind);
    return at_once;
}

static uint64_t range_end(const struct follower *follower, uint64_t start)
{
    uint64_t end = page_size_end(&follower->page, start), wanted = wanted_end(follower);
    return end < wanted ? end : wanted;
}

/* While the page is being found out, or something fails, one range at a time. */
static unsigned ranges_at_once(const struct follower *follower)
{
    bool is_well =
        page_size_is_settled(&follower->page) && !follower->trouble[FOLLOWER_LANE_RANGE].failures;
    return is_well ? FOLLOWER_SLOTS : 1;
}

/* Fills the free slots. */
static void plan_ranges(struct follower *follower)
{
    unsigned limit = ranges_at_once(follower);
    while (follower->count < limit && follower->book.planned < wanted_end(follower)) {
        uint64_t start = follower->book.planned, end = range_end(follower, start);
        struct follower_slot *slot = slot_at(follower, follower->count++);
        *slot = (struct follower_slot){ .start = start, .count = end - start };
        log_book_plan(&follower->book, end);
    }
}

static unsigned tile_width(const struct follower *follower, const struct follower_slot *slot)
{
    uint64_t base = slot->start / TILE_WIDTH * TILE_WIDTH;
    uint64_t width = follower->head.size - base;
    return slot->whole_tile || width > TILE_WIDTH ? TILE_WIDTH : (unsigned)width;
}

static uint64_t want_range(struct follower *follower, bool may_run_ahead, struct fetch *fetch)
{
    plan_ranges(follower);
    unsigned limit = may_run_ahead ? ranges_at_once(follower) : 1;
    for (unsigned place = 0; place < follower->count && place < limit; place++) {
        struct follower_slot *slot = slot_at(follower, place);
        if (slot->state != SLOT_WANTED)
            continue;
        *fetch = make_fetch(follower, FETCH_RANGE);
        fetch->slot = (follower->first + place) % FOLLOWER_SLOTS;
        fetch->start = slot->start;
        fetch->count = slot->count;
        if (follower->policy->has_tiles)
            fetch->width = tile_width(follower, slot);
        return at_once;
    }
    return after_an_event;
}

/* The functions of the states. One that goes on to another state has its answer thrown away. */

static uint64_t in_rest(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                        struct fetch *fetch)
{
    (void)follower;
    (void)now_ms;
    (void)may_run_ahead;
    (void)fetch;
    return after_an_event;
}

static uint64_t in_loading(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                           struct fetch *fetch)
{
    (void)may_run_ahead;
    if (now_ms < follower->retry_at_ms)
        return follower->retry_at_ms;
    return want_single(follower, FETCH_POSITION, fetch);
}

static uint64_t in_fetching_head(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                                 struct fetch *fetch)
{
    (void)now_ms;
    (void)may_run_ahead;
    return want_single(follower, FETCH_HEAD, fetch);
}

static uint64_t in_starting(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                            struct fetch *fetch)
{
    (void)now_ms;
    (void)may_run_ahead;
    /* The head is older than where the log stands. */
    if (follower->has_start && follower->head.size < follower->start) {
        follower->state = FOLLOWER_WAITING;
        return at_once;
    }
    return want_single(follower, FETCH_START, fetch);
}

static uint64_t in_fetching_ranges(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                                   struct fetch *fetch)
{
    (void)now_ms;
    if (follower->head_due)
        follower->state = FOLLOWER_FETCHING_HEAD;
    else if (follower->need != FOLLOWER_NEEDS_NOTHING)
        follower->state = FOLLOWER_VERIFYING;
    else if (ends_early(follower))
        follower->state = FOLLOWER_APPENDING;
    else
        return want_range(follower, may_run_ahead, fetch);
    return at_once;
}

/* The proof first; while it is under way the ranges behind the window may come already. */
static uint64_t in_verifying(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                             struct fetch *fetch)
{
    (void)now_ms;
    switch (follower->need) {
    case FOLLOWER_NEEDS_CLASS: return want_single(follower, FETCH_CLASSIFY, fetch);
    case FOLLOWER_NEEDS_PROOF: {
        uint64_t at_ms = want_single(follower, FETCH_PROOF, fetch);
        bool is_held = follower->head_due || !may_run_ahead || is_held_up(follower);
        return at_ms == at_once || is_held ? at_ms : want_range(follower, may_run_ahead, fetch);
    }
    case FOLLOWER_NEEDS_NOTHING: break;
    }
    follower->state = FOLLOWER_FETCHING_RANGES;
    return at_once;
}

static uint64_t in_appending(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                             struct fetch *fetch)
{
    (void)now_ms;
    (void)may_run_ahead;
    (void)fetch;
    if (follower->head_due || follower->need != FOLLOWER_NEEDS_NOTHING || !ends_early(follower))
        follower->state = FOLLOWER_FETCHING_RANGES;
    else if (follower->book.durable == follower->book.taken.next)
        follower->state = is_finished(follower) ? FOLLOWER_FINISHED : FOLLOWER_WAITING;
    return after_an_event;
}

static uint64_t in_waiting(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                           struct fetch *fetch)
{
    (void)may_run_ahead;
    (void)fetch;
    if (follower->has_position && !ends_early(follower))
        follower->state = FOLLOWER_FETCHING_RANGES;
    else if (is_finished(follower))
        follower->state = FOLLOWER_FINISHED;
    else if (follower->head_due || now_ms >= follower->poll_at_ms)
        follower->state = FOLLOWER_FETCHING_HEAD;
    bool waits_for_tile = !follower->partial_due && follower->head.size > follower->book.planned;
    return waits_for_tile ? earlier(follower->partial_at_ms, follower->poll_at_ms)
                          : follower->poll_at_ms;
}

static uint64_t in_pause(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                         struct fetch *fetch)
{
    (void)may_run_ahead;
    (void)fetch;
    if (now_ms >= follower->retry_at_ms)
        go_on(follower);
    return follower->retry_at_ms;
}

uint64_t follower_want(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                       struct fetch *fetch)
{
    static uint64_t (*const functions[])(struct follower *, uint64_t, bool, struct fetch *) = {
        [FOLLOWER_UNOWNED] = in_rest,
        [FOLLOWER_LOADING] = in_loading,
        [FOLLOWER_FETCHING_HEAD] = in_fetching_head,
        [FOLLOWER_STARTING] = in_starting,
        [FOLLOWER_FETCHING_RANGES] = in_fetching_ranges,
        [FOLLOWER_VERIFYING] = in_verifying,
        [FOLLOWER_APPENDING] = in_appending,
        [FOLLOWER_WAITING] = in_waiting,
        [FOLLOWER_BACKING_OFF] = in_pause,
        [FOLLOWER_QUARANTINED] = in_pause,
        [FOLLOWER_FINISHED] = in_rest,
    };
    follower->partial_due = follower->has_head && now_ms >= follower->partial_at_ms;
    for (;;) {
        enum follower_state state = follower->state;
        uint64_t at_ms = functions[state](follower, now_ms, may_run_ahead, fetch);
        if (follower->state == state)
            return at_ms;
    }
}

uint64_t follower_want_head(struct follower *follower, uint64_t now_ms, struct fetch *fetch)
{
    bool is_busy =
        follower->state == FOLLOWER_FETCHING_RANGES || follower->state == FOLLOWER_VERIFYING;
    if ((!is_busy && follower->state != FOLLOWER_APPENDING) || follower->head_in_flight)
        return after_an_event;
    /* With entries to fetch, only now and then: for the report, and so that their end is no
     * surprise. */
    uint64_t at_ms = follower->poll_at_ms + (is_busy ? follower->policy->poll_max_ms : 0);
    return now_ms < at_ms ? at_ms : want_single(follower, FETCH_HEAD, fetch);
}

void follower_on_sent(struct follower *follower, struct fetch *fetch, uint64_t now_ms)
{
    fetch->sent_at_ms = now_ms;
    if (fetch->kind == FETCH_RANGE)
        follower->slots[fetch->slot].state = SLOT_IN_FLIGHT;
    else
        *single_in_flight(follower, fetch->kind) = true;
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

static void on_success(struct follower *follower, enum fetch_kind kind)
{
    follower->trouble[lane_of(kind)] = (struct follower_trouble){ 0 };
}

void follower_on_head(struct follower *follower, const struct signed_head *head, uint64_t now_ms)
{
    follower->head_in_flight = false;
    follower->head_due = false;
    on_success(follower, FETCH_HEAD);
    note_growth(follower, head, now_ms);
    if (follower->head.size / TILE_WIDTH != follower->partial_tile) {
        follower->partial_tile = follower->head.size / TILE_WIDTH;
        follower->partial_at_ms = now_ms + follower->policy->partial_ms;
    }
    follower->partial_due = now_ms >= follower->partial_at_ms;
    follower->poll_at_ms = now_ms + poll_interval(follower);
    if (follower->state == FOLLOWER_FETCHING_HEAD)
        go_on(follower);
}

void follower_on_step(struct follower *follower, const struct fetch *fetch)
{
    *single_in_flight(follower, fetch->kind) = false;
}

void follower_on_range(struct follower *follower, const struct fetch *fetch)
{
    struct follower_slot *slot = &follower->slots[fetch->slot];
    assert(slot->state == SLOT_IN_FLIGHT && slot->start == fetch->start);
    slot->state = SLOT_HELD;
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

/* A quarter of the time for which it has failed. Between half and the whole of that, so that many
 * logs of one operator do not come back at once. */
static uint64_t pause_ms(struct follower *follower, struct follower_trouble *trouble,
                         uint64_t now_ms)
{
    uint64_t delay_ms = trouble->is_other_question ? 0 : (now_ms - trouble->since_ms) / 4;
    trouble->is_other_question = false;
    if (delay_ms < BACK_OFF_FIRST_MS)
        delay_ms = BACK_OFF_FIRST_MS;
    delay_ms = earlier(delay_ms, BACK_OFF_MAX_MS);
    return delay_ms / 2 + jitter_below(&follower->jitter, delay_ms / 2);
}

/* Counts a failure; false if it is the same as one that is counted, because both were under way at
 * the same time. */
static bool count_failure(struct follower_trouble *trouble, uint64_t sent_at_ms, bool was_broken,
                          uint64_t now_ms)
{
    trouble->was_broken |= was_broken;
    if (trouble->failures && sent_at_ms <= trouble->failed_at_ms)
        return false;
    if (trouble->failures++ == 0)
        trouble->since_ms = now_ms;
    trouble->failed_at_ms = now_ms;
    return true;
}

/* A look at the head while entries are fetched: only the next one has to wait. */
static bool is_beside_ranges(const struct follower *follower, enum fetch_kind kind)
{
    return kind == FETCH_HEAD &&
           (follower->state == FOLLOWER_FETCHING_RANGES || follower->state == FOLLOWER_VERIFYING ||
            follower->state == FOLLOWER_APPENDING);
}

static void back_off(struct follower *follower, enum fetch_kind kind, bool is_new,
                     uint64_t retry_after_ms, uint64_t now_ms)
{
    struct follower_trouble *trouble = &follower->trouble[lane_of(kind)];
    uint64_t delay_ms = is_new ? pause_ms(follower, trouble, now_ms) : 0;
    if (retry_after_ms)
        delay_ms = spread(follower, retry_after_ms < RETRY_AFTER_MIN_MS
                                        ? RETRY_AFTER_MIN_MS
                                        : earlier(retry_after_ms, RETRY_AFTER_MAX_MS));
    if (is_beside_ranges(follower, kind))
        follower->poll_at_ms = now_ms + delay_ms;
    else
        hold_back(follower, now_ms + delay_ms);
}

/* A partial tile may be gone once the full one exists: that is asked for before anything counts as
 * a failure. */
static bool take_whole_tile_instead(const struct follower *follower, struct follower_slot *slot,
                                    enum fetch_failure failure, unsigned width)
{
    if (!follower->policy->has_tiles || failure != FETCH_MISSING || width == TILE_WIDTH)
        return false;
    slot->whole_tile = true;
    return true;
}

/* Plans what is not taken yet again. A proof that is out is asked for again. */
static void plan_anew(struct follower *follower)
{
    enum follower_need need = follower->need;
    forget_fetches(follower);
    follower->need = need;
    log_book_plan_anew(&follower->book);
}

void follower_change_policy(struct follower *follower, const struct follower_policy *policy)
{
    follower->policy = policy;
    follower->page = page_size_of(policy->page_max, policy->has_tiles);
    /* A tile is a whole page: nothing is to be learnt. */
    if (policy->page_max == TILE_WIDTH)
        follower->page.learnt = TILE_WIDTH;
    if (follower->has_position)
        plan_anew(follower);
}

static void on_range_failure(struct follower *follower, uint64_t asked, enum fetch_failure failure)
{
    /* A front end behind the one that gave the head answers 400 or 404: ask again what there is. */
    follower->head_due |= failure == FETCH_REFUSED || failure == FETCH_MISSING;
    if (!page_size_on_failure(&follower->page, asked, failure == FETCH_TOO_LARGE))
        return;
    /* Less is another question, and not to be waited with. */
    follower->trouble[FOLLOWER_LANE_RANGE].is_other_question = true;
    plan_anew(follower);
}

static bool is_broken(enum fetch_failure failure)
{
    return failure == FETCH_UNREACHABLE || failure == FETCH_MALFORMED;
}

static void on_head_failure(struct follower *follower, enum fetch_failure failure, uint64_t now_ms)
{
    const struct follower_trouble *trouble = &follower->trouble[FOLLOWER_LANE_HEAD];
    if (!follower->is_draining || trouble->failures < DRAIN_MISSING)
        return;
    if (failure != FETCH_MISSING && now_ms - trouble->since_ms < (uint64_t)DRAIN_GONE_MS)
        return;
    follower->is_drained = true;
    follower->state = FOLLOWER_FINISHED;
}

/* What follows from it, the pause aside. */
static enum failure_advice judge_failure(struct follower *follower, enum fetch_kind kind,
                                         enum fetch_failure failure, uint64_t now_ms)
{
    switch (kind) {
    case FETCH_START:
        if (++follower->start_failures >= FOLLOWER_START_TRIES && !follower->policy->verifies)
            return FAILURE_ENDS_START;
        /* Perhaps it is the head that was wrong. */
        forget_head(follower);
        return FAILURE_RETRIED;
    case FETCH_CLASSIFY:
        return follower->trouble[FOLLOWER_LANE_PROOF].failures >= CLASSIFY_TRIES
                   ? FAILURE_ENDS_CLASSIFY
                   : FAILURE_RETRIED;
    case FETCH_HEAD: on_head_failure(follower, failure, now_ms); return FAILURE_RETRIED;
    case FETCH_PROOF:
        /* With a newer head it may go better. */
        follower->need = FOLLOWER_NEEDS_NOTHING;
        follower->head_due = true;
        return FAILURE_RETRIED;
    case FETCH_RANGE:
    case FETCH_POSITION:
    case FETCH_KINDS: break;
    }
    return FAILURE_RETRIED;
}

enum failure_advice follower_on_failure(struct follower *follower, const struct fetch *fetch,
                                        enum fetch_failure failure, uint64_t retry_after_ms,
                                        uint64_t now_ms)
{
    struct follower_trouble *trouble = &follower->trouble[lane_of(fetch->kind)];
    if (fetch->kind == FETCH_RANGE) {
        struct follower_slot *slot = &follower->slots[fetch->slot];
        assert(slot->state == SLOT_IN_FLIGHT);
        slot->state = SLOT_WANTED;
        if (take_whole_tile_instead(follower, slot, failure, fetch->width))
            return FAILURE_RETRIED;
        slot->whole_tile = false;
    } else {
        *single_in_flight(follower, fetch->kind) = false;
    }
    bool is_new = count_failure(trouble, fetch->sent_at_ms, is_broken(failure), now_ms);
    trouble->was_large = failure == FETCH_TOO_LARGE;
    if (is_new && fetch->kind == FETCH_RANGE)
        on_range_failure(follower, fetch->count, failure);
    back_off(follower, fetch->kind, is_new, retry_after_ms, now_ms);
    return judge_failure(follower, fetch->kind, failure, now_ms);
}

void follower_on_other_way(struct follower *follower, const struct fetch *fetch,
                           enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms)
{
    struct follower_trouble *trouble = &follower->trouble[lane_of(fetch->kind)];
    *single_in_flight(follower, fetch->kind) = false;
    bool is_new = count_failure(trouble, fetch->sent_at_ms, is_broken(failure), now_ms);
    back_off(follower, fetch->kind, is_new, retry_after_ms, now_ms);
}

int follower_next_held(const struct follower *follower)
{
    if (!follower->count || follower->slots[follower->first].state != SLOT_HELD ||
        follower->need != FOLLOWER_NEEDS_NOTHING)
        return -1;
    return (int)follower->first;
}

void follower_on_taken(struct follower *follower, uint64_t count)
{
    struct follower_slot *slot = slot_at(follower, 0);
    assert(follower->count && slot->state == SLOT_HELD);
    assert(count >= 1 && count <= slot->count);
    assert(follower->book.taken.next == slot->start + count);
    on_success(follower, FETCH_RANGE);
    page_size_on_answer(&follower->page, slot->count, count);
    if (count < slot->count && follower->count > 1) {
        *slot =
            (struct follower_slot){ .start = slot->start + count, .count = slot->count - count };
        return;
    }
    if (count < slot->count) {
        /* Nothing is planned behind it: the rest is asked for in what is known of the page now. */
        follower->count = 0;
        log_book_plan_anew(&follower->book);
        return;
    }
    follower->first = (follower->first + 1) % FOLLOWER_SLOTS;
    follower->count--;
}

void follower_on_bad_range(struct follower *follower, uint64_t now_ms)
{
    struct follower_trouble *trouble = &follower->trouble[FOLLOWER_LANE_RANGE];
    struct follower_slot *slot = slot_at(follower, 0);
    assert(follower->count && slot->state == SLOT_HELD);
    slot->state = SLOT_WANTED;
    bool is_new = count_failure(trouble, now_ms, true, now_ms);
    if (is_new)
        on_range_failure(follower, slot->count, FETCH_MALFORMED);
    back_off(follower, FETCH_RANGE, is_new, 0, now_ms);
}

enum follower_verdict follower_next_verdict(struct follower *follower, bool must_close)
{
    const struct log_book *book = &follower->book;
    if (!follower->has_position || book->taken.next == book->released.next ||
        follower->need != FOLLOWER_NEEDS_NOTHING || !follower->has_head)
        return FOLLOWER_VERDICT_NONE;
    if (!follower->policy->verifies)
        return FOLLOWER_VERDICT_RELEASE;
    if (book->taken.next == follower->head.size && !follower->head_due)
        return FOLLOWER_VERDICT_BY_ROOT;
    if (follower->head_due && !is_held_up(follower))
        return FOLLOWER_VERDICT_NONE;
    if (!must_close && !ends_early(follower) && !is_held_up(follower))
        return FOLLOWER_VERDICT_NONE;
    follower->need = FOLLOWER_NEEDS_PROOF;
    return FOLLOWER_VERDICT_BY_PROOF;
}

void follower_on_proven(struct follower *follower, const struct signed_head *head,
                        uint64_t proven_size)
{
    follower->proof_in_flight = false;
    follower->need = FOLLOWER_NEEDS_NOTHING;
    log_book_release(&follower->book, head, proven_size);
    on_success(follower, FETCH_PROOF);
    follower_on_right_head(follower);
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
    on_success(follower, FETCH_PROOF);
    if (follower->is_quarantined) {
        follower_on_quarantine(follower, now_ms);
        return MISMATCH_QUARANTINED;
    }
    if (follower->mismatches < LOG_TRIAL_WINDOWS) {
        retry_window(follower, now_ms);
        return MISMATCH_RETRIED;
    }
    rewind_window(follower);
    follower->need = FOLLOWER_NEEDS_CLASS;
    return MISMATCH_TO_CLASSIFY;
}

void follower_on_quarantine(struct follower *follower, uint64_t now_ms)
{
    rewind_window(follower);
    forget_head(follower);
    on_success(follower, FETCH_PROOF);
    uint64_t delay_ms =
        follower->quarantine_ms ? follower->quarantine_ms * 2 : follower->policy->quarantine_ms;
    follower->quarantine_ms = earlier(delay_ms, QUARANTINE_MAX_MS);
    follower->is_quarantined = true;
    follower->state = FOLLOWER_QUARANTINED;
    follower->retry_at_ms = now_ms + spread(follower, follower->quarantine_ms);
}

void follower_recheck(struct follower *follower)
{
    follower->idle_polls = 0;
    if (follower->state != FOLLOWER_BACKING_OFF && follower->state != FOLLOWER_QUARANTINED)
        return;
    for (unsigned lane = 0; lane < FOLLOWER_LANES; lane++)
        follower->trouble[lane].is_other_question = true;
    go_on(follower);
}

void follower_on_durable(struct follower *follower, uint64_t next)
{
    log_book_on_durable(&follower->book, next);
}

bool follower_is_failing(const struct follower *follower)
{
    enum follower_lane lane;
    uint64_t since_ms;
    return follower_waits_for(follower, &lane, &since_ms);
}

bool follower_waits_for(const struct follower *follower, enum follower_lane *lane,
                        uint64_t *since_ms)
{
    *since_ms = UINT64_MAX;
    for (unsigned i = 0; i < FOLLOWER_LANES; i++) {
        const struct follower_trouble *trouble = &follower->trouble[i];
        if (!trouble->failures || trouble->since_ms >= *since_ms)
            continue;
        *lane = (enum follower_lane)i;
        *since_ms = trouble->since_ms;
    }
    return *since_ms != UINT64_MAX;
}

uint64_t follower_lag(const struct follower *follower)
{
    return follower->has_head && follower->head.size > follower->book.durable
               ? follower->head.size - follower->book.durable
               : 0;
}

void follower_on_description(struct follower *follower, const struct ct_log *ct_log)
{
    follower->has_final_size = ct_log->has_final_size;
    follower->final_size = ct_log->final_size;
    follower->is_draining = ct_log->is_draining;
    follower->is_drained &= follower->is_draining;
    if (follower->state != FOLLOWER_FINISHED || is_finished(follower))
        return;
    follower->head_due = true;
    go_on(follower);
}
