/*
 * The certificate object in the go dialect (shared/README.md, "The go dialect"): the same keys with
 * the values, the order and the escapes of certstream-server-go. It is reached through
 * certificate_json.h and message.h.
 */
#ifndef SHARED_MESSAGE_CERTIFICATE_JSON_GO_H
#define SHARED_MESSAGE_CERTIFICATE_JSON_GO_H

#include "shared/base/buffer.h"

struct certificate;

/* Appends the object; `as_der` stands second, as there. */
void certificate_json_go_write(struct buffer *out, const struct certificate *certificate,
                               bool as_der);

/* Appends the array: SAN dNSNames with their duplicates, then the common name of a certificate that
 * is no CA. `html` as in json_go_escape: the domains-only stream does so, the others do not. */
void certificate_json_go_write_domains(struct buffer *out, const struct certificate *certificate,
                                       bool html);

#endif
