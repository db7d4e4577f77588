#include "shared/redis/redis_sentinel.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/bytes.h"
#include "shared/base/decimal.h"
#include "shared/redis/redis_address.h"

enum {
    PORT_MAX = 65535
};

static struct bytes sentinel_text(const redisReply *reply)
{
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    return is_text ? bytes_of(reply->str, (size_t)reply->len) : (struct bytes){ 0 };
}

static bool read_host(struct redis_host *host, struct bytes name, struct bytes port)
{
    uint64_t number;
    if (name.size == 0 || name.size >= sizeof host->name || memchr(name.data, '\0', name.size) ||
        !decimal_parse(&number, port) || number == 0 || number > PORT_MAX)
        return false;
    memcpy(host->name, name.data, name.size);
    host->name[name.size] = '\0';
    host->port = (int)number;
    return true;
}

bool redis_sentinel_read_master(struct redis_host *host, const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           read_host(host, sentinel_text(reply->element[0]), sentinel_text(reply->element[1]));
}

/* A replica is described by names and values in turn. */
static struct bytes find_value(const redisReply *replica, const char *name)
{
    for (size_t i = 0; i + 1 < replica->elements; i += 2)
        if (bytes_equal_string(sentinel_text(replica->element[i]), name))
            return sentinel_text(replica->element[i + 1]);
    return (struct bytes){ 0 };
}

/* Its flags are `slave` and nothing else, such as s_down or disconnected. */
static bool is_well(const redisReply *replica, struct redis_host *host)
{
    return replica->type == REDIS_REPLY_ARRAY &&
           bytes_equal_string(find_value(replica, "flags"), "slave") &&
           bytes_equal_string(find_value(replica, "master-link-status"), "ok") &&
           read_host(host, find_value(replica, "ip"), find_value(replica, "port"));
}

bool redis_sentinel_read_replica(struct redis_host *host, const struct redisReply *reply,
                                 unsigned number)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    struct redis_host candidate;
    unsigned count = 0;
    for (size_t i = 0; i < reply->elements; i++)
        count += is_well(reply->element[i], &candidate);
    for (size_t i = 0, at = 0; i < reply->elements; i++)
        if (is_well(reply->element[i], &candidate) && at++ == number % count) {
            *host = candidate;
            return true;
        }
    return false;
}

const char *redis_role_complaint(const struct redisReply *reply, bool needs_master)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return "its answer to ROLE makes no sense";
    struct bytes role = sentinel_text(reply->element[0]);
    if (bytes_equal_string(role, "master"))
        return NULL;
    if (bytes_equal_string(role, "sentinel"))
        return "this is a sentinel, not Redis; its addresses start with sentinel://";
    if (needs_master)
        return "this is a replica, not the master";
    bool is_in_step =
        reply->elements > 3 && bytes_equal_string(sentinel_text(reply->element[3]), "connected");
    return is_in_step ? NULL : "this replica is not connected to its master";
}
