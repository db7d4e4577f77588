/*
 * From answers to proven entries: takes the answers of a followed log in order, makes entries and
 * leaf hashes of them, holds these until the tree they lead to is proven to be one that the log
 * signed, and then gives them to the publisher. What is not proven is thrown away, and if it stays
 * so, the log is quarantined with evidence.
 */
#ifndef INGEST_LOGS_LOG_WINDOW_H
#define INGEST_LOGS_LOG_WINDOW_H

#include "ingest/logs/followed_log.h"

/* An append that goes on from the end of the window. */
struct batch *log_window_begin_batch(struct followed_log *log);

/* Takes the answer whose turn it is. True if there was one. */
bool log_window_take(struct followed_log *log, uint64_t now_ms);
/* Proves the window if it is time to. */
void log_window_settle(struct followed_log *log, uint64_t now_ms);
/* Throws the window away: the position is what was released. */
void log_window_clear(struct followed_log *log);

/* What has become of the proof that a FETCH_PROOF or FETCH_CLASSIFY was for. */
void log_window_on_proof(struct followed_log *log, enum fetch_kind kind, enum log_proof_state state,
                         uint64_t now_ms);
/* What would tell the class of a mismatch does not come. */
void log_window_on_no_class(struct followed_log *log, uint64_t now_ms);

/* A read-only log that is finished has ended as the log list says, or is quarantined. */
void log_window_check_end(struct followed_log *log, uint64_t now_ms);

/* A head that the log signed, and as it was served. False if it contradicts what is known: the log
 * is then in quarantine. */
bool log_window_accepts_head(struct followed_log *log, const struct signed_head *head,
                             struct bytes text, uint64_t now_ms);

#endif
