/*
 * An HTTP/1.1 request as the local CT log needs it, and the reply to it with every way in which it
 * can go wrong on purpose.
 */
#ifndef CT_LOG_HTTP_MESSAGE_H
#define CT_LOG_HTTP_MESSAGE_H

#include "shared/base/buffer.h"

enum {
    /* Request line and headers; no client of a log sends more. */
    HTTP_REQUEST_MAX = 16 * 1024,
    HTTP_HEADERS_MAX = 256,
};

/* Views into the connection's input, for the time of one answer. */
struct http_request {
    struct bytes method;
    struct bytes path; /* without the query */
    struct bytes query;
    bool keeps_alive;
    uint64_t body_size;
    struct bytes if_none_match; /* empty: none */
    bool is_fresh;              /* Cache-Control: no-cache */
};

enum http_parse_result {
    HTTP_PARSE_INCOMPLETE,
    HTTP_PARSE_DONE,
    HTTP_PARSE_WRONG,
};

/* Reads the request at the start of `input`; `consumed` is the size of its line and headers. */
enum http_parse_result http_request_parse(struct http_request *request, struct bytes input,
                                          size_t *consumed);

/* Finds `name=value` in a query, percent-decodes the value and writes it, NUL-terminated. False if
 * it is absent, does not fit, or is wrongly encoded. */
bool http_query_text(struct bytes query, const char *name, char *out, size_t size);
/* The same for an unsigned decimal number. */
bool http_query_number(struct bytes query, const char *name, uint64_t *out);
bool http_query_has(struct bytes query, const char *name);

struct http_reply {
    unsigned status;
    const char *content_type;
    char headers[HTTP_HEADERS_MAX]; /* further header lines, each with its CRLF */
    struct buffer body;
    /* What goes wrong on purpose. */
    bool closes_unanswered;
    bool is_cut; /* the connection is closed after `cut_size` bytes of the body */
    size_t cut_size;
    uint64_t delay_ms;         /* before the first byte */
    uint64_t bytes_per_second; /* 0: as fast as it goes */
};

/* Makes it a short plain text. */
void http_reply_text(struct http_reply *reply, unsigned status, const char *text);
/* Appends `line` and CRLF to the further headers. */
void http_reply_add_header(struct http_reply *reply, const char *line);
const char *http_status_text(unsigned status);

#endif
