#include "shared/base/base64.h"

/* Marks a character outside the alphabet: the one bit that no six-bit value has. */
#define NO 0x80

// clang-format off
static const uint8_t values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    NO,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
};
// clang-format on

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buffer *out, struct bytes bytes, const char *alphabet)
{
    uint8_t *to = buffer_reserve(out, base64_encoded_size(bytes.size));
    if (!to)
        return;
    out->size += base64_encoded_size(bytes.size);
    const uint8_t *from = bytes.data;
    size_t left = bytes.size;
    for (; left >= 3; left -= 3, from += 3) {
        uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        *to++ = (uint8_t)alphabet[group >> 6 & 63];
        *to++ = (uint8_t)alphabet[group & 63];
    }
    if (left) {
        uint32_t group = (uint32_t)from[0] << 16 | (left == 2 ? (uint32_t)from[1] << 8 : 0);
        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        *to++ = left == 2 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
        *to++ = '=';
    }
}

void base64_encode(struct buffer *out, struct bytes bytes)
{
    encode(out, bytes, standard_alphabet);
}

void base64_encode_url(struct buffer *out, struct bytes bytes)
{
    encode(out, bytes, url_alphabet);
}

/* `size` is a multiple of four and nothing of it is padding. All bad characters are gathered into
 * one test at the end: what was written by then is thrown away by the caller. */
static bool decode_whole_groups(uint8_t *to, const uint8_t *from, size_t size)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < size; i += 4, to += 3) {
        uint32_t a = values[from[i]], b = values[from[i + 1]];
        uint32_t c = values[from[i + 2]], d = values[from[i + 3]];
        bad |= a | b | c | d;
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        to[0] = (uint8_t)(group >> 16);
        to[1] = (uint8_t)(group >> 8);
        to[2] = (uint8_t)group;
    }
    return !(bad & NO);
}

/* The last group, which carries the padding: one or two bytes. */
static bool decode_padded_group(uint8_t *to, const uint8_t *from, size_t size)
{
    uint32_t a = values[from[0]], b = values[from[1]], c = size == 2 ? values[from[2]] : 0;
    if ((a | b | c) & NO)
        return false;
    uint32_t group = a << 18 | b << 12 | c << 6;
    to[0] = (uint8_t)(group >> 16);
    if (size == 1)
        return (group & 0xffff) == 0;
    to[1] = (uint8_t)(group >> 8);
    return (group & 0xff) == 0;
}

static size_t decoded_size(struct bytes text)
{
    size_t size = text.size / 4 * 3;
    if (size && text.data[text.size - 1] == '=')
        size -= text.data[text.size - 2] == '=' ? 2 : 1;
    return size;
}

static bool decode_groups(uint8_t *to, size_t size, struct bytes text)
{
    size_t whole = size / 3;
    if (!decode_whole_groups(to, text.data, whole * 4))
        return false;
    return size % 3 == 0 || decode_padded_group(to + whole * 3, text.data + whole * 4, size % 3);
}

bool base64_decode(struct buffer *out, struct bytes text)
{
    if (text.size % 4)
        return false;
    size_t size = decoded_size(text);
    uint8_t *to = buffer_reserve(out, size);
    if (!to || !decode_groups(to, size, text))
        return false;
    out->size += size;
    return true;
}

bool base64_decode_exactly(uint8_t *out, size_t size, struct bytes text)
{
    return text.size % 4 == 0 && decoded_size(text) == size && decode_groups(out, size, text);
}
