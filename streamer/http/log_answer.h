/* /api/logs: what ingest says of each log and of itself, as JSON. */
#ifndef STREAMER_HTTP_LOG_ANSWER_H
#define STREAMER_HTTP_LOG_ANSWER_H

#include "shared/base/buffer.h"

struct log_reports;

/* Appends {"logs":[…],"ingests":[…]}. What Redis does not have is null. `now_ms` is since 1970. */
void log_answer_write(struct buffer *out, const struct log_reports *reports, uint64_t now_ms);

#endif
