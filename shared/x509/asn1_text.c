#include "shared/x509/asn1_text.h"

#include "shared/json/json_writer.h"
#include "shared/x509/der.h"

enum {
    REPLACEMENT_CHARACTER = 0xfffd,
    LAST_CHARACTER = 0x10ffff,
    HIGH_SURROGATE = 0xd800,
    LOW_SURROGATE = 0xdc00,
    AFTER_SURROGATES = 0xe000,
};

/* SEQUENCE and SET have no primitive form, so the bit says nothing of them. */
static bool is_in_pieces(uint8_t tag)
{
    return (tag & DER_CONSTRUCTED) && tag != DER_SEQUENCE && tag != DER_SET;
}

bool asn1_text_is_plain(uint8_t tag)
{
    return tag != DER_T61_STRING && tag != DER_BMP_STRING && tag != DER_UNIVERSAL_STRING &&
           !is_in_pieces(tag);
}

struct asn1_text asn1_text_join(struct asn1_text text, struct buffer *joined)
{
    if (!is_in_pieces(text.tag))
        return text;
    buffer_clear(joined);
    (void)der_append_pieces(joined, text.value);
    uint8_t tag = text.tag & (uint8_t)~DER_CONSTRUCTED;
    return (struct asn1_text){ tag, joined->size ? buffer_bytes(joined) : bytes_of("", 0) };
}

static bool is_low_surrogate(struct reader *reader)
{
    if (reader->remaining < 2)
        return false;
    uint8_t high_byte = reader->next[0];
    return high_byte >= LOW_SURROGATE >> 8 && high_byte < AFTER_SURROGATES >> 8;
}

static uint32_t next_utf16(struct reader *reader)
{
    uint32_t unit = (uint32_t)reader_integer(reader, 2);
    if (unit < HIGH_SURROGATE || unit >= AFTER_SURROGATES)
        return unit;
    if (unit >= LOW_SURROGATE || !is_low_surrogate(reader))
        return REPLACEMENT_CHARACTER;
    uint32_t low = (uint32_t)reader_integer(reader, 2);
    return 0x10000 + ((unit - HIGH_SURROGATE) << 10) + (low - LOW_SURROGATE);
}

static uint32_t next_utf32(struct reader *reader)
{
    uint32_t unit = (uint32_t)reader_integer(reader, 4);
    bool is_surrogate = unit >= HIGH_SURROGATE && unit < AFTER_SURROGATES;
    return unit > LAST_CHARACTER || is_surrogate ? REPLACEMENT_CHARACTER : unit;
}

static uint32_t next_character(struct reader *reader, uint8_t tag)
{
    size_t width = tag == DER_BMP_STRING ? 2 : tag == DER_UNIVERSAL_STRING ? 4 : 1;
    if (reader->remaining < width) {
        (void)reader_take(reader, reader->remaining);
        return REPLACEMENT_CHARACTER;
    }
    switch (width) {
    case 2: return next_utf16(reader);
    case 4: return next_utf32(reader);
    default: return (uint32_t)reader_integer(reader, 1);
    }
}

static struct bytes utf8_of(uint8_t *room, uint32_t character)
{
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = size - 1; i > 0; i--, character >>= 6)
        room[i] = (uint8_t)(0x80 | (character & 0x3f));
    room[0] = (uint8_t)(lead[size] | character);
    return bytes_of(room, size);
}

typedef void (*append_function)(struct buffer *out, struct bytes text);

static void append_converted(struct buffer *out, struct asn1_text text, append_function append)
{
    struct buffer joined;
    buffer_init(&joined, out->limit);
    text = asn1_text_join(text, &joined);
    struct reader reader = reader_of(text.value);
    uint8_t room[4];
    if (asn1_text_is_plain(text.tag))
        append(out, text.value);
    else
        while (reader.remaining)
            append(out, utf8_of(room, next_character(&reader, text.tag)));
    buffer_free(&joined);
}

void asn1_text_append(struct buffer *out, struct asn1_text text)
{
    if (asn1_text_is_plain(text.tag))
        buffer_append_bytes(out, text.value);
    else
        append_converted(out, text, buffer_append_bytes);
}

void asn1_text_escape(struct buffer *out, struct asn1_text text)
{
    if (asn1_text_is_plain(text.tag))
        json_escape(out, text.value);
    else
        append_converted(out, text, json_escape);
}
