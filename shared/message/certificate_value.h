/* The JSON values that both dialects write alike. */
#ifndef SHARED_MESSAGE_CERTIFICATE_VALUE_H
#define SHARED_MESSAGE_CERTIFICATE_VALUE_H

#include "shared/message/certificate_json.h"
#include "shared/x509/certificate_fields.h"

/* Upper-case hex with colons, without quotes. */
void certificate_value_append_fingerprint(struct buffer *out, const uint8_t *digest, size_t size);

/* The content of an INTEGER as upper-case hex of its magnitude: an even number of digits, no octet
 * that is only sign, a minus sign before a negative one. Null where there is none. */
void certificate_value_append_serial(struct buffer *out, struct bytes content);

/* Seconds since 1970, or null. */
void certificate_value_append_time(struct buffer *out, struct certificate_time time);

/* The name as a string, or null. */
void certificate_value_append_signature_algorithm(struct buffer *out,
                                                  const struct certificate *certificate,
                                                  enum certificate_dialect dialect);

#endif
