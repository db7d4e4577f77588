/*
 * What a client offers in Sec-WebSocket-Extensions, and what is answered: permessage-deflate (RFC
 * 7692 section 7.1) or nothing.
 */
#ifndef STREAMER_WS_WEBSOCKET_DEFLATE_H
#define STREAMER_WS_WEBSOCKET_DEFLATE_H

#include "shared/base/bytes.h"

#define WEBSOCKET_DEFLATE_NAME "permessage-deflate"

enum websocket_deflate_answer {
    WEBSOCKET_DEFLATE_NONE,   /* no offer that we can keep */
    WEBSOCKET_DEFLATE_PLAIN,  /* one that says nothing of our window */
    WEBSOCKET_DEFLATE_WINDOW, /* one that limits our window to what we have, which the answer must
                                 confirm */
};

/* `offers` is the value of the header, its lines joined by commas. The first offer that we can
 * keep is answered; one with parameters that are unknown, wrong or there twice is declined
 * (section 5.1), and so is one that wants us to use a smaller window than we do. */
enum websocket_deflate_answer websocket_deflate_answer(struct bytes offers);

/* The parameters that follow the name in the answer. Both sides forget each message: we because
 * all clients share the result, the client so that nothing has to be kept for what it says. */
const char *websocket_deflate_parameters(enum websocket_deflate_answer answer);

#endif
