#include "shared/base/hex.h"

void hex_encode(char *text, struct bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        *text++ = digits[bytes.data[i] >> 4];
        *text++ = digits[bytes.data[i] & 15];
    }
    *text = '\0';
}

enum {
    DIGIT = 0x10
};

/* DIGIT and its value, of what is one. */
static const uint8_t digit_values[256] = {
    ['0'] = DIGIT | 0,  ['1'] = DIGIT | 1,  ['2'] = DIGIT | 2,  ['3'] = DIGIT | 3,
    ['4'] = DIGIT | 4,  ['5'] = DIGIT | 5,  ['6'] = DIGIT | 6,  ['7'] = DIGIT | 7,
    ['8'] = DIGIT | 8,  ['9'] = DIGIT | 9,  ['a'] = DIGIT | 10, ['b'] = DIGIT | 11,
    ['c'] = DIGIT | 12, ['d'] = DIGIT | 13, ['e'] = DIGIT | 14, ['f'] = DIGIT | 15,
    ['A'] = DIGIT | 10, ['B'] = DIGIT | 11, ['C'] = DIGIT | 12, ['D'] = DIGIT | 13,
    ['E'] = DIGIT | 14, ['F'] = DIGIT | 15,
};

/* Two digits; clears DIGIT in `all` if they are none. */
static uint8_t decode_byte(const uint8_t *text, unsigned *all)
{
    unsigned high = digit_values[text[0]];
    unsigned low = digit_values[text[1]];
    *all &= high & low;
    return (uint8_t)(high << 4 | (low & 15));
}

bool hex_decode(uint8_t *out, size_t size, struct bytes text)
{
    unsigned all = DIGIT;
    if (text.size % 2 || text.size / 2 != size)
        return false;
    for (size_t i = 0; i < size; i++)
        out[i] = decode_byte(text.data + 2 * i, &all);
    return all & DIGIT;
}

bool hex_decode_parted(uint8_t *out, size_t size, struct bytes text)
{
    unsigned all = DIGIT;
    unsigned other = 0;
    if (text.size != 3 * size - 1)
        return false;
    out[0] = decode_byte(text.data, &all);
    for (size_t i = 1; i < size; i++) {
        other |= text.data[3 * i - 1] ^ ':';
        out[i] = decode_byte(text.data + 3 * i, &all);
    }
    return all & DIGIT && !other;
}

/* Without a branch or a table in the loop, so that the compiler looks at many bytes at a time. */
static uint8_t others_in(const uint8_t *text, size_t size)
{
    uint8_t others = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t digit = (uint8_t)(text[i] - '0') < 10;
        uint8_t letter = (uint8_t)((text[i] | 0x20) - 'a') < 6;
        others |= (uint8_t)(digit | letter) ^ 1;
    }
    return others;
}

bool hex_is_text(struct bytes text)
{
    enum {
        AT_ONCE = 32
    };
    uint8_t others = 0;
    size_t at = 0;
    for (; text.size - at >= AT_ONCE; at += AT_ONCE)
        others |= others_in(text.data + at, AT_ONCE);
    return !(others | others_in(text.data + at, text.size - at));
}
