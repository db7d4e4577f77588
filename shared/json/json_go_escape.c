#include "shared/json/json_go_escape.h"

#include "shared/base/reader.h"
#include "shared/base/utf8.h"
#include "shared/json/json_writer.h"

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
            buffer_append_string(out, "\\ufffd");
        else if (size == 1 && needs_escape(sequence.data[0], html))
            json_escape_character(out, sequence.data[0]);
        else if (is_line_separator(sequence))
            buffer_append_string(out, sequence.data[2] == 0xa8 ? "\\u2028" : "\\u2029");
        else
            buffer_append_bytes(out, sequence);
    }
}
