#include "shared/redis/redis_cluster.h"

#include <stdint.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/bytes.h"
#include "shared/base/decimal.h"
#include "shared/redis/redis_address.h"

enum {
    PORT_MAX = 65535,
    CRC16_POLYNOMIAL = 0x1021,
    /* Of a range of slots: its first and last slot, its master, its replicas. */
    RANGE_FIRST = 0,
    RANGE_LAST,
    RANGE_MASTER,
    RANGE_REPLICAS,
};

/* What stands between the first { and the next }, if that is anything: the hash tag. */
static struct bytes find_tag(const char *key)
{
    const char *open = strchr(key, '{');
    const char *close = open ? strchr(open + 1, '}') : NULL;
    bool has_tag = close && close > open + 1;
    return has_tag ? bytes_of(open + 1, (size_t)(close - open - 1)) : (struct bytes){ 0 };
}

/* CRC-16/XMODEM, as the Redis Cluster specification has it: once per connection. */
static unsigned crc16(struct bytes bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned)bytes.data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000U ? crc << 1 ^ CRC16_POLYNOMIAL : crc << 1;
    }
    return crc & 0xffffU;
}

unsigned redis_cluster_slot(const char *key)
{
    struct bytes tag = find_tag(key);
    return crc16(tag.size ? tag : bytes_of_string(key)) % REDIS_SLOTS;
}

bool redis_cluster_has_tag(const char *prefix)
{
    return find_tag(prefix).size > 0;
}

const char *redis_cluster_refuse_prefix(const char *address, const char *prefix)
{
    struct redis_address parsed;
    bool is_cluster =
        !redis_address_parse(&parsed, address) && parsed.place == REDIS_PLACE_OF_CLUSTER;
    return !is_cluster || redis_cluster_has_tag(prefix)
               ? NULL
               : "with cluster:// the prefix needs a hash tag, as {certstream} has it: all keys "
                 "have to lie in one slot";
}

/* "?" is what a node says of one whose name it was not told. */
static bool set_host(struct redis_host *host, struct bytes name, uint64_t port,
                     const struct redis_host *asked)
{
    if (name.size >= sizeof host->name || bytes_equal_string(name, "?") || port == 0 ||
        port > PORT_MAX || (name.size && memchr(name.data, '\0', name.size)))
        return false;
    struct redis_host found = *asked;
    if (name.size) {
        memcpy(found.name, name.data, name.size);
        found.name[name.size] = '\0';
    }
    found.port = (int)port;
    *host = found;
    return true;
}

/* A node is its name or nil, its port, and what is of no use here. */
static bool read_node(struct redis_host *host, const redisReply *node,
                      const struct redis_host *asked)
{
    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
        node->element[1]->type != REDIS_REPLY_INTEGER || node->element[1]->integer < 0)
        return false;
    const redisReply *name = node->element[0];
    bool has_name = name->type == REDIS_REPLY_STRING || name->type == REDIS_REPLY_STATUS;
    if (!has_name && name->type != REDIS_REPLY_NIL)
        return false;
    struct bytes text = has_name ? bytes_of(name->str, (size_t)name->len) : (struct bytes){ 0 };
    return set_host(host, text, (uint64_t)node->element[1]->integer, asked);
}

static bool is_range(const redisReply *range)
{
    return range->type == REDIS_REPLY_ARRAY && range->elements > RANGE_MASTER &&
           range->element[RANGE_FIRST]->type == REDIS_REPLY_INTEGER &&
           range->element[RANGE_LAST]->type == REDIS_REPLY_INTEGER;
}

static const redisReply *find_range(const redisReply *reply, unsigned slot)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *range = reply->element[i];
        if (is_range(range) && range->element[RANGE_FIRST]->integer <= (long long)slot &&
            range->element[RANGE_LAST]->integer >= (long long)slot)
            return range;
    }
    return NULL;
}

bool redis_cluster_read_owner(struct redis_host *owner, const struct redisReply *reply,
                              unsigned slot, const struct redis_host *asked)
{
    const redisReply *range = find_range(reply, slot);
    return range && read_node(owner, range->element[RANGE_MASTER], asked);
}

bool redis_cluster_read_replica(struct redis_host *replica, const struct redisReply *reply,
                                unsigned slot, const struct redis_host *asked, unsigned number)
{
    const redisReply *range = find_range(reply, slot);
    size_t count = range ? range->elements - RANGE_REPLICAS : 0;
    return count && read_node(replica, range->element[RANGE_REPLICAS + number % count], asked);
}

static bool is_among(const struct redis_host *nodes, size_t count, const struct redis_host *node)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[i].port == node->port && strcmp(nodes[i].name, node->name) == 0)
            return true;
    return false;
}

size_t redis_cluster_read_nodes(struct redis_host *nodes, size_t count, size_t max,
                                const struct redisReply *reply, const struct redis_host *asked)
{
    size_t ranges = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < ranges; i++) {
        const redisReply *range = reply->element[i];
        for (size_t j = RANGE_MASTER; is_range(range) && j < range->elements && count < max; j++)
            if (read_node(&nodes[count], range->element[j], asked) &&
                !is_among(nodes, count, &nodes[count]))
                count++;
    }
    return count;
}

bool redis_cluster_read_moved(struct redis_host *owner, const char *error,
                              const struct redis_host *asked)
{
    static const char moved[] = "MOVED ";
    if (strncmp(error, moved, sizeof moved - 1) != 0)
        return false;
    const char *slot_text = error + sizeof moved - 1;
    size_t slot_size = strcspn(slot_text, " ");
    if (slot_text[slot_size] != ' ')
        return false;
    const char *name = slot_text + slot_size + 1;
    /* An IPv6 address has colons of its own. */
    const char *colon = strrchr(name, ':');
    uint64_t slot, port;
    return colon && decimal_parse(&slot, bytes_of(slot_text, slot_size)) && slot < REDIS_SLOTS &&
           decimal_parse(&port, bytes_of_string(colon + 1)) &&
           set_host(owner, bytes_of(name, (size_t)(colon - name)), port, asked);
}
