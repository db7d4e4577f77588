#include "streamer/edge/customers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* Named tokens, and those who are gone but still hold something or owe something. */
    OTHERS_MAX = 2048,
    SLOTS_MIN = 16,
    MS_PER_S = 1000,
    /* So much may be read ahead of the rate: a page comes whole. */
    REPLAY_BURST_MS = 1000,
    /* Who comes back with all his filters at once has them read at once. */
    READING_BURST_MS = 10000,
    US_PER_MS = 1000,
    INDEX_BITS = 32,
};

struct entry {
    struct customer customer; /* no name: free */
    uint64_t number;
    uint64_t paid_until_ms;         /* the replayed bytes, at the customer's rate */
    uint64_t reading_paid_until_ms; /* likewise the time that his filters took to be read */
    size_t next_free;
};

/* Open addressing with linear probing, of indices; what goes away is closed up behind, so that the
 * table never fills with tombstones. Entries do not move: a number leads to its entry. */
struct customers {
    struct customer_limits limits;
    struct entry *entries;
    size_t entries_max;
    size_t entries_used; /* of them, from the first on, those that were ever used */
    size_t free;         /* the first of the list; entries_max: none */
    size_t hand;         /* where the search for one that may go goes on */
    uint32_t *slots;     /* an index + 1; 0: empty */
    size_t mask;         /* slots - 1; a power of two of them, at least twice as many as entries */
    uint64_t seed;
    uint64_t numbers; /* given out */
    uint64_t unread;  /* filters of all */
};

struct customers *customers_create(const struct customer_limits *limits, size_t connections,
                                   uint64_t seed)
{
    struct customers *customers = memory_allocate_zeroed(1, sizeof *customers);
    customers->limits = *limits;
    customers->entries_max = connections + OTHERS_MAX;
    customers->free = customers->entries_max;
    customers->seed = seed;
    size_t slots = SLOTS_MIN;
    while (slots < 2 * customers->entries_max)
        slots *= 2;
    customers->mask = slots - 1;
    customers->slots = memory_allocate_zeroed(slots, sizeof *customers->slots);
    customers->entries = memory_allocate_zeroed(customers->entries_max, sizeof *customers->entries);
    return customers;
}

void customers_destroy(struct customers *customers)
{
    if (!customers)
        return;
    free(customers->slots);
    free(customers->entries);
    free(customers);
}

/* Multiply and xor-shift, eight bytes of the name after the other. */
static size_t home_of(const struct customers *customers, const char *name)
{
    uint64_t hash = customers->seed;
    size_t size = strlen(name);
    for (size_t at = 0; at < size; at += sizeof hash) {
        uint64_t word = 0;
        memcpy(&word, name + at, size - at < sizeof word ? size - at : sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
        hash ^= hash >> 32;
    }
    return (size_t)hash & customers->mask;
}

/* The name's slot, or the empty one where it would be. */
static size_t find_slot(const struct customers *customers, const char *name)
{
    size_t at = home_of(customers, name);
    while (customers->slots[at] &&
           strcmp(customers->entries[customers->slots[at] - 1].customer.name, name) != 0)
        at = (at + 1) & customers->mask;
    return at;
}

/* Moves what follows the empty slot back to where probing finds it (Knuth 6.4, algorithm R). */
static void close_up(struct customers *customers, size_t empty)
{
    for (size_t at = (empty + 1) & customers->mask; customers->slots[at];
         at = (at + 1) & customers->mask) {
        size_t home =
            home_of(customers, customers->entries[customers->slots[at] - 1].customer.name);
        if (((at - home) & customers->mask) < ((at - empty) & customers->mask))
            continue;
        customers->slots[empty] = customers->slots[at];
        customers->slots[at] = 0;
        empty = at;
    }
}

static bool holds_nothing(const struct entry *entry)
{
    for (size_t share = 0; share < CUSTOMER_SHARES; share++)
        if (entry->customer.held[share])
            return false;
    return !entry->customer.is_kept;
}

/* Who has read of the past, or had filters read, is remembered: to come again pays no debt. */
static bool owes_nothing(const struct entry *entry)
{
    return holds_nothing(entry) && entry->paid_until_ms == 0 && entry->reading_paid_until_ms == 0;
}

static void remove_entry(struct customers *customers, struct entry *entry)
{
    size_t slot = find_slot(customers, entry->customer.name);
    assert(customers->slots[slot]);
    customers->slots[slot] = 0;
    close_up(customers, slot);
    *entry = (struct entry){ .next_free = customers->free };
    customers->free = (size_t)(entry - customers->entries);
}

/* Somebody who holds nothing any more and is only remembered for what he owes. */
static bool remove_any(struct customers *customers)
{
    for (size_t tries = 0; tries < customers->entries_max; tries++) {
        struct entry *entry = &customers->entries[customers->hand];
        customers->hand = (customers->hand + 1) % customers->entries_max;
        if (!entry->customer.name[0] || !holds_nothing(entry))
            continue;
        remove_entry(customers, entry);
        return true;
    }
    return false;
}

static struct entry *take_free(struct customers *customers)
{
    if (customers->free == customers->entries_max &&
        customers->entries_used < customers->entries_max)
        return &customers->entries[customers->entries_used++];
    if (customers->free == customers->entries_max && !remove_any(customers))
        return NULL;
    struct entry *entry = &customers->entries[customers->free];
    customers->free = entry->next_free;
    return entry;
}

/* NULL if there is no room, which is when nearly all that are known hold something. */
static struct entry *find_or_add(struct customers *customers, const char *name)
{
    assert(name[0] && strlen(name) < CUSTOMER_NAME_SIZE);
    size_t slot = find_slot(customers, name);
    if (customers->slots[slot])
        return &customers->entries[customers->slots[slot] - 1];
    struct entry *entry = take_free(customers);
    if (!entry)
        return NULL;
    size_t index = (size_t)(entry - customers->entries);
    *entry = (struct entry){
        .customer.limits = customers->limits,
        .number = ++customers->numbers << INDEX_BITS | index,
    };
    (void)snprintf(entry->customer.name, CUSTOMER_NAME_SIZE, "%s", name);
    /* Who had to go may have moved the slots. */
    customers->slots[find_slot(customers, name)] = (uint32_t)index + 1;
    return entry;
}

/* NULL for nobody, and for one who holds nothing any more and was forgotten. */
static struct entry *entry_of(const struct customers *customers, uint64_t number)
{
    if (number == CUSTOMER_NOBODY)
        return NULL;
    size_t index = number & UINT32_MAX;
    assert(index < customers->entries_used);
    return customers->entries[index].number == number ? &customers->entries[index] : NULL;
}

void customers_keep(struct customers *customers, const char *name,
                    const struct customer_limits *limits)
{
    struct entry *entry = find_or_add(customers, name);
    if (!entry)
        return;
    entry->customer.is_kept = true;
    entry->customer.limits = *limits;
}

void customers_begin_keeping(struct customers *customers)
{
    for (size_t i = 0; i < customers->entries_used; i++) {
        struct customer *customer = &customers->entries[i].customer;
        if (!customer->is_kept)
            continue;
        customer->is_kept = false;
        customer->limits = customers->limits;
    }
}

void customers_end_keeping(struct customers *customers)
{
    for (size_t i = 0; i < customers->entries_used; i++) {
        struct entry *entry = &customers->entries[i];
        if (entry->customer.name[0] && owes_nothing(entry))
            remove_entry(customers, entry);
    }
}

static bool take(struct entry *entry, enum customer_share share, uint64_t amount)
{
    uint64_t limit = entry->customer.limits.held[share];
    uint64_t *held = &entry->customer.held[share];
    if (limit && (amount > limit || *held > limit - amount)) {
        entry->customer.refused[share]++;
        return false;
    }
    *held += amount;
    return true;
}

bool customers_connect(struct customers *customers, const char *name, uint64_t *number)
{
    struct entry *entry = find_or_add(customers, name);
    if (!entry || !take(entry, CUSTOMER_CONNECTIONS, 1))
        return false;
    entry->customer.connected++;
    *number = entry->number;
    return true;
}

void customers_disconnect(struct customers *customers, uint64_t number)
{
    customers_give_back(customers, number, CUSTOMER_CONNECTIONS, 1);
}

bool customers_take(struct customers *customers, uint64_t number, enum customer_share share,
                    uint64_t amount)
{
    struct entry *entry = entry_of(customers, number);
    return !entry || take(entry, share, amount);
}

void customers_give_back(struct customers *customers, uint64_t number, enum customer_share share,
                         uint64_t amount)
{
    if (number == CUSTOMER_NOBODY || amount == 0)
        return;
    struct entry *entry = entry_of(customers, number);
    assert(entry && entry->customer.held[share] >= amount);
    entry->customer.held[share] -= amount;
    if (owes_nothing(entry))
        remove_entry(customers, entry);
}

void customers_charge_replay(struct customers *customers, uint64_t number, uint64_t bytes,
                             uint64_t now_ms)
{
    struct entry *entry = entry_of(customers, number);
    if (!entry)
        return;
    uint64_t rate = entry->customer.limits.replay_bytes_per_second;
    entry->customer.replayed_bytes += bytes;
    if (!rate)
        return;
    if (entry->paid_until_ms < now_ms)
        entry->paid_until_ms = now_ms;
    entry->paid_until_ms += bytes * MS_PER_S / rate;
}

uint64_t customers_replay_wait_ms(const struct customers *customers, uint64_t number,
                                  uint64_t now_ms)
{
    const struct entry *entry = entry_of(customers, number);
    uint64_t may_be_ms = now_ms + REPLAY_BURST_MS;
    return entry && entry->paid_until_ms > may_be_ms ? entry->paid_until_ms - may_be_ms : 0;
}

void customers_charge_reading(struct customers *customers, uint64_t number, uint64_t taken_us,
                              uint64_t now_ms)
{
    struct entry *entry = entry_of(customers, number);
    uint64_t per_second_us = entry ? entry->customer.limits.reading_ms_per_second * US_PER_MS : 0;
    if (!per_second_us)
        return;
    if (entry->reading_paid_until_ms < now_ms)
        entry->reading_paid_until_ms = now_ms;
    entry->reading_paid_until_ms += taken_us * MS_PER_S / per_second_us;
}

bool customers_may_read(struct customers *customers, uint64_t number, uint64_t now_ms)
{
    struct entry *entry = entry_of(customers, number);
    if (!entry || entry->reading_paid_until_ms <= now_ms + READING_BURST_MS)
        return true;
    entry->customer.unread++;
    customers->unread++;
    return false;
}

uint64_t customers_unread(const struct customers *customers)
{
    return customers->unread;
}

void customers_count_sent(struct customers *customers, uint64_t number, uint64_t bytes)
{
    struct entry *entry = entry_of(customers, number);
    if (entry)
        entry->customer.sent_bytes += bytes;
}

const char *customers_refusal(enum customer_share share)
{
    static const char *const texts[CUSTOMER_SHARES] = {
        [CUSTOMER_CONNECTIONS] = "too many connections of yours",
        [CUSTOMER_FILTERS] = "too many different filters of yours",
        [CUSTOMER_FILTER_COST] = "your filters cost too much together",
        [CUSTOMER_SEARCHES] = "too many searches of yours at once",
    };
    assert(share < CUSTOMER_SHARES);
    return texts[share];
}

const struct customer *customers_find(const struct customers *customers, uint64_t number)
{
    const struct entry *entry = entry_of(customers, number);
    return entry ? &entry->customer : NULL;
}

const struct customer *customers_next(const struct customers *customers, size_t *at)
{
    while (*at < customers->entries_used) {
        const struct customer *customer = &customers->entries[(*at)++].customer;
        if (customer->name[0])
            return customer;
    }
    return NULL;
}
