#include "shared/message/certificate_json_go.h"

#include "shared/base/base64.h"
#include "shared/json/json_go_escape.h"
#include "shared/message/certificate_value.h"
#include "shared/x509/asn1_text.h"
#include "shared/x509/certificate_fields.h"
#include "shared/x509/der.h"
#include "shared/x509/general_name.h"
#include "shared/x509/object_id.h"

static const char digits[] = "0123456789abcdef";

/* Go takes T61String as it is and knows no UniversalString; only BMPString is converted. */
static void escape_text(struct buffer *out, struct asn1_text text)
{
    if (asn1_text_is_plain(text.tag) || text.tag == DER_T61_STRING) {
        json_go_escape(out, text.value, false);
        return;
    }
    struct buffer converted;
    buffer_init(&converted, out->limit);
    asn1_text_append(&converted, text);
    json_go_escape(out, buffer_bytes(&converted), false);
    buffer_free(&converted);
}

static bool is_known_text(const struct name_part *part)
{
    return part->text.tag != DER_UNIVERSAL_STRING;
}

/* All values of the attribute, joined with commas, as the inside of a string; no comma as long as
 * nothing but empty values came. False if there is none. */
static bool append_joined(struct buffer *out, struct bytes sets, enum name_attribute attribute)
{
    struct name_walk walk = name_walk_of(sets);
    struct name_part part;
    size_t start = out->size;
    bool any = false;
    while (name_walk_next(&walk, &part)) {
        if (name_attribute_of(part.type) != attribute || !is_known_text(&part))
            continue;
        if (out->size > start)
            buffer_append_byte(out, ',');
        escape_text(out, part.text);
        any = true;
    }
    return any;
}

/* One attribute as the inside of a string; false if there is none. The common name is the last one,
 * and always there. */
static bool append_attribute(struct buffer *out, const struct certificate_name *name,
                             enum name_attribute attribute)
{
    if (attribute != NAME_CN)
        return append_joined(out, name->sets, attribute);
    if (name->attributes[NAME_CN].value.data &&
        name->attributes[NAME_CN].tag != DER_UNIVERSAL_STRING)
        escape_text(out, name->attributes[NAME_CN]);
    return true;
}

static void append_member(struct buffer *out, const struct certificate_name *name,
                          enum name_attribute attribute)
{
    buffer_append_byte(out, '"');
    buffer_append_string(out, name_attribute_key(attribute));
    buffer_append_string(out, "\":\"");
    if (append_attribute(out, name, attribute)) {
        buffer_append_string(out, "\",");
        return;
    }
    if (!out->failed)
        out->size--;
    buffer_append_string(out, "null,");
}

static void append_aggregated(struct buffer *out, const struct certificate_name *name,
                              enum name_attribute attribute)
{
    size_t start = out->size;
    buffer_append_byte(out, '/');
    buffer_append_string(out, name_attribute_key(attribute));
    buffer_append_byte(out, '=');
    if (!append_attribute(out, name, attribute))
        out->size = start;
}

static void append_name(struct buffer *out, const struct certificate_name *name)
{
    buffer_append_byte(out, '{');
    for (enum name_attribute attribute = NAME_C; attribute <= NAME_ST; attribute++)
        append_member(out, name, attribute);
    buffer_append_string(out, "\"aggregated\":\"");
    for (enum name_attribute attribute = NAME_C; attribute <= NAME_ST; attribute++)
        append_aggregated(out, name, attribute);
    buffer_append_string(out, "\",\"email_address\":null}");
}

enum {
    IPV6_FIELDS = 8
};

struct zero_run {
    size_t start;
    size_t size;
};

/* The longest run of zero fields, the first of equals; a single one is none (RFC 5952 section
 * 4.2). */
static struct zero_run find_zero_run(const unsigned *fields)
{
    struct zero_run best = { IPV6_FIELDS, 1 };
    for (size_t start = 0; start < IPV6_FIELDS; start++) {
        size_t size = 0;
        while (start + size < IPV6_FIELDS && !fields[start + size])
            size++;
        if (size > best.size)
            best = (struct zero_run){ start, size };
    }
    return best;
}

static void append_ipv6(struct buffer *out, struct bytes address)
{
    unsigned fields[IPV6_FIELDS];
    struct reader reader = reader_of(address);
    for (size_t i = 0; i < IPV6_FIELDS; i++)
        fields[i] = (unsigned)reader_integer(&reader, 2);
    struct zero_run zeros = find_zero_run(fields);
    for (size_t i = 0; i < IPV6_FIELDS; i++) {
        if (i == zeros.start) {
            buffer_append_string(out, "::");
            i += zeros.size - 1;
            continue;
        }
        if (i && i != zeros.start + zeros.size)
            buffer_append_byte(out, ':');
        buffer_append_format(out, "%x", fields[i]);
    }
}

/* Writes what Go's net.IP.String does: an IPv4 address mapped to IPv6 (RFC 4291 section 2.5.5.2) is
 * written as IPv4. */
static void append_ip(struct buffer *out, struct bytes address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (address.size == 16 && memcmp(address.data, mapped, sizeof mapped) == 0)
        address = bytes_of(address.data + sizeof mapped, 4);
    if (address.size == 16) {
        append_ipv6(out, address);
        return;
    }
    for (size_t i = 0; i < address.size; i++) {
        if (i)
            buffer_append_byte(out, '.');
        buffer_append_unsigned(out, address.data[i]);
    }
}

static bool is_ip(const struct der_element *name)
{
    return name->content.size == 4 || name->content.size == 16;
}

static void append_alt_name(struct buffer *out, const struct der_element *name, const char *label)
{
    buffer_append_string(out, label);
    if (name->tag == GENERAL_NAME_IP)
        append_ip(out, name->content);
    else
        json_go_escape(out, name->content, false);
}

/* The names of one type out of all extensions of the kind. `start`: where the list begins. */
static void append_names(struct buffer *out, const struct certificate *certificate, uint8_t tag,
                         const char *label, size_t start)
{
    for (size_t i = 0; i < certificate->extension_count; i++) {
        if (certificate->extensions[i].kind != EXTENSION_SUBJECT_ALT_NAME)
            continue;
        struct reader outer = reader_of(certificate->extensions[i].value);
        struct reader names = der_enter(&outer, DER_SEQUENCE);
        struct der_element name = { 0 };
        while (names.remaining && der_next(&names, &name)) {
            if (name.tag != tag || (tag == GENERAL_NAME_IP && !is_ip(&name)))
                continue;
            if (out->size > start)
                buffer_append_string(out, ", ");
            append_alt_name(out, &name, label);
        }
    }
}

static void append_subject_alt_name(struct buffer *out, const struct certificate *certificate)
{
    size_t start = out->size;
    append_names(out, certificate, GENERAL_NAME_DNS, "DNS:", start);
    append_names(out, certificate, GENERAL_NAME_EMAIL, "email:", start);
    append_names(out, certificate, GENERAL_NAME_IP, "IP Address:", start);
}

/* `last`: the last arc of the access method, 1 for OCSP, 2 for the issuers (RFC 5280 section
 * 4.2.2.1). */
static void append_locations(struct buffer *out, struct bytes value, uint8_t last, size_t start)
{
    static const uint8_t arc[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30 };
    struct reader outer = reader_of(value);
    struct reader descriptions = der_enter(&outer, DER_SEQUENCE);
    while (descriptions.remaining) {
        struct reader description = der_enter(&descriptions, DER_SEQUENCE);
        struct bytes method = der_take(&description, DER_OBJECT_ID);
        struct der_element location = { 0 };
        if (!der_next(&description, &location) || location.tag != GENERAL_NAME_URI)
            continue;
        if (method.size != sizeof arc + 1 || memcmp(method.data, arc, sizeof arc) != 0 ||
            method.data[sizeof arc] != last)
            continue;
        if (out->size > start)
            buffer_append_string(out, ", ");
        buffer_append_string(out, "URI:");
        json_go_escape(out, location.content, false);
    }
}

static void append_authority_info_access(struct buffer *out, const struct certificate *certificate)
{
    size_t start = out->size;
    for (uint8_t last = 2; last >= 1; last--)
        for (size_t i = 0; i < certificate->extension_count; i++)
            if (certificate->extensions[i].kind == EXTENSION_AUTHORITY_INFO_ACCESS)
                append_locations(out, certificate->extensions[i].value, last, start);
}

static void append_key_identifier(struct buffer *out, struct bytes identifier)
{
    buffer_append_string(out, "keyid:");
    for (size_t i = 0; i < identifier.size; i++) {
        if (i)
            buffer_append_byte(out, ':');
        buffer_append_byte(out, (uint8_t)digits[identifier.data[i] >> 4]);
        buffer_append_byte(out, (uint8_t)digits[identifier.data[i] & 15]);
    }
}

/* The value of the last extension of the kind. */
static struct bytes last_value(const struct certificate *certificate,
                               enum certificate_extension_kind kind)
{
    for (size_t i = certificate->extension_count; i > 0; i--)
        if (certificate->extensions[i - 1].kind == kind)
            return certificate->extensions[i - 1].value;
    return (struct bytes){ 0 };
}

static void append_authority_key_identifier(struct buffer *out,
                                            const struct certificate *certificate)
{
    struct reader outer = reader_of(last_value(certificate, EXTENSION_AUTHORITY_KEY_IDENTIFIER));
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    append_key_identifier(out, der_take(&inside, DER_CONTEXT | 0));
}

static void append_subject_key_identifier(struct buffer *out, const struct certificate *certificate)
{
    struct reader reader = reader_of(last_value(certificate, EXTENSION_SUBJECT_KEY_IDENTIFIER));
    append_key_identifier(out, der_take(&reader, DER_OCTET_STRING));
}

static void append_basic_constraints(struct buffer *out, const struct certificate *certificate)
{
    buffer_append_string(out, certificate->is_ca ? "CA:TRUE" : "CA:FALSE");
}

static void append_certificate_policies(struct buffer *out, const struct certificate *certificate)
{
    struct reader outer = reader_of(last_value(certificate, EXTENSION_CERTIFICATE_POLICIES));
    struct reader policies = der_enter(&outer, DER_SEQUENCE);
    while (policies.remaining) {
        struct reader policy = der_enter(&policies, DER_SEQUENCE);
        buffer_append_string(out, "Policy: ");
        (void)object_id_append_dotted(out, der_take(&policy, DER_OBJECT_ID));
        buffer_append_string(out, "\\n");
    }
}

static void append_key_usage(struct buffer *out, const struct certificate *certificate)
{
    static const char *const names[] = {
        "Digital Signature", "Content Commitment", "Key Encipherment",
        "Data Encipherment", "Key Agreement",      "Certificate Signing",
        "CRL Signing",       "Encipher Only",      "Decipher Only",
    };
    struct reader reader = reader_of(last_value(certificate, EXTENSION_KEY_USAGE));
    struct bytes bits = der_take(&reader, DER_BIT_STRING);
    size_t start = out->size;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!certificate_extension_has_bit(bits, i))
            continue;
        if (out->size > start)
            buffer_append_string(out, ", ");
        buffer_append_string(out, names[i]);
    }
}

struct extension_writer {
    enum certificate_extension_kind kind;
    void (*append)(struct buffer *out, const struct certificate *certificate);
};

static const struct extension_writer writers[] = {
    { EXTENSION_AUTHORITY_INFO_ACCESS, append_authority_info_access },
    { EXTENSION_AUTHORITY_KEY_IDENTIFIER, append_authority_key_identifier },
    { EXTENSION_BASIC_CONSTRAINTS, append_basic_constraints },
    { EXTENSION_CERTIFICATE_POLICIES, append_certificate_policies },
    { EXTENSION_KEY_USAGE, append_key_usage },
    { EXTENSION_SUBJECT_ALT_NAME, append_subject_alt_name },
    { EXTENSION_SUBJECT_KEY_IDENTIFIER, append_subject_key_identifier },
};

static void append_extensions(struct buffer *out, const struct certificate *certificate)
{
    buffer_append_byte(out, '{');
    size_t start = out->size;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        if (!certificate->texts[writers[i].kind].is_present)
            continue;
        buffer_append_byte(out, '"');
        buffer_append_string(out, certificate_extension_key(writers[i].kind));
        buffer_append_string(out, "\":\"");
        writers[i].append(out, certificate);
        buffer_append_string(out, "\",");
    }
    if (certificate->texts[EXTENSION_POISON].is_present)
        buffer_append_string(out, "\"ctlPoisonByte\":true,");
    if (out->size > start)
        out->size--;
    buffer_append_byte(out, '}');
}

/* The common name as Go would hold it, in UTF-8. */
static struct bytes go_common_name(const struct certificate *certificate)
{
    struct asn1_text text = certificate->subject_name.attributes[NAME_CN];
    if (text.tag == DER_UNIVERSAL_STRING)
        return (struct bytes){ 0 };
    return text.tag == DER_T61_STRING ? text.value : certificate->common_name;
}

static void append_domain(struct buffer *out, struct bytes domain, bool html)
{
    buffer_append_byte(out, '"');
    json_go_escape(out, domain, html);
    buffer_append_string(out, "\",");
}

/* The dNSNames of one extension. True if `common_name` is among them. */
static bool append_dns_names(struct buffer *out, struct bytes value, struct bytes common_name,
                             bool html)
{
    struct reader outer = reader_of(value);
    struct reader names = der_enter(&outer, DER_SEQUENCE);
    struct der_element name = { 0 };
    bool found = false;
    while (names.remaining && der_next(&names, &name)) {
        if (name.tag != GENERAL_NAME_DNS)
            continue;
        found = found || bytes_equal(name.content, common_name);
        append_domain(out, name.content, html);
    }
    return found;
}

void certificate_json_go_write_domains(struct buffer *out, const struct certificate *certificate,
                                       bool html)
{
    struct bytes common_name = go_common_name(certificate);
    bool add_common_name = common_name.size && !certificate->is_ca;
    buffer_append_byte(out, '[');
    size_t start = out->size;
    for (size_t i = 0; i < certificate->extension_count; i++)
        if (certificate->extensions[i].kind == EXTENSION_SUBJECT_ALT_NAME &&
            append_dns_names(out, certificate->extensions[i].value, common_name, html))
            add_common_name = false;
    if (add_common_name)
        append_domain(out, common_name, html);
    if (out->size > start)
        out->size--;
    buffer_append_byte(out, ']');
}

void certificate_json_go_write(struct buffer *out, const struct certificate *certificate,
                               bool as_der)
{
    buffer_append_string(out, "{\"all_domains\":");
    certificate_json_go_write_domains(out, certificate, false);
    if (as_der) {
        buffer_append_string(out, ",\"as_der\":\"");
        base64_encode(out, certificate->der);
        buffer_append_byte(out, '"');
    }
    buffer_append_string(out, ",\"extensions\":");
    append_extensions(out, certificate);
    buffer_append_string(out, ",\"fingerprint\":\"");
    certificate_value_append_fingerprint(out, certificate->sha1, SHA1_SIZE);
    buffer_append_string(out, "\",\"sha1\":\"");
    certificate_value_append_fingerprint(out, certificate->sha1, SHA1_SIZE);
    buffer_append_string(out, "\",\"sha256\":\"");
    certificate_value_append_fingerprint(out, certificate->sha256, SHA256_SIZE);
    buffer_append_string(out, "\",\"not_after\":");
    certificate_value_append_time(out, certificate->not_after);
    buffer_append_string(out, ",\"not_before\":");
    certificate_value_append_time(out, certificate->not_before);
    buffer_append_string(out, ",\"serial_number\":");
    certificate_value_append_serial(out, certificate->serial);
    buffer_append_string(out, ",\"signature_algorithm\":");
    certificate_value_append_signature_algorithm(out, certificate, CERTIFICATE_DIALECT_GO);
    buffer_append_string(out, ",\"subject\":");
    append_name(out, &certificate->subject_name);
    buffer_append_string(out, ",\"issuer\":");
    append_name(out, &certificate->issuer_name);
    buffer_append_string(out, ",\"is_ca\":");
    buffer_append_string(out, certificate->is_ca ? "true" : "false");
    buffer_append_byte(out, '}');
}
