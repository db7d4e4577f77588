/*
 * The requests of a followed log: what its follower wants is sent as far as its operator's budget
 * and the memory for answers go, and each answer is taken to where it belongs.
 */
#ifndef INGEST_LOGS_LOG_FETCH_H
#define INGEST_LOGS_LOG_FETCH_H

#include "ingest/http/http_client.h"
#include "ingest/logs/followed_log.h"

uint64_t log_fetch_work(struct followed_log *log, uint64_t now_ms);

/* How the log is reached, by its settings. */
struct http_way log_fetch_way(const struct followed_log *log);

#endif
