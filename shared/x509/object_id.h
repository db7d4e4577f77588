/*
 * Object identifiers (X.690 section 8.19), as the bytes of their content. The names are those that
 * OpenSSL prints, for the objects that certificates really mention.
 */
#ifndef SHARED_X509_OBJECT_ID_H
#define SHARED_X509_OBJECT_ID_H

#include "shared/base/buffer.h"

struct object_id_name {
    struct bytes id;
    const char *short_name; /* as in a distinguished name: "CN" */
    const char *long_name;  /* as in an extension: "TLS Web Server Authentication" */
};

/* The row of a known object, or NULL. */
const struct object_id_name *object_id_find(struct bytes id);

/* The rows one after the other, NULL behind the last: for the test. */
const struct object_id_name *object_id_at(size_t index);

/* Appends the dotted form. False, with nothing appended, if the bytes are no object identifier. An
 * arc may have up to 64 octets. */
bool object_id_append_dotted(struct buffer *out, struct bytes id);

/* Append the name of a known object, else the dotted form. */
bool object_id_append_long(struct buffer *out, struct bytes id);
bool object_id_append_short(struct buffer *out, struct bytes id);

#endif
