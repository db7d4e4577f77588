#include "ingest/follower.h"

#include <assert.h>

#include "shared/tile_path.h"

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
};

const char *follower_state_name(enum follower_state state)
{
    static const char *const names[] = {
        [FOLLOWER_UNOWNED] = "unowned",
        [FOLLOWER_LOADING] = "loading",
        [FOLLOWER_FETCHING_HEAD] = "fetching head",
        [FOLLOWER_STARTING] = "starting",
        [FOLLOWER_FETCHING_RANGES] = "fetching ranges",
        [FOLLOWER_APPENDING] = "appending",
        [FOLLOWER_WAITING] = "waiting",
        [FOLLOWER_BACKING_OFF] = "backing off",
        [FOLLOWER_FINISHED] = "finished",
    };
    return names[state];
}

/* xorshift64*: jitter needs to differ between logs, no more. */
static uint64_t random_below(struct follower *follower, uint64_t limit)
{
    uint64_t x = follower->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    follower->random_state = x;
    return limit ? (x * UINT64_C(2685821657736338717) >> 11) % limit : 0;
}

static struct follower_slot *slot_at(struct follower *follower, unsigned place)
{
    return &follower->slots[(follower->first + place) % FOLLOWER_SLOTS];
}

static void forget(struct follower *follower)
{
    follower->generation++;
    follower->has_position = false;
    follower->has_head = false;
    follower->head_due = true;
    follower->in_flight = false;
    follower->first = follower->count = 0;
}

void follower_init(struct follower *follower, const struct ct_log *ct_log,
                   const struct follower_policy *policy, uint64_t seed)
{
    *follower = (struct follower){
        .policy = policy,
        .random_state = seed ? seed : 1,
        .has_final_size = ct_log->has_final_size,
        .final_size = ct_log->final_size,
        .page = policy->has_tiles ? TILE_WIDTH : 0,
    };
}

void follower_on_moved(struct follower *follower)
{
    follower->failures = 0;
    follower->idle_polls = 0;
    if (follower->state == FOLLOWER_BACKING_OFF)
        follower->retry_at_ms = 0;
}

void follower_own(struct follower *follower)
{
    if (follower->state == FOLLOWER_UNOWNED)
        follower_reload(follower, 0);
}

void follower_disown(struct follower *follower)
{
    forget(follower);
    follower->state = FOLLOWER_UNOWNED;
}

void follower_reload(struct follower *follower, uint64_t at_ms)
{
    forget(follower);
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

/* Where the road goes on from here, when nothing holds the follower back. */
static enum follower_state next_state(const struct follower *follower)
{
    if (!follower->has_head || follower->head_due)
        return FOLLOWER_FETCHING_HEAD;
    if (!follower->has_position)
        return FOLLOWER_STARTING;
    if (follower->count || follower->planned < follower->head.size)
        return FOLLOWER_FETCHING_RANGES;
    if (follower->durable < follower->submitted)
        return FOLLOWER_APPENDING;
    if (follower->has_final_size && follower->durable >= follower->final_size)
        return FOLLOWER_FINISHED;
    return FOLLOWER_WAITING;
}

static uint64_t poll_interval(struct follower *follower)
{
    uint64_t interval = follower->policy->poll_ms;
    for (unsigned idle = follower->idle_polls;
         idle >= IDLE_POLLS && interval < follower->policy->poll_max_ms; idle -= IDLE_POLLS)
        interval *= 2;
    if (interval > follower->policy->poll_max_ms)
        interval = follower->policy->poll_max_ms;
    return interval - interval / 20 + random_below(follower, interval / 10);
}

static void travel(struct follower *follower)
{
    follower->state = next_state(follower);
}

/* After good news: a back-off that another fetch of the same log asked for still holds. */
static void travel_unless_held_back(struct follower *follower)
{
    if (follower->state != FOLLOWER_BACKING_OFF)
        travel(follower);
}

static void enter_after_load(struct follower *follower, uint64_t now_ms)
{
    follower->in_flight = false;
    follower->poll_at_ms = now_ms;
    travel(follower);
}

void follower_on_checkpoint(struct follower *follower, uint64_t next, uint64_t page,
                            uint64_t now_ms)
{
    assert(follower->state == FOLLOWER_LOADING);
    follower->has_position = true;
    follower->durable = follower->submitted = follower->planned = next;
    if (!follower->policy->has_tiles && page && page <= follower->policy->page_max)
        follower->page = page;
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
    follower->has_position = true;
    follower->durable = follower->submitted = follower->planned = index;
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
    return end < follower->head.size ? end : follower->head.size;
}

/* Fills the free slots. While the page size is being learnt, one range at a time. */
static void plan_ranges(struct follower *follower)
{
    unsigned limit = follower->page ? FOLLOWER_SLOTS : 1;
    while (follower->count < limit && follower->planned < follower->head.size) {
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

static bool next_range(struct follower *follower, bool may_run_ahead, struct fetch *fetch)
{
    plan_ranges(follower);
    unsigned count = may_run_ahead || !follower->count ? follower->count : 1;
    for (unsigned place = 0; place < count; place++) {
        struct follower_slot *slot = slot_at(follower, place);
        if (slot->state != SLOT_WANTED)
            continue;
        slot->state = SLOT_IN_FLIGHT;
        *fetch = (struct fetch){
            .kind = FETCH_RANGE,
            .generation = follower->generation,
            .slot = (follower->first + place) % FOLLOWER_SLOTS,
            .start = slot->start,
            .count = slot->count,
        };
        if (follower->policy->has_tiles)
            fetch->width = tile_width(follower, slot);
        return true;
    }
    return false;
}

static bool next_single(struct follower *follower, enum fetch_kind kind, struct fetch *fetch)
{
    if (follower->in_flight)
        return false;
    follower->in_flight = true;
    *fetch = (struct fetch){ .kind = kind, .generation = follower->generation };
    return true;
}

bool follower_next_fetch(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                         struct fetch *fetch)
{
    if (follower->state == FOLLOWER_BACKING_OFF && now_ms >= follower->retry_at_ms)
        travel(follower);
    if (follower->state == FOLLOWER_WAITING && now_ms >= follower->poll_at_ms) {
        follower->head_due = true;
        travel(follower);
    }
    switch (follower->state) {
    case FOLLOWER_FETCHING_HEAD: return next_single(follower, FETCH_HEAD, fetch);
    case FOLLOWER_STARTING: return next_single(follower, FETCH_START, fetch);
    case FOLLOWER_FETCHING_RANGES: return next_range(follower, may_run_ahead, fetch);
    case FOLLOWER_UNOWNED:
    case FOLLOWER_LOADING:
    case FOLLOWER_APPENDING:
    case FOLLOWER_WAITING:
    case FOLLOWER_BACKING_OFF:
    case FOLLOWER_FINISHED: return false;
    }
    return false;
}

bool follower_expects(const struct follower *follower, const struct fetch *fetch)
{
    return fetch->generation == follower->generation;
}

void follower_on_head(struct follower *follower, const struct signed_head *head, uint64_t now_ms)
{
    follower->in_flight = false;
    follower->failures = 0;
    follower->head_due = false;
    bool grew = !follower->has_head || head->size > follower->head.size;
    /* Front ends of a log disagree for a while: an older head is no news. */
    if (grew)
        follower->head = *head;
    follower->has_head = true;
    follower->idle_polls = grew ? 0 : follower->idle_polls + 1;
    follower->poll_at_ms = now_ms + poll_interval(follower);
    travel_unless_held_back(follower);
}

void follower_on_start_step(struct follower *follower)
{
    assert(follower->state == FOLLOWER_STARTING);
    follower->in_flight = false;
    follower->failures = 0;
}

void follower_on_range(struct follower *follower, const struct fetch *fetch)
{
    struct follower_slot *slot = &follower->slots[fetch->slot];
    assert(slot->state == SLOT_IN_FLIGHT && slot->start == fetch->start);
    slot->state = SLOT_HELD;
    follower->failures = 0;
}

static void back_off(struct follower *follower, uint64_t retry_after_ms, uint64_t now_ms)
{
    uint64_t delay = BACK_OFF_FIRST_MS;
    for (unsigned i = 0; i < follower->failures && delay < BACK_OFF_MAX_MS; i++)
        delay *= 2;
    if (delay > BACK_OFF_MAX_MS)
        delay = BACK_OFF_MAX_MS;
    follower->failures++;
    /* Between half and the whole of it, so that many logs of one operator do not come back at once. */
    delay = delay / 2 + random_below(follower, delay / 2);
    if (retry_after_ms) {
        uint64_t asked = retry_after_ms < RETRY_AFTER_MIN_MS   ? RETRY_AFTER_MIN_MS
                         : retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS
                                                               : retry_after_ms;
        delay = asked + random_below(follower, asked / 10);
    }
    uint64_t retry_at_ms = now_ms + delay;
    bool extends = follower->state != FOLLOWER_BACKING_OFF || retry_at_ms > follower->retry_at_ms;
    follower->retry_at_ms = extends ? retry_at_ms : follower->retry_at_ms;
    follower->state = FOLLOWER_BACKING_OFF;
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

bool follower_on_failure(struct follower *follower, const struct fetch *fetch,
                         enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms)
{
    if (fetch->kind == FETCH_RANGE) {
        struct follower_slot *slot = &follower->slots[fetch->slot];
        assert(slot->state == SLOT_IN_FLIGHT);
        slot->state = SLOT_WANTED;
        if (take_whole_tile_instead(follower, slot, failure, fetch->width))
            return false;
        slot->whole_tile = false;
        /* A front end behind the one that gave the head answers 400 or 404: ask again what there is. */
        follower->head_due |= failure == FETCH_REFUSED || failure == FETCH_MISSING;
    } else {
        follower->in_flight = false;
    }
    bool gives_up =
        fetch->kind == FETCH_START && ++follower->start_failures >= FOLLOWER_START_TRIES;
    back_off(follower, retry_after_ms, now_ms);
    return gives_up;
}

int follower_next_held(const struct follower *follower)
{
    if (!follower->count || follower->slots[follower->first].state != SLOT_HELD)
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

void follower_on_submitted(struct follower *follower, uint64_t count)
{
    struct follower_slot *slot = slot_at(follower, 0);
    assert(follower->count && slot->state == SLOT_HELD && slot->start == follower->submitted);
    assert(count >= 1 && count <= slot->count);
    learn_page(follower, slot, count);
    follower->submitted += count;
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

void follower_on_durable(struct follower *follower, uint64_t next)
{
    assert(next >= follower->durable && next <= follower->submitted);
    follower->durable = next;
    travel_unless_held_back(follower);
}

uint64_t follower_deadline_ms(const struct follower *follower)
{
    switch (follower->state) {
    case FOLLOWER_LOADING: return follower->in_flight ? UINT64_MAX : follower->retry_at_ms;
    case FOLLOWER_WAITING: return follower->poll_at_ms;
    case FOLLOWER_BACKING_OFF: return follower->retry_at_ms;
    case FOLLOWER_UNOWNED:
    case FOLLOWER_FETCHING_HEAD:
    case FOLLOWER_STARTING:
    case FOLLOWER_FETCHING_RANGES:
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

void follower_set_final_size(struct follower *follower, const struct ct_log *ct_log)
{
    follower->has_final_size = ct_log->has_final_size;
    follower->final_size = ct_log->final_size;
    if (follower->state != FOLLOWER_FINISHED)
        return;
    follower->head_due = !follower->has_final_size || follower->durable < follower->final_size;
    travel(follower);
}
