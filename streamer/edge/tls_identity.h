/*
 * What the streamer shows TLS clients: a certificate with its chain and its key, from PEM files,
 * which may be exchanged while it runs. A handshake takes what there is when it begins; connections
 * that are open keep what they have.
 */
#ifndef STREAMER_EDGE_TLS_IDENTITY_H
#define STREAMER_EDGE_TLS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

struct ssl_ctx_st;
struct tls_identity;

enum {
    TLS_IDENTITY_REASON_SIZE = 512
};

/* The paths are borrowed as long as the identity exists. NULL, and why in `reason`, if the files
 * are no pair. */
struct tls_identity *tls_identity_create(const char *certificate_path, const char *key_path,
                                         char *reason);
/* Has to be called after the last connection. NULL is fine. */
void tls_identity_destroy(struct tls_identity *identity);

/* Reads the files again. False, and why in `reason`, if they are no pair: then it stays what it
 * was. */
bool tls_identity_reload(struct tls_identity *identity, char *reason);

/* When the certificate that is shown expires, or the first of its chain: milliseconds since 1970.
 */
uint64_t tls_identity_expires_ms(const struct tls_identity *identity);

/* What connections of a server are made of: it shows the identity, speaks TLS 1.2 or later, and
 * HTTP/1.1 only. Lives as long as the identity; exchanged files are in the next handshake. */
struct ssl_ctx_st *tls_identity_context(const struct tls_identity *identity);

#endif
