/*
 * The parameters of a request's query, decoded: what the routes, filters and streams read theirs
 * from. Libwebsockets has taken the query apart at its ampersands and decoded each fragment
 * (percent signs and plus); here a fragment becomes a name and a value. Names may repeat.
 */
#ifndef STREAMER_FILTER_QUERY_H
#define STREAMER_FILTER_QUERY_H

#include "shared/base/bytes.h"

enum {
    /* A watch list of domains, each a parameter. */
    QUERY_PARAMETERS_MAX = 128,
    /* A query may be as long as the headers of a request. */
    QUERY_TEXT_MAX = 8192,
};

struct query_parameter {
    struct bytes name;
    struct bytes value; /* empty, but never NULL, if there was none */
};

struct query {
    struct query_parameter parameters[QUERY_PARAMETERS_MAX];
    size_t count;
    uint8_t text[QUERY_TEXT_MAX]; /* what the parameters are views of */
    size_t size;
};

/* No parameters. A query must not be copied: its views point into it. */
void query_init(struct query *query);

/* Adds a decoded fragment, "name=value" or "name"; an empty one is passed over. False, with nothing
 * added, if there are too many, or it is too long. */
bool query_add(struct query *query, struct bytes fragment);

/* The value of the first parameter of this name; no data if there is none. */
struct bytes query_find(const struct query *query, const char *name);

#endif
