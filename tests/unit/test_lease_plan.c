#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/store/lease_plan.h"
#include "shared/base/digest.h"
#include "tests/support/seeded_random.h"

enum {
    LOGS_MAX = 120,
    ROUNDS = 400
};

/* Logs with their owners, and the instances that are alive. */
struct world {
    struct seeded_random random;
    uint8_t ids[LOGS_MAX][SHA256_SIZE];
    struct lease_plan_log logs[LOGS_MAX];
    size_t log_count;
    char names[LEASE_PLAN_INSTANCES_MAX][16];
    const char *instances[LEASE_PLAN_INSTANCES_MAX];
    size_t instance_count;
    unsigned named;
};

static void join(struct world *world)
{
    size_t number = world->instance_count++;
    (void)snprintf(world->names[number], sizeof world->names[number], "host-%u", world->named++);
    world->instances[number] = world->names[number];
}

static void begin(struct world *world, uint64_t seed, size_t log_count, size_t instance_count)
{
    *world = (struct world){ .random = { seed }, .log_count = log_count };
    for (size_t i = 0; i < log_count; i++) {
        for (size_t j = 0; j < SHA256_SIZE; j++)
            world->ids[i][j] = (uint8_t)seeded_random_below(&world->random, 256);
        world->logs[i] = (struct lease_plan_log){ .id = world->ids[i], .owner = LEASE_PLAN_NOBODY };
    }
    for (size_t i = 0; i < instance_count; i++)
        join(world);
}

/* Its logs are nobody's; the last instance takes its number. */
static void leave(struct world *world, size_t number)
{
    size_t last = --world->instance_count;
    memcpy(world->names[number], world->names[last], sizeof world->names[number]);
    for (size_t i = 0; i < world->log_count; i++) {
        size_t *owner = &world->logs[i].owner;
        if (*owner == number)
            *owner = LEASE_PLAN_NOBODY;
        else if (*owner == last)
            *owner = number;
    }
}

static void plan(struct world *world)
{
    lease_plan_make(world->instances, world->instance_count, world->logs, world->log_count);
}

/* Carries the plan out; answers how many logs that somebody had were moved. */
static size_t carry_out(struct world *world)
{
    size_t moved = 0;
    for (size_t i = 0; i < world->log_count; i++) {
        struct lease_plan_log *log = &world->logs[i];
        assert_true(log->planned < world->instance_count);
        moved += log->owner != LEASE_PLAN_NOBODY && log->owner != log->planned;
        log->owner = log->planned;
    }
    return moved;
}

static void count_held(const struct world *world, size_t *held)
{
    memset(held, 0, LEASE_PLAN_INSTANCES_MAX * sizeof *held);
    for (size_t i = 0; i < world->log_count; i++)
        if (world->logs[i].owner != LEASE_PLAN_NOBODY)
            held[world->logs[i].owner]++;
}

static void expect_even(const struct world *world)
{
    size_t held[LEASE_PLAN_INSTANCES_MAX];
    count_held(world, held);
    size_t share = world->log_count / world->instance_count, total = 0;
    for (size_t i = 0; i < world->instance_count; i++) {
        assert_true(held[i] == share || held[i] == share + 1);
        total += held[i];
    }
    assert_int_equal(total, world->log_count);
}

/* The fewest moves that make it even: each instance's surplus over the quotas at their best. */
static size_t fewest_moves(const struct world *world)
{
    size_t held[LEASE_PLAN_INSTANCES_MAX];
    count_held(world, held);
    size_t share = world->log_count / world->instance_count;
    size_t left_over = world->log_count % world->instance_count;
    size_t moves = 0;
    for (size_t i = 0; i < world->instance_count; i++) {
        size_t quota = share;
        if (held[i] > share && left_over) {
            quota++;
            left_over--;
        }
        moves += held[i] > quota ? held[i] - quota : 0;
    }
    return moves;
}

static void settles(struct world *world)
{
    size_t fewest = fewest_moves(world);
    plan(world);
    assert_int_equal(carry_out(world), fewest);
    expect_even(world);
    plan(world);
    assert_int_equal(carry_out(world), 0);
}

static void one_process_has_all(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1, 70, 1);
    settles(&world);
    begin(&world, 1, 0, 3);
    settles(&world);
}

static void a_process_that_joins_gets_its_share(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 2, 8, 2);
    settles(&world);
    join(&world);
    plan(&world);
    /* 4 + 4 become 3 + 3 + 2. */
    assert_int_equal(carry_out(&world), 2);
    expect_even(&world);
}

static void only_the_logs_of_one_that_leaves_move(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3, 70, 4);
    settles(&world);
    leave(&world, 1);
    plan(&world);
    assert_int_equal(carry_out(&world), 0);
    expect_even(&world);
}

static void more_processes_than_logs(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 4, 3, 5);
    settles(&world);
    leave(&world, 0);
    settles(&world);
}

/* Each process gets the list of the others in an order of its own, and knows the logs in an order
 * of its own. */
static void everybody_makes_the_same_plan(void **state)
{
    (void)state;
    struct world world, other;
    begin(&world, 5, 50, 7);
    for (size_t i = 0; i < world.log_count; i++)
        world.logs[i].owner = seeded_random_below(&world.random, 3)
                                  ? seeded_random_below(&world.random, 4)
                                  : LEASE_PLAN_NOBODY;
    other = world;
    for (size_t i = 0; i < world.instance_count; i++)
        other.instances[i] = world.instances[world.instance_count - 1 - i];
    for (size_t i = 0; i < world.log_count; i++) {
        other.logs[i] = world.logs[world.log_count - 1 - i];
        if (other.logs[i].owner != LEASE_PLAN_NOBODY)
            other.logs[i].owner = world.instance_count - 1 - other.logs[i].owner;
    }
    plan(&world);
    plan(&other);
    for (size_t i = 0; i < world.log_count; i++)
        assert_string_equal(world.instances[world.logs[i].planned],
                            other.instances[other.logs[world.log_count - 1 - i].planned]);
}

static void stays_even_whoever_comes_and_goes(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct world world;
    begin(&world, random.state, 1 + random.state % LOGS_MAX, 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool joins =
            world.instance_count == 1 || (world.instance_count < LEASE_PLAN_INSTANCES_MAX &&
                                          seeded_random_below(&world.random, 2));
        if (joins)
            join(&world);
        else
            leave(&world, seeded_random_below(&world.random, world.instance_count));
        settles(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_has_all),
        cmocka_unit_test(a_process_that_joins_gets_its_share),
        cmocka_unit_test(only_the_logs_of_one_that_leaves_move),
        cmocka_unit_test(more_processes_than_logs),
        cmocka_unit_test(everybody_makes_the_same_plan),
        cmocka_unit_test(stays_even_whoever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
