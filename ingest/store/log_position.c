#include "ingest/store/log_position.h"

#include <assert.h>

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/redis/report_fields.h"

/* Stands in `frontier` when there is none; that of an empty log is the empty text. */
#define FRONTIER_UNKNOWN "unknown"

/* They are written in this order. */
static const enum log_field position_fields[LOG_POSITION_FIELDS] = {
    LOG_FIELD_NEXT,          LOG_FIELD_EPOCH,         LOG_FIELD_PAGE,
    LOG_FIELD_FRONTIER,      LOG_FIELD_VERIFIED_SIZE, LOG_FIELD_STH_SIZE,
    LOG_FIELD_STH_TIMESTAMP, LOG_FIELD_STH_ROOT,      LOG_FIELD_STH_SIGNATURE,
};

static struct bytes find_field(const struct hash_field *fields, size_t count, enum log_field field)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_string(fields[i].name, log_fields[field].name))
            return fields[i].value;
    return (struct bytes){ 0 };
}

static bool read_head(struct signed_head *head, const struct hash_field *fields, size_t count)
{
    struct bytes signature = find_field(fields, count, LOG_FIELD_STH_SIGNATURE);
    if (!decimal_parse(&head->size, find_field(fields, count, LOG_FIELD_STH_SIZE)) ||
        !decimal_parse(&head->timestamp_ms, find_field(fields, count, LOG_FIELD_STH_TIMESTAMP)) ||
        !hex_decode(head->root.bytes, SHA256_SIZE, find_field(fields, count, LOG_FIELD_STH_ROOT)))
        return false;
    struct buffer decoded;
    buffer_init(&decoded, sizeof head->signature);
    bool good = base64_decode(&decoded, signature);
    if (good && decoded.size) {
        memcpy(head->signature, decoded.data, decoded.size);
        head->signature_size = decoded.size;
    }
    buffer_free(&decoded);
    return good;
}

enum log_position_result log_position_read(struct log_position *position,
                                           const struct hash_field *fields, size_t count)
{
    *position = (struct log_position){ 0 };
    struct bytes next = find_field(fields, count, LOG_FIELD_NEXT);
    if (!next.data)
        return LOG_POSITION_ABSENT;
    struct bytes frontier = find_field(fields, count, LOG_FIELD_FRONTIER);
    position->has_frontier = !bytes_equal_string(frontier, FRONTIER_UNKNOWN);
    bool good = decimal_parse(&position->next, next) &&
                decimal_parse(&position->epoch, find_field(fields, count, LOG_FIELD_EPOCH)) &&
                decimal_parse(&position->page, find_field(fields, count, LOG_FIELD_PAGE)) &&
                decimal_parse(&position->verified_size,
                              find_field(fields, count, LOG_FIELD_VERIFIED_SIZE)) &&
                read_head(&position->head, fields, count) &&
                (!position->has_frontier ||
                 merkle_frontier_read(&position->frontier, position->next, frontier));
    return good ? LOG_POSITION_READ : LOG_POSITION_CORRUPT;
}

static void write_head(const struct signed_head *head, struct buffer *text, size_t *ends)
{
    char root[2 * SHA256_SIZE + 1];
    buffer_append_unsigned(text, head->size);
    *ends++ = text->size;
    buffer_append_unsigned(text, head->timestamp_ms);
    *ends++ = text->size;
    hex_encode(root, bytes_of(head->root.bytes, SHA256_SIZE));
    buffer_append_string(text, root);
    *ends++ = text->size;
    base64_encode(text, bytes_of(head->signature, head->signature_size));
    *ends = text->size;
}

void log_position_write(const struct log_position *position, struct hash_field *fields,
                        struct buffer *text)
{
    assert(!position->has_frontier || position->frontier.size == position->next);
    size_t ends[LOG_POSITION_FIELDS];
    buffer_clear(text);
    buffer_append_unsigned(text, position->next);
    ends[0] = text->size;
    buffer_append_unsigned(text, position->epoch);
    ends[1] = text->size;
    buffer_append_unsigned(text, position->page);
    ends[2] = text->size;
    if (position->has_frontier)
        merkle_frontier_write(&position->frontier, text);
    else
        buffer_append_string(text, FRONTIER_UNKNOWN);
    ends[3] = text->size;
    buffer_append_unsigned(text, position->verified_size);
    ends[4] = text->size;
    write_head(&position->head, text, ends + 5);
    assert(!text->failed);
    for (size_t i = 0; i < LOG_POSITION_FIELDS; i++) {
        size_t start = i ? ends[i - 1] : 0;
        fields[i].name = bytes_of_string(log_fields[position_fields[i]].name);
        fields[i].value = bytes_of(text->data + start, ends[i] - start);
    }
}
