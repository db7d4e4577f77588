#include "tests/support/ct_log/der_writer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

size_t der_begin(struct buffer *out, unsigned tag)
{
    buffer_append_byte(out, (uint8_t)tag);
    return out->size;
}

void der_end(struct buffer *out, size_t begin)
{
    size_t size = out->size - begin;
    uint8_t header[5];
    size_t header_size = 0;
    if (size < 0x80) {
        header[header_size++] = (uint8_t)size;
    } else {
        size_t width = size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
        header[header_size++] = (uint8_t)(0x80 | width);
        for (size_t i = width; i-- > 0;)
            header[header_size++] = (uint8_t)(size >> (8 * i));
    }
    uint8_t *room = buffer_reserve(out, header_size);
    assert(room && size < 0x1000000);
    memmove(out->data + begin + header_size, out->data + begin, size);
    memcpy(out->data + begin, header, header_size);
    out->size += header_size;
}

void der_write(struct buffer *out, unsigned tag, struct bytes content)
{
    size_t begin = der_begin(out, tag);
    buffer_append_bytes(out, content);
    der_end(out, begin);
}

void der_write_string(struct buffer *out, unsigned tag, const char *text)
{
    der_write(out, tag, bytes_of_string(text));
}

void der_write_unsigned(struct buffer *out, struct bytes magnitude)
{
    while (magnitude.size > 1 && magnitude.data[0] == 0)
        magnitude = bytes_of(magnitude.data + 1, magnitude.size - 1);
    assert(magnitude.size > 0);
    size_t begin = der_begin(out, DER_INTEGER);
    if (magnitude.data[0] & 0x80)
        buffer_append_byte(out, 0);
    buffer_append_bytes(out, magnitude);
    der_end(out, begin);
}

static void write_arc(struct buffer *out, unsigned long arc)
{
    unsigned shift = 0;
    while (shift + 7 < 64 && arc >> (shift + 7))
        shift += 7;
    for (; shift; shift -= 7)
        buffer_append_byte(out, (uint8_t)(0x80 | (arc >> shift & 0x7f)));
    buffer_append_byte(out, (uint8_t)(arc & 0x7f));
}

void der_write_object(struct buffer *out, const char *dotted)
{
    size_t begin = der_begin(out, DER_OBJECT_ID);
    char *next;
    unsigned long first = strtoul(dotted, &next, 10);
    assert(*next == '.');
    unsigned long second = strtoul(next + 1, &next, 10);
    write_arc(out, first * 40 + second);
    while (*next == '.')
        write_arc(out, strtoul(next + 1, &next, 10));
    der_end(out, begin);
}

void der_write_attribute(struct buffer *out, const char *object, unsigned tag, const char *text)
{
    size_t relative_name = der_begin(out, DER_SET);
    size_t attribute = der_begin(out, DER_SEQUENCE);
    der_write_object(out, object);
    der_write_string(out, tag, text);
    der_end(out, attribute);
    der_end(out, relative_name);
}

void der_write_time(struct buffer *out, uint64_t seconds)
{
    time_t moment = (time_t)seconds;
    struct tm parts;
    struct tm *known = gmtime_r(&moment, &parts);
    assert(known);
    (void)known;
    char text[24];
    int year = parts.tm_year + 1900;
    bool is_short = year < 2050;
    int size = is_short ? snprintf(text, sizeof text, "%02u", (unsigned)year % 100)
                        : snprintf(text, sizeof text, "%04u", (unsigned)year % 10000);
    size += (int)strftime(text + size, sizeof text - (size_t)size, "%m%d%H%M%SZ", &parts);
    der_write(out, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, bytes_of(text, (size_t)size));
}
