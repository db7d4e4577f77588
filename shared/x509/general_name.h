/* GeneralName (RFC 5280 section 4.2.1.6) as text. */
#ifndef SHARED_X509_GENERAL_NAME_H
#define SHARED_X509_GENERAL_NAME_H

#include "shared/base/buffer.h"
#include "shared/x509/der.h"

enum {
    GENERAL_NAME_OTHER = DER_CONTEXT_CONSTRUCTED | 0,
    GENERAL_NAME_EMAIL = DER_CONTEXT | 1,
    GENERAL_NAME_DNS = DER_CONTEXT | 2,
    GENERAL_NAME_X400 = DER_CONTEXT_CONSTRUCTED | 3,
    GENERAL_NAME_DIRECTORY = DER_CONTEXT_CONSTRUCTED | 4,
    GENERAL_NAME_EDI_PARTY = DER_CONTEXT_CONSTRUCTED | 5,
    GENERAL_NAME_URI = DER_CONTEXT | 6,
    GENERAL_NAME_IP = DER_CONTEXT | 7,
    GENERAL_NAME_REGISTERED_ID = DER_CONTEXT | 8,
};

/* OpenSSL has two texts for a name: the one of alternative names and access descriptions
 * (i2v_GENERAL_NAME), and the one of distribution points (GENERAL_NAME_print). They differ in other
 * names and directory names. */
enum general_name_form {
    GENERAL_NAME_LISTED,
    GENERAL_NAME_PRINTED,
};

/* True of a string in pieces (BER): its text is what der_append_pieces joins. */
bool general_name_is_in_pieces(const struct der_element *name);

/* Append "DNS:a.example" and the like; the text is as valid as the name is. False if it cannot be
 * read; what was appended by then stays. */
bool general_name_append(struct buffer *out, const struct der_element *name,
                         enum general_name_form form);

/* Names one after the other, with `separator` between them. */
bool general_names_append(struct buffer *out, struct bytes names, const char *separator,
                          enum general_name_form form);

#endif
