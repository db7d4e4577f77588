#include "tests/unit/certificate_builder.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    SCRATCH_LIMIT = 64 << 20
};

void build_algorithm(struct buffer *out, const char *dotted)
{
    size_t sequence = der_begin(out, DER_SEQUENCE);
    der_write_object(out, dotted);
    der_end(out, sequence);
}

void build_attribute(struct buffer *out, const char *dotted, uint8_t tag, struct bytes value)
{
    size_t set = der_begin(out, DER_SET);
    size_t pair = der_begin(out, DER_SEQUENCE);
    der_write_object(out, dotted);
    der_write(out, tag, value);
    der_end(out, pair);
    der_end(out, set);
}

void build_extension(struct buffer *out, const char *dotted, struct bytes value)
{
    size_t extension = der_begin(out, DER_SEQUENCE);
    der_write_object(out, dotted);
    der_write(out, DER_OCTET_STRING, value);
    der_end(out, extension);
}

static void add_name(struct buffer *out, struct bytes given, const char *common_name)
{
    size_t name = der_begin(out, DER_SEQUENCE);
    if (given.data)
        buffer_append_bytes(out, given);
    else
        build_attribute(out, "2.5.4.3", DER_UTF8_STRING, bytes_of_string(common_name));
    der_end(out, name);
}

static void add_validity(struct buffer *out, struct bytes given)
{
    size_t validity = der_begin(out, DER_SEQUENCE);
    if (given.data) {
        buffer_append_bytes(out, given);
    } else {
        der_write_string(out, DER_UTC_TIME, "260101000000Z");
        der_write_string(out, DER_UTC_TIME, "260401000000Z");
    }
    der_end(out, validity);
}

static void add_algorithm(struct buffer *out, struct bytes given)
{
    if (given.data)
        buffer_append_bytes(out, given);
    else
        build_algorithm(out, "1.2.840.10045.4.3.2");
}

static void add_public_key(struct buffer *out)
{
    static const uint8_t point[66] = { 0, 4, 1, 2, 3 };
    size_t info = der_begin(out, DER_SEQUENCE);
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    der_write_object(out, "1.2.840.10045.2.1");
    der_write_object(out, "1.2.840.10045.3.1.7");
    der_end(out, algorithm);
    der_write(out, DER_BIT_STRING, bytes_of(point, sizeof point));
    der_end(out, info);
}

static void add_tbs(struct buffer *out, const struct certificate_parts *parts)
{
    static const uint8_t serial[] = { 0x01, 0x23, 0xab };
    static const uint8_t version[] = { DER_INTEGER, 1, 2 };
    size_t tbs = der_begin(out, DER_SEQUENCE);
    der_write(out, DER_CONTEXT_CONSTRUCTED | 0, bytes_of(version, sizeof version));
    der_write(out, DER_INTEGER,
              parts->serial.data ? parts->serial : bytes_of(serial, sizeof serial));
    add_algorithm(out, parts->algorithm);
    add_name(out, parts->issuer, "Test CA");
    add_validity(out, parts->validity);
    add_name(out, parts->subject, "subject.example");
    if (parts->public_key_info.data)
        buffer_append_bytes(out, parts->public_key_info);
    else
        add_public_key(out);
    if (parts->extensions.data) {
        size_t tagged = der_begin(out, DER_CONTEXT_CONSTRUCTED | 3);
        der_write(out, DER_SEQUENCE, parts->extensions);
        der_end(out, tagged);
    }
    der_end(out, tbs);
}

void build_certificate(struct buffer *out, const struct certificate_parts *parts)
{
    static const uint8_t signature[72] = { 0, 0x30, 0x45, 2, 0x21 };
    size_t certificate = der_begin(out, DER_SEQUENCE);
    add_tbs(out, parts);
    add_algorithm(out, parts->algorithm);
    der_write(out, DER_BIT_STRING, bytes_of(signature, sizeof signature));
    der_end(out, certificate);
    assert(!out->failed);
}

static void add_name_extension(struct buffer *out, uint64_t number, size_t name_count)
{
    struct buffer value;
    buffer_init(&value, SCRATCH_LIMIT);
    size_t names = der_begin(&value, DER_SEQUENCE);
    for (size_t i = 0; i < name_count; i++) {
        size_t name = der_begin(&value, DER_CONTEXT | 2);
        buffer_append_format(&value, "host-%zu.customer-%" PRIu64 ".example", i, number);
        der_end(&value, name);
    }
    der_end(&value, names);
    build_extension(out, "2.5.29.17", buffer_bytes(&value));
    buffer_free(&value);
}

static void add_access(struct buffer *out, const char *method, const char *location)
{
    size_t description = der_begin(out, DER_SEQUENCE);
    der_write_object(out, method);
    der_write_string(out, DER_CONTEXT | 6, location);
    der_end(out, description);
}

/* The rest is alike in all certificates of a CA. */
static void add_common_extensions(struct buffer *out)
{
    static const uint8_t key_usage[] = { DER_BIT_STRING, 2, 5, 0xa0 };
    static const uint8_t constraints[] = { DER_SEQUENCE, 0 };
    static const uint8_t identifier[22] = { DER_OCTET_STRING, 20, 7, 7, 7 };
    static const uint8_t authority[24] = { DER_SEQUENCE, 22, DER_CONTEXT, 20, 9, 9, 9 };
    static const uint8_t scts[247] = { DER_OCTET_STRING, 0x81, 244, 0, 242, 0, 119 };
    struct buffer value;
    buffer_init(&value, SCRATCH_LIMIT);
    build_extension(out, "2.5.29.15", bytes_of(key_usage, sizeof key_usage));
    build_extension(out, "2.5.29.19", bytes_of(constraints, sizeof constraints));
    build_extension(out, "2.5.29.14", bytes_of(identifier, sizeof identifier));
    build_extension(out, "2.5.29.35", bytes_of(authority, sizeof authority));
    build_extension(out, "1.3.6.1.4.1.11129.2.4.2", bytes_of(scts, sizeof scts));
    size_t purposes = der_begin(&value, DER_SEQUENCE);
    der_write_object(&value, "1.3.6.1.5.5.7.3.1");
    der_write_object(&value, "1.3.6.1.5.5.7.3.2");
    der_end(&value, purposes);
    build_extension(out, "2.5.29.37", buffer_bytes(&value));
    buffer_clear(&value);
    size_t accesses = der_begin(&value, DER_SEQUENCE);
    add_access(&value, "1.3.6.1.5.5.7.48.1", "http://ocsp.ca.example");
    add_access(&value, "1.3.6.1.5.5.7.48.2", "http://ca.example/issuer.crt");
    der_end(&value, accesses);
    build_extension(out, "1.3.6.1.5.5.7.1.1", buffer_bytes(&value));
    buffer_clear(&value);
    size_t policies = der_begin(&value, DER_SEQUENCE);
    build_algorithm(&value, "2.23.140.1.2.1");
    der_end(&value, policies);
    build_extension(out, "2.5.29.32", buffer_bytes(&value));
    buffer_free(&value);
}

void build_ordinary_certificate(struct buffer *out, uint64_t number, size_t name_count)
{
    struct buffer subject, issuer, extensions;
    buffer_init(&subject, SCRATCH_LIMIT);
    buffer_init(&issuer, SCRATCH_LIMIT);
    buffer_init(&extensions, SCRATCH_LIMIT);
    char common_name[64];
    (void)snprintf(common_name, sizeof common_name, "host-0.customer-%" PRIu64 ".example", number);
    build_attribute(&subject, "2.5.4.3", DER_PRINTABLE_STRING, bytes_of_string(common_name));
    build_attribute(&issuer, "2.5.4.6", DER_PRINTABLE_STRING, bytes_of_string("XX"));
    build_attribute(&issuer, "2.5.4.10", DER_UTF8_STRING,
                    bytes_of_string("Example Trust Services"));
    build_attribute(&issuer, "2.5.4.3", DER_UTF8_STRING, bytes_of_string("Example DV CA 1"));
    add_common_extensions(&extensions);
    add_name_extension(&extensions, number, name_count);
    uint8_t serial[16] = { 0x04 };
    memcpy(serial + 8, &number, sizeof number);
    build_certificate(out, &(struct certificate_parts){ .serial = bytes_of(serial, sizeof serial),
                                                        .subject = buffer_bytes(&subject),
                                                        .issuer = buffer_bytes(&issuer),
                                                        .extensions = buffer_bytes(&extensions) });
    buffer_free(&subject);
    buffer_free(&issuer);
    buffer_free(&extensions);
}
