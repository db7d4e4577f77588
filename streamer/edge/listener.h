/*
 * A listening socket. With SO_REUSEPORT several streamers share a port, and the kernel deals the
 * connections out.
 */
#ifndef STREAMER_EDGE_LISTENER_H
#define STREAMER_EDGE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/edge/address.h"

enum {
    /* What a sockaddr_un has room for, with its NUL. */
    LISTENER_PATH_SIZE = 108,
    /* "https://", an IPv6 address with its scope in brackets, a colon and a port; or "unix:" and a
     * path. */
    LISTENER_URL_SIZE = LISTENER_PATH_SIZE + 8,
    LISTENER_REASON_SIZE = 256,
};

struct listener_place {
    char address[LISTENER_PATH_SIZE]; /* numeric, IPv4 or IPv6; or the path of a Unix socket */
    uint16_t port;                    /* 0: any that is free */
    bool has_port;                    /* the text named one */
    bool is_unix;
    bool is_tls;    /* "https://" */
    bool is_plain;  /* "http://": in the clear although there is a certificate */
    bool is_shared; /* with others who say so */
    bool ipv6_only; /* IPv4 is somebody else's */
};

/* [http://|https://]ADDRESS[:PORT], an IPv6 address with a port in brackets, or unix:/path. NULL,
 * or what is wrong. */
const char *listener_place_parse(struct listener_place *place, const char *text);

/* Answers a non-blocking descriptor and writes "http://address:port" (or https, or unix:/path) to
 * `url`; or -1 and why to `reason`. A port is in use if somebody has it who does not share it, or
 * if it is not to be shared. A Unix socket is for its owner and group; one that was left behind is
 * taken over, one that somebody listens on is not. */
int listener_open(const struct listener_place *place, char *url, char *reason);
/* Closes it; a Unix socket's file goes too. */
void listener_close(int descriptor, const struct listener_place *place);

/* Connects to a place that listens: a blocking descriptor, which the caller closes, on which each
 * of connecting, sending and receiving takes at most `timeout_s` seconds; or -1 and errno. "Every
 * address" (0.0.0.0, ::) is this machine. */
int listener_connect(const struct listener_place *place, unsigned timeout_s);

/* Accepts one connection: a non-blocking descriptor, which the caller closes, and who is at its
 * other end; -1 and errno as accept4(2). */
int listener_accept(int descriptor, struct address *peer);

#endif
