/*
 * certstream-backfill: some entries of one log, read and proven by the followers' own code, to
 * standard output or under a prefix of their own in Redis; never into the live stream, where each
 * index is once.
 */
#ifndef INGEST_BACKFILL_BACKFILL_H
#define INGEST_BACKFILL_BACKFILL_H

#include "ingest/backfill/backfill_settings.h"

/* The exit code: 0 when all is done, or nobody reads any more; 1 if it cannot be, or `stop` was set
 * by a signal; 2 for a log that is not known. */
int backfill_run(const struct backfill_settings *settings, const struct backfill_range *range,
                 const volatile int *stop);

#endif
