/* One blocking HTTP request, for tests. */
#ifndef TESTS_SUPPORT_HTTP_GET_H
#define TESTS_SUPPORT_HTTP_GET_H

#include "shared/base/buffer.h"

struct http_answer {
    long status; /* 0: no answer at all */
    char content_type[128];
    struct buffer body; /* ends with a NUL that its size does not count */
};

/* Fetches the URL; redirects are not followed, compression is undone. Free with
 * http_answer_free. */
struct http_answer http_get(const char *url);
/* The same with a port and path on 127.0.0.1. */
struct http_answer http_get_local(int port, const char *path);
void http_answer_free(struct http_answer *answer);

/* A number without labels of what the daemon at this port says of itself; fails the test if it is
 * not there. */
uint64_t http_get_metric(int port, const char *name);

/* The body as text, alive as long as the answer. */
const char *http_answer_text(const struct http_answer *answer);

#endif
