/*
 * A node per certificate, in a list from the one that came last to the one that came longest ago,
 * and in two tables of chains, by its SHA-256 and by what it shares with its precertificate.
 * Indexes are one more than the node's place, so that zeroed memory is empty.
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
    KEY_TBS, /* of those that have one; a precertificate and its certificate have the same */
    KEYS,
};

struct node {
    uint8_t keys[KEYS][SHA256_SIZE];
    struct stream_id first;
    uint32_t next[KEYS]; /* in its chains */
    uint32_t newer, older;
    bool has_tbs;
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

static struct node *node_at(const struct recent_certificates *recent, uint32_t index)
{
    assert(index > 0 && index <= recent->count);
    return &recent->nodes[index - 1];
}

/* Fingerprints are random, but strangers can choose among them: the seed makes their chains
 * unknown. */
static uint32_t *head_of(const struct recent_certificates *recent, enum key key,
                         const uint8_t *fingerprint)
{
    uint64_t part;
    memcpy(&part, fingerprint, sizeof part);
    uint64_t hash = (part ^ part >> 31) * recent->seed;
    return &recent->heads[key][(hash >> 32 ^ hash) & recent->mask];
}

static bool has_key(const struct node *node, enum key key, const uint8_t *fingerprint)
{
    return memcmp(node->keys[key], fingerprint, SHA256_SIZE) == 0;
}

/* By its SHA-256. */
static uint32_t find_certificate(const struct recent_certificates *recent, const uint8_t *sha256)
{
    uint32_t index = *head_of(recent, KEY_SHA256, sha256);
    while (index && !has_key(node_at(recent, index), KEY_SHA256, sha256))
        index = node_at(recent, index)->next[KEY_SHA256];
    return index;
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
    return node->has_tbs ? KEYS : KEY_TBS;
}

static void leave_chains(struct recent_certificates *recent, uint32_t index)
{
    const struct node *node = node_at(recent, index);
    for (enum key key = 0; key < keys_of(node); key++) {
        uint32_t *at = head_of(recent, key, node->keys[key]);
        while (*at != index)
            at = &node_at(recent, *at)->next[key];
        *at = node->next[key];
    }
}

static void enter_chains(struct recent_certificates *recent, uint32_t index)
{
    struct node *node = node_at(recent, index);
    for (enum key key = 0; key < keys_of(node); key++) {
        uint32_t *head = head_of(recent, key, node->keys[key]);
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
    struct node *node = node_at(recent, index);
    memcpy(node->keys[KEY_SHA256], fingerprints->sha256, SHA256_SIZE);
    node->has_tbs = fingerprints->has_tbs;
    if (node->has_tbs)
        memcpy(node->keys[KEY_TBS], fingerprints->tbs, SHA256_SIZE);
    node->first = id;
    enter_chains(recent, index);
    return index;
}

static void take_id(struct node *node, struct stream_id id)
{
    if (stream_id_compare(id, node->first) < 0)
        node->first = id;
}

bool recent_certificates_add(struct recent_certificates *recent,
                             const struct message_fingerprints *fingerprints, struct stream_id id)
{
    uint32_t index = find_certificate(recent, fingerprints->sha256);
    bool is_repeat = index != 0;
    if (is_repeat) {
        take_id(node_at(recent, index), id);
        unlink_node(recent, index);
    } else {
        index = make_node(recent, fingerprints, id);
    }
    make_newest(recent, index);
    return is_repeat;
}

bool recent_certificates_add_older(struct recent_certificates *recent,
                                   const struct message_fingerprints *fingerprints,
                                   struct stream_id id)
{
    uint32_t index = find_certificate(recent, fingerprints->sha256);
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
    uint32_t index = find_certificate(recent, sha256);
    return index && stream_id_compare(node_at(recent, index)->first, id) < 0;
}

bool recent_certificates_is_pair_repeat(const struct recent_certificates *recent,
                                        const struct message_fingerprints *fingerprints,
                                        struct stream_id id)
{
    if (!fingerprints->has_tbs)
        return recent_certificates_is_repeat(recent, fingerprints->sha256, id);
    uint32_t index = *head_of(recent, KEY_TBS, fingerprints->tbs);
    while (index) {
        const struct node *node = node_at(recent, index);
        if (has_key(node, KEY_TBS, fingerprints->tbs) && stream_id_compare(node->first, id) < 0)
            return true;
        index = node->next[KEY_TBS];
    }
    return false;
}

size_t recent_certificates_count(const struct recent_certificates *recent)
{
    return recent->count;
}

size_t recent_certificates_capacity(const struct recent_certificates *recent)
{
    return recent->capacity;
}
