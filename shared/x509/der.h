/*
 * DER (X.690) on the checked reader, read as leniently as Certificate Transparency needs: lengths
 * may be longer than necessary or indefinite (BER), because certificates with such lengths are in
 * logs. It reads structure only; what a value means, and whether bytes left over matter, is the
 * caller's judgement. Errors are sticky, as in the reader.
 */
#ifndef SHARED_X509_DER_H
#define SHARED_X509_DER_H

#include "shared/base/buffer.h"
#include "shared/base/reader.h"

/* Identifier octets, complete: class, constructed bit and number. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OBJECT_ID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONSTRUCTED = 0x20,         /* the bit */
    DER_CONTEXT = 0x80,             /* | number: an implicitly tagged primitive */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* | number */
    DER_NUMBER_MASK = 0x1f,         /* all ones: the number is in further octets */
};

/* One element. An identifier of several octets is given as its first one: no certificate field has
 * such a tag. */
struct der_element {
    uint8_t tag;
    struct bytes content;
    struct bytes whole; /* with identifier and length */
};

/* The general path of der_next: long identifiers and lengths. */
bool der_next_long(struct reader *reader, struct der_element *element);

/* Reads the next element, whatever it is. False, with an empty element, if there is no whole one:
 * then the reader has failed. Callers of a SEQUENCE OF ask while reader->remaining. */
static inline bool der_next(struct reader *reader, struct der_element *element)
{
    const uint8_t *start = reader->next;
    if (reader->remaining < 2 || start[1] > reader->remaining - 2 || start[1] >= 0x80 ||
        (start[0] & DER_NUMBER_MASK) == DER_NUMBER_MASK)
        return der_next_long(reader, element);
    element->whole = reader_take(reader, 2 + (size_t)start[1]);
    element->content = bytes_of(start + 2, start[1]);
    element->tag = start[0];
    return true;
}

/* True if there is a next element and it begins with `tag`. */
static inline bool der_is_next(const struct reader *reader, uint8_t tag)
{
    return reader->remaining && reader->next[0] == tag;
}

/* Appends what a string of constructed encoding holds (BER, X.690 sections 8.7.3 and 8.23): its
 * pieces one after the other. False, with nothing appended, if they cannot be read, are nested
 * deeper than OpenSSL follows them, or do not fit. */
bool der_append_pieces(struct buffer *out, struct bytes pieces);

/* The content of the next element, which must have this tag, else the reader fails and the content
 * is empty. */
static inline struct bytes der_take(struct reader *reader, uint8_t tag)
{
    struct der_element element = { 0 };
    if (!der_is_next(reader, tag)) {
        reader_fail(reader);
        return (struct bytes){ 0 };
    }
    (void)der_next(reader, &element);
    return element.content;
}

/* A reader of the content of the next element; failed from the start if `reader` fails. */
static inline struct reader der_enter(struct reader *reader, uint8_t tag)
{
    struct reader inside = reader_of(der_take(reader, tag));
    if (!reader_ok(reader))
        reader_fail(&inside);
    return inside;
}

#endif
