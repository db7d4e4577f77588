#include "streamer/ws/subscriber.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/edge/customers.h"
#include "streamer/lanes/control_frame.h"
#include "streamer/lanes/websocket_frame.h"
#include "streamer/loop/transport.h"
#include "streamer/past/certificate_index.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_reader.h"

enum {
    /* One call's worth: with more, the kernel's copy is all that is left to see. */
    SLICE_MAX = 128 * 1024,
    /* Up to here a slice is sent without asking how much room the socket has. */
    SLICE_SMALL = 16 * 1024,
    /* A client that catches up gives way to the others after so much. */
    SLICES_PER_TURN = 8,
    /* A page is given back by a client whose socket takes nothing for so long: others may want its
     * place. */
    PAGE_IDLE_MS = 2000,
    /* So long may a client wait for its turn. */
    TURN_MAX_MS = 60000,
    /* RFC 6455 section 7.4.1, and its registry. */
    CLOSE_GOING_AWAY = 1001,
    CLOSE_POLICY = 1008,
    CLOSE_TRY_AGAIN_LATER = 1013,
};

struct subscribers {
    struct subscribers_options options;
    struct cursor_timing sse_timing;
    struct subscriber *first;
    struct buffer frame; /* of our own: pings, closes, heartbeats, gaps */
    struct subscriber_counters counters;
};

struct subscribers *subscribers_create(const struct subscribers_options *options)
{
    struct subscribers *all = memory_allocate_zeroed(1, sizeof *all);
    all->options = *options;
    /* They say nothing, ever; one that is gone shows by a socket that takes nothing. */
    all->sse_timing = options->timing;
    all->sse_timing.ping_ms = UINT64_MAX;
    all->sse_timing.silence_ms = UINT64_MAX;
    buffer_init(&all->frame, CONTROL_FRAME_MAX);
    return all;
}

void subscribers_destroy(struct subscribers *all)
{
    if (!all)
        return;
    buffer_free(&all->frame);
    free(all);
}

static enum framing framing_of(const struct subscriber *subscriber)
{
    return lanes_key(subscriber->slot)->framing;
}

static void want_write(struct subscriber *subscriber, uint64_t now_ms)
{
    if (subscriber->state.waiting_since_ms)
        return;
    subscriber->state.waiting_since_ms = now_ms;
    transport_want_write(subscriber->transport);
}

static void enter_lane(struct subscriber *subscriber)
{
    subscriber->link = &subscriber->all->first;
    subscriber->next = *subscriber->link;
    if (subscriber->next)
        subscriber->next->link = &subscriber->next;
    *subscriber->link = subscriber;
}

static void on_replay_page(struct replay_page *page, void *context)
{
    struct subscriber *subscriber = context;
    subscriber->page = page;
    subscriber->page_next = replay_page_find(page, subscriber->state.last.id);
    want_write(subscriber, clock_monotonic_ms());
}

/* He has it already, or still. */
static bool has_filter(const struct subscribers *all, uint64_t customer,
                       const struct filter *filter)
{
    for (const struct subscriber *subscriber = all->first; subscriber;
         subscriber = subscriber->next)
        if (subscriber->request.customer == customer &&
            filter_equal(lanes_key(subscriber->slot)->filter, filter))
            return true;
    return false;
}

static bool costs_nothing(const struct subscribers *all, uint64_t customer,
                          const struct filter *filter)
{
    return !filter || customer == CUSTOMER_NOBODY || has_filter(all, customer, filter);
}

static void give_shares_back(const struct subscribers *all, uint64_t customer,
                             const struct filter *filter)
{
    if (costs_nothing(all, customer, filter))
        return;
    customers_give_back(all->options.customers, customer, CUSTOMER_FILTERS, 1);
    customers_give_back(all->options.customers, customer, CUSTOMER_FILTER_COST,
                        filter_cost(filter));
}

static struct refusal take_shares(const struct subscribers *all, uint64_t customer,
                                  const struct filter *filter)
{
    struct customers *customers = all->options.customers;
    if (costs_nothing(all, customer, filter))
        return (struct refusal){ 0 };
    if (!customers_take(customers, customer, CUSTOMER_FILTERS, 1))
        return (struct refusal){ 429, customers_refusal(CUSTOMER_FILTERS) };
    if (customers_take(customers, customer, CUSTOMER_FILTER_COST, filter_cost(filter)))
        return (struct refusal){ 0 };
    customers_give_back(customers, customer, CUSTOMER_FILTERS, 1);
    return (struct refusal){ 429, customers_refusal(CUSTOMER_FILTER_COST) };
}

struct refusal subscribers_check(const struct subscribers *all, const struct stream_request *wanted)
{
    struct refusal refusal = take_shares(all, wanted->customer, wanted->filter);
    if (!refusal.status)
        give_shares_back(all, wanted->customer, wanted->filter);
    return refusal;
}

/* Where one who comes with an id goes on, and what the stream has lost since he was there. */
static void find_resume_place(const struct subscribers *all, struct since *since)
{
    const struct recent_entries *recent = all->options.recent;
    struct stream_id had = since->after.id;
    if (recent_entries_find_lost(recent, had, &since->lost))
        since->kind = SINCE_LOST;
    since->after.id = certificate_index_skip(all->options.index, recent_entries_place(recent, had));
}

bool subscriber_join(struct subscriber *subscriber, struct subscribers *all,
                     struct transport *transport, const struct lane_key *key,
                     const struct stream_request *wanted)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct stream_position newest = stream_reader_position(all->options.reader);
    *subscriber = (struct subscriber){ .all = all, .transport = transport };
    if (take_shares(all, wanted->customer, key->filter).status)
        return false;
    subscriber->slot = lanes_join(all->options.lanes, key, newest.id);
    if (!subscriber->slot) {
        give_shares_back(all, wanted->customer, key->filter);
        return false;
    }
    struct since since = since_at(&wanted->since, clock_realtime_ms());
    struct stream_id seen = since.after.id;
    if (since.kind == SINCE_ID)
        find_resume_place(all, &since);
    cursor_join(&subscriber->state, lanes_lane(subscriber->slot), &since, newest, now_ms);
    subscriber->state.seen = seen;
    subscriber->knows_gaps = wanted->knows_gaps;
    subscriber->request = (struct replay_request){
        .key = lanes_key(subscriber->slot),
        .customer = wanted->customer,
        .on_page = on_replay_page,
        .context = subscriber,
    };
    all->counters.resumed += subscriber->state.is_behind;
    all->counters.behind += subscriber->state.is_behind;
    enter_lane(subscriber);
    want_write(subscriber, now_ms);
    return true;
}

bool subscriber_has_joined(const struct subscriber *subscriber)
{
    return subscriber->slot != NULL;
}

static void leave_page(struct subscriber *subscriber)
{
    replays_release(subscriber->all->options.replays, subscriber->page);
    subscriber->page = NULL;
}

void subscriber_leave(struct subscriber *subscriber)
{
    if (!subscriber->slot)
        return;
    *subscriber->link = subscriber->next;
    if (subscriber->next)
        subscriber->next->link = subscriber->link;
    leave_page(subscriber);
    replays_forget(subscriber->all->options.replays, &subscriber->request);
    subscriber->all->counters.behind -= subscriber->state.is_behind;
    give_shares_back(subscriber->all, subscriber->request.customer,
                     lanes_key(subscriber->slot)->filter);
    lanes_leave(subscriber->all->options.lanes, subscriber->slot, clock_monotonic_ms());
    subscriber->slot = NULL;
}

/* Over TLS or not, in the middle of a WebSocket or of the body of an answer. */
static bool write_raw(struct subscriber *subscriber, const uint8_t *data, size_t size)
{
    return transport_write(subscriber->transport, bytes_of(data, size));
}

static struct buffer *begin_frame(struct subscriber *subscriber)
{
    buffer_clear(&subscriber->all->frame);
    return &subscriber->all->frame;
}

/* What begin_frame's buffer has got since. */
static bool send_frame(struct subscriber *subscriber)
{
    const struct buffer *frame = &subscriber->all->frame;
    assert(!frame->failed);
    return frame->size == 0 || write_raw(subscriber, frame->data, frame->size);
}

static bool send_heartbeat(struct subscriber *subscriber, uint64_t now_ms)
{
    control_frame_heartbeat(begin_frame(subscriber), framing_of(subscriber), clock_realtime_ms());
    subscriber->state.sent_at_ms = now_ms;
    return send_frame(subscriber);
}

static bool send_ping(struct subscriber *subscriber, uint64_t now_ms)
{
    subscriber->state.pinged_at_ms = now_ms;
    control_frame_ping(begin_frame(subscriber), framing_of(subscriber));
    return send_frame(subscriber);
}

static bool send_gap(struct subscriber *subscriber, const struct gap *gap, uint64_t now_ms)
{
    struct subscribers *all = subscriber->all;
    all->counters.gaps++;
    all->counters.missed += gap->missed;
    control_frame_gap(begin_frame(subscriber), framing_of(subscriber), gap, subscriber->knows_gaps,
                      clock_realtime_ms());
    subscriber->state.sent_at_ms = now_ms;
    return send_frame(subscriber);
}

/* What a socket does not take is copied and kept; so a stuck client is not given what will not
 * fit. */
static size_t socket_room(const struct subscriber *subscriber)
{
    size_t room = transport_room(subscriber->transport);
    return room < SLICE_MAX ? room : SLICE_MAX;
}

static size_t slice_limit(const struct subscriber *subscriber)
{
    const struct lane *lane = lanes_lane(subscriber->slot);
    const struct cursor *state = &subscriber->state;
    if (!state->is_behind && state->position >= lane_first(lane) &&
        lane_bytes_after(lane, state->position) <= SLICE_SMALL)
        return SLICE_SMALL;
    return socket_room(subscriber);
}

/* `count` messages, of the lane or of a page. */
static bool send_slice(struct subscriber *subscriber, const struct lane_slice *slice,
                       uint64_t count, uint64_t now_ms)
{
    struct subscriber_counters *counters = &subscriber->all->counters;
    if (!write_raw(subscriber, slice->data, slice->size))
        return false;
    cursor_advance(&subscriber->state, slice, now_ms);
    counters->messages += count;
    counters->slices++;
    counters->slice_bytes += slice->size;
    subscriber->sent_bytes += slice->size;
    customers_count_sent(subscriber->all->options.customers, subscriber->request.customer,
                         slice->size);
    counters->partial += transport_buffered(subscriber->transport) > 0;
    return true;
}

static void note_behind(struct subscriber *subscriber, bool was_behind)
{
    struct subscriber_counters *counters = &subscriber->all->counters;
    if (subscriber->state.is_behind && !was_behind) {
        counters->behind++;
        counters->overtaken++;
    }
    if (!subscriber->state.is_behind && was_behind) {
        counters->behind--;
        counters->caught_up++;
    }
}

/* How it goes on after something was sent, or not. */
enum progress {
    PROGRESS_BROKEN,
    PROGRESS_DONE, /* nothing more now; something will wake it */
    PROGRESS_MORE,
};

/* The page is read through: on to the lane, or to the next page. */
static enum progress turn_page(struct subscriber *subscriber, uint64_t now_ms)
{
    struct cursor *state = &subscriber->state;
    struct replays *replays = subscriber->all->options.replays;
    const struct lane *lane = lanes_lane(subscriber->slot);
    bool was_empty = false;
    if (subscriber->page) {
        was_empty = subscriber->page->count == 0 && subscriber->page->is_end;
        cursor_advance_to(state, subscriber->page->end);
        leave_page(subscriber);
    }
    if (cursor_catch_up(state, lane)) {
        replays_forget(replays, &subscriber->request);
        note_behind(subscriber, true);
        return PROGRESS_MORE;
    }
    /* This Redis has not got yet what the lane has had: asked again at the next tick. */
    if (was_empty || subscriber->request.link)
        return PROGRESS_DONE;
    subscriber->request.after = state->last;
    struct replay_page *page = replays_want(replays, &subscriber->request, now_ms);
    if (!page)
        return PROGRESS_DONE;
    subscriber->page = page;
    subscriber->page_next = replay_page_find(page, state->last.id);
    return PROGRESS_MORE;
}

static enum progress send_page(struct subscriber *subscriber, size_t limit, uint64_t now_ms)
{
    const struct replay_page *page = subscriber->page;
    struct lane_slice slice;
    struct gap gap;
    if (page && !subscriber->state.wants_all &&
        stream_state_gap(&page->state, &subscriber->state.last, &gap)) {
        cursor_skip(&subscriber->state, &gap);
        return send_gap(subscriber, &gap, now_ms) ? PROGRESS_MORE : PROGRESS_BROKEN;
    }
    if (!page ||
        !replay_page_read(page, &subscriber->page_next, subscriber->state.seen, limit, &slice))
        return turn_page(subscriber, now_ms);
    uint64_t count = slice.next - subscriber->page_next;
    subscriber->page_next = (size_t)slice.next;
    return send_slice(subscriber, &slice, count, now_ms) ? PROGRESS_MORE : PROGRESS_BROKEN;
}

static enum progress send_next(struct subscriber *subscriber, uint64_t now_ms)
{
    struct lane_slice slice;
    bool was_behind = subscriber->state.is_behind;
    size_t limit = slice_limit(subscriber);
    uint64_t position = subscriber->state.position;
    switch (cursor_next(&subscriber->state, lanes_lane(subscriber->slot), limit, &slice)) {
    case CURSOR_NEXT_NOTHING: return PROGRESS_DONE;
    case CURSOR_NEXT_GAP:
        cursor_told(&subscriber->state);
        return send_gap(subscriber, &subscriber->state.gap, now_ms) ? PROGRESS_MORE
                                                                    : PROGRESS_BROKEN;
    case CURSOR_NEXT_PAGE:
        if (!was_behind)
            cursor_move(&subscriber->state, recent_entries_place(subscriber->all->options.recent,
                                                                 subscriber->state.last.id));
        note_behind(subscriber, was_behind);
        return send_page(subscriber, limit, now_ms);
    case CURSOR_NEXT_SLICE:
        return send_slice(subscriber, &slice, slice.next - position, now_ms) ? PROGRESS_MORE
                                                                             : PROGRESS_BROKEN;
    }
    return PROGRESS_DONE;
}

/* False when the connection is broken. */
static bool send_slices(struct subscriber *subscriber, uint64_t now_ms)
{
    for (int turn = 0; turn < SLICES_PER_TURN && transport_buffered(subscriber->transport) == 0;
         turn++) {
        switch (send_next(subscriber, now_ms)) {
        case PROGRESS_BROKEN: return false;
        case PROGRESS_DONE: return true;
        case PROGRESS_MORE: break;
        }
    }
    want_write(subscriber, now_ms);
    return true;
}

static enum cursor_due due_of(const struct subscriber *subscriber, uint64_t now_ms)
{
    const struct subscribers *all = subscriber->all;
    bool is_sse = framing_of(subscriber) == FRAMING_SSE;
    return cursor_due(&subscriber->state, is_sse ? &all->sse_timing : &all->options.timing, now_ms);
}

/* A ping is no heartbeat: both may be due. */
static bool send_due(struct subscriber *subscriber, uint64_t now_ms)
{
    bool is_well = true;
    if (due_of(subscriber, now_ms) == CURSOR_DUE_PING)
        is_well = send_ping(subscriber, now_ms);
    if (is_well && due_of(subscriber, now_ms) == CURSOR_DUE_HEARTBEAT)
        is_well = send_heartbeat(subscriber, now_ms);
    return is_well;
}

void subscriber_write(struct subscriber *subscriber)
{
    if (!subscriber->slot)
        return;
    uint64_t now_ms = clock_monotonic_ms();
    subscriber->state.waiting_since_ms = 0;
    /* A connection that has broken goes by itself. */
    if (send_due(subscriber, now_ms))
        (void)send_slices(subscriber, now_ms);
}

void subscriber_hear(struct subscriber *subscriber)
{
    subscriber->state.heard_at_ms = clock_monotonic_ms();
}

void subscribers_wake(struct subscribers *all, uint64_t now_ms)
{
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = subscriber->next)
        if (!subscriber->state.is_behind &&
            subscriber->state.position < lane_next(lanes_lane(subscriber->slot)))
            want_write(subscriber, now_ms);
}

void subscribers_note_rollback(struct subscribers *all)
{
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = subscriber->next) {
        cursor_note_rollback(&subscriber->state);
        leave_page(subscriber);
    }
}

void subscribers_note_loss(struct subscribers *all, struct stream_id end)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = subscriber->next) {
        cursor_note_loss(&subscriber->state, lanes_lane(subscriber->slot), end);
        replays_forget(all->options.replays, &subscriber->request);
        leave_page(subscriber);
        want_write(subscriber, now_ms);
    }
}

void subscribers_note_fork(struct subscribers *all, struct stream_id fork, struct stream_id lost)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = subscriber->next) {
        struct gap gap;
        bool is_known =
            recent_entries_find_lost(all->options.recent, subscriber->state.last.id, &gap) &&
            gap.is_counted;
        cursor_note_fork(&subscriber->state, fork, lost, is_known ? &gap : NULL);
        want_write(subscriber, now_ms);
    }
}

void subscribers_learn_newest(struct subscribers *all, struct stream_position newest)
{
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = subscriber->next)
        cursor_learn_newest(&subscriber->state, newest);
}

void subscriber_close(struct subscriber *subscriber, unsigned code, const char *reason)
{
    if (!subscriber->slot)
        return;
    control_frame_close(begin_frame(subscriber), framing_of(subscriber), code, reason);
    (void)send_frame(subscriber);
    subscriber_leave(subscriber);
    transport_finish(subscriber->transport);
}

/* False if it was closed. */
static bool tick_behind(struct subscriber *subscriber, uint64_t now_ms)
{
    struct subscribers *all = subscriber->all;
    const struct cursor *state = &subscriber->state;
    if (replays_waited_ms(all->options.replays, &subscriber->request, now_ms) >= TURN_MAX_MS) {
        all->counters.closed_busy++;
        subscriber_close(subscriber, CLOSE_TRY_AGAIN_LATER,
                         "too many clients are behind, come again");
        return false;
    }
    if (subscriber->page && state->waiting_since_ms &&
        now_ms - state->waiting_since_ms >= PAGE_IDLE_MS)
        leave_page(subscriber);
    if (!subscriber->page && !subscriber->request.link)
        want_write(subscriber, now_ms);
    return true;
}

/* It waited in vain for the stream to come to where it stands. */
static void tick_ahead(struct subscriber *subscriber, uint64_t now_ms)
{
    bool was_behind = subscriber->state.is_behind;
    struct stream_position newest = stream_reader_position(subscriber->all->options.reader);
    if (!cursor_give_up_waiting(&subscriber->state, lanes_lane(subscriber->slot), newest, now_ms))
        return;
    replays_forget(subscriber->all->options.replays, &subscriber->request);
    leave_page(subscriber);
    note_behind(subscriber, was_behind);
    want_write(subscriber, now_ms);
}

static void tick_subscriber(struct subscriber *subscriber, uint64_t now_ms)
{
    tick_ahead(subscriber, now_ms);
    struct subscriber_counters *counters = &subscriber->all->counters;
    if (subscriber->state.is_behind && !tick_behind(subscriber, now_ms))
        return;
    switch (due_of(subscriber, now_ms)) {
    case CURSOR_DUE_NOTHING: return;
    case CURSOR_DUE_PING:
    case CURSOR_DUE_HEARTBEAT: want_write(subscriber, now_ms); return;
    case CURSOR_DUE_CLOSE_SILENT:
        counters->closed_silent++;
        subscriber_close(subscriber, CLOSE_POLICY, "no answer to pings");
        return;
    case CURSOR_DUE_CLOSE_SLOW:
        counters->closed_slow++;
        subscriber_close(subscriber, CLOSE_POLICY, "too slow");
        return;
    }
}

void subscribers_tick(struct subscribers *all, uint64_t now_ms)
{
    struct subscriber *next = NULL;
    for (struct subscriber *subscriber = all->first; subscriber; subscriber = next) {
        next = subscriber->next;
        tick_subscriber(subscriber, now_ms);
    }
}

void subscribers_close(struct subscribers *all)
{
    while (all->first)
        subscriber_close(all->first, CLOSE_GOING_AWAY, "going away");
}

const struct subscriber_counters *subscribers_counters(const struct subscribers *all)
{
    return &all->counters;
}
