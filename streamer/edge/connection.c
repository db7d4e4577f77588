#include "streamer/edge/connection.h"

#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/edge/admission.h"

static void give_back(struct connection *connection)
{
    if (connection->is_counted)
        connection_limits_give_back(connection->admission->limits, connection->client);
    connection->is_counted = false;
}

static struct refusal count(struct connection *connection, struct address client)
{
    give_back(connection);
    connection->client = client;
    connection->is_counted = connection_limits_take(connection->admission->limits, client);
    return connection->is_counted
               ? (struct refusal){ 0 }
               : (struct refusal){ 429, "too many connections from this address" };
}

struct connection *connection_create(const struct admission *admission, struct address peer)
{
    struct connection *connection = memory_allocate_zeroed(1, sizeof *connection);
    connection->admission = admission;
    connection->peer = peer;
    connection->is_proxy = trusted_proxies_have(&admission->proxies, peer);
    if (!connection->is_proxy)
        connection->refusal = count(connection, peer);
    return connection;
}

void connection_destroy(struct connection *connection)
{
    if (!connection)
        return;
    give_back(connection);
    free(connection);
}

struct refusal connection_forward(struct connection *connection, struct bytes forwarded_for)
{
    if (!connection->is_proxy)
        return (struct refusal){ 0 };
    return count(connection, forwarded_client(&connection->admission->proxies, forwarded_for));
}
