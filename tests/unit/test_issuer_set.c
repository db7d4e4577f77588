#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/make/issuer_set.h"

enum {
    NOW_MS = 1000,
    DAY_MS = 24 * 3600 * 1000,
    DER_SIZE = 64,
};

static const int honest, hostile; /* logs: compared by their address only */

/* "Certificates" whose ends are alike, so that all fall onto one place. */
static struct bytes make_der(uint8_t *der, uint32_t number)
{
    memset(der, 7, DER_SIZE);
    memcpy(der, &number, sizeof number);
    return bytes_of(der, DER_SIZE);
}

static struct known_issuer *add(struct issuer_set *set, uint32_t number, const void *owner,
                                uint64_t now_ms)
{
    uint8_t der[DER_SIZE], fingerprint[SHA256_SIZE] = { 0 };
    memcpy(fingerprint + 20, &number, sizeof number);
    return issuer_set_add(set, fingerprint, make_der(der, number), owner, now_ms);
}

static void finds_what_was_added_by_fingerprint_and_by_content(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    uint8_t der[DER_SIZE];
    for (uint32_t i = 0; i < 300; i++) {
        assert_null(issuer_set_find_der(set, make_der(der, i)));
        struct known_issuer *known = add(set, i, &honest, NOW_MS);
        assert_non_null(known);
        assert_ptr_equal(add(set, i, &hostile, NOW_MS), known);
        assert_ptr_equal(issuer_set_find(set, known->fingerprint), known);
        assert_ptr_equal(issuer_set_find_der(set, make_der(der, i)), known);
        assert_null(issuer_set_find_der(set, bytes_of(der, DER_SIZE - 1)));
    }
    assert_int_equal(issuer_set_count(set), 300);
    issuer_set_destroy(set);
}

static void forgets_what_was_sent(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    struct known_issuer *known = add(set, 1, &honest, NOW_MS);
    known->stamped_ms = NOW_MS;
    issuer_set_forget_stamps(set);
    assert_int_equal(issuer_set_find(set, known->fingerprint)->stamped_ms, 0);
    issuer_set_destroy(set);
}

/* Any number of issuers of one log leave room for those of another. */
static void gives_each_log_a_share(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    for (uint32_t i = 0; i < ISSUER_SET_LOG_MAX; i++)
        assert_non_null(add(set, i, &hostile, NOW_MS));
    assert_null(add(set, ISSUER_SET_LOG_MAX, &hostile, NOW_MS));
    assert_int_equal(issuer_set_refused(set), 1);
    assert_non_null(add(set, ISSUER_SET_LOG_MAX, &honest, NOW_MS));
    issuer_set_destroy(set);
}

static void counts_the_bytes_of_a_log(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    uint8_t *der = calloc(1, ISSUER_SET_DER_MAX + 1);
    uint8_t fingerprint[SHA256_SIZE] = { 0 };
    struct bytes largest = bytes_of(der, ISSUER_SET_DER_MAX);
    for (unsigned i = 0; i < ISSUER_SET_LOG_BYTES_MAX / ISSUER_SET_DER_MAX; i++) {
        fingerprint[0] = der[0] = (uint8_t)i;
        assert_non_null(issuer_set_add(set, fingerprint, largest, &hostile, NOW_MS));
    }
    fingerprint[0] = der[0] = 0xff;
    assert_null(issuer_set_add(set, fingerprint, largest, &hostile, NOW_MS));
    assert_null(
        issuer_set_add(set, fingerprint, bytes_of(der, ISSUER_SET_DER_MAX + 1), &honest, NOW_MS));
    assert_non_null(issuer_set_add(set, fingerprint, largest, &honest, NOW_MS));
    free(der);
    issuer_set_destroy(set);
}

/* What is named stays, what is not makes room. */
static void makes_room_of_what_nothing_names(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    for (uint32_t i = 0; i < ISSUER_SET_LOG_MAX; i++)
        (void)add(set, i, &honest, NOW_MS);
    struct known_issuer *named = add(set, 5, &honest, NOW_MS);
    named->named_ms = NOW_MS + DAY_MS;
    assert_null(add(set, 100000, &honest, NOW_MS + DAY_MS));
    assert_non_null(add(set, 100000, &honest, NOW_MS + DAY_MS + 120 * 1000));
    assert_int_equal(issuer_set_count(set), 2);
    assert_non_null(add(set, 5, &honest, NOW_MS));
    assert_int_equal(issuer_set_count(set), 2);
    issuer_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_by_fingerprint_and_by_content),
        cmocka_unit_test(forgets_what_was_sent),
        cmocka_unit_test(gives_each_log_a_share),
        cmocka_unit_test(counts_the_bytes_of_a_log),
        cmocka_unit_test(makes_room_of_what_nothing_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
