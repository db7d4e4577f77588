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
    struct recent_certificates *window = memory_allocate_zeroed(1, sizeof *window);
    size_t heads = 1;
    while (heads < capacity)
        heads *= 2;
    window->capacity = capacity;
    window->mask = heads - 1;
    window->seed = seed | 1;
    window->nodes = memory_allocate_zeroed(capacity, sizeof *window->nodes);
    for (size_t key = 0; key < KEYS; key++)
        window->heads[key] = memory_allocate_zeroed(heads, sizeof *window->heads[key]);
    return window;
}

void recent_certificates_destroy(struct recent_certificates *window)
{
    if (!window)
        return;
    for (size_t key = 0; key < KEYS; key++)
        free(window->heads[key]);
    free(window->nodes);
    free(window);
}

void recent_certificates_clear(struct recent_certificates *window)
{
    for (size_t key = 0; key < KEYS; key++)
        memset(window->heads[key], 0, (window->mask + 1) * sizeof *window->heads[key]);
    window->count = 0;
    window->newest = window->oldest = 0;
}

static struct bytes fingerprint_of(const struct message_fingerprints *fingerprints, enum key key)
{
    return key == KEY_SHA1 ? bytes_of(fingerprints->sha1, SHA1_SIZE)
                           : bytes_of(fingerprints->sha256, SHA256_SIZE);
}

static struct node *node_at(const struct recent_certificates *window, uint32_t index)
{
    assert(index > 0 && index <= window->count);
    return &window->nodes[index - 1];
}

/* Fingerprints are random, but strangers can choose among them: the seed makes their chains
 * unknown. */
static uint32_t *head_of(const struct recent_certificates *window, enum key key,
                         struct bytes fingerprint)
{
    uint64_t part;
    memcpy(&part, fingerprint.data, sizeof part);
    uint64_t hash = (part ^ part >> 31) * window->seed;
    return &window->heads[key][(hash >> 32 ^ hash) & window->mask];
}

static uint32_t find_certificate(const struct recent_certificates *window, enum key key,
                                 struct bytes fingerprint)
{
    uint32_t index = *head_of(window, key, fingerprint);
    while (index) {
        const struct node *node = node_at(window, index);
        if (bytes_equal(fingerprint_of(&node->fingerprints, key), fingerprint))
            return index;
        index = node->next[key];
    }
    return 0;
}

static void unlink_node(struct recent_certificates *window, uint32_t index)
{
    const struct node *node = node_at(window, index);
    *(node->newer ? &node_at(window, node->newer)->older : &window->newest) = node->older;
    *(node->older ? &node_at(window, node->older)->newer : &window->oldest) = node->newer;
}

static void make_newest(struct recent_certificates *window, uint32_t index)
{
    struct node *node = node_at(window, index);
    node->newer = 0;
    node->older = window->newest;
    *(window->newest ? &node_at(window, window->newest)->newer : &window->oldest) = index;
    window->newest = index;
}

static void make_oldest(struct recent_certificates *window, uint32_t index)
{
    struct node *node = node_at(window, index);
    node->older = 0;
    node->newer = window->oldest;
    *(window->oldest ? &node_at(window, window->oldest)->older : &window->newest) = index;
    window->oldest = index;
}

static void leave_chains(struct recent_certificates *window, uint32_t index)
{
    const struct node *node = node_at(window, index);
    for (enum key key = 0; key < KEYS; key++) {
        uint32_t *at = head_of(window, key, fingerprint_of(&node->fingerprints, key));
        while (*at != index)
            at = &node_at(window, *at)->next[key];
        *at = node->next[key];
    }
}

static void enter_chains(struct recent_certificates *window, uint32_t index)
{
    struct node *node = node_at(window, index);
    for (enum key key = 0; key < KEYS; key++) {
        uint32_t *head = head_of(window, key, fingerprint_of(&node->fingerprints, key));
        node->next[key] = *head;
        *head = index;
    }
}

/* A node in no chain and no list: a new one, or the oldest. */
static uint32_t take_node(struct recent_certificates *window)
{
    if (window->count < window->capacity)
        return (uint32_t)++window->count;
    uint32_t index = window->oldest;
    leave_chains(window, index);
    unlink_node(window, index);
    return index;
}

static uint32_t make_node(struct recent_certificates *window,
                          const struct message_fingerprints *fingerprints, struct stream_id id)
{
    uint32_t index = take_node(window);
    *node_at(window, index) =
        (struct node){ .fingerprints = *fingerprints, .first = id, .last = id };
    enter_chains(window, index);
    return index;
}

static void take_id(struct node *node, struct stream_id id)
{
    if (stream_id_compare(id, node->first) < 0)
        node->first = id;
    if (stream_id_compare(id, node->last) > 0)
        node->last = id;
}

void recent_certificates_add(struct recent_certificates *window,
                             const struct message_fingerprints *fingerprints, struct stream_id id)
{
    uint32_t index = find_certificate(window, KEY_SHA256, fingerprint_of(fingerprints, KEY_SHA256));
    if (index) {
        take_id(node_at(window, index), id);
        unlink_node(window, index);
    } else {
        index = make_node(window, fingerprints, id);
    }
    make_newest(window, index);
}

bool recent_certificates_add_older(struct recent_certificates *window,
                                   const struct message_fingerprints *fingerprints,
                                   struct stream_id id)
{
    uint32_t index = find_certificate(window, KEY_SHA256, fingerprint_of(fingerprints, KEY_SHA256));
    if (index) {
        take_id(node_at(window, index), id);
        return true;
    }
    if (window->count == window->capacity)
        return false;
    make_oldest(window, make_node(window, fingerprints, id));
    return true;
}

bool recent_certificates_is_repeat(const struct recent_certificates *window, const uint8_t *sha256,
                                   struct stream_id id)
{
    uint32_t index = find_certificate(window, KEY_SHA256, bytes_of(sha256, SHA256_SIZE));
    return index && stream_id_compare(node_at(window, index)->first, id) < 0;
}

static bool find_last(const struct recent_certificates *window, enum key key,
                      struct bytes fingerprint, struct stream_id *id)
{
    uint32_t index = find_certificate(window, key, fingerprint);
    if (index)
        *id = node_at(window, index)->last;
    return index != 0;
}

bool recent_certificates_find_sha256(const struct recent_certificates *window,
                                     const uint8_t *sha256, struct stream_id *id)
{
    return find_last(window, KEY_SHA256, bytes_of(sha256, SHA256_SIZE), id);
}

bool recent_certificates_find_sha1(const struct recent_certificates *window, const uint8_t *sha1,
                                   struct stream_id *id)
{
    return find_last(window, KEY_SHA1, bytes_of(sha1, SHA1_SIZE), id);
}

size_t recent_certificates_count(const struct recent_certificates *window)
{
    return window->count;
}

size_t recent_certificates_capacity(const struct recent_certificates *window)
{
    return window->capacity;
}
