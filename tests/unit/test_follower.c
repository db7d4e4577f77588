/* Each state of the follower, with a made-up clock; and a random run against a made-up log that never loses an index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "ingest/follower.h"
#include "shared/tile_path.h"

static const struct follower_policy rfc6962 = { .poll_ms = 10000,
                                                .poll_max_ms = 60000,
                                                .page_max = 1024 };
static const struct follower_policy tiled = {
    .poll_ms = 5000, .poll_max_ms = 60000, .page_max = TILE_WIDTH, .has_tiles = true
};

static struct follower make(const struct follower_policy *policy)
{
    struct follower follower;
    struct ct_log ct_log = { 0 };
    follower_init(&follower, &ct_log, policy, 42);
    return follower;
}

/* A follower that has its checkpoint at `next` and has seen a head of `size`. */
static struct follower make_at(const struct follower_policy *policy, uint64_t next, uint64_t size)
{
    struct follower follower = make(policy);
    struct fetch fetch;
    follower_own(&follower);
    assert_true(follower_next_load(&follower, 0));
    follower_on_checkpoint(&follower, next, 0, 0);
    assert_true(follower_next_fetch(&follower, 0, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = size }, 0);
    return follower;
}

static struct fetch expect_range(struct follower *follower, uint64_t now_ms, uint64_t start,
                                 uint64_t count)
{
    struct fetch fetch;
    assert_true(follower_next_fetch(follower, now_ms, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_RANGE);
    assert_int_equal(fetch.start, start);
    assert_int_equal(fetch.count, count);
    return fetch;
}

static void expect_nothing(struct follower *follower, uint64_t now_ms)
{
    struct fetch fetch;
    assert_false(follower_next_fetch(follower, now_ms, true, &fetch));
}

static void does_nothing_without_the_lease(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    expect_nothing(&follower, 1000000);
    assert_false(follower_next_load(&follower, 1000000));
    assert_int_equal(follower_deadline_ms(&follower), UINT64_MAX);
}

static void loads_the_checkpoint_once_then_asks_for_the_head(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    struct fetch fetch;
    follower_own(&follower);
    assert_int_equal(follower.state, FOLLOWER_LOADING);
    assert_true(follower_next_load(&follower, 0));
    assert_false(follower_next_load(&follower, 0));
    expect_nothing(&follower, 0);
    follower_on_checkpoint(&follower, 100, 0, 0);
    assert_true(follower_next_fetch(&follower, 0, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
    expect_nothing(&follower, 0);
}

static void a_new_log_starts_where_it_is_told_to(void **state)
{
    (void)state;
    static const struct {
        enum follower_start start;
        uint64_t value, index;
    } rows[] = {
        { FOLLOWER_START_HEAD, 0, 1000 },        { FOLLOWER_START_INDEX, 0, 0 },
        { FOLLOWER_START_INDEX, 400, 400 },      { FOLLOWER_START_INDEX, 5000, 1000 },
        { FOLLOWER_START_BEFORE_HEAD, 10, 990 }, { FOLLOWER_START_BEFORE_HEAD, 5000, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct follower_policy policy = rfc6962;
        struct fetch fetch;
        policy.start = rows[i].start;
        policy.start_value = rows[i].value;
        struct follower follower = make(&policy);
        follower_own(&follower);
        assert_true(follower_next_load(&follower, 0));
        follower_on_new_log(&follower, 0);
        assert_true(follower_next_fetch(&follower, 0, true, &fetch));
        follower_on_head(&follower, &(struct signed_head){ .size = 1000 }, 0);
        assert_int_equal(follower.state, FOLLOWER_STARTING);
        assert_int_equal(follower_start_index(&follower), rows[i].index);
        assert_true(follower_next_fetch(&follower, 0, true, &fetch));
        assert_int_equal(fetch.kind, FETCH_START);
        follower_on_started(&follower, rows[i].index, 0);
        assert_int_equal(follower.submitted, rows[i].index);
        assert_int_equal(follower.state,
                         rows[i].index < 1000 ? FOLLOWER_FETCHING_RANGES : FOLLOWER_WAITING);
    }
}

static void learns_the_page_from_short_answers(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 1000, 100000);
    /* One range at a time until the page is known; the first answer ends at the log's page boundary. */
    struct fetch fetch = expect_range(&follower, 0, 1000, 1024);
    expect_nothing(&follower, 0);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 24);
    fetch = expect_range(&follower, 0, 1024, 1000);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 256);
    assert_int_equal(follower.page, 256);
    fetch = expect_range(&follower, 0, 1280, 744);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 744);
    (void)expect_range(&follower, 0, 2024, 24);
    (void)expect_range(&follower, 0, 2048, 256);
    (void)expect_range(&follower, 0, 2304, 256);
    (void)expect_range(&follower, 0, 2560, 256);
    expect_nothing(&follower, 0);
}

static void a_small_page_is_not_kept_for_ever(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 0, 1 << 20);
    bool small = true;
    for (unsigned answers = 0; follower.submitted < 100000; answers++) {
        struct fetch fetch;
        assert_true(follower_next_fetch(&follower, 0, false, &fetch));
        follower_on_range(&follower, &fetch);
        small = small && answers < 4;
        uint64_t most = small ? 1 : 512;
        follower_on_submitted(&follower, fetch.count < most ? fetch.count : most);
        assert_true(answers < 2000);
    }
    assert_int_equal(follower.page, 512);
}

static void hands_ranges_on_in_order_whatever_order_they_come_in(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 1024);
    struct fetch fetches[4];
    for (unsigned i = 0; i < 4; i++)
        fetches[i] = expect_range(&follower, 0, i * UINT64_C(256), 256);
    follower_on_range(&follower, &fetches[2]);
    assert_int_equal(follower_next_held(&follower), -1);
    follower_on_range(&follower, &fetches[0]);
    assert_int_equal(follower_next_held(&follower), (int)fetches[0].slot);
    follower_on_submitted(&follower, 256);
    assert_int_equal(follower_next_held(&follower), -1);
    follower_on_range(&follower, &fetches[1]);
    assert_int_equal(follower_next_held(&follower), (int)fetches[1].slot);
    follower_on_submitted(&follower, 256);
    assert_int_equal(follower_next_held(&follower), (int)fetches[2].slot);
}

static void asks_only_for_what_is_next_when_memory_is_short(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 1024);
    struct fetch first, fetch;
    assert_true(follower_next_fetch(&follower, 0, false, &first));
    assert_int_equal(first.start, 0);
    assert_false(follower_next_fetch(&follower, 0, false, &fetch));
    fetch = expect_range(&follower, 0, 256, 256);
    follower_on_range(&follower, &fetch);
    assert_false(follower_on_failure(&follower, &first, FETCH_UNREACHABLE, 0, 0));
    /* The range behind it is held; the one before it can still be had. */
    assert_true(follower_next_fetch(&follower, 10000, false, &fetch));
    assert_int_equal(fetch.start, 0);
    assert_false(follower_next_fetch(&follower, 10000, false, &fetch));
}

static void waits_for_the_next_poll_once_all_is_durable(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 10);
    struct fetch fetch = expect_range(&follower, 0, 0, 10);
    assert_int_equal(fetch.width, 10);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 10);
    assert_int_equal(follower.state, FOLLOWER_APPENDING);
    assert_int_equal(follower_lag(&follower), 10);
    follower_on_durable(&follower, 10);
    assert_int_equal(follower.state, FOLLOWER_WAITING);
    uint64_t poll_at_ms = follower_deadline_ms(&follower);
    assert_in_range(poll_at_ms, 4750, 5250);
    expect_nothing(&follower, poll_at_ms - 1);
    assert_true(follower_next_fetch(&follower, poll_at_ms, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
}

static void an_idle_log_is_polled_less_and_less_often(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 10, 10);
    uint64_t now_ms = 0, longest_ms = 0;
    for (unsigned i = 0; i < 60; i++) {
        struct fetch fetch;
        uint64_t poll_at_ms = follower_deadline_ms(&follower);
        longest_ms = poll_at_ms - now_ms;
        now_ms = poll_at_ms;
        assert_true(follower_next_fetch(&follower, now_ms, true, &fetch));
        follower_on_head(&follower, &(struct signed_head){ .size = 10 }, now_ms);
    }
    assert_in_range(longest_ms, 57000, 63000);
    follower_on_head(&follower, &(struct signed_head){ .size = 10 }, now_ms);
}

static void a_partial_tile_that_is_gone_is_taken_from_the_full_one(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 256, 300);
    struct fetch fetch = expect_range(&follower, 0, 256, 44);
    assert_int_equal(fetch.width, 44);
    assert_false(follower_on_failure(&follower, &fetch, FETCH_MISSING, 0, 0));
    fetch = expect_range(&follower, 0, 256, 44);
    assert_int_equal(fetch.width, TILE_WIDTH);
    assert_false(follower_on_failure(&follower, &fetch, FETCH_MISSING, 0, 0));
    assert_int_equal(follower.state, FOLLOWER_BACKING_OFF);
}

static void backs_off_longer_and_longer_and_asks_for_the_same_again(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 256);
    uint64_t now_ms = 0, last_delay_ms = 0;
    struct fetch fetch = expect_range(&follower, now_ms, 0, 256);
    for (unsigned i = 0; i < 12; i++) {
        assert_false(follower_on_failure(&follower, &fetch, FETCH_UNREACHABLE, 0, now_ms));
        assert_int_equal(follower.state, FOLLOWER_BACKING_OFF);
        uint64_t at_ms = follower_deadline_ms(&follower);
        last_delay_ms = at_ms - now_ms;
        assert_true(last_delay_ms >= 500 && last_delay_ms <= 300000);
        expect_nothing(&follower, at_ms - 1);
        now_ms = at_ms;
        fetch = expect_range(&follower, now_ms, 0, 256);
    }
    assert_in_range(last_delay_ms, 150000, 300000);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 256);
    assert_int_equal(follower.submitted, 256);
}

static void retry_after_is_kept_to_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint64_t asked_ms, least_ms, most_ms;
    } rows[] = { { 30000, 30000, 33000 }, { 1, 1000, 1100 }, { 86400000, 900000, 990000 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct follower follower = make_at(&tiled, 0, 256);
        struct fetch fetch = expect_range(&follower, 0, 0, 256);
        assert_false(follower_on_failure(&follower, &fetch, FETCH_REFUSED, rows[i].asked_ms, 0));
        assert_in_range(follower_deadline_ms(&follower), rows[i].least_ms, rows[i].most_ms);
    }
}

static void after_a_refusal_the_head_is_asked_for_before_the_range(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 0, 1024);
    struct fetch fetch = expect_range(&follower, 0, 0, 1024);
    assert_false(follower_on_failure(&follower, &fetch, FETCH_REFUSED, 0, 0));
    assert_true(follower_next_fetch(&follower, 2000, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = 512 }, 2000);
    /* The stale head does not count: the range is asked for as it was. */
    (void)expect_range(&follower, 2000, 0, 1024);
}

static void good_news_does_not_end_a_back_off(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 512);
    struct fetch first = expect_range(&follower, 0, 0, 256);
    struct fetch second = expect_range(&follower, 0, 256, 256);
    assert_false(follower_on_failure(&follower, &second, FETCH_REFUSED, 60000, 0));
    follower_on_range(&follower, &first);
    follower_on_submitted(&follower, 256);
    follower_on_durable(&follower, 256);
    expect_nothing(&follower, 59999);
}

static void an_unreadable_answer_is_asked_for_again(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 5, 10);
    struct fetch fetch = expect_range(&follower, 0, 5, 5);
    follower_on_range(&follower, &fetch);
    follower_on_bad_range(&follower, 0);
    assert_int_equal(follower.state, FOLLOWER_BACKING_OFF);
    assert_int_equal(follower.submitted, 5);
    (void)expect_range(&follower, 5000, 5, 5);
}

static void a_starting_point_that_cannot_be_had_is_done_without(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    struct fetch fetch;
    uint64_t now_ms = 0;
    follower_own(&follower);
    assert_true(follower_next_load(&follower, now_ms));
    follower_on_new_log(&follower, now_ms);
    assert_true(follower_next_fetch(&follower, now_ms, true, &fetch));
    follower_on_head(&follower, &(struct signed_head){ .size = 7 }, now_ms);
    for (unsigned tries = 1; tries <= FOLLOWER_START_TRIES; tries++) {
        assert_true(follower_next_fetch(&follower, now_ms, true, &fetch));
        assert_int_equal(fetch.kind, FETCH_START);
        bool gives_up = follower_on_failure(&follower, &fetch, FETCH_REFUSED, 0, now_ms);
        assert_int_equal(gives_up, tries == FOLLOWER_START_TRIES);
        now_ms = follower_deadline_ms(&follower);
    }
    follower_on_started(&follower, 7, now_ms);
    assert_int_equal(follower.state, FOLLOWER_WAITING);
}

static void a_reload_forgets_what_was_under_way(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 512);
    struct fetch fetch = expect_range(&follower, 0, 0, 256);
    assert_true(follower_expects(&follower, &fetch));
    follower_reload(&follower, 700);
    assert_false(follower_expects(&follower, &fetch));
    assert_false(follower_next_load(&follower, 699));
    assert_true(follower_next_load(&follower, 700));
    follower_on_checkpoint(&follower, 100, 0, 700);
    assert_true(follower_next_fetch(&follower, 700, true, &fetch));
    follower_on_head(&follower, &(struct signed_head){ .size = 512 }, 700);
    (void)expect_range(&follower, 700, 100, 156);
}

static void a_read_only_log_is_finished_when_it_is_drained(void **state)
{
    (void)state;
    struct ct_log ct_log = { .has_final_size = true, .final_size = 10 };
    struct follower follower;
    struct fetch fetch;
    follower_init(&follower, &ct_log, &tiled, 1);
    follower_own(&follower);
    assert_true(follower_next_load(&follower, 0));
    follower_on_checkpoint(&follower, 9, 0, 0);
    assert_true(follower_next_fetch(&follower, 0, true, &fetch));
    follower_on_head(&follower, &(struct signed_head){ .size = 10 }, 0);
    fetch = expect_range(&follower, 0, 9, 1);
    follower_on_range(&follower, &fetch);
    follower_on_submitted(&follower, 1);
    follower_on_durable(&follower, 10);
    assert_int_equal(follower.state, FOLLOWER_FINISHED);
    expect_nothing(&follower, UINT64_MAX);
    /* The list knows better later: the log goes on. */
    ct_log.final_size = 12;
    follower_set_final_size(&follower, &ct_log);
    assert_true(follower_next_fetch(&follower, 0, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
}

/* A log that grows, answers short, out of order, or not at all. */
struct made_log {
    struct follower follower;
    bool has_tiles;
    uint64_t page;
    uint64_t size;
    uint64_t now_ms;
    uint64_t next; /* what was handed on */
    struct fetch out[8];
    unsigned out_count;
};

static bool one_in(long n)
{
    return random() % n == 0;
}

static void answer_one(struct made_log *log)
{
    if (!log->out_count)
        return;
    unsigned pick = (unsigned)random() % log->out_count;
    struct fetch fetch = log->out[pick];
    log->out[pick] = log->out[--log->out_count];
    struct signed_head head = { .size = log->size - one_in(2) };
    if (one_in(8))
        (void)follower_on_failure(&log->follower, &fetch, (enum fetch_failure)(random() % 4), 0,
                                  log->now_ms);
    else if (fetch.kind == FETCH_HEAD)
        follower_on_head(&log->follower, &head, log->now_ms);
    else
        follower_on_range(&log->follower, &fetch);
}

static void process_one(struct made_log *log)
{
    int held = follower_next_held(&log->follower);
    if (held < 0)
        return;
    const struct follower_slot *slot = &log->follower.slots[held];
    assert_int_equal(slot->start, log->next);
    uint64_t count = !log->has_tiles && slot->count > log->page ? log->page : slot->count;
    if (one_in(10)) {
        follower_on_bad_range(&log->follower, log->now_ms);
        return;
    }
    log->next += count;
    follower_on_submitted(&log->follower, count);
}

static void step(struct made_log *log)
{
    struct fetch fetch;
    while (log->out_count < 8 && follower_next_fetch(&log->follower, log->now_ms, true, &fetch))
        log->out[log->out_count++] = fetch;
    answer_one(log);
    process_one(log);
    if (log->follower.durable < log->follower.submitted && one_in(2))
        follower_on_durable(&log->follower, log->follower.submitted);
    log->size += (uint64_t)random() % 3;
    log->now_ms += (uint64_t)random() % 1000;
}

static void random_runs_never_skip_an_index(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (unsigned run = 0; run < 200; run++) {
        bool has_tiles = one_in(2);
        struct made_log log = {
            .follower = make(has_tiles ? &tiled : &rfc6962),
            .has_tiles = has_tiles,
            .page = 1 + (uint64_t)random() % 600,
            .size = 1 + (uint64_t)random() % 5000,
        };
        follower_own(&log.follower);
        assert_true(follower_next_load(&log.follower, 0));
        follower_on_checkpoint(&log.follower, 0, 0, 0);
        for (unsigned i = 0; i < 3000; i++)
            step(&log);
        assert_true(log.next > 0 && log.next <= log.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_without_the_lease),
        cmocka_unit_test(loads_the_checkpoint_once_then_asks_for_the_head),
        cmocka_unit_test(a_new_log_starts_where_it_is_told_to),
        cmocka_unit_test(learns_the_page_from_short_answers),
        cmocka_unit_test(a_small_page_is_not_kept_for_ever),
        cmocka_unit_test(hands_ranges_on_in_order_whatever_order_they_come_in),
        cmocka_unit_test(asks_only_for_what_is_next_when_memory_is_short),
        cmocka_unit_test(waits_for_the_next_poll_once_all_is_durable),
        cmocka_unit_test(an_idle_log_is_polled_less_and_less_often),
        cmocka_unit_test(a_partial_tile_that_is_gone_is_taken_from_the_full_one),
        cmocka_unit_test(backs_off_longer_and_longer_and_asks_for_the_same_again),
        cmocka_unit_test(retry_after_is_kept_to_within_bounds),
        cmocka_unit_test(after_a_refusal_the_head_is_asked_for_before_the_range),
        cmocka_unit_test(good_news_does_not_end_a_back_off),
        cmocka_unit_test(an_unreadable_answer_is_asked_for_again),
        cmocka_unit_test(a_starting_point_that_cannot_be_had_is_done_without),
        cmocka_unit_test(a_reload_forgets_what_was_under_way),
        cmocka_unit_test(a_read_only_log_is_finished_when_it_is_drained),
        cmocka_unit_test(random_runs_never_skip_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
