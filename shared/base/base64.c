#include "shared/base/base64.h"

#include <endian.h>

#include "shared/base/base64_wide.h"

// clang-format off
#define EACH_LETTER(ROW)                                                                                    \
    ROW('A', 0) ROW('B', 1) ROW('C', 2) ROW('D', 3) ROW('E', 4) ROW('F', 5) ROW('G', 6) ROW('H', 7)         \
    ROW('I', 8) ROW('J', 9) ROW('K', 10) ROW('L', 11) ROW('M', 12) ROW('N', 13) ROW('O', 14) ROW('P', 15)   \
    ROW('Q', 16) ROW('R', 17) ROW('S', 18) ROW('T', 19) ROW('U', 20) ROW('V', 21) ROW('W', 22) ROW('X', 23) \
    ROW('Y', 24) ROW('Z', 25) ROW('a', 26) ROW('b', 27) ROW('c', 28) ROW('d', 29) ROW('e', 30) ROW('f', 31) \
    ROW('g', 32) ROW('h', 33) ROW('i', 34) ROW('j', 35) ROW('k', 36) ROW('l', 37) ROW('m', 38) ROW('n', 39) \
    ROW('o', 40) ROW('p', 41) ROW('q', 42) ROW('r', 43) ROW('s', 44) ROW('t', 45) ROW('u', 46) ROW('v', 47) \
    ROW('w', 48) ROW('x', 49) ROW('y', 50) ROW('z', 51) ROW('0', 52) ROW('1', 53) ROW('2', 54) ROW('3', 55) \
    ROW('4', 56) ROW('5', 57) ROW('6', 58) ROW('7', 59) ROW('8', 60) ROW('9', 61) ROW('+', 62) ROW('/', 63)
// clang-format on

/* A table for each place in a group of four characters. They hold complements, so that ands put a
 * group together and the 0 of what is no letter clears the one bit that no group has. */
#define FIRST(letter, value)  [letter] = ~((uint32_t)(value) << 18),
#define SECOND(letter, value) [letter] = ~((uint32_t)(value) << 12),
#define THIRD(letter, value)  [letter] = ~((uint32_t)(value) << 6),
#define FOURTH(letter, value) [letter] = ~(uint32_t)(value),
#define GOOD                  (UINT32_C(1) << 31)

static const uint32_t first[256] = { EACH_LETTER(FIRST) };
static const uint32_t second[256] = { EACH_LETTER(SECOND) };
static const uint32_t third[256] = { EACH_LETTER(THIRD) };
static const uint32_t fourth[256] = { EACH_LETTER(FOURTH) };

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

static uint32_t decode_group(const uint8_t *from)
{
    return first[from[0]] & second[from[1]] & third[from[2]] & fourth[from[3]];
}

static void put_group(uint8_t *to, uint32_t group)
{
    to[0] = (uint8_t)(group >> 16);
    to[1] = (uint8_t)(group >> 8);
    to[2] = (uint8_t)group;
}

/* `size` is a multiple of four and nothing of it is padding. All bad characters are gathered into
 * one test at the end: what was written by then is thrown away by the caller. */
static bool decode_whole_groups(uint8_t *to, const uint8_t *from, size_t size)
{
    uint32_t all = GOOD;
    /* Four bytes at a time, of which the next group writes the last one again. */
    for (; size > 4; size -= 4, from += 4, to += 3) {
        uint32_t group = decode_group(from);
        all &= group;
        group = htobe32(~group << 8);
        memcpy(to, &group, sizeof group);
    }
    if (size) {
        all &= decode_group(from);
        put_group(to, ~decode_group(from));
    }
    return all & GOOD;
}

/* The last group, which carries the padding: one or two bytes. */
static bool decode_padded_group(uint8_t *to, const uint8_t *from, size_t size)
{
    uint32_t group = first[from[0]] & second[from[1]] & (size == 2 ? third[from[2]] : ~UINT32_C(0));
    if (!(group & GOOD))
        return false;
    group = ~group;
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
    size_t done = base64_wide_decode(to, text.data, whole * 4);
    if (!decode_whole_groups(to + done / 4 * 3, text.data + done, whole * 4 - done))
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
