/*
 * A log whose position Redis has lost although it had one: it is not new. It goes on behind its
 * newest entry in the stream or in packed history, so that none is there twice; or, where neither
 * has any of it, where Redis last had it, and the stream is told what it no longer holds.
 */
#ifndef INGEST_LOGS_LOG_RESTORE_H
#define INGEST_LOGS_LOG_RESTORE_H

#include "ingest/logs/followed_log.h"

/* Looks for the log's newest entry; the follower, which is loading, is told where it stands. The
 * log's last position is known. */
void log_restore_begin(struct followed_log *log, uint64_t now_ms);

/* The batch that writes the position of a log that is lost: it creates it, and says what the stream
 * no longer holds. Of another log nothing is changed. */
void log_restore_write(const struct followed_log *log, struct batch *batch);

#endif
