/* The logs of a process: what the roster says of them, and how they share operators and turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/lists/roster.h"
#include "ingest/logs/log_set.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/unit/log_world.h"

enum {
    LOGS = 4,
    OWNED_MS = 3600 * 1000,
};

struct set_world {
    struct log_world *logs;
    struct log_set set;
    struct roster_entry entries[LOGS];
    struct roster roster;
    uint64_t now_ms;
};

/* The logs of a roster: all are the site's RFC 6962 log by another id, of two operators. */
static void make_entry(struct set_world *world, size_t i)
{
    struct roster_entry *entry = &world->entries[i];
    const struct ct_log *log = &world->logs->list.logs[0];
    *entry = (struct roster_entry){ .ct_log = ct_log_copy(log), .verdict = ROSTER_FOLLOWED };
    entry->ct_log.id[0] = (uint8_t)i;
    memset(entry->ct_log.id_hex, '0' + (int)i, 2);
    free(entry->ct_log.operator_name);
    entry->ct_log.operator_name = memory_copy_text(
        i < LOGS - 1 ? "many" : "single", i < LOGS - 1 ? strlen("many") : strlen("single"));
}

static int setup(void **state)
{
    struct set_world *world = memory_allocate_zeroed(1, sizeof *world);
    world->logs = log_world_create(site_options());
    for (size_t i = 0; i < LOGS; i++)
        make_entry(world, i);
    world->roster = (struct roster){ .entries = world->entries, .count = LOGS };
    world->now_ms = clock_monotonic_ms();
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct set_world *world = *state;
    made_http_stop(&world->logs->http);
    log_set_clear(&world->set);
    for (size_t i = 0; i < LOGS; i++)
        ct_log_clear(&world->entries[i].ct_log);
    log_world_destroy(world->logs);
    free(world);
    return 0;
}

static void apply(struct set_world *world)
{
    log_set_apply(&world->set, &world->roster, &world->logs->services, world->now_ms);
}

static struct followed_log *find(const struct set_world *world, size_t i)
{
    return log_set_find(&world->set, world->entries[i].ct_log.id);
}

static void own(struct set_world *world, size_t i)
{
    followed_log_own(find(world, i), &(struct lease){ 0 }, world->now_ms + OWNED_MS, world->now_ms);
}

static void follows_what_the_roster_says_and_each_log_once(void **state)
{
    struct set_world *world = *state;
    world->entries[1].verdict = ROSTER_SKIPPED;
    apply(world);
    apply(world);
    assert_int_equal(world->set.count, LOGS - 1);
    assert_null(find(world, 1));
    for (size_t i = 0; i < LOGS; i++)
        assert_int_equal(find(world, i) != NULL, i != 1);
}

/* What no list wants any more stays in the set: a follower ends by itself, when it is drained. */
static void a_log_that_is_skipped_later_is_kept(void **state)
{
    struct set_world *world = *state;
    apply(world);
    world->entries[2].verdict = ROSTER_SKIPPED;
    apply(world);
    assert_int_equal(world->set.count, LOGS);
}

static void a_log_that_moves_is_the_same_log(void **state)
{
    struct set_world *world = *state;
    static const char url[] = "https://elsewhere.test/";
    apply(world);
    struct followed_log *log = find(world, 0);
    struct ct_log *moved = &world->entries[0].ct_log;
    free(moved->url);
    moved->url = memory_copy_text(url, strlen(url));
    moved->is_draining = true;
    apply(world);
    assert_ptr_equal(find(world, 0), log);
    assert_string_equal(log->ct_log.url, url);
    assert_string_equal(log->source.url, url);
    assert_true(log->follower.is_draining);
}

/* One log after the other is first, so that none takes the last request of a budget always. */
static void each_turn_begins_with_another_log(void **state)
{
    struct set_world *world = *state;
    bool was_first[LOGS] = { false };
    apply(world);
    for (size_t i = 0; i < LOGS; i++)
        own(world, i);
    for (size_t turn = 0; turn < LOGS; turn++) {
        (void)log_set_work(&world->set, world->now_ms);
        was_first[world->set.first % LOGS] = true;
    }
    for (size_t i = 0; i < LOGS; i++)
        assert_true(was_first[i]);
    assert_int_equal(world->logs->http.count, LOGS);
}

/* Of the six requests per second that are allowed. */
static double rate_of(const struct set_world *world, size_t i)
{
    struct operator_share *share = &find(world, i)->share;
    operator_budget_set_limits(share, 6, 0);
    return operator_budget_rate(share, world->now_ms);
}

static void share_operators(const struct set_world *world)
{
    const struct log_set *const sets[] = { &world->set };
    log_set_share_operators(sets, 1);
}

/* By the number of its logs that this process follows: others follow the rest. */
static void an_operator_is_asked_for_this_process_part(void **state)
{
    struct set_world *world = *state;
    apply(world);
    share_operators(world);
    for (size_t i = 0; i < LOGS; i++)
        assert_true(rate_of(world, i) == 6);
    own(world, 0);
    share_operators(world);
    assert_true(rate_of(world, 0) == 2);
    assert_true(rate_of(world, 3) == 6);
    own(world, 1);
    own(world, 3);
    share_operators(world);
    assert_true(rate_of(world, 1) == 4);
    assert_true(rate_of(world, 3) == 6);
    log_set_disown(&world->set);
    for (size_t i = 0; i < LOGS; i++)
        assert_int_equal(find(world, i)->follower.state, FOLLOWER_UNOWNED);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(follows_what_the_roster_says_and_each_log_once),
        IN_WORLD(a_log_that_is_skipped_later_is_kept),
        IN_WORLD(a_log_that_moves_is_the_same_log),
        IN_WORLD(each_turn_begins_with_another_log),
        IN_WORLD(an_operator_is_asked_for_this_process_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
