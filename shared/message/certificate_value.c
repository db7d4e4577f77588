#include "shared/message/certificate_value.h"

#include "shared/json/json_writer.h"
#include "shared/message/signature_algorithm.h"
#include "shared/x509/asn1_integer.h"

void certificate_value_append_fingerprint(struct buffer *out, const uint8_t *digest, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
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

void certificate_value_append_serial(struct buffer *out, struct bytes content)
{
    if (!content.data) {
        buffer_append(out, "null", 4);
        return;
    }
    buffer_append_string(out, asn1_integer_is_negative(content) ? "\"-" : "\"");
    asn1_integer_append_hex(out, content, "");
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
