#include "ingest/make/issuer_set.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* Twice the entries at least, so that open addressing stays short; a power of two. */
    TABLE_SIZE = 4 * ISSUER_SET_MAX,
    TAIL_SIZE = 8,
};

struct remembered {
    uint8_t *der; /* owned; NULL: free */
    size_t size;
    uint8_t fingerprint[SHA256_SIZE];
};

struct issuer_set {
    struct digest *sha256;
    struct known_issuer *known;
    size_t known_count;
    struct remembered *remembered;
    size_t remembered_count;
    size_t remembered_bytes;
};

struct issuer_set *issuer_set_create(void)
{
    struct issuer_set *set = memory_allocate_zeroed(1, sizeof *set);
    set->sha256 = digest_create(DIGEST_SHA256);
    set->known = memory_allocate_zeroed(TABLE_SIZE, sizeof *set->known);
    set->remembered = memory_allocate_zeroed(TABLE_SIZE, sizeof *set->remembered);
    return set;
}

static void forget_remembered(struct issuer_set *set)
{
    for (size_t i = 0; set->remembered_count && i < TABLE_SIZE; i++) {
        free(set->remembered[i].der);
        set->remembered[i].der = NULL;
    }
    set->remembered_count = set->remembered_bytes = 0;
}

void issuer_set_destroy(struct issuer_set *set)
{
    if (!set)
        return;
    forget_remembered(set);
    digest_destroy(set->sha256);
    free(set->known);
    free(set->remembered);
    free(set);
}

void issuer_set_clear(struct issuer_set *set)
{
    if (set->known_count)
        memset(set->known, 0, TABLE_SIZE * sizeof *set->known);
    set->known_count = 0;
}

static size_t place_of(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return (size_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TABLE_SIZE;
}

static struct known_issuer *find_known(const struct issuer_set *set, const uint8_t *fingerprint)
{
    size_t place = place_of(fingerprint);
    while (set->known[place].is_known &&
           memcmp(set->known[place].fingerprint, fingerprint, SHA256_SIZE) != 0)
        place = (place + 1) % TABLE_SIZE;
    return &set->known[place];
}

const struct known_issuer *issuer_set_find(const struct issuer_set *set, const uint8_t *fingerprint)
{
    const struct known_issuer *known = find_known(set, fingerprint);
    return known->is_known ? known : NULL;
}

void issuer_set_add(struct issuer_set *set, const uint8_t *fingerprint,
                    const struct precertificate_issuer *issuer)
{
    if (set->known_count == ISSUER_SET_MAX)
        issuer_set_clear(set);
    struct known_issuer *known = find_known(set, fingerprint);
    if (known->is_known)
        return;
    known->is_known = true;
    known->has_key = issuer != NULL;
    if (issuer)
        known->issuer = *issuer;
    memcpy(known->fingerprint, fingerprint, SHA256_SIZE);
    set->known_count++;
}

static struct remembered *find_remembered(const struct issuer_set *set, struct bytes der)
{
    uint8_t tail[TAIL_SIZE] = { 0 };
    size_t size = der.size < TAIL_SIZE ? der.size : TAIL_SIZE;
    if (size)
        memcpy(tail, der.data + der.size - size, size);
    size_t place = place_of(tail);
    while (set->remembered[place].der &&
           !bytes_equal(bytes_of(set->remembered[place].der, set->remembered[place].size), der))
        place = (place + 1) % TABLE_SIZE;
    return &set->remembered[place];
}

void issuer_set_fingerprint(struct issuer_set *set, struct bytes der, uint8_t *fingerprint)
{
    struct remembered *remembered = find_remembered(set, der);
    if (remembered->der) {
        memcpy(fingerprint, remembered->fingerprint, SHA256_SIZE);
        return;
    }
    digest_bytes(set->sha256, fingerprint, der);
    if (der.size > ISSUER_SET_DER_MAX / 16)
        return;
    if (set->remembered_count == ISSUER_SET_MAX ||
        set->remembered_bytes + der.size > ISSUER_SET_DER_MAX) {
        forget_remembered(set);
        remembered = find_remembered(set, der);
    }
    remembered->der = memory_allocate(der.size);
    if (der.size)
        memcpy(remembered->der, der.data, der.size);
    remembered->size = der.size;
    memcpy(remembered->fingerprint, fingerprint, SHA256_SIZE);
    set->remembered_count++;
    set->remembered_bytes += der.size;
}
