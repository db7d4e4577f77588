/*
 * RFC 6962 logs that serve data tiles as well (protocol row "hybrid"). No list says so: when such a
 * log is far behind, one full tile is asked for, once a day. What it answers is kept in the log's
 * hash, and given up when tiles fail or do not lead to the signed root. Leaves in such tiles may
 * have a leaf_index extension that the log's tree does not have: both readings are tried.
 */
#ifndef INGEST_LOGS_LOG_HYBRID_H
#define INGEST_LOGS_LOG_HYBRID_H

#include "ingest/logs/followed_log.h"

/* What the log's hash says of tiles ("" if nothing), when its position has been read. */
void log_hybrid_remember(struct followed_log *log, struct bytes tiles);

/* Asks for a tile when it is time to, and gives tiles up when they fail. When it is to be called
 * again; UINT64_MAX: after an event. */
uint64_t log_hybrid_work(struct followed_log *log, uint64_t now_ms);

/* The entries were not those of the signed tree: if they came from tiles, the other reading is
 * tried, or tiles are given up. */
void log_hybrid_on_mismatch(struct followed_log *log, uint64_t now_ms);

#endif
