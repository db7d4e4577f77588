/*
 * permessage-deflate on connections of libwebsockets. What goes out was compressed by the lanes and
 * passes libwebsockets by; what comes in its own extension inflates. The answer to the handshake is
 * ours, because libwebsockets' takes no part of an offer that has a number.
 */
#ifndef STREAMER_WS_DEFLATE_EXTENSION_H
#define STREAMER_WS_DEFLATE_EXTENSION_H

#include "streamer/ws/websocket_deflate.h"

struct lws;
struct lws_extension;
struct lws_process_html_args;

/* The table for the vhost. */
const struct lws_extension *deflate_extension_table(void);

/* What the client offers, and what we answer; while its request's headers are there. */
enum websocket_deflate_answer deflate_extension_answer(struct lws *wsi);
/* True if the offers are more than libwebsockets can read: it would hang up without a word. */
bool deflate_extension_is_too_long(struct lws *wsi);

/* Completes the answer, whose name libwebsockets has just written, with its parameters. False if it
 * has not. */
bool deflate_extension_add_parameters(struct lws_process_html_args *headers,
                                      enum websocket_deflate_answer answer);

#endif
