/* All the places where the streamer listens. */
#ifndef STREAMER_EDGE_LISTENERS_H
#define STREAMER_EDGE_LISTENERS_H

#include "streamer/edge/listener.h"

enum {
    LISTENERS_MAX = 16
};

struct listeners {
    struct open_listener {
        struct listener_place place;
        int descriptor;
        char url[LISTENER_URL_SIZE];
    } items[LISTENERS_MAX];
    size_t count;
};

struct listeners_options {
    char *const *places; /* that listener_place_parse approves */
    size_t count;
    uint16_t port; /* of those that name none */
    bool is_shared;
    bool has_certificate; /* then TCP is TLS unless a place says http:// */
};

/* All or none: false, and why in `reason` (LISTENER_REASON_SIZE). */
bool listeners_open(struct listeners *listeners, const struct listeners_options *options,
                    char *reason);
void listeners_close(struct listeners *listeners);

#endif
