/*
 * One answer of get-entries (RFC 6962 section 4.6), read as its pieces arrive, so that it is never
 * held as text. Pure.
 *
 * What nearly every log answers is plain: {"entries":[{"leaf_input":"…","extra_data":"…"},…]}, with
 * or without white space between, and no escapes. Its values are decoded one by one. At the first
 * byte that differs what was read is written back as text, which is exact but for white space,
 * because the base64 that is taken has one form only; then the rest is kept as it comes, for cJSON.
 */
#ifndef INGEST_CT_RFC6962_TEXT_H
#define INGEST_CT_RFC6962_TEXT_H

#include "shared/base/buffer.h"

struct reader;

/* In the order of an answer. */
enum rfc6962_step {
    RFC6962_HEAD,
    RFC6962_ENTRY, /* up to its first value */
    RFC6962_LEAF_INPUT,
    RFC6962_MIDDLE, /* between its values */
    RFC6962_EXTRA_DATA,
    RFC6962_ENTRY_END,
    RFC6962_NEXT, /* another entry, or the end of all */
    RFC6962_TAIL,
    RFC6962_END,
    RFC6962_OTHER, /* not plain: kept as text */
};

struct rfc6962_text {
    enum rfc6962_step step;
    size_t matched;        /* of what this step has to be */
    size_t count;          /* entries that are there whole */
    struct buffer entries; /* values, each behind its size: leaf_input, extra_data, leaf_input, … */
    struct buffer text;    /* a value that has not ended yet; of RFC6962_OTHER all that came */
};

/* `limit`: bytes of an answer that is too large to be right. */
void rfc6962_text_init(struct rfc6962_text *text, size_t limit);
void rfc6962_text_free(struct rfc6962_text *text);
/* Takes the next piece; it may end anywhere. */
void rfc6962_text_add(struct rfc6962_text *text, struct bytes piece);
/* Bytes that it holds. */
size_t rfc6962_text_size(const struct rfc6962_text *text);
/* The next of its values; `entries` has to be what is left of text->entries. */
struct bytes rfc6962_text_next_value(struct reader *entries);

#endif
