#include "shared/history/entry_renderer.h"

#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/history/varint.h"
#include "shared/message/certificate_json.h"
#include "shared/redis/contract.h"
#include "shared/x509/certificate.h"

enum {
    /* As much as a batch of ingest may hold, which wrote it (BATCH_BYTES_MAX). */
    JSON_MAX = 512 * 1024 * 1024,
    SMALL_MAX = 128,
    RENDERED_FIELDS = 7,
};

struct entry_renderer {
    struct certificate *certificate;
    bool is_parsed;
    struct buffer json, domains, index, tbs;
    struct history_field *fields;
    size_t capacity;
};

struct entry_renderer *entry_renderer_create(void)
{
    struct entry_renderer *renderer = memory_allocate_zeroed(1, sizeof *renderer);
    renderer->certificate = certificate_create();
    buffer_init(&renderer->json, JSON_MAX);
    buffer_init(&renderer->domains, JSON_MAX);
    buffer_init(&renderer->index, SMALL_MAX);
    buffer_init(&renderer->tbs, SMALL_MAX);
    renderer->capacity = RENDERED_FIELDS;
    renderer->fields = memory_allocate_zeroed(renderer->capacity, sizeof *renderer->fields);
    return renderer;
}

void entry_renderer_destroy(struct entry_renderer *renderer)
{
    if (!renderer)
        return;
    certificate_destroy(renderer->certificate);
    buffer_free(&renderer->json);
    buffer_free(&renderer->domains);
    buffer_free(&renderer->index);
    buffer_free(&renderer->tbs);
    free(renderer->fields);
    free(renderer);
}

static void render_json(struct entry_renderer *renderer, const struct history_entry *entry)
{
    const struct message_entry message = history_entry_message(entry);
    message_write(&renderer->json, &message, renderer->certificate);
}

static void render_tbs(struct entry_renderer *renderer)
{
    const uint8_t *digest = certificate_tbs_sha256(renderer->certificate);
    char hex[2 * SHA256_SIZE + 1];
    if (!digest)
        return;
    hex_encode(hex, bytes_of(digest, SHA256_SIZE));
    buffer_append(&renderer->tbs, hex, sizeof hex - 1);
}

/* A value that is there, also when it is empty. */
static struct bytes value_of(const struct buffer *buffer, bool is_wanted)
{
    if (!is_wanted)
        return (struct bytes){ 0 };
    return buffer->size ? buffer_bytes(buffer) : bytes_of("", 0);
}

static void render_certificate(struct entry_renderer *renderer, const struct history_entry *entry,
                               struct bytes der, unsigned wanted)
{
    renderer->is_parsed = wanted & ~(unsigned)ENTRY_DOMAINS;
    if (renderer->is_parsed)
        (void)certificate_parse(renderer->certificate, der);
    else if (wanted)
        certificate_parse_names(renderer->certificate, der);
    if (wanted & ENTRY_JSON)
        render_json(renderer, entry);
    if (wanted & ENTRY_DOMAINS)
        certificate_json_write_domains(&renderer->domains, renderer->certificate,
                                       CERTIFICATE_DIALECT_CERTSTREAM);
    if (wanted & ENTRY_TBS)
        render_tbs(renderer);
    buffer_append_unsigned(&renderer->index, entry->index);
    const struct history_field fields[RENDERED_FIELDS] = {
        { bytes_of_string(CONTRACT_FIELD_JSON), value_of(&renderer->json, wanted & ENTRY_JSON) },
        { bytes_of_string(CONTRACT_FIELD_DOMAINS),
          value_of(&renderer->domains, wanted & ENTRY_DOMAINS) },
        { bytes_of_string(CONTRACT_FIELD_DER), der },
        { bytes_of_string(CONTRACT_FIELD_CHAIN),
          entry->chain.size ? entry->chain : bytes_of("", 0) },
        { bytes_of_string(CONTRACT_FIELD_LOG), bytes_of_string(entry->source->log_id_hex) },
        { bytes_of_string(CONTRACT_FIELD_INDEX), buffer_bytes(&renderer->index) },
        { bytes_of_string(CONTRACT_FIELD_TBS), value_of(&renderer->tbs, wanted & ENTRY_TBS) },
    };
    memcpy(renderer->fields, fields, sizeof fields);
}

/* Names and values, one after the other. */
static bool read_verbatim(struct entry_renderer *renderer, struct bytes record, size_t *count)
{
    struct reader reader = reader_of(record);
    *count = 0;
    while (reader.remaining) {
        if (*count == renderer->capacity) {
            renderer->capacity *= 2;
            renderer->fields =
                memory_resize(renderer->fields, renderer->capacity, sizeof *renderer->fields);
        }
        struct history_field *field = &renderer->fields[(*count)++];
        field->name = varint_read_vector(&reader);
        field->value = varint_read_vector(&reader);
    }
    return reader_ok(&reader) && *count > 0;
}

bool entry_renderer_render(struct entry_renderer *renderer, const struct history_entry *entry,
                           struct bytes record, unsigned wanted, struct history_fields *fields)
{
    buffer_clear(&renderer->json);
    buffer_clear(&renderer->domains);
    buffer_clear(&renderer->index);
    buffer_clear(&renderer->tbs);
    renderer->is_parsed = false;
    *fields = (struct history_fields){ renderer->fields, RENDERED_FIELDS };
    if (!record.data)
        return false;
    if (entry->is_verbatim) {
        bool is_good = read_verbatim(renderer, record, &fields->count);
        fields->fields = renderer->fields;
        return is_good;
    }
    render_certificate(renderer, entry, record, wanted);
    return !renderer->json.failed && !renderer->domains.failed;
}

const struct certificate *entry_renderer_certificate(const struct entry_renderer *renderer)
{
    return renderer->is_parsed ? renderer->certificate : NULL;
}

struct bytes history_fields_find(const struct history_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (bytes_equal_string(fields->fields[i].name, name))
            return fields->fields[i].value;
    return (struct bytes){ 0 };
}
