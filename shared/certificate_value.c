#include "shared/certificate_value.h"

#include "shared/json_writer.h"
#include "shared/signature_algorithm.h"

static const char digits[] = "0123456789ABCDEF";

void certificate_value_append_fingerprint(struct buffer *out, const uint8_t *digest, size_t size)
{
    uint8_t *to = buffer_reserve(out, size * 3);
    if (!to)
        return;
    for (size_t i = 0; i < size; i++) {
        *to++ = (uint8_t)digits[digest[i] >> 4];
        *to++ = (uint8_t)digits[digest[i] & 15];
        *to++ = ':';
    }
    out->size += size * 3 - 1;
}

/* The magnitude of a two's complement number, one octet: `index` counts from the most significant. */
static uint8_t magnitude_octet(struct bytes content, size_t index)
{
    uint8_t octet = content.data[index];
    if (!(content.data[0] & 0x80))
        return octet;
    bool carry = true;
    for (size_t i = index + 1; i < content.size && carry; i++)
        carry = content.data[i] == 0;
    return (uint8_t)(~octet + carry);
}

void certificate_value_append_serial(struct buffer *out, struct bytes content)
{
    if (!content.data) {
        buffer_append(out, "null", 4);
        return;
    }
    buffer_append_byte(out, '"');
    if (content.data[0] & 0x80)
        buffer_append_byte(out, '-');
    size_t at = 0;
    while (at + 1 < content.size && magnitude_octet(content, at) == 0)
        at++;
    for (; at < content.size; at++) {
        uint8_t octet = magnitude_octet(content, at);
        buffer_append_byte(out, (uint8_t)digits[octet >> 4]);
        buffer_append_byte(out, (uint8_t)digits[octet & 15]);
    }
    buffer_append_byte(out, '"');
}

void certificate_value_append_time(struct buffer *out, struct certificate_time time)
{
    struct json_writer writer = json_writer_of(out);
    if (time.is_known)
        json_signed(&writer, time.seconds);
    else
        json_null(&writer);
}

void certificate_value_append_signature_algorithm(struct buffer *out,
                                                  const struct certificate *certificate,
                                                  enum certificate_dialect dialect)
{
    size_t start = out->size;
    buffer_append_byte(out, '"');
    if (signature_algorithm_append(out, certificate->signature_algorithm, dialect)) {
        buffer_append_byte(out, '"');
        return;
    }
    if (out->size > start)
        out->size = start;
    buffer_append(out, "null", 4);
}
