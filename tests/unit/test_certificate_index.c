#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/message/message_view.h"
#include "streamer/past/certificate_index.h"

static const struct stream_id end = { UINT64_MAX, UINT64_MAX };

static struct message_fingerprints fingerprints_of(uint32_t number)
{
    struct message_fingerprints fingerprints = { 0 };
    memcpy(fingerprints.sha256, &number, sizeof number);
    number = ~number;
    memcpy(fingerprints.sha1, &number, sizeof number);
    return fingerprints;
}

static void add(struct certificate_index *index, uint64_t ms, uint32_t number)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    certificate_index_add(index, (struct stream_id){ ms, 0 }, &fingerprints);
}

/* 0: it is not there. */
static uint64_t find(const struct certificate_index *index, uint32_t number,
                     struct stream_id before)
{
    struct message_fingerprints fingerprints = fingerprints_of(number);
    struct stream_id by_sha256 = { 0 };
    struct stream_id by_sha1 = { 0 };
    bool found = certificate_index_find(index, fingerprints.sha256, NULL, before, &by_sha256);
    assert_int_equal(certificate_index_find(index, NULL, fingerprints.sha1, before, &by_sha1),
                     found);
    assert_int_equal(by_sha256.ms, by_sha1.ms);
    return by_sha256.ms;
}

static int setup(void **state)
{
    *state = certificate_index_create();
    return 0;
}

static int teardown(void **state)
{
    certificate_index_destroy(*state);
    return 0;
}

static void each_is_found_newest_first(void **state)
{
    struct certificate_index *index = *state;
    for (uint32_t i = 1; i <= 10000; i++)
        add(index, i, i % 5000);
    assert_int_equal(find(index, 7, end), 5007);
    assert_int_equal(find(index, 7, (struct stream_id){ 5007, 0 }), 7);
    assert_int_equal(find(index, 7, (struct stream_id){ 7, 0 }), 0);
    assert_int_equal(find(index, 5001, end), 0);
}

static void what_was_before_the_start_is_added_backwards(void **state)
{
    struct certificate_index *index = *state;
    add(index, 9000, 1);
    for (uint32_t i = 8999; i > 0; i--) {
        struct message_fingerprints fingerprints = fingerprints_of(i);
        assert_true(certificate_index_add_older(index, (struct stream_id){ i, 0 }, &fingerprints));
    }
    assert_int_equal(find(index, 4321, end), 4321);
    assert_int_equal(find(index, 1, end), 9000);
    assert_int_equal(certificate_index_count(index), 9000);
}

static void it_has_a_bound(void **state)
{
    struct certificate_index *index = *state;
    for (uint32_t i = 1; i <= CERTIFICATE_INDEX_MAX + 10; i++)
        add(index, i, i);
    struct message_fingerprints fingerprints = fingerprints_of(1);
    assert_int_equal(certificate_index_count(index), CERTIFICATE_INDEX_MAX);
    assert_false(certificate_index_add_older(index, (struct stream_id){ 1, 0 }, &fingerprints));
    assert_int_equal(find(index, 10, end), 0);
    assert_int_equal(find(index, 11, end), 11);
}

static void what_is_trimmed_still_tells_what_follows(void **state)
{
    struct certificate_index *index = *state;
    for (uint32_t i = 1; i <= 20; i++)
        add(index, (uint64_t)i * 10, i);
    certificate_index_trim(index, (struct stream_id){ 110, 0 });
    assert_int_equal(certificate_index_count(index), 10);
    assert_int_equal(find(index, 10, end), 0);
    /* The newest that is trimmed: nothing lies between it and the first that is there. */
    struct stream_id at = certificate_index_skip(index, (struct stream_id){ 100, 0 });
    assert_int_equal(at.ms, 109);
    assert_int_equal(certificate_index_skip(index, (struct stream_id){ 90, 0 }).ms, 90);
    assert_int_equal(certificate_index_skip(index, (struct stream_id){ 5, 0 }).ms, 5);
    assert_int_equal(certificate_index_skip(index, (struct stream_id){ 200, 0 }).ms, 200);
    for (uint32_t i = 21; i <= 20 + 2 * CERTIFICATE_INDEX_TRIMMED; i++)
        add(index, (uint64_t)i * 10, i);
    certificate_index_trim(index, (struct stream_id){ 10000000, 0 });
    assert_int_equal(certificate_index_skip(index, (struct stream_id){ 100, 0 }).ms, 100);
}

static void what_was_lost_goes(void **state)
{
    struct certificate_index *index = *state;
    for (uint32_t i = 1; i <= 10; i++)
        add(index, i, i);
    add(index, 6, 66);
    assert_int_equal(find(index, 5, end), 5);
    assert_int_equal(find(index, 6, end), 0);
    assert_int_equal(find(index, 66, end), 6);
    certificate_index_clear(index);
    assert_int_equal(find(index, 66, end), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_found_newest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_before_the_start_is_added_backwards, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_trimmed_still_tells_what_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_lost_goes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
