/*
 * Text of the ASN.1 string types as UTF-8. The types of one byte per character that are meant to be
 * ASCII or UTF-8 are taken as they are (whoever prints them makes them valid); T61String is read as
 * Latin-1, BMPString as UTF-16, UniversalString as UTF-32.
 */
#ifndef SHARED_X509_ASN1_TEXT_H
#define SHARED_X509_ASN1_TEXT_H

#include "shared/base/buffer.h"
#include "shared/base/reader.h"

/* A string with the tag that says how to read it; value.data is NULL where there is none. */
struct asn1_text {
    uint8_t tag;
    struct bytes value;
};

/* True if the bytes need no conversion: the type has one byte per character and the encoding is
 * primitive, not in pieces (BER, X.690 section 8.23). */
bool asn1_text_is_plain(uint8_t tag);

/* The same text as one piece: `text` itself, or if it is in pieces a view into `joined`, which is
 * cleared. Pieces that cannot be read are no text: empty. */
struct asn1_text asn1_text_join(struct asn1_text text, struct buffer *joined);

/* Appends the text as UTF-8. Of a plain type nothing is checked. */
void asn1_text_append(struct buffer *out, struct asn1_text text);

/* Appends the text as the inside of a JSON string. */
void asn1_text_escape(struct buffer *out, struct asn1_text text);

#endif
