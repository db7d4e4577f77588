/*
 * GETs over libcurl's multi interface: connections kept alive, HTTP/2 where a log has
 * it, compressed transfer, certificates checked, no redirects (a log's address is fixed), bodies
 * with a ceiling. It waits for the whole daemon: http_client_wait is the one place where ingest
 * sleeps.
 *
 * Ceilings count bytes as they are after decompression, and a body must not inflate to much more
 * than any honest one does. A body that is gzip although no header says so comes inflated too.
 */
#ifndef INGEST_HTTP_HTTP_CLIENT_H
#define INGEST_HTTP_HTTP_CLIENT_H

#include <poll.h>

#include "shared/base/buffer.h"

struct http_client;

enum {
    /* Longer entity tags are not worth keeping. */
    HTTP_ETAG_SIZE = 256,
    /* Bounds what is kept as evidence. */
    HTTP_HEAD_MAX = 8 * 1024,
    /* Connections to Redis that are waited for beside the transfers: one for each shard. */
    HTTP_CLIENT_OTHERS_MAX = 64,
};

enum http_result {
    HTTP_ANSWERED,    /* with any status */
    HTTP_UNREACHABLE, /* no connection, or it broke, stalled, or the certificate is wrong */
    HTTP_TOO_LARGE,   /* the body passed its ceiling, or is a decompression bomb */
    HTTP_STOPPED,     /* the client is being destroyed: nothing but the context is to be freed */
};

struct http_response {
    enum http_result result;
    long status;             /* of HTTP_ANSWERED */
    uint64_t retry_after_ms; /* of seconds or of a date; 0: none given, or a time that is over */
    const char *etag;  /* of HTTP_ANSWERED: as received, with its quotes, or ""; for this call */
    const char *error; /* otherwise: libcurl's text, for the log, quoted */
    /* These live for this call, if they were asked for: status line and header lines as received,
     * cut at HTTP_HEAD_MAX; and the address that answered, "" if none did. */
    struct bytes head;
    const char *peer;
    /* The callback may take the contents away (http_response_take_body). Empty if the pieces were
     * given to on_piece. */
    struct buffer *body;
    uint64_t body_size; /* bytes, after decompression, also of pieces */
};

/* Called once for each request, from http_client_perform. */
typedef void (*http_on_response)(void *context, const struct http_response *response);

/* Called for each piece of a body, in order, before its response. Whether the status is one that
 * has such a body is not known yet. */
typedef void (*http_on_piece)(void *context, struct bytes piece);

/* How a host is reached; all zero: as hosts are. The texts are copied. */
struct http_way {
    bool closes_connection; /* it asks for no keep-alive */
    const char *ca_file;
    const char *source_address;
    const char *proxy;
};

struct http_get {
    struct http_way way;
    const char *url; /* copied */
    /* Asked for only if it is another than this (If-None-Match: 304). Or NULL. Copied. */
    const char *etag;
    size_t body_max;      /* bytes after decompression */
    size_t body_expected; /* a guess that spares growing; 0: none */
    bool is_fresh;        /* over a connection of its own, and from no cache on the way */
    bool keeps_head;      /* for evidence: the response's head and peer are wanted */
    http_on_response on_response;
    /* Or NULL: gets the body in pieces as they arrive, which are then not kept; but a body that is
     * gzip is inflated as a whole and comes with the response. */
    http_on_piece on_piece;
    void *context;
};

struct http_client_options {
    const char *user_agent;
    long connections_max; /* in all */
    /* A transfer that hardly moves for so long has stalled; 0: a minute. */
    long stall_s;
};

struct http_client *http_client_create(const struct http_client_options *options);
/* Requests still out are called back with HTTP_STOPPED. NULL is fine. */
void http_client_destroy(struct http_client *client);

void http_client_get(struct http_client *client, const struct http_get *request);
/* Requests whose callback has not been called. */
size_t http_client_in_flight(const struct http_client *client);

/* Moves the bytes of the body to `out`, which the caller frees. */
void http_response_take_body(const struct http_response *response, struct buffer *out);

/* Waits until a transfer, one of `others` (as for poll(2), which sets their `revents`; at most
 * HTTP_CLIENT_OTHERS_MAX) or `timeout_ms` calls. */
void http_client_wait(struct http_client *client, struct pollfd *others, size_t count,
                      int timeout_ms);
/* Does what can be done without waiting, and calls back for what is finished. */
void http_client_perform(struct http_client *client);

#endif
