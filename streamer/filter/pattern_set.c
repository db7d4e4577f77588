#include "streamer/filter/pattern_set.h"

#include <assert.h>
#include <hs/hs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/memory.h"

/* Only whether a pattern matches is asked, not where or how often; and one that matches nothing at
 * all, an empty text, is a pattern, too. */
#define PATTERN_FLAGS (HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY)

/* The library's own types are never dereferenced here. */
struct pattern_set {
    hs_database_t *database;
};

struct pattern_scratch {
    hs_scratch_t *scratch;
};

struct search {
    pattern_on_match on_match;
    void *context;
};

bool pattern_sets_are_possible(void)
{
    return hs_valid_platform() == HS_SUCCESS;
}

/* No memory, or a bug. */
static void abort_unless_good(hs_error_t result, const char *what)
{
    if (result == HS_SUCCESS)
        return;
    (void)fprintf(stderr, "%s: error %d of Vectorscan\n", what, result);
    abort();
}

struct pattern_set *pattern_set_compile(const char *const *expressions, size_t count)
{
    assert(count > 0 && count < UINT_MAX);
    unsigned *numbers = memory_allocate(count * sizeof *numbers);
    unsigned *flags = memory_allocate(count * sizeof *flags);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (unsigned)i;
        flags[i] = PATTERN_FLAGS;
    }
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;
    hs_error_t result = hs_compile_multi(expressions, flags, numbers, (unsigned)count,
                                         HS_MODE_BLOCK, NULL, &database, &error);
    free(numbers);
    free(flags);
    if (result != HS_SUCCESS) {
        (void)hs_free_compile_error(error);
        return NULL;
    }
    struct pattern_set *set = memory_allocate(sizeof *set);
    set->database = database;
    return set;
}

void pattern_set_destroy(struct pattern_set *set)
{
    if (!set)
        return;
    (void)hs_free_database(set->database);
    free(set);
}

size_t pattern_set_bytes(const struct pattern_set *set)
{
    size_t bytes = 0;
    abort_unless_good(hs_database_size(set->database, &bytes), "a pattern set has no size");
    return bytes;
}

struct pattern_scratch *pattern_scratch_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct pattern_scratch));
}

void pattern_scratch_destroy(struct pattern_scratch *scratch)
{
    if (!scratch)
        return;
    (void)hs_free_scratch(scratch->scratch);
    free(scratch);
}

void pattern_scratch_fit(struct pattern_scratch *scratch, const struct pattern_set *set)
{
    abort_unless_good(hs_alloc_scratch(set->database, &scratch->scratch),
                      "no memory to search for patterns");
}

static int on_match(unsigned number, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    (void)from;
    (void)to;
    (void)flags;
    const struct search *search = context;
    search->on_match(number, search->context);
    return 0;
}

void pattern_set_search(const struct pattern_set *set, struct pattern_scratch *scratch,
                        struct bytes text, pattern_on_match on_pattern, void *context)
{
    assert(text.size <= UINT_MAX);
    struct search search = { on_pattern, context };
    /* An empty text may have no address, which the library takes for a mistake. */
    const char *data = text.size ? (const char *)text.data : "";
    abort_unless_good(
        hs_scan(set->database, data, (unsigned)text.size, 0, scratch->scratch, on_match, &search),
        "patterns cannot be searched for");
}
