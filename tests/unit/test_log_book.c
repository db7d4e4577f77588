#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/follow/log_book.h"

static struct log_position at(uint64_t next)
{
    return (struct log_position){ .next = next };
}

/* durable, released, taken, planned. */
static void expect_book(const struct log_book *book, uint64_t durable, uint64_t released,
                        uint64_t taken, uint64_t planned)
{
    assert_int_equal(book->durable, durable);
    assert_int_equal(book->released.next, released);
    assert_int_equal(book->taken.next, taken);
    assert_int_equal(book->planned, planned);
}

/* A book in which each of the four stands somewhere else. */
static struct log_book make_book(void)
{
    struct log_book book;
    const struct log_position start = at(10), first = at(20), second = at(30);
    const struct signed_head head = { .size = 100 };
    log_book_stand_at(&book, &start);
    log_book_plan(&book, 40);
    log_book_take(&book, &first);
    log_book_release(&book, &head, 20);
    log_book_take(&book, &second);
    return book;
}

static void stands_where_the_position_says(void **state)
{
    (void)state;
    struct log_book book = make_book();
    const struct log_position start = at(7);
    expect_book(&book, 10, 20, 30, 40);
    log_book_stand_at(&book, &start);
    expect_book(&book, 7, 7, 7, 7);
}

static void what_is_released_is_proven_under_its_head(void **state)
{
    (void)state;
    struct log_book book = make_book();
    const struct signed_head head = { .size = 200 };
    assert_int_equal(book.released.head.size, 100);
    log_book_release(&book, &head, 200);
    expect_book(&book, 10, 30, 30, 40);
    assert_int_equal(book.released.head.size, 200);
    assert_int_equal(book.released.verified_size, 200);
    assert_int_equal(book.taken.head.size, 200);
}

static void a_window_that_is_not_proven_is_forgotten(void **state)
{
    (void)state;
    struct log_book book = make_book();
    log_book_rewind(&book);
    expect_book(&book, 10, 20, 20, 20);
    assert_int_equal(book.taken.head.size, 100);
}

static void what_was_asked_for_and_not_taken_is_planned_anew(void **state)
{
    (void)state;
    struct log_book book = make_book();
    log_book_plan_anew(&book);
    expect_book(&book, 10, 20, 30, 30);
}

static void redis_comes_after_what_is_released(void **state)
{
    (void)state;
    struct log_book book = make_book();
    log_book_on_durable(&book, 20);
    expect_book(&book, 20, 20, 30, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_where_the_position_says),
        cmocka_unit_test(what_is_released_is_proven_under_its_head),
        cmocka_unit_test(a_window_that_is_not_proven_is_forgotten),
        cmocka_unit_test(what_was_asked_for_and_not_taken_is_planned_anew),
        cmocka_unit_test(redis_comes_after_what_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
