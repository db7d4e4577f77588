/* The opening handshake of a WebSocket (RFC 6455 section 4.2.1): is it one. Pure. */
#ifndef STREAMER_EDGE_UPGRADE_H
#define STREAMER_EDGE_UPGRADE_H

#include "shared/base/bytes.h"
#include "streamer/edge/refusal.h"

enum {
    /* Counts the NUL; libwebsockets takes no longer one. */
    UPGRADE_SUBPROTOCOL_SIZE = 64,
    /* Bounds the whole list of them, for the same reason. */
    UPGRADE_SUBPROTOCOLS_MAX = 120,
};

/* What the request says; no data where it has none. */
struct upgrade_request {
    bool is_get;
    struct bytes host;
    struct bytes connection;
    struct bytes version;
    struct bytes key;
    struct bytes subprotocols;
};

struct refusal upgrade_check(const struct upgrade_request *request);

/* The first subprotocol that the client offers, to `name`; empty if it offers none. The streamer
 * speaks none, but browsers and libraries that offer one do without a connection unless it is named
 * in the answer. */
void upgrade_choose_subprotocol(char *name, struct bytes subprotocols);

#endif
