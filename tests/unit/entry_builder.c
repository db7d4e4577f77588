#include "tests/unit/entry_builder.h"

#include <assert.h>

#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/x509/certificate.h"
#include "tests/unit/certificate_builder.h"

enum {
    LIMIT = 16 << 20,
    LOG_ID_SIZE = 32,
};

static const char *or_else(const char *text, const char *ordinary)
{
    return text ? text : ordinary;
}

static void add_names(struct buffer *out, const struct entry_parts *parts)
{
    struct buffer value;
    buffer_init(&value, LIMIT);
    size_t names = der_begin(&value, DER_SEQUENCE);
    for (size_t i = 0; i < ENTRY_NAMES_MAX && parts->names[i].data; i++)
        der_write(&value, DER_CONTEXT | 2, parts->names[i]);
    der_end(&value, names);
    build_extension(out, "2.5.29.17", buffer_bytes(&value));
    buffer_free(&value);
}

static void add_issuer(struct buffer *out, const struct entry_parts *parts)
{
    const char *organization = or_else(parts->issuer_organization, "Example Trust Services");
    const char *common_name = or_else(parts->issuer_common_name, "Example DV CA 1");
    build_attribute(out, "2.5.4.6", DER_PRINTABLE_STRING, bytes_of_string("XX"));
    build_attribute(out, "2.5.4.10", DER_UTF8_STRING, bytes_of_string(organization));
    build_attribute(out, "2.5.4.3", DER_UTF8_STRING, bytes_of_string(common_name));
}

/* The subject has no common name, so that the names are just those given. */
static void build_der(struct buffer *out, const struct entry_parts *parts)
{
    struct buffer issuer, subject, extensions;
    buffer_init(&issuer, LIMIT);
    buffer_init(&subject, LIMIT);
    buffer_init(&extensions, LIMIT);
    add_issuer(&issuer, parts);
    add_names(&extensions, parts);
    build_attribute(&subject, "2.5.4.6", DER_PRINTABLE_STRING, bytes_of_string("XX"));
    const uint8_t serial[] = { 1, parts->number };
    build_certificate(out, &(struct certificate_parts){ .serial = bytes_of(serial, sizeof serial),
                                                        .issuer = buffer_bytes(&issuer),
                                                        .subject = buffer_bytes(&subject),
                                                        .extensions = buffer_bytes(&extensions) });
    buffer_free(&issuer);
    buffer_free(&subject);
    buffer_free(&extensions);
}

static void write_json(struct built_entry *built, const struct entry_parts *parts,
                       const struct certificate *certificate, const char *log_id)
{
    struct message_source source = {
        .name = or_else(parts->log_description, "Example 'Oak' log"),
        .url = or_else(parts->log_url, "https://oak.example/2026/"),
        .operator_name = or_else(parts->operator_name, "Example Operator"),
        .log_id_base64 = log_id,
    };
    struct message_entry entry = {
        .source = &source,
        .index = 70000,
        .timestamp_ms = 1700000000000,
        .seen_ms = 1700000001250,
        .is_precertificate = parts->is_precertificate,
    };
    message_write(&built->json, &entry, certificate);
}

void build_entry(struct built_entry *built, const struct entry_parts *parts)
{
    uint8_t log[LOG_ID_SIZE];
    struct buffer log_base64;
    struct certificate *certificate = certificate_create();
    buffer_init(&built->der, LIMIT);
    buffer_init(&built->json, LIMIT);
    buffer_init(&built->domains, LIMIT);
    buffer_init(&log_base64, LIMIT);
    memset(log, parts->log, sizeof log);
    hex_encode(built->log, bytes_of(log, sizeof log));
    base64_encode(&log_base64, bytes_of(log, sizeof log));
    buffer_append_byte(&log_base64, '\0');
    if (parts->leaf.data)
        buffer_append_bytes(&built->der, parts->leaf);
    else
        build_der(&built->der, parts);
    bool parsed = certificate_parse(certificate, buffer_bytes(&built->der));
    assert(parsed);
    write_json(built, parts, certificate, (const char *)log_base64.data);
    certificate_json_write_domains(&built->domains, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    const char *id = or_else(parts->id, "1700000000000-0");
    built->entry = (struct stream_entry){
        .id_text = bytes_of_string(id),
        .json = buffer_bytes(&built->json),
        .domains = buffer_bytes(&built->domains),
        .der = buffer_bytes(&built->der),
        .chain = bytes_of_string(or_else(parts->chain, "")),
        .log = bytes_of(built->log, sizeof built->log - 1),
        .index = 70000,
    };
    bool good = stream_id_parse(&built->entry.id, built->entry.id_text);
    assert(good);
    buffer_free(&log_base64);
    certificate_destroy(certificate);
}

void built_entry_free(struct built_entry *built)
{
    buffer_free(&built->der);
    buffer_free(&built->json);
    buffer_free(&built->domains);
}
