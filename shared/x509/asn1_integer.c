#include "shared/x509/asn1_integer.h"

bool asn1_integer_is_negative(struct bytes content)
{
    return content.size && content.data[0] & 0x80;
}

/* How many octets at the end are zero: negating leaves those as they are, adds one to the next, and
 * inverts the rest. */
static size_t trailing_zeros(struct bytes content)
{
    size_t count = 0;
    while (count < content.size && content.data[content.size - 1 - count] == 0)
        count++;
    return count;
}

static uint8_t magnitude_octet(struct bytes content, size_t index, size_t zeros)
{
    uint8_t octet = content.data[index];
    if (!asn1_integer_is_negative(content) || index >= content.size - zeros)
        return octet;
    bool is_last = index == content.size - zeros - 1;
    return (uint8_t)(~octet + is_last);
}

void asn1_integer_append_hex(struct buffer *out, struct bytes content, const char *separator)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!content.size)
        content = bytes_of("", 1);
    size_t zeros = trailing_zeros(content);
    size_t at = 0;
    while (at + 1 < content.size && magnitude_octet(content, at, zeros) == 0)
        at++;
    for (const char *before = ""; at < content.size; at++, before = separator) {
        uint8_t octet = magnitude_octet(content, at, zeros);
        const char pair[2] = { digits[octet >> 4], digits[octet & 15] };
        buffer_append_string(out, before);
        buffer_append(out, pair, sizeof pair);
    }
}

void asn1_integer_append_decimal(struct buffer *out, struct bytes content)
{
    bool is_negative = asn1_integer_is_negative(content);
    if (is_negative)
        buffer_append_byte(out, '-');
    if (content.size > sizeof(uint64_t)) {
        buffer_append_string(out, "0x");
        asn1_integer_append_hex(out, content, "");
        return;
    }
    uint64_t value = is_negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < content.size; i++)
        value = value << 8 | content.data[i];
    buffer_append_unsigned(out, is_negative ? 0 - value : value);
}
