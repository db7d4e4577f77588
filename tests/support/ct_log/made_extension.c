#include "tests/support/ct_log/made_extension.h"

#include <stdio.h>

#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/der_writer.h"
#include "tests/support/ct_log/made_key.h"
#include "tests/support/seeded_random.h"

enum {
    URL_SIZE = 128,
    GENERAL_NAME_DNS = DER_CONTEXT + 2,
    GENERAL_NAME_URI = DER_CONTEXT + 6,
    SIGNATURE_MAX = 256,
    /* Tag, length and unused bits of a P-256 signature's BIT STRING. */
    BIT_STRING_HEADER = 3,
};

/* An Extension that is open: its value is being written. */
struct extension {
    size_t whole;
    size_t value;
};

static struct extension extension_begin(struct buffer *out, const char *object, bool is_critical)
{
    static const uint8_t true_value[] = { 0xff };
    struct extension extension = { .whole = der_begin(out, DER_SEQUENCE) };
    der_write_object(out, object);
    if (is_critical)
        der_write(out, DER_BOOLEAN, bytes_of(true_value, sizeof true_value));
    extension.value = der_begin(out, DER_OCTET_STRING);
    return extension;
}

static void extension_end(struct buffer *out, struct extension extension)
{
    der_end(out, extension.value);
    der_end(out, extension.whole);
}

void made_extension_write_key_usage(struct buffer *out, unsigned usage)
{
    unsigned unused = 0;
    while (!(usage >> unused & 1))
        unused++;
    const uint8_t bits[] = { (uint8_t)unused, (uint8_t)usage };
    struct extension extension = extension_begin(out, "2.5.29.15", true);
    der_write(out, DER_BIT_STRING, bytes_of(bits, sizeof bits));
    extension_end(out, extension);
}

void made_extension_write_extended_key_usage(struct buffer *out, bool also_client)
{
    struct extension extension = extension_begin(out, "2.5.29.37", false);
    size_t purposes = der_begin(out, DER_SEQUENCE);
    der_write_object(out, "1.3.6.1.5.5.7.3.1");
    if (also_client)
        der_write_object(out, "1.3.6.1.5.5.7.3.2");
    der_end(out, purposes);
    extension_end(out, extension);
}

void made_extension_write_basic_constraints(struct buffer *out, bool is_ca, bool has_path_length)
{
    static const uint8_t true_value[] = { 0xff }, zero[] = { 0 };
    struct extension extension = extension_begin(out, "2.5.29.19", true);
    size_t constraints = der_begin(out, DER_SEQUENCE);
    if (is_ca)
        der_write(out, DER_BOOLEAN, bytes_of(true_value, sizeof true_value));
    if (is_ca && has_path_length)
        der_write(out, DER_INTEGER, bytes_of(zero, sizeof zero));
    der_end(out, constraints);
    extension_end(out, extension);
}

void made_extension_write_subject_key_id(struct buffer *out, struct bytes key_id)
{
    struct extension extension = extension_begin(out, "2.5.29.14", false);
    der_write(out, DER_OCTET_STRING, key_id);
    extension_end(out, extension);
}

void made_extension_write_authority_key_id(struct buffer *out, struct bytes key_id)
{
    struct extension extension = extension_begin(out, "2.5.29.35", false);
    size_t identifier = der_begin(out, DER_SEQUENCE);
    der_write(out, DER_CONTEXT, key_id);
    der_end(out, identifier);
    extension_end(out, extension);
}

static void write_access(struct buffer *out, const char *method, const char *url)
{
    size_t access = der_begin(out, DER_SEQUENCE);
    der_write_object(out, method);
    der_write_string(out, GENERAL_NAME_URI, url);
    der_end(out, access);
}

void made_extension_write_authority_info(struct buffer *out, const char *host, bool has_ocsp)
{
    char url[URL_SIZE];
    struct extension extension = extension_begin(out, "1.3.6.1.5.5.7.1.1", false);
    size_t accesses = der_begin(out, DER_SEQUENCE);
    if (has_ocsp) {
        (void)snprintf(url, sizeof url, "http://o.%s", host);
        write_access(out, "1.3.6.1.5.5.7.48.1", url);
    }
    (void)snprintf(url, sizeof url, "http://i.%s/", host);
    write_access(out, "1.3.6.1.5.5.7.48.2", url);
    der_end(out, accesses);
    extension_end(out, extension);
}

void made_extension_write_names(struct buffer *out, const char *const *names, size_t count,
                                bool is_critical)
{
    struct extension extension = extension_begin(out, "2.5.29.17", is_critical);
    size_t general_names = der_begin(out, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        der_write_string(out, GENERAL_NAME_DNS, names[i]);
    der_end(out, general_names);
    extension_end(out, extension);
}

static void write_policy(struct buffer *out, const char *object, const char *statement)
{
    size_t policy = der_begin(out, DER_SEQUENCE);
    der_write_object(out, object);
    if (statement) {
        size_t qualifiers = der_begin(out, DER_SEQUENCE);
        size_t qualifier = der_begin(out, DER_SEQUENCE);
        der_write_object(out, "1.3.6.1.5.5.7.2.1");
        der_write_string(out, DER_IA5_STRING, statement);
        der_end(out, qualifier);
        der_end(out, qualifiers);
    }
    der_end(out, policy);
}

void made_extension_write_policies(struct buffer *out, const char *policy, const char *own_policy,
                                   const char *host)
{
    char url[URL_SIZE];
    (void)snprintf(url, sizeof url, "http://cps.%s", host);
    struct extension extension = extension_begin(out, "2.5.29.32", false);
    size_t policies = der_begin(out, DER_SEQUENCE);
    write_policy(out, policy, NULL);
    if (own_policy)
        write_policy(out, own_policy, url);
    der_end(out, policies);
    extension_end(out, extension);
}

void made_extension_write_crl_point(struct buffer *out, const char *host, unsigned number)
{
    char url[URL_SIZE];
    (void)snprintf(url, sizeof url, "http://c.%s/%u.crl", host, number);
    struct extension extension = extension_begin(out, "2.5.29.31", false);
    size_t points = der_begin(out, DER_SEQUENCE);
    size_t point = der_begin(out, DER_SEQUENCE);
    size_t point_name = der_begin(out, DER_CONTEXT_CONSTRUCTED);
    size_t full_name = der_begin(out, DER_CONTEXT_CONSTRUCTED);
    der_write_string(out, GENERAL_NAME_URI, url);
    der_end(out, full_name);
    der_end(out, point_name);
    der_end(out, point);
    der_end(out, points);
    extension_end(out, extension);
}

void made_extension_write_poison(struct buffer *out)
{
    struct extension extension = extension_begin(out, "1.3.6.1.4.1.11129.2.4.3", true);
    der_write_string(out, DER_NULL, "");
    extension_end(out, extension);
}

/* SerializedSCT (RFC 6962 section 3.3), its length first. */
static void append_timestamp(struct buffer *out, struct seeded_random *random,
                             uint64_t timestamp_ms)
{
    uint8_t log_id[32];
    struct buffer signature;
    buffer_init(&signature, SIGNATURE_MAX);
    made_key_write_signature(&signature, MADE_KEY_P256, random);
    struct bytes inner =
        bytes_of(signature.data + BIT_STRING_HEADER, signature.size - BIT_STRING_HEADER);
    seeded_random_fill(random, log_id, sizeof log_id);
    big_endian_append(out, 1 + sizeof log_id + 8 + 2 + 4 + inner.size, 2);
    big_endian_append(out, 0, 1);
    buffer_append(out, log_id, sizeof log_id);
    big_endian_append(out, timestamp_ms, 8);
    big_endian_append(out, 0, 2);
    big_endian_append(out, 0x0403, 2);
    big_endian_append(out, inner.size, 2);
    buffer_append_bytes(out, inner);
    buffer_free(&signature);
}

void made_extension_write_timestamps(struct buffer *out, struct seeded_random *random, size_t count,
                                     uint64_t timestamp_ms)
{
    struct extension extension = extension_begin(out, "1.3.6.1.4.1.11129.2.4.2", false);
    size_t value = der_begin(out, DER_OCTET_STRING);
    big_endian_append(out, 0, 2);
    size_t list = out->size;
    for (size_t i = 0; i < count; i++)
        append_timestamp(out, random, timestamp_ms + i);
    big_endian_write(out->data + list - 2, out->size - list, 2);
    der_end(out, value);
    extension_end(out, extension);
}
