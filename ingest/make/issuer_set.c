#include "ingest/make/issuer_set.h"

#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/x509/certificate.h"

enum {
    /* Twice the entries at least, so that open addressing stays short; a power of two. */
    TABLE_SIZE = 4 * ISSUER_SET_MAX,
    TAIL_SIZE = 8,
    IDLE_MS = 24 * 3600 * 1000,
    SWEEP_MS = 60 * 1000,
};

struct share {
    const void *owner;
    size_t count;
    size_t bytes;
};

struct issuer_set {
    struct certificate *certificate;
    struct known_issuer **all; /* owned, `count` of them */
    size_t count;
    size_t bytes;
    struct known_issuer **by_fingerprint; /* TABLE_SIZE each */
    struct known_issuer **by_tail;
    struct share *shares;
    size_t share_count;
    uint64_t sweep_at_ms;
    uint64_t refused;
};

struct issuer_set *issuer_set_create(void)
{
    struct issuer_set *set = memory_allocate_zeroed(1, sizeof *set);
    set->certificate = certificate_create();
    /* NOLINTBEGIN(bugprone-sizeof-expression): arrays of pointers */
    set->all = memory_allocate_zeroed(ISSUER_SET_MAX, sizeof *set->all);
    set->by_fingerprint = memory_allocate_zeroed(TABLE_SIZE, sizeof *set->by_fingerprint);
    set->by_tail = memory_allocate_zeroed(TABLE_SIZE, sizeof *set->by_tail);
    /* NOLINTEND(bugprone-sizeof-expression) */
    return set;
}

/* The DER is the set's own copy. */
static void destroy_known(struct known_issuer *known)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    free((void *)(uintptr_t)known->certificate.der.data);
    free(known);
}

void issuer_set_destroy(struct issuer_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        destroy_known(set->all[i]);
    certificate_destroy(set->certificate);
    free(set->all);
    free(set->by_fingerprint);
    free(set->by_tail);
    free(set->shares);
    free(set);
}

void issuer_set_forget_stamps(struct issuer_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->all[i]->stamped_ms = 0;
}

static size_t bucket_of_issuer(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return (size_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TABLE_SIZE;
}

static size_t tail_place_of(struct bytes der)
{
    uint8_t tail[TAIL_SIZE] = { 0 };
    size_t size = der.size < TAIL_SIZE ? der.size : TAIL_SIZE;
    if (size)
        memcpy(tail, der.data + der.size - size, size);
    return bucket_of_issuer(tail);
}

struct known_issuer *issuer_set_find(const struct issuer_set *set, const uint8_t *fingerprint)
{
    size_t place = bucket_of_issuer(fingerprint);
    while (set->by_fingerprint[place] &&
           memcmp(set->by_fingerprint[place]->fingerprint, fingerprint, SHA256_SIZE) != 0)
        place = (place + 1) % TABLE_SIZE;
    return set->by_fingerprint[place];
}

struct known_issuer *issuer_set_find_der(const struct issuer_set *set, struct bytes der)
{
    size_t place = tail_place_of(der);
    while (set->by_tail[place] && !bytes_equal(set->by_tail[place]->certificate.der, der))
        place = (place + 1) % TABLE_SIZE;
    return set->by_tail[place];
}

static void place_at(struct known_issuer **table, size_t place, struct known_issuer *known)
{
    while (table[place])
        place = (place + 1) % TABLE_SIZE;
    table[place] = known;
}

static struct share *share_of(struct issuer_set *set, const void *owner)
{
    for (size_t i = 0; i < set->share_count; i++)
        if (set->shares[i].owner == owner)
            return &set->shares[i];
    set->shares = memory_resize(set->shares, set->share_count + 1, sizeof *set->shares);
    set->shares[set->share_count] = (struct share){ .owner = owner };
    return &set->shares[set->share_count++];
}

static void enter(struct issuer_set *set, struct known_issuer *known)
{
    struct share *share = share_of(set, known->owner);
    size_t size = known->certificate.der.size;
    place_at(set->by_fingerprint, bucket_of_issuer(known->fingerprint), known);
    place_at(set->by_tail, tail_place_of(known->certificate.der), known);
    set->all[set->count++] = known;
    set->bytes += size;
    share->count++;
    share->bytes += size;
}

/* Forgets what no entry has named for a while. The tables are filled anew: open addressing leaves
 * no holes. */
static void sweep(struct issuer_set *set, uint64_t now_ms)
{
    size_t count = set->count;
    set->count = set->bytes = set->share_count = 0;
    memset(set->by_fingerprint, 0, TABLE_SIZE * sizeof(struct known_issuer *));
    memset(set->by_tail, 0, TABLE_SIZE * sizeof(struct known_issuer *));
    for (size_t i = 0; i < count; i++) {
        struct known_issuer *known = set->all[i];
        if (now_ms > known->named_ms && now_ms - known->named_ms > IDLE_MS)
            destroy_known(known);
        else
            enter(set, known);
    }
    set->sweep_at_ms = now_ms + SWEEP_MS;
}

static bool has_room_for_issuer(struct issuer_set *set, const void *owner, size_t size)
{
    const struct share *share = share_of(set, owner);
    return set->count < ISSUER_SET_MAX && set->bytes + size <= ISSUER_SET_BYTES_MAX &&
           share->count < ISSUER_SET_LOG_MAX && share->bytes + size <= ISSUER_SET_LOG_BYTES_MAX;
}

struct known_issuer *issuer_set_add(struct issuer_set *set, const uint8_t *fingerprint,
                                    struct bytes der, const void *owner, uint64_t now_ms)
{
    struct known_issuer *known = issuer_set_find(set, fingerprint);
    if (known)
        return known;
    if (!has_room_for_issuer(set, owner, der.size) && now_ms >= set->sweep_at_ms)
        sweep(set, now_ms);
    if (!der.size || der.size > ISSUER_SET_DER_MAX || !has_room_for_issuer(set, owner, der.size)) {
        set->refused++;
        return NULL;
    }
    uint8_t *copy = memory_allocate(der.size);
    memcpy(copy, der.data, der.size);
    known = memory_allocate_zeroed(1, sizeof *known);
    *known = (struct known_issuer){ .owner = owner, .named_ms = now_ms };
    memcpy(known->fingerprint, fingerprint, SHA256_SIZE);
    (void)certificate_parse(set->certificate, bytes_of(copy, der.size));
    chain_certificate_read(&known->certificate, set->certificate, bytes_of(copy, der.size));
    enter(set, known);
    return known;
}

size_t issuer_set_count(const struct issuer_set *set)
{
    return set->count;
}

uint64_t issuer_set_refused(const struct issuer_set *set)
{
    return set->refused;
}
