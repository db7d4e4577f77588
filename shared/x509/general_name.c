#include "shared/x509/general_name.h"

#include "shared/x509/distinguished_name.h"
#include "shared/x509/object_id.h"

/* The other names that OpenSSL knows, and the string type each must have. */
struct other_name {
    const char *long_name;
    const char *label;
    uint8_t tag;
};

static const struct other_name other_names[] = {
    { "Smtp UTF8 Mailbox", "SmtpUTF8Mailbox", DER_UTF8_STRING },
    { "XmppAddr", "XmppAddr", DER_UTF8_STRING },
    { "SRVName", "SRVName", DER_IA5_STRING },
    { "Microsoft User Principal Name", "UPN", DER_UTF8_STRING },
    { "NAIRealm", "NAIRealm", DER_UTF8_STRING },
};

static const struct other_name *find_other_name(struct bytes id)
{
    const struct object_id_name *known = object_id_find(id);
    for (size_t i = 0; known && i < sizeof other_names / sizeof *other_names; i++)
        if (strcmp(other_names[i].long_name, known->long_name) == 0)
            return &other_names[i];
    return NULL;
}

static void append_unsupported(struct buffer *out, const char *kind)
{
    buffer_append_string(out, kind);
    buffer_append_string(out, ":<unsupported>");
}

static bool append_other_name(struct buffer *out, struct bytes content, enum general_name_form form)
{
    struct reader reader = reader_of(content);
    struct bytes id = der_take(&reader, DER_OBJECT_ID);
    struct reader inside = der_enter(&reader, DER_CONTEXT_CONSTRUCTED | 0);
    struct der_element value = { 0 };
    if (!der_next(&inside, &value))
        return false;
    const struct other_name *known = find_other_name(id);
    bool is_text = known ? value.tag == known->tag
                         : value.tag == DER_UTF8_STRING || value.tag == DER_IA5_STRING;
    if (form == GENERAL_NAME_PRINTED && (!known || !is_text)) {
        append_unsupported(out, "othername");
        return true;
    }
    buffer_append_string(out, form == GENERAL_NAME_LISTED ? "othername: " : "othername:");
    if (known)
        buffer_append_string(out, known->label);
    else if (!object_id_append_long(out, id))
        return false;
    buffer_append_string(out, form == GENERAL_NAME_LISTED ? "::" : ":");
    if (is_text)
        buffer_append_bytes(out, value.content);
    else
        buffer_append_string(out, "<unsupported>");
    return true;
}

static bool append_directory_name(struct buffer *out, struct bytes content,
                                  enum general_name_form form)
{
    struct reader reader = reader_of(content);
    struct bytes sets = der_take(&reader, DER_SEQUENCE);
    if (!reader_ok(&reader))
        return false;
    buffer_append_string(out, "DirName:");
    if (form == GENERAL_NAME_LISTED)
        return name_append_slashed(out, name_walk_of(sets));
    return name_append_comma_separated(out, name_walk_of(sets));
}

static void append_ip_address(struct buffer *out, struct bytes address)
{
    buffer_append_string(out, "IP Address:");
    if (address.size != 4 && address.size != 16) {
        buffer_append_format(out, "<invalid length=%zu>", address.size);
        return;
    }
    struct reader reader = reader_of(address);
    for (const char *separator = ""; reader.remaining; separator = address.size == 4 ? "." : ":") {
        buffer_append_string(out, separator);
        if (address.size == 4)
            buffer_append_unsigned(out, reader_integer(&reader, 1));
        else
            buffer_append_format(out, "%X", (unsigned)reader_integer(&reader, 2));
    }
}

static void append_labelled(struct buffer *out, const char *label, struct bytes text)
{
    buffer_append_string(out, label);
    buffer_append_bytes(out, text);
}

bool general_name_is_in_pieces(const struct der_element *name)
{
    switch (name->tag ^ DER_CONSTRUCTED) {
    case GENERAL_NAME_EMAIL:
    case GENERAL_NAME_DNS:
    case GENERAL_NAME_URI:
    case GENERAL_NAME_IP: return true;
    default: return false;
    }
}

static bool append_whole(struct buffer *out, const struct der_element *name,
                         enum general_name_form form)
{
    switch (name->tag) {
    case GENERAL_NAME_DNS: append_labelled(out, "DNS:", name->content); return true;
    case GENERAL_NAME_URI: append_labelled(out, "URI:", name->content); return true;
    case GENERAL_NAME_EMAIL: append_labelled(out, "email:", name->content); return true;
    case GENERAL_NAME_IP: append_ip_address(out, name->content); return true;
    case GENERAL_NAME_DIRECTORY: return append_directory_name(out, name->content, form);
    case GENERAL_NAME_OTHER: return append_other_name(out, name->content, form);
    case GENERAL_NAME_X400: append_unsupported(out, "X400Name"); return true;
    case GENERAL_NAME_EDI_PARTY: append_unsupported(out, "EdiPartyName"); return true;
    case GENERAL_NAME_REGISTERED_ID:
        buffer_append_string(out, "Registered ID:");
        return object_id_append_long(out, name->content);
    default: return false;
    }
}

static bool append_joined(struct buffer *out, const struct der_element *name,
                          enum general_name_form form)
{
    struct buffer joined;
    buffer_init(&joined, out->limit);
    bool readable = der_append_pieces(&joined, name->content);
    const struct der_element whole = { .tag = name->tag ^ DER_CONSTRUCTED,
                                       .content = buffer_bytes(&joined) };
    readable = readable && append_whole(out, &whole, form);
    buffer_free(&joined);
    return readable;
}

bool general_name_append(struct buffer *out, const struct der_element *name,
                         enum general_name_form form)
{
    return general_name_is_in_pieces(name) ? append_joined(out, name, form)
                                           : append_whole(out, name, form);
}

bool general_names_append(struct buffer *out, struct bytes names, const char *separator,
                          enum general_name_form form)
{
    struct reader reader = reader_of(names);
    struct der_element name;
    for (bool is_first = true; reader.remaining; is_first = false) {
        if (!der_next(&reader, &name))
            return false;
        size_t end = out->size;
        if (!is_first)
            buffer_append_string(out, separator);
        size_t start = out->size;
        if (!general_name_append(out, &name, form)) {
            if (out->size == start)
                out->size = end;
            return false;
        }
    }
    return true;
}
