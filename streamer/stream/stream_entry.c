#include "streamer/stream/stream_entry.h"

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/redis/contract.h"

enum {
    FINGERPRINT_HEX = 2 * SHA256_SIZE
};

static struct bytes field_text(const struct redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return (struct bytes){ 0 };
    return bytes_of(reply->str, reply->len);
}

static void take_field(struct stream_entry *entry, struct bytes *index, struct bytes *control,
                       struct bytes name, struct bytes value)
{
    const struct {
        const char *name;
        struct bytes *value;
    } fields[] = {
        { CONTRACT_FIELD_JSON, &entry->json }, { CONTRACT_FIELD_DOMAINS, &entry->domains },
        { CONTRACT_FIELD_DER, &entry->der },   { CONTRACT_FIELD_CHAIN, &entry->chain },
        { CONTRACT_FIELD_LOG, &entry->log },   { CONTRACT_FIELD_INDEX, index },
        { CONTRACT_FIELD_CONTROL, control },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!bytes_equal_string(name, fields[i].name))
            continue;
        *fields[i].value = value;
        return;
    }
}

static bool chain_is_well_formed(struct bytes chain)
{
    uint8_t sha256[SHA256_SIZE];
    while (stream_entry_take_issuer(&chain, sha256))
        continue;
    return chain.size == 0;
}

static bool is_complete(struct stream_entry *entry, struct bytes index)
{
    return entry->json.size > 0 && entry->domains.size > 0 && entry->der.size > 0 &&
           entry->log.size == CONTRACT_LOG_ID_HEX && decimal_parse(&entry->index, index) &&
           chain_is_well_formed(entry->chain);
}

bool stream_entry_read(struct stream_entry *entry, const struct redisReply *reply)
{
    *entry = (struct stream_entry){ 0 };
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    entry->id_text = field_text(reply->element[0]);
    if (!stream_id_parse(&entry->id, entry->id_text)) {
        entry->id = (struct stream_id){ 0 };
        return false;
    }
    const struct redisReply *fields = reply->element[1];
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0)
        return false;
    struct bytes index = { 0 };
    struct bytes control = { 0 };
    for (size_t i = 0; i < fields->elements; i += 2)
        take_field(entry, &index, &control, field_text(fields->element[i]),
                   field_text(fields->element[i + 1]));
    entry->is_control = control.size > 0;
    return !entry->is_control && is_complete(entry, index);
}

bool stream_entry_take_issuer(struct bytes *chain, uint8_t *sha256)
{
    if (chain->size < FINGERPRINT_HEX)
        return false;
    bool is_last = chain->size == FINGERPRINT_HEX;
    if (!is_last && chain->data[FINGERPRINT_HEX] != ' ')
        return false;
    if (!hex_decode(sha256, SHA256_SIZE, bytes_of(chain->data, FINGERPRINT_HEX)))
        return false;
    size_t taken = FINGERPRINT_HEX + !is_last;
    *chain = bytes_of(chain->data + taken, chain->size - taken);
    return true;
}

const struct redisReply *stream_entries_of_read(const struct redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
        return NULL;
    const struct redisReply *stream = reply->element[0];
    if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2)
        return NULL;
    const struct redisReply *entries = stream->element[1];
    return entries->type == REDIS_REPLY_ARRAY ? entries : NULL;
}
