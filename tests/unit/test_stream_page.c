/* Pages made by hand: which questions they answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/past/stream_page.h"

/* What a subscriber who came for what is behind 1000-0 was served: 2000-0 to 2000-2. */
static void make_page(struct stream_page *page)
{
    *page = (struct stream_page){
        .from = { 1000, 0 }, .end = { .id = { 2000, 2 } }, .users = 1, .count = 3
    };
    for (size_t i = 0; i < page->count; i++)
        page->entries[i] = (struct stream_entry){ .id = { 2000, i } };
}

static struct stream_page_bounds backward_from(struct stream_id id)
{
    return (struct stream_page_bounds){ .is_backward = true, .place = { .id = id }, .limit = 10 };
}

/* Between `from` and the first entry there is nothing, but a page covers it. Whoever went on before
 * the first entry was given the same page for ever. */
static void who_reads_backward_never_gets_the_same_page_twice(void **state)
{
    (void)state;
    struct stream_page page;
    make_page(&page);
    struct stream_page_bounds from_its_end = backward_from((struct stream_id){ 2000, 3 });
    assert_true(stream_page_covers(&page, &from_its_end));
    struct stream_page_bounds next = backward_from(stream_page_before(&page));
    assert_false(stream_page_covers(&page, &next));
}

static void nothing_is_left_out_between_two_pages(void **state)
{
    (void)state;
    struct stream_page page;
    make_page(&page);
    /* An id before which 1000-0 itself is found. */
    assert_int_equal(stream_id_compare(stream_page_before(&page), (struct stream_id){ 1000, 1 }),
                     0);
    page.from = (struct stream_id){ 1000, UINT64_MAX };
    assert_int_equal(stream_id_compare(stream_page_before(&page), (struct stream_id){ 1001, 0 }),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_backward_never_gets_the_same_page_twice),
        cmocka_unit_test(nothing_is_left_out_between_two_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
