/*
 * Numbers for texts that come again and again, as the names of an entry's log and issuer do, so
 * that what was found out about one need not be found out again. As many as there is room for; when
 * there is none all are forgotten, and another generation begins.
 */
#ifndef STREAMER_FILTER_REPEATED_TEXT_H
#define STREAMER_FILTER_REPEATED_TEXT_H

#include "shared/base/bytes.h"

enum {
    REPEATED_TEXTS_MAX = 256,
};

struct repeated_texts;

/* What somebody found out of each text, yes or no. Zeroed it knows nothing. */
struct text_verdicts {
    uint64_t generation;
    uint64_t known[REPEATED_TEXTS_MAX / 64], holds[REPEATED_TEXTS_MAX / 64];
};

struct repeated_texts *repeated_texts_create(void);
/* NULL is fine. */
void repeated_texts_destroy(struct repeated_texts *texts);

/* The text's number, below REPEATED_TEXTS_MAX, until the next call. */
size_t repeated_texts_number(struct repeated_texts *texts, struct bytes text);

/* Another one when all were forgotten: then numbers mean other texts. */
uint64_t repeated_texts_generation(const struct repeated_texts *texts);

/* True if it is known whether it holds of the text with this number; then *holds says so. */
bool text_verdicts_know(const struct text_verdicts *verdicts, const struct repeated_texts *texts,
                        size_t number, bool *holds);
void text_verdicts_note(struct text_verdicts *verdicts, const struct repeated_texts *texts,
                        size_t number, bool holds);

#endif
