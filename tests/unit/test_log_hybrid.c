/* RFC 6962 logs that serve data tiles as well: found out when one is far behind, given up when the
 * tiles fail or lie. The local CT log's routes answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/logs/log_hybrid.h"
#include "shared/process/clock.h"
#include "tests/unit/log_world.h"

enum {
    /* Far behind: eight tiles and more. */
    SIZE = 12 * 256 + 100,
    TURNS = 300,
    DAY_MS = 86400 * 1000,
    STEP_MS = 61 * 1000,
};

static struct log_world *make(bool is_hybrid, uint64_t size)
{
    struct options options = site_options();
    options.size = size;
    options.is_hybrid = is_hybrid;
    struct log_world *world = log_world_create(options);
    log_world_follow(world, CT_LOG_RFC6962);
    return world;
}

/* As long as it takes, with pauses that are over at once. */
static void run_long(struct log_world *world)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (unsigned turn = 0; turn < TURNS && world->published < SIZE; turn++) {
        (void)followed_log_work(world->log, now_ms += STEP_MS / 4);
        publisher_hand_out(world->publisher);
        while (world->http.count)
            log_world_answer(world, 0);
    }
}

static size_t count_routes(const struct log_world *world)
{
    return made_http_count(&world->http, "tile/data");
}

static void tiles_are_found_out_and_read(void **state)
{
    (void)state;
    struct log_world *world = make(true, SIZE);
    log_world_run(world, TURNS);
    assert_int_equal(world->published, SIZE);
    assert_int_equal(world->log->follower.book.released.verified_size, SIZE);
    assert_int_equal(world->log->hybrid.reading, HYBRID_AS_IS);
    assert_string_equal(world->log->protocol->name, "hybrid");
    assert_int_equal(world->stats.roots_different, 0);
    log_world_destroy(world);
}

static void one_that_is_hardly_behind_is_not_asked(void **state)
{
    (void)state;
    struct log_world *world = make(true, (uint64_t)7 * 256);
    log_world_run(world, TURNS);
    assert_int_equal(world->published, 7 * 256);
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    assert_int_equal(world->log->hybrid.probe_at_ms, 0);
    log_world_destroy(world);
}

static void one_without_tiles_is_asked_once_a_day(void **state)
{
    (void)state;
    struct log_world *world = make(false, SIZE);
    uint64_t now_ms = clock_monotonic_ms();
    (void)log_world_turn(world);
    log_world_answer(world, 0);
    (void)log_world_turn(world);
    (void)log_world_turn(world);
    assert_int_equal(count_routes(world), 1);
    log_world_answer(world, made_http_find(&world->http, "tile/data"));
    (void)log_world_turn(world);
    assert_int_equal(count_routes(world), 0);
    assert_in_range(world->log->hybrid.probe_at_ms, now_ms + DAY_MS, clock_monotonic_ms() + DAY_MS);
    log_world_run(world, TURNS);
    assert_int_equal(world->published, SIZE);
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    log_world_destroy(world);
}

static void tiles_that_fail_are_given_up(void **state)
{
    (void)state;
    struct log_world *world = make(true, SIZE);
    while (world->log->hybrid.reading == HYBRID_NONE) {
        (void)log_world_turn(world);
        assert_true(world->http.count > 0);
        log_world_answer(world, made_http_count(&world->http, "tile/data")
                                    ? made_http_find(&world->http, "tile/data")
                                    : 0);
    }
    site_control(world->site, "route=data&fault=status&code=500");
    run_long(world);
    assert_int_equal(world->published, SIZE);
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    assert_string_equal(world->log->protocol->name, "rfc6962");
    log_world_destroy(world);
}

/* Both readings are tried; what remains is what the log signed, and it is in no quarantine. */
static void tiles_that_lie_are_given_up(void **state)
{
    (void)state;
    struct log_world *world = make(true, SIZE);
    site_control(world->site, "route=data&fault=bad-leaf&index=600");
    run_long(world);
    assert_int_equal(world->published, SIZE);
    assert_int_equal(world->log->follower.book.released.verified_size, SIZE);
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    assert_true(world->log->stats.mismatches > 0);
    assert_null(world->quarantine);
    log_world_destroy(world);
}

static void what_the_hash_says_is_remembered(void **state)
{
    (void)state;
    struct log_world *world = make(true, SIZE);
    log_hybrid_remember(world->log, bytes_of_string("nonsense"));
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    log_hybrid_remember(world->log, bytes_of_string(""));
    assert_int_equal(world->log->hybrid.reading, HYBRID_NONE);
    log_hybrid_remember(world->log, bytes_of_string("without extensions"));
    assert_int_equal(world->log->hybrid.reading, HYBRID_WITHOUT_EXTENSIONS);
    log_world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_found_out_and_read),
        cmocka_unit_test(one_that_is_hardly_behind_is_not_asked),
        cmocka_unit_test(one_without_tiles_is_asked_once_a_day),
        cmocka_unit_test(tiles_that_fail_are_given_up),
        cmocka_unit_test(tiles_that_lie_are_given_up),
        cmocka_unit_test(what_the_hash_says_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
