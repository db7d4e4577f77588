#include "shared/history/block_rows.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/history/block_columns.h"
#include "shared/history/varint.h"

enum {
    LOG_ID_SIZE = SHA256_SIZE,
    SOURCE_STRINGS = 3, /* name, address, operator */
    NO_TEXT = UINT32_MAX,
};

struct source {
    struct history_source source;
    char *strings[SOURCE_STRINGS];
    char id_hex[2 * LOG_ID_SIZE + 1];
    char id_base64[48];
    /* While the columns are read: of its row before. */
    uint64_t next_index, timestamp_ms;
};

struct row {
    struct stream_id id;
    uint64_t index, timestamp_ms, seen_ms;
    uint32_t source, chain, text, record;
    uint32_t block; /* as in COLUMN_BLOCKS, never ROW_IS_NEXT */
    uint8_t flags;
};

struct block_rows {
    struct row *rows;
    size_t count;
    struct source *sources;
    size_t source_count;
    struct bytes *chains; /* texts, into chain_text */
    size_t chain_count;
    struct buffer chain_text;
    char **texts;
    size_t text_count;
    struct stream_id *earlier;
    size_t earlier_count;
    size_t size;
};

struct columns {
    struct reader at[BLOCK_COLUMNS];
};

/* A number below `bound`; 0, and the reader failed, if it is none. */
static uint32_t read_below(struct reader *reader, size_t bound)
{
    uint64_t number = varint_read(reader);
    if (number < bound)
        return (uint32_t)number;
    reader_fail(reader);
    return 0;
}

/* A table begins with the number of its members, each of which takes a byte at least. */
static size_t read_table_count(struct reader *reader)
{
    return read_below(reader, reader->remaining + 1);
}

static void write_log_id(struct source *source, struct bytes id)
{
    struct buffer base64;
    hex_encode(source->id_hex, id);
    buffer_init(&base64, sizeof source->id_base64);
    base64_encode(&base64, id);
    memcpy(source->id_base64, base64.data, base64.size);
    buffer_free(&base64);
}

static void read_source(struct reader *reader, struct source *source)
{
    struct bytes id = reader_take(reader, LOG_ID_SIZE);
    bool is_tiled = reader_integer(reader, 1) != 0;
    for (size_t i = 0; i < SOURCE_STRINGS; i++) {
        struct bytes text = varint_read_vector(reader);
        source->strings[i] = memory_copy_text(text.size ? (const char *)text.data : "", text.size);
    }
    if (id.size)
        write_log_id(source, id);
    source->source = (struct history_source){
        .message = { .name = source->strings[0],
                     .url = source->strings[1],
                     .operator_name = source->strings[2],
                     .log_id_base64 = source->id_base64,
                     .is_tiled = is_tiled },
        .log_id_hex = source->id_hex,
    };
}

static void read_sources(struct block_rows *rows, struct reader *reader)
{
    size_t count = read_table_count(reader);
    rows->sources = memory_allocate_zeroed(count + 1, sizeof *rows->sources);
    rows->source_count = count;
    for (size_t i = 0; i < count; i++)
        read_source(reader, &rows->sources[i]);
}

static void append_fingerprint(struct buffer *out, const uint8_t *fingerprint)
{
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(hex, bytes_of(fingerprint, SHA256_SIZE));
    buffer_append(out, hex, sizeof hex - 1);
}

static void read_chain(struct block_rows *rows, struct reader *reader, struct bytes fingerprints)
{
    size_t count = read_table_count(reader);
    for (size_t i = 0; i < count; i++) {
        size_t number = read_below(reader, fingerprints.size / SHA256_SIZE);
        if (!reader_ok(reader))
            return;
        if (i)
            buffer_append_byte(&rows->chain_text, ' ');
        append_fingerprint(&rows->chain_text, fingerprints.data + number * SHA256_SIZE);
    }
}

/* The texts move while they grow: sizes first, views when all are there. */
static void read_chains(struct block_rows *rows, struct reader *reader, struct bytes fingerprints)
{
    size_t count = read_table_count(reader), start = 0;
    rows->chains = memory_allocate_zeroed(count + 1, sizeof *rows->chains);
    rows->chain_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t before = rows->chain_text.size;
        read_chain(rows, reader, fingerprints);
        rows->chains[i].size = rows->chain_text.size - before;
    }
    if (rows->chain_text.failed)
        reader_fail(reader);
    for (size_t i = 0; i < count; i++) {
        rows->chains[i].data = rows->chains[i].size ? rows->chain_text.data + start : NULL;
        start += rows->chains[i].size;
    }
}

static void read_texts(struct block_rows *rows, struct reader *reader)
{
    size_t count = read_table_count(reader);
    rows->texts = memory_allocate_zeroed(count + 1, sizeof *rows->texts);
    rows->text_count = count;
    for (size_t i = 0; i < count; i++) {
        struct bytes text = varint_read_vector(reader);
        rows->texts[i] = memory_copy_text(text.size ? (const char *)text.data : "", text.size);
    }
}

/* Ids only grow. */
static bool read_row_id(struct reader *reader, struct row *row, const struct stream_id *before,
                        uint64_t first_ms)
{
    uint64_t later = varint_read(reader), sequence = varint_read(reader);
    uint64_t ms = before ? before->ms : first_ms;
    if (__builtin_add_overflow(ms, later, &row->id.ms))
        return false;
    row->id.sequence = sequence;
    if (!before || later)
        return true;
    return !__builtin_add_overflow(before->sequence, sequence, &row->id.sequence) &&
           !__builtin_add_overflow(row->id.sequence, UINT64_C(1), &row->id.sequence);
}

/* `next`: the number of the next record that has not been named yet. */
static void read_row_place(struct columns *columns, struct row *row, uint32_t *next,
                           const struct block_head *head)
{
    row->block = read_below(&columns->at[COLUMN_BLOCKS], ROW_IN_EARLIER + head->earlier_count);
    if (row->block == ROW_IS_NEXT) {
        row->block = ROW_IS_HERE;
        row->record = (*next)++;
        return;
    }
    uint64_t bound = row->block == ROW_IS_HERE ? *next : UINT32_MAX;
    row->record = read_below(&columns->at[COLUMN_RECORDS], bound);
}

static void read_row_message(struct block_rows *rows, struct columns *columns, struct row *row,
                             uint64_t *seen_ms)
{
    row->source = read_below(&columns->at[COLUMN_SOURCE_NUMBERS], rows->source_count);
    row->chain = read_below(&columns->at[COLUMN_CHAIN_NUMBERS], rows->chain_count);
    if (row->flags & ROW_HAS_TEXT)
        row->text = read_below(&columns->at[COLUMN_TEXT_NUMBERS], rows->text_count);
    if (!rows->source_count)
        return;
    struct source *source = &rows->sources[row->source];
    row->index = varint_read_difference(&columns->at[COLUMN_INDEXES], source->next_index);
    row->seen_ms = varint_read_difference(&columns->at[COLUMN_SEEN], *seen_ms);
    row->timestamp_ms =
        varint_read_difference(&columns->at[COLUMN_TIMESTAMPS], source->timestamp_ms);
    source->next_index = row->index + 1;
    source->timestamp_ms = row->timestamp_ms;
    *seen_ms = row->seen_ms;
}

static bool flags_are_sound(uint8_t flags)
{
    unsigned chain = (flags & ROW_CHAIN_MASK) >> ROW_CHAIN_SHIFT;
    return flags < ROW_FLAGS && chain <= MESSAGE_CHAIN_UNBOUND;
}

static bool read_rows(struct block_rows *rows, struct columns *columns,
                      const struct block_head *head)
{
    uint32_t next = 0;
    uint64_t seen_ms = head->first.ms;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->rows[i];
        row->text = NO_TEXT;
        row->flags = (uint8_t)reader_integer(&columns->at[COLUMN_FLAGS], 1);
        if (!flags_are_sound(row->flags) ||
            !read_row_id(&columns->at[COLUMN_IDS], row, i ? &row[-1].id : NULL, head->first.ms))
            return false;
        read_row_place(columns, row, &next, head);
        if (!(row->flags & ROW_IS_VERBATIM))
            read_row_message(rows, columns, row, &seen_ms);
    }
    return next == head->record_count && stream_id_compare(rows->rows[0].id, head->first) == 0 &&
           stream_id_compare(rows->rows[rows->count - 1].id, head->last) == 0;
}

static bool read_columns(struct block_rows *rows, const struct block_head *head, struct bytes raw)
{
    struct reader reader = reader_of(raw);
    struct columns columns;
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        columns.at[i] = reader_of(varint_read_vector(&reader));
    if (!reader_finished(&reader))
        return false;
    struct reader *fingerprints = &columns.at[COLUMN_FINGERPRINTS];
    struct bytes all = reader_take(fingerprints, fingerprints->remaining);
    read_sources(rows, &columns.at[COLUMN_SOURCES]);
    read_chains(rows, &columns.at[COLUMN_CHAINS], all);
    read_texts(rows, &columns.at[COLUMN_TEXTS]);
    if (!read_rows(rows, &columns, head))
        return false;
    for (size_t i = 0; i < BLOCK_COLUMNS; i++)
        if (!reader_finished(&columns.at[i]))
            return false;
    return true;
}

static void take_earlier(struct block_rows *rows, const struct block_head *head)
{
    rows->earlier_count = head->earlier_count;
    rows->earlier = memory_allocate_zeroed(head->earlier_count + 1, sizeof *rows->earlier);
    for (size_t i = 0; i < head->earlier_count; i++)
        rows->earlier[i] = block_head_earlier(head, i);
}

struct block_rows *block_rows_open(struct block_decoder *decoder, const struct block_head *head,
                                   struct bytes packed)
{
    enum {
        /* Each number of an issuer, one byte, becomes its fingerprint in hex. */
        CHAIN_TEXT_MAX = BLOCK_FRAME_RAW_MAX * (2 * SHA256_SIZE + 1)
    };
    struct block_rows *rows = memory_allocate_zeroed(1, sizeof *rows);
    uint8_t *raw = memory_allocate(head->rows.raw_size + 1);
    buffer_init(&rows->chain_text, CHAIN_TEXT_MAX);
    rows->count = head->count;
    rows->rows = memory_allocate_zeroed(head->count, sizeof *rows->rows);
    take_earlier(rows, head);
    bool is_good = block_decoder_unpack(decoder, &head->rows, packed, raw) &&
                   read_columns(rows, head, bytes_of(raw, head->rows.raw_size));
    rows->size = sizeof *rows + head->rows.raw_size + rows->chain_text.capacity +
                 rows->count * sizeof *rows->rows + rows->source_count * sizeof *rows->sources;
    free(raw);
    if (is_good)
        return rows;
    block_rows_close(rows);
    return NULL;
}

void block_rows_close(struct block_rows *rows)
{
    if (!rows)
        return;
    for (size_t i = 0; i < rows->source_count; i++)
        for (size_t j = 0; j < SOURCE_STRINGS; j++)
            free(rows->sources[i].strings[j]);
    for (size_t i = 0; i < rows->text_count; i++)
        free(rows->texts[i]);
    buffer_free(&rows->chain_text);
    free(rows->rows);
    free(rows->sources);
    free(rows->chains);
    free((void *)rows->texts);
    free(rows->earlier);
    free(rows);
}

size_t block_rows_count(const struct block_rows *rows)
{
    return rows->count;
}

size_t block_rows_find(const struct block_rows *rows, struct stream_id id)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream_id_compare(rows->rows[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void block_rows_entry(const struct block_rows *rows, size_t number, struct history_entry *entry)
{
    assert(number < rows->count);
    const struct row *row = &rows->rows[number];
    bool is_here = row->block == ROW_IS_HERE;
    *entry = (struct history_entry){
        .id = row->id,
        .place = { .is_here = is_here, .record = row->record },
        .is_verbatim = row->flags & ROW_IS_VERBATIM,
    };
    entry->place.block =
        is_here ? rows->rows[rows->count - 1].id : rows->earlier[row->block - ROW_IN_EARLIER];
    if (entry->is_verbatim)
        return;
    entry->is_precertificate = row->flags & ROW_IS_PRECERTIFICATE;
    entry->chain_bound = (enum message_chain)((row->flags & ROW_CHAIN_MASK) >> ROW_CHAIN_SHIFT);
    entry->source = &rows->sources[row->source].source;
    entry->index = row->index;
    entry->timestamp_ms = row->timestamp_ms;
    entry->seen_ms = row->seen_ms;
    entry->parse_error = row->text == NO_TEXT ? NULL : rows->texts[row->text];
    entry->chain = rows->chains[row->chain];
}

size_t block_rows_size(const struct block_rows *rows)
{
    return rows->size;
}
