/*
 * What an administrator orders by hand for one log: to be looked at again at once (release), or to
 * go on from another index (rebase). It is carried out in Redis, where the process that follows the
 * log hears of it, and is recorded in the stream as an entry with the field `control`
 * (redis/README.md): who reads the stream sees why indexes jump.
 */
#ifndef INGEST_ADMIN_ORDER_H
#define INGEST_ADMIN_ORDER_H

#include "ingest/ingest_settings.h"

enum {
    ADMIN_ORDER_REASON_MAX = 500,
};

/* NULL, or a constant text that says why `text` is no log id in hex (for release), or no "log
 * id=index" (for rebase). */
const char *admin_order_check_release(const char *text);
const char *admin_order_check_rebase(const char *text);

/* Carries out --release or --rebase and says on standard output what has become of it; the
 * process's exit code. */
int admin_order_run(const struct ingest_settings *settings);

#endif
