/*
 * Which ingest process follows a log: P:lease:<log id> holds the name of the instance and expires. Taking and renewing is
 * one step of a script, so it cannot be done on what another process has just changed. The lease spares double work; what
 * keeps the stream exact is the fence of the append.
 */
#ifndef INGEST_LEASE_H
#define INGEST_LEASE_H

#include "shared/redis_link.h"

enum {
    LEASE_MS = 6000,
    /* Two renewals may be lost before the lease is. */
    LEASE_RENEW_MS = 2000,
};

/* What the script answers. */
struct lease {
    bool is_owned; /* it is `instance`'s now; else somebody else's */
    uint64_t
        epoch; /* of the log's checkpoint (0: there is none): changes when an operator moves its position */
};

/* Takes or renews; the reply is read by lease_read. `log_key` is the log's hash. */
bool lease_take(struct redis_link *link, const char *key, const char *log_key, const char *instance,
                redis_link_on_reply on_reply, void *context);
/* False if the reply is none to lease_take: an error, or something odd. */
bool lease_read(struct lease *lease, const struct redisReply *reply);
/* Gives it back if it is `instance`'s. */
bool lease_release(struct redis_link *link, const char *key, const char *instance);

#endif
