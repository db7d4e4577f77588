/* INTEGER (X.690 section 8.3) of any length, as text: two's complement, most significant octet
 * first. */
#ifndef SHARED_X509_ASN1_INTEGER_H
#define SHARED_X509_ASN1_INTEGER_H

#include "shared/base/buffer.h"

bool asn1_integer_is_negative(struct bytes content);

/* Upper-case hex of the magnitude: two digits per octet, without octets that are only sign; "00"
 * for zero and for an empty content. `separator` stands between the octets. */
void asn1_integer_append_hex(struct buffer *out, struct bytes content, const char *separator);

/* Decimal with its sign; beyond 64 bits "0x" and hex. */
void asn1_integer_append_decimal(struct buffer *out, struct bytes content);

#endif
