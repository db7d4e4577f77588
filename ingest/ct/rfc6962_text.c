#include "ingest/ct/rfc6962_text.h"

#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/reader.h"

enum {
    SIZE_BYTES = 4, /* of a value's size */
};

/* What stands where there is no value; a step between values that is one of several is not here. */
static const char *const literals[RFC6962_OTHER + 1] = {
    [RFC6962_HEAD] = "{\"entries\":[",
    [RFC6962_ENTRY] = "{\"leaf_input\":\"",
    [RFC6962_MIDDLE] = ",\"extra_data\":\"",
    [RFC6962_ENTRY_END] = "}",
    [RFC6962_TAIL] = "}",
};

void rfc6962_text_init(struct rfc6962_text *text, size_t limit)
{
    *text = (struct rfc6962_text){ .step = RFC6962_HEAD };
    buffer_init(&text->entries, limit);
    buffer_init(&text->text, limit);
}

void rfc6962_text_free(struct rfc6962_text *text)
{
    buffer_free(&text->entries);
    buffer_free(&text->text);
}

size_t rfc6962_text_size(const struct rfc6962_text *text)
{
    return text->entries.size + text->text.size;
}

struct bytes rfc6962_text_next_value(struct reader *entries)
{
    return reader_take(entries, (size_t)reader_integer(entries, SIZE_BYTES));
}

static void append_value(struct buffer *out, const char *literal, struct bytes value)
{
    buffer_append_string(out, literal);
    base64_encode(out, value);
    buffer_append_byte(out, '"');
}

/* All entries that are there, of the last one perhaps only the first value. */
static void write_values(const struct rfc6962_text *text, struct buffer *out)
{
    struct reader values = reader_of(buffer_bytes(&text->entries));
    for (size_t i = 0; values.remaining; i++) {
        if (i)
            buffer_append_byte(out, ',');
        append_value(out, literals[RFC6962_ENTRY], rfc6962_text_next_value(&values));
        if (!values.remaining)
            return;
        append_value(out, literals[RFC6962_MIDDLE], rfc6962_text_next_value(&values));
        if (i < text->count)
            buffer_append_byte(out, '}');
    }
}

/* What came behind the last value. */
static void write_rest(const struct rfc6962_text *text, struct buffer *out)
{
    switch (text->step) {
    case RFC6962_ENTRY:
        if (text->count)
            buffer_append_byte(out, ',');
        break;
    case RFC6962_LEAF_INPUT:
        if (text->count)
            buffer_append_byte(out, ',');
        buffer_append_string(out, literals[RFC6962_ENTRY]);
        break;
    case RFC6962_EXTRA_DATA: buffer_append_string(out, literals[RFC6962_MIDDLE]); break;
    case RFC6962_TAIL: buffer_append_byte(out, ']'); break;
    case RFC6962_END: buffer_append_string(out, "]}"); break;
    case RFC6962_HEAD:
    case RFC6962_MIDDLE:
    case RFC6962_ENTRY_END:
    case RFC6962_NEXT:
    case RFC6962_OTHER: break;
    }
    if (literals[text->step])
        buffer_append(out, literals[text->step], text->matched);
    buffer_append_bytes(out, buffer_bytes(&text->text));
}

/* It is not plain after all. */
static void write_back(struct rfc6962_text *text)
{
    struct buffer all;
    buffer_init(&all, text->text.limit);
    if (text->step != RFC6962_HEAD)
        buffer_append_string(&all, literals[RFC6962_HEAD]);
    write_values(text, &all);
    write_rest(text, &all);
    buffer_free(&text->entries);
    buffer_free(&text->text);
    text->text = all;
    text->step = RFC6962_OTHER;
    text->matched = text->count = 0;
}

static bool is_space(uint8_t character)
{
    return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

/* Between the characters of a name there is none. */
static bool may_have_space(const char *literal, size_t at)
{
    return !at || strchr("{[:,", literal[at - 1]) || strchr("{[:,}]", literal[at]);
}

static void go_on(struct rfc6962_text *text, enum rfc6962_step step)
{
    text->step = step;
    text->matched = 0;
}

static void match_literal(struct rfc6962_text *text, struct reader *piece)
{
    const char *literal = literals[text->step];
    while (literal[text->matched] && piece->remaining) {
        if (is_space(*piece->next) && may_have_space(literal, text->matched)) {
            (void)reader_take(piece, 1);
            continue;
        }
        if (*piece->next != (uint8_t)literal[text->matched]) {
            write_back(text);
            return;
        }
        (void)reader_take(piece, 1);
        text->matched++;
    }
    if (literal[text->matched])
        return;
    text->count += text->step == RFC6962_ENTRY_END;
    go_on(text, text->step + 1);
}

/* Behind room for its size. False, with nothing taken, if it is not base64. */
static bool take_value(struct rfc6962_text *text, struct bytes value)
{
    struct buffer *out = &text->entries;
    size_t at = out->size;
    static const uint8_t room[SIZE_BYTES] = { 0 };
    buffer_append(out, room, sizeof room);
    if (out->failed || !base64_decode(out, value)) {
        out->size = at;
        return false;
    }
    size_t size = out->size - at - SIZE_BYTES;
    for (size_t i = 0; i < SIZE_BYTES; i++)
        out->data[at + i] = (uint8_t)(size >> 8 * (SIZE_BYTES - 1 - i));
    return true;
}

static void read_value(struct rfc6962_text *text, struct reader *piece)
{
    const uint8_t *end = memchr(piece->next, '"', piece->remaining);
    struct bytes value = reader_take(piece, end ? (size_t)(end - piece->next) : piece->remaining);
    if (!end || text->text.size) {
        buffer_append_bytes(&text->text, value);
        value = buffer_bytes(&text->text);
    }
    if (!end)
        return;
    (void)reader_take(piece, 1);
    if (take_value(text, value)) {
        buffer_clear(&text->text);
        go_on(text, text->step + 1);
        return;
    }
    if (!text->text.size)
        buffer_append_bytes(&text->text, value);
    buffer_append_byte(&text->text, '"');
    write_back(text);
}

static void read_next(struct rfc6962_text *text, struct reader *piece)
{
    uint8_t character = *piece->next;
    if (character != ',' && character != ']' && !is_space(character)) {
        write_back(text);
        return;
    }
    (void)reader_take(piece, 1);
    if (character == ',' || character == ']')
        go_on(text, character == ',' ? RFC6962_ENTRY : RFC6962_TAIL);
}

static void read_end(struct rfc6962_text *text, struct reader *piece)
{
    if (is_space(*piece->next))
        (void)reader_take(piece, 1);
    else
        write_back(text);
}

void rfc6962_text_add(struct rfc6962_text *text, struct bytes bytes)
{
    struct reader piece = reader_of(bytes);
    while (piece.remaining)
        switch (text->step) {
        case RFC6962_HEAD:
        case RFC6962_ENTRY:
        case RFC6962_MIDDLE:
        case RFC6962_ENTRY_END:
        case RFC6962_TAIL: match_literal(text, &piece); break;
        case RFC6962_LEAF_INPUT:
        case RFC6962_EXTRA_DATA: read_value(text, &piece); break;
        case RFC6962_NEXT: read_next(text, &piece); break;
        case RFC6962_END: read_end(text, &piece); break;
        case RFC6962_OTHER: buffer_append_bytes(&text->text, reader_rest(&piece)); return;
        }
}
