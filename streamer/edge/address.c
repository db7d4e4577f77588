#include "streamer/edge/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
    MAPPED_SIZE = 12,
    IPV4_SIZE = 4,
    BITS_MAX = 8 * ADDRESS_SIZE,
    MAPPED_BITS = 8 * MAPPED_SIZE,
    CUSTOMER_BITS = 64,
    LOOPBACK_NET = 127,
};

static const uint8_t mapped[MAPPED_SIZE] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static struct address of_ipv4(const void *binary)
{
    struct address address = { .is_known = true };
    memcpy(address.bytes, mapped, MAPPED_SIZE);
    memcpy(address.bytes + MAPPED_SIZE, binary, IPV4_SIZE);
    return address;
}

static struct address of_ipv6(const void *binary)
{
    struct address address = { .is_known = true };
    memcpy(address.bytes, binary, ADDRESS_SIZE);
    return address;
}

bool address_parse(struct address *address, struct bytes text)
{
    char copy[ADDRESS_TEXT_SIZE];
    uint8_t binary[ADDRESS_SIZE];
    *address = (struct address){ 0 };
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, '\0', text.size))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, binary) == 1)
        *address = of_ipv4(binary);
    else if (inet_pton(AF_INET6, copy, binary) == 1)
        *address = of_ipv6(binary);
    return address->is_known;
}

struct address address_of_socket(const struct sockaddr *socket)
{
    /* Copies, because a sockaddr need not be aligned as the kind it turns out to be. */
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    switch (socket->sa_family) {
    case AF_INET: memcpy(&ipv4, socket, sizeof ipv4); return of_ipv4(&ipv4.sin_addr);
    case AF_INET6: memcpy(&ipv6, socket, sizeof ipv6); return of_ipv6(&ipv6.sin6_addr);
    default: return (struct address){ 0 };
    }
}

const char *address_format(char *text, struct address address)
{
    bool is_ipv4 = address_is_ipv4(address);
    const uint8_t *binary = address.bytes + (is_ipv4 ? MAPPED_SIZE : 0);
    if (!address.is_known ||
        !inet_ntop(is_ipv4 ? AF_INET : AF_INET6, binary, text, ADDRESS_TEXT_SIZE))
        memcpy(text, "unknown", sizeof "unknown");
    return text;
}

bool address_is_ipv4(struct address address)
{
    return address.is_known && memcmp(address.bytes, mapped, MAPPED_SIZE) == 0;
}

bool address_equal(struct address a, struct address b)
{
    return a.is_known == b.is_known && memcmp(a.bytes, b.bytes, ADDRESS_SIZE) == 0;
}

bool address_is_loopback(struct address address)
{
    static const uint8_t one[ADDRESS_SIZE] = { [ADDRESS_SIZE - 1] = 1 };
    return address.is_known &&
           (address_is_ipv4(address) ? address.bytes[MAPPED_SIZE] == LOOPBACK_NET
                                     : memcmp(address.bytes, one, sizeof one) == 0);
}

static struct address keep_bits(struct address address, unsigned bits)
{
    for (unsigned i = 0; i < ADDRESS_SIZE; i++) {
        unsigned kept = bits <= 8 * i ? 0 : bits - 8 * i;
        if (kept < 8)
            address.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
    return address;
}

struct address address_customer(struct address address)
{
    return address_is_ipv4(address) ? address : keep_bits(address, CUSTOMER_BITS);
}

const char *address_format_customer(char *text, struct address address)
{
    address_format(text, address_customer(address));
    if (address.is_known && !address_is_ipv4(address))
        memcpy(text + strlen(text), "/64", sizeof "/64");
    return text;
}

/* One to three digits, at most `max`. */
static bool parse_bits(unsigned *bits, struct bytes text, unsigned max)
{
    *bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *bits = *bits * 10 + (text.data[i] - '0');
        if (i == 3)
            return false;
    }
    return text.size > 0 && *bits <= max;
}

bool address_range_parse(struct address_range *range, struct bytes text)
{
    const uint8_t *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
    size_t size = slash ? (size_t)(slash - text.data) : text.size;
    if (!address_parse(&range->first, bytes_of(text.data, size)))
        return false;
    unsigned outside = address_is_ipv4(range->first) ? MAPPED_BITS : 0;
    unsigned bits = BITS_MAX - outside;
    if (slash && !parse_bits(&bits, bytes_of(slash + 1, text.size - size - 1), bits))
        return false;
    range->bits = outside + bits;
    range->first = keep_bits(range->first, range->bits);
    return true;
}

bool address_range_contains(const struct address_range *range, struct address address)
{
    return address.is_known && address_is_ipv4(range->first) == address_is_ipv4(address) &&
           address_equal(keep_bits(address, range->bits), range->first);
}
