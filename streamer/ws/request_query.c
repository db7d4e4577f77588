#include "streamer/ws/request_query.h"

#include <libwebsockets.h>

bool request_query_read(struct query *query, struct lws *wsi)
{
    char text[QUERY_TEXT_MAX];
    query_init(query);
    for (int i = 0;; i++) {
        int size = lws_hdr_copy_fragment(wsi, text, sizeof text, WSI_TOKEN_HTTP_URI_ARGS, i);
        /* None: there is no more, or it is too long. An empty one is there all the same. */
        if (size < 0)
            return lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) <= 0;
        if (!query_add(query, bytes_of(text, (size_t)size)))
            return false;
    }
}
