/*
 * A request of HTTP/1.1 or 1.0 as it comes in, up to the empty line (RFC 9112): which of its bytes
 * are the head, and what the head says. Bytes in, a request or a refusal out. There are no bodies
 * here: what announces one is refused, so that nobody can disagree with us about where the next
 * request begins.
 */
#ifndef STREAMER_REQUEST_REQUEST_HEAD_H
#define STREAMER_REQUEST_REQUEST_HEAD_H

#include "shared/base/buffer.h"
#include "streamer/request/refusal.h"

enum {
    /* As much as nginx and Apache take by default; a filter's watch list of domains fits. */
    REQUEST_HEAD_MAX = 8192,
    /* Browsers send 20, proxies add some. */
    REQUEST_FIELDS_MAX = 128,
    /* None of the paths that we know is longer; one that is is none of them. */
    REQUEST_PATH_MAX = 512,
};

enum request_method {
    REQUEST_GET,
    REQUEST_HEAD,
    REQUEST_OPTIONS,
    REQUEST_DELETE, /* only where administrators ask */
};

/* The fields that we read; the others are passed over. */
enum request_field {
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_AUTHORIZATION,
    FIELD_ORIGIN,
    FIELD_UPGRADE,
    FIELD_WEBSOCKET_VERSION,
    FIELD_WEBSOCKET_KEY,
    FIELD_WEBSOCKET_PROTOCOL,
    FIELD_WEBSOCKET_EXTENSIONS,
    FIELD_FORWARDED_FOR,
    FIELD_IF_NONE_MATCH,
    FIELD_LAST_EVENT_ID,
    FIELD_ACCEPT_ENCODING,
    REQUEST_FIELDS
};

struct request_head {
    enum request_method method;
    struct bytes path;                   /* decoded, as request_path has it; data in `path_text` */
    struct bytes query;                  /* as it came, behind the question mark */
    struct bytes fields[REQUEST_FIELDS]; /* trimmed; no data where there is none */
    bool keeps_alive;                    /* the client wants to ask again */
    uint8_t path_text[REQUEST_PATH_MAX];
    struct buffer joined; /* the values of fields that came on several lines */
};

/* How many of the bytes are the head, its empty line included, and empty lines before it; 0: there
 * is more to come. `seen` of them were looked at before, and did not hold it. */
size_t request_head_size(struct bytes input, size_t seen);

/* Reads the head of that size. The views point into `text`, which must stay, and into `head`, which
 * must not be copied; to be cleared in any case. After a refusal nobody knows what comes next: the
 * connection is to be closed. */
struct refusal request_head_read(struct request_head *head, struct bytes text);
void request_head_clear(struct request_head *head);

/* What to answer to bytes that are still no whole head although there are REQUEST_HEAD_MAX. */
struct refusal request_head_too_large(struct bytes input);

/* True if the comma-separated list of the field has the element, whatever its case. */
bool request_head_lists(const struct request_head *head, enum request_field field,
                        const char *element);

#endif
