/* /metrics: the streamer's own counters, and what ingest says of the logs and of itself, as metrics
 * for Prometheus. */
#ifndef STREAMER_HTTP_METRICS_H
#define STREAMER_HTTP_METRICS_H

#include "shared/base/buffer.h"

struct http_sources;
struct log_reports;

/* Appends all of them. */
void metrics_write(struct buffer *out, const struct http_sources *sources);

/* The part of them that ingest says. */
void metrics_write_logs(struct buffer *out, const struct log_reports *reports);
void metrics_write_ingests(struct buffer *out, const struct log_reports *reports);

#endif
