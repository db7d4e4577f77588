/*
 * The listening socket. Made by us and not by libwebsockets, whose Debian 12 version does not set SO_REUSEPORT for a
 * server of one thread; with it, several streamers share a port and the kernel deals the connections out.
 */
#ifndef STREAMER_LISTENER_H
#define STREAMER_LISTENER_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* "http://", an IPv6 address with its scope in brackets, a colon, a port and a NUL. */
    LISTENER_URL_SIZE = 96,
    LISTENER_REASON_SIZE = 192,
};

/* Listens on the numeric IPv4 or IPv6 `address` and `port` (0: any that is free). Answers a non-blocking descriptor, which
 * the caller closes, and writes "http://address:port" to `url`; or -1 and why to `reason`. A port that a socket without
 * SO_REUSEPORT has is in use. */
int listener_open(const char *address, uint16_t port, char *url, char *reason);

/* Accepts one connection: a non-blocking descriptor, which the caller closes; -1 and errno as accept4(2). */
int listener_accept(int descriptor);

#endif
