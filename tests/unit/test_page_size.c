/* How many entries are asked for at once: what fails narrows it, what is answered brings it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/follow/page_size.h"

/* Asks for [at, …) of a log that fails when more than `bearable` entries are asked for; its
 * requests until `end`. */
static unsigned read_through(struct page_size *page, uint64_t bearable, uint64_t at, uint64_t end)
{
    unsigned requests = 0;
    while (at < end) {
        uint64_t range_end = page_size_end(page, at);
        uint64_t asked = (range_end < end ? range_end : end) - at;
        requests++;
        assert_true(requests < 1000000);
        if (asked > bearable) {
            (void)page_size_on_failure(page, asked, false);
        } else {
            page_size_on_answer(page, asked, asked);
            at += asked;
        }
    }
    return requests;
}

static struct page_size learnt(uint64_t max)
{
    struct page_size page = page_size_of(max, false);
    page_size_on_answer(&page, max, max);
    assert_int_equal(page.learnt, max);
    return page;
}

static void a_log_that_bears_little_is_read_in_what_it_bears(void **state)
{
    (void)state;
    static const uint64_t bearable[] = { 1, 3, 100, 130, 255, 512, 1000 };
    for (size_t i = 0; i < sizeof bearable / sizeof *bearable; i++) {
        struct page_size page = learnt(1024);
        unsigned requests = read_through(&page, bearable[i], 0, 100000);
        /* The widest that is tried is a power of two below: half of what is borne at least. */
        unsigned least = (unsigned)(100000 / bearable[i]);
        print_message("%u requests instead of %u\n", requests, least);
        assert_true(requests < 2 * least + least / 8 + 40);
    }
}

static void the_page_comes_back_with_the_first_answer_twice_as_wide(void **state)
{
    (void)state;
    struct page_size page = learnt(1024);
    /* Nothing is borne, down to a single entry. */
    for (unsigned i = 0; i < 30; i++)
        (void)page_size_on_failure(&page, page_size_end(&page, 0), false);
    assert_int_equal(page_size_end(&page, 0), 1);
    assert_false(page_size_is_settled(&page));
    page_size_on_answer(&page, 1, 1);
    assert_int_equal(page_size_end(&page, 2), 4);
    page_size_on_answer(&page, 2, 2);
    assert_int_equal(page_size_end(&page, 4), 1024);
    page_size_on_answer(&page, 1020, 1020);
    assert_true(page_size_is_settled(&page));
    assert_int_equal(page.learnt, 1024);
}

static void a_page_that_is_twice_what_was_answered_is_the_whole_page(void **state)
{
    (void)state;
    struct page_size page = page_size_of(1024, false);
    page_size_remember(&page, 64);
    (void)page_size_on_failure(&page, 64, false);
    assert_true(page_size_on_failure(&page, 64, false));
    assert_int_equal(page_size_end(&page, 0), 32);
    page_size_on_answer(&page, 32, 32);
    page_size_on_answer(&page, 32, 32);
    page_size_on_answer(&page, 64, 64);
    assert_int_equal(page_size_end(&page, 128), 192);
    assert_true(page_size_is_settled(&page));
}

static void one_failure_is_chance_and_a_body_too_large_is_not(void **state)
{
    (void)state;
    struct page_size page = learnt(1024);
    assert_false(page_size_on_failure(&page, 1024, false));
    page_size_on_answer(&page, 1024, 1024);
    assert_false(page_size_on_failure(&page, 1024, false));
    assert_true(page_size_on_failure(&page, 1024, false));
    page = learnt(1024);
    assert_true(page_size_on_failure(&page, 1024, true));
}

static void a_round_of_refusals_does_not_ruin_what_was_learnt(void **state)
{
    (void)state;
    struct page_size page = page_size_of(1024, false);
    page_size_remember(&page, 256);
    for (unsigned i = 0; i < 20; i++)
        (void)page_size_on_failure(&page, page_size_end(&page, 0), false);
    unsigned requests = read_through(&page, 1024, 0, 4096);
    print_message("%u requests for 16 pages\n", requests);
    assert_true(requests <= 22);
    assert_int_equal(page.learnt, 256);
}

static void a_tile_is_a_tile(void **state)
{
    (void)state;
    struct page_size page = page_size_of(256, true);
    for (unsigned i = 0; i < 10; i++)
        assert_false(page_size_on_failure(&page, 256, true));
    assert_int_equal(page_size_end(&page, 300), 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_bears_little_is_read_in_what_it_bears),
        cmocka_unit_test(the_page_comes_back_with_the_first_answer_twice_as_wide),
        cmocka_unit_test(a_page_that_is_twice_what_was_answered_is_the_whole_page),
        cmocka_unit_test(one_failure_is_chance_and_a_body_too_large_is_not),
        cmocka_unit_test(a_round_of_refusals_does_not_ruin_what_was_learnt),
        cmocka_unit_test(a_tile_is_a_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
