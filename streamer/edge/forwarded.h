/*
 * Who a client is when proxies stand before us: X-Forwarded-For, which anybody can send, so it is
 * believed only as far as the proxies that added to it are trusted. (Not the Forwarded header of
 * RFC 7239: a proxy that writes the one lets the other pass as the client made it up, so only one
 * may count.)
 */
#ifndef STREAMER_EDGE_FORWARDED_H
#define STREAMER_EDGE_FORWARDED_H

#include "streamer/edge/address.h"

/* Borrowed by whoever is given it. */
struct trusted_proxies {
    struct address_range *ranges;
    size_t count;
    bool unix_socket; /* whoever connects there */
};

/* What the setting's items mean: ranges, or "unix:". */
bool trusted_proxies_check(struct bytes item);
/* Takes items that trusted_proxies_check approves. */
struct trusted_proxies trusted_proxies_of(char *const *items, size_t count);
void trusted_proxies_clear(struct trusted_proxies *proxies);

/* An unknown address is that of a Unix socket. */
bool trusted_proxies_have(const struct trusted_proxies *proxies, struct address address);

/* The rightmost hop of the header that is no trusted proxy; if all are, the first. Not known if
 * that hop is no address. For use only if the peer is trusted. A hop may have a port and an IPv6
 * one brackets. */
struct address forwarded_client(const struct trusted_proxies *proxies, struct bytes header);

#endif
