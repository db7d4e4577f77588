/*
 * What is remembered of a connection as long as it is open, over all its requests: who is at its
 * other end. Counted among those of its customer as soon as that is known.
 */
#ifndef STREAMER_EDGE_CONNECTION_H
#define STREAMER_EDGE_CONNECTION_H

#include "streamer/edge/address.h"
#include "streamer/request/refusal.h"

struct admission;

struct connection {
    const struct admission *admission;
    struct address peer;    /* who connected; not known: through a Unix socket */
    uint64_t customer;      /* whom it is counted for */
    struct refusal refusal; /* what its first request is answered with */
    bool is_proxy;          /* trusted to say who the client is */
    bool is_over_tls;
    bool is_admin;    /* came to --admin-listen: nobody's customer, and lets himself in */
    bool is_reserved; /* one of the places that are kept for health and metrics */
};

/* The admission is borrowed as long as the connection exists. One that nobody stands before is
 * counted at once: too many of its customer, and `refusal` says so. */
struct connection *connection_create(const struct admission *admission, struct address peer,
                                     bool is_admin);
/* NULL is fine. */
void connection_destroy(struct connection *connection);

/* A request has come through a trusted proxy with this X-Forwarded-For: from now on it is counted
 * for that client. Answers the refusal if he has too many. It does nothing for other
 * connections. */
struct refusal connection_forward(struct connection *connection, struct bytes forwarded_for);
/* A request has shown a named token: from now on the connection is counted for its holder, whatever
 * its address has. Answers the refusal if he has too many. */
struct refusal connection_take_name(struct connection *connection, const char *customer);

#endif
