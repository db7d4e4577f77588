#include "ingest/store/log_position.h"

#include <assert.h>

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"

/* Stands in `frontier` when there is none; that of an empty log is the empty text. */
#define FRONTIER_UNKNOWN "unknown"

static const char *const field_names[CHECKPOINT_FIELDS] = {
    "next",     "epoch",         "page",     "frontier",      "verified_size",
    "sth_size", "sth_timestamp", "sth_root", "sth_signature",
};

static struct bytes find(const struct checkpoint_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_string(fields[i].name, name))
            return fields[i].value;
    return (struct bytes){ 0 };
}

static bool read_head(struct signed_head *head, const struct checkpoint_field *fields, size_t count)
{
    struct bytes signature = find(fields, count, "sth_signature");
    if (!decimal_parse(&head->size, find(fields, count, "sth_size")) ||
        !decimal_parse(&head->timestamp_ms, find(fields, count, "sth_timestamp")) ||
        !hex_decode(head->root.bytes, SHA256_SIZE, find(fields, count, "sth_root")))
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

enum checkpoint_result checkpoint_read(struct checkpoint *checkpoint,
                                       const struct checkpoint_field *fields, size_t count)
{
    *checkpoint = (struct checkpoint){ 0 };
    struct bytes next = find(fields, count, "next");
    if (!next.data)
        return CHECKPOINT_ABSENT;
    struct bytes frontier = find(fields, count, "frontier");
    checkpoint->has_frontier = !bytes_equal_string(frontier, FRONTIER_UNKNOWN);
    bool good = decimal_parse(&checkpoint->next, next) &&
                decimal_parse(&checkpoint->epoch, find(fields, count, "epoch")) &&
                decimal_parse(&checkpoint->page, find(fields, count, "page")) &&
                decimal_parse(&checkpoint->verified_size, find(fields, count, "verified_size")) &&
                read_head(&checkpoint->head, fields, count) &&
                (!checkpoint->has_frontier ||
                 merkle_frontier_read(&checkpoint->frontier, checkpoint->next, frontier));
    return good ? CHECKPOINT_READ : CHECKPOINT_CORRUPT;
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

void checkpoint_write(const struct checkpoint *checkpoint, struct checkpoint_field *fields,
                      struct buffer *text)
{
    assert(!checkpoint->has_frontier || checkpoint->frontier.size == checkpoint->next);
    size_t ends[CHECKPOINT_FIELDS];
    buffer_clear(text);
    buffer_append_unsigned(text, checkpoint->next);
    ends[0] = text->size;
    buffer_append_unsigned(text, checkpoint->epoch);
    ends[1] = text->size;
    buffer_append_unsigned(text, checkpoint->page);
    ends[2] = text->size;
    if (checkpoint->has_frontier)
        merkle_frontier_write(&checkpoint->frontier, text);
    else
        buffer_append_string(text, FRONTIER_UNKNOWN);
    ends[3] = text->size;
    buffer_append_unsigned(text, checkpoint->verified_size);
    ends[4] = text->size;
    write_head(&checkpoint->head, text, ends + 5);
    assert(!text->failed);
    for (size_t i = 0; i < CHECKPOINT_FIELDS; i++) {
        size_t start = i ? ends[i - 1] : 0;
        fields[i].name = bytes_of_string(field_names[i]);
        fields[i].value = bytes_of(text->data + start, ends[i] - start);
    }
}
