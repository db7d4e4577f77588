#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/message/message_view.h"
#include "streamer/stream/recent_certificates.h"

static struct message_fingerprints fingerprints_of(unsigned number)
{
    struct message_fingerprints fingerprints = { 0 };
    memcpy(fingerprints.sha256, &number, sizeof number);
    return fingerprints;
}

static struct stream_id id_of(uint64_t ms)
{
    return (struct stream_id){ .ms = ms };
}

static void add(struct recent_certificates *window, unsigned number, uint64_t ms)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    recent_certificates_add(window, &fingerprints, id_of(ms));
}

static bool add_older(struct recent_certificates *window, unsigned number, uint64_t ms)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    return recent_certificates_add_older(window, &fingerprints, id_of(ms));
}

static bool is_repeat(const struct recent_certificates *window, unsigned number, uint64_t ms)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    return recent_certificates_is_repeat(window, fingerprints.sha256, id_of(ms));
}

static bool is_there(const struct recent_certificates *window, unsigned number)
{
    return is_repeat(window, number, UINT64_MAX);
}

static void all_but_the_first_are_repeats(void **state)
{
    (void)state;
    struct recent_certificates *window = recent_certificates_create(3, 1);
    add(window, 1, 10);
    add(window, 2, 11);
    add(window, 1, 12);
    assert_false(is_repeat(window, 1, 10));
    assert_true(is_repeat(window, 1, 12));
    assert_true(is_repeat(window, 1, 13));
    assert_false(is_repeat(window, 2, 11));
    assert_false(is_repeat(window, 3, 11));
    assert_true(is_there(window, 1));
    assert_false(is_there(window, 3));
    recent_certificates_destroy(window);
    recent_certificates_destroy(NULL);
}

static void what_came_longest_ago_is_forgotten_first(void **state)
{
    (void)state;
    struct recent_certificates *window = recent_certificates_create(2, 1);
    add(window, 1, 10);
    add(window, 2, 11);
    add(window, 1, 12);
    add(window, 3, 13);
    assert_false(is_there(window, 2));
    assert_true(is_there(window, 1));
    assert_true(is_repeat(window, 1, 14));
    assert_false(is_repeat(window, 2, 14));
    assert_int_equal(recent_certificates_count(window), 2);
    recent_certificates_clear(window);
    assert_int_equal(recent_certificates_count(window), 0);
    assert_false(is_there(window, 1));
    add(window, 1, 20);
    assert_true(is_there(window, 1));
    recent_certificates_destroy(window);
}

static void reading_backwards_ends_when_the_window_is_full(void **state)
{
    (void)state;
    struct recent_certificates *window = recent_certificates_create(3, 1);
    add(window, 1, 10);
    assert_true(add_older(window, 2, 9));
    assert_true(add_older(window, 1, 8));
    assert_true(is_repeat(window, 1, 10));
    assert_true(add_older(window, 3, 7));
    assert_false(add_older(window, 4, 6));
    assert_true(add_older(window, 2, 5));
    assert_true(is_there(window, 1));
    /* The oldest is that whose last copy is the oldest. */
    add(window, 5, 11);
    assert_false(is_there(window, 3));
    assert_true(is_there(window, 2));
    recent_certificates_destroy(window);
}

enum {
    LENGTH = 4000,
    KINDS = 300,
    CAPACITY = 64,
};

/* Whether the entry repeats one of the CAPACITY different certificates before it. */
static bool repeats_by_counting(const unsigned *stream, size_t at)
{
    bool seen[KINDS] = { false };
    size_t different = 0;
    for (size_t i = at; i-- > 0 && different < CAPACITY;) {
        if (stream[i] == stream[at])
            return true;
        different += !seen[stream[i]];
        seen[stream[i]] = true;
    }
    return false;
}

/* Against a naive count; and a window that starts in the middle, and reads backwards, agrees from
 * there on. */
static void a_window_is_a_function_of_the_streams_end(void **state)
{
    (void)state;
    static unsigned stream[LENGTH];
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed); /* NOLINT: a test's */
    for (size_t i = 0; i < LENGTH; i++) {
        unsigned far = (unsigned)rand() % KINDS; /* NOLINT: a test's */
        unsigned near = i ? stream[i - 1 - (unsigned)rand() % (i < 40 ? i : 40)] : 0; /* NOLINT */
        stream[i] = rand() % 2 ? near : far; /* NOLINT: a test's */
    }
    struct recent_certificates *early = recent_certificates_create(CAPACITY, 3);
    struct recent_certificates *late = recent_certificates_create(CAPACITY, 5);
    size_t start = LENGTH / 2, back = start;
    for (size_t i = 0; i < LENGTH; i++) {
        bool expected = repeats_by_counting(stream, i);
        assert_int_equal(is_repeat(early, stream[i], i + 1), expected);
        add(early, stream[i], i + 1);
        assert_int_equal(is_repeat(early, stream[i], i + 1), expected);
        if (i < start)
            continue;
        if (i == start)
            while (back > 0 && add_older(late, stream[back - 1], back))
                back--;
        add(late, stream[i], i + 1);
        assert_int_equal(is_repeat(late, stream[i], i + 1), expected);
        assert_true(is_there(late, stream[i]));
    }
    assert_true(back > 0);
    recent_certificates_destroy(early);
    recent_certificates_destroy(late);
}

static void add_of_pair(struct recent_certificates *window, unsigned number, unsigned pair,
                        uint64_t ms)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    fingerprints.has_tbs = pair != 0;
    memcpy(fingerprints.tbs, &pair, sizeof pair);
    recent_certificates_add(window, &fingerprints, id_of(ms));
}

static bool is_pair_repeat(const struct recent_certificates *window, unsigned number, unsigned pair,
                           uint64_t ms)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    fingerprints.has_tbs = pair != 0;
    memcpy(fingerprints.tbs, &pair, sizeof pair);
    return recent_certificates_is_pair_repeat(window, &fingerprints, id_of(ms));
}

/* Each is a certificate of its own, and together they come once. */
static void a_precertificate_and_its_certificate_are_a_pair(void **state)
{
    (void)state;
    struct recent_certificates *window = recent_certificates_create(4, 1);
    add_of_pair(window, 1, 7, 10); /* the precertificate */
    add_of_pair(window, 2, 7, 11); /* its certificate */
    add_of_pair(window, 3, 8, 12);
    add_of_pair(window, 4, 0, 13); /* an entry without the field */
    assert_false(is_repeat(window, 2, 11));
    assert_false(is_pair_repeat(window, 1, 7, 10));
    assert_true(is_pair_repeat(window, 2, 7, 11));
    assert_false(is_pair_repeat(window, 3, 8, 12));
    assert_false(is_pair_repeat(window, 4, 0, 13));
    assert_true(is_pair_repeat(window, 4, 0, 14));
    /* What leaves the window takes its share of the pair along. */
    add_of_pair(window, 5, 0, 15);
    assert_false(is_pair_repeat(window, 2, 7, 11));
    assert_true(is_pair_repeat(window, 2, 7, 16));
    add_of_pair(window, 6, 0, 17);
    assert_false(is_pair_repeat(window, 2, 7, 18));
    recent_certificates_destroy(window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_the_first_are_repeats),
        cmocka_unit_test(a_precertificate_and_its_certificate_are_a_pair),
        cmocka_unit_test(what_came_longest_ago_is_forgotten_first),
        cmocka_unit_test(reading_backwards_ends_when_the_window_is_full),
        cmocka_unit_test(a_window_is_a_function_of_the_streams_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
