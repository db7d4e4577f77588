/*
 * What the streamer shows TLS clients: a certificate with its chain and its key, from PEM files,
 * which may be exchanged while it runs. A handshake takes what there is when it begins; connections
 * that are open keep what they have.
 */
#ifndef STREAMER_EDGE_TLS_IDENTITY_H
#define STREAMER_EDGE_TLS_IDENTITY_H

#include <stdbool.h>

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

/* Makes a server's context show the identity, and speak TLS 1.2 or later. */
void tls_identity_apply(struct tls_identity *identity, struct ssl_ctx_st *context);

#endif
