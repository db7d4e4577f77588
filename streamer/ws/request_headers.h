/* The fields of a request that has come in, copied out of libwebsockets. */
#ifndef STREAMER_WS_REQUEST_HEADERS_H
#define STREAMER_WS_REQUEST_HEADERS_H

#include "shared/base/buffer.h"
#include "streamer/edge/access.h"
#include "streamer/edge/upgrade.h"

struct lws;

/* On the way in; to be cleared. */
struct request_headers {
    struct buffer copies;
    struct access_request access;
    struct upgrade_request upgrade;
    struct bytes forwarded_for;
    bool is_head;
};

/* Inside LWS_CALLBACK_HTTP or LWS_CALLBACK_HTTP_CONFIRM_UPGRADE. The views point into `copies`. */
void request_headers_read(struct request_headers *headers, struct lws *wsi);
void request_headers_clear(struct request_headers *headers);

#endif
