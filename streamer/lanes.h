/*
 * All lanes there are: one for each kind of message and form of frame that somebody listens to. An entry of the stream is
 * rendered once for each kind that is wanted, and framed once for each lane.
 */
#ifndef STREAMER_LANES_H
#define STREAMER_LANES_H

#include "streamer/lane.h"
#include "streamer/renderer.h"

struct stream_entry;

/* For each form of message, in the order of dialect and content. */
enum lane_kind {
    LANE_WEBSOCKET_LITE,
    LANE_WEBSOCKET_FULL,
    LANE_WEBSOCKET_DOMAINS,
    LANE_WEBSOCKET_GO_LITE,
    LANE_WEBSOCKET_GO_FULL,
    LANE_WEBSOCKET_GO_DOMAINS,
    LANE_KINDS,
};

struct lanes_stats {
    uint64_t rendered[LANE_CONTENTS];
    uint64_t malformed; /* entries whose json is not of the contract's form */
    uint64_t oversized; /* messages too large for a lane */
};

struct lanes;

/* `ring_bytes`: of each lane. The renderer is borrowed as long as the lanes exist. */
struct lanes *lanes_create(size_t ring_bytes, struct renderer *renderer);
/* NULL is fine. */
void lanes_destroy(struct lanes *lanes);

const char *lanes_content_name(enum lane_content content);
/* The WebSocket lane of messages in this form. */
enum lane_kind lanes_websocket(struct render_form form);

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

#endif
