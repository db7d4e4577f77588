/* Filters that are looked up together decide as each does by itself. */
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "streamer/filter/filter.h"
#include "streamer/filter/filter_index.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/pattern_set.h"
#include "tests/unit/entry_builder.h"

enum {
    FILTERS = 120,
    ENTRIES = 200,
    TURNS = 6,
    NOW = 1000,
    WAIT_MS = 60000,
    /* The thread that compiles stands behind everything else on the machine. */
    COMPILE_MS = 300000,
};

/* A filter that may be in the index; its owner there. */
struct place {
    struct filter *filter;
    struct filter_member *member;
    bool passed;
};

static struct filter *make_filter(const char *text)
{
    static struct query query;
    static const char *const others[] = { NULL };
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    while (*text) {
        size_t size = strcspn(text, "&");
        assert_true(query_add(&query, bytes_of(text, size)));
        text += size + (text[size] == '&');
    }
    if (!filter_create(&filter, &query, others, reason))
        fail_msg("%s", reason);
    return filter;
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)rand() % limit; /* NOLINT: a test's */
}

static const char *const pieces[] = {
    "domain=a.example",
    "domain=*.example",
    "domain=.b.example",
    "domain=*.c.example",
    "domain=c.b.example",
    "domain=example",
    "domain=*.b.example",
    "match=a",
    "match=b.e",
    "match=nothing",
    "match=c.",
    "match=.example.",
    "regex=^a",
    "regex=^[ab]\\.",
    "regex=e$",
    "regex=x*",
    "regex=(a|b)\\.(b|c)",
    "regex=^.{3,9}$",
    "regex=z",
    "regex=a$b",
    "regex=^a{0}b",
    "type=cert",
    "type=precert",
    "issuer=r1*",
    "issuer=example*",
    "operator=nobody",
    "log=*oak*",
};

static struct filter *make_random_filter(void)
{
    char text[512] = { 0 };
    for (unsigned count = 1 + random_below(4); count > 0; count--) {
        (void)strncat(text, pieces[random_below(sizeof pieces / sizeof *pieces)],
                      sizeof text - strlen(text) - 1);
        if (count > 1)
            (void)strncat(text, "&", sizeof text - strlen(text) - 1);
    }
    struct filter *filter = make_filter(text);
    return filter ? filter : make_filter("match=a");
}

static void write_name(char *out, size_t size)
{
    static const char *const parts[] = { "a.",       "b.", "c.", "*.",    "example",
                                         "example.", "z",  "A.", "xn--b", "b.example" };
    out[0] = 0;
    for (unsigned count = random_below(5); count > 0; count--)
        (void)strncat(out, parts[random_below(sizeof parts / sizeof *parts)],
                      size - strlen(out) - 1);
}

static void build_random_entry(struct built_entry *built)
{
    char names[ENTRY_NAMES_MAX][64];
    struct entry_parts parts = { .is_precertificate = random_below(2),
                                 .issuer_common_name = random_below(2) ? "R11" : NULL };
    size_t count = 1 + random_below(3);
    for (size_t i = 0; i < count; i++) {
        write_name(names[i], sizeof names[i]);
        parts.names[i] = bytes_of_string(names[i]);
    }
    build_entry(built, &parts);
}

/* Answers how many passed. */
static size_t check_entry(struct filter_index *index, struct filter_subject *subject,
                          struct place *places)
{
    void *const *owners;
    size_t count = filter_index_find(index, subject, &owners);
    for (size_t i = 0; i < FILTERS; i++)
        places[i].passed = false;
    for (size_t i = 0; i < count; i++) {
        struct place *place = owners[i];
        assert_false(place->passed);
        place->passed = true;
    }
    for (size_t i = 0; i < FILTERS; i++) {
        const struct filter *filter = places[i].filter;
        bool expected = places[i].member && filter_matches(filter, subject);
        if (places[i].passed != expected)
            fail_msg("%s: %d expected of %.*s", filter_text(filter), expected,
                     (int)filter_subject_entry(subject)->domains.size,
                     (const char *)filter_subject_entry(subject)->domains.data);
    }
    return count;
}

static size_t check_entries(struct filter_index *index, struct place *places)
{
    struct filter_subject *subject = filter_subject_create(NULL);
    size_t passed = 0;
    for (size_t i = 0; i < ENTRIES; i++) {
        struct built_entry built;
        build_random_entry(&built);
        filter_subject_set(subject, &built.entry);
        passed += check_entry(index, subject, places);
        built_entry_free(&built);
    }
    filter_subject_destroy(subject);
    return passed;
}

/* Some come, some go. */
static void change_places(struct filter_index *index, struct place *places)
{
    for (size_t i = 0; i < FILTERS; i++) {
        if (random_below(3) == 0)
            continue;
        if (places[i].member)
            filter_index_remove(index, places[i].member);
        filter_release(places[i].filter);
        places[i].filter = make_random_filter();
        places[i].member =
            random_below(6) ? filter_index_add(index, places[i].filter, &places[i]) : NULL;
    }
}

static void wait_for_set(const struct filter_index *index)
{
    struct pollfd descriptor = { filter_index_descriptor(index), POLLIN, 0 };
    if (pattern_sets_are_possible())
        assert_int_equal(poll(&descriptor, 1, COMPILE_MS), 1);
}

static void decides_as_each_filter_by_itself(void **state)
{
    (void)state;
    static struct place places[FILTERS];
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed); /* NOLINT: a test's */
    struct filter_index *index = filter_index_create();
    size_t passed = 0;
    uint64_t now_ms = NOW;
    for (size_t i = 0; i < FILTERS; i++)
        places[i] = (struct place){ make_random_filter(), NULL, false };
    for (size_t turn = 0; turn < TURNS; turn++, now_ms += WAIT_MS) {
        change_places(index, places);
        passed += check_entries(index, places);
        filter_index_tick(index, now_ms);
        /* While it is compiled, and with some gone when it comes. */
        change_places(index, places);
        passed += check_entries(index, places);
        wait_for_set(index);
        filter_index_take(index, now_ms);
        passed += check_entries(index, places);
        if (pattern_sets_are_possible())
            assert_int_equal(filter_index_stats(index)->compilations, turn + 1);
    }
    assert_true(passed > 1000);
    for (size_t i = 0; i < FILTERS; i++) {
        if (places[i].member)
            filter_index_remove(index, places[i].member);
        filter_release(places[i].filter);
    }
    assert_int_equal(filter_index_stats(index)->filters, 0);
    assert_int_equal(filter_index_stats(index)->alone, 0);
    assert_int_equal(filter_index_stats(index)->alone_cost, 0);
    filter_index_destroy(index);
}

static void compile(struct filter_index *index, uint64_t now_ms)
{
    filter_index_tick(index, now_ms);
    wait_for_set(index);
    filter_index_take(index, now_ms);
}

static void new_filters_are_alone_until_they_are_compiled(void **state)
{
    (void)state;
    struct filter_index *index = filter_index_create();
    const struct filter_index_stats *stats = filter_index_stats(index);
    enum {
        COUNT = 5
    };
    struct filter *filters[COUNT] = { make_filter("regex=^shop"), make_filter("match=a"),
                                      make_filter("domain=a.example"), make_filter("type=cert"),
                                      make_filter("regex=(.a){120}") };
    struct filter_member *members[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        members[i] = filter_index_add(index, filters[i], NULL);
    assert_int_equal(stats->alone, 3);
    assert_int_equal(stats->alone_cost,
                     filter_cost(filters[0]) + filter_cost(filters[1]) + filter_cost(filters[4]));
    if (pattern_sets_are_possible()) {
        compile(index, NOW);
        /* The costly one stays, and is not tried again and again. */
        assert_int_equal(stats->alone, 1);
        assert_int_equal(stats->alone_cost, filter_cost(filters[4]));
        assert_true(stats->set_bytes > 0);
        for (uint64_t now_ms = NOW; now_ms < NOW + 100000; now_ms += 1000)
            filter_index_tick(index, now_ms);
        assert_int_equal(stats->compilations, 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        filter_index_remove(index, members[i]);
        filter_release(filters[i]);
    }
    filter_index_destroy(index);
}

static void what_is_alone_may_cost_so_much(void **state)
{
    (void)state;
    struct filter_index *index = filter_index_create();
    struct filter *costly = make_filter("regex=.{0,120}!&regex=.{0,121}!");
    struct filter *cheap = make_filter("domain=*.example");
    enum {
        MEMBERS_MAX = 2048
    };
    struct filter_member *members[MEMBERS_MAX];
    size_t count = 0;
    while (filter_index_has_room(index, costly)) {
        assert_true(count < MEMBERS_MAX);
        members[count++] = filter_index_add(index, costly, NULL);
    }
    assert_true(count > 5);
    assert_true(filter_index_has_room(index, cheap));
    filter_index_remove(index, members[--count]);
    assert_true(filter_index_has_room(index, costly));
    while (count > 0)
        filter_index_remove(index, members[--count]);
    filter_release(costly);
    filter_release(cheap);
    filter_index_destroy(index);
}

enum {
    MANY = 200,
    /* What a pattern costs is measured: a busy machine may find one too costly, and under a
     * sanitizer, which makes compiling ten times as slow, many are. */
#ifdef __SANITIZE_ADDRESS__
    COSTLY_MAX = MANY / 2
#else
    COSTLY_MAX = MANY / 20
#endif
};

/* Of patterns that are compiled quickly, also under a sanitizer. */
static void add_many(struct filter_index *index, struct filter **filters,
                     struct filter_member **members)
{
    for (size_t i = 0; i < MANY; i++) {
        char fragment[64];
        (void)snprintf(fragment, sizeof fragment, "regex=^x%zu[a-z]", i);
        filters[i] = make_filter(fragment);
        members[i] = filter_index_add(index, filters[i], &filters[i]);
    }
}

static void remove_many(struct filter_index *index, struct filter **filters,
                        struct filter_member **members)
{
    for (size_t i = 0; i < MANY; i++) {
        filter_index_remove(index, members[i]);
        filter_release(filters[i]);
    }
}

static void expect_together(const struct filter_index_stats *stats)
{
    assert_true(stats->alone <= COSTLY_MAX);
}

/* Filters that come and go again take the compiler no time to speak of. */
static void what_nobody_waits_for_is_not_compiled(void **state)
{
    (void)state;
    static struct filter *filters[MANY];
    static struct filter_member *members[MANY];
    struct filter_index *index = filter_index_create();
    const struct filter_index_stats *stats = filter_index_stats(index);
    uint64_t now_ms = NOW;
    if (!pattern_sets_are_possible())
        skip();
    add_many(index, filters, members);
    compile(index, now_ms);
    expect_together(stats);
    uint64_t whole_ms = stats->compiling_ms;
    remove_many(index, filters, members);
    /* They go while they are compiled. */
    add_many(index, filters, members);
    filter_index_tick(index, now_ms += WAIT_MS);
    remove_many(index, filters, members);
    wait_for_set(index);
    filter_index_take(index, now_ms);
    print_message("%u ms instead of %u\n", (unsigned)(stats->compiling_ms - whole_ms),
                  (unsigned)whole_ms);
    assert_true(stats->compiling_ms - whole_ms < whole_ms / 2);
    assert_int_equal(stats->set_bytes, 0);
    /* They are there, and nobody listens through them. */
    add_many(index, filters, members);
    for (size_t i = 0; i < MANY; i++)
        filter_index_set_awaited(index, members[i], i == 7);
    uint64_t before_ms = stats->compiling_ms;
    compile(index, now_ms += WAIT_MS);
    assert_true(stats->alone >= MANY - 1);
    assert_true(stats->compiling_ms - before_ms < whole_ms / 2);
    uint64_t compilations = stats->compilations;
    filter_index_tick(index, now_ms += WAIT_MS);
    for (size_t i = 0; i < MANY; i++)
        filter_index_set_awaited(index, members[i], true);
    compile(index, now_ms + WAIT_MS);
    assert_int_equal(stats->compilations, compilations + 1);
    expect_together(stats);
    /* One that is in the set stays there, though nobody listens just now. */
    filter_index_set_awaited(index, members[0], false);
    expect_together(stats);
    remove_many(index, filters, members);
    filter_index_destroy(index);
}

/* Filters that all ask for something that nearly every entry has, and each for something that
 * hardly one has. */
static void who_asks_for_what_all_have_is_seldom_asked(void **state)
{
    (void)state;
    static const struct {
        const char *before, *behind; /* a number */
    } shapes[] = {
        { "domain=*.example&match=shop", ".&regex=^[a-z]&type=cert" },
        { "domain=*.shop", ".example&match=e&regex=^[a-z]+&type=cert" },
        { "domain=*.example&match=e&match=f&regex=shop", "[a-z]*\\." },
        { "log=*oak", "*" },
        { "operator=operator ", "" },
        { "issuer=authority ", "*" },
        { "domain=*.example&match=e&log=*oak", "*" },
        { "domain=*.example&log=*&issuer=authority ", "*&type=cert" },
        { "regex=^[a-z]&issuer=r1*&operator=*&log=*oak", "*" },
    };
    enum {
        COUNT = 300,
        LEARN = 100,
        LOOK = 2000,
        /* Each filter may try its ways anew now and then, and somebody's shop comes by. */
        ASKED_MAX = COUNT / 20
    };
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        struct filter_index *index = filter_index_create();
        struct filter_subject *subject = filter_subject_create(NULL);
        struct filter *filters[COUNT];
        struct filter_member *members[COUNT];
        for (unsigned i = 0; i < COUNT; i++) {
            char text[256];
            (void)snprintf(text, sizeof text, "%s%u%s", shapes[shape].before, i,
                           shapes[shape].behind);
            filters[i] = make_filter(text);
            members[i] = filter_index_add(index, filters[i], filters[i]);
        }
        bool is_compiled = filter_pattern_count(filters[0]) > 0;
        if (is_compiled && pattern_sets_are_possible())
            compile(index, NOW);
        uint64_t before = 0;
        size_t passed = 0;
        for (unsigned i = 0; i < LEARN + LOOK; i++) {
            char name[64];
            struct built_entry built;
            void *const *owners;
            (void)snprintf(name, sizeof name, "www.shop%u.example", i);
            build_entry(&built, &(struct entry_parts){ .names = { bytes_of_string(name) },
                                                       .issuer_common_name = "R11" });
            filter_subject_set(subject, &built.entry);
            passed += filter_index_find(index, subject, &owners);
            built_entry_free(&built);
            if (i + 1 == LEARN)
                before = filter_index_stats(index)->asked;
        }
        uint64_t asked = filter_index_stats(index)->asked - before;
        size_t together = COUNT - filter_index_stats(index)->alone;
        print_message("%s%s: %zu together, %" PRIu64 " asked in %d entries, %zu passed\n",
                      shapes[shape].before, shapes[shape].behind, together, asked, LOOK, passed);
        assert_true(asked < (uint64_t)LOOK * ASKED_MAX);
        for (unsigned i = 0; i < COUNT; i++) {
            filter_index_remove(index, members[i]);
            filter_release(filters[i]);
        }
        filter_subject_destroy(subject);
        filter_index_destroy(index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_each_filter_by_itself),
        cmocka_unit_test(what_nobody_waits_for_is_not_compiled),
        cmocka_unit_test(new_filters_are_alone_until_they_are_compiled),
        cmocka_unit_test(what_is_alone_may_cost_so_much),
        cmocka_unit_test(who_asks_for_what_all_have_is_seldom_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
