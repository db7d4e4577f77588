/* Distinguished names (RFC 5280 section 4.1.2.4), read as a flat run of attributes. */
#ifndef SHARED_X509_DISTINGUISHED_NAME_H
#define SHARED_X509_DISTINGUISHED_NAME_H

#include "shared/base/reader.h"
#include "shared/x509/asn1_text.h"

/* The attributes that the messages show, in the order in which they show them. */
enum name_attribute {
    NAME_C,
    NAME_CN,
    NAME_L,
    NAME_O,
    NAME_OU,
    NAME_ST,
    NAME_EMAIL,
    NAME_ATTRIBUTE_COUNT, /* also: none of them */
};

struct name_part {
    struct bytes type; /* object identifier */
    struct asn1_text text;
    bool begins_set; /* the first of its relative distinguished name */
};

/* A walk over the parts of a name: the content of its outer SEQUENCE, or of a single SET. */
struct name_walk {
    struct reader sets;
    struct reader parts;
    bool begins_set;
    bool malformed;
};

struct name_walk name_walk_of(struct bytes sets);
/* The same over one relative distinguished name: the content of its SET. */
struct name_walk name_walk_of_set(struct bytes parts);
/* The next part that can be read; false at the end. Parts that cannot be read are passed over; then
 * name_walk_ok is false. */
bool name_walk_next(struct name_walk *walk, struct name_part *part);
bool name_walk_ok(const struct name_walk *walk);

enum name_attribute name_attribute_of(struct bytes type);
/* The key in the message, "CN". */
const char *name_attribute_key(enum name_attribute attribute);

/* OpenSSL's two text forms of a name: "/C=US/O=a+CN=b" (X509_NAME_oneline: bytes outside printable
 * ASCII become \xHH, the separators within a value get a backslash) and "C = US, O = a + CN = b"
 * (X509_NAME_print_ex with XN_FLAG_ONELINE: RFC 2253 escapes, quotes where needed). False if the
 * name cannot be read to its end. */
bool name_append_slashed(struct buffer *out, struct name_walk walk);
bool name_append_comma_separated(struct buffer *out, struct name_walk walk);

#endif
