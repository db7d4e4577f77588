#include "shared/history/block_writer.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/history/block_columns.h"
#include "shared/history/intern_table.h"
#include "shared/history/varint.h"

enum {
    /* Rows are below BLOCK_FRAME_RAW_MAX with one more, whatever it names. */
    ROWS_FULL = 768 * 1024,
    /* A key of some megabytes is set, moved to another node and copied in a few milliseconds.
     * Redis' allocator has a size of 3.5 MB, and what a block is smaller than that is lost. */
    BLOCK_FULL = 3584 * 1024 - 96 * 1024,
    /* So many bytes of records are not all read for a few entries. */
    RECORDS_FULL = 12 * 1024 * 1024,
    TABLE_MAX = 4 * 1024 * 1024,
    PACKED_MAX = BLOCK_RECORD_MAX + 16 * 1024 * 1024,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* Rows take little and are read first: they are packed better. */
    ROWS_LEVEL = 9,
};

/* What was packed for one source: the next row of it differs little. */
struct source_state {
    uint64_t next_index, timestamp_ms;
};

struct block_writer {
    ZSTD_CCtx *context;
    int level;
    size_t count;
    struct stream_id first, last;
    uint64_t seen_ms;
    struct buffer columns[BLOCK_COLUMNS];
    struct intern_table sources, fingerprints, chains, texts, earlier;
    struct source_state *states;
    size_t state_capacity;
    /* Of the row before, which most rows are like. */
    const struct history_source *source;
    uint32_t source_number;
    /* The frame that is being filled: sizes of its records, and the records. */
    struct buffer sizes, records;
    uint32_t frame_records;
    uint32_t record_count, named_count;
    size_t raw_size;          /* of all records */
    struct buffer packed;     /* frames, one behind the other */
    struct block_part *parts; /* the rows, then the frames */
    size_t frame_count;
    struct buffer scratch, block;
};

static void init_tables(struct block_writer *writer, uint64_t seed)
{
    intern_table_init(&writer->sources, TABLE_MAX, seed);
    intern_table_init(&writer->fingerprints, TABLE_MAX, seed);
    intern_table_init(&writer->chains, TABLE_MAX, seed);
    intern_table_init(&writer->texts, TABLE_MAX, seed);
    intern_table_init(&writer->earlier, TABLE_MAX, seed);
}

struct block_writer *block_writer_create(int level, uint64_t seed)
{
    struct block_writer *writer = memory_allocate_zeroed(1, sizeof *writer);
    writer->context = ZSTD_createCCtx();
    if (!writer->context)
        abort();
    writer->level = level;
    (void)ZSTD_CCtx_setParameter(writer->context, ZSTD_c_checksumFlag, 1);
    init_tables(writer, seed);
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        buffer_init(&writer->columns[i], TABLE_MAX);
    buffer_init(&writer->sizes, BLOCK_FRAME_RAW_MAX);
    buffer_init(&writer->records, BLOCK_RECORD_MAX);
    buffer_init(&writer->packed, PACKED_MAX);
    buffer_init(&writer->scratch, PACKED_MAX);
    buffer_init(&writer->block, PACKED_MAX + BLOCK_HEAD_MAX);
    writer->parts = memory_allocate_zeroed(BLOCK_FRAMES_MAX + 1, sizeof *writer->parts);
    return writer;
}

void block_writer_destroy(struct block_writer *writer)
{
    if (!writer)
        return;
    (void)ZSTD_freeCCtx(writer->context);
    intern_table_free(&writer->sources);
    intern_table_free(&writer->fingerprints);
    intern_table_free(&writer->chains);
    intern_table_free(&writer->texts);
    intern_table_free(&writer->earlier);
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        buffer_free(&writer->columns[i]);
    buffer_free(&writer->sizes);
    buffer_free(&writer->records);
    buffer_free(&writer->packed);
    buffer_free(&writer->scratch);
    buffer_free(&writer->block);
    free(writer->states);
    free(writer->parts);
    free(writer);
}

void block_writer_clear(struct block_writer *writer)
{
    intern_table_clear(&writer->sources);
    intern_table_clear(&writer->fingerprints);
    intern_table_clear(&writer->chains);
    intern_table_clear(&writer->texts);
    intern_table_clear(&writer->earlier);
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        buffer_clear(&writer->columns[i]);
    buffer_clear(&writer->sizes);
    buffer_clear(&writer->records);
    buffer_clear(&writer->packed);
    buffer_clear(&writer->block);
    writer->source = NULL;
    writer->count = writer->frame_count = writer->raw_size = 0;
    writer->frame_records = writer->record_count = writer->named_count = 0;
}

/* Appends one zstd frame to `out`. */
static struct block_part pack(struct block_writer *writer, struct buffer *out, struct bytes raw,
                              int level)
{
    struct block_part part = { .raw_size = raw.size };
    size_t bound = ZSTD_compressBound(raw.size);
    uint8_t *room = buffer_reserve(out, bound);
    assert(room);
    (void)ZSTD_CCtx_setParameter(writer->context, ZSTD_c_compressionLevel, level);
    part.size = ZSTD_compress2(writer->context, room, bound, raw.data, raw.size);
    if (ZSTD_isError(part.size))
        abort(); /* only memory can be missing */
    out->size += part.size;
    return part;
}

static void finish_frame(struct block_writer *writer)
{
    if (!writer->frame_records)
        return;
    assert(writer->frame_count < BLOCK_FRAMES_MAX);
    buffer_clear(&writer->scratch);
    buffer_append_bytes(&writer->scratch, buffer_bytes(&writer->sizes));
    buffer_append_bytes(&writer->scratch, buffer_bytes(&writer->records));
    struct block_part part =
        pack(writer, &writer->packed, buffer_bytes(&writer->scratch), writer->level);
    part.record_count = writer->frame_records;
    writer->parts[++writer->frame_count] = part;
    buffer_clear(&writer->sizes);
    buffer_clear(&writer->records);
    writer->frame_records = 0;
}

uint32_t block_writer_add_record(struct block_writer *writer, struct bytes record)
{
    assert(record.size <= BLOCK_RECORD_MAX && writer->named_count == writer->record_count);
    size_t size = writer->sizes.size + writer->records.size + record.size + VARINT_SIZE_MAX;
    if (size > BLOCK_FRAME_RAW_MAX)
        finish_frame(writer);
    varint_append(&writer->sizes, record.size);
    buffer_append_bytes(&writer->records, record);
    writer->frame_records++;
    writer->raw_size += record.size;
    return writer->record_count++;
}

void block_writer_write_verbatim(struct buffer *out, const struct history_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        varint_append_vector(out, fields->fields[i].name);
        varint_append_vector(out, fields->fields[i].value);
    }
}

static struct buffer *column(struct block_writer *writer, enum block_column number)
{
    return &writer->columns[number];
}

static void append_id(struct block_writer *writer, struct stream_id id)
{
    struct buffer *out = column(writer, COLUMN_IDS);
    if (!writer->count) {
        writer->first = id;
        writer->seen_ms = id.ms;
        varint_append(out, 0);
        varint_append(out, id.sequence);
    } else {
        assert(stream_id_compare(id, writer->last) > 0);
        bool is_same_ms = id.ms == writer->last.ms;
        varint_append(out, id.ms - writer->last.ms);
        varint_append(out, is_same_ms ? id.sequence - writer->last.sequence - 1 : id.sequence);
    }
    writer->last = id;
}

static void append_place(struct block_writer *writer, const struct history_place *place)
{
    struct buffer *blocks = column(writer, COLUMN_BLOCKS);
    if (place->is_here && place->record == writer->named_count) {
        assert(writer->named_count < writer->record_count);
        writer->named_count++;
        varint_append(blocks, ROW_IS_NEXT);
        return;
    }
    if (place->is_here) {
        varint_append(blocks, ROW_IS_HERE);
    } else {
        struct bytes id = bytes_of(&place->block, sizeof place->block);
        varint_append(blocks, ROW_IN_EARLIER + intern_table_add(&writer->earlier, id));
    }
    varint_append(column(writer, COLUMN_RECORDS), place->record);
}

static uint32_t add_source(struct block_writer *writer, const struct history_source *source)
{
    const struct message_source *message = &source->message;
    uint8_t id[SHA256_SIZE];
    bool is_hex = hex_decode(id, sizeof id, bytes_of_string(source->log_id_hex));
    assert(is_hex);
    buffer_clear(&writer->scratch);
    buffer_append(&writer->scratch, id, sizeof id);
    buffer_append_byte(&writer->scratch, message->is_tiled);
    varint_append_vector(&writer->scratch, bytes_of_string(message->name));
    varint_append_vector(&writer->scratch, bytes_of_string(message->url));
    varint_append_vector(&writer->scratch, bytes_of_string(message->operator_name));
    size_t count = writer->sources.count;
    uint32_t number = intern_table_add(&writer->sources, buffer_bytes(&writer->scratch));
    if (number < count)
        return number;
    buffer_append_bytes(column(writer, COLUMN_SOURCES), buffer_bytes(&writer->scratch));
    if (number >= writer->state_capacity) {
        writer->state_capacity = 2 * (writer->state_capacity + 8);
        writer->states =
            memory_resize(writer->states, writer->state_capacity, sizeof *writer->states);
    }
    writer->states[number] = (struct source_state){ 0 };
    return number;
}

static void append_chain_numbers(struct block_writer *writer, struct bytes chain)
{
    struct buffer *out = column(writer, COLUMN_CHAINS);
    varint_append(out, (chain.size + 1) / (FINGERPRINT_HEX + 1));
    for (size_t at = 0; at < chain.size; at += FINGERPRINT_HEX + 1) {
        uint8_t fingerprint[SHA256_SIZE];
        bool is_hex =
            hex_decode(fingerprint, sizeof fingerprint, bytes_of(chain.data + at, FINGERPRINT_HEX));
        assert(is_hex);
        size_t count = writer->fingerprints.count;
        struct bytes run = bytes_of(fingerprint, sizeof fingerprint);
        uint32_t number = intern_table_add(&writer->fingerprints, run);
        if (number == count)
            buffer_append_bytes(column(writer, COLUMN_FINGERPRINTS), run);
        varint_append(out, number);
    }
}

static uint32_t add_chain(struct block_writer *writer, struct bytes chain)
{
    size_t count = writer->chains.count;
    uint32_t number = intern_table_add(&writer->chains, chain);
    if (number == count)
        append_chain_numbers(writer, chain);
    return number;
}

static void append_text(struct block_writer *writer, const char *text)
{
    size_t count = writer->texts.count;
    uint32_t number = intern_table_add(&writer->texts, bytes_of_string(text));
    if (number == count)
        varint_append_vector(column(writer, COLUMN_TEXTS), bytes_of_string(text));
    varint_append(column(writer, COLUMN_TEXT_NUMBERS), number);
}

static void append_message(struct block_writer *writer, const struct history_entry *entry)
{
    if (writer->source != entry->source)
        writer->source_number = add_source(writer, entry->source);
    writer->source = entry->source;
    struct source_state *state = &writer->states[writer->source_number];
    varint_append(column(writer, COLUMN_SOURCE_NUMBERS), writer->source_number);
    varint_append(column(writer, COLUMN_CHAIN_NUMBERS), add_chain(writer, entry->chain));
    varint_append_difference(column(writer, COLUMN_INDEXES), state->next_index, entry->index);
    varint_append_difference(column(writer, COLUMN_SEEN), writer->seen_ms, entry->seen_ms);
    varint_append_difference(column(writer, COLUMN_TIMESTAMPS), state->timestamp_ms,
                             entry->timestamp_ms);
    state->next_index = entry->index + 1;
    state->timestamp_ms = entry->timestamp_ms;
    writer->seen_ms = entry->seen_ms;
    if (entry->parse_error)
        append_text(writer, entry->parse_error);
}

static uint8_t flags_of(const struct history_entry *entry)
{
    if (entry->is_verbatim)
        return ROW_IS_VERBATIM;
    return (uint8_t)((entry->is_precertificate ? ROW_IS_PRECERTIFICATE : 0) |
                     (unsigned)entry->chain_bound << ROW_CHAIN_SHIFT |
                     (entry->parse_error ? ROW_HAS_TEXT : 0));
}

void block_writer_add_row(struct block_writer *writer, const struct history_entry *entry)
{
    assert(entry->is_verbatim || entry->source);
    assert(writer->count < BLOCK_ENTRIES_MAX);
    append_id(writer, entry->id);
    buffer_append_byte(column(writer, COLUMN_FLAGS), flags_of(entry));
    append_place(writer, &entry->place);
    if (!entry->is_verbatim)
        append_message(writer, entry);
    writer->count++;
}

static size_t rows_size(const struct block_writer *writer)
{
    size_t size = 0;
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        size += writer->columns[i].size;
    return size;
}

/* What the block would be, with the open frame packed as those before and the rows to a half. */
static size_t expected_size(const struct block_writer *writer)
{
    size_t packed_raw = writer->raw_size - writer->records.size;
    double share = packed_raw ? (double)writer->packed.size / (double)packed_raw : 0.5;
    return writer->packed.size + (size_t)(share * (double)writer->records.size) +
           rows_size(writer) / 2;
}

bool block_writer_is_full(const struct block_writer *writer)
{
    return writer->count == BLOCK_ENTRIES_MAX || expected_size(writer) >= BLOCK_FULL ||
           writer->raw_size >= RECORDS_FULL || rows_size(writer) >= ROWS_FULL ||
           writer->earlier.count >= BLOCK_EARLIER_MAX;
}

size_t block_writer_count(const struct block_writer *writer)
{
    return writer->count;
}

size_t block_writer_size(const struct block_writer *writer)
{
    return writer->packed.capacity + writer->records.capacity + writer->scratch.capacity +
           writer->block.capacity + rows_size(writer);
}

struct stream_id block_writer_first(const struct block_writer *writer)
{
    assert(writer->count);
    return writer->first;
}

struct stream_id block_writer_last(const struct block_writer *writer)
{
    assert(writer->count);
    return writer->last;
}

/* Of the tables that have members, which begin with their number. */
static const struct intern_table *table_of(const struct block_writer *writer, size_t column)
{
    switch (column) {
    case COLUMN_SOURCES: return &writer->sources;
    case COLUMN_CHAINS: return &writer->chains;
    case COLUMN_TEXTS: return &writer->texts;
    default: return NULL;
    }
}

static void write_rows(struct block_writer *writer, struct buffer *out)
{
    for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
        const struct intern_table *table = table_of(writer, i);
        uint8_t count[VARINT_SIZE_MAX];
        struct buffer number = { .data = count, .capacity = sizeof count, .limit = sizeof count };
        if (table)
            varint_append(&number, table->count);
        varint_append(out, number.size + writer->columns[i].size);
        buffer_append_bytes(out, buffer_bytes(&number));
        buffer_append_bytes(out, buffer_bytes(&writer->columns[i]));
    }
}

struct bytes block_writer_finish(struct block_writer *writer, struct stream_id generation,
                                 uint64_t ordinal)
{
    assert(writer->count && writer->named_count == writer->record_count);
    struct buffer rows;
    finish_frame(writer);
    buffer_clear(&writer->scratch);
    write_rows(writer, &writer->scratch);
    buffer_init(&rows, PACKED_MAX);
    writer->parts[0] = pack(writer, &rows, buffer_bytes(&writer->scratch), ROWS_LEVEL);
    const struct block_head head = {
        .first = writer->first,
        .last = writer->last,
        .generation = generation,
        .ordinal = ordinal,
        .count = (uint32_t)writer->count,
        .record_count = writer->record_count,
        .frame_count = writer->frame_count,
        .earlier_count = writer->earlier.count,
    };
    struct stream_id *earlier = memory_allocate_zeroed(head.earlier_count + 1, sizeof *earlier);
    if (head.earlier_count)
        memcpy(earlier, writer->earlier.bytes.data, head.earlier_count * sizeof *earlier);
    buffer_clear(&writer->block);
    block_head_write(&writer->block, &head, writer->parts, earlier);
    buffer_append_bytes(&writer->block, buffer_bytes(&rows));
    buffer_append_bytes(&writer->block, buffer_bytes(&writer->packed));
    assert(!writer->block.failed);
    free(earlier);
    buffer_free(&rows);
    return buffer_bytes(&writer->block);
}
