/*
 * The messages of the go dialect (shared/README.md, "The go dialect"), made from what the stream
 * holds: the stored lite message names log, index and times, the certificate is rendered anew.
 */
#ifndef SHARED_MESSAGE_MESSAGE_GO_H
#define SHARED_MESSAGE_MESSAGE_GO_H

#include "shared/base/buffer.h"

struct certificate;

/* Appends the lite message with its newline. `json` is the stored message, `certificate` what its
 * `der` parses to. False, with nothing appended, if `json` is not as message_write makes it. */
bool message_go_write_lite(struct buffer *out, struct bytes json,
                           const struct certificate *certificate);

/* The same as the full message. `issuers` are certificate objects of the go dialect with as_der,
 * issuer first; without any, the message has no chain. */
bool message_go_write_full(struct buffer *out, struct bytes json,
                           const struct certificate *certificate, const struct bytes *issuers,
                           size_t issuer_count);

/* Appends an issuer's object of the go dialect, with as_der, from the stored one (P:issuers).
 * `certificate` and `der` are working room: the parsed issuer and its DER afterwards. False, with
 * nothing appended, if the stored object does not end in as_der. */
bool message_go_write_issuer(struct buffer *out, struct bytes object,
                             struct certificate *certificate, struct buffer *der);

/* Appends the dns_entries message; it has no newline. */
void message_go_write_domains(struct buffer *out, const struct certificate *certificate);

#endif
