/*
 * Where Redis is: redis://[user:password@]host[:port][/db] or unix:///path[?db=N]. User and password may be
 * percent-encoded (RFC 3986 section 2.1).
 */
#ifndef SHARED_REDIS_ADDRESS_H
#define SHARED_REDIS_ADDRESS_H

#include <stdbool.h>

struct redis_address {
    char host[256]; /* empty for a Unix socket */
    char path[108]; /* of the Unix socket, else empty */
    char user[128];
    char password[256];
    int port;
    int database;
};

/* NULL and a filled address, or a constant text that says what is wrong. */
const char *redis_address_parse(struct redis_address *address, const char *text);

#endif
