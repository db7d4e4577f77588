/* The query of a request that libwebsockets has read. */
#ifndef STREAMER_WS_REQUEST_QUERY_H
#define STREAMER_WS_REQUEST_QUERY_H

#include "streamer/filter/query.h"

struct lws;

/* Copies the parameters, which libwebsockets has taken apart and decoded. False if there are too
 * many or too long. Only while libwebsockets has the request's headers: in callbacks up to
 * LWS_CALLBACK_HTTP and LWS_CALLBACK_ESTABLISHED. */
bool request_query_read(struct query *query, struct lws *wsi);

#endif
