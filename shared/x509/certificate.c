/*
 * Stops on the way: digests of the whole, the outer SEQUENCE, the fields of TBSCertificate in their
 * order (RFC 5280 section 4.1), the list of extensions, their texts, the names. A stop that fails
 * notes why, and reading goes on behind the element that failed, as far as the structure shows
 * where that is.
 */
#include "shared/x509/certificate.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "shared/base/memory.h"
#include "shared/x509/asn1_time.h"
#include "shared/x509/certificate_fields.h"
#include "shared/x509/der.h"
#include "shared/x509/general_name.h"
#include "shared/x509/tbs_digest.h"

/* A certificate in a log has less than 2^24 bytes (RFC 6962 section 3.1). A text is at most four
 * times as long as what it shows (\xHH), plus a label per name, which has at least two bytes. */
enum {
    TEXT_LIMIT = 16 << 24,
    CONVERSION_GROWTH = 4,
    /* What one monstrous certificate made grow beyond this is given back before the next. */
    KEPT_TEXT = 1 << 20,
    KEPT_EXTENSIONS = 1024,
};

struct certificate *certificate_create(void)
{
    struct certificate *certificate = memory_allocate_zeroed(1, sizeof *certificate);
    uint64_t seed = 0;
    int seeded = RAND_bytes((unsigned char *)&seed, sizeof seed);
    assert(seeded == 1);
    (void)seeded;
    certificate->sha256_digest = digest_create(DIGEST_SHA256);
    certificate->sha1_digest = digest_create(DIGEST_SHA1);
    buffer_init(&certificate->text, TEXT_LIMIT);
    buffer_init(&certificate->converted, TEXT_LIMIT);
    name_set_init(&certificate->domains, seed);
    name_set_init(&certificate->addresses, seed);
    return certificate;
}

void certificate_destroy(struct certificate *certificate)
{
    if (!certificate)
        return;
    digest_destroy(certificate->sha256_digest);
    digest_destroy(certificate->sha1_digest);
    buffer_free(&certificate->text);
    buffer_free(&certificate->converted);
    name_set_free(&certificate->domains);
    name_set_free(&certificate->addresses);
    free(certificate->extensions);
    free(certificate);
}

/* The first thing that went wrong is the one that is told. */
static void note(struct certificate *certificate, const char *error)
{
    if (!certificate->parse_error)
        certificate->parse_error = error;
}

static void clear_text(struct buffer *text)
{
    if (text->capacity > KEPT_TEXT)
        buffer_free(text);
    buffer_clear(text);
}

static void clear_extensions(struct certificate *certificate)
{
    certificate->extension_count = 0;
    if (certificate->extension_capacity <= KEPT_EXTENSIONS)
        return;
    free(certificate->extensions);
    certificate->extensions = NULL;
    certificate->extension_capacity = 0;
}

static void forget_fields(struct certificate *certificate)
{
    certificate->parse_error = NULL;
    certificate->tbs = certificate->serial = (struct bytes){ 0 };
    certificate->signature_algorithm = (struct bytes){ 0 };
    certificate->issuer = certificate->subject = certificate->public_key_info = (struct bytes){ 0 };
    certificate->issuer_name = certificate->subject_name = (struct certificate_name){ 0 };
    certificate->not_before = certificate->not_after = (struct certificate_time){ 0 };
    certificate->is_ca = false;
    clear_extensions(certificate);
    memset(certificate->texts, 0, sizeof certificate->texts);
    clear_text(&certificate->text);
    clear_text(&certificate->converted);
    certificate->common_name = (struct bytes){ 0 };
    certificate->public_key = (struct public_key){ 0 };
    certificate->has_tbs_sha256 = false;
    name_set_clear(&certificate->domains);
    name_set_clear(&certificate->addresses);
}

/* Where converted text goes. The room is taken at once, so that views into it stay: values of
 * extensions are put together there, then names within them, each no longer than the certificate,
 * and a converted common name is at most three times as long as it was. NULL if there is no room.
 */
static struct buffer *make_room_to_convert(struct certificate *certificate)
{
    struct buffer *converted = &certificate->converted;
    bool has_room =
        converted->size || buffer_reserve(converted, CONVERSION_GROWTH * certificate->der.size);
    return has_room ? converted : NULL;
}

/* A string in pieces as one; empty, and noted, if they cannot be read. */
static struct bytes join_pieces(struct certificate *certificate, struct bytes pieces)
{
    struct buffer *converted = make_room_to_convert(certificate);
    size_t start = converted ? converted->size : 0;
    if (!converted || !der_append_pieces(converted, pieces)) {
        note(certificate, "a string in pieces cannot be read");
        return (struct bytes){ 0 };
    }
    return bytes_of(converted->data + start, converted->size - start);
}

static void read_serial(struct certificate *certificate, struct reader *tbs)
{
    struct der_element serial = { 0 };
    if (der_next(tbs, &serial) && serial.tag == DER_INTEGER && serial.content.size)
        certificate->serial = serial.content;
    else
        note(certificate, "the serial number cannot be read");
}

static void read_name(struct certificate *certificate, struct reader *tbs, struct bytes *whole,
                      struct certificate_name *name)
{
    struct der_element element = { 0 };
    if (!der_next(tbs, &element) || (element.tag | DER_CONSTRUCTED) != DER_SEQUENCE) {
        note(certificate, "a distinguished name cannot be read");
        return;
    }
    *whole = element.whole;
    name->sets = element.content;
    struct name_walk walk = name_walk_of(name->sets);
    struct name_part part;
    while (name_walk_next(&walk, &part)) {
        enum name_attribute attribute = name_attribute_of(part.type);
        if (attribute != NAME_ATTRIBUTE_COUNT)
            name->attributes[attribute] = part.text;
    }
    if (!name_walk_ok(&walk))
        note(certificate, "a distinguished name cannot be read");
}

static void read_time(struct certificate *certificate, struct reader *validity,
                      struct certificate_time *time)
{
    struct der_element element = { 0 };
    time->is_known = der_next(validity, &element) &&
                     asn1_time_read(&time->seconds, element.tag, element.content);
    if (!time->is_known)
        note(certificate, "a time of the validity cannot be read");
}

static void read_validity(struct certificate *certificate, struct reader *tbs)
{
    struct der_element element = { 0 };
    (void)der_next(tbs, &element);
    struct reader validity = reader_of(element.content);
    read_time(certificate, &validity, &certificate->not_before);
    read_time(certificate, &validity, &certificate->not_after);
}

static struct certificate_extension *add_extension(struct certificate *certificate)
{
    if (certificate->extension_count == certificate->extension_capacity) {
        certificate->extension_capacity =
            certificate->extension_capacity ? certificate->extension_capacity * 2 : 16;
        certificate->extensions =
            memory_resize(certificate->extensions, certificate->extension_capacity,
                          sizeof *certificate->extensions);
    }
    return &certificate->extensions[certificate->extension_count++];
}

static void read_extension(struct certificate *certificate, const struct der_element *element)
{
    struct reader reader = reader_of(element->content);
    struct bytes id = der_take(&reader, DER_OBJECT_ID);
    if (der_is_next(&reader, DER_BOOLEAN))
        (void)der_take(&reader, DER_BOOLEAN);
    struct bytes value =
        der_is_next(&reader, DER_OCTET_STRING | DER_CONSTRUCTED)
            ? join_pieces(certificate, der_take(&reader, DER_OCTET_STRING | DER_CONSTRUCTED))
            : der_take(&reader, DER_OCTET_STRING);
    bool has_id = id.size && !(id.data[id.size - 1] & 0x80);
    if (element->tag != DER_SEQUENCE || !has_id || !reader_finished(&reader)) {
        note(certificate, "an extension cannot be read");
        return;
    }
    *add_extension(certificate) = (struct certificate_extension){
        .kind = certificate_extension_kind_of(id), .id = id, .value = value
    };
}

static void read_extensions(struct certificate *certificate, struct bytes content)
{
    struct reader outer = reader_of(content);
    struct reader list = der_enter(&outer, DER_SEQUENCE);
    struct der_element element = { 0 };
    while (list.remaining && der_next(&list, &element))
        read_extension(certificate, &element);
    if (!reader_ok(&list) || !reader_finished(&outer))
        note(certificate, "the extensions cannot be read");
}

/* issuerUniqueID [1], subjectUniqueID [2] and whatever else stands there are passed over. */
static void read_optional_fields(struct certificate *certificate, struct reader *tbs)
{
    struct der_element element = { 0 };
    while (tbs->remaining && der_next(tbs, &element))
        if (element.tag == (DER_CONTEXT_CONSTRUCTED | 3))
            read_extensions(certificate, element.content);
    if (!reader_ok(tbs))
        note(certificate, "the certificate ends too early");
}

static void read_public_key(struct certificate *certificate)
{
    if (certificate->has_names_only)
        return;
    if (!public_key_read(&certificate->public_key, certificate->public_key_info))
        note(certificate, "the public key cannot be read");
    digest_bytes(certificate->sha256_digest, certificate->public_key_sha256,
                 certificate->public_key_info);
}

static void read_tbs(struct certificate *certificate, struct bytes content)
{
    struct reader tbs = reader_of(content);
    struct der_element element = { 0 };
    if (der_is_next(&tbs, DER_CONTEXT_CONSTRUCTED | 0))
        (void)der_next(&tbs, &element);
    read_serial(certificate, &tbs);
    (void)der_next(&tbs, &element);
    read_name(certificate, &tbs, &certificate->issuer, &certificate->issuer_name);
    read_validity(certificate, &tbs);
    read_name(certificate, &tbs, &certificate->subject, &certificate->subject_name);
    (void)der_next(&tbs, &element);
    certificate->public_key_info = element.whole;
    read_public_key(certificate);
    read_optional_fields(certificate, &tbs);
}

static void read_structure(struct certificate *certificate)
{
    struct reader whole = reader_of(certificate->der);
    struct reader outer = der_enter(&whole, DER_SEQUENCE);
    struct der_element tbs = { 0 };
    if (!der_next(&outer, &tbs) || tbs.tag != DER_SEQUENCE) {
        note(certificate, "not a certificate");
        return;
    }
    certificate->tbs = tbs.whole;
    read_tbs(certificate, tbs.content);
    certificate->has_tbs_sha256 =
        !certificate->has_names_only &&
        tbs_digest(certificate->sha256_digest, certificate->tbs_sha256, tbs.whole);
    certificate->signature_algorithm = der_take(&outer, DER_SEQUENCE);
    bool in_pieces = der_is_next(&outer, DER_BIT_STRING | DER_CONSTRUCTED);
    (void)der_take(&outer, in_pieces ? DER_BIT_STRING | DER_CONSTRUCTED : DER_BIT_STRING);
    if (!reader_finished(&outer))
        note(certificate, "the signature cannot be read");
    if (!reader_finished(&whole))
        note(certificate, "there are bytes after the certificate");
}

static void render_extension(struct certificate *certificate,
                             const struct certificate_extension *extension)
{
    struct certificate_extension_text *text = &certificate->texts[extension->kind];
    bool is_first = !text->is_present;
    if (is_first)
        *text = (struct certificate_extension_text){ .is_present = true,
                                                     .offset = certificate->text.size };
    bool readable = certificate_extension_append(&certificate->text, extension->kind,
                                                 extension->value, is_first);
    text->size = certificate->text.size - text->offset;
    text->is_readable = readable && (is_first || text->is_readable);
    if (!readable || certificate->text.failed)
        note(certificate, "the value of an extension cannot be read");
}

/* Extensions of one kind are rendered together, because their texts are one. */
static void render_extensions(struct certificate *certificate)
{
    size_t counts[EXTENSION_KIND_COUNT + 1] = { 0 };
    const struct certificate_extension *extensions = certificate->extensions;
    size_t count = certificate->extension_count;
    for (size_t i = 0; i < count; i++)
        counts[extensions[i].kind]++;
    for (size_t i = 0; i < count; i++) {
        enum certificate_extension_kind kind = extensions[i].kind;
        if (kind == EXTENSION_KIND_COUNT || certificate->texts[kind].is_present)
            continue;
        render_extension(certificate, &extensions[i]);
        for (size_t j = i + 1; j < count && counts[kind] > 1; j++)
            if (extensions[j].kind == kind)
                render_extension(certificate, &extensions[j]);
    }
}

static void collect_names(struct certificate *certificate, struct bytes value)
{
    struct reader outer = reader_of(value);
    struct reader names = der_enter(&outer, DER_SEQUENCE);
    struct der_element name = { 0 };
    while (names.remaining && der_next(&names, &name)) {
        bool in_pieces = general_name_is_in_pieces(&name);
        uint8_t tag = in_pieces ? name.tag ^ DER_CONSTRUCTED : name.tag;
        if (tag != GENERAL_NAME_DNS && tag != GENERAL_NAME_IP)
            continue;
        struct bytes text = in_pieces ? join_pieces(certificate, name.content) : name.content;
        if (tag == GENERAL_NAME_DNS)
            name_set_add(&certificate->domains, text);
        else if (text.size == 4 || text.size == 16)
            name_set_add(&certificate->addresses, text);
    }
}

/* As UTF-8, for as long as the certificate is used. */
static struct bytes convert_text(struct certificate *certificate, struct asn1_text text)
{
    if (!text.value.data || asn1_text_is_plain(text.tag))
        return text.value;
    struct buffer *converted = make_room_to_convert(certificate);
    size_t start = converted ? converted->size : 0;
    if (converted)
        asn1_text_append(converted, text);
    if (!converted || converted->failed)
        return (struct bytes){ 0 };
    return bytes_of(converted->data + start, converted->size - start);
}

static void collect_common_names(struct certificate *certificate)
{
    struct name_walk walk = name_walk_of(certificate->subject_name.sets);
    struct name_part part;
    while (name_walk_next(&walk, &part)) {
        if (name_attribute_of(part.type) != NAME_CN)
            continue;
        certificate->common_name = convert_text(certificate, part.text);
        if (certificate->common_name.size && !certificate->is_ca)
            name_set_add(&certificate->domains, certificate->common_name);
    }
}

static void collect_domains(struct certificate *certificate)
{
    for (size_t i = 0; i < certificate->extension_count; i++) {
        const struct certificate_extension *extension = &certificate->extensions[i];
        struct basic_constraints constraints;
        if (extension->kind == EXTENSION_SUBJECT_ALT_NAME)
            collect_names(certificate, extension->value);
        else if (extension->kind == EXTENSION_BASIC_CONSTRAINTS &&
                 certificate_extension_read_constraints(&constraints, extension->value))
            certificate->is_ca = certificate->is_ca || constraints.is_ca;
    }
    collect_common_names(certificate);
}

bool certificate_parse(struct certificate *certificate, struct bytes der)
{
    forget_fields(certificate);
    certificate->der = der;
    certificate->has_names_only = false;
    digest_bytes(certificate->sha256_digest, certificate->sha256, der);
    digest_bytes(certificate->sha1_digest, certificate->sha1, der);
    read_structure(certificate);
    render_extensions(certificate);
    collect_domains(certificate);
    return !certificate->parse_error;
}

void certificate_parse_names(struct certificate *certificate, struct bytes der)
{
    forget_fields(certificate);
    certificate->der = der;
    certificate->has_names_only = true;
    read_structure(certificate);
    collect_domains(certificate);
}

const char *certificate_parse_error(const struct certificate *certificate)
{
    return certificate->parse_error;
}

const uint8_t *certificate_sha256(const struct certificate *certificate)
{
    return certificate->sha256;
}

const uint8_t *certificate_sha1(const struct certificate *certificate)
{
    return certificate->sha1;
}

struct bytes certificate_tbs(const struct certificate *certificate)
{
    return certificate->tbs;
}

struct bytes certificate_issuer(const struct certificate *certificate)
{
    return certificate->issuer;
}

struct bytes certificate_subject(const struct certificate *certificate)
{
    return certificate->subject;
}

struct bytes certificate_public_key_info(const struct certificate *certificate)
{
    return certificate->public_key_info;
}

const uint8_t *certificate_public_key_sha256(const struct certificate *certificate)
{
    return certificate->public_key_sha256;
}

const uint8_t *certificate_tbs_sha256(const struct certificate *certificate)
{
    return certificate->has_tbs_sha256 ? certificate->tbs_sha256 : NULL;
}

/* The value of the first extension of the kind; empty if there is none, or if it is no view into
 * the DER. */
static struct reader first_value(const struct certificate *certificate,
                                 enum certificate_extension_kind kind)
{
    const struct buffer *converted = &certificate->converted;
    for (size_t i = 0; i < certificate->extension_count; i++) {
        struct bytes value = certificate->extensions[i].value;
        bool is_copy = converted->size && value.data >= converted->data &&
                       value.data <= converted->data + converted->size;
        if (certificate->extensions[i].kind == kind)
            return reader_of(is_copy ? (struct bytes){ 0 } : value);
    }
    return reader_of((struct bytes){ 0 });
}

struct bytes certificate_subject_key_id(const struct certificate *certificate)
{
    struct reader value = first_value(certificate, EXTENSION_SUBJECT_KEY_IDENTIFIER);
    return der_take(&value, DER_OCTET_STRING);
}

struct bytes certificate_authority_key_id(const struct certificate *certificate)
{
    struct reader value = first_value(certificate, EXTENSION_AUTHORITY_KEY_IDENTIFIER);
    struct reader inside = der_enter(&value, DER_SEQUENCE);
    return der_take(&inside, DER_CONTEXT | 0);
}

static bool lists_purpose(struct bytes value, struct bytes purpose)
{
    struct reader outer = reader_of(value);
    struct reader purposes = der_enter(&outer, DER_SEQUENCE);
    while (purposes.remaining)
        if (bytes_equal(der_take(&purposes, DER_OBJECT_ID), purpose))
            return true;
    return false;
}

bool certificate_has_purpose(const struct certificate *certificate, struct bytes purpose)
{
    for (size_t i = 0; i < certificate->extension_count; i++)
        if (certificate->extensions[i].kind == EXTENSION_EXTENDED_KEY_USAGE &&
            lists_purpose(certificate->extensions[i].value, purpose))
            return true;
    return false;
}
