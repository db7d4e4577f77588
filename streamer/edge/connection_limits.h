/*
 * How many connections each customer (address.h) has, and whether one more is welcome: a table
 * without I/O. A connection whose address is not known is not counted here.
 *
 * Open addressing with linear probing; what goes away is closed up behind, so that it never fills
 * with tombstones. Keys are mixed with a seed that nobody outside knows: whoever owns many
 * addresses cannot choose some that collide.
 */
#ifndef STREAMER_EDGE_CONNECTION_LIMITS_H
#define STREAMER_EDGE_CONNECTION_LIMITS_H

#include "streamer/edge/address.h"

struct connection_limits;

/* Each customer may have `per_customer` at most; 0: nothing is counted. `connections`: how
 * many there are at most in all, which bounds the table. */
struct connection_limits *connection_limits_create(size_t connections, size_t per_customer,
                                                   uint64_t seed);
/* NULL is fine. */
void connection_limits_destroy(struct connection_limits *limits);

/* False, and nothing has changed, if the customer has all that he may have. */
bool connection_limits_take(struct connection_limits *limits, struct address address);
/* The end of what was taken with the same address. */
void connection_limits_give_back(struct connection_limits *limits, struct address address);

/* Tests ask how many customers have any. */
size_t connection_limits_customers(const struct connection_limits *limits);

#endif
