/*
 * Regular expressions whose time is linear in the text, whatever the expression and the text are:
 * both come from strangers. An expression is compiled to at most REGEX_POSITIONS_MAX places where a
 * byte is read; matching keeps the set of places it may be at as bits and moves all of them with
 * each byte (Glushkov's automaton), so there is no backtracking.
 *
 * It is what a filter is matched with by itself; together they are searched for with Vectorscan
 * (filter_index.h). That one cannot do both: some expressions of 16 places take it 25 ms to compile
 * and others 170 ms, which nothing bounds or interrupts. PCRE2 and Oniguruma backtrack, and the C
 * library's regcomp has no bound either.
 *
 * Syntax, over lower-case text: literals  .  [a-z0-9-]  [^…]  \d \w \s \D \W \S  \x (x itself, of
 * punctuation)  ^  $  | ( )  (?: )  and  * + ? {m} {m,} {m,n}. Capitals stand for their small
 * letters. `.` and [^…] are any byte. A ? behind a repetition (lazy) changes nothing, as only
 * "matches or not" is asked. No back references, no looking around, no \b: they are refused.
 */
#ifndef STREAMER_FILTER_LINEAR_REGEX_H
#define STREAMER_FILTER_LINEAR_REGEX_H

#include "shared/base/bytes.h"

struct linear_regex;

enum {
    /* Each costs eight bytes per 64 others, and time per byte; a repetition counts as often as it
     * repeats. */
    REGEX_POSITIONS_MAX = 256,
};

/* NULL if the expression is none: then `reason` is a constant that says why. Takes bounded time and
 * memory. */
struct linear_regex *linear_regex_create(struct bytes expression, const char **reason);
/* NULL is fine. */
void linear_regex_destroy(struct linear_regex *regex);

/* The same expression in the plainest syntax, for an engine that knows Perl's: every byte by its
 * number, classes as ranges, no capitals. `^` is the start of the text and \z its end. Lives as
 * long as the regex; NULL if it would be too long. */
const char *linear_regex_plain(const struct linear_regex *regex);

/* What a name costs on average: bytes read and positions entered, counted over names as
 * certificates have them, and one as monotonous as may be. About a nanosecond each. */
size_t linear_regex_steps(const struct linear_regex *regex);

/* True if the expression matches anywhere in `text`. */
bool linear_regex_matches(const struct linear_regex *regex, struct bytes text);

#endif
