#include "shared/history/stored_entry.h"

#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "shared/history/intern_table.h"
#include "shared/message/message_view.h"
#include "shared/redis/contract.h"

enum {
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* Of the text of a log's name, address or operator; and of a parse error: ours are constants.
     * A log list that exceeds it is kept verbatim. */
    TEXT_MAX = 1024,
    SOURCES_MAX = 1024,
    SOURCES_BYTES_MAX = SOURCES_MAX * 4 * TEXT_MAX,
    /* Escapes are six times as long, and the address stands twice. */
    START_MAX = 64 * TEXT_MAX,
    STRINGS = 3,
    CHAIN_MAX = 64,
};

/* The order in which ingest writes them. */
enum {
    FIELD_JSON,
    FIELD_DOMAINS,
    FIELD_DER,
    FIELD_CHAIN,
    FIELD_LOG,
    FIELD_INDEX,
    FIELD_TBS,
    FIELDS,
};

static const char *const names[FIELDS] = {
    [FIELD_JSON] = CONTRACT_FIELD_JSON, [FIELD_DOMAINS] = CONTRACT_FIELD_DOMAINS,
    [FIELD_DER] = CONTRACT_FIELD_DER,   [FIELD_CHAIN] = CONTRACT_FIELD_CHAIN,
    [FIELD_LOG] = CONTRACT_FIELD_LOG,   [FIELD_INDEX] = CONTRACT_FIELD_INDEX,
    [FIELD_TBS] = CONTRACT_FIELD_TBS,
};

struct source {
    struct history_source source;
    char *strings[STRINGS];
    char log_id_hex[FINGERPRINT_HEX + 1];
    char log_id_base64[48];
};

struct stored_entry_reader {
    struct intern_table texts; /* of sources, as they stand in messages */
    struct source *sources[SOURCES_MAX];
    size_t source_count;
    uint64_t seed;
    char parse_error[TEXT_MAX + 1];
    struct buffer start;
};

struct stored_entry_reader *stored_entry_reader_create(uint64_t seed)
{
    struct stored_entry_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    intern_table_init(&reader->texts, SOURCES_BYTES_MAX, seed);
    buffer_init(&reader->start, START_MAX);
    return reader;
}

void stored_entry_reader_clear(struct stored_entry_reader *reader)
{
    for (size_t i = 0; i < reader->source_count; i++) {
        for (size_t j = 0; j < STRINGS; j++)
            free(reader->sources[i]->strings[j]);
        free(reader->sources[i]);
    }
    reader->source_count = 0;
    intern_table_clear(&reader->texts);
}

void stored_entry_reader_destroy(struct stored_entry_reader *reader)
{
    if (!reader)
        return;
    stored_entry_reader_clear(reader);
    intern_table_free(&reader->texts);
    buffer_free(&reader->start);
    free(reader);
}

static void expect_text(struct reader *at, const char *text)
{
    if (!bytes_equal_string(reader_take(at, strlen(text)), text))
        reader_fail(at);
}

static bool take_field_text(struct reader *at, const char *text)
{
    size_t size = strlen(text);
    if (at->remaining < size || memcmp(at->next, text, size) != 0)
        return false;
    (void)reader_take(at, size);
    return true;
}

/* The inside of a string, and its quote. Ours end at the first that is not escaped. */
static struct bytes take_json_string(struct reader *at)
{
    size_t size = 0;
    while (size < at->remaining && at->next[size] != '"')
        size += at->next[size] == '\\' ? 2 : 1;
    struct bytes inside = reader_take(at, size);
    expect_text(at, "\"");
    return inside;
}

static uint64_t take_digits(struct reader *at)
{
    size_t size = 0;
    while (size < at->remaining && at->next[size] >= '0' && at->next[size] <= '9')
        size++;
    uint64_t number = 0;
    if (!decimal_parse(&number, reader_take(at, size)))
        reader_fail(at);
    return number;
}

/* Seconds with three decimals. Overflows are found out when it is written again. */
static uint64_t take_milliseconds(struct reader *at)
{
    uint64_t seconds = take_digits(at), ms = 0;
    expect_text(at, ".");
    struct bytes decimals = reader_take(at, 3);
    for (size_t i = 0; i < decimals.size; i++)
        ms = 10 * ms + (uint64_t)(decimals.data[i] - '0');
    return seconds * 1000 + ms;
}

static char *copy_unescaped(struct bytes text)
{
    char *copy = memory_allocate(text.size + 1);
    copy[message_view_unescape((uint8_t *)copy, text)] = '\0';
    return copy;
}

static struct source *make_source(const struct bytes *texts, struct bytes log, bool is_tiled)
{
    struct source *source = memory_allocate_zeroed(1, sizeof *source);
    uint8_t id[SHA256_SIZE];
    struct buffer base64;
    for (size_t i = 0; i < STRINGS; i++)
        source->strings[i] = copy_unescaped(texts[i]);
    memcpy(source->log_id_hex, log.data, FINGERPRINT_HEX);
    (void)hex_decode(id, sizeof id, log);
    buffer_init(&base64, sizeof source->log_id_base64);
    base64_encode(&base64, bytes_of(id, sizeof id));
    memcpy(source->log_id_base64, base64.data, base64.size);
    buffer_free(&base64);
    source->source = (struct history_source){
        .message = { .name = source->strings[0],
                     .url = source->strings[1],
                     .operator_name = source->strings[2],
                     .log_id_base64 = source->log_id_base64,
                     .is_tiled = is_tiled },
        .log_id_hex = source->log_id_hex,
    };
    return source;
}

/* Takes it up to its type. `log`: the field, which the text does not say in the same form. */
static const struct history_source *take_source(struct stored_entry_reader *reader,
                                                struct reader *at, struct bytes log)
{
    struct bytes all = reader_rest(at), texts[STRINGS];
    expect_text(at, "\"name\":\"");
    texts[0] = take_json_string(at);
    expect_text(at, ",\"url\":\"");
    texts[1] = take_json_string(at);
    expect_text(at, ",\"operator\":\"");
    texts[2] = take_json_string(at);
    expect_text(at, ",\"log_id\":\"");
    (void)take_json_string(at);
    expect_text(at, ",\"type\":\"");
    bool is_tiled = bytes_equal_string(take_json_string(at), "tiled");
    all.size -= at->remaining;
    if (!reader_ok(at) || all.size > TEXT_MAX || reader->source_count == SOURCES_MAX)
        return NULL;
    uint32_t number = intern_table_add(&reader->texts, all);
    if (number == reader->source_count)
        reader->sources[reader->source_count++] = make_source(texts, log, is_tiled);
    return &reader->sources[number]->source;
}

static enum message_chain take_chain_bound(struct reader *at)
{
    if (take_field_text(at, "true"))
        return MESSAGE_CHAIN_BOUND;
    if (take_field_text(at, "false"))
        return MESSAGE_CHAIN_UNBOUND;
    expect_text(at, "null");
    return MESSAGE_CHAIN_UNCHECKED;
}

static void take_parse_error(struct stored_entry_reader *reader, struct history_entry *entry,
                             struct reader at)
{
    if (!take_field_text(&at, ",\"parse_error\":\""))
        return;
    struct bytes text = take_json_string(&at);
    if (!reader_ok(&at) || text.size > TEXT_MAX)
        return;
    reader->parse_error[message_view_unescape((uint8_t *)reader->parse_error, text)] = '\0';
    entry->parse_error = reader->parse_error;
}

/* The message up to the source's end. */
static bool read_start(struct stored_entry_reader *reader, struct stored_entry *stored,
                       struct bytes json, struct bytes log)
{
    struct history_entry *entry = &stored->entry;
    struct reader at = reader_of(json);
    expect_text(&at, MESSAGE_UPDATE_PREFIX "\"data\":{\"update_type\":\"");
    entry->is_precertificate = bytes_equal_string(take_json_string(&at), "PrecertLogEntry");
    expect_text(&at, ",\"cert_index\":");
    entry->index = take_digits(&at);
    expect_text(&at, ",\"cert_link\":\"");
    (void)take_json_string(&at);
    expect_text(&at, ",\"seen\":");
    entry->seen_ms = take_milliseconds(&at);
    expect_text(&at, ",\"submission_timestamp\":");
    entry->timestamp_ms = take_milliseconds(&at);
    expect_text(&at, ",\"source\":{");
    entry->source = take_source(reader, &at, log);
    if (!entry->source)
        return false;
    expect_text(&at, ",\"timestamp\":");
    (void)take_milliseconds(&at);
    expect_text(&at, ",\"chain_bound\":");
    entry->chain_bound = take_chain_bound(&at);
    expect_text(&at, "}");
    stored->json_rest = reader_rest(&at);
    take_parse_error(reader, entry, at);
    return reader_ok(&at);
}

/* Written again it has to be the same: that says more than any check of what was read. */
static bool start_is_same(struct stored_entry_reader *reader, const struct stored_entry *stored,
                          struct bytes json)
{
    const struct message_entry message = history_entry_message(&stored->entry);
    buffer_clear(&reader->start);
    message_write_start(&reader->start, &message);
    return !reader->start.failed &&
           bytes_equal(buffer_bytes(&reader->start),
                       bytes_of(json.data, json.size - stored->json_rest.size));
}

static bool is_lower_hex(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
            !(text.data[i] >= 'a' && text.data[i] <= 'f'))
            return false;
    return true;
}

static bool is_fingerprint(struct bytes text)
{
    return text.size == FINGERPRINT_HEX && is_lower_hex(text);
}

static bool is_chain(struct bytes text)
{
    enum {
        STEP = FINGERPRINT_HEX + 1
    };
    if (text.size == 0)
        return true;
    if ((text.size + 1) % STEP != 0 || text.size > CHAIN_MAX * (size_t)STEP)
        return false;
    for (size_t at = 0; at < text.size; at += STEP)
        if (!is_fingerprint(bytes_of(text.data + at, FINGERPRINT_HEX)) ||
            (at && text.data[at - 1] != ' '))
            return false;
    return true;
}

static bool are_ours(const struct history_fields *fields)
{
    if (fields->count != FIELDS)
        return false;
    for (size_t i = 0; i < FIELDS; i++)
        if (!bytes_equal_string(fields->fields[i].name, names[i]))
            return false;
    return true;
}

bool stored_entry_read(struct stored_entry_reader *reader, struct stored_entry *stored,
                       struct stream_id id, const struct history_fields *fields)
{
    *stored = (struct stored_entry){ .entry = { .id = id } };
    if (!are_ours(fields))
        return false;
    const struct history_field *at = fields->fields;
    uint64_t index;
    if (!at[FIELD_DER].value.size || !is_fingerprint(at[FIELD_LOG].value) ||
        !is_chain(at[FIELD_CHAIN].value) || !decimal_parse(&index, at[FIELD_INDEX].value) ||
        !read_start(reader, stored, at[FIELD_JSON].value, at[FIELD_LOG].value))
        return false;
    stored->entry.chain = at[FIELD_CHAIN].value;
    stored->der = at[FIELD_DER].value;
    stored->domains = at[FIELD_DOMAINS].value;
    stored->tbs = at[FIELD_TBS].value;
    return index == stored->entry.index && start_is_same(reader, stored, at[FIELD_JSON].value) &&
           bytes_equal_string(at[FIELD_LOG].value, stored->entry.source->log_id_hex);
}
