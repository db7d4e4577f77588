/*
 * Stands in the place of ingest/http/http_client: what is asked for waits until the test answers
 * it. A test that is linked with it opens no socket.
 */
#ifndef TESTS_UNIT_MADE_HTTP_H
#define TESTS_UNIT_MADE_HTTP_H

#include "ingest/http/http_client.h"

enum {
    MADE_HTTP_WAITING_MAX = 64,
    MADE_HTTP_URL_SIZE = 256,
};

struct made_request {
    char url[MADE_HTTP_URL_SIZE];
    size_t body_max;
    bool is_fresh;
    http_on_response on_response;
    void *context;
};

/* In the order in which they came. */
struct http_client {
    struct made_request waiting[MADE_HTTP_WAITING_MAX];
    size_t count;
    size_t asked; /* in all */
};

/* The first whose URL holds `text`; fails the test if there is none. */
size_t made_http_find(const struct http_client *client, const char *text);
/* How many of those that wait hold `text` in their URL. */
size_t made_http_count(const struct http_client *client, const char *text);

/* The request with this number is answered; those behind it move up. */
void made_http_answer(struct http_client *client, size_t number, long status, struct bytes body);
/* The same with a Retry-After, or with another result than an answer. */
void made_http_answer_with(struct http_client *client, size_t number, struct http_response response,
                           struct bytes body);
/* HTTP_STOPPED to all. */
void made_http_stop(struct http_client *client);

#endif
