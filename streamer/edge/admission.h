/*
 * What the settings of the admission mean: who may come in, how many at once, behind which proxies,
 * and what TLS shows. SIGHUP reads its files again.
 */
#ifndef STREAMER_EDGE_ADMISSION_H
#define STREAMER_EDGE_ADMISSION_H

#include "shared/process/settings.h"
#include "streamer/edge/access.h"
#include "streamer/edge/customers.h"
#include "streamer/edge/forwarded.h"
#include "streamer/edge/token_set.h"

struct tls_identity;

enum {
    ADMISSION_REASON_SIZE = 640
};

struct admission_options {
    struct setting_list
        tokens; /* checked; nobody needs one if there are none here and no file of them */
    const char *token_file; /* "": none */
    struct setting_list origins;
    struct setting_list own_origins;
    struct setting_list trusted_proxies;
    const char *tls_cert, *tls_key; /* files; "": no TLS */
    size_t connections_max;
    struct customer_limits customers;
};

struct admission {
    struct admission_options options;
    struct token_set *tokens;
    struct access access;
    struct trusted_proxies proxies;
    struct customers *customers;
    struct tls_identity *identity; /* NULL: no TLS */
};

/* What the options point to is borrowed as long as the admission exists. False, and why in `reason`
 * (of ADMISSION_REASON_SIZE), if a file is not as it should be. To be cleared in either case. */
bool admission_init(struct admission *admission, const struct admission_options *options,
                    char *reason);
/* Has to be called after the last connection. */
void admission_clear(struct admission *admission);

/* Reads the files of tokens, certificate and key again; what is wrong stays as it was, and the log
 * says so. */
void admission_reload(struct admission *admission);

#endif
