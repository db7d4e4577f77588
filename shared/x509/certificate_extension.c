#include "shared/x509/certificate_extension.h"

#include "shared/base/base64.h"
#include "shared/x509/asn1_integer.h"
#include "shared/x509/asn1_text.h"
#include "shared/x509/der.h"
#include "shared/x509/distinguished_name.h"
#include "shared/x509/general_name.h"
#include "shared/x509/object_id.h"

typedef bool (*append_function)(struct buffer *out, struct bytes value);

bool certificate_extension_has_bit(struct bytes bit_string, size_t bit)
{
    if (bit_string.size < 2 || bit_string.data[0] > 7 || bit / 8 >= bit_string.size - 1)
        return false;
    uint8_t octet = bit_string.data[1 + bit / 8];
    if (bit / 8 == bit_string.size - 2)
        octet = (uint8_t)(octet & 0xff << bit_string.data[0]);
    return octet >> (7 - bit % 8) & 1;
}

static bool is_bit_string(struct bytes content)
{
    return content.size >= 1 && content.data[0] <= 7;
}

/* False if none of the named bits is set. */
static bool append_bit_names(struct buffer *out, struct bytes bit_string, const char *const *names,
                             size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!certificate_extension_has_bit(bit_string, i))
            continue;
        if (any)
            buffer_append(out, ", ", 2);
        buffer_append_string(out, names[i]);
        any = true;
    }
    return any;
}

static bool append_key_usage(struct buffer *out, struct bytes value)
{
    static const char *const names[] = {
        "Digital Signature", "Non Repudiation", "Key Encipherment",
        "Data Encipherment", "Key Agreement",   "Certificate Sign",
        "CRL Sign",          "Encipher Only",   "Decipher Only",
    };
    struct reader reader = reader_of(value);
    struct bytes bits = der_take(&reader, DER_BIT_STRING);
    if (!reader_ok(&reader) || !is_bit_string(bits))
        return false;
    (void)append_bit_names(out, bits, names, sizeof names / sizeof *names);
    return true;
}

static bool append_extended_key_usage(struct buffer *out, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader purposes = der_enter(&outer, DER_SEQUENCE);
    struct der_element purpose = { 0 };
    size_t start = out->size;
    bool readable = true;
    while (purposes.remaining && der_next(&purposes, &purpose)) {
        size_t end = out->size;
        if (end > start)
            buffer_append(out, ", ", 2);
        if (purpose.tag != DER_OBJECT_ID || !object_id_append_long(out, purpose.content)) {
            out->size = end;
            readable = false;
        }
    }
    return readable && reader_ok(&outer) && reader_ok(&purposes);
}

bool certificate_extension_read_constraints(struct basic_constraints *constraints,
                                            struct bytes value)
{
    *constraints = (struct basic_constraints){ 0 };
    struct reader outer = reader_of(value);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    if (der_is_next(&inside, DER_BOOLEAN)) {
        struct bytes flag = der_take(&inside, DER_BOOLEAN);
        if (flag.size != 1)
            return false;
        constraints->is_ca = flag.data[0] != 0;
    }
    if (der_is_next(&inside, DER_INTEGER))
        constraints->path_length = der_take(&inside, DER_INTEGER);
    return reader_finished(&inside) && reader_ok(&outer);
}

static void append_hex(struct buffer *out, struct bytes bytes, const char *separator)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.size; i++) {
        if (i)
            buffer_append_string(out, separator);
        const char pair[2] = { digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15] };
        buffer_append(out, pair, sizeof pair);
    }
}

static bool append_basic_constraints(struct buffer *out, struct bytes value)
{
    struct basic_constraints constraints;
    bool readable = certificate_extension_read_constraints(&constraints, value);
    if (!readable)
        return false;
    buffer_append_string(out, constraints.is_ca ? "CA:TRUE" : "CA:FALSE");
    if (constraints.path_length.data) {
        buffer_append_string(out, ", pathlen:");
        asn1_integer_append_decimal(out, constraints.path_length);
    }
    return true;
}

/* An OCTET STRING with the tag `tag`, or the same in pieces. */
static bool append_octets(struct buffer *out, struct reader *reader, uint8_t tag)
{
    if (!der_is_next(reader, tag | DER_CONSTRUCTED)) {
        append_hex(out, der_take(reader, tag), ":");
        return reader_ok(reader);
    }
    struct buffer joined;
    buffer_init(&joined, out->limit);
    bool readable = der_append_pieces(&joined, der_take(reader, tag | DER_CONSTRUCTED));
    append_hex(out, buffer_bytes(&joined), ":");
    buffer_free(&joined);
    return readable;
}

static bool append_subject_key_identifier(struct buffer *out, struct bytes value)
{
    struct reader reader = reader_of(value);
    return append_octets(out, &reader, DER_OCTET_STRING);
}

static bool append_authority_key_identifier(struct buffer *out, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    if (der_is_next(&inside, DER_CONTEXT | 0) ||
        der_is_next(&inside, DER_CONTEXT_CONSTRUCTED | 0)) {
        buffer_append_string(out, "keyid:");
        if (!append_octets(out, &inside, DER_CONTEXT | 0))
            reader_fail(&inside);
        buffer_append_byte(out, '\n');
    }
    if (der_is_next(&inside, DER_CONTEXT_CONSTRUCTED | 1)) {
        struct bytes names = der_take(&inside, DER_CONTEXT_CONSTRUCTED | 1);
        if (!general_names_append(out, names, "\n", GENERAL_NAME_LISTED))
            return false;
        if (names.size)
            buffer_append_byte(out, '\n');
    }
    if (der_is_next(&inside, DER_CONTEXT | 2)) {
        buffer_append_string(out, "serial:");
        asn1_integer_append_hex(out, der_take(&inside, DER_CONTEXT | 2), ":");
        buffer_append_byte(out, '\n');
    }
    return reader_finished(&inside) && reader_ok(&outer);
}

static bool append_access_description(struct buffer *out, struct reader description)
{
    struct der_element location = { 0 };
    struct bytes method = der_take(&description, DER_OBJECT_ID);
    if (!der_next(&description, &location) || !object_id_append_long(out, method))
        return false;
    buffer_append(out, " - ", 3);
    bool readable = general_name_append(out, &location, GENERAL_NAME_LISTED);
    buffer_append_byte(out, '\n');
    return readable && reader_finished(&description);
}

static bool append_authority_info_access(struct buffer *out, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader descriptions = der_enter(&outer, DER_SEQUENCE);
    while (descriptions.remaining)
        if (!append_access_description(out, der_enter(&descriptions, DER_SEQUENCE)))
            return false;
    return reader_ok(&outer) && reader_ok(&descriptions);
}

static bool append_alt_names(struct buffer *out, struct bytes value)
{
    struct reader reader = reader_of(value);
    struct bytes names = der_take(&reader, DER_SEQUENCE);
    return general_names_append(out, names, ", ", GENERAL_NAME_LISTED) && reader_ok(&reader);
}

static bool append_notice_reference(struct buffer *out, struct reader reference)
{
    struct der_element organization = { 0 };
    if (!der_next(&reference, &organization))
        return false;
    buffer_append_string(out, "    Organization: ");
    asn1_text_append(out, (struct asn1_text){ organization.tag, organization.content });
    struct reader numbers = der_enter(&reference, DER_SEQUENCE);
    struct reader peek = numbers;
    (void)der_take(&peek, DER_INTEGER);
    buffer_append_string(out, peek.remaining ? "\n    Numbers: " : "\n    Number: ");
    for (bool is_first = true; der_is_next(&numbers, DER_INTEGER); is_first = false) {
        if (!is_first)
            buffer_append(out, ", ", 2);
        asn1_integer_append_decimal(out, der_take(&numbers, DER_INTEGER));
    }
    buffer_append_byte(out, '\n');
    return reader_finished(&numbers) && reader_finished(&reference);
}

/* RFC 5280 section 4.2.1.4: both members may be missing. */
static bool append_user_notice(struct buffer *out, struct reader notice)
{
    buffer_append_string(out, "  User Notice:\n");
    if (der_is_next(&notice, DER_SEQUENCE) &&
        !append_notice_reference(out, der_enter(&notice, DER_SEQUENCE)))
        return false;
    if (notice.remaining) {
        struct der_element text = { 0 };
        if (!der_next(&notice, &text))
            return false;
        buffer_append_string(out, "    Explicit Text: ");
        asn1_text_append(out, (struct asn1_text){ text.tag, text.content });
        buffer_append_byte(out, '\n');
    }
    return reader_finished(&notice);
}

static bool append_policy_qualifier(struct buffer *out, struct reader qualifier)
{
    /* id-qt-cps and id-qt-unotice: 1.3.6.1.5.5.7.2.1 and .2 */
    static const uint8_t arc[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02 };
    struct bytes id = der_take(&qualifier, DER_OBJECT_ID);
    bool is_ours = id.size == sizeof arc + 1 && memcmp(id.data, arc, sizeof arc) == 0;
    if (is_ours && id.data[sizeof arc] == 2)
        return append_user_notice(out, der_enter(&qualifier, DER_SEQUENCE)) &&
               reader_finished(&qualifier);
    struct der_element value = { 0 };
    bool has_value = qualifier.remaining && der_next(&qualifier, &value);
    if (is_ours && id.data[sizeof arc] == 1) {
        buffer_append_string(out, "  CPS: ");
        asn1_text_append(out, (struct asn1_text){ value.tag, value.content });
        buffer_append_byte(out, '\n');
        return has_value && reader_finished(&qualifier);
    }
    buffer_append_string(out, "    Unknown Qualifier: ");
    bool readable = object_id_append_long(out, id);
    buffer_append_byte(out, '\n');
    return readable && reader_finished(&qualifier);
}

static bool append_policy(struct buffer *out, struct reader policy)
{
    buffer_append_string(out, "Policy: ");
    bool readable = object_id_append_long(out, der_take(&policy, DER_OBJECT_ID));
    buffer_append_byte(out, '\n');
    if (!readable || !policy.remaining)
        return readable;
    struct reader qualifiers = der_enter(&policy, DER_SEQUENCE);
    while (qualifiers.remaining)
        if (!append_policy_qualifier(out, der_enter(&qualifiers, DER_SEQUENCE)))
            return false;
    return reader_ok(&qualifiers) && reader_finished(&policy);
}

static bool append_certificate_policies(struct buffer *out, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader policies = der_enter(&outer, DER_SEQUENCE);
    while (policies.remaining)
        if (!append_policy(out, der_enter(&policies, DER_SEQUENCE)))
            return false;
    return reader_ok(&outer) && reader_ok(&policies);
}

static bool append_point_name(struct buffer *out, struct reader name)
{
    struct der_element element = { 0 };
    if (!der_next(&name, &element))
        return false;
    bool readable = false;
    if (element.tag == (DER_CONTEXT_CONSTRUCTED | 0)) {
        buffer_append_string(out, "Full Name:\n  ");
        readable = general_names_append(out, element.content, "\n  ", GENERAL_NAME_PRINTED);
    } else if (element.tag == (DER_CONTEXT_CONSTRUCTED | 1)) {
        buffer_append_string(out, "Relative Name:\n  ");
        readable = name_append_comma_separated(out, name_walk_of_set(element.content));
    }
    buffer_append_byte(out, '\n');
    return readable && reader_finished(&name);
}

static bool append_reasons(struct buffer *out, struct bytes bits)
{
    static const char *const names[] = {
        "Unused",        "Key Compromise",         "CA Compromise",    "Affiliation Changed",
        "Superseded",    "Cessation Of Operation", "Certificate Hold", "Privilege Withdrawn",
        "AA Compromise",
    };
    buffer_append_string(out, "Reasons:\n  ");
    if (!append_bit_names(out, bits, names, sizeof names / sizeof *names))
        buffer_append_string(out, "<EMPTY>");
    buffer_append_byte(out, '\n');
    return is_bit_string(bits);
}

/* RFC 5280 section 4.2.1.13: each member may be missing. */
static bool append_distribution_point(struct buffer *out, struct reader point)
{
    buffer_append_byte(out, '\n');
    if (der_is_next(&point, DER_CONTEXT_CONSTRUCTED | 0) &&
        !append_point_name(out, der_enter(&point, DER_CONTEXT_CONSTRUCTED | 0)))
        return false;
    if (der_is_next(&point, DER_CONTEXT | 1) &&
        !append_reasons(out, der_take(&point, DER_CONTEXT | 1)))
        return false;
    if (der_is_next(&point, DER_CONTEXT_CONSTRUCTED | 2)) {
        buffer_append_string(out, "CRL Issuer:\n  ");
        struct bytes names = der_take(&point, DER_CONTEXT_CONSTRUCTED | 2);
        bool readable = general_names_append(out, names, "\n  ", GENERAL_NAME_PRINTED);
        buffer_append_byte(out, '\n');
        if (!readable)
            return false;
    }
    return reader_finished(&point);
}

static bool append_crl_distribution_points(struct buffer *out, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader points = der_enter(&outer, DER_SEQUENCE);
    while (points.remaining)
        if (!append_distribution_point(out, der_enter(&points, DER_SEQUENCE)))
            return false;
    return reader_ok(&outer) && reader_ok(&points);
}

static bool append_sct_list(struct buffer *out, struct bytes value)
{
    base64_encode_url(out, value);
    return true;
}

static bool append_nothing(struct buffer *out, struct bytes value)
{
    (void)out;
    (void)value;
    return true;
}

struct kind {
    const char *key;
    struct bytes id;
    const char *separator; /* between the texts of several extensions of the kind */
    append_function append;
    bool says_empty; /* OpenSSL has a text for an empty list of this kind */
};

#define ID(text)                                  \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct kind kinds[EXTENSION_KIND_COUNT] = {
    [EXTENSION_AUTHORITY_INFO_ACCESS] = { "authorityInfoAccess",
                                          ID("\x2b\x06\x01\x05\x05\x07\x01\x01"), "",
                                          append_authority_info_access, true },
    [EXTENSION_AUTHORITY_KEY_IDENTIFIER] = { "authorityKeyIdentifier", ID("\x55\x1d\x23"), "",
                                             append_authority_key_identifier, true },
    [EXTENSION_BASIC_CONSTRAINTS] = { "basicConstraints", ID("\x55\x1d\x13"), ", ",
                                      append_basic_constraints, false },
    [EXTENSION_CERTIFICATE_POLICIES] = { "certificatePolicies", ID("\x55\x1d\x20"), "",
                                         append_certificate_policies, false },
    [EXTENSION_CRL_DISTRIBUTION_POINTS] = { "crlDistributionPoints", ID("\x55\x1d\x1f"), "",
                                            append_crl_distribution_points, false },
    [EXTENSION_POISON] = { "ctlPoisonByte", ID("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"), "",
                           append_nothing, false },
    [EXTENSION_SCT_LIST] = { "ctlSignedCertificateTimestamp",
                             ID("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"), ", ", append_sct_list,
                             false },
    [EXTENSION_EXTENDED_KEY_USAGE] = { "extendedKeyUsage", ID("\x55\x1d\x25"), ", ",
                                       append_extended_key_usage, true },
    [EXTENSION_ISSUER_ALT_NAME] = { "issuerAltName", ID("\x55\x1d\x12"), ", ", append_alt_names,
                                    true },
    [EXTENSION_KEY_USAGE] = { "keyUsage", ID("\x55\x1d\x0f"), ", ", append_key_usage, true },
    [EXTENSION_SUBJECT_ALT_NAME] = { "subjectAltName", ID("\x55\x1d\x11"), ", ", append_alt_names,
                                     true },
    [EXTENSION_SUBJECT_KEY_IDENTIFIER] = { "subjectKeyIdentifier", ID("\x55\x1d\x0e"), ", ",
                                           append_subject_key_identifier, false },
};

enum certificate_extension_kind certificate_extension_kind_of(struct bytes id)
{
    if (!id.size)
        return EXTENSION_KIND_COUNT;
    uint8_t last = id.data[id.size - 1];
    for (enum certificate_extension_kind kind = 0; kind < EXTENSION_KIND_COUNT; kind++) {
        struct bytes candidate = kinds[kind].id;
        /* The last octet decides nearly always, so that most rows cost one comparison. */
        if (candidate.data[candidate.size - 1] == last && bytes_equal(candidate, id))
            return kind;
    }
    return EXTENSION_KIND_COUNT;
}

bool certificate_extension_is(enum certificate_extension_kind kind, struct bytes id)
{
    return bytes_equal(kinds[kind].id, id);
}

const char *certificate_extension_key(enum certificate_extension_kind kind)
{
    return kinds[kind].key;
}

bool certificate_extension_append(struct buffer *out, enum certificate_extension_kind kind,
                                  struct bytes value, bool is_first)
{
    size_t end = out->size;
    if (!is_first)
        buffer_append_string(out, kinds[kind].separator);
    size_t start = out->size;
    bool readable = kinds[kind].append(out, value);
    if (readable && kinds[kind].says_empty && out->size == start)
        buffer_append_string(out, "<EMPTY>\n");
    if (!readable && out->size == start)
        out->size = end;
    return readable;
}
