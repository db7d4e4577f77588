/*
 * Which values are the most frequent of a stream of any, in constant memory: the space-saving
 * algorithm (Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
 * Data Streams", 2005). A value that makes up more than one in TOP_VALUES_MAX is always among them,
 * whoever chooses the others.
 */
#ifndef STREAMER_HTTP_TOP_VALUES_H
#define STREAMER_HTTP_TOP_VALUES_H

#include "shared/base/bytes.h"

enum {
    TOP_VALUES_MAX = 48,
    /* X.520 gives names 64 characters. */
    TOP_VALUE_SIZE = 112,
};

struct top_value {
    uint64_t count; /* at least as often as it came */
    uint64_t error; /* by so much too often, at most: what stood in its place before it came */
    size_t size;
    uint8_t text[TOP_VALUE_SIZE];
};

/* All zero: none yet. */
struct top_values {
    size_t count;
    struct top_value items[TOP_VALUES_MAX]; /* the most frequent first */
};

/* The value came so often. What is longer than TOP_VALUE_SIZE is not counted. */
void top_values_add(struct top_values *values, struct bytes text, uint64_t count);
/* What came to `others` came to `values` too. */
void top_values_merge(struct top_values *values, const struct top_values *others);

#endif
