/* Any bytes as what a node of Redis Cluster sends, and as its errors: what is taken for a host is
 * one, whoever is asked for. */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_cluster.h"
#include "tests/fuzz/fuzz.h"

enum {
    NODES = 8,
    /* An array of more elements than there are bytes is an allocation of hiredis, not a finding. */
    COUNT_DIGITS = 4,
};

static const struct redis_host asked = { "seed", 7000 };

static void check_host(const struct redis_host *host)
{
    size_t size = strnlen(host->name, sizeof host->name);
    if (size == 0 || size == sizeof host->name || host->port < 1 || host->port > 65535)
        abort();
}

static void check_slots(const redisReply *reply)
{
    struct redis_host nodes[NODES] = { { "known", 1 } };
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot += 1001) {
        struct redis_host host;
        if (redis_cluster_read_owner(&host, reply, slot, &asked))
            check_host(&host);
        if (redis_cluster_read_replica(&host, reply, slot, &asked, slot))
            check_host(&host);
    }
    size_t count = redis_cluster_read_nodes(nodes, 1, NODES, reply, &asked);
    if (count < 1 || count > NODES)
        abort();
    for (size_t i = 0; i < count; i++)
        check_host(&nodes[i]);
}

static void check_text(const uint8_t *data, size_t size)
{
    char *text = memory_copy_text((const char *)data, size);
    struct redis_host host;
    if (redis_cluster_read_moved(&host, text, &asked))
        check_host(&host);
    if (redis_cluster_slot(text) >= REDIS_SLOTS)
        abort();
    (void)redis_cluster_has_tag(text);
    free(text);
}

static bool has_huge_array(const uint8_t *data, size_t size)
{
    size_t digits = 0;
    for (size_t i = 0; i < size; i++) {
        bool goes_on = digits > 0 && data[i] >= '0' && data[i] <= '9';
        digits = goes_on ? digits + 1 : data[i] == '*';
        if (digits > COUNT_DIGITS)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(data, size);
    if (has_huge_array(data, size))
        return 0;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    if (redisReaderFeed(reader, (const char *)data, size) == REDIS_OK &&
        redisReaderGetReply(reader, &reply) == REDIS_OK && reply)
        check_slots(reply);
    if (reply)
        freeReplyObject(reply);
    redisReaderFree(reader);
    return 0;
}
