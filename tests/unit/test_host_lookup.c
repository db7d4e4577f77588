#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "shared/process/host_lookup.h"

enum {
    /* Longer than any resolver tries. */
    LOOKUP_MS = 90000
};

static enum host_lookup_state wait_for(struct host_lookup *lookup)
{
    uint64_t end_ms = clock_monotonic_ms() + LOOKUP_MS;
    while (host_lookup_state(lookup) == HOST_LOOKUP_PENDING && clock_monotonic_ms() < end_ms)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return host_lookup_state(lookup);
}

static void knows_digits_from_names(void **state)
{
    (void)state;
    static const char *const numeric[] = { "127.0.0.1", "::1", "2001:db8::5" };
    static const char *const names[] = { "", "localhost", "1.2.3", "1.2.3.4.", "[::1]" };
    for (size_t i = 0; i < sizeof numeric / sizeof *numeric; i++)
        assert_true(host_is_numeric(numeric[i]));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(host_is_numeric(names[i]));
}

static void finds_this_machine(void **state)
{
    (void)state;
    struct host_lookup *lookup = host_lookup_create("localhost");
    assert_string_equal(host_lookup_name(lookup), "localhost");
    assert_int_equal(wait_for(lookup), HOST_LOOKUP_DONE);
    char first[64], tiny[2];
    assert_true(host_lookup_address(lookup, 0, first, sizeof first));
    assert_true(host_is_numeric(first));
    assert_string_equal(first, "127.0.0.1");
    for (unsigned number = 1; number < 5; number++) {
        char text[64];
        assert_true(host_lookup_address(lookup, number, text, sizeof text));
        assert_true(host_is_numeric(text));
    }
    assert_false(host_lookup_address(lookup, 0, tiny, sizeof tiny));
    host_lookup_destroy(lookup);
}

/* RFC 6761 section 6.4: there is nothing in .invalid. */
static void says_that_there_is_none(void **state)
{
    (void)state;
    struct host_lookup *lookup = host_lookup_create("certstream.invalid");
    assert_int_equal(wait_for(lookup), HOST_LOOKUP_FAILED);
    assert_true(strlen(host_lookup_error(lookup)) > 0);
    host_lookup_destroy(lookup);
    host_lookup_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_digits_from_names),
        cmocka_unit_test(finds_this_machine),
        cmocka_unit_test(says_that_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
