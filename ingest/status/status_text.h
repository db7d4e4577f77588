/* A status as people read it, and as JSON. Pure. */
#ifndef INGEST_STATUS_STATUS_TEXT_H
#define INGEST_STATUS_STATUS_TEXT_H

#include "ingest/status/status.h"
#include "shared/process/terminal.h"

/* `logs_only`: without the processes. */
void status_text_write(struct buffer *out, const struct terminal *terminal,
                       const struct status *status, bool logs_only, unsigned long long now_ms);
void status_text_write_json(struct buffer *out, const struct status *status,
                            unsigned long long now_ms);

#endif
