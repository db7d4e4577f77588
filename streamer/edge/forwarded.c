#include "streamer/edge/forwarded.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/request/header_value.h"

#define UNIX_SOCKET "unix:"

bool trusted_proxies_check(struct bytes item)
{
    struct address_range range;
    return bytes_equal_string(item, UNIX_SOCKET) || address_range_parse(&range, item);
}

struct trusted_proxies trusted_proxies_of(char *const *items, size_t count)
{
    struct trusted_proxies proxies = { .ranges = memory_allocate_zeroed(count + 1,
                                                                        sizeof *proxies.ranges) };
    for (size_t i = 0; i < count; i++) {
        struct bytes item = bytes_of_string(items[i]);
        bool is_unix = bytes_equal_string(item, UNIX_SOCKET);
        bool good = is_unix || address_range_parse(&proxies.ranges[proxies.count], item);
        assert(good);
        proxies.unix_socket |= is_unix;
        proxies.count += !is_unix;
    }
    return proxies;
}

void trusted_proxies_clear(struct trusted_proxies *proxies)
{
    free(proxies->ranges);
    *proxies = (struct trusted_proxies){ 0 };
}

bool trusted_proxies_have(const struct trusted_proxies *proxies, struct address address)
{
    if (!address.is_known)
        return proxies->unix_socket;
    for (size_t i = 0; i < proxies->count; i++)
        if (address_range_contains(&proxies->ranges[i], address))
            return true;
    return false;
}

static bool is_port(struct bytes text)
{
    if (text.size < 2 || text.size > 6 || text.data[0] != ':')
        return false;
    for (size_t i = 1; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

/* [address] or [address]:port, address:port of IPv4, or an address alone. Not known if it is none
 * of them. */
static struct address parse_hop(struct bytes hop)
{
    bool in_brackets = hop.data[0] == '[';
    if (in_brackets)
        hop = bytes_of(hop.data + 1, hop.size - 1);
    const uint8_t *end = hop.size ? memchr(hop.data, in_brackets ? ']' : ':', hop.size) : NULL;
    size_t size = end ? (size_t)(end - hop.data) : hop.size;
    struct bytes behind = bytes_of(hop.data + size, hop.size - size);
    if (in_brackets && end)
        behind = bytes_of(behind.data + 1, behind.size - 1);
    bool is_whole = in_brackets ? end && (behind.size == 0 || is_port(behind)) : is_port(behind);
    if (!is_whole)
        size = in_brackets ? 0 : hop.size;
    struct address address;
    (void)address_parse(&address, bytes_of(hop.data, size));
    return address;
}

/* The header is read from left to right, so that it is one pass: what is not to be believed is
 * replaced by what stands right of it. */
struct address forwarded_client(const struct trusted_proxies *proxies, struct bytes header)
{
    struct address client = { 0 };
    bool is_first = true;
    for (struct bytes hop; (hop = header_value_take_element(&header)).data;) {
        struct address address = parse_hop(hop);
        if (is_first || !address.is_known || !trusted_proxies_have(proxies, address))
            client = address;
        is_first = false;
    }
    return client;
}
