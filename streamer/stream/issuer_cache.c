#include "streamer/stream/issuer_cache.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"

enum {
    CAPACITY_FIRST = 256,
    /* An object of nulls is about 700 bytes. */
    ABSENT_OBJECT_MAX = 4096,
};

struct issuer {
    uint8_t sha256[SHA256_SIZE];
    uint8_t *object; /* NULL: the slot is free */
    size_t size;
    uint64_t retry_at_ms; /* of an absent one; else UINT64_MAX */
};

/* Open addressing; the key is a hash already. At most half of the slots are taken. */
struct issuer_cache {
    struct issuer *slots;
    size_t capacity; /* a power of two */
    size_t count;
    size_t bytes;
    size_t limit_bytes;
};

struct issuer_cache *issuer_cache_create(size_t limit_bytes)
{
    struct issuer_cache *issuers = memory_allocate_zeroed(1, sizeof *issuers);
    issuers->capacity = CAPACITY_FIRST;
    issuers->slots = memory_allocate_zeroed(issuers->capacity, sizeof *issuers->slots);
    issuers->limit_bytes = limit_bytes;
    return issuers;
}

static void forget_all(struct issuer_cache *issuers)
{
    for (size_t i = 0; i < issuers->capacity; i++)
        free(issuers->slots[i].object);
    memset(issuers->slots, 0, issuers->capacity * sizeof *issuers->slots);
    issuers->count = 0;
    issuers->bytes = 0;
}

void issuer_cache_destroy(struct issuer_cache *issuers)
{
    if (!issuers)
        return;
    forget_all(issuers);
    free(issuers->slots);
    free(issuers);
}

/* The issuer's slot, or the free one where it belongs. */
static struct issuer *slot_of(const struct issuer_cache *issuers, const uint8_t *sha256)
{
    uint64_t hash;
    memcpy(&hash, sha256, sizeof hash);
    size_t at = (size_t)hash & (issuers->capacity - 1);
    while (issuers->slots[at].object && memcmp(issuers->slots[at].sha256, sha256, SHA256_SIZE) != 0)
        at = (at + 1) & (issuers->capacity - 1);
    return &issuers->slots[at];
}

bool issuer_cache_find(const struct issuer_cache *issuers, const uint8_t *sha256, uint64_t now_ms,
                       struct bytes *object)
{
    const struct issuer *issuer = slot_of(issuers, sha256);
    if (!issuer->object || now_ms >= issuer->retry_at_ms)
        return false;
    *object = bytes_of(issuer->object, issuer->size);
    return true;
}

static void grow(struct issuer_cache *issuers)
{
    struct issuer *old = issuers->slots;
    size_t old_capacity = issuers->capacity;
    issuers->capacity *= 2;
    issuers->slots = memory_allocate_zeroed(issuers->capacity, sizeof *issuers->slots);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].object)
            *slot_of(issuers, old[i].sha256) = old[i];
    free(old);
}

static void put(struct issuer_cache *issuers, const uint8_t *sha256, struct bytes object,
                uint64_t retry_at_ms)
{
    if (issuers->count >= issuers->capacity / 2)
        grow(issuers);
    struct issuer *issuer = slot_of(issuers, sha256);
    issuers->count += issuer->object == NULL;
    issuers->bytes += object.size;
    issuers->bytes -= issuer->size;
    free(issuer->object);
    /* One byte more, so that an empty object still takes its slot. */
    issuer->object = memory_allocate(object.size + 1);
    if (object.size)
        memcpy(issuer->object, object.data, object.size);
    issuer->size = object.size;
    issuer->retry_at_ms = retry_at_ms;
    memcpy(issuer->sha256, sha256, SHA256_SIZE);
}

void issuer_cache_put(struct issuer_cache *issuers, const uint8_t *sha256, struct bytes object)
{
    put(issuers, sha256, object, UINT64_MAX);
}

void issuer_cache_put_absent(struct issuer_cache *issuers, const uint8_t *sha256,
                             uint64_t retry_at_ms)
{
    struct buffer object;
    buffer_init(&object, ABSENT_OBJECT_MAX);
    certificate_json_write_missing(&object, sha256);
    assert(!object.failed);
    put(issuers, sha256, buffer_bytes(&object), retry_at_ms);
    buffer_free(&object);
}

void issuer_cache_trim(struct issuer_cache *issuers)
{
    if (issuers->bytes > issuers->limit_bytes)
        forget_all(issuers);
}

size_t issuer_cache_count(const struct issuer_cache *issuers)
{
    return issuers->count;
}

size_t issuer_cache_bytes(const struct issuer_cache *issuers)
{
    return issuers->bytes;
}
