#include "shared/message/certificate_json.h"

#include <arpa/inet.h>

#include "shared/base/base64.h"
#include "shared/json/json_writer.h"
#include "shared/message/certificate_json_go.h"
#include "shared/message/certificate_value.h"
#include "shared/x509/certificate_fields.h"
#include "shared/x509/object_id.h"

/* Where the escaped value of an attribute stands in the output, so that `aggregated` copies instead
 * of escaping again. */
struct span {
    size_t offset;
    size_t size;
};

static void append_key(struct buffer *out, const char *key)
{
    buffer_append_byte(out, '"');
    buffer_append_string(out, key);
    buffer_append_string(out, "\":");
}

static void append_copy(struct buffer *out, struct span span)
{
    uint8_t *room = buffer_reserve(out, span.size);
    if (!room)
        return;
    memcpy(room, out->data + span.offset, span.size);
    out->size += span.size;
}

static struct span append_attribute(struct buffer *out, struct asn1_text text)
{
    if (!text.value.data) {
        buffer_append_string(out, "null,");
        return (struct span){ 0 };
    }
    buffer_append_byte(out, '"');
    size_t offset = out->size;
    asn1_text_escape(out, text);
    struct span span = { offset, out->size - offset };
    buffer_append_string(out, "\",");
    return span;
}

static void append_name(struct buffer *out, const struct certificate_name *name)
{
    struct span spans[NAME_ATTRIBUTE_COUNT];
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < NAME_ATTRIBUTE_COUNT; i++) {
        append_key(out, name_attribute_key((enum name_attribute)i));
        spans[i] = append_attribute(out, name->attributes[i]);
    }
    buffer_append_string(out, "\"email_address\":");
    (void)append_attribute(out, name->attributes[NAME_EMAIL]);
    buffer_append_string(out, "\"aggregated\":\"");
    size_t start = out->size;
    for (size_t i = 0; i < NAME_ATTRIBUTE_COUNT; i++) {
        if (!name->attributes[i].value.data)
            continue;
        buffer_append_byte(out, '/');
        buffer_append_string(out, name_attribute_key((enum name_attribute)i));
        buffer_append_byte(out, '=');
        append_copy(out, spans[i]);
    }
    if (out->size == start)
        buffer_append_byte(out, '/');
    buffer_append_string(out, "\"}");
}

static void append_extra(struct buffer *out, const struct certificate *certificate)
{
    bool any = false;
    for (size_t i = 0; i < certificate->extension_count; i++) {
        const struct certificate_extension *extension = &certificate->extensions[i];
        if (extension->kind != EXTENSION_KIND_COUNT)
            continue;
        if (any)
            buffer_append_string(out, ",\"");
        else
            buffer_append_string(out, "\"extra\":[\"");
        (void)object_id_append_dotted(out, extension->id);
        buffer_append_byte(out, '"');
        any = true;
    }
    if (any)
        buffer_append_string(out, "],");
}

static void append_extension_text(struct buffer *out, const struct certificate *certificate,
                                  enum certificate_extension_kind kind)
{
    const struct certificate_extension_text *text = &certificate->texts[kind];
    append_key(out, certificate_extension_key(kind));
    if (kind == EXTENSION_POISON) {
        buffer_append_string(out, "true,");
        return;
    }
    if (!text->is_readable && !text->size) {
        buffer_append_string(out, "null,");
        return;
    }
    buffer_append_byte(out, '"');
    if (text->size)
        json_escape(out, bytes_of(certificate->text.data + text->offset, text->size));
    buffer_append_string(out, "\",");
}

/* Every member is written with a comma behind it, and the last comma becomes the brace. */
static void append_extensions(struct buffer *out, const struct certificate *certificate)
{
    buffer_append_byte(out, '{');
    size_t start = out->size;
    for (enum certificate_extension_kind kind = 0; kind < EXTENSION_KIND_COUNT; kind++)
        if (certificate->texts[kind].is_present)
            append_extension_text(out, certificate, kind);
    append_extra(out, certificate);
    if (out->size > start)
        out->size--;
    buffer_append_byte(out, '}');
}

/* Writes addresses as RFC 5952 does. */
static void append_addresses(struct buffer *out, const struct certificate *certificate)
{
    const struct name_set *addresses = &certificate->addresses;
    char text[INET6_ADDRSTRLEN];
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < addresses->count; i++) {
        struct bytes octets = addresses->names[i];
        (void)inet_ntop(octets.size == 4 ? AF_INET : AF_INET6, octets.data, text, sizeof text);
        buffer_append_string(out, i ? ",\"" : "\"");
        buffer_append_string(out, text);
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, ']');
}

/* A name of ours, else the dotted identifier; null where there is none. */
static void append_object(struct buffer *out, const char *name, struct bytes id)
{
    size_t start = out->size;
    buffer_append_byte(out, '"');
    if (name) {
        buffer_append_string(out, name);
    } else if (!object_id_append_dotted(out, id)) {
        out->size = start;
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_byte(out, '"');
}

static void append_public_key(struct buffer *out, const struct certificate *certificate)
{
    const struct public_key *key = &certificate->public_key;
    if (!key->algorithm.data) {
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_string(out, "{\"type\":");
    append_object(out, key->type, key->algorithm);
    if (key->bits) {
        buffer_append_string(out, ",\"bits\":");
        buffer_append_unsigned(out, key->bits);
    }
    if (public_key_is_on_curve(key)) {
        buffer_append_string(out, ",\"curve\":");
        append_object(out, key->curve_name, key->curve);
    }
    buffer_append_string(out, ",\"spki_sha256\":\"");
    certificate_value_append_fingerprint(out, certificate->public_key_sha256, SHA256_SIZE);
    buffer_append_string(out, "\"}");
}

/* Where there is no certificate there is no fingerprint: that of the empty string is none. */
static void append_fingerprint(struct buffer *out, const struct certificate *certificate,
                               const uint8_t *digest, size_t size)
{
    if (!certificate->der.size) {
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_byte(out, '"');
    certificate_value_append_fingerprint(out, digest, size);
    buffer_append_byte(out, '"');
}

static void append_tbs_digest(struct buffer *out, const struct certificate *certificate)
{
    if (!certificate->has_tbs_sha256) {
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_byte(out, '"');
    certificate_value_append_fingerprint(out, certificate->tbs_sha256, SHA256_SIZE);
    buffer_append_byte(out, '"');
}

static void write_certstream(struct buffer *out, const struct certificate *certificate, bool as_der)
{
    buffer_append_string(out, "{\"all_domains\":");
    certificate_json_write_domains(out, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    buffer_append_string(out, ",\"all_ips\":");
    append_addresses(out, certificate);
    buffer_append_string(out, ",\"extensions\":");
    append_extensions(out, certificate);
    buffer_append_string(out, ",\"fingerprint\":");
    append_fingerprint(out, certificate, certificate->sha1, SHA1_SIZE);
    buffer_append_string(out, ",\"is_ca\":");
    buffer_append_string(out, certificate->is_ca ? "true" : "false");
    buffer_append_string(out, ",\"issuer\":");
    append_name(out, &certificate->issuer_name);
    buffer_append_string(out, ",\"not_after\":");
    certificate_value_append_time(out, certificate->not_after);
    buffer_append_string(out, ",\"not_before\":");
    certificate_value_append_time(out, certificate->not_before);
    buffer_append_string(out, ",\"public_key\":");
    append_public_key(out, certificate);
    buffer_append_string(out, ",\"serial_number\":");
    certificate_value_append_serial(out, certificate->serial);
    buffer_append_string(out, ",\"sha1\":");
    append_fingerprint(out, certificate, certificate->sha1, SHA1_SIZE);
    buffer_append_string(out, ",\"sha256\":");
    append_fingerprint(out, certificate, certificate->sha256, SHA256_SIZE);
    buffer_append_string(out, ",\"signature_algorithm\":");
    certificate_value_append_signature_algorithm(out, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    buffer_append_string(out, ",\"subject\":");
    append_name(out, &certificate->subject_name);
    buffer_append_string(out, ",\"tbs_sha256\":");
    append_tbs_digest(out, certificate);
    if (as_der) {
        buffer_append_string(out, ",\"as_der\":\"");
        base64_encode(out, certificate->der);
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, '}');
}

void certificate_json_write(struct buffer *out, const struct certificate *certificate,
                            enum certificate_dialect dialect, bool as_der)
{
    switch (dialect) {
    case CERTIFICATE_DIALECT_CERTSTREAM: write_certstream(out, certificate, as_der); return;
    case CERTIFICATE_DIALECT_GO: certificate_json_go_write(out, certificate, as_der); return;
    }
}

void certificate_json_write_domains(struct buffer *out, const struct certificate *certificate,
                                    enum certificate_dialect dialect)
{
    if (dialect == CERTIFICATE_DIALECT_GO) {
        certificate_json_go_write_domains(out, certificate, false);
        return;
    }
    const struct name_set *domains = &certificate->domains;
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < domains->count; i++) {
        if (i)
            buffer_append_byte(out, ',');
        buffer_append_byte(out, '"');
        json_escape(out, domains->names[i]);
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, ']');
}

static void write_null_name(struct json_writer *writer, const char *key)
{
    json_key(writer, key);
    json_begin_object(writer);
    for (size_t i = 0; i < NAME_ATTRIBUTE_COUNT; i++) {
        json_key(writer, name_attribute_key((enum name_attribute)i));
        json_null(writer);
    }
    json_key(writer, "email_address");
    json_null(writer);
    json_key(writer, "aggregated");
    json_null(writer);
    json_end_object(writer);
}

void certificate_json_write_missing(struct buffer *out, const uint8_t *sha256)
{
    static const char *const nulls[] = { "not_before",  "not_after",  "serial_number",
                                         "fingerprint", "sha1",       "signature_algorithm",
                                         "is_ca",       "public_key", "tbs_sha256",
                                         "as_der" };
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    write_null_name(&writer, "subject");
    write_null_name(&writer, "issuer");
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
        json_key(&writer, nulls[i]);
        json_null(&writer);
    }
    buffer_append_string(out, ",\"sha256\":\"");
    certificate_value_append_fingerprint(out, sha256, SHA256_SIZE);
    buffer_append_byte(out, '"');
    json_key(&writer, "all_domains");
    json_begin_array(&writer);
    json_end_array(&writer);
    json_key(&writer, "all_ips");
    json_begin_array(&writer);
    json_end_array(&writer);
    json_key(&writer, "extensions");
    json_begin_object(&writer);
    json_end_object(&writer);
    json_end_object(&writer);
}
