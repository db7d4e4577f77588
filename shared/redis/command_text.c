#include "shared/redis/command_text.h"

#include <assert.h>

static const char line_end[] = { '\r', '\n' };

static void append_number(struct buffer *out, char type, size_t number)
{
    buffer_append_byte(out, (uint8_t)type);
    buffer_append_unsigned(out, number);
    buffer_append(out, line_end, sizeof line_end);
}

void command_begin(struct buffer *out, size_t word_count)
{
    append_number(out, '*', word_count);
}

void command_add(struct buffer *out, struct bytes word)
{
    append_number(out, '$', word.size);
    buffer_append_bytes(out, word);
    buffer_append(out, line_end, sizeof line_end);
}

void command_add_string(struct buffer *out, const char *word)
{
    command_add(out, bytes_of_string(word));
}

struct command_word command_open_word(struct buffer *out, size_t guess)
{
    struct command_word word = { .size_at = out->size + 1 };
    append_number(out, '$', guess);
    word.start = out->size;
    return word;
}

/* Moves the word so that `width` digits and a line's end fit in front of it. */
static void make_place(struct buffer *out, struct command_word *word, size_t size, size_t width)
{
    size_t start = word->size_at + width + sizeof line_end;
    if (start == word->start)
        return;
    if (start > word->start && !buffer_reserve(out, start - word->start))
        return;
    memmove(out->data + start, out->data + word->start, size);
    word->start = start;
    out->size = start + size;
}

size_t command_close_word(struct buffer *out, struct command_word *word)
{
    char digits[20];
    size_t size = out->size - word->start, at = sizeof digits;
    assert(!out->failed);
    for (size_t rest = size; at == sizeof digits || rest; rest /= 10)
        digits[--at] = (char)('0' + rest % 10);
    size_t width = sizeof digits - at;
    make_place(out, word, size, width);
    buffer_append(out, line_end, sizeof line_end);
    if (out->failed)
        return size;
    memcpy(out->data + word->size_at, digits + at, width);
    memcpy(out->data + word->size_at + width, line_end, sizeof line_end);
    return size;
}
