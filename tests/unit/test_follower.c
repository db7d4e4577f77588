/* Each state of the follower, with a made-up clock; and a random run against a made-up log that
 * never loses an index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "ingest/follow/follower.h"
#include "ingest/follow/log_trial.h"
#include "shared/message/tile_path.h"

static const struct follower_policy rfc6962 = { .poll_ms = 10000,
                                                .poll_max_ms = 60000,
                                                .page_max = 1024 };
static const struct follower_policy tiled = {
    .poll_ms = 5000, .poll_max_ms = 60000, .page_max = TILE_WIDTH, .has_tiles = true
};

/* What is wanted now is sent: what comes next, or else a look at the head. */
static bool next_fetch(struct follower *follower, uint64_t now_ms, bool may_run_ahead,
                       struct fetch *fetch)
{
    if (follower_want(follower, now_ms, may_run_ahead, fetch) > now_ms &&
        follower_want_head(follower, now_ms, fetch) > now_ms)
        return false;
    follower_on_sent(follower, fetch, now_ms);
    return true;
}

/* When something may be wanted, of which nothing is now. */
static uint64_t deadline(struct follower *follower, uint64_t now_ms)
{
    struct fetch fetch;
    uint64_t road_ms = follower_want(follower, now_ms, true, &fetch);
    uint64_t head_ms = follower_want_head(follower, now_ms, &fetch);
    return road_ms < head_ms ? road_ms : head_ms;
}

static bool next_load(struct follower *follower, uint64_t now_ms)
{
    struct fetch fetch;
    return next_fetch(follower, now_ms, true, &fetch) && fetch.kind == FETCH_POSITION;
}

/* The state once what can be gone through is gone through. */
static enum follower_state state_at(struct follower *follower, uint64_t now_ms)
{
    struct fetch fetch;
    (void)follower_want(follower, now_ms, true, &fetch);
    return follower->state;
}

static void move_window(struct follower *follower, uint64_t count)
{
    struct log_position position = follower->book.taken;
    position.next += count;
    log_book_take(&follower->book, &position);
    follower_on_taken(follower, count);
}

static void prove(struct follower *follower)
{
    follower_on_proven(follower, &follower->head, follower->book.taken.next);
}

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
    assert_true(next_load(&follower, 0));
    follower_on_position(&follower, &(struct log_position){ .next = next, .page = 0 }, 0);
    assert_true(next_fetch(&follower, 0, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = size }, 0);
    return follower;
}

static struct fetch expect_range(struct follower *follower, uint64_t now_ms, uint64_t start,
                                 uint64_t count)
{
    struct fetch fetch;
    assert_true(next_fetch(follower, now_ms, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_RANGE);
    assert_int_equal(fetch.start, start);
    assert_int_equal(fetch.count, count);
    return fetch;
}

/* What the caller does that verifies nothing. */
static void take(struct follower *follower, uint64_t count)
{
    move_window(follower, count);
    if (follower_next_verdict(follower, false) == FOLLOWER_VERDICT_RELEASE)
        prove(follower);
}

static void expect_nothing(struct follower *follower, uint64_t now_ms)
{
    struct fetch fetch;
    assert_false(next_fetch(follower, now_ms, true, &fetch));
}

static void does_nothing_without_the_lease(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    expect_nothing(&follower, 1000000);
    assert_false(next_load(&follower, 1000000));
    assert_int_equal(deadline(&follower, 0), UINT64_MAX);
}

static void loads_the_checkpoint_once_then_asks_for_the_head(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    struct fetch fetch;
    follower_own(&follower);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_LOADING);
    assert_true(next_load(&follower, 0));
    assert_false(next_load(&follower, 0));
    expect_nothing(&follower, 0);
    follower_on_position(&follower, &(struct log_position){ .next = 100, .page = 0 }, 0);
    assert_true(next_fetch(&follower, 0, true, &fetch));
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
        assert_true(next_load(&follower, 0));
        follower_on_new_log(&follower, 0);
        assert_true(next_fetch(&follower, 0, true, &fetch));
        follower_on_head(&follower, &(struct signed_head){ .size = 1000 }, 0);
        assert_int_equal(state_at(&follower, 0), FOLLOWER_STARTING);
        assert_int_equal(follower_start_index(&follower), rows[i].index);
        assert_true(next_fetch(&follower, 0, true, &fetch));
        assert_int_equal(fetch.kind, FETCH_START);
        follower_on_started(&follower, &(struct log_position){ .next = rows[i].index }, 0);
        assert_int_equal(follower.book.taken.next, rows[i].index);
        assert_int_equal(state_at(&follower, 0),
                         rows[i].index < 1000 ? FOLLOWER_FETCHING_RANGES : FOLLOWER_WAITING);
    }
}

static void learns_the_page_from_short_answers(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 1000, 100000);
    /* One range at a time until the page is known; the first answer ends at the log's page
     * boundary. */
    struct fetch fetch = expect_range(&follower, 0, 1000, 1024);
    expect_nothing(&follower, 0);
    follower_on_range(&follower, &fetch);
    take(&follower, 24);
    fetch = expect_range(&follower, 0, 1024, 1024);
    follower_on_range(&follower, &fetch);
    take(&follower, 256);
    assert_int_equal(follower.page.learnt, 256);
    /* What was asked for besides is asked for in pages, several at once. */
    for (unsigned i = 0; i < 4; i++)
        (void)expect_range(&follower, 0, 1280 + i * UINT64_C(256), 256);
    expect_nothing(&follower, 0);
}

static void a_small_page_is_not_kept_for_ever(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 0, 1 << 20);
    bool small = true;
    for (unsigned answers = 0; follower.book.taken.next < 100000; answers++) {
        struct fetch fetch;
        assert_true(next_fetch(&follower, 0, false, &fetch));
        follower_on_range(&follower, &fetch);
        small = small && answers < 4;
        uint64_t most = small ? 1 : 512;
        take(&follower, fetch.count < most ? fetch.count : most);
        assert_true(answers < 2000);
    }
    assert_int_equal(follower.page.learnt, 512);
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
    take(&follower, 256);
    assert_int_equal(follower_next_held(&follower), -1);
    follower_on_range(&follower, &fetches[1]);
    assert_int_equal(follower_next_held(&follower), (int)fetches[1].slot);
    take(&follower, 256);
    assert_int_equal(follower_next_held(&follower), (int)fetches[2].slot);
}

static void asks_only_for_what_is_next_when_memory_is_short(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 1024);
    struct fetch first, fetch;
    assert_true(next_fetch(&follower, 0, false, &first));
    assert_int_equal(first.start, 0);
    assert_false(next_fetch(&follower, 0, false, &fetch));
    fetch = expect_range(&follower, 0, 256, 256);
    follower_on_range(&follower, &fetch);
    assert_false(follower_on_failure(&follower, &first, FETCH_UNREACHABLE, 0, 0));
    /* The range behind it is held; the one before it can still be had. */
    assert_true(next_fetch(&follower, 10000, false, &fetch));
    assert_int_equal(fetch.start, 0);
    assert_false(next_fetch(&follower, 10000, false, &fetch));
}

static void waits_for_the_next_poll_once_all_is_durable(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 10);
    struct fetch fetch = expect_range(&follower, 0, 0, 10);
    assert_int_equal(fetch.width, 10);
    follower_on_range(&follower, &fetch);
    take(&follower, 10);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_APPENDING);
    assert_int_equal(follower_lag(&follower), 10);
    follower_on_durable(&follower, 10);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_WAITING);
    uint64_t poll_at_ms = deadline(&follower, 0);
    assert_in_range(poll_at_ms, 4750, 5250);
    expect_nothing(&follower, poll_at_ms - 1);
    assert_true(next_fetch(&follower, poll_at_ms, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
}

static void an_idle_log_is_polled_less_and_less_often(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 10, 10);
    uint64_t now_ms = 0, longest_ms = 0;
    for (unsigned i = 0; i < 60; i++) {
        struct fetch fetch;
        uint64_t poll_at_ms = deadline(&follower, 0);
        longest_ms = poll_at_ms - now_ms;
        now_ms = poll_at_ms;
        assert_true(next_fetch(&follower, now_ms, true, &fetch));
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
    assert_int_equal(state_at(&follower, 0), FOLLOWER_BACKING_OFF);
}

static void backs_off_longer_and_longer_and_asks_for_the_same_again(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 256);
    uint64_t now_ms = 0, last_delay_ms = 0;
    struct fetch fetch = expect_range(&follower, now_ms, 0, 256);
    for (unsigned i = 0; i < 60; i++) {
        assert_false(follower_on_failure(&follower, &fetch, FETCH_UNREACHABLE, 0, now_ms));
        assert_int_equal(state_at(&follower, 0), FOLLOWER_BACKING_OFF);
        uint64_t at_ms = deadline(&follower, 0);
        last_delay_ms = at_ms - now_ms;
        assert_true(last_delay_ms >= 500 && last_delay_ms <= 300000);
        expect_nothing(&follower, at_ms - 1);
        now_ms = at_ms;
        fetch = expect_range(&follower, now_ms, 0, 256);
    }
    assert_in_range(last_delay_ms, 150000, 300000);
    follower_on_range(&follower, &fetch);
    take(&follower, 256);
    assert_int_equal(follower.book.taken.next, 256);
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
        assert_in_range(deadline(&follower, 0), rows[i].least_ms, rows[i].most_ms);
    }
}

static void after_a_refusal_the_head_is_asked_for_before_the_range(void **state)
{
    (void)state;
    struct follower follower = make_at(&rfc6962, 0, 1024);
    struct fetch fetch = expect_range(&follower, 0, 0, 1024);
    assert_false(follower_on_failure(&follower, &fetch, FETCH_REFUSED, 0, 0));
    assert_true(next_fetch(&follower, 2000, true, &fetch));
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
    take(&follower, 256);
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
    assert_int_equal(state_at(&follower, 0), FOLLOWER_BACKING_OFF);
    assert_int_equal(follower.book.taken.next, 5);
    (void)expect_range(&follower, 5000, 5, 5);
}

static void a_starting_point_that_cannot_be_had_is_done_without(void **state)
{
    (void)state;
    struct follower follower = make(&rfc6962);
    struct fetch fetch;
    uint64_t now_ms = 0;
    follower_own(&follower);
    assert_true(next_load(&follower, now_ms));
    follower_on_new_log(&follower, now_ms);
    assert_true(next_fetch(&follower, now_ms, true, &fetch));
    follower_on_head(&follower, &(struct signed_head){ .size = 7 }, now_ms);
    for (unsigned tries = 1; tries <= FOLLOWER_START_TRIES; tries++) {
        assert_true(next_fetch(&follower, now_ms, true, &fetch));
        assert_int_equal(fetch.kind, FETCH_START);
        enum failure_advice advice =
            follower_on_failure(&follower, &fetch, FETCH_REFUSED, 0, now_ms);
        assert_int_equal(advice == FAILURE_ENDS_START, tries == FOLLOWER_START_TRIES);
        now_ms = deadline(&follower, 0);
        /* Perhaps it was the head. */
        if (tries == FOLLOWER_START_TRIES)
            break;
        assert_true(next_fetch(&follower, now_ms, true, &fetch));
        assert_int_equal(fetch.kind, FETCH_HEAD);
        follower_on_head(&follower, &(struct signed_head){ .size = 7 }, now_ms);
    }
    follower_on_started(&follower, &(struct log_position){ .next = 7 }, now_ms);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_WAITING);
}

static void a_reload_forgets_what_was_under_way(void **state)
{
    (void)state;
    struct follower follower = make_at(&tiled, 0, 512);
    struct fetch fetch = expect_range(&follower, 0, 0, 256);
    assert_true(follower_expects(&follower, &fetch));
    follower_reload(&follower, 700);
    assert_false(follower_expects(&follower, &fetch));
    assert_false(next_load(&follower, 699));
    assert_true(next_load(&follower, 700));
    follower_on_position(&follower, &(struct log_position){ .next = 100, .page = 0 }, 700);
    assert_true(next_fetch(&follower, 700, true, &fetch));
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
    assert_true(next_load(&follower, 0));
    follower_on_position(&follower, &(struct log_position){ .next = 9, .page = 0 }, 0);
    assert_true(next_fetch(&follower, 0, true, &fetch));
    follower_on_head(&follower, &(struct signed_head){ .size = 10 }, 0);
    fetch = expect_range(&follower, 0, 9, 1);
    follower_on_range(&follower, &fetch);
    take(&follower, 1);
    follower_on_durable(&follower, 10);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_FINISHED);
    expect_nothing(&follower, UINT64_MAX - 1);
    /* The list knows better later: the log goes on. */
    ct_log.final_size = 12;
    follower_on_description(&follower, &ct_log);
    assert_true(next_fetch(&follower, 0, true, &fetch));
    assert_int_equal(fetch.kind, FETCH_HEAD);
}

static const struct follower_policy strict = { .poll_ms = 10000,
                                               .poll_max_ms = 60000,
                                               .page_max = 1024,
                                               .verifies = true,
                                               .quarantine_ms = 300000 };
static const struct follower_policy strict_tiled = { .poll_ms = 5000,
                                                     .poll_max_ms = 60000,
                                                     .page_max = TILE_WIDTH,
                                                     .has_tiles = true,
                                                     .verifies = true,
                                                     .partial_ms = 20000,
                                                     .quarantine_ms = 300000 };

static struct fetch expect_kind(struct follower *follower, uint64_t now_ms, enum fetch_kind kind)
{
    struct fetch fetch;
    assert_true(next_fetch(follower, now_ms, true, &fetch));
    assert_int_equal(fetch.kind, kind);
    return fetch;
}

/* Fetches and takes the next range. */
static void take_range(struct follower *follower, uint64_t now_ms, uint64_t start, uint64_t count)
{
    struct fetch fetch = expect_range(follower, now_ms, start, count);
    follower_on_range(follower, &fetch);
    move_window(follower, count);
}

static void nothing_is_released_before_the_root_is_right(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict, 0, 2048);
    follower.page.learnt = 1024;
    take_range(&follower, 0, 0, 1024);
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_NONE);
    assert_int_equal(follower.book.released.next, 0);
    take_range(&follower, 0, 1024, 1024);
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_BY_ROOT);
    prove(&follower);
    assert_int_equal(follower.book.released.next, 2048);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_APPENDING);
    assert_int_equal(follower_next_verdict(&follower, true), FOLLOWER_VERDICT_NONE);
}

static void a_window_that_must_not_grow_is_closed_by_a_proof(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict, 0, 100000);
    follower.page.learnt = 1024;
    take_range(&follower, 0, 0, 1024);
    assert_int_equal(follower_next_verdict(&follower, true), FOLLOWER_VERDICT_BY_PROOF);
    struct fetch proof = expect_kind(&follower, 0, FETCH_PROOF);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_VERIFYING);
    /* Meanwhile what follows may come, but is not taken. */
    struct fetch behind = expect_range(&follower, 0, 1024, 1024);
    follower_on_range(&follower, &behind);
    assert_int_equal(follower_next_held(&follower), -1);
    /* Another step of the same proof. */
    follower_on_step(&follower, &proof);
    (void)expect_kind(&follower, 0, FETCH_PROOF);
    prove(&follower);
    assert_int_equal(follower.book.released.next, 1024);
    assert_int_equal(follower_next_held(&follower), (int)behind.slot);
}

static void a_proof_that_does_not_come_is_asked_for_under_a_newer_head(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict, 0, 100000);
    follower.page.learnt = 1024;
    take_range(&follower, 0, 0, 1024);
    (void)follower_next_verdict(&follower, true);
    struct fetch proof = expect_kind(&follower, 0, FETCH_PROOF);
    assert_int_equal(follower_on_failure(&follower, &proof, FETCH_REFUSED, 0, 0), FAILURE_RETRIED);
    assert_int_equal(follower_next_verdict(&follower, true), FOLLOWER_VERDICT_NONE);
    (void)expect_kind(&follower, 5000, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = 100001 }, 5000);
    assert_int_equal(follower_next_verdict(&follower, true), FOLLOWER_VERDICT_BY_PROOF);
    (void)expect_kind(&follower, 5000, FETCH_PROOF);
}

static void a_partial_tile_is_left_to_fill_for_a_while(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict_tiled, 0, 300);
    take_range(&follower, 0, 0, 256);
    expect_nothing(&follower, 0);
    /* The full tile is not held up by it. */
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_BY_PROOF);
    prove(&follower);
    follower_on_durable(&follower, 256);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_WAITING);
    /* Polls go on; the tile counts from when it was first seen. */
    uint64_t now_ms = deadline(&follower, 0);
    (void)expect_kind(&follower, now_ms, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = 310 }, now_ms);
    expect_nothing(&follower, now_ms);
    follower.poll_at_ms = 1000000;
    assert_int_equal(deadline(&follower, 0), 20000);
    expect_nothing(&follower, 19999);
    take_range(&follower, 20000, 256, 54);
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_BY_ROOT);
}

/* The whole window again, from a head that is asked for anew. */
static uint64_t fail_window(struct follower *follower, uint64_t now_ms)
{
    assert_int_equal(follower_on_mismatch(follower, now_ms), MISMATCH_RETRIED);
    assert_int_equal(follower->book.taken.next, follower->book.released.next);
    assert_int_equal(follower->state, FOLLOWER_BACKING_OFF);
    now_ms = deadline(follower, 0);
    struct fetch head = expect_kind(follower, now_ms, FETCH_HEAD);
    assert_true(head.is_fresh);
    follower_on_head(follower, &(struct signed_head){ .size = 512 }, now_ms);
    take_range(follower, now_ms, 256, 256);
    assert_int_equal(follower_next_verdict(follower, false), FOLLOWER_VERDICT_BY_ROOT);
    return now_ms;
}

static void what_stays_wrong_is_classified_and_quarantined(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict_tiled, 256, 512);
    take_range(&follower, 0, 256, 256);
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_BY_ROOT);
    uint64_t now_ms = 0;
    for (unsigned tries = 1; tries < LOG_TRIAL_WINDOWS; tries++) {
        uint64_t later_ms = fail_window(&follower, now_ms);
        assert_true(later_ms >= now_ms + strict_tiled.poll_ms * tries);
        now_ms = later_ms;
    }
    assert_int_equal(follower_on_mismatch(&follower, now_ms), MISMATCH_TO_CLASSIFY);
    struct fetch fetch = expect_kind(&follower, now_ms, FETCH_CLASSIFY);
    expect_nothing(&follower, now_ms);
    follower_on_step(&follower, &fetch);
    (void)expect_kind(&follower, now_ms, FETCH_CLASSIFY);
    follower_on_quarantine(&follower, now_ms);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_QUARANTINED);
    assert_int_equal(follower.book.released.next, 256);
    /* It is looked at less and less often, once each time. */
    const uint64_t longest_ms = UINT64_C(6) * 3600 * 1000;
    uint64_t delay_ms = 300000;
    for (unsigned look = 0; look < 10; look++) {
        uint64_t at_ms = deadline(&follower, 0);
        assert_in_range(at_ms - now_ms, delay_ms, delay_ms + delay_ms / 10);
        expect_nothing(&follower, at_ms - 1);
        now_ms = at_ms;
        (void)expect_kind(&follower, now_ms, FETCH_HEAD);
        follower_on_head(&follower, &(struct signed_head){ .size = 512 }, now_ms);
        take_range(&follower, now_ms, 256, 256);
        assert_int_equal(follower_on_mismatch(&follower, now_ms), MISMATCH_QUARANTINED);
        delay_ms = delay_ms * 2 < longest_ms ? delay_ms * 2 : longest_ms;
    }
    /* What is right in the end is released as if nothing had been. */
    follower_recheck(&follower);
    (void)expect_kind(&follower, now_ms, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = 512 }, now_ms);
    take_range(&follower, now_ms, 256, 256);
    assert_int_equal(follower_next_verdict(&follower, false), FOLLOWER_VERDICT_BY_ROOT);
    prove(&follower);
    assert_false(follower.is_quarantined);
    assert_int_equal(follower.book.released.next, 512);
}

static void a_log_that_does_not_say_is_quarantined_without_a_class(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict_tiled, 256, 512);
    uint64_t now_ms = 0;
    follower.mismatches = LOG_TRIAL_WINDOWS - 1;
    take_range(&follower, 0, 256, 256);
    assert_int_equal(follower_on_mismatch(&follower, now_ms), MISMATCH_TO_CLASSIFY);
    enum failure_advice advice = FAILURE_RETRIED;
    for (unsigned i = 0; i < 10 && advice == FAILURE_RETRIED; i++) {
        struct fetch fetch = expect_kind(&follower, now_ms, FETCH_CLASSIFY);
        advice = follower_on_failure(&follower, &fetch, FETCH_UNREACHABLE, 0, now_ms);
        now_ms = deadline(&follower, 0);
    }
    assert_int_equal(advice, FAILURE_ENDS_CLASSIFY);
}

static void a_page_too_large_is_asked_for_in_halves(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict, 0, 4096);
    follower.page.learnt = 1024;
    struct fetch first = expect_range(&follower, 0, 0, 1024);
    struct fetch second = expect_range(&follower, 0, 1024, 1024);
    (void)follower_on_failure(&follower, &first, FETCH_TOO_LARGE, 0, 0);
    /* What is out is forgotten with the plan. */
    assert_false(follower_expects(&follower, &second));
    first = expect_range(&follower, 1000, 0, 512);
    (void)follower_on_failure(&follower, &first, FETCH_TOO_LARGE, 0, 1000);
    (void)expect_range(&follower, 5000, 0, 256);
}

static void a_range_refused_again_and_again_is_asked_for_in_halves(void **state)
{
    (void)state;
    struct follower follower = make_at(&strict, 0, 4096);
    uint64_t now_ms = 0;
    follower.page.learnt = 1024;
    /* Once may be chance. */
    static const uint64_t asked[] = { 1024, 1024, 512, 256 };
    for (unsigned i = 0; i < 4; i++) {
        struct fetch fetch = expect_range(&follower, now_ms, 0, asked[i]);
        (void)follower_on_failure(&follower, &fetch, FETCH_REFUSED, 0, now_ms);
        now_ms = deadline(&follower, 0);
        (void)expect_kind(&follower, now_ms, FETCH_HEAD);
        follower_on_head(&follower, &(struct signed_head){ .size = 4096 }, now_ms);
    }
    (void)expect_range(&follower, now_ms, 0, 128);
    /* The page that was learnt is not forgotten for that. */
    assert_int_equal(follower.page.learnt, 1024);
}

static void a_log_without_a_frontier_gets_it_where_it_stands(void **state)
{
    (void)state;
    struct follower follower = make(&strict);
    follower_own(&follower);
    assert_true(next_load(&follower, 0));
    follower_on_bare_position(&follower, &(struct log_position){ .next = 700 }, 0);
    (void)expect_kind(&follower, 0, FETCH_HEAD);
    /* A stale front end does not reach that far yet. */
    follower_on_head(&follower, &(struct signed_head){ .size = 600 }, 0);
    assert_int_equal(state_at(&follower, 0), FOLLOWER_WAITING);
    uint64_t now_ms = deadline(&follower, 0);
    (void)expect_kind(&follower, now_ms, FETCH_HEAD);
    follower_on_head(&follower, &(struct signed_head){ .size = 800 }, now_ms);
    (void)expect_kind(&follower, now_ms, FETCH_START);
    assert_int_equal(follower_start_index(&follower), 700);
    follower_on_started(&follower, &(struct log_position){ .next = 700 }, now_ms);
    (void)expect_range(&follower, now_ms, 700, 100);
}

static void a_log_that_left_the_lists_ends_when_it_grows_no_more(void **state)
{
    (void)state;
    struct ct_log ct_log = { .is_draining = true };
    struct follower follower = make_at(&strict_tiled, 10, 10);
    follower_on_description(&follower, &ct_log);
    uint64_t now_ms = 0;
    while (state_at(&follower, now_ms) != FOLLOWER_FINISHED) {
        now_ms = deadline(&follower, 0);
        assert_true(now_ms < UINT64_C(8) * 86400 * 1000);
        (void)expect_kind(&follower, now_ms, FETCH_HEAD);
        follower_on_head(&follower, &(struct signed_head){ .size = 10 }, now_ms);
    }
    assert_true(now_ms >= UINT64_C(7) * 86400 * 1000);
    /* The lists want it again. */
    ct_log.is_draining = false;
    follower_on_description(&follower, &ct_log);
    (void)expect_kind(&follower, now_ms, FETCH_HEAD);
}

/* Heads that fail, until the follower has ended or so long is over. When that was. */
static uint64_t fail_heads(struct follower *follower, enum fetch_failure failure, uint64_t end_ms)
{
    uint64_t now_ms = 0;
    while (state_at(follower, now_ms) != FOLLOWER_FINISHED && now_ms < end_ms) {
        struct fetch fetch;
        uint64_t at_ms = follower_want(follower, now_ms, true, &fetch);
        if (at_ms > now_ms) {
            now_ms = at_ms;
            continue;
        }
        assert_int_equal(fetch.kind, FETCH_HEAD);
        follower_on_sent(follower, &fetch, now_ms);
        (void)follower_on_failure(follower, &fetch, failure, 0, now_ms);
    }
    return now_ms;
}

static void a_log_that_left_the_lists_ends_when_its_host_is_gone(void **state)
{
    (void)state;
    const struct ct_log left = { .is_draining = true }, listed = { .is_draining = false };
    const uint64_t hour_ms = UINT64_C(3600) * 1000, day_ms = 24 * hour_ms;
    struct follower follower = make_at(&strict_tiled, 10, 10);
    follower_on_description(&follower, &left);
    assert_in_range(fail_heads(&follower, FETCH_UNREACHABLE, 3 * day_ms), day_ms, day_ms + hour_ms);
    assert_int_equal(follower.state, FOLLOWER_FINISHED);
    /* Nothing is there any more: that needs no day. */
    follower = make_at(&strict_tiled, 10, 10);
    follower_on_description(&follower, &left);
    assert_true(fail_heads(&follower, FETCH_MISSING, day_ms) < hour_ms);
    assert_int_equal(follower.state, FOLLOWER_FINISHED);
    /* One that the lists want is asked for ever. */
    follower = make_at(&strict_tiled, 10, 10);
    follower_on_description(&follower, &listed);
    (void)fail_heads(&follower, FETCH_MISSING, 3 * day_ms);
    assert_int_not_equal(follower.state, FOLLOWER_FINISHED);
}

/* A log that grows, answers short, out of order, wrongly, or not at all. */
struct made_log {
    struct follower follower;
    bool has_tiles;
    uint64_t page;
    uint64_t size;
    uint64_t now_ms;
    uint64_t next; /* the end of the window */
    struct fetch out[8];
    unsigned out_count;
    uint64_t quarantines;
};

static bool one_in(long n)
{
    return random() % n == 0;
}

static void go_wrong(struct made_log *log)
{
    if (follower_on_mismatch(&log->follower, log->now_ms) == MISMATCH_QUARANTINED)
        log->quarantines++;
    log->next = log->follower.book.released.next;
}

static void answer_proof(struct made_log *log, const struct fetch *fetch)
{
    if (fetch->kind == FETCH_CLASSIFY && one_in(2)) {
        follower_on_quarantine(&log->follower, log->now_ms);
        log->quarantines++;
        return;
    }
    follower_on_step(&log->follower, fetch);
    if (fetch->kind != FETCH_PROOF || one_in(3))
        return;
    if (one_in(6))
        go_wrong(log);
    else
        prove(&log->follower);
}

static void answer_one(struct made_log *log)
{
    if (!log->out_count)
        return;
    unsigned pick = (unsigned)random() % log->out_count;
    struct fetch fetch = log->out[pick];
    log->out[pick] = log->out[--log->out_count];
    struct signed_head head = { .size = log->size - one_in(2) };
    if (!follower_expects(&log->follower, &fetch))
        return;
    if (one_in(8)) {
        if (follower_on_failure(&log->follower, &fetch, (enum fetch_failure)(random() % 6), 0,
                                log->now_ms) == FAILURE_ENDS_CLASSIFY)
            follower_on_quarantine(&log->follower, log->now_ms);
    } else if (fetch.kind == FETCH_HEAD) {
        follower_on_head(&log->follower, &head, log->now_ms);
    } else if (fetch.kind == FETCH_RANGE) {
        follower_on_range(&log->follower, &fetch);
    } else {
        answer_proof(log, &fetch);
    }
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
    move_window(&log->follower, count);
}

static void judge(struct made_log *log)
{
    switch (follower_next_verdict(&log->follower, one_in(5))) {
    case FOLLOWER_VERDICT_NONE: return;
    case FOLLOWER_VERDICT_BY_ROOT:
        assert_int_equal(log->follower.book.taken.next, log->follower.head.size);
        if (one_in(6)) {
            go_wrong(log);
            return;
        }
        break;
    case FOLLOWER_VERDICT_BY_PROOF:
        assert_true(log->follower.book.taken.next < log->follower.head.size);
        if (!log->has_tiles || one_in(3))
            return;
        break;
    case FOLLOWER_VERDICT_RELEASE: break;
    }
    prove(&log->follower);
}

static void step(struct made_log *log)
{
    struct fetch fetch;
    while (log->out_count < 8 && next_fetch(&log->follower, log->now_ms, true, &fetch))
        log->out[log->out_count++] = fetch;
    answer_one(log);
    process_one(log);
    judge(log);
    if (log->follower.book.durable < log->follower.book.released.next && one_in(2))
        follower_on_durable(&log->follower, log->follower.book.released.next);
    assert_true(log->follower.book.released.next <= log->next);
    log->size += (uint64_t)random() % 3;
    log->now_ms += (uint64_t)random() % 1000;
    /* Nobody waits for hours. */
    if (log->follower.state == FOLLOWER_QUARANTINED && one_in(20))
        follower_recheck(&log->follower);
}

static void random_runs_never_skip_an_index(void **state)
{
    (void)state;
    static const struct follower_policy *const policies[] = { &rfc6962, &tiled, &strict,
                                                              &strict_tiled };
    unsigned seed = (unsigned)time(NULL);
    uint64_t quarantines = 0;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (unsigned run = 0; run < 400; run++) {
        const struct follower_policy *policy = policies[run % 4];
        struct made_log log = {
            .follower = make(policy),
            .has_tiles = policy->has_tiles,
            .page = 1 + (uint64_t)random() % 600,
            .size = 1 + (uint64_t)random() % 5000,
        };
        follower_own(&log.follower);
        assert_true(next_load(&log.follower, 0));
        follower_on_position(&log.follower, &(struct log_position){ .next = 0 }, 0);
        for (unsigned i = 0; i < 3000; i++)
            step(&log);
        assert_true(log.follower.book.released.next > 0 && log.next <= log.size);
        quarantines += log.quarantines;
    }
    print_message("%llu quarantines\n", (unsigned long long)quarantines);
}

/* A log with pages of 64 that answers after 100 ms, and fails between two times. */
struct troubled_log {
    struct follower follower;
    uint64_t from_ms, until_ms;
    struct fetch out[16];
    uint64_t due_ms[16];
    unsigned out_count;
    unsigned answered;
};

static void answer_troubled(struct troubled_log *log, const struct fetch *fetch, uint64_t now_ms)
{
    bool is_bad = now_ms >= log->from_ms && now_ms < log->until_ms;
    if (!follower_expects(&log->follower, fetch))
        return;
    if (is_bad) {
        (void)follower_on_failure(&log->follower, fetch, FETCH_UNWELL, 0, now_ms);
    } else if (fetch->kind == FETCH_HEAD) {
        follower_on_head(&log->follower, &(struct signed_head){ .size = 1000000 }, now_ms);
    } else if (fetch->kind == FETCH_RANGE) {
        follower_on_range(&log->follower, fetch);
        log->answered++;
    } else {
        follower_on_step(&log->follower, fetch);
        prove(&log->follower);
    }
}

static void take_troubled(struct troubled_log *log)
{
    for (int held; (held = follower_next_held(&log->follower)) >= 0;) {
        const struct follower_slot *slot = &log->follower.slots[held];
        uint64_t page_end = (slot->start / 64 + 1) * 64, end = slot->start + slot->count;
        move_window(&log->follower, (end < page_end ? end : page_end) - slot->start);
    }
    const struct log_book *book = &log->follower.book;
    (void)follower_next_verdict(&log->follower, book->taken.next - book->released.next > 4096);
}

static void run_troubled(struct troubled_log *log, uint64_t now_ms, uint64_t end_ms)
{
    struct fetch fetch;
    log->answered = 0;
    for (; now_ms < end_ms; now_ms += 10) {
        while (log->out_count < 16 && next_fetch(&log->follower, now_ms, true, &fetch)) {
            log->due_ms[log->out_count] = now_ms + 100;
            log->out[log->out_count++] = fetch;
        }
        for (unsigned i = log->out_count; i-- > 0;) {
            if (now_ms < log->due_ms[i])
                continue;
            fetch = log->out[i];
            log->out[i] = log->out[--log->out_count];
            log->due_ms[i] = log->due_ms[log->out_count];
            answer_troubled(log, &fetch, now_ms);
        }
        take_troubled(log);
    }
}

static void after_trouble_all_is_read_as_fast_as_before(void **state)
{
    (void)state;
    for (uint64_t seconds = 1; seconds <= 40; seconds += 3) {
        struct troubled_log log = { .follower = make_at(&strict, 0, 1000000),
                                    .from_ms = 20000,
                                    .until_ms = 20000 + seconds * 1000 };
        run_troubled(&log, 0, 10000);
        run_troubled(&log, 10000, 20000);
        unsigned before = log.answered / 10;
        run_troubled(&log, log.from_ms, log.until_ms);
        uint64_t grace_ms = 3000 + seconds * 1000;
        run_troubled(&log, log.until_ms, log.until_ms + grace_ms);
        run_troubled(&log, log.until_ms + grace_ms, log.until_ms + grace_ms + 2000);
        assert_true(log.answered / 2 >= before * 9 / 10);
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
        cmocka_unit_test(nothing_is_released_before_the_root_is_right),
        cmocka_unit_test(a_window_that_must_not_grow_is_closed_by_a_proof),
        cmocka_unit_test(a_proof_that_does_not_come_is_asked_for_under_a_newer_head),
        cmocka_unit_test(a_partial_tile_is_left_to_fill_for_a_while),
        cmocka_unit_test(what_stays_wrong_is_classified_and_quarantined),
        cmocka_unit_test(a_log_that_does_not_say_is_quarantined_without_a_class),
        cmocka_unit_test(a_page_too_large_is_asked_for_in_halves),
        cmocka_unit_test(a_range_refused_again_and_again_is_asked_for_in_halves),
        cmocka_unit_test(a_log_without_a_frontier_gets_it_where_it_stands),
        cmocka_unit_test(a_log_that_left_the_lists_ends_when_it_grows_no_more),
        cmocka_unit_test(a_log_that_left_the_lists_ends_when_its_host_is_gone),
        cmocka_unit_test(after_trouble_all_is_read_as_fast_as_before),
        cmocka_unit_test(random_runs_never_skip_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
