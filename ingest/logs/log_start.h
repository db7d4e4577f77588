/*
 * Where a followed log starts that Redis has no frontier of: the frontier of its first entries,
 * proven under its head (ingest/README.md, "What is proven").
 */
#ifndef INGEST_LOGS_LOG_START_H
#define INGEST_LOGS_LOG_START_H

#include "ingest/logs/followed_log.h"

/* The follower is about to fetch what the start needs: true if there is nothing to fetch, because
 * it has started. */
bool log_start_begin(struct followed_log *log, uint64_t now_ms);
/* What has become of the proof. False if the log contradicts itself: the fetch has failed. */
bool log_start_on_proof(struct followed_log *log, enum log_proof_state state, uint64_t now_ms);
/* Starts without a frontier, where nothing is verified. */
void log_start_bare(struct followed_log *log, uint64_t now_ms);

#endif
