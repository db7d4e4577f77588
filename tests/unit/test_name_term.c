/* What several filters look for is one term, and who waits for it can come and go. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/filter/name_term.h"
#include "tests/support/seeded_random.h"

enum {
    ROUNDS = 20000,
    KINDS = 60,
    FOLLOWERS = 12,
};

static struct name_term *take_pattern(struct name_terms *terms, const char *expression)
{
    return name_terms_pattern(terms, memory_copy_string(expression));
}

static struct name_term *take_domain(struct name_terms *terms, const char *name, bool whole,
                                     bool below)
{
    const struct domain_entry domain = {
        .name = bytes_of_string(name),
        .hash = subject_hash(bytes_of_string(name)),
        .takes_whole = whole,
        .takes_below = below,
    };
    return name_terms_domain(terms, &domain);
}

static void equal_things_are_one_term(void **state)
{
    (void)state;
    struct name_terms terms = { 0 };
    char name[] = "b.example";
    enum {
        COUNT = 7
    };
    struct name_term *all[COUNT] = {
        take_pattern(&terms, "^a"),
        take_pattern(&terms, "^a"),
        take_pattern(&terms, "^b"),
        take_domain(&terms, name, true, false),
        take_domain(&terms, name, true, true),
        take_domain(&terms, name, false, true),
        take_domain(&terms, name, true, true),
    };
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++) {
            bool is_same = (i == 1 && j == 0) || (i == 6 && j == 4);
            assert_int_equal(all[i] == all[j], is_same);
        }
    /* The name was copied. */
    memset(name, 'x', sizeof name - 1);
    assert_true(take_domain(&terms, "b.example", true, false) == all[3]);
    name_term_release(&terms, all[3]);
    /* Who is left keeps it. */
    name_term_release(&terms, all[0]);
    assert_true(take_pattern(&terms, "^a") == all[1]);
    for (size_t i = 0; i < COUNT; i++)
        name_term_release(&terms, all[i]);
    name_terms_free(&terms);
}

static size_t count_followers(const struct name_term *term)
{
    size_t count = 0;
    for (const struct term_follower *follower = term->followers; follower;
         follower = follower->next) {
        assert_ptr_equal(*follower->link, follower);
        assert_ptr_equal(follower->term, term);
        count++;
    }
    return count;
}

struct model {
    struct name_terms terms;
    struct name_term *of_kind[KINDS]; /* NULL: nobody has it */
    size_t references[KINDS];
    struct term_follower followers[FOLLOWERS];
    size_t follows[FOLLOWERS]; /* the kind, or KINDS */
};

static struct name_term *take_kind(struct model *model, size_t kind)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu.example", kind / 3);
    return kind % 3 ? take_domain(&model->terms, text, kind % 3 == 1, true)
                    : take_pattern(&model->terms, text);
}

static void take_one(struct model *model, size_t kind)
{
    struct name_term *term = take_kind(model, kind);
    if (model->references[kind]++ > 0)
        assert_ptr_equal(term, model->of_kind[kind]);
    model->of_kind[kind] = term;
}

static void leave_one(struct model *model, size_t i)
{
    name_term_leave(&model->followers[i]);
    assert_null(model->followers[i].link);
    name_term_leave(&model->followers[i]);
    model->follows[i] = KINDS;
}

static void release_one(struct model *model, size_t kind)
{
    if (model->references[kind] == 0)
        return;
    if (--model->references[kind] == 0)
        for (size_t i = 0; i < FOLLOWERS; i++)
            if (model->follows[i] == kind)
                leave_one(model, i);
    name_term_release(&model->terms, model->of_kind[kind]);
}

static void follow_one(struct model *model, size_t i, size_t kind)
{
    leave_one(model, i);
    if (model->references[kind] == 0)
        return;
    model->followers[i].term = model->of_kind[kind];
    name_term_follow(&model->followers[i]);
    model->follows[i] = kind;
}

static void check_model(const struct model *model)
{
    size_t patterns = 0, domains = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        size_t expected = 0;
        if (model->references[kind] == 0)
            continue;
        for (size_t i = 0; i < FOLLOWERS; i++)
            expected += model->follows[i] == kind;
        assert_int_equal(count_followers(model->of_kind[kind]), expected);
        patterns += kind % 3 == 0;
        domains += kind % 3 != 0;
    }
    assert_int_equal(model->terms.pattern_count, patterns);
    assert_int_equal(model->terms.domains.count, domains);
}

static void terms_and_followers_come_and_go(void **state)
{
    (void)state;
    static struct model model;
    struct seeded_random random = seeded_random_of_run();
    for (size_t i = 0; i < FOLLOWERS; i++)
        model.follows[i] = KINDS;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t kind = seeded_random_below(&random, KINDS);
        switch (seeded_random_below(&random, 3)) {
        case 0: take_one(&model, kind); break;
        case 1: release_one(&model, kind); break;
        default: follow_one(&model, seeded_random_below(&random, FOLLOWERS), kind); break;
        }
        check_model(&model);
    }
    for (size_t kind = 0; kind < KINDS; kind++)
        while (model.references[kind] > 0)
            release_one(&model, kind);
    check_model(&model);
    name_terms_free(&model.terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_things_are_one_term),
        cmocka_unit_test(terms_and_followers_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
