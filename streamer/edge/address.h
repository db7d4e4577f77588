/*
 * Addresses of the Internet, of both kinds in one form: IPv4 as an IPv4-mapped IPv6 address (RFC
 * 4291 section 2.5.5.2), which is also what a dual-stack socket says.
 */
#ifndef STREAMER_EDGE_ADDRESS_H
#define STREAMER_EDGE_ADDRESS_H

#include "shared/base/bytes.h"

struct sockaddr;

enum {
    ADDRESS_SIZE = 16,
    ADDRESS_TEXT_SIZE = 46, /* with its NUL */
    ADDRESS_CUSTOMER_SIZE = ADDRESS_TEXT_SIZE + 3,
};

struct address {
    uint8_t bytes[ADDRESS_SIZE];
    bool is_known; /* false: of a Unix socket, or nobody said */
};

/* Addresses that share their first bits, "10.0.0.0/8". */
struct address_range {
    struct address first;
    unsigned bits; /* of the IPv6 form */
};

/* Decimal dots or RFC 4291 section 2.2, nothing around it. False: it is neither, and `address` is
 * not known. */
bool address_parse(struct address *address, struct bytes text);
struct address address_of_socket(const struct sockaddr *socket);
/* Writes ADDRESS_TEXT_SIZE bytes at most, "unknown" for one that is not; answers `text`. */
const char *address_format(char *text, struct address address);
bool address_is_ipv4(struct address address);
bool address_equal(struct address a, struct address b);
/* 127.0.0.0/8 and ::1. */
bool address_is_loopback(struct address address);

/* What one customer has: an IPv4 address, the /64 of an IPv6 one. */
struct address address_customer(struct address address);
/* The same as text: "192.0.2.1", "2001:db8::/64"; ADDRESS_CUSTOMER_SIZE bytes at most. Answers
 * `text`. */
const char *address_format_customer(char *text, struct address address);

/* An address, or one with /bits; bits beyond those count for nothing. */
bool address_range_parse(struct address_range *range, struct bytes text);
/* Never true of an unknown address, nor across the two kinds. */
bool address_range_contains(const struct address_range *range, struct address address);

#endif
