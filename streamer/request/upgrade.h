/* The opening handshake of a WebSocket (RFC 6455 section 4.2.1): is it one. Pure. */
#ifndef STREAMER_REQUEST_UPGRADE_H
#define STREAMER_REQUEST_UPGRADE_H

#include "shared/base/buffer.h"
#include "streamer/request/refusal.h"

enum {
    /* The one that is named in the answer; some carry a token. */
    UPGRADE_SUBPROTOCOL_MAX = 1024,
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

/* Appends the fields of the answer to a request that is one. Of the subprotocols that the client
 * offers the first is named: the streamer speaks none, but browsers and libraries that offer one do
 * without a connection unless it is. */
void upgrade_write_fields(struct buffer *out, const struct upgrade_request *request);

#endif
