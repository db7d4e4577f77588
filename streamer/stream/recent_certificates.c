/*
 * A node per certificate, in a list from the one that came last to the one that came longest ago,
 * and in two tables of chains, by each fingerprint. Indexes are one more than the node's place, so
 * that zeroed memory is empty.
 */
#include "streamer/stream/recent_certificates.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/message/message_view.h"

enum {
    CAPACITY_MAX = 1 << 28,
};

enum key {
    KEY_SHA256,
    KEY_SHA1,
    KEY_TBS, /* of those that have one; a precertificate and its certificate have the same */
    KEYS,
};

struct node {
    struct message_fingerprints fingerprints;
    uint32_t next[KEYS]; /* in its chains */
    uint32_t newer, older;
    struct stream_id first, last;
};

struct recent_certificates {
    struct node *nodes;
    size_t count, capacity;
    uint32_t *heads[KEYS];
    size_t mask;
    uint64_t seed;
    uint32_t newest, oldest;
};

struct recent_certificates *recent_certificates_create(size_t capacity, uint64_t seed)
{
    assert(capacity > 0 && capacity <= CAPACITY_MAX);
    struct recent_certificates *recent = memory_allocate_zeroed(1, sizeof *recent);
    size_t heads = 1;
    while (heads < capacity)
        heads *= 2;
    recent->capacity = capacity;
    recent->mask = heads - 1;
    recent->seed = seed | 1;
    recent->nodes = memory_allocate_zeroed(capacity, sizeof *recent->nodes);
    for (size_t key = 0; key < KEYS; key++)
        recent->heads[key] = memory_allocate_zeroed(heads, sizeof *recent->heads[key]);
    return recent;
}

void recent_certificates_destroy(struct recent_certificates *recent)
{
    if (!recent)
        return;
    for (size_t key = 0; key < KEYS; key++)
        free(recent->heads[key]);
    free(recent->nodes);
    free(recent);
}

void recent_certificates_clear(struct recent_certificates *recent)
{
    for (size_t key = 0; key < KEYS; key++)
        memset(recent->heads[key], 0, (recent->mask + 1) * sizeof *recent->heads[key]);
    recent->count = 0;
    recent->newest = recent->oldest = 0;
}

static struct bytes fingerprint_of(const struct message_fingerprints *fingerprints, enum key key)
{
    switch (key) {
    case KEY_SHA1: return bytes_of(fingerprints->sha1, SHA1_SIZE);
    case KEY_TBS: return bytes_of(fingerprints->tbs, SHA256_SIZE);
    default: return bytes_of(fingerprints->sha256, SHA256_SIZE);
    }
}

static struct node *node_at(const struct recent_certificates *recent, uint32_t index)
{
    assert(index > 0 && index <= recent->count);
    return &recent->nodes[index - 1];
}

/* Fingerprints are random, but strangers can choose among them: the seed makes their chains
 * unknown. */
static uint32_t *head_of(const struct recent_certificates *recent, enum key key,
                         struct bytes fingerprint)
{
    uint64_t part;
    memcpy(&part, fingerprint.data, sizeof part);
    uint64_t hash = (part ^ part >> 31) * recent->seed;
    return &recent->heads[key][(hash >> 32 ^ hash) & recent->mask];
}

static uint32_t find_certificate(const struct recent_certificates *recent, enum key key,
                                 struct bytes fingerprint)
{
    uint32_t index = *head_of(recent, key, fingerprint);
    while (index) {
        const struct node *node = node_at(recent, index);
        if (bytes_equal(fingerprint_of(&node->fingerprints, key), fingerprint))
            return index;
        index = node->next[key];
    }
    return 0;
}

static void unlink_node(struct recent_certificates *recent, uint32_t index)
{
    const struct node *node = node_at(recent, index);
    *(node->newer ? &node_at(recent, node->newer)->older : &recent->newest) = node->older;
    *(node->older ? &node_at(recent, node->older)->newer : &recent->oldest) = node->newer;
}

static void make_newest(struct recent_certificates *recent, uint32_t index)
{
    struct node *node = node_at(recent, index);
    node->newer = 0;
    node->older = recent->newest;
    *(recent->newest ? &node_at(recent, recent->newest)->newer : &recent->oldest) = index;
    recent->newest = index;
}

static void make_oldest(struct recent_certificates *recent, uint32_t index)
{
    struct node *node = node_at(recent, index);
    node->older = 0;
    node->newer = recent->oldest;
    *(recent->oldest ? &node_at(recent, recent->oldest)->older : &recent->newest) = index;
    recent->oldest = index;
}

/* In how many chains a certificate is. */
static enum key keys_of(const struct node *node)
{
    return node->fingerprints.has_tbs ? KEYS : KEY_TBS;
}

static void leave_chains(struct recent_certificates *recent, uint32_t index)
{
    const struct node *node = node_at(recent, index);
    for (enum key key = 0; key < keys_of(node); key++) {
        uint32_t *at = head_of(recent, key, fingerprint_of(&node->fingerprints, key));
        while (*at != index)
            at = &node_at(recent, *at)->next[key];
        *at = node->next[key];
    }
}

static void enter_chains(struct recent_certificates *recent, uint32_t index)
{
    struct node *node = node_at(recent, index);
    for (enum key key = 0; key < keys_of(node); key++) {
        uint32_t *head = head_of(recent, key, fingerprint_of(&node->fingerprints, key));
        node->next[key] = *head;
        *head = index;
    }
}

/* A node in no chain and no list: a new one, or the oldest. */
static uint32_t take_node(struct recent_certificates *recent)
{
    if (recent->count < recent->capacity)
        return (uint32_t)++recent->count;
    uint32_t index = recent->oldest;
    leave_chains(recent, index);
    unlink_node(recent, index);
    return index;
}

static uint32_t make_node(struct recent_certificates *recent,
                          const struct message_fingerprints *fingerprints, struct stream_id id)
{
    uint32_t index = take_node(recent);
    *node_at(recent, index) =
        (struct node){ .fingerprints = *fingerprints, .first = id, .last = id };
    enter_chains(recent, index);
    return index;
}

static void take_id(struct node *node, struct stream_id id)
{
    if (stream_id_compare(id, node->first) < 0)
        node->first = id;
    if (stream_id_compare(id, node->last) > 0)
        node->last = id;
}

void recent_certificates_add(struct recent_certificates *recent,
                             const struct message_fingerprints *fingerprints, struct stream_id id)
{
    uint32_t index = find_certificate(recent, KEY_SHA256, fingerprint_of(fingerprints, KEY_SHA256));
    if (index) {
        take_id(node_at(recent, index), id);
        unlink_node(recent, index);
    } else {
        index = make_node(recent, fingerprints, id);
    }
    make_newest(recent, index);
}

bool recent_certificates_add_older(struct recent_certificates *recent,
                                   const struct message_fingerprints *fingerprints,
                                   struct stream_id id)
{
    uint32_t index = find_certificate(recent, KEY_SHA256, fingerprint_of(fingerprints, KEY_SHA256));
    if (index) {
        take_id(node_at(recent, index), id);
        return true;
    }
    if (recent->count == recent->capacity)
        return false;
    make_oldest(recent, make_node(recent, fingerprints, id));
    return true;
}

bool recent_certificates_is_repeat(const struct recent_certificates *recent, const uint8_t *sha256,
                                   struct stream_id id)
{
    uint32_t index = find_certificate(recent, KEY_SHA256, bytes_of(sha256, SHA256_SIZE));
    return index && stream_id_compare(node_at(recent, index)->first, id) < 0;
}

bool recent_certificates_is_pair_repeat(const struct recent_certificates *recent,
                                        const struct message_fingerprints *fingerprints,
                                        struct stream_id id)
{
    if (!fingerprints->has_tbs)
        return recent_certificates_is_repeat(recent, fingerprints->sha256, id);
    struct bytes tbs = fingerprint_of(fingerprints, KEY_TBS);
    uint32_t index = *head_of(recent, KEY_TBS, tbs);
    while (index) {
        const struct node *node = node_at(recent, index);
        if (bytes_equal(fingerprint_of(&node->fingerprints, KEY_TBS), tbs) &&
            stream_id_compare(node->first, id) < 0)
            return true;
        index = node->next[KEY_TBS];
    }
    return false;
}

static bool find_last(const struct recent_certificates *recent, enum key key,
                      struct bytes fingerprint, struct stream_id *id)
{
    uint32_t index = find_certificate(recent, key, fingerprint);
    if (index)
        *id = node_at(recent, index)->last;
    return index != 0;
}

bool recent_certificates_find_sha256(const struct recent_certificates *recent,
                                     const uint8_t *sha256, struct stream_id *id)
{
    return find_last(recent, KEY_SHA256, bytes_of(sha256, SHA256_SIZE), id);
}

bool recent_certificates_find_sha1(const struct recent_certificates *recent, const uint8_t *sha1,
                                   struct stream_id *id)
{
    return find_last(recent, KEY_SHA1, bytes_of(sha1, SHA1_SIZE), id);
}

size_t recent_certificates_count(const struct recent_certificates *recent)
{
    return recent->count;
}

size_t recent_certificates_capacity(const struct recent_certificates *recent)
{
    return recent->capacity;
}
