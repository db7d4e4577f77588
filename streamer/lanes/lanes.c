#include "streamer/lanes/lanes.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_index.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/lanes/ring_file.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* A client that reconnects finds its lane, with the messages it missed still in it. */
    EMPTY_LANE_MS = 10000,
    /* A filter lets little through, so its lane lasts as long with less. The first lanes have this
     * share of an unfiltered one's ring, those after them the least, so that a thousand of them
     * take no more memory than four without a filter. */
    FILTERED_SHARE = 64,
    FILTERED_LARGE = 128,
    FILTERED_RING_MIN = 64 * 1024, /* a few messages */
    WHOLE_RING_MIN = 512 * 1024,   /* names of as many entries as a reply of Redis brings */
    /* The parts that a ring is counted in, and how many of them a form has that is not of the
     * dialect of most. */
    RING_PARTS = 16,
    OTHER_DIALECT_SHARE = 4,
};

/* Which streams there are is for anybody to choose, so it is not each that has a whole ring, but
 * the two that most listen to. The others hold less, as long a time if their messages are small.
 * All of a dialect make 51 parts, of the other one 14: together they take the memory of four
 * rings, and with all that have a filter that of eight. */
static const size_t ring_parts[MESSAGE_CONTENTS][FRAMINGS] = {
    [MESSAGE_LITE] = { [FRAMING_WEBSOCKET] = 16,
                       [FRAMING_WEBSOCKET_DEFLATED] = 4,
                       [FRAMING_SSE] = 4 },
    [MESSAGE_FULL] = { [FRAMING_WEBSOCKET] = 16,
                       [FRAMING_WEBSOCKET_DEFLATED] = 4,
                       [FRAMING_SSE] = 4 },
    [MESSAGE_DOMAINS] = { [FRAMING_WEBSOCKET] = 1,
                          [FRAMING_WEBSOCKET_DEFLATED] = 1,
                          [FRAMING_SSE] = 1 },
};

/* The lanes of one filter. */
struct lane_family {
    struct filter *filter;        /* NULL: those that get everything */
    struct filter_member *member; /* of the index; NULL likewise */
    struct lane_slot *slots;
    size_t subscribers;
    struct lane_family *next;
};

struct lane_slot {
    struct lane *lane;
    struct lane_key key;
    struct lane_family *family;
    size_t subscribers;
    uint64_t empty_since_ms;
    struct lane_slot *next;        /* of all */
    struct lane_slot *next_of_kin; /* of the family */
};

struct lanes {
    struct lanes_options options;
    struct ring_file *rings;
    struct lane_slot *slots;
    struct lane_family whole;     /* those without a filter */
    struct lane_family *families; /* the others */
    size_t filtered;              /* of the slots, those with a filter */
    size_t slots_of[MESSAGE_DIALECTS][MESSAGE_CONTENTS];
    struct filter_index *index;
    struct filter_subject *subject;
    struct buffer matched;
    struct lanes_stats stats;
};

struct lanes *lanes_create(const struct lanes_options *options)
{
    struct lanes *lanes = memory_allocate_zeroed(1, sizeof *lanes);
    lanes->options = *options;
    lanes->rings = ring_file_create();
    buffer_init(&lanes->matched, FILTER_MATCHED_MAX);
    lanes->subject = filter_subject_create(options->recent);
    lanes->index = filter_index_create();
    return lanes;
}

static size_t *count_of_form(struct lanes *lanes, struct render_form form)
{
    return &lanes->slots_of[form.dialect][form.content];
}

static void leave_family(struct lanes *lanes, struct lane_slot *slot)
{
    struct lane_family *family = slot->family;
    struct lane_slot **link = &family->slots;
    while (*link != slot)
        link = &(*link)->next_of_kin;
    *link = slot->next_of_kin;
    if (family->slots || !family->filter)
        return;
    struct lane_family **place = &lanes->families;
    while (*place != family)
        place = &(*place)->next;
    *place = family->next;
    filter_index_remove(lanes->index, family->member);
    filter_release(family->filter);
    free(family);
}

static void destroy_slot(struct lanes *lanes, struct lane_slot *slot)
{
    --*count_of_form(lanes, slot->key.form);
    lanes->filtered -= slot->key.filter != NULL;
    leave_family(lanes, slot);
    lane_destroy(slot->lane);
    free(slot);
}

void lanes_destroy(struct lanes *lanes)
{
    if (!lanes)
        return;
    while (lanes->slots) {
        struct lane_slot *slot = lanes->slots;
        lanes->slots = slot->next;
        destroy_slot(lanes, slot);
    }
    ring_file_destroy(lanes->rings);
    filter_index_destroy(lanes->index);
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

static struct lane_family *find_family(struct lanes *lanes, const struct filter *filter)
{
    if (!filter)
        return &lanes->whole;
    struct lane_family *family = lanes->families;
    while (family && !filter_equal(family->filter, filter))
        family = family->next;
    return family;
}

static struct lane_slot *find_lane_slot(const struct lane_family *family,
                                        const struct lane_key *key)
{
    struct lane_slot *slot = family ? family->slots : NULL;
    while (slot && (!is_same_form(slot->key.form, key->form) || slot->key.framing != key->framing))
        slot = slot->next_of_kin;
    return slot;
}

static struct lane_family *make_family(struct lanes *lanes, struct filter *filter)
{
    struct lane_family *family = memory_allocate_zeroed(1, sizeof *family);
    family->filter = filter_acquire(filter);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are always lanes */
    family->member = filter_index_add(lanes->index, filter, family);
    family->next = lanes->families;
    lanes->families = family;
    return family;
}

static size_t at_least(size_t size, size_t least)
{
    return size > least ? size : least;
}

static size_t whole_ring_bytes(const struct lanes *lanes, const struct lane_key *key)
{
    size_t whole = lanes->options.ring_bytes;
    size_t share = whole / RING_PARTS * ring_parts[key->form.content][key->framing];
    if (key->form.dialect != lanes->options.dialect)
        share /= OTHER_DIALECT_SHARE;
    return at_least(share, whole < WHOLE_RING_MIN ? whole : WHOLE_RING_MIN);
}

static size_t filtered_ring_bytes(const struct lanes *lanes)
{
    bool is_early = lanes->filtered < FILTERED_LARGE;
    return at_least(is_early ? lanes->options.ring_bytes / FILTERED_SHARE : 0, FILTERED_RING_MIN);
}

static size_t ring_bytes_of(const struct lanes *lanes, const struct lane_key *key)
{
    return key->filter ? filtered_ring_bytes(lanes) : whole_ring_bytes(lanes, key);
}

/* The key's filter becomes the family's, which says the same. */
static struct lane_slot *make_slot(struct lanes *lanes, struct lane_family *family,
                                   const struct lane_key *key, struct stream_id newest)
{
    struct lane_slot *slot = memory_allocate_zeroed(1, sizeof *slot);
    slot->lane = lane_create(lanes->rings, ring_bytes_of(lanes, key), newest);
    slot->key = *key;
    slot->key.filter = family->filter;
    slot->family = family;
    slot->next_of_kin = family->slots;
    family->slots = slot;
    slot->next = lanes->slots;
    lanes->slots = slot;
    lanes->filtered += key->filter != NULL;
    ++*count_of_form(lanes, key->form);
    return slot;
}

static bool has_room_for_lane(struct lanes *lanes, const struct lane_key *key)
{
    const struct lane_family *family = find_family(lanes, key->filter);
    if (!key->filter || find_lane_slot(family, key))
        return true;
    return lanes->filtered < lanes->options.filtered_max &&
           (family || filter_index_has_room(lanes->index, key->filter));
}

/* The filtered lane that nobody has listened to for the longest time; NULL: somebody listens to
 * each. */
static struct lane_slot **find_emptiest(struct lanes *lanes)
{
    struct lane_slot **found = NULL;
    for (struct lane_slot **link = &lanes->slots; *link; link = &(*link)->next)
        if (!(*link)->subscribers && (*link)->key.filter &&
            (!found || (*link)->empty_since_ms < (*found)->empty_since_ms))
            found = link;
    return found;
}

static void drop_slot(struct lanes *lanes, struct lane_slot **link)
{
    struct lane_slot *slot = *link;
    *link = slot->next;
    destroy_slot(lanes, slot);
}

bool lanes_make_room(struct lanes *lanes, const struct lane_key *key)
{
    struct lane_slot **empty;
    while (!has_room_for_lane(lanes, key) && (empty = find_emptiest(lanes)) != NULL)
        drop_slot(lanes, empty);
    return has_room_for_lane(lanes, key);
}

struct lane_slot *lanes_join(struct lanes *lanes, const struct lane_key *key,
                             struct stream_id newest)
{
    if (!lanes_make_room(lanes, key)) {
        lanes->stats.refused++;
        return NULL;
    }
    struct lane_family *family = find_family(lanes, key->filter);
    struct lane_slot *slot = find_lane_slot(family, key);
    if (!family)
        family = make_family(lanes, key->filter);
    if (!slot)
        slot = make_slot(lanes, family, key, newest);
    slot->subscribers++;
    if (family->subscribers++ == 0 && family->member)
        filter_index_set_awaited(lanes->index, family->member, true);
    return slot;
}

void lanes_leave(struct lanes *lanes, struct lane_slot *slot, uint64_t now_ms)
{
    struct lane_family *family = slot->family;
    assert(slot->subscribers > 0);
    slot->subscribers--;
    if (--family->subscribers == 0 && family->member)
        filter_index_set_awaited(lanes->index, family->member, false);
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

size_t lanes_filled(const struct lanes *lanes)
{
    return ring_file_bytes(lanes->rings);
}

size_t lanes_memory(const struct lanes *lanes)
{
    size_t bytes = 0;
    for (const struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        bytes += lane_memory(slot->lane);
    return bytes;
}

size_t lanes_filtered(const struct lanes *lanes)
{
    return lanes->filtered;
}

bool lanes_need_issuers(const struct lanes *lanes)
{
    size_t count = 0;
    for (size_t dialect = 0; dialect < MESSAGE_DIALECTS; dialect++)
        count += lanes->slots_of[dialect][MESSAGE_FULL];
    return count > 0;
}

static void append_to_lane(struct lanes *lanes, struct lane_slot *slot,
                           struct stream_position position)
{
    struct bytes frame;
    if (!framer_get(lanes->options.framer, slot->key.framing, &frame))
        return;
    lanes->stats.messages++;
    lanes->stats.bytes += frame.size;
    if (!lane_append(slot->lane, position, frame))
        lanes->stats.oversized++;
}

/* An entry on its way into the lanes. */
struct publication {
    const struct stream_entry *entry;
    struct stream_position position;
    uint64_t now_ms;
    void *const *families; /* those whose filters it passes */
    size_t family_count;
};

static void append_to_family(struct lanes *lanes, const struct lane_family *family,
                             struct render_form form, struct stream_position position)
{
    for (struct lane_slot *slot = family->slots; slot; slot = slot->next_of_kin)
        if (is_same_form(slot->key.form, form))
            append_to_lane(lanes, slot, position);
}

static bool has_form(const struct lane_family *family, struct render_form form)
{
    const struct lane_slot *slot = family->slots;
    while (slot && !is_same_form(slot->key.form, form))
        slot = slot->next_of_kin;
    return slot != NULL;
}

/* A filter's lanes have messages of their own where these say what it matched. */
static void publish_matched(struct lanes *lanes, const struct lane_family *family,
                            struct render_form form, const struct publication *publication)
{
    if (!has_form(family, form))
        return;
    if (renderer_shows_matched(form)) {
        buffer_clear(&lanes->matched);
        filter_write_matched(family->filter, lanes->subject, &lanes->matched);
        framer_set(lanes->options.framer, publication->entry, form, buffer_bytes(&lanes->matched),
                   publication->now_ms);
    }
    append_to_family(lanes, family, form, publication->position);
}

static void publish_form(struct lanes *lanes, struct render_form form,
                         const struct publication *publication)
{
    static const struct bytes nothing = { 0 };
    if (*count_of_form(lanes, form) == 0)
        return;
    framer_set(lanes->options.framer, publication->entry, form, nothing, publication->now_ms);
    append_to_family(lanes, &lanes->whole, form, publication->position);
    for (size_t i = 0; i < publication->family_count; i++)
        publish_matched(lanes, publication->families[i], form, publication);
}

void lanes_break(struct lanes *lanes, struct stream_id id)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        lane_break(slot->lane, id);
}

void lanes_branch(struct lanes *lanes, struct stream_id fork)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        lane_branch(slot->lane, fork);
}

void lanes_pass_over(struct lanes *lanes, struct stream_id id)
{
    for (struct lane_slot *slot = lanes->slots; slot; slot = slot->next)
        lane_pass_over(slot->lane, id);
}

void lanes_publish(struct lanes *lanes, const struct stream_entry *entry, uint64_t ordinal,
                   uint64_t now_ms)
{
    struct publication publication = { entry, { entry->id, ordinal }, now_ms, NULL, 0 };
    filter_subject_set(lanes->subject, entry);
    publication.family_count =
        filter_index_find(lanes->index, lanes->subject, &publication.families);
    for (unsigned dialect = 0; dialect < MESSAGE_DIALECTS; dialect++)
        for (unsigned content = 0; content < MESSAGE_CONTENTS; content++) {
            struct render_form form = { (enum message_content)content,
                                        (enum certificate_dialect)dialect };
            publish_form(lanes, form, &publication);
        }
}

int lanes_descriptor(const struct lanes *lanes)
{
    return filter_index_descriptor(lanes->index);
}

void lanes_on_descriptor(struct lanes *lanes, uint64_t now_ms)
{
    filter_index_take(lanes->index, now_ms);
}

const struct filter_index_stats *lanes_filter_stats(const struct lanes *lanes)
{
    return filter_index_stats(lanes->index);
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
        drop_slot(lanes, link);
    }
    filter_index_tick(lanes->index, now_ms);
}

const struct lanes_stats *lanes_stats(const struct lanes *lanes)
{
    return &lanes->stats;
}
