#include "shared/x509/distinguished_name.h"

#include "shared/x509/der.h"
#include "shared/x509/object_id.h"

static const char digits[] = "0123456789ABCDEF";

struct name_walk name_walk_of(struct bytes sets)
{
    return (struct name_walk){ .sets = reader_of(sets) };
}

struct name_walk name_walk_of_set(struct bytes parts)
{
    return (struct name_walk){ .parts = reader_of(parts), .begins_set = true };
}

bool name_walk_ok(const struct name_walk *walk)
{
    return !walk->malformed;
}

/* Enters the next relative distinguished name. The constructed bit is not insisted on: there are
 * names without. */
static bool enter_set(struct name_walk *walk)
{
    struct der_element set = { 0 };
    bool readable = der_next(&walk->sets, &set);
    walk->malformed = walk->malformed || !readable || (set.tag | DER_CONSTRUCTED) != DER_SET;
    walk->parts = reader_of(set.content);
    walk->begins_set = true;
    return readable;
}

static bool read_part(struct name_walk *walk, struct name_part *part)
{
    struct der_element element = { 0 };
    struct der_element value = { 0 };
    (void)der_next(&walk->parts, &element);
    struct reader pair = reader_of(element.content);
    part->type = der_take(&pair, DER_OBJECT_ID);
    (void)der_next(&pair, &value);
    part->text = (struct asn1_text){ value.tag, value.content };
    part->begins_set = walk->begins_set;
    walk->begins_set = false;
    return reader_ok(&pair) && element.tag == DER_SEQUENCE;
}

bool name_walk_next(struct name_walk *walk, struct name_part *part)
{
    for (;;) {
        while (!walk->parts.remaining)
            if (!walk->sets.remaining || !enter_set(walk))
                return false;
        if (read_part(walk, part))
            return true;
        walk->malformed = true;
    }
}

enum name_attribute name_attribute_of(struct bytes type)
{
    static const uint8_t email[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 };
    if (type.size == 3 && type.data[0] == 0x55 && type.data[1] == 0x04) {
        switch (type.data[2]) {
        case 3: return NAME_CN;
        case 6: return NAME_C;
        case 7: return NAME_L;
        case 8: return NAME_ST;
        case 10: return NAME_O;
        case 11: return NAME_OU;
        default: return NAME_ATTRIBUTE_COUNT;
        }
    }
    return bytes_equal(type, bytes_of(email, sizeof email)) ? NAME_EMAIL : NAME_ATTRIBUTE_COUNT;
}

const char *name_attribute_key(enum name_attribute attribute)
{
    static const char *const keys[NAME_ATTRIBUTE_COUNT] = {
        [NAME_C] = "C",
        [NAME_CN] = "CN",
        [NAME_L] = "L",
        [NAME_O] = "O",
        [NAME_OU] = "OU",
        [NAME_ST] = "ST",
        [NAME_EMAIL] = "emailAddress",
    };
    return keys[attribute];
}

static bool is_printable(uint8_t character)
{
    return character >= ' ' && character <= '~';
}

static void append_hex_pair(struct buffer *out, uint8_t byte)
{
    buffer_append_byte(out, (uint8_t)digits[byte >> 4]);
    buffer_append_byte(out, (uint8_t)digits[byte & 15]);
}

static void append_slash_escaped(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '/' || byte == '+')
            buffer_append_byte(out, '\\');
        if (is_printable(byte)) {
            buffer_append_byte(out, byte);
            continue;
        }
        buffer_append(out, "\\x", 2);
        append_hex_pair(out, byte);
    }
}

/* A separator and a type; nothing if the type cannot be read. */
static bool append_type(struct buffer *out, const char *separator, struct bytes type)
{
    size_t start = out->size;
    buffer_append_string(out, separator);
    bool readable = object_id_append_short(out, type);
    if (!readable)
        out->size = start;
    return readable;
}

bool name_append_slashed(struct buffer *out, struct name_walk walk)
{
    struct name_part part;
    struct buffer joined;
    buffer_init(&joined, out->limit);
    bool readable = true;
    while (readable && name_walk_next(&walk, &part)) {
        readable = append_type(out, part.begins_set ? "/" : "+", part.type);
        if (!readable)
            continue;
        buffer_append_byte(out, '=');
        append_slash_escaped(out, asn1_text_join(part.text, &joined).value);
    }
    buffer_free(&joined);
    return readable && name_walk_ok(&walk);
}

static bool needs_quotes(struct bytes text)
{
    if (!text.size)
        return false;
    bool edge = text.data[0] == ' ' || text.data[0] == '#' || text.data[text.size - 1] == ' ';
    for (size_t i = 0; i < text.size && !edge; i++)
        edge = text.data[i] && strchr(",+<>;", text.data[i]);
    return edge;
}

/* RFC 2253 section 2.4, as OpenSSL does it with ASN1_STRFLGS_ESC_QUOTE. */
static void append_escaped(struct buffer *out, struct bytes text)
{
    bool quoted = needs_quotes(text);
    if (quoted)
        buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (!is_printable(byte) || byte == '"' || byte == '\\')
            buffer_append_byte(out, '\\');
        if (is_printable(byte))
            buffer_append_byte(out, byte);
        else
            append_hex_pair(out, byte);
    }
    if (quoted)
        buffer_append_byte(out, '"');
}

/* What OpenSSL takes for text; times as well. */
static bool is_text(uint8_t tag)
{
    static const uint8_t tags[] = { 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1c, 0x1e };
    return memchr(tags, tag, sizeof tags) != NULL;
}

/* RFC 2253 section 2.4: a value that is no text, as # and its encoding. */
static void append_encoding(struct buffer *out, struct asn1_text text)
{
    buffer_append_byte(out, '#');
    append_hex_pair(out, text.tag);
    size_t size = text.value.size;
    if (size < 0x80) {
        append_hex_pair(out, (uint8_t)size);
    } else {
        unsigned width = 1;
        while (width < sizeof size && size >> (8 * width))
            width++;
        append_hex_pair(out, (uint8_t)(0x80 | width));
        while (width-- > 0)
            append_hex_pair(out, (uint8_t)(size >> (8 * width)));
    }
    for (size_t i = 0; i < size; i++)
        append_hex_pair(out, text.value.data[i]);
}

/* Only names of distribution points come here, and of them only the few that are not plain are
 * copied. */
static void append_value(struct buffer *out, struct asn1_text text)
{
    struct buffer converted, joined;
    buffer_init(&joined, out->limit);
    buffer_init(&converted, out->limit);
    text = asn1_text_join(text, &joined);
    if (!is_text(text.tag)) {
        append_encoding(out, text);
    } else if (asn1_text_is_plain(text.tag)) {
        append_escaped(out, text.value);
    } else {
        asn1_text_append(&converted, text);
        append_escaped(out, buffer_bytes(&converted));
    }
    buffer_free(&converted);
    buffer_free(&joined);
}

bool name_append_comma_separated(struct buffer *out, struct name_walk walk)
{
    struct name_part part;
    for (bool is_first = true; name_walk_next(&walk, &part); is_first = false) {
        const char *separator = is_first ? "" : part.begins_set ? ", " : " + ";
        if (!append_type(out, separator, part.type))
            return false;
        buffer_append_string(out, " = ");
        append_value(out, part.text);
    }
    return name_walk_ok(&walk);
}
