/*
 * The extensions of a certificate (RFC 5280 section 4.2, RFC 6962 sections 3.1 and 3.3) as the
 * texts of shared/README.md, "Extensions": what OpenSSL's X509V3_EXT_print says, in the line layout
 * that CertStream documents.
 */
#ifndef SHARED_X509_CERTIFICATE_EXTENSION_H
#define SHARED_X509_CERTIFICATE_EXTENSION_H

#include "shared/base/buffer.h"

/* They stand in the order of the message, which is that of their names. */
enum certificate_extension_kind {
    EXTENSION_AUTHORITY_INFO_ACCESS,
    EXTENSION_AUTHORITY_KEY_IDENTIFIER,
    EXTENSION_BASIC_CONSTRAINTS,
    EXTENSION_CERTIFICATE_POLICIES,
    EXTENSION_CRL_DISTRIBUTION_POINTS,
    EXTENSION_POISON,
    EXTENSION_SCT_LIST,
    EXTENSION_EXTENDED_KEY_USAGE,
    EXTENSION_ISSUER_ALT_NAME,
    EXTENSION_KEY_USAGE,
    EXTENSION_SUBJECT_ALT_NAME,
    EXTENSION_SUBJECT_KEY_IDENTIFIER,
    EXTENSION_KIND_COUNT, /* also: any other */
};

enum certificate_extension_kind certificate_extension_kind_of(struct bytes id);
/* Whether that is the identifier of the kind. */
bool certificate_extension_is(enum certificate_extension_kind kind, struct bytes id);
/* The key in the message. */
const char *certificate_extension_key(enum certificate_extension_kind kind);

/* Appends the text of one extension's value (the content of extnValue). `is_first` is false for a
 * further extension of the same kind, which continues the text of those before. False if the value
 * cannot be read to its end; what could be read is appended. Bytes behind the value's outermost
 * element are passed over, as everybody does. Of EXTENSION_POISON the text is empty and every value
 * is readable. */
bool certificate_extension_append(struct buffer *out, enum certificate_extension_kind kind,
                                  struct bytes value, bool is_first);

/* A named bit of a BIT STRING's content, whose first octet counts the unused bits of the last
 * (X.690 section 8.6); false also if the content is none. */
bool certificate_extension_has_bit(struct bytes bit_string, size_t bit);

struct basic_constraints {
    bool is_ca;
    struct bytes path_length; /* an INTEGER's content; data NULL when absent */
};

/* RFC 5280 section 4.2.1.9. False if unreadable. */
bool certificate_extension_read_constraints(struct basic_constraints *constraints,
                                            struct bytes value);

#endif
