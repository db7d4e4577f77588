/*
 * DER (X.690) onto a buffer: what certificates are made with. Our own rather than a library's, so
 * that the bytes are the same with every version of OpenSSL.
 */
#ifndef CT_LOG_DER_WRITER_H
#define CT_LOG_DER_WRITER_H

#include "shared/base/buffer.h"
#include "shared/x509/der.h"

/* Opens an element; der_end with its result closes it and writes the length. They nest. */
size_t der_begin(struct buffer *out, unsigned tag);
void der_end(struct buffer *out, size_t begin);

void der_write(struct buffer *out, unsigned tag, struct bytes content);
void der_write_string(struct buffer *out, unsigned tag, const char *text);
/* A non-negative INTEGER of the big-endian magnitude, made minimal. */
void der_write_unsigned(struct buffer *out, struct bytes magnitude);
/* `dotted`: e.g. "1.2.840.113549". */
void der_write_object(struct buffer *out, const char *dotted);
/* A RelativeDistinguishedName of one attribute (RFC 5280 section 4.1.2.4); `tag` is the
 * string's. */
void der_write_attribute(struct buffer *out, const char *object, unsigned tag, const char *text);
/* UTCTime up to 2049, then GeneralizedTime (RFC 5280 section 4.1.2.5). */
void der_write_time(struct buffer *out, uint64_t seconds);

#endif
