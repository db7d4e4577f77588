#include "streamer/stream/stream_entry.h"

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/history/entry_renderer.h"
#include "shared/message/message_view.h"
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

enum {
    FIELD_JSON,
    FIELD_DOMAINS,
    FIELD_DER,
    FIELD_CHAIN,
    FIELD_LOG,
    FIELD_INDEX,
    FIELD_TBS,
    FIELD_CONTROL,
    FIELDS,
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a literal cannot stand in any */
#define NAME(text)             \
    {                          \
        sizeof(text) - 1, text \
    }

/* The order is that in which ingest writes them, so that each is found where it is looked for
 * first. */
static const struct {
    size_t size;
    const char *text;
} names[FIELDS] = {
    [FIELD_JSON] = NAME(CONTRACT_FIELD_JSON), [FIELD_DOMAINS] = NAME(CONTRACT_FIELD_DOMAINS),
    [FIELD_DER] = NAME(CONTRACT_FIELD_DER),   [FIELD_CHAIN] = NAME(CONTRACT_FIELD_CHAIN),
    [FIELD_LOG] = NAME(CONTRACT_FIELD_LOG),   [FIELD_INDEX] = NAME(CONTRACT_FIELD_INDEX),
    [FIELD_TBS] = NAME(CONTRACT_FIELD_TBS),   [FIELD_CONTROL] = NAME(CONTRACT_FIELD_CONTROL),
};

static bool is_field(size_t field, struct bytes name)
{
    return name.size == names[field].size && name.data &&
           memcmp(name.data, names[field].text, name.size) == 0;
}

/* FIELDS if it is none that is known. */
static size_t find_field(struct bytes name, size_t likely)
{
    if (likely < FIELDS && is_field(likely, name))
        return likely;
    size_t field = 0;
    while (field < FIELDS && !is_field(field, name))
        field++;
    return field;
}

/* The next fingerprint, not decoded. False when there is none left. */
static bool take_fingerprint_text(struct bytes *chain, struct bytes *text)
{
    if (chain->size < FINGERPRINT_HEX)
        return false;
    bool is_last = chain->size == FINGERPRINT_HEX;
    if (!is_last && chain->data[FINGERPRINT_HEX] != ' ')
        return false;
    size_t taken = FINGERPRINT_HEX + !is_last;
    *text = bytes_of(chain->data, FINGERPRINT_HEX);
    *chain = bytes_of(chain->data + taken, chain->size - taken);
    return true;
}

static bool chain_is_well_formed(struct bytes chain)
{
    struct bytes text;
    while (take_fingerprint_text(&chain, &text))
        if (!hex_is_text(text))
            return false;
    return chain.size == 0;
}

static bool is_complete(struct stream_entry *entry, struct bytes index)
{
    return entry->json.size > 0 && entry->domains.size > 0 && entry->der.size > 0 &&
           entry->log.size == CONTRACT_LOG_ID_HEX && decimal_parse(&entry->index, index) &&
           chain_is_well_formed(entry->chain);
}

static bool take_values(struct stream_entry *entry, const struct bytes *values)
{
    entry->json = values[FIELD_JSON];
    entry->domains = values[FIELD_DOMAINS];
    entry->der = values[FIELD_DER];
    entry->chain = values[FIELD_CHAIN];
    entry->log = values[FIELD_LOG];
    entry->tbs = values[FIELD_TBS];
    entry->is_control = values[FIELD_CONTROL].size > 0;
    entry->is_message = !entry->is_control && is_complete(entry, values[FIELD_INDEX]);
    return entry->is_message;
}

static bool take_fields(struct stream_entry *entry, const struct redisReply *fields)
{
    struct bytes values[FIELDS + 1] = { 0 };
    for (size_t i = 0; i < fields->elements; i += 2)
        values[find_field(field_text(fields->element[i]), i / 2)] =
            field_text(fields->element[i + 1]);
    return take_values(entry, values);
}

bool stream_entry_read_fields(struct stream_entry *entry, const struct history_fields *fields)
{
    struct bytes values[FIELDS + 1] = { 0 };
    for (size_t i = 0; i < fields->count; i++)
        values[find_field(fields->fields[i].name, i)] = fields->fields[i].value;
    return take_values(entry, values);
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
    return take_fields(entry, fields);
}

bool stream_entry_fingerprints(const struct stream_entry *entry,
                               struct message_fingerprints *fingerprints)
{
    if (!message_view_fingerprints(entry->json, fingerprints))
        return false;
    fingerprints->has_tbs = entry->tbs.size == FINGERPRINT_HEX &&
                            hex_decode(fingerprints->tbs, SHA256_SIZE, entry->tbs);
    return true;
}

bool stream_entry_take_issuer(struct bytes *chain, uint8_t *sha256)
{
    struct bytes rest = *chain;
    struct bytes text;
    if (!take_fingerprint_text(&rest, &text) || !hex_decode(sha256, SHA256_SIZE, text))
        return false;
    *chain = rest;
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
