/* The address of a CertStream server, and what is asked of it. Pure. */
#ifndef STREAMER_TAIL_SERVER_URL_H
#define STREAMER_TAIL_SERVER_URL_H

#include "shared/base/buffer.h"

enum {
    SERVER_URL_HOST_SIZE = 256,
    SERVER_URL_PATH_SIZE = 1024,
    SERVER_URL_QUERY_SIZE = 2048,
    SERVER_HOST_HEADER_SIZE = SERVER_URL_HOST_SIZE + sizeof "[]:65535",
    /* A target is what fits into the headers of a request. */
    SERVER_TARGET_MAX = 8000,
};

struct server_url {
    bool is_tls;
    int port;
    char host[SERVER_URL_HOST_SIZE];   /* an IPv6 address without brackets */
    char path[SERVER_URL_PATH_SIZE];   /* begins with a slash */
    char query[SERVER_URL_QUERY_SIZE]; /* as given, without the question mark; or "" */
};

/* Reads ws://, wss://, http:// and https:// (which mean the former), or host[:port][/path]. NULL,
 * or what is wrong with it, in a constant text. */
const char *server_url_read(struct server_url *url, const char *text);

/* The value of the header Host (RFC 9110 section 7.2), NUL-terminated: without the port where it is
 * that of the scheme. */
void server_url_write_host(const struct server_url *url, char host[SERVER_HOST_HEADER_SIZE]);

/* Appends path and query of a request: `page` below the address's path ("": the path itself), which
 * is not repeated if the path ends with it. */
void server_url_begin_target(struct buffer *target, const struct server_url *url, const char *page);
/* Appends one more parameter, both parts percent-encoded (RFC 3986 section 2.1). */
void server_url_add_parameter(struct buffer *target, struct bytes name, struct bytes value);

#endif
