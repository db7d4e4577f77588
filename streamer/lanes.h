/*
 * All lanes there are: one for each kind of message and form of frame that somebody listens to. An entry of the stream is
 * rendered once for each kind that is wanted, and framed once for each lane.
 */
#ifndef STREAMER_LANES_H
#define STREAMER_LANES_H

#include "shared/buffer.h"
#include "streamer/lane.h"

struct issuers;
struct stream_entry;

/* What a message holds (protocol.md section 2). */
enum lane_content {
    LANE_LITE,
    LANE_FULL,
    LANE_DOMAINS,
    LANE_CONTENTS,
};

enum lane_kind {
    LANE_WEBSOCKET_LITE,
    LANE_WEBSOCKET_FULL,
    LANE_WEBSOCKET_DOMAINS,
    LANE_KINDS,
};

struct lanes_stats {
    uint64_t rendered[LANE_CONTENTS];
    uint64_t malformed; /* entries whose json is not of the contract's form */
    uint64_t oversized; /* messages too large for a lane */
};

struct lanes;

/* `ring_bytes`: of each lane. `issuers` is borrowed as long as the lanes exist. */
struct lanes *lanes_create(size_t ring_bytes, const struct issuers *issuers);
/* NULL is fine. */
void lanes_destroy(struct lanes *lanes);

const char *lanes_content_name(enum lane_content content);
enum lane_content lanes_content_of(enum lane_kind kind);

/* One more listener: the lane, made if need be, that lives at least until lanes_leave is called as often. */
struct lane *lanes_join(struct lanes *lanes, enum lane_kind kind);
void lanes_leave(struct lanes *lanes, enum lane_kind kind, uint64_t now_ms);
/* NULL if nobody listens. */
struct lane *lanes_get(const struct lanes *lanes, enum lane_kind kind);
size_t lanes_listeners(const struct lanes *lanes, enum lane_content content);

/* True while full messages are wanted, so that the issuers of an entry must be known before it is published. */
bool lanes_need_issuers(const struct lanes *lanes);

/* Appends the entry to every lane. */
void lanes_publish(struct lanes *lanes, const struct stream_entry *entry, uint64_t now_ms);

/* Frees lanes that nobody has listened to for a while. */
void lanes_tick(struct lanes *lanes, uint64_t now_ms);

const struct lanes_stats *lanes_stats(const struct lanes *lanes);

/* Appends the entry's message as `content` to `out`. False, with nothing appended, if its json is not of the contract's
 * form or `out` is full. An issuer that is not in `issuers` is left out, so have them fetched before. */
bool lanes_render(struct buffer *out, enum lane_content content, const struct stream_entry *entry,
                  const struct issuers *issuers, uint64_t now_ms);

#endif
