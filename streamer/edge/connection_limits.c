#include "streamer/edge/connection_limits.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

struct slot {
    struct address customer;
    uint32_t count; /* 0: empty */
};

struct connection_limits {
    struct slot *slots;
    size_t mask; /* slots - 1; a power of two of them, at least twice as many as can be in use */
    size_t max_customers;
    size_t customers;
    size_t per_customer;
    uint64_t seed;
};

struct connection_limits *connection_limits_create(size_t connections, size_t per_customer,
                                                   uint64_t seed)
{
    struct connection_limits *limits = memory_allocate_zeroed(1, sizeof *limits);
    limits->max_customers = connections;
    limits->per_customer = per_customer;
    limits->seed = seed;
    size_t slots = 16;
    while (slots < 2 * connections)
        slots *= 2;
    limits->mask = slots - 1;
    if (per_customer)
        limits->slots = memory_allocate_zeroed(slots, sizeof *limits->slots);
    return limits;
}

void connection_limits_destroy(struct connection_limits *limits)
{
    if (!limits)
        return;
    free(limits->slots);
    free(limits);
}

/* Multiply and xor-shift, each half of the address after the other. */
static size_t home_of(const struct connection_limits *limits, struct address customer)
{
    uint64_t hash = limits->seed;
    for (size_t half = 0; half < ADDRESS_SIZE; half += sizeof hash) {
        uint64_t word;
        memcpy(&word, customer.bytes + half, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
        hash ^= hash >> 32;
    }
    return (size_t)hash & limits->mask;
}

/* The customer's slot, or the empty one where he would be. */
static struct slot *find_customer(struct connection_limits *limits, struct address customer)
{
    size_t at = home_of(limits, customer);
    while (limits->slots[at].count && !address_equal(limits->slots[at].customer, customer))
        at = (at + 1) & limits->mask;
    return &limits->slots[at];
}

bool connection_limits_take(struct connection_limits *limits, struct address address)
{
    if (!limits->per_customer || !address.is_known)
        return true;
    struct address customer = address_customer(address);
    struct slot *slot = find_customer(limits, customer);
    if (slot->count >= limits->per_customer ||
        (slot->count == 0 && limits->customers == limits->max_customers))
        return false;
    if (slot->count == 0)
        limits->customers++;
    slot->customer = customer;
    slot->count++;
    return true;
}

/* Moves what follows the empty slot back to where probing finds it (Knuth 6.4, algorithm R). */
static void close_up(struct connection_limits *limits, size_t empty)
{
    for (size_t at = (empty + 1) & limits->mask; limits->slots[at].count;
         at = (at + 1) & limits->mask) {
        size_t home = home_of(limits, limits->slots[at].customer);
        if (((at - home) & limits->mask) < ((at - empty) & limits->mask))
            continue;
        limits->slots[empty] = limits->slots[at];
        limits->slots[at].count = 0;
        empty = at;
    }
}

void connection_limits_give_back(struct connection_limits *limits, struct address address)
{
    if (!limits->per_customer || !address.is_known)
        return;
    struct slot *slot = find_customer(limits, address_customer(address));
    assert(slot->count > 0);
    if (--slot->count > 0)
        return;
    limits->customers--;
    close_up(limits, (size_t)(slot - limits->slots));
}

size_t connection_limits_customers(const struct connection_limits *limits)
{
    return limits->customers;
}
