/*
 * The access tokens that let clients in (RFC 6750). Only their SHA-256 is kept, and what a client
 * presents is compared with each of them in constant time.
 */
#ifndef STREAMER_EDGE_TOKEN_SET_H
#define STREAMER_EDGE_TOKEN_SET_H

#include "shared/base/bytes.h"

struct token_set;

enum {
    TOKEN_SIZE_MIN = 8,
    TOKEN_SIZE_MAX = 256,
    TOKENS_MAX = 1000,
};

struct token_set *token_set_create(void);
/* NULL is fine. */
void token_set_destroy(struct token_set *set);

/* NULL, or in a constant text why this is no token. */
const char *token_set_check(struct bytes token);
/* NULL, or what is wrong: also when there are too many. */
const char *token_set_add(struct token_set *set, struct bytes token);
/* The lines of a file; empty ones and those that begin with # say nothing. NULL, or what is wrong,
 * and the number of the line in `line`. */
const char *token_set_add_lines(struct token_set *set, struct bytes text, size_t *line);
size_t token_set_count(const struct token_set *set);

bool token_set_has(const struct token_set *set, struct bytes token);

#endif
