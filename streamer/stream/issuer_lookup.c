#include "streamer/stream/issuer_lookup.h"

#include <assert.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/stream_entry.h"

enum {
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* One command's worth; entries of one reply share most of theirs. What is over comes with the
     * next fetch. */
    ASKED_MAX = 512,
    /* An issuer that is not there will hardly come soon, but ingest may still be writing it. */
    RETRY_ABSENT_MS = 30000,
};

#define ISSUER_LOOKUP_MARK CONTEXT_MARK('I', 'L', 'K', 'P')

struct issuer_lookup {
    uint32_t mark; /* ISSUER_LOOKUP_MARK */
    const struct contract *contract;
    struct issuer_cache *issuers;
    issuer_lookup_on_done on_done;
    void *context;
    bool under_way;
    size_t asked_count;
    uint8_t asked[ASKED_MAX][SHA256_SIZE];
    char texts[ASKED_MAX][FINGERPRINT_HEX + 1];
};

struct issuer_lookup *issuer_lookup_create(const struct contract *contract,
                                           struct issuer_cache *issuers,
                                           issuer_lookup_on_done on_done, void *context)
{
    struct issuer_lookup *fetch = memory_allocate_zeroed(1, sizeof *fetch);
    fetch->mark = ISSUER_LOOKUP_MARK;
    fetch->contract = contract;
    fetch->issuers = issuers;
    fetch->on_done = on_done;
    fetch->context = context;
    return fetch;
}

void issuer_lookup_destroy(struct issuer_lookup *fetch)
{
    free(fetch);
}

static bool is_asked(const struct issuer_lookup *fetch, const uint8_t *sha256)
{
    for (size_t i = 0; i < fetch->asked_count; i++)
        if (memcmp(fetch->asked[i], sha256, SHA256_SIZE) == 0)
            return true;
    return false;
}

static void collect(struct issuer_lookup *fetch, struct bytes chain, uint64_t now_ms)
{
    uint8_t sha256[SHA256_SIZE];
    struct bytes known;
    while (fetch->asked_count < ASKED_MAX && stream_entry_take_issuer(&chain, sha256)) {
        if (issuer_cache_find(fetch->issuers, sha256, now_ms, &known) || is_asked(fetch, sha256))
            continue;
        memcpy(fetch->asked[fetch->asked_count++], sha256, SHA256_SIZE);
    }
}

static void keep(struct issuer_lookup *fetch, const struct redisReply *reply)
{
    uint64_t retry_at_ms = clock_monotonic_ms() + RETRY_ABSENT_MS;
    for (size_t i = 0; i < fetch->asked_count; i++) {
        const struct redisReply *object = reply->element[i];
        if (object->type == REDIS_REPLY_STRING && object->len > 0)
            issuer_cache_put(fetch->issuers, fetch->asked[i], bytes_of(object->str, object->len));
        else
            issuer_cache_put_absent(fetch->issuers, fetch->asked[i], retry_at_ms);
    }
}

static void on_objects(struct redis_link *link, struct redisReply *reply, void *context)
{
    struct issuer_lookup *fetch = context_of(context, ISSUER_LOOKUP_MARK);
    fetch->under_way = false;
    bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == fetch->asked_count;
    if (good)
        keep(fetch, reply);
    else if (reply)
        redis_link_drop(link,
                        reply->type == REDIS_REPLY_ERROR ? reply->str : "HMGET: unexpected reply");
    fetch->on_done(good, fetch->context);
}

static bool ask_for_issuers(struct issuer_lookup *fetch, struct redis_link *link)
{
    const char *arguments[ASKED_MAX + 2] = { "HMGET", fetch->contract->issuers };
    size_t sizes[ASKED_MAX + 2] = { strlen("HMGET"), strlen(fetch->contract->issuers) };
    for (size_t i = 0; i < fetch->asked_count; i++) {
        hex_encode(fetch->texts[i], bytes_of(fetch->asked[i], SHA256_SIZE));
        arguments[i + 2] = fetch->texts[i];
        sizes[i + 2] = FINGERPRINT_HEX;
    }
    return redis_link_send(link, on_objects, fetch, fetch->asked_count + 2, arguments, sizes);
}

bool issuer_lookup_start(struct issuer_lookup *fetch, struct redis_link *link,
                         const struct stream_entry *entries, size_t count, uint64_t now_ms)
{
    assert(!fetch->under_way);
    fetch->asked_count = 0;
    for (size_t i = 0; i < count; i++)
        collect(fetch, entries[i].chain, now_ms);
    fetch->under_way = fetch->asked_count > 0 && ask_for_issuers(fetch, link);
    return fetch->under_way;
}
