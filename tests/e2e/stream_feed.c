#include "tests/e2e/stream_feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/redis/contract.h"
#include "tests/support/redis_server.h"

enum {
    JSON_MAX = 8 << 20
};

#define LOG_ID "abababababababababababababababababababababababababababababababab"

/* An entry of a log is never twice in the stream: indexes that come again are another log's. */
static unsigned log_number;
static uint64_t next_index;
static const char *entry_id = "*";

void stream_feed_use_id(const char *id)
{
    entry_id = id ? id : "*";
}

static void add(struct redis_server *redis, struct bytes json, uint64_t index)
{
    char log[sizeof LOG_ID];
    (void)snprintf(log, sizeof log, "%08x%s", log_number, LOG_ID + 8);
    char domains[64];
    (void)snprintf(domains, sizeof domains, "[\"%" PRIu64 ".example\"]", index);
    freeReplyObject(redis_server_command(
        redis, "XADD %s %s json %b domains %s der %s chain %s log %s index %llu",
        CONTRACT_PREFIX ":stream", entry_id, json.data, json.size, domains, "DER",
        STREAM_FEED_ISSUER " " STREAM_FEED_UNKNOWN, log, (unsigned long long)index));
}

void stream_feed_add_again(struct redis_server *redis, uint64_t from, uint64_t to, size_t padding)
{
    struct buffer json;
    buffer_init(&json, JSON_MAX);
    for (uint64_t index = from; index < to; index++) {
        buffer_clear(&json);
        buffer_append_format(
            &json,
            "{\"message_type\":\"certificate_update\",\"data\":{\"cert_index\":%" PRIu64
            ",\"padding\":\"",
            index);
        uint8_t *room = buffer_reserve(&json, padding);
        memset(room, 'x', padding);
        json.size += padding;
        buffer_append_string(&json, "\",\"leaf_cert\":{\"is_ca\":false}}}");
        add(redis, buffer_bytes(&json), index);
    }
    buffer_free(&json);
}

void stream_feed_add(struct redis_server *redis, uint64_t from, uint64_t to, size_t padding)
{
    log_number += from < next_index;
    next_index = to;
    stream_feed_add_again(redis, from, to, padding);
}

void stream_feed_add_malformed(struct redis_server *redis)
{
    add(redis, bytes_of_string("not json"), 0);
    freeReplyObject(redis_server_command(redis, "XADD %s * json {}", CONTRACT_PREFIX ":stream"));
}

void stream_feed_put_issuer(struct redis_server *redis)
{
    freeReplyObject(redis_server_command(redis, "HSET %s %s %s", CONTRACT_PREFIX ":issuers",
                                         STREAM_FEED_ISSUER,
                                         "{\"is_ca\":true,\"serial_number\":\"01\"}"));
}
