/* Which requests a fault hits, and what it does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/json/json_writer.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/http_message.h"

enum {
    BODY_MAX = 1024 * 1024
};

static int setup(void **state)
{
    *state = faults_create("fault test");
    return 0;
}

static int teardown(void **state)
{
    faults_destroy(*state);
    return 0;
}

static void set(struct faults *faults, const char *query)
{
    const char *wrong = faults_set(faults, bytes_of_string(query));
    if (wrong)
        fail_msg("%s: %s", query, wrong);
}

/* A good reply to one request at the target, after the faults have had it. Freed by the caller. */
static struct http_reply answer(struct faults *faults, enum fault_target target)
{
    struct http_reply reply = { .status = 200, .content_type = "application/json" };
    buffer_init(&reply.body, BODY_MAX);
    (void)faults_strike(faults, target);
    buffer_append_string(&reply.body, "0123456789");
    faults_break_reply(faults, &reply);
    return reply;
}

static unsigned status_of(struct faults *faults, enum fault_target target)
{
    struct http_reply reply = answer(faults, target);
    buffer_free(&reply.body);
    return reply.status;
}

static void hits_its_route_and_no_other(void **state)
{
    set(*state, "route=get-sth&fault=status&code=500");
    assert_int_equal(status_of(*state, FAULT_TARGET_GET_ENTRIES), 200);
    assert_int_equal(status_of(*state, FAULT_TARGET_GET_STH), 500);
    assert_int_equal(status_of(*state, FAULT_TARGET_NONE), 200);
}

static void any_is_every_route_but_control(void **state)
{
    set(*state, "route=any&fault=status&code=500");
    for (int target = FAULT_TARGET_NONE + 1; target < FAULT_TARGET_ANY; target++)
        assert_int_equal(status_of(*state, (enum fault_target)target), 500);
    assert_int_equal(status_of(*state, FAULT_TARGET_NONE), 200);
}

static void ends_after_its_count(void **state)
{
    set(*state, "route=data&fault=status&count=2");
    assert_int_equal(status_of(*state, FAULT_TARGET_DATA), 503);
    assert_int_equal(status_of(*state, FAULT_TARGET_TILE), 200);
    assert_int_equal(status_of(*state, FAULT_TARGET_DATA), 503);
    assert_int_equal(status_of(*state, FAULT_TARGET_DATA), 200);
}

static void clearing_ends_all(void **state)
{
    set(*state, "fault=status");
    faults_clear(*state);
    assert_int_equal(status_of(*state, FAULT_TARGET_LIST), 200);
}

static void probability_hits_about_that_share(void **state)
{
    enum {
        ROLLS = 10000
    };
    unsigned hits = 0;
    set(*state, "fault=status&probability=0.25");
    for (size_t i = 0; i < ROLLS; i++)
        hits += status_of(*state, FAULT_TARGET_LIST) == 503;
    assert_in_range(hits, ROLLS / 5, ROLLS * 3 / 10);
}

static void status_carries_retry_after(void **state)
{
    set(*state, "fault=status&code=429&retry-after=Mon%2C+23+Nov+2026+07%3A00%3A00+GMT&body=html");
    struct http_reply reply = answer(*state, FAULT_TARGET_GET_STH);
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply.headers, "Retry-After: Mon, 23 Nov 2026 07:00:00 GMT\r\n");
    assert_string_equal(reply.content_type, "text/html");
    assert_memory_equal(reply.body.data, "<!DOCTYPE html>", 15);
    buffer_free(&reply.body);
}

static void a_limit_lets_some_through(void **state)
{
    set(*state, "fault=limit&per-second=0.001&n=3");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(status_of(*state, FAULT_TARGET_LIST), 200);
    assert_int_equal(status_of(*state, FAULT_TARGET_DATA), 429);
    faults_clear(*state);
    set(*state, "route=data&fault=limit&per-second=1000000&code=503");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(status_of(*state, FAULT_TARGET_LIST), 200);
        while (status_of(*state, FAULT_TARGET_DATA) != 200)
            ;
        assert_int_equal(status_of(*state, FAULT_TARGET_NONE), 200);
    }
}

static void status_carries_a_location(void **state)
{
    set(*state, "fault=status&code=302&location=/elsewhere");
    struct http_reply reply = answer(*state, FAULT_TARGET_GET_STH);
    assert_int_equal(reply.status, 302);
    assert_string_equal(reply.headers, "Location: /elsewhere\r\n");
    buffer_free(&reply.body);
}

static void shapes_the_reply(void **state)
{
    set(*state, "route=get-sth&fault=delay&ms=70");
    set(*state, "route=get-sth&fault=drip&bytes=9");
    set(*state, "route=get-sth&fault=truncate");
    struct http_reply reply = answer(*state, FAULT_TARGET_GET_STH);
    assert_int_equal(reply.delay_ms, 70);
    assert_int_equal(reply.bytes_per_second, 9);
    assert_true(reply.is_cut);
    assert_int_equal(reply.cut_size, 5);
    assert_int_equal(reply.body.size, 10);
    buffer_free(&reply.body);
    set(*state, "route=tile&fault=close");
    reply = answer(*state, FAULT_TARGET_TILE);
    assert_true(reply.closes_unanswered);
    buffer_free(&reply.body);
    set(*state, "route=data&fault=garbage");
    reply = answer(*state, FAULT_TARGET_DATA);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, 4096);
    buffer_free(&reply.body);
}

static void bends_the_answer(void **state)
{
    struct faults *faults = *state;
    static const struct {
        const char *query;
        struct distortion distortion;
    } rows[] = {
        { "fault=empty", { .is_empty = true } },
        { "fault=short&page=7", { .page = 7 } },
        { "fault=short", { .page = 1 } },
        { "fault=extra&n=3", { .extra_entries = 3 } },
        { "fault=stale&n=9", { .stale_entries = 9 } },
        { "fault=stale&ms=9", { .stale_ms = 9 } },
        { "fault=stale", { .stale_entries = 1 } },
        { "fault=shrink&n=4", { .shrink_entries = 4 } },
        { "fault=bad-signature", { .flips_signature = true } },
        { "fault=fork&n=5", { .is_forked = true } },
        { "fault=bad-leaf", { .flips_leaf = true } },
        { "fault=bad-leaf&index=0", { .flips_leaf = true, .has_index = true } },
        { "fault=bad-leaf&index=8", { .flips_leaf = true, .has_index = true, .leaf_index = 8 } },
        { "fault=wrong-index", { .says_wrong_index = 1 } },
        { "fault=wrong-index&n=3&index=2",
          { .says_wrong_index = 3, .has_index = true, .leaf_index = 2 } },
        { "fault=lag&n=6", { .lag_entries = 6 } },
        { "fault=ctile&page=9", { .keeps_to_tiles = true, .tile = 9 } },
        { "fault=strict-end", { .has_strict_end = true } },
        { "fault=null-path", { .has_null_path = true } },
        { "fault=drop-partials", { .drops_partials = true } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct distortion *wanted = &rows[i].distortion;
        faults_clear(faults);
        set(faults, rows[i].query);
        struct distortion is = faults_strike(faults, FAULT_TARGET_GET_STH);
        assert_int_equal(is.is_empty, wanted->is_empty);
        assert_int_equal(is.page, wanted->page);
        assert_int_equal(is.extra_entries, wanted->extra_entries);
        assert_int_equal(is.stale_entries, wanted->stale_entries);
        assert_int_equal(is.stale_ms, wanted->stale_ms);
        assert_int_equal(is.shrink_entries, wanted->shrink_entries);
        assert_int_equal(is.flips_signature, wanted->flips_signature);
        assert_int_equal(is.is_forked, wanted->is_forked);
        assert_int_equal(is.flips_leaf, wanted->flips_leaf);
        assert_int_equal(is.has_index, wanted->has_index);
        assert_int_equal(is.leaf_index, wanted->leaf_index);
        assert_int_equal(is.says_wrong_index, wanted->says_wrong_index);
        assert_int_equal(is.lag_entries, wanted->lag_entries);
        assert_int_equal(is.keeps_to_tiles, wanted->keeps_to_tiles);
        assert_int_equal(is.tile, wanted->tile);
        assert_int_equal(is.has_strict_end, wanted->has_strict_end);
        assert_int_equal(is.has_null_path, wanted->has_null_path);
        assert_int_equal(is.drops_partials, wanted->drops_partials);
    }
}

static void knows_the_newest_fork(void **state)
{
    uint64_t first;
    assert_false(faults_newest_forks(*state, &first));
    set(*state, "fault=fork&n=12");
    assert_true(faults_newest_forks(*state, &first));
    assert_int_equal(first, 12);
    set(*state, "fault=delay&ms=1");
    assert_false(faults_newest_forks(*state, &first));
}

static void refuses_what_it_does_not_know(void **state)
{
    static const char *const queries[] = {
        "",
        "fault=",
        "fault=nonsense",
        "fault=status&route=nowhere",
        "fault=status&route=",
        "fault=status&code=99",
        "fault=status&code=600",
        "fault=status&code=x",
        "fault=status&count=-1",
        "fault=status&probability=2",
        "fault=status&probability=nan",
        "fault=status&probability=",
        "fault=delay&ms=1.5",
        "fault=limit&per-second=-1",
        "fault=limit&per-second=fast",
        "fault=status&retry-after=a%0d%0aSet-Cookie:b",
        "fault=status&location=a%0d%0aSet-Cookie:b",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        assert_non_null(faults_set(*state, bytes_of_string(queries[i])));
    assert_int_equal(status_of(*state, FAULT_TARGET_LIST), 200);
}

static void lists_what_is_set(void **state)
{
    struct buffer out;
    struct json_writer writer = json_writer_of(&out);
    buffer_init(&out, 4096);
    set(*state, "route=tile&fault=delay&ms=1&count=3");
    set(*state, "fault=close");
    faults_write(*state, &writer);
    assert_true(bytes_equal_string(buffer_bytes(&out),
                                   "[{\"fault\":\"delay\",\"route\":\"tile\",\"left\":3},"
                                   "{\"fault\":\"close\",\"route\":\"any\",\"left\":null}]"));
    buffer_free(&out);
}

static void is_bounded(void **state)
{
    size_t count = 0;
    while (count < 1000 && !faults_set(*state, bytes_of_string("fault=close")))
        count++;
    assert_in_range(count, 10, 999);
}

int main(void)
{
#define WITH_FAULTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FAULTS(hits_its_route_and_no_other),
        WITH_FAULTS(any_is_every_route_but_control),
        WITH_FAULTS(ends_after_its_count),
        WITH_FAULTS(clearing_ends_all),
        WITH_FAULTS(probability_hits_about_that_share),
        WITH_FAULTS(status_carries_retry_after),
        WITH_FAULTS(a_limit_lets_some_through),
        WITH_FAULTS(status_carries_a_location),
        WITH_FAULTS(shapes_the_reply),
        WITH_FAULTS(bends_the_answer),
        WITH_FAULTS(knows_the_newest_fork),
        WITH_FAULTS(refuses_what_it_does_not_know),
        WITH_FAULTS(lists_what_is_set),
        WITH_FAULTS(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
