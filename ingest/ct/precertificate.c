#include "ingest/ct/precertificate.h"

#include "shared/x509/certificate.h"
#include "shared/x509/der.h"

/* 1.3.6.1.4.1.11129.2.4.3 and .4 (RFC 6962 section 3.1), 2.5.29.35 (RFC 5280 section 4.2.1.1) */
static const uint8_t poison_id[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03 };
static const uint8_t signer_id[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x04 };
static const uint8_t authority_key_id[] = { 0x55, 0x1d, 0x23 };

bool precertificate_issuer_read(struct precertificate_issuer *issuer,
                                const struct certificate *certificate)
{
    if (!certificate_public_key_info(certificate).size)
        return false;
    memcpy(issuer->key_hash, certificate_public_key_sha256(certificate), SHA256_SIZE);
    issuer->is_signer = certificate_has_purpose(certificate, bytes_of(signer_id, sizeof signer_id));
    return true;
}

/* The fields of a TBSCertificate one after the other. The extensions, always the last field, are
 * kept for themselves. */
struct fields {
    struct reader rest;
    size_t count; /* fields passed, the optional version not counted */
    struct bytes extensions;
    bool readable;
};

static struct fields fields_of(struct bytes tbs)
{
    struct reader outer = reader_of(tbs);
    struct fields fields = { .rest = der_enter(&outer, DER_SEQUENCE) };
    fields.readable = reader_finished(&outer);
    return fields;
}

static struct bytes next_field(struct fields *fields)
{
    struct der_element element = { 0 };
    if (!fields->rest.remaining)
        return (struct bytes){ 0 };
    fields->readable = der_next(&fields->rest, &element) && fields->readable;
    if (element.tag == (DER_CONTEXT_CONSTRUCTED | 3)) {
        struct reader outer = reader_of(element.content);
        fields->extensions = der_take(&outer, DER_SEQUENCE);
        fields->readable = fields->readable && reader_finished(&outer) && !fields->rest.remaining;
        return (struct bytes){ 0 };
    }
    fields->count += element.tag != (DER_CONTEXT_CONSTRUCTED | 0);
    return element.whole;
}

static bool has_id(struct bytes extension, const uint8_t *id, size_t size)
{
    struct reader outer = reader_of(extension);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    return bytes_equal(der_take(&inside, DER_OBJECT_ID), bytes_of(id, size));
}

/* The next extension; empty at the end. */
static struct bytes next_extension(struct reader *extensions)
{
    struct der_element element = { 0 };
    if (extensions->remaining)
        (void)der_next(extensions, &element);
    return element.whole;
}

static struct bytes next_without_poison(struct reader *extensions)
{
    struct bytes extension = next_extension(extensions);
    while (has_id(extension, poison_id, sizeof poison_id))
        extension = next_extension(extensions);
    return extension;
}

static bool are_authority_keys(struct bytes ours, struct bytes theirs)
{
    return has_id(ours, authority_key_id, sizeof authority_key_id) &&
           has_id(theirs, authority_key_id, sizeof authority_key_id);
}

static enum precertificate_binding compare_extensions(struct bytes proven, struct bytes claimed,
                                                      bool by_signer, bool *differ)
{
    struct reader ours = reader_of(proven);
    struct reader theirs = reader_of(claimed);
    struct bytes our_extension, their_extension;
    do {
        our_extension = next_extension(&ours);
        their_extension = next_without_poison(&theirs);
        bool same = bytes_equal(our_extension, their_extension);
        if (!same && !(by_signer && are_authority_keys(our_extension, their_extension)))
            return PRECERTIFICATE_DIFFERS;
        *differ = *differ || !same;
    } while (our_extension.size);
    return reader_ok(&ours) && reader_ok(&theirs) ? PRECERTIFICATE_BOUND
                                                  : PRECERTIFICATE_UNREADABLE;
}

/* Field by field, so that no second TBSCertificate has to be put together: what the poison changes
 * outside the list of extensions is only lengths. */
static enum precertificate_binding compare_fields(struct bytes proven, struct bytes claimed,
                                                  bool by_signer)
{
    enum {
        ISSUER = 3
    }; /* serialNumber, signature, issuer */
    struct fields ours = fields_of(proven);
    struct fields theirs = fields_of(claimed);
    struct bytes our_field, their_field;
    bool differ = false;
    do {
        our_field = next_field(&ours);
        their_field = next_field(&theirs);
        bool same = bytes_equal(our_field, their_field);
        if (!same && !(by_signer && ours.count == ISSUER && theirs.count == ISSUER))
            return PRECERTIFICATE_DIFFERS;
        differ = differ || !same;
    } while (our_field.size);
    if (!ours.readable || !theirs.readable)
        return PRECERTIFICATE_UNREADABLE;
    enum precertificate_binding binding =
        compare_extensions(ours.extensions, theirs.extensions, by_signer, &differ);
    return binding == PRECERTIFICATE_BOUND && differ ? PRECERTIFICATE_BOUND_BY_SIGNER : binding;
}

enum precertificate_binding precertificate_check(const struct precertificate *precertificate,
                                                 const struct precertificate_issuer *issuers,
                                                 size_t issuer_count)
{
    struct reader outer = reader_of(precertificate->der);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    struct der_element tbs = { 0 };
    if (!der_next(&inside, &tbs) || !reader_finished(&outer))
        return PRECERTIFICATE_UNREADABLE;
    bool by_signer = issuer_count && issuers[0].is_signer;
    enum precertificate_binding binding = compare_fields(precertificate->tbs, tbs.whole, by_signer);
    if (binding != PRECERTIFICATE_BOUND && binding != PRECERTIFICATE_BOUND_BY_SIGNER)
        return binding;
    size_t at = by_signer ? 1 : 0;
    if (issuer_count <= at)
        return PRECERTIFICATE_WITHOUT_ISSUER;
    if (memcmp(issuers[at].key_hash, precertificate->issuer_key_hash, SHA256_SIZE) != 0)
        return PRECERTIFICATE_OTHER_ISSUER;
    return binding;
}

const char *precertificate_binding_name(enum precertificate_binding binding)
{
    switch (binding) {
    case PRECERTIFICATE_BOUND: return "bound";
    case PRECERTIFICATE_BOUND_BY_SIGNER: return "bound_by_signer";
    case PRECERTIFICATE_UNREADABLE: return "unreadable";
    case PRECERTIFICATE_DIFFERS: return "differs";
    case PRECERTIFICATE_WITHOUT_ISSUER: return "without_issuer";
    case PRECERTIFICATE_OTHER_ISSUER: return "other_issuer";
    }
    return "unknown";
}

static void append_header(struct buffer *out, uint8_t tag, size_t size)
{
    /* A TBSCertificate has less than 2^24 bytes (RFC 6962 section 3.2); a length of four octets
     * always fits. */
    const uint8_t header[] = {
        tag, 0x84, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size
    };
    buffer_append(out, header, sizeof header);
}

void precertificate_wrap(struct buffer *out, struct bytes tbs)
{
    static const uint8_t no_signature[] = { DER_BIT_STRING, 1, 0 };
    static const uint8_t no_algorithm[] = { DER_SEQUENCE, 0 };
    struct fields fields = fields_of(tbs);
    struct bytes algorithm = { 0 };
    while (fields.rest.remaining && fields.count < 2)
        algorithm = next_field(&fields);
    if (!fields.readable || fields.count < 2 || !algorithm.size)
        algorithm = bytes_of(no_algorithm, sizeof no_algorithm);
    append_header(out, DER_SEQUENCE, tbs.size + algorithm.size + sizeof no_signature);
    buffer_append_bytes(out, tbs);
    buffer_append_bytes(out, algorithm);
    buffer_append(out, no_signature, sizeof no_signature);
}
