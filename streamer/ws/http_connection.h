/* A connection that asks over HTTP: takes the request to its route, and the answer to the socket.
 */
#ifndef STREAMER_WS_HTTP_CONNECTION_H
#define STREAMER_WS_HTTP_CONNECTION_H

#include "streamer/http/http_routes.h"

struct lws;

/* In libwebsockets' memory, zeroed before each request, owned by nobody else. */
struct http_connection {
    struct lws *wsi;
    struct http_request request;
    bool has_request;
    bool is_head;
};

/* A request for `target` has come; the socket is writable. 0, or -1 to close the connection, as
 * libwebsockets has it. */
int http_connection_start(struct http_connection *connection, struct lws *wsi,
                          const struct http_sources *sources, struct http_target target);
int http_connection_write(struct http_connection *connection);
/* The request is over, answered or not. NULL is fine. */
void http_connection_clear(struct http_connection *connection);

#endif
