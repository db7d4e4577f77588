/*
 * Metrics onto a buffer, in the text form that Prometheus reads (exposition format 0.0.4). Names,
 * types and help are constants of ours; values of labels come from anywhere and are escaped here. A
 * failed buffer is checked once, at the end.
 */
#ifndef STREAMER_HTTP_METRIC_WRITER_H
#define STREAMER_HTTP_METRIC_WRITER_H

#include "shared/base/buffer.h"

struct metric_label {
    const char *name;
    struct bytes value;
};

struct metric_labels {
    const struct metric_label *items;
    size_t count;
};

/* What comes before the samples of a name. `type` is "counter" or "gauge". */
void metric_family(struct buffer *out, const char *name, const char *type, const char *help);

/* One sample. */
void metric_unsigned(struct buffer *out, const char *name, struct metric_labels labels,
                     uint64_t value);
/* Milliseconds as seconds. */
void metric_milliseconds(struct buffer *out, const char *name, struct metric_labels labels,
                         uint64_t value_ms);
/* A decimal fraction from outside; nothing is written if it is none. */
void metric_decimal(struct buffer *out, const char *name, struct metric_labels labels,
                    struct bytes value);

#endif
