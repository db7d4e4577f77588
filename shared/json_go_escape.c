#include "shared/json_go_escape.h"

#include "shared/reader.h"
#include "shared/utf8.h"

#define APPEND(out, literal) buffer_append(out, literal, sizeof(literal) - 1)

static void escape_ascii(struct buffer *out, uint8_t character)
{
    static const char digits[] = "0123456789abcdef";
    char escape[6] = { '\\', (char)character };
    size_t size = 2;
    switch (character) {
    case '"':
    case '\\': break;
    case '\b': escape[1] = 'b'; break;
    case '\f': escape[1] = 'f'; break;
    case '\n': escape[1] = 'n'; break;
    case '\r': escape[1] = 'r'; break;
    case '\t': escape[1] = 't'; break;
    default:
        memcpy(escape, "\\u00", 4);
        escape[4] = digits[character >> 4];
        escape[5] = digits[character & 15];
        size = 6;
    }
    buffer_append(out, escape, size);
}

static bool is_line_separator(struct bytes sequence)
{
    return sequence.size == 3 && sequence.data[0] == 0xe2 && sequence.data[1] == 0x80 &&
           (sequence.data[2] | 1) == 0xa9;
}

static bool needs_escape(uint8_t character, bool html)
{
    bool is_markup = character == '<' || character == '>' || character == '&';
    return character < 0x20 || character == '"' || character == '\\' || (html && is_markup);
}

void json_go_escape(struct buffer *out, struct bytes text, bool html)
{
    struct reader reader = reader_of(text);
    while (reader.remaining) {
        size_t size = utf8_sequence_size(reader_rest(&reader));
        struct bytes sequence = reader_take(&reader, size ? size : 1);
        if (!size)
            APPEND(out, "\\ufffd");
        else if (size == 1 && needs_escape(sequence.data[0], html))
            escape_ascii(out, sequence.data[0]);
        else if (is_line_separator(sequence))
            buffer_append_string(out, sequence.data[2] == 0xa8 ? "\\u2028" : "\\u2029");
        else
            buffer_append_bytes(out, sequence);
    }
}
