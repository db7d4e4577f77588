/*
 * A small HTTP/1.1 server: one thread, epoll, keep-alive. Ours rather than a library's because a
 * test log must be able to answer wrongly: cut a body, drip it, close without a word.
 */
#ifndef CT_LOG_HTTP_SERVER_H
#define CT_LOG_HTTP_SERVER_H

#include "tests/support/ct_log/http_message.h"

/* Fills the reply, whose body is empty and whose status is 200. */
typedef void (*http_handler)(void *context, const struct http_request *request,
                             struct http_reply *reply);

struct http_server;

/* Listens on an IPv4 address; port 0 takes any. NULL with errno if that fails. */
struct http_server *http_server_create(const char *address, uint16_t port, http_handler handler,
                                       void *context);
void http_server_destroy(struct http_server *server);
/* Connections accepted so far. */
uint64_t http_server_accepted(const struct http_server *server);
uint16_t http_server_port(const struct http_server *server);

/* Waits until something happens, at most until `deadline_ms` of the monotonic clock, and serves
 * it. */
void http_server_serve(struct http_server *server, uint64_t deadline_ms);

#endif
