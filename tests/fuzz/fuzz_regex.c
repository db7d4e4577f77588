/* Any bytes as a regular expression and a text: the expression is one, or there is a harmless
 * reason; its cost is bounded; and Vectorscan, if it takes the plain form at all, decides as our
 * automaton does. Input: the expression; a byte 0xff; the text. */
#include <stdlib.h>
#include <string.h>

#include "streamer/filter/filter.h"
#include "streamer/filter/linear_regex.h"
#include "streamer/filter/pattern_set.h"
#include "tests/fuzz/fuzz.h"

enum {
    EXPRESSION_MAX = FILTER_VALUE_MAX,
    /* What takes Vectorscan tenths of a second is no use here. */
    COMPILED_MAX = 64,
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_reason(const char *reason)
{
    check(reason && *reason && strlen(reason) < FILTER_REASON_SIZE / 2);
    for (const char *at = reason; *at; at++)
        check(*at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\');
}

static void note_match(size_t pattern, void *context)
{
    bool *found = context;
    check(pattern == 0 && !*found);
    *found = true;
}

static void compare(const struct linear_regex *regex, struct bytes text)
{
    const char *plain = linear_regex_plain(regex);
    struct pattern_set *set =
        plain && pattern_sets_are_possible() ? pattern_set_compile(&plain, 1) : NULL;
    if (!set)
        return;
    struct pattern_scratch *scratch = pattern_scratch_create();
    bool found = false;
    pattern_scratch_fit(scratch, set);
    pattern_set_search(set, scratch, text, note_match, &found);
    check(found == linear_regex_matches(regex, text));
    pattern_scratch_destroy(scratch);
    pattern_set_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
    struct bytes expression = bytes_of(data, end ? (size_t)(end - data) : size);
    struct bytes text =
        bytes_of(data + expression.size + (end != NULL), size - expression.size - (end != NULL));
    const char *reason = NULL;
    if (expression.size > EXPRESSION_MAX)
        return 0;
    struct linear_regex *regex = linear_regex_create(expression, &reason);
    if (!regex) {
        check_reason(reason);
        return 0;
    }
    check(linear_regex_steps(regex) <= (size_t)64 * REGEX_POSITIONS_MAX * REGEX_POSITIONS_MAX);
    (void)linear_regex_matches(regex, text);
    if (expression.size <= COMPILED_MAX)
        compare(regex, text);
    linear_regex_destroy(regex);
    return 0;
}
