#include "streamer/ws/request_headers.h"

#include <assert.h>

#include <libwebsockets.h>

enum {
    /* Libwebsockets keeps 8 KiB of headers; commas between repeated ones and our NULs come to it.
     */
    COPIES_MAX = 32 * 1024,
    QUERY_PART_MAX = 1024,
};

static struct bytes copy(struct request_headers *headers, struct lws *wsi,
                         enum lws_token_indexes name)
{
    int size = lws_hdr_total_length(wsi, name);
    if (size <= 0)
        return (struct bytes){ 0 };
    uint8_t *room = headers->copies.data + headers->copies.size;
    if (headers->copies.capacity - headers->copies.size < (size_t)size + 1)
        return (struct bytes){ 0 };
    int copied = lws_hdr_copy(wsi, (char *)room, size + 1, name);
    if (copied <= 0)
        return (struct bytes){ 0 };
    headers->copies.size += (size_t)copied + 1;
    return bytes_of(room, (size_t)copied);
}

/* The value of a name in the query, decoded; the first, if there are several. */
static struct bytes copy_argument(struct request_headers *headers, struct lws *wsi,
                                  const char *name)
{
    char part[QUERY_PART_MAX];
    size_t name_size = strlen(name);
    for (int fragment = 0;; fragment++) {
        int size = lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, fragment);
        if (size < 0)
            return (struct bytes){ 0 };
        if ((size_t)size <= name_size || memcmp(part, name, name_size) != 0 ||
            part[name_size] != '=')
            continue;
        uint8_t *room = headers->copies.data + headers->copies.size;
        size_t value_size = (size_t)size - name_size - 1;
        if (headers->copies.capacity - headers->copies.size < value_size)
            return (struct bytes){ 0 };
        memcpy(room, part + name_size + 1, value_size);
        headers->copies.size += value_size;
        return bytes_of(room, value_size);
    }
}

static struct bytes read_path(struct request_headers *headers, struct lws *wsi)
{
    char *path;
    int size;
    int method = lws_http_get_uri_and_method(wsi, &path, &size);
    headers->upgrade.is_get = method == LWSHUMETH_GET;
    headers->is_head = method == LWSHUMETH_HEAD;
    return method < 0 ? (struct bytes){ 0 } : bytes_of(path, (size_t)size);
}

void request_headers_read(struct request_headers *headers, struct lws *wsi)
{
    *headers = (struct request_headers){ 0 };
    buffer_init(&headers->copies, COPIES_MAX);
    /* All at once: the views stay where they are. */
    const uint8_t *room = buffer_reserve(&headers->copies, COPIES_MAX);
    assert(room);
    headers->access = (struct access_request){
        .path = read_path(headers, wsi),
        .authorization = copy(headers, wsi, WSI_TOKEN_HTTP_AUTHORIZATION),
        .token = copy_argument(headers, wsi, "token"),
        .origin = copy(headers, wsi, WSI_TOKEN_ORIGIN),
        .host = copy(headers, wsi, WSI_TOKEN_HOST),
    };
    headers->upgrade.host = headers->access.host;
    headers->upgrade.connection = copy(headers, wsi, WSI_TOKEN_CONNECTION);
    headers->upgrade.version = copy(headers, wsi, WSI_TOKEN_VERSION);
    headers->upgrade.key = copy(headers, wsi, WSI_TOKEN_KEY);
    headers->upgrade.subprotocols = copy(headers, wsi, WSI_TOKEN_PROTOCOL);
    headers->forwarded_for = copy(headers, wsi, WSI_TOKEN_X_FORWARDED_FOR);
}

void request_headers_clear(struct request_headers *headers)
{
    buffer_free(&headers->copies);
}
