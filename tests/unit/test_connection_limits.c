#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "streamer/edge/connection_limits.h"

enum {
    CUSTOMERS = 300,
    CONNECTIONS = 500,
    PER_CUSTOMER = 4,
    STEPS = 200000,
};

static struct address address_numbered(unsigned number)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address;
    (void)snprintf(text, sizeof text, "10.0.%u.%u", number / 256, number % 256);
    assert_true(address_parse(&address, bytes_of_string(text)));
    return address;
}

static struct address parse(const char *text)
{
    struct address address;
    assert_true(address_parse(&address, bytes_of_string(text)));
    return address;
}

static void a_customer_has_as_many_as_he_may(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_create(100, 2, 7);
    assert_true(connection_limits_take(limits, parse("192.0.2.1")));
    assert_true(connection_limits_take(limits, parse("192.0.2.1")));
    assert_false(connection_limits_take(limits, parse("192.0.2.1")));
    assert_true(connection_limits_take(limits, parse("192.0.2.2")));
    connection_limits_give_back(limits, parse("192.0.2.1"));
    assert_true(connection_limits_take(limits, parse("192.0.2.1")));
    assert_int_equal(connection_limits_customers(limits), 2);
    connection_limits_destroy(limits);
}

static void a_64_is_one_customer(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_create(100, 1, 7);
    assert_true(connection_limits_take(limits, parse("2001:db8::1")));
    assert_false(connection_limits_take(limits, parse("2001:db8::2:3:4:5")));
    assert_true(connection_limits_take(limits, parse("2001:db8:0:1::1")));
    connection_limits_give_back(limits, parse("2001:db8::9"));
    assert_true(connection_limits_take(limits, parse("2001:db8::2")));
    connection_limits_destroy(limits);
}

static void without_a_ceiling_or_an_address_nothing_is_counted(void **state)
{
    (void)state;
    struct connection_limits *unlimited = connection_limits_create(2, 0, 7);
    struct connection_limits *limited = connection_limits_create(2, 1, 7);
    for (int i = 0; i < 10; i++) {
        assert_true(connection_limits_take(unlimited, parse("192.0.2.1")));
        assert_true(connection_limits_take(limited, (struct address){ 0 }));
    }
    connection_limits_give_back(unlimited, parse("192.0.2.1"));
    connection_limits_give_back(limited, (struct address){ 0 });
    assert_int_equal(connection_limits_customers(limited), 0);
    connection_limits_destroy(unlimited);
    connection_limits_destroy(limited);
}

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Against an array of counts: what a table with tombstones or a wrong gap would lose shows as a
 * wrong verdict. */
static void agrees_with_plain_counting(void **state)
{
    (void)state;
    const char *given = getenv("CERTSTREAM_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) | 1;
    print_message("CERTSTREAM_SEED=%" PRIu64 "\n", seed);
    uint64_t random = seed;
    struct connection_limits *limits = connection_limits_create(CONNECTIONS, PER_CUSTOMER, seed);
    static unsigned counts[CUSTOMERS];
    size_t customers = 0;
    for (int step = 0; step < STEPS; step++) {
        unsigned number = (unsigned)(next_random(&random) % CUSTOMERS);
        unsigned *count = &counts[number];
        if (next_random(&random) % 2) {
            bool taken = connection_limits_take(limits, address_numbered(number));
            assert_int_equal(taken, *count < PER_CUSTOMER);
            customers += taken && *count == 0;
            *count += taken;
        } else if (*count) {
            connection_limits_give_back(limits, address_numbered(number));
            customers -= --*count == 0;
        }
        assert_int_equal(connection_limits_customers(limits), customers);
    }
    connection_limits_destroy(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_customer_has_as_many_as_he_may),
        cmocka_unit_test(a_64_is_one_customer),
        cmocka_unit_test(without_a_ceiling_or_an_address_nothing_is_counted),
        cmocka_unit_test(agrees_with_plain_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
