#include "streamer/lanes/lanes.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* A client that reconnects finds its lane, with the messages it missed still in it. */
    EMPTY_LANE_MS = 10000,
    /* Whatever the share is: a few messages. */
    FILTERED_RING_MIN = 64 * 1024,
};

struct lane_slot {
    struct lane *lane;
    struct lane_key key;
    size_t subscribers;
    uint64_t empty_since_ms;
    struct lane_slot *next;
};

struct lanes {
    size_t ring_bytes;
    struct framer *framer;
    struct lane_slot *slots;
    size_t filtered; /* of the slots, those with a filter */
    struct filter_subject *subject;
    struct buffer matched;
    struct lanes_stats stats;
};

struct lanes *lanes_create(size_t ring_bytes, struct framer *framer,
                           const struct recent_certificates *recent)
{
    struct lanes *lanes = memory_allocate_zeroed(1, sizeof *lanes);
    lanes->ring_bytes = ring_bytes;
    lanes->framer = framer;
    buffer_init(&lanes->matched, FILTER_MATCHED_MAX);
    lanes->subject = filter_subject_create(recent);
    return lanes;
}

static void destroy_slot(struct lane_slot *slot)
{
    lane_destroy(slot->lane);
    filter_release(slot->key.filter);
    free(slot);
}

void lanes_destroy(struct lanes *lanes)
{
    if (!lanes)
        return;
    while (lanes->slots) {
        struct lane_slot *slot = lanes->slots;
        lanes->slots = slot->next;
        destroy_slot(slot);
    }
    filter_subject_destroy(lanes->subject);
    buffer_free(&lanes->matched);
    free(lanes);
}

static bool is_same_form(struct render_form a, struct render_form b)
{
    return a.content == b.content && a.dialect == b.dialect;
}

bool lane_key_equal(const struct lane_key *a, const struct lane_key *b)
{
    return is_same_form(a->form, b->form) && a->framing == b->framing &&
           filter_equal(a->filter, b->filter);
}

static struct lane_slot *find_lane_slot(const struct lanes *lanes, const struct lane_key *key)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        if (lane_key_equal(&slot->key, key))
            return slot;
    return NULL;
}

static size_t ring_bytes_of(const struct lanes *lanes, const struct lane_key *key)
{
    if (!key->filter)
        return lanes->ring_bytes;
    size_t share = lanes->ring_bytes / LANES_FILTERED_SHARE;
    return share < FILTERED_RING_MIN ? FILTERED_RING_MIN : share;
}

static struct lane_slot *make_slot(struct lanes *lanes, const struct lane_key *key,
                                   struct stream_id newest)
{
    struct lane_slot *slot = memory_allocate_zeroed(1, sizeof *slot);
    slot->lane = lane_create(ring_bytes_of(lanes, key), newest);
    slot->key = *key;
    (void)filter_acquire(slot->key.filter);
    lanes->filtered += key->filter != NULL;
    slot->next = lanes->slots;
    lanes->slots = slot;
    return slot;
}

bool lanes_have_room(const struct lanes *lanes, const struct lane_key *key)
{
    return !key->filter || lanes->filtered < LANES_FILTERED_MAX || find_lane_slot(lanes, key);
}

struct lane_slot *lanes_join(struct lanes *lanes, const struct lane_key *key,
                             struct stream_id newest)
{
    struct lane_slot *slot = find_lane_slot(lanes, key);
    if (!slot && !lanes_have_room(lanes, key)) {
        lanes->stats.refused++;
        return NULL;
    }
    if (!slot)
        slot = make_slot(lanes, key, newest);
    slot->subscribers++;
    return slot;
}

void lanes_leave(struct lane_slot *slot, uint64_t now_ms)
{
    assert(slot->subscribers > 0);
    slot->subscribers--;
    slot->empty_since_ms = now_ms;
}

const struct lane *lanes_lane(const struct lane_slot *slot)
{
    return slot->lane;
}

const struct lane_key *lanes_key(const struct lane_slot *slot)
{
    return &slot->key;
}

const struct lane_slot *lanes_next(const struct lanes *lanes, const struct lane_slot *slot)
{
    return slot ? slot->next : lanes->slots;
}

size_t lanes_slot_subscribers(const struct lane_slot *slot)
{
    return slot->subscribers;
}

size_t lanes_subscribers(const struct lanes *lanes, enum message_content content)
{
    size_t count = 0;
    for (const struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        if (slot->key.form.content == content)
            count += slot->subscribers;
    return count;
}

size_t lanes_filtered(const struct lanes *lanes)
{
    return lanes->filtered;
}

bool lanes_need_issuers(const struct lanes *lanes)
{
    for (const struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        if (slot->key.form.content == MESSAGE_FULL)
            return true;
    return false;
}

static void append_to_lane(struct lanes *lanes, struct lane_slot *slot,
                           struct stream_position position)
{
    struct bytes frame;
    if (!framer_get(lanes->framer, slot->key.framing, &frame))
        return;
    lanes->stats.messages++;
    lanes->stats.bytes += frame.size;
    if (!lane_append(slot->lane, position, frame))
        lanes->stats.oversized++;
}

/* A filter's lanes have messages of their own where these say what it matched. */
static void set_matched(struct lanes *lanes, const struct lane_key *key,
                        const struct stream_entry *entry, uint64_t now_ms)
{
    buffer_clear(&lanes->matched);
    filter_write_matched(key->filter, lanes->subject, &lanes->matched);
    framer_set(lanes->framer, entry, key->form, buffer_bytes(&lanes->matched), now_ms);
}

static void publish_form(struct lanes *lanes, struct render_form form,
                         const struct stream_entry *entry, uint64_t ordinal, uint64_t now_ms)
{
    static const struct bytes nothing = { 0 };
    struct stream_position position = { entry->id, ordinal };
    bool is_plain = false;
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next) {
        if (!is_same_form(slot->key.form, form) ||
            !filter_matches(slot->key.filter, lanes->subject))
            continue;
        bool shows_matched = slot->key.filter && renderer_shows_matched(form);
        if (shows_matched)
            set_matched(lanes, &slot->key, entry, now_ms);
        else if (!is_plain)
            framer_set(lanes->framer, entry, form, nothing, now_ms);
        is_plain = !shows_matched;
        append_to_lane(lanes, slot, position);
    }
}

void lanes_break(struct lanes *lanes, struct stream_id id)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        lane_break(slot->lane, id);
}

void lanes_pass_over(struct lanes *lanes, struct stream_id id)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        lane_pass_over(slot->lane, id);
}

void lanes_publish(struct lanes *lanes, const struct stream_entry *entry, uint64_t ordinal,
                   uint64_t now_ms)
{
    filter_subject_set(lanes->subject, entry);
    for (unsigned dialect = 0; dialect < MESSAGE_DIALECTS; dialect++)
        for (unsigned content = 0; content < MESSAGE_CONTENTS; content++) {
            struct render_form form = { (enum message_content)content,
                                        (enum certificate_dialect)dialect };
            publish_form(lanes, form, entry, ordinal, now_ms);
        }
}

void lanes_tick(struct lanes *lanes, uint64_t now_ms)
{
    struct lane_slot **link = &lanes->slots;
    while (*link) {
        struct lane_slot *slot = *link;
        if (slot->subscribers || now_ms - slot->empty_since_ms < EMPTY_LANE_MS) {
            link = &slot->next;
            continue;
        }
        *link = slot->next;
        lanes->filtered -= slot->key.filter != NULL;
        destroy_slot(slot);
    }
}

const struct lanes_stats *lanes_stats(const struct lanes *lanes)
{
    return &lanes->stats;
}
