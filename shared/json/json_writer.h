/*
 * JSON onto a buffer. Commas are its own business; keys are constants of ours and written as they
 * are; text from outside is escaped here and is always valid UTF-8 afterwards. A failed buffer is
 * checked once, at the end.
 */
#ifndef SHARED_JSON_JSON_WRITER_H
#define SHARED_JSON_JSON_WRITER_H

#include "shared/base/buffer.h"

struct json_writer {
    struct buffer *out;
    bool needs_comma;
};

static inline struct json_writer json_writer_of(struct buffer *out)
{
    return (struct json_writer){ .out = out };
}

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
/* UTF-8 text: quotes, backslashes and control characters are escaped, what is not UTF-8 becomes
 * U+FFFD. */
void json_text(struct json_writer *writer, struct bytes text);
void json_string(struct json_writer *writer, const char *text);
/* Writes what json_text does, and NULL data as null. */
void json_text_or_null(struct json_writer *writer, struct bytes text);
void json_unsigned(struct json_writer *writer, uint64_t value);
void json_signed(struct json_writer *writer, int64_t value);
/* Milliseconds as seconds with three decimals. */
void json_milliseconds(struct json_writer *writer, uint64_t value_ms);
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
/* A value that is JSON already. */
void json_raw(struct json_writer *writer, struct bytes json);

/* The inside of a JSON string, without its quotes: for text that is put together from pieces. Each
 * piece is whole characters. */
void json_escape(struct buffer *out, struct bytes text);
/* The escape of one character of ASCII. */
void json_escape_character(struct buffer *out, uint8_t character);

#endif
