/*
 * Where Redis is:
 *
 *   redis://[user:password@]host[:port][/db]                 unix:///path[?db=N]
 *   rediss://… as redis://, with TLS                          [?ca=FILE][&cert=FILE&key=FILE]
 *   sentinel://[user:password@]host[:port][,host[:port]]…/name[/db]
 *       [?role=replica][&sentinel_user=…][&sentinel_password=…][&tls=yes[&ca=FILE]…]
 *   cluster://[user:password@]host[:port][,host[:port]]…[/][?role=replica][&tls=yes[&ca=FILE]…]
 *
 * User and password, as every value of the query, may be percent-encoded (RFC 3986 section 2.1).
 * Pure.
 */
#ifndef SHARED_REDIS_REDIS_ADDRESS_H
#define SHARED_REDIS_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    REDIS_HOST_SIZE = 256,
    REDIS_PATH_SIZE = 256,
    REDIS_USER_SIZE = 128,
    REDIS_PASSWORD_SIZE = 256,
    /* A quorum of sentinels of any sense has three or five; a cluster tells of its other nodes. */
    REDIS_GUIDES_MAX = 9,
};

struct redis_host {
    char name[REDIS_HOST_SIZE]; /* or numeric address */
    int port;
};

/* Files with PEM; "" : the system's authorities, no certificate of ours. */
struct redis_tls_files {
    char ca[REDIS_PATH_SIZE];
    char certificate[REDIS_PATH_SIZE];
    char key[REDIS_PATH_SIZE];
};

/* How the server is found. */
enum redis_place {
    REDIS_PLACE_FIXED,
    REDIS_PLACE_OF_SENTINELS,
    REDIS_PLACE_OF_CLUSTER,
};

struct redis_address {
    enum redis_place place;
    struct redis_host host; /* no name: a Unix socket, or not of a fixed place */
    char path[108];         /* of the Unix socket, else empty */
    char user[REDIS_USER_SIZE];
    char password[REDIS_PASSWORD_SIZE];
    int database;
    /* Who is asked where the server is: the sentinels, or some nodes of the cluster. */
    struct redis_host guides[REDIS_GUIDES_MAX];
    size_t guide_count;
    char master_name[REDIS_HOST_SIZE]; /* what the sentinels call the master */
    char sentinel_user[REDIS_USER_SIZE];
    char sentinel_password[REDIS_PASSWORD_SIZE];
    bool wants_replica; /* one of the replicas is as good, and spares the master */
    bool has_tls;       /* of Redis and of the guides */
    struct redis_tls_files tls;
};

/* NULL and a filled address, or a constant text that says what is wrong. */
const char *redis_address_parse(struct redis_address *address, const char *text);

#endif
