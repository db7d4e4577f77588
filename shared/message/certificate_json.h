/*
 * A certificate as the JSON object of shared/README.md, "Certificate object", and its names as a
 * JSON array.
 */
#ifndef SHARED_MESSAGE_CERTIFICATE_JSON_H
#define SHARED_MESSAGE_CERTIFICATE_JSON_H

#include "shared/base/buffer.h"

struct certificate;

enum certificate_dialect {
    CERTIFICATE_DIALECT_CERTSTREAM, /* the original's documented shapes */
    CERTIFICATE_DIALECT_GO,         /* byte for byte what certstream-server-go sends */
};

/* Appends the object. With `as_der`, its last member is "as_der" (base64); without, it is the same
 * object less that member, so that message_splice_full can add it. (In the go dialect as_der stands
 * second, as there.) */
void certificate_json_write(struct buffer *out, const struct certificate *certificate,
                            enum certificate_dialect dialect, bool as_der);

/* Appends the object of a certificate of which only the SHA-256 is known, in the certstream
 * dialect: every member that certificate_json_write gives, as_der included, so that no reader trips
 * over a missing one; null, or empty. */
void certificate_json_write_missing(struct buffer *out, const uint8_t *sha256);

/* Appends the array of names: the value of "all_domains". */
void certificate_json_write_domains(struct buffer *out, const struct certificate *certificate,
                                    enum certificate_dialect dialect);

#endif
