/*
 * Many regular expressions that a text is searched for all at once, with Vectorscan: a name takes
 * about as long for a thousand of them as for ten. Compiling takes from a tenth of a millisecond
 * to a fifth of a second each, whatever their length (tests/bench/bench_filter), cannot be bounded,
 * and so has no place in the loop: pattern_compiler.h.
 */
#ifndef STREAMER_FILTER_PATTERN_SET_H
#define STREAMER_FILTER_PATTERN_SET_H

#include "shared/base/bytes.h"

struct pattern_set;
struct pattern_scratch;

typedef void (*pattern_on_match)(size_t pattern, void *context);

/* False where the processor lacks what Vectorscan needs (SSE4.2 of x86): then there are no sets. */
bool pattern_sets_are_possible(void);

/* Expressions as linear_regex_plain has them, borrowed for the call. NULL if one of them is beyond
 * Vectorscan, such as one with an anchor in the middle. `count` is not 0. */
struct pattern_set *pattern_set_compile(const char *const *expressions, size_t count);
/* NULL is fine. */
void pattern_set_destroy(struct pattern_set *set);
size_t pattern_set_bytes(const struct pattern_set *set);

/* What a search needs beside the set; one is enough for all sets of a thread. */
struct pattern_scratch *pattern_scratch_create(void);
/* NULL is fine. */
void pattern_scratch_destroy(struct pattern_scratch *scratch);
/* Makes it large enough for the set, too; to be called once before sets are searched with it. */
void pattern_scratch_fit(struct pattern_scratch *scratch, const struct pattern_set *set);

/* Calls back for each pattern that matches anywhere in `text`, once, in any order. */
void pattern_set_search(const struct pattern_set *set, struct pattern_scratch *scratch,
                        struct bytes text, pattern_on_match on_match, void *context);

#endif
