/*
 * The values of a filter, by kind: checked, and brought to the one form that stands for all that
 * mean the same, sorted and once each, so that equal filters have equal values.
 */
#ifndef STREAMER_FILTER_FILTER_VALUE_H
#define STREAMER_FILTER_FILTER_VALUE_H

#include "shared/base/bytes.h"

struct linear_regex;

/* A filter's text has them in this order. */
enum filter_kind {
    FILTER_DOMAIN,
    FILTER_ISSUER,
    FILTER_LOG,
    FILTER_MATCH,
    FILTER_OPERATOR,
    FILTER_REGEX,
    FILTER_TYPE,
    FILTER_UNIQUE,
    FILTER_KINDS,
};

struct filter_value {
    uint8_t *data;
    size_t size;
    struct linear_regex *regex; /* of a FILTER_REGEX; else NULL */
};

struct filter_values {
    struct filter_value *items;
    size_t count;
};

/* "domain" and so on. */
const char *filter_kind_name(enum filter_kind kind);
/* The kind of this name; FILTER_KINDS if there is none. */
enum filter_kind filter_kind_find(struct bytes name);

/* Adds a value of this kind unless it is there. NULL, or a constant that says what is wrong with
 * it, to be read behind the kind's name. */
const char *filter_values_add(struct filter_values *values, enum filter_kind kind,
                              struct bytes text);
void filter_values_clear(struct filter_values *values);

struct bytes filter_value_text(const struct filter_value *value);

/* The part of a FILTER_DOMAIN behind "*." or "."; and whether it takes that name itself, and the
 * names below it. */
struct bytes filter_value_domain(struct bytes domain, bool *takes_whole, bool *takes_below);

/* 64 hex digits: a log's id, or the fingerprint of an issuer. */
bool filter_value_is_id(struct bytes text);

#endif
