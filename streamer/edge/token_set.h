/*
 * The access tokens that let clients in (RFC 6750). Only their SHA-256 is kept, and what a client
 * presents is compared with each of them in constant time.
 */
#ifndef STREAMER_EDGE_TOKEN_SET_H
#define STREAMER_EDGE_TOKEN_SET_H

#include "shared/base/bytes.h"
#include "streamer/edge/customers.h"

struct token_set;

enum {
    TOKEN_SIZE_MIN = 8,
    TOKEN_SIZE_MAX = 256,
    TOKENS_MAX = 1000,
    TOKEN_NAME_SIZE = 33, /* with its NUL */
};

/* Who has a token that is named is a customer of his own. */
struct token_holder {
    char customer[CUSTOMER_NAME_SIZE]; /* "token alice"; empty: it has no name */
    struct customer_limits limits;     /* his own; what is UINT64_MAX is as everybody's */
};

struct token_set *token_set_create(void);
/* NULL is fine. */
void token_set_destroy(struct token_set *set);

/* NULL, or in a constant text why this is no token. */
const char *token_set_check(struct bytes token);
/* NULL, or what is wrong: also when there are too many. */
const char *token_set_add(struct token_set *set, struct bytes token);
/* A line of a file: a token, or alice:token, and after a name limits: "connections=500",
 * "filters=100", "filter-time=200", "searches=8", "replay-rate=33554432", each a number, 0 for
 * none. NULL, or what is wrong. */
const char *token_set_add_line(struct token_set *set, struct bytes line);
/* The lines of a file; empty ones and those that begin with # say nothing. NULL, or what is wrong,
 * and the number of the line in `line`. */
const char *token_set_add_lines(struct token_set *set, struct bytes text, size_t *line);
size_t token_set_count(const struct token_set *set);

/* NULL if there is no such token. */
const struct token_holder *token_set_find(const struct token_set *set, struct bytes token);
/* Each of them, 0 to token_set_count - 1. */
const struct token_holder *token_set_holder(const struct token_set *set, size_t number);
bool token_set_has(const struct token_set *set, struct bytes token);

#endif
