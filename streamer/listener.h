/*
 * The listening socket. Made by us and not by libwebsockets, whose Debian 12 version does not set SO_REUSEPORT for a
 * server of one thread; with it, several streamers share a port and the kernel deals the connections out.
 */
#ifndef STREAMER_LISTENER_H
#define STREAMER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* "http://", an IPv6 address with its scope in brackets, a colon, a port and a NUL. */
    LISTENER_URL_SIZE = 96,
    LISTENER_REASON_SIZE = 192,
};

struct listener_place {
    const char *address; /* numeric, IPv4 or IPv6 */
    uint16_t port;       /* 0: any that is free */
    bool is_shared;      /* with others who say so */
};

/* Answers a non-blocking descriptor, which the caller closes, and writes "http://address:port" to `url`; or -1 and why to
 * `reason`. A port is in use if somebody has it who does not share it, or if it is not to be shared. */
int listener_open(const struct listener_place *place, char *url, char *reason);

/* Accepts one connection: a non-blocking descriptor, which the caller closes; -1 and errno as accept4(2). */
int listener_accept(int descriptor);

#endif
