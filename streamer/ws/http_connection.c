#include "streamer/ws/http_connection.h"

#include <string.h>

#include <libwebsockets.h>

enum {
    HEADERS_SIZE = 1024
};

#define ALLOWED_METHODS "GET, HEAD"
#define PAGE_POLICY                                                               \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " \
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* NULL: not in this answer. */
static int write_headers(struct lws *wsi, const struct http_answer *answer)
{
    const struct {
        const char *name, *value;
    } extra[] = {
        { "access-control-allow-origin:", answer->is_live ? "*" : NULL },
        { "cache-control:", answer->is_live ? "no-store" : "no-cache" },
        { "etag:", answer->entity_tag },
        { "allow:", answer->status == 405 ? ALLOWED_METHODS : NULL },
        /* The page brings all it needs, and talks to its own server only. */
        { "content-security-policy:", answer->entity_tag ? PAGE_POLICY : NULL },
        { "x-content-type-options:", "nosniff" },
    };
    uint8_t headers[LWS_PRE + HEADERS_SIZE];
    uint8_t *at = headers + LWS_PRE;
    uint8_t *end = headers + sizeof headers;
    if (lws_add_http_common_headers(wsi, (unsigned)answer->status, answer->content_type,
                                    answer->body.size, &at, end))
        return -1;
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        if (extra[i].value && lws_add_http_header_by_name(wsi, (const uint8_t *)extra[i].name,
                                                          (const uint8_t *)extra[i].value,
                                                          (int)strlen(extra[i].value), &at, end))
            return -1;
    return lws_finalize_write_http_header(wsi, headers + LWS_PRE, &at, end);
}

static int write_answer(struct lws *wsi, const struct http_answer *answer, bool is_head)
{
    if (write_headers(wsi, answer))
        return -1;
    if (is_head || answer->body.size == 0)
        return 0;
    return lws_write(wsi, answer->body.data, answer->body.size, LWS_WRITE_HTTP_FINAL) < 0 ? -1 : 0;
}

static void on_answer(struct http_request *request, void *context)
{
    (void)request;
    struct http_connection *connection = context;
    lws_callback_on_writable(connection->wsi);
}

int http_connection_start(struct http_connection *connection, struct lws *wsi,
                          const struct http_sources *sources, struct http_target target)
{
    char *uri;
    int uri_size;
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_size);
    connection->wsi = wsi;
    connection->has_request = true;
    connection->is_head = method == LWSHUMETH_HEAD;
    struct http_request *request = &connection->request;
    bool complete = http_request_start(request, sources, target, on_answer, connection);
    if (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD) {
        http_request_leave(request);
        http_answer_error(&request->answer, 405, "only GET and HEAD");
        complete = true;
    }
    /* At once if it can be: libwebsockets 4.3 ends a connection on which more comes before the
     * answer went. */
    return complete ? http_connection_write(connection) : 0;
}

int http_connection_write(struct http_connection *connection)
{
    struct lws *wsi = connection->wsi;
    if (!connection->has_request || connection->request.answer.status == 0)
        return 0;
    if (write_answer(wsi, &connection->request.answer, connection->is_head))
        return -1;
    /* Libwebsockets has copied what the socket did not take. */
    connection->request.answer.status = 0;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

void http_connection_clear(struct http_connection *connection)
{
    if (!connection || !connection->has_request)
        return;
    connection->has_request = false;
    http_request_clear(&connection->request);
}
