/*
 * What the settings of the admission mean: who may come in, how many at once, behind which proxies,
 * and what TLS shows. SIGHUP reads its files again.
 */
#ifndef STREAMER_EDGE_ADMISSION_H
#define STREAMER_EDGE_ADMISSION_H

#include "streamer/edge/access.h"
#include "streamer/edge/customers.h"
#include "streamer/edge/forwarded.h"
#include "streamer/edge/token_set.h"

struct streamer_settings;
struct tls_identity;

enum {
    ADMISSION_REASON_SIZE = 640
};

struct admission {
    const struct streamer_settings *settings;
    struct token_set *tokens;
    struct access access;
    struct trusted_proxies proxies;
    struct customers *customers;
    struct tls_identity *identity; /* NULL: no TLS */
};

/* The settings are borrowed as long as the admission exists; `connections`: how many there are at
 * most. False, and why in `reason`, if a file is not as it should be. To be cleared in either
 * case. */
bool admission_init(struct admission *admission, const struct streamer_settings *settings,
                    size_t connections, char *reason);
/* Has to be called after the last connection. */
void admission_clear(struct admission *admission);

/* Reads the files of tokens, certificate and key again; what is wrong stays as it was, and the log
 * says so. */
void admission_reload(struct admission *admission);

#endif
