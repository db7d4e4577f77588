#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "streamer/edge/customers.h"
#include "tests/support/seeded_random.h"

enum {
    CUSTOMERS = 300,
    CONNECTIONS = 500,
    PER_CUSTOMER = 4,
    STEPS = 200000,
};

static const struct customer_limits two_connections = {
    .held = { [CUSTOMER_CONNECTIONS] = 2, [CUSTOMER_FILTER_COST] = 100 },
    .replay_bytes_per_second = 1000,
    .reading_ms_per_second = 10,
};

static uint64_t connect_as(struct customers *customers, const char *name)
{
    uint64_t number = CUSTOMER_NOBODY;
    assert_true(customers_connect(customers, name, &number));
    assert_true(number != CUSTOMER_NOBODY);
    return number;
}

static void a_customer_has_as_many_as_he_may(void **state)
{
    (void)state;
    uint64_t number;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    uint64_t first = connect_as(customers, "192.0.2.1");
    assert_true(connect_as(customers, "192.0.2.1") == first);
    assert_false(customers_connect(customers, "192.0.2.1", &number));
    uint64_t other = connect_as(customers, "192.0.2.2");
    assert_true(other != first);
    assert_int_equal(customers_find(customers, first)->refused[CUSTOMER_CONNECTIONS], 1);
    customers_disconnect(customers, first);
    assert_true(connect_as(customers, "192.0.2.1") == first);
    customers_destroy(customers);
}

static void a_share_is_taken_and_given_back(void **state)
{
    (void)state;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    uint64_t number = connect_as(customers, "192.0.2.1");
    assert_true(customers_take(customers, number, CUSTOMER_FILTER_COST, 60));
    assert_false(customers_take(customers, number, CUSTOMER_FILTER_COST, 41));
    assert_false(customers_take(customers, number, CUSTOMER_FILTER_COST, UINT64_MAX));
    assert_true(customers_take(customers, number, CUSTOMER_FILTER_COST, 40));
    assert_true(customers_take(customers, number, CUSTOMER_FILTERS, 1000000));
    /* What is held keeps the number alive when the last connection has gone. */
    customers_disconnect(customers, number);
    customers_give_back(customers, number, CUSTOMER_FILTERS, 1000000);
    assert_true(connect_as(customers, "192.0.2.1") == number);
    customers_give_back(customers, number, CUSTOMER_FILTER_COST, 100);
    customers_disconnect(customers, number);
    size_t at = 0;
    assert_null(customers_next(customers, &at));
    customers_destroy(customers);
}

static void nobody_has_no_share(void **state)
{
    (void)state;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    for (int i = 0; i < 10; i++)
        assert_true(customers_take(customers, CUSTOMER_NOBODY, CUSTOMER_CONNECTIONS, 5));
    customers_charge_replay(customers, CUSTOMER_NOBODY, 1 << 30, 1000);
    assert_int_equal(customers_replay_wait_ms(customers, CUSTOMER_NOBODY, 1000), 0);
    customers_give_back(customers, CUSTOMER_NOBODY, CUSTOMER_CONNECTIONS, 5);
    customers_disconnect(customers, CUSTOMER_NOBODY);
    assert_null(customers_find(customers, CUSTOMER_NOBODY));
    customers_destroy(customers);
}

static void who_reads_the_past_pays_by_waiting(void **state)
{
    (void)state;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    uint64_t number = connect_as(customers, "192.0.2.1");
    customers_charge_replay(customers, number, 1000, 5000);
    assert_int_equal(customers_replay_wait_ms(customers, number, 5000), 0);
    customers_charge_replay(customers, number, 3000, 5000);
    assert_int_equal(customers_replay_wait_ms(customers, number, 5000), 3000);
    assert_int_equal(customers_replay_wait_ms(customers, number, 8000), 0);
    /* To go and to come again is no way out. */
    customers_disconnect(customers, number);
    number = connect_as(customers, "192.0.2.1");
    assert_int_equal(customers_replay_wait_ms(customers, number, 5000), 3000);
    /* What was not used is not saved up. */
    customers_charge_replay(customers, number, 2000, 100000);
    assert_int_equal(customers_replay_wait_ms(customers, number, 100000), 1000);
    customers_destroy(customers);
}

static void whose_filters_take_long_has_no_more_read(void **state)
{
    (void)state;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    uint64_t number = connect_as(customers, "192.0.2.1");
    uint64_t other = connect_as(customers, "192.0.2.2");
    customers_charge_reading(customers, CUSTOMER_NOBODY, 1 << 30, 5000);
    assert_true(customers_may_read(customers, CUSTOMER_NOBODY, 5000));
    /* Ten milliseconds a second, of the last ten seconds. */
    customers_charge_reading(customers, number, 100000, 5000);
    assert_true(customers_may_read(customers, number, 5000));
    customers_charge_reading(customers, number, 5000, 5000);
    assert_false(customers_may_read(customers, number, 5000));
    assert_true(customers_may_read(customers, other, 5000));
    /* To go and to come again is no way out. */
    customers_disconnect(customers, number);
    number = connect_as(customers, "192.0.2.1");
    assert_false(customers_may_read(customers, number, 5499));
    assert_true(customers_may_read(customers, number, 5500));
    assert_int_equal(customers_find(customers, number)->unread, 2);
    assert_int_equal(customers_unread(customers), 2);
    customers_destroy(customers);
}

static void a_named_token_is_kept_and_has_limits_of_its_own(void **state)
{
    (void)state;
    struct customers *customers = customers_create(&two_connections, 100, 7);
    struct customer_limits more = { .held = { [CUSTOMER_CONNECTIONS] = 3 } };
    customers_keep(customers, "token alice", &more);
    uint64_t number = connect_as(customers, "token alice");
    (void)connect_as(customers, "token alice");
    (void)connect_as(customers, "token alice");
    assert_false(customers_connect(customers, "token alice", &number));
    customers_count_sent(customers, number, 77);
    for (int i = 0; i < 3; i++)
        customers_disconnect(customers, number);
    size_t at = 0;
    const struct customer *alice = customers_next(customers, &at);
    assert_string_equal(alice->name, "token alice");
    assert_int_equal(alice->connected, 3);
    assert_int_equal(alice->sent_bytes, 77);
    assert_int_equal(alice->held[CUSTOMER_CONNECTIONS], 0);
    assert_null(customers_next(customers, &at));
    customers_destroy(customers);
}

/* Those who owe are forgotten when there is no room, those who hold something are not. */
/* However often an operator gives out other names: who has none any more is forgotten, and who is
 * still here is like others. */
static void names_that_are_taken_away_are_forgotten(void **state)
{
    (void)state;
    enum {
        TIMES = 5000
    };
    struct customer_limits limits = { .held = { [CUSTOMER_CONNECTIONS] = 1 } };
    struct customer_limits own = { .held = { [CUSTOMER_CONNECTIONS] = 2 } };
    struct customers *customers = customers_create(&limits, 10, 1);
    uint64_t number;
    customers_keep(customers, "token stays", &own);
    assert_true(customers_connect(customers, "token stays", &number));
    for (int i = 0; i < TIMES; i++) {
        char name[CUSTOMER_NAME_SIZE];
        (void)snprintf(name, sizeof name, "token %d", i);
        customers_begin_keeping(customers);
        customers_keep(customers, name, &own);
        customers_end_keeping(customers);
        size_t known = 0;
        for (size_t at = 0; customers_next(customers, &at);)
            known++;
        assert_int_equal(known, 2);
    }
    assert_false(customers_find(customers, number)->is_kept);
    assert_false(customers_connect(customers, "token stays", &number));
    customers_disconnect(customers, number);
    assert_null(customers_find(customers, number));
    customers_destroy(customers);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    enum {
        MANY = 10000,
        HELD = 7
    };
    char name[CUSTOMER_NAME_SIZE];
    struct customers *customers = customers_create(&two_connections, HELD, 7);
    uint64_t held[HELD];
    for (int i = 0; i < HELD; i++) {
        (void)snprintf(name, sizeof name, "held %d", i);
        held[i] = connect_as(customers, name);
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "debtor %d", i);
        uint64_t number = connect_as(customers, name);
        customers_charge_replay(customers, number, 1 << 30, 1000);
        customers_disconnect(customers, number);
    }
    size_t known = 0;
    for (size_t at = 0; customers_next(customers, &at);)
        known++;
    assert_true(known < MANY / 2);
    for (int i = 0; i < HELD; i++) {
        (void)snprintf(name, sizeof name, "held %d", i);
        assert_string_equal(customers_find(customers, held[i])->name, name);
    }
    customers_destroy(customers);
}

/* Against an array of counts: what a table with tombstones or a wrong gap would lose shows as a
 * wrong verdict. */
static void agrees_with_plain_counting(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct customer_limits limits = { .held = { [CUSTOMER_CONNECTIONS] = PER_CUSTOMER } };
    struct customers *customers = customers_create(&limits, CONNECTIONS, random.state);
    static unsigned counts[CUSTOMERS];
    static uint64_t numbers[CUSTOMERS];
    for (int step = 0; step < STEPS; step++) {
        unsigned who = (unsigned)(seeded_random_next(&random) % CUSTOMERS);
        char name[CUSTOMER_NAME_SIZE];
        (void)snprintf(name, sizeof name, "10.0.%u.%u", who / 256, who % 256);
        if (seeded_random_next(&random) % 2) {
            bool taken = customers_connect(customers, name, &numbers[who]);
            assert_int_equal(taken, counts[who] < PER_CUSTOMER);
            counts[who] += taken;
        } else if (counts[who]) {
            customers_disconnect(customers, numbers[who]);
            counts[who]--;
        }
        const struct customer *customer =
            counts[who] ? customers_find(customers, numbers[who]) : NULL;
        assert_true(!customer || strcmp(customer->name, name) == 0);
        assert_true(!customer || customer->held[CUSTOMER_CONNECTIONS] == counts[who]);
    }
    customers_destroy(customers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_customer_has_as_many_as_he_may),
        cmocka_unit_test(a_share_is_taken_and_given_back),
        cmocka_unit_test(nobody_has_no_share),
        cmocka_unit_test(who_reads_the_past_pays_by_waiting),
        cmocka_unit_test(whose_filters_take_long_has_no_more_read),
        cmocka_unit_test(a_named_token_is_kept_and_has_limits_of_its_own),
        cmocka_unit_test(names_that_are_taken_away_are_forgotten),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(agrees_with_plain_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
