#include "shared/json/json_writer.h"

#include "shared/base/utf8.h"

static void begin_value(struct json_writer *writer)
{
    if (writer->needs_comma)
        buffer_append_byte(writer->out, ',');
    writer->needs_comma = true;
}

void json_begin_object(struct json_writer *writer)
{
    begin_value(writer);
    buffer_append_byte(writer->out, '{');
    writer->needs_comma = false;
}

void json_end_object(struct json_writer *writer)
{
    buffer_append_byte(writer->out, '}');
    writer->needs_comma = true;
}

void json_begin_array(struct json_writer *writer)
{
    begin_value(writer);
    buffer_append_byte(writer->out, '[');
    writer->needs_comma = false;
}

void json_end_array(struct json_writer *writer)
{
    buffer_append_byte(writer->out, ']');
    writer->needs_comma = true;
}

void json_key(struct json_writer *writer, const char *key)
{
    begin_value(writer);
    buffer_append_byte(writer->out, '"');
    buffer_append_string(writer->out, key);
    buffer_append(writer->out, "\":", 2);
    writer->needs_comma = false;
}

/* The letter of the two-character escape, or 0 where there is none. */
static char escape_letter(uint8_t character)
{
    switch (character) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

void json_escape_character(struct buffer *out, uint8_t character)
{
    static const char digits[] = "0123456789abcdef";
    const char letter[] = { '\\', escape_letter(character) };
    const char code[] = { '\\', 'u', '0', '0', digits[character >> 4], digits[character & 15] };
    if (letter[1])
        buffer_append(out, letter, sizeof letter);
    else
        buffer_append(out, code, sizeof code);
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* True if all eight bytes are plain. Each term sets the top bit of a byte that is not; a borrow or
 * carry can only do so for a byte above one that is not plain, so the answer is exact. */
static bool are_plain(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t marks = word | (word + EACH_BYTE(1)) | (word - EACH_BYTE(0x20));
    marks |= (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1));
    return !(marks & EACH_BYTE(0x80));
}

static size_t plain_size(struct bytes text)
{
    size_t size = 0;
    uint64_t word;
    for (; text.size - size >= sizeof word; size += sizeof word) {
        memcpy(&word, text.data + size, sizeof word);
        if (!are_plain(word))
            break;
    }
    while (size < text.size && is_plain(text.data[size]))
        size++;
    return size;
}

void json_escape(struct buffer *out, struct bytes text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t plain = plain_size((struct bytes){ text.data + at, text.size - at });
        buffer_append(out, text.data + at, plain);
        at += plain;
        if (at == text.size)
            break;
        size_t size = utf8_sequence_size((struct bytes){ text.data + at, text.size - at });
        if (size > 1)
            buffer_append(out, text.data + at, size);
        else if (size == 1)
            json_escape_character(out, text.data[at]);
        else
            buffer_append(out, "\xef\xbf\xbd", 3);
        at += size ? size : 1;
    }
}

void json_text(struct json_writer *writer, struct bytes text)
{
    begin_value(writer);
    buffer_append_byte(writer->out, '"');
    json_escape(writer->out, text);
    buffer_append_byte(writer->out, '"');
}

void json_string(struct json_writer *writer, const char *text)
{
    json_text(writer, bytes_of_string(text));
}

void json_text_or_null(struct json_writer *writer, struct bytes text)
{
    if (text.data)
        json_text(writer, text);
    else
        json_null(writer);
}

void json_unsigned(struct json_writer *writer, uint64_t value)
{
    begin_value(writer);
    buffer_append_unsigned(writer->out, value);
}

void json_signed(struct json_writer *writer, int64_t value)
{
    begin_value(writer);
    if (value < 0)
        buffer_append_byte(writer->out, '-');
    buffer_append_unsigned(writer->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_milliseconds(struct json_writer *writer, uint64_t value_ms)
{
    begin_value(writer);
    buffer_append_unsigned(writer->out, value_ms / 1000);
    uint64_t fraction = value_ms % 1000;
    const char decimals[4] = { '.', (char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
                               (char)('0' + fraction % 10) };
    buffer_append(writer->out, decimals, sizeof decimals);
}

void json_bool(struct json_writer *writer, bool value)
{
    begin_value(writer);
    buffer_append_string(writer->out, value ? "true" : "false");
}

void json_null(struct json_writer *writer)
{
    begin_value(writer);
    buffer_append(writer->out, "null", 4);
}

void json_raw(struct json_writer *writer, struct bytes json)
{
    begin_value(writer);
    buffer_append_bytes(writer->out, json);
}
