/* The head of an answer (RFC 9112 section 4, 5), as text. Pure. */
#ifndef STREAMER_REQUEST_ANSWER_HEAD_H
#define STREAMER_REQUEST_ANSWER_HEAD_H

#include "shared/base/buffer.h"

enum {
    /* All of it: its values are constants of ours, and what an upgrade agrees on. */
    ANSWER_HEAD_MAX = 1536,
    /* "Sun, 06 Nov 1994 08:49:37 GMT", with its NUL. */
    HTTP_DATE_SIZE = 30,
};

/* How long the body is. */
enum answer_body {
    BODY_OF_SIZE, /* as body_size says */
    BODY_NONE,    /* none, and no length: 101, 204, 304 */
    BODY_TO_END,  /* as long as the connection */
};

struct answer_head {
    int status;
    const char *content_type; /* NULL: none */
    enum answer_body body;
    size_t body_size;
    bool keeps_alive;
    bool is_gzip; /* so the entity tag, which is of what was compressed, is a weak one */
    bool varies;  /* with what encodings the client takes */
    const char *cache_control; /* NULL: none */
    const char *entity_tag;    /* with its quotes; NULL: none */
    const char *more;          /* whole lines; NULL: none */
};

/* `realtime_ms` since 1970, as the Date field has it (RFC 9110 section 5.6.7). Answers `text`. */
const char *http_date_format(char *text, uint64_t realtime_ms);

/* Appends the head with its empty line; fields that belong to the status are in it. */
void answer_head_write(struct buffer *out, const struct answer_head *head, uint64_t realtime_ms);

#endif
