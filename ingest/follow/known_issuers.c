#include "ingest/follow/known_issuers.h"

#include <stdlib.h>

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>

#include "ingest/make/pipeline.h"
#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/json/json_reader.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

enum {
    /* A certificate has at most 2^24 - 1 bytes. */
    ISSUER_DER_MAX = 1 << 24,
};

struct known_issuers {
    struct redis_link *link;
    const struct contract *contract;
    struct pipeline *pipeline;
    bool are_there;
    bool are_asked; /* what Redis has is on its way */
};

struct known_issuers *known_issuers_create(struct redis_link *link, const struct contract *contract,
                                           struct pipeline *pipeline)
{
    struct known_issuers *issuers = memory_allocate_zeroed(1, sizeof *issuers);
    *issuers = (struct known_issuers){ .link = link, .contract = contract, .pipeline = pipeline };
    return issuers;
}

void known_issuers_destroy(struct known_issuers *issuers)
{
    free(issuers);
}

/* An issuer as Redis has it: its object holds the certificate. */
static void learn_issuer(struct known_issuers *issuers, const redisReply *name,
                         const redisReply *value, struct buffer *der)
{
    uint8_t fingerprint[SHA256_SIZE];
    if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING ||
        !hex_decode(fingerprint, SHA256_SIZE, bytes_of(name->str, (size_t)name->len)))
        return;
    cJSON *object = cJSON_ParseWithLength(value->str, (size_t)value->len);
    const char *text = json_read_string(object, "as_der");
    buffer_clear(der);
    if (text && base64_decode(der, bytes_of_string(text)))
        pipeline_learn_issuer(issuers->pipeline, fingerprint, buffer_bytes(der));
    cJSON_Delete(object);
}

static void on_issuers(struct redis_link *link, redisReply *reply, void *context)
{
    struct known_issuers *issuers = context;
    (void)link;
    issuers->are_asked = false;
    if (!reply)
        return;
    struct buffer der;
    buffer_init(&der, ISSUER_DER_MAX);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
        learn_issuer(issuers, reply->element[i], reply->element[i + 1], &der);
    buffer_free(&der);
    issuers->are_there = true;
}

void known_issuers_reload(struct known_issuers *issuers)
{
    issuer_set_clear(pipeline_issuers(issuers->pipeline));
    issuers->are_there = false;
    /* One answer at a time: what it brings is what Redis has, whenever it was asked. */
    if (!issuers->are_asked)
        issuers->are_asked = redis_link_send_strings(issuers->link, on_issuers, issuers, "HGETALL",
                                                     issuers->contract->issuers, (char *)NULL);
}

void known_issuers_on_down(struct known_issuers *issuers)
{
    issuers->are_there = false;
}

bool known_issuers_are_there(const struct known_issuers *issuers)
{
    return issuers->are_there;
}
