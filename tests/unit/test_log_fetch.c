/* A followed log's requests, and what becomes of the answers: the local CT log's routes answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/unit/log_world.h"

enum {
    SIZE = CT_LOG_SITE_SIZE,
    PAGE = 256,
    TURNS = 100,
    WHOLE_TILES = SIZE / 256 * 256,
    LATER_MS = 60 * 1000,
};

static int setup(void **state)
{
    *state = log_world_create(site_options());
    return 0;
}

static int teardown(void **state)
{
    log_world_destroy(*state);
    return 0;
}

static void expect_all(const struct log_world *world)
{
    assert_int_equal(world->published, SIZE);
    assert_int_equal(world->log->follower.book.released.verified_size, SIZE);
    assert_null(world->quarantine);
    assert_int_equal(held_memory_bytes(&world->memory), 0);
}

static void reads_an_rfc6962_log_to_its_head(void **state)
{
    struct log_world *world = *state;
    log_world_follow(world, CT_LOG_RFC6962);
    log_world_run(world, TURNS);
    expect_all(world);
    assert_int_equal(world->stats.request_failures, 0);
}

static void reads_a_tiled_log_to_its_head(void **state)
{
    struct log_world *world = *state;
    log_world_follow(world, CT_LOG_TILED);
    log_world_run(world, TURNS);
    expect_all(world);
    assert_int_equal(world->stats.request_failures, 0);
}

/* All but the partial tile at the head, which is being asked for. */
static size_t come_to_the_partial_tile(struct log_world *world)
{
    log_world_follow(world, CT_LOG_TILED);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        (void)log_world_turn(world);
        size_t wait = made_http_count(&world->http, ".p/");
        for (size_t i = 0; world->http.count > wait;)
            if (strstr(world->http.waiting[i].url, ".p/"))
                i++;
            else
                log_world_answer(world, i);
        if (wait && world->log->follower.book.taken.next == WHOLE_TILES)
            return made_http_find(&world->http, ".p/");
    }
    fail_msg("the partial tile is not asked for");
    return 0;
}

/* Some file stores say 403 of what is not there: that is not a log that asks for less. */
static void expect_whole_tile_instead(struct log_world *world, long status)
{
    size_t partial = come_to_the_partial_tile(world);
    made_http_answer(&world->http, partial, status, (struct bytes){ 0 });
    (void)log_world_turn(world);
    size_t whole = made_http_find(&world->http, "tile/data/003");
    assert_null(strstr(world->http.waiting[whole].url, ".p/"));
    assert_int_equal(world->stats.request_failures, 0);
    assert_true(operator_budget_rate(&world->log->share, clock_monotonic_ms()) == 0);
}

static void a_partial_tile_that_is_gone_is_asked_for_whole(void **state)
{
    expect_whole_tile_instead(*state, 404);
}

static void a_partial_tile_that_may_not_be_read_is_asked_for_whole(void **state)
{
    expect_whole_tile_instead(*state, 403);
}

/* A whole tile that may not be read is refused to all who ask too much. */
static void a_whole_tile_that_may_not_be_read_is_a_log_that_asks_for_less(void **state)
{
    struct log_world *world = *state;
    size_t partial = come_to_the_partial_tile(world);
    made_http_answer(&world->http, partial, 403, (struct bytes){ 0 });
    (void)log_world_turn(world);
    made_http_answer(&world->http, made_http_find(&world->http, "tile/data/003"), 403,
                     (struct bytes){ 0 });
    assert_int_equal(world->stats.request_failures, 1);
    assert_true(operator_budget_rate(&world->log->share, clock_monotonic_ms()) > 0);
}

static void what_arrives_after_the_lease_was_lost_is_thrown_away(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    (void)log_world_turn(world);
    log_world_answer(world, made_http_find(&world->http, "get-sth"));
    (void)log_world_turn(world);
    assert_true(made_http_count(&world->http, "get-entries") > 0);
    followed_log_disown(log);
    while (world->http.count)
        log_world_answer(world, 0);
    (void)log_world_turn(world);
    assert_int_equal(world->published, 0);
    assert_int_equal(world->http.count, 0);
    assert_int_equal(held_memory_bytes(&world->memory), 0);
    for (size_t i = 0; i < FOLLOWER_SLOTS; i++)
        assert_false(log->held[i].is_there);
}

/* The answer to a question that failed is asked for past caches, over a connection of its own. */
static void what_did_not_come_whole_is_asked_for_freshly(void **state)
{
    static const struct http_response broken = { .result = HTTP_UNREACHABLE };
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    (void)log_world_turn(world);
    log_world_answer(world, made_http_find(&world->http, "get-sth"));
    (void)log_world_turn(world);
    size_t range = made_http_find(&world->http, "get-entries");
    assert_false(world->http.waiting[range].is_fresh);
    made_http_answer_with(&world->http, range, broken, (struct bytes){ 0 });
    assert_int_equal(world->stats.unreachable, 1);
    assert_int_equal(log->follower.state, FOLLOWER_BACKING_OFF);
    (void)followed_log_work(log, clock_monotonic_ms() + LATER_MS);
    assert_true(world->http.waiting[made_http_find(&world->http, "get-entries")].is_fresh);
}

static void a_head_that_the_log_did_not_sign_is_no_head(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    site_control(world->site, "route=get-sth&fault=bad-signature");
    (void)log_world_turn(world);
    log_world_answer(world, made_http_find(&world->http, "get-sth"));
    assert_false(log->follower.has_head);
    assert_true(log->is_failing);
    assert_int_equal(world->stats.heads, 0);
}

static void an_older_head_is_counted_and_changes_nothing(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    log_world_run(world, TURNS);
    site_control(world->site, "route=get-sth&fault=stale&n=100");
    follower_recheck(&log->follower);
    (void)followed_log_work(log, clock_monotonic_ms() + (uint64_t)2 * LATER_MS);
    log_world_answer(world, made_http_find(&world->http, "get-sth"));
    assert_int_equal(world->stats.stale_heads, 1);
    assert_int_equal(log->follower.head.size, SIZE);
    expect_all(world);
}

/* One entry, or one tile, may be as large as the format allows; a page may not. */
static void only_what_cannot_be_narrowed_may_be_large(void **state)
{
    static const struct http_response too_large = { .result = HTTP_TOO_LARGE };
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    uint64_t now_ms = clock_monotonic_ms();
    (void)log_world_turn(world);
    log_world_answer(world, made_http_find(&world->http, "get-sth"));
    for (unsigned turn = 0; turn < TURNS; turn++) {
        (void)followed_log_work(log, now_ms += LATER_MS);
        while (made_http_count(&world->http, "get-sth"))
            log_world_answer(world, made_http_find(&world->http, "get-sth"));
        if (!world->http.count)
            continue;
        const struct made_request *made = &world->http.waiting[0];
        bool is_one = strstr(made->url, "start=0&end=0") != NULL;
        assert_true(made->body_max <= HELD_MEMORY_ANSWER_MAX || is_one);
        if (made->body_max > HELD_MEMORY_ANSWER_MAX)
            break;
        made_http_answer_with(&world->http, 0, too_large, (struct bytes){ 0 });
    }
    assert_int_equal(made_http_count(&world->http, "start=0&end=0"), 1);
    assert_true(world->stats.oversize > 1);
    log_world_answer(world, 0);
    assert_int_equal(log->follower.slots[log->follower.first].state, SLOT_HELD);
}

/* What Redis refuses has to be fetched again: while it does, a round is a page and its proof. */
static void little_is_asked_for_while_redis_takes_nothing(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    log->reload_delay_ms = 1;
    while (!world->stats.windows) {
        (void)followed_log_work(log, clock_monotonic_ms());
        assert_int_equal(world->http.count, 1);
        log_world_answer(world, 0);
    }
    assert_int_equal(log->follower.book.released.next, PAGE);
    assert_int_equal(world->http.asked, 3);
    log_world_run(world, TURNS);
    expect_all(world);
    assert_false(followed_log_is_on_trial(log));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(reads_an_rfc6962_log_to_its_head),
        IN_WORLD(reads_a_tiled_log_to_its_head),
        IN_WORLD(a_partial_tile_that_is_gone_is_asked_for_whole),
        IN_WORLD(a_partial_tile_that_may_not_be_read_is_asked_for_whole),
        IN_WORLD(a_whole_tile_that_may_not_be_read_is_a_log_that_asks_for_less),
        IN_WORLD(what_arrives_after_the_lease_was_lost_is_thrown_away),
        IN_WORLD(what_did_not_come_whole_is_asked_for_freshly),
        IN_WORLD(a_head_that_the_log_did_not_sign_is_no_head),
        IN_WORLD(an_older_head_is_counted_and_changes_nothing),
        IN_WORLD(only_what_cannot_be_narrowed_may_be_large),
        IN_WORLD(little_is_asked_for_while_redis_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
