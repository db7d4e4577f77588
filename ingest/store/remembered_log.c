#include "ingest/store/remembered_log.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/redis/report_fields.h"

/* They are written and read in this order. */
enum field {
    FIELD_FOLLOWING,
    FIELD_DESCRIPTION,
    FIELD_OPERATOR,
    FIELD_URL,
    FIELD_TYPE,
    FIELD_LIST_STATE,
    FIELD_KEY,
    FIELD_LISTS,
    FIELD_LIST_VERSIONS,
    FIELD_FINAL_SIZE,
    FIELD_FINAL_ROOT,
    FIELD_INTERVAL_START,
    FIELD_INTERVAL_END,
    FIELD_LOG_TYPE,
    FIELD_STATE, /* the follower's, which reports it */
};

enum {
    KEY_SIZE_MAX = 2048,
    /* Longer is nothing that was written here. */
    VALUE_SIZE_MAX = 4096,
};

static const enum log_field remembered_fields[REMEMBERED_LOG_READ_FIELDS] = {
    [FIELD_FOLLOWING] = LOG_FIELD_FOLLOWING,
    [FIELD_DESCRIPTION] = LOG_FIELD_DESCRIPTION,
    [FIELD_OPERATOR] = LOG_FIELD_OPERATOR,
    [FIELD_URL] = LOG_FIELD_URL,
    [FIELD_TYPE] = LOG_FIELD_TYPE,
    [FIELD_LIST_STATE] = LOG_FIELD_LIST_STATE,
    [FIELD_KEY] = LOG_FIELD_KEY,
    [FIELD_LISTS] = LOG_FIELD_LISTS,
    [FIELD_LIST_VERSIONS] = LOG_FIELD_LIST_VERSIONS,
    [FIELD_FINAL_SIZE] = LOG_FIELD_FINAL_SIZE,
    [FIELD_FINAL_ROOT] = LOG_FIELD_FINAL_ROOT,
    [FIELD_INTERVAL_START] = LOG_FIELD_INTERVAL_START,
    [FIELD_INTERVAL_END] = LOG_FIELD_INTERVAL_END,
    [FIELD_LOG_TYPE] = LOG_FIELD_LOG_TYPE,
    [FIELD_STATE] = LOG_FIELD_STATE,
};

const char *remembered_log_name(size_t i)
{
    assert(i < REMEMBERED_LOG_READ_FIELDS);
    return log_fields[remembered_fields[i]].name;
}

static struct bytes written(struct buffer *text, size_t start)
{
    return bytes_of(text->data + start, text->size - start);
}

/* The value of a field that may be missing: empty then. */
static struct bytes write_number(struct buffer *text, bool has_number, uint64_t number)
{
    size_t start = text->size;
    if (has_number)
        buffer_append_unsigned(text, number);
    return written(text, start);
}

static struct bytes write_root(struct buffer *text, const struct ct_log *ct_log)
{
    char hex[2 * SHA256_SIZE + 1];
    size_t start = text->size;
    if (ct_log->has_final_root) {
        hex_encode(hex, bytes_of(ct_log->final_root.bytes, SHA256_SIZE));
        buffer_append_string(text, hex);
    }
    return written(text, start);
}

void remembered_log_write(const struct ct_log *ct_log, struct hash_field *fields,
                          struct buffer *text)
{
    /* The values are views: the text must not move while they are made. */
    (void)buffer_reserve(text, REMEMBERED_LOG_TEXT_MAX);
    const struct bytes values[REMEMBERED_LOG_FIELDS] = {
        [FIELD_FOLLOWING] = bytes_of_string(ct_log->is_draining ? "draining" : "yes"),
        [FIELD_DESCRIPTION] = bytes_of_string(ct_log->description),
        [FIELD_OPERATOR] = bytes_of_string(ct_log->operator_name),
        [FIELD_URL] = bytes_of_string(ct_log->url),
        [FIELD_TYPE] = bytes_of_string(ct_log_kind_name(ct_log->kind)),
        [FIELD_LIST_STATE] = bytes_of_string(ct_log_state_name(ct_log->state)),
        [FIELD_KEY] = bytes_of_string(ct_log->key_base64),
        [FIELD_LISTS] = bytes_of_string(ct_log->lists),
        [FIELD_LIST_VERSIONS] = bytes_of_string(ct_log->list_versions),
        [FIELD_FINAL_SIZE] = write_number(text, ct_log->has_final_size, ct_log->final_size),
        [FIELD_FINAL_ROOT] = write_root(text, ct_log),
        [FIELD_INTERVAL_START] =
            write_number(text, ct_log->has_interval, ct_log->interval_start_ms),
        [FIELD_INTERVAL_END] = write_number(text, ct_log->has_interval, ct_log->interval_end_ms),
        [FIELD_LOG_TYPE] = bytes_of_string(ct_log->is_test ? "test" : "prod"),
    };
    for (size_t i = 0; i < REMEMBERED_LOG_FIELDS; i++)
        fields[i] = (struct hash_field){ bytes_of_string(remembered_log_name(i)), values[i] };
}

/* Who has drained a log, or reached its final size, is done with it; one that is merely finished
 * may have been given more entries by a newer list, and costs little. */
static bool is_over(const struct bytes *values)
{
    bool is_draining = bytes_equal_string(values[FIELD_FOLLOWING], "draining");
    bool is_followed = is_draining || bytes_equal_string(values[FIELD_FOLLOWING], "yes");
    return !is_followed || (is_draining && bytes_equal_string(values[FIELD_STATE], "finished"));
}

static bool is_sized_well(const struct bytes *values)
{
    for (size_t i = 0; i < REMEMBERED_LOG_READ_FIELDS; i++)
        if (values[i].size > VALUE_SIZE_MAX)
            return false;
    return values[FIELD_URL].size > 0;
}

static bool read_remembered_identity(struct ct_log *ct_log, const char *id_hex, struct bytes key,
                                     struct digest *sha256)
{
    struct buffer der;
    uint8_t hash[SHA256_SIZE];
    buffer_init(&der, KEY_SIZE_MAX);
    bool good =
        hex_decode(ct_log->id, SHA256_SIZE, bytes_of_string(id_hex)) && base64_decode(&der, key);
    if (good)
        digest_bytes(sha256, hash, buffer_bytes(&der));
    buffer_free(&der);
    return good && memcmp(hash, ct_log->id, SHA256_SIZE) == 0;
}

static char *copy(struct bytes value)
{
    return value.size ? memory_copy_text((const char *)value.data, value.size)
                      : memory_copy_string("");
}

static char *encode_id(const struct ct_log *ct_log)
{
    struct buffer text;
    buffer_init(&text, base64_encoded_size(SHA256_SIZE));
    base64_encode(&text, bytes_of(ct_log->id, SHA256_SIZE));
    char *id = copy(buffer_bytes(&text));
    buffer_free(&text);
    return id;
}

static enum ct_log_state read_state(struct bytes value)
{
    for (enum ct_log_state each = CT_LOG_PENDING; each <= CT_LOG_REJECTED; each++)
        if (bytes_equal_string(value, ct_log_state_name(each)))
            return each;
    return CT_LOG_STATE_NONE;
}

static void read_numbers(struct ct_log *ct_log, const struct bytes *values)
{
    ct_log->has_final_size = decimal_parse(&ct_log->final_size, values[FIELD_FINAL_SIZE]);
    ct_log->has_final_root =
        ct_log->has_final_size &&
        hex_decode(ct_log->final_root.bytes, SHA256_SIZE, values[FIELD_FINAL_ROOT]);
    ct_log->has_interval =
        decimal_parse(&ct_log->interval_start_ms, values[FIELD_INTERVAL_START]) &&
        decimal_parse(&ct_log->interval_end_ms, values[FIELD_INTERVAL_END]);
}

bool remembered_log_read(struct ct_log *ct_log, const char *id_hex, const struct bytes *values,
                         struct digest *sha256)
{
    *ct_log = (struct ct_log){ 0 };
    if (is_over(values) || !is_sized_well(values) ||
        !read_remembered_identity(ct_log, id_hex, values[FIELD_KEY], sha256))
        return false;
    hex_encode(ct_log->id_hex, bytes_of(ct_log->id, SHA256_SIZE));
    ct_log->kind = bytes_equal_string(values[FIELD_TYPE], ct_log_kind_name(CT_LOG_TILED))
                       ? CT_LOG_TILED
                       : CT_LOG_RFC6962;
    ct_log->state = read_state(values[FIELD_LIST_STATE]);
    ct_log->is_test = bytes_equal_string(values[FIELD_LOG_TYPE], "test");
    ct_log->is_draining = bytes_equal_string(values[FIELD_FOLLOWING], "draining");
    ct_log->id_base64 = encode_id(ct_log);
    ct_log->key_base64 = copy(values[FIELD_KEY]);
    ct_log->description = copy(values[FIELD_DESCRIPTION]);
    ct_log->operator_name = copy(values[FIELD_OPERATOR]);
    ct_log->url = copy(values[FIELD_URL]);
    ct_log->lists = copy(values[FIELD_LISTS]);
    ct_log->list_versions = copy(values[FIELD_LIST_VERSIONS]);
    read_numbers(ct_log, values);
    return true;
}
