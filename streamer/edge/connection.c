#include "streamer/edge/connection.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/edge/admission.h"
#include "streamer/request/header_value.h"

/* Whoever a proxy cannot tell apart is one customer. */
#define UNKNOWN_CUSTOMER "unknown"

static void give_back(struct connection *connection)
{
    customers_disconnect(connection->admission->customers, connection->customer);
    connection->customer = CUSTOMER_NOBODY;
}

static struct refusal count(struct connection *connection, const char *name)
{
    struct customers *customers = connection->admission->customers;
    const struct customer *counted = customers_find(customers, connection->customer);
    if (counted && strcmp(counted->name, name) == 0)
        return (struct refusal){ 0 };
    give_back(connection);
    return customers_connect(customers, name, &connection->customer)
               ? (struct refusal){ 0 }
               : (struct refusal){ 429, customers_refusal(CUSTOMER_CONNECTIONS) };
}

static struct refusal count_address(struct connection *connection, struct address address)
{
    char name[ADDRESS_CUSTOMER_SIZE];
    static_assert((int)ADDRESS_CUSTOMER_SIZE <= (int)CUSTOMER_NAME_SIZE, "a name fits");
    if (address_is_loopback(address)) {
        give_back(connection);
        return (struct refusal){ 0 };
    }
    return count(connection,
                 address.is_known ? address_format_customer(name, address) : UNKNOWN_CUSTOMER);
}

struct connection *connection_create(const struct admission *admission, struct address peer,
                                     bool is_admin)
{
    struct connection *connection = memory_allocate_zeroed(1, sizeof *connection);
    connection->admission = admission;
    connection->peer = peer;
    connection->is_admin = is_admin;
    connection->is_proxy = !is_admin && trusted_proxies_have(&admission->proxies, peer);
    if (!is_admin && !connection->is_proxy && peer.is_known)
        connection->refusal = count_address(connection, peer);
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
    struct bytes hops = forwarded_for;
    if (!connection->is_proxy)
        return (struct refusal){ 0 };
    if (header_value_take_element(&hops).data)
        return count_address(connection,
                             forwarded_client(&connection->admission->proxies, forwarded_for));
    give_back(connection);
    return (struct refusal){ 0 };
}

struct refusal connection_take_name(struct connection *connection, const char *customer)
{
    return count(connection, customer);
}
