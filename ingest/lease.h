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

/* Takes or renews; the reply is the integer 1 if the lease is `instance`'s now, 0 if it is somebody else's. */
bool lease_take(struct redis_link *link, const char *key, const char *instance,
                redis_link_on_reply on_reply, void *context);
/* Gives it back if it is `instance`'s. */
bool lease_release(struct redis_link *link, const char *key, const char *instance);

#endif
