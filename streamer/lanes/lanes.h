/*
 * All lanes there are: one for each form of message, framing and filter that somebody listens to,
 * shared by all who ask for the same. An entry of the stream is rendered once for each form that is
 * wanted, framed once for each framing, and copied into the lanes whose filter it passes.
 */
#ifndef STREAMER_LANES_LANES_H
#define STREAMER_LANES_LANES_H

#include "streamer/lanes/framer.h"
#include "streamer/lanes/lane.h"

struct filter;
struct filter_index_stats;
struct stream_entry;
struct recent_certificates;

/* What a lane holds; two clients with the same key share one. */
struct lane_key {
    struct render_form form;
    enum framing framing;
    struct filter *filter; /* NULL: everything */
};

bool lane_key_equal(const struct lane_key *a, const struct lane_key *b);

/* A lane with those who listen. Opaque but for lanes_... below. */
struct lane_slot;

struct lanes_stats {
    uint64_t messages; /* put into lanes, all together, and their bytes */
    uint64_t bytes;
    uint64_t oversized; /* messages too large for a lane; its clients get them from Redis */
    uint64_t refused;   /* requests for one filter too many */
};

struct lanes;

enum {
    /* With the default of --ring-bytes and --max-filters. 256 MB: what a small machine has to spare
     * if anybody asks for every stream there is; the usual two take 64. */
    LANES_RINGS = 8,
};

/* What is borrowed is so as long as the lanes exist. */
struct lanes_options {
    /* Of the ring of a stream that most listen to; the others have parts of it, so that all lanes
     * together take at most LANES_RINGS times as much, and a quarter of that for their indexes. */
    size_t ring_bytes;
    enum certificate_dialect dialect; /* of most */
    size_t filtered_max;              /* so many lanes with a filter */
    struct framer *framer;
    const struct recent_certificates *recent; /* is to know of an entry before it is published;
                                                 NULL: none */
};

struct lanes *lanes_create(const struct lanes_options *options);
/* NULL is fine. */
void lanes_destroy(struct lanes *lanes);

/* One more subscriber: the lane, made if need be, that lives at least until lanes_leave is called
 * as often; it has a reference of its own to the filter. A new one gets what comes after `newest`.
 * NULL if there are as many as may be. */
struct lane_slot *lanes_join(struct lanes *lanes, const struct lane_key *key,
                             struct stream_id newest);
void lanes_leave(struct lanes *lanes, struct lane_slot *slot, uint64_t now_ms);
const struct lane *lanes_lane(const struct lane_slot *slot);
const struct lane_key *lanes_key(const struct lane_slot *slot);

/* True if somebody with this key could join: there are not as many filtered lanes as may be, and
 * what all filters cost is still bearable (filter_index.h). Lanes that nobody listens to any more
 * give way: who comes and goes with ever new filters keeps nobody out. */
bool lanes_make_room(struct lanes *lanes, const struct lane_key *key);

/* All of them, in any order; NULL after the last and as the start. The count of subscribers is of
 * now. */
const struct lane_slot *lanes_next(const struct lanes *lanes, const struct lane_slot *slot);
size_t lanes_slot_subscribers(const struct lane_slot *slot);
size_t lanes_subscribers(const struct lanes *lanes, enum message_content content);

/* The most that all of them can fill, in bytes. */
size_t lanes_memory(const struct lanes *lanes);
/* What they have filled so far. */
size_t lanes_filled(const struct lanes *lanes);

/* Lanes with a filter. */
size_t lanes_filtered(const struct lanes *lanes);

/* True while full messages are wanted, so that the issuers of an entry must be known before it is
 * published. */
bool lanes_need_issuers(const struct lanes *lanes);

/* These do to all lanes what lane_break, lane_branch and lane_pass_over do to one. */
void lanes_break(struct lanes *lanes, struct stream_id id);
void lanes_branch(struct lanes *lanes, struct stream_id fork);
void lanes_pass_over(struct lanes *lanes, struct stream_id id);

/* Appends the entry to every lane that it belongs to. `ordinal`: struct stream_position. */
void lanes_publish(struct lanes *lanes, const struct stream_entry *entry, uint64_t ordinal,
                   uint64_t now_ms);

/* Readable when lanes_on_descriptor has something to do: patterns of filters are compiled. -1: they
 * never are. */
int lanes_descriptor(const struct lanes *lanes);
void lanes_on_descriptor(struct lanes *lanes, uint64_t now_ms);

/* Frees lanes that nobody has listened to for a while, and has patterns of new filters compiled. */
void lanes_tick(struct lanes *lanes, uint64_t now_ms);

const struct lanes_stats *lanes_stats(const struct lanes *lanes);
const struct filter_index_stats *lanes_filter_stats(const struct lanes *lanes);

#endif
