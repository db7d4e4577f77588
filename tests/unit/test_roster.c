/*
 * Which logs are followed, by lists made up to be read: what each list has, and what becomes of the
 * logs after it. The text that is compared names all logs; see roster_world.h. Real lists are
 * replayed in test_roster_history.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/roster_world.h"

/* Rows of lists say what matters, and leave out what does not. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    FIRST,
    SECOND,
};

static int setup_one(void **state)
{
    struct world *world = memory_allocate(sizeof *world);
    world_init(world, 1);
    *state = world;
    return 0;
}

static int setup_two(void **state)
{
    (void)setup_one(state);
    ((struct world *)*state)->list_count = 2;
    return 0;
}

static int teardown(void **state)
{
    world_clear(*state);
    free(*state);
    return 0;
}

#define OFFER(world, list, ...) \
    world_offer((world), (list), (const struct world_log[]){ __VA_ARGS__, { 0 } })

static const struct ct_log *find(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->followed.count; i++)
        if (strcmp(world->followed.logs[i].description, name) == 0)
            return &world->followed.logs[i];
    fail_msg("%s is not followed", name);
    return NULL;
}

static void states_of_new_logs(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "qualified" }, { "c", "readonly" },
          { "d", "pending" }, { "e", "retired" }, { "f", "rejected" }, { "g", NULL },
          { "h", "frozen" }, { "i", "{\"usable\":{},\"rejected\":{}}" }, { "j", "{}" });
    assert_string_equal(world->said, "a=yes b=yes c=yes d=no:pending (--follow-pending) "
                                     "e=no:retired f=no:rejected g=no:has no state "
                                     "h=no:has no state i=yes j=no:has no state");
}

/* A list of the user's own names logs without a state to have them followed. */
static void states_in_a_list_of_the_users_own(void **state)
{
    struct world *world = *state;
    world->is_own[FIRST] = true;
    OFFER(world, FIRST, { "a", "usable" }, { "d", "pending" }, { "e", "retired" },
          { "f", "rejected" }, { "g", NULL }, { "h", NULL, "http://127.0.0.1:6962/" },
          { "i", "usable", NULL, false, ",\"log_type\":\"test\"" });
    assert_string_equal(world->said, "a=yes d=no:pending (--follow-pending) e=no:retired "
                                     "f=no:rejected g=yes:named by a list of yours "
                                     "h=yes:named by a list of yours i=yes");
}

static void what_public_lists_have_besides_logs(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable", "https://ct.example.com/bogus/" },
          { "b", "usable", "https://EXAMPLE.com.ct.test/" },
          { "c", "usable", "https://Example.ORG" }, { "d", "usable", "https://notexample.com/" },
          { "e", "usable", "https://x.y.example.net:8080/" },
          { "f", "usable", NULL, false, ",\"log_type\":\"test\"" },
          { "g", NULL, NULL, true, ",\"log_type\":\"monitoring_only\"" },
          { "h", "usable", NULL, true, ",\"log_type\":\"prod\"" });
    assert_string_equal(world->said,
                        "a=no:a placeholder, no log b=yes c=no:a placeholder, no log d=yes "
                        "e=no:a placeholder, no log f=no:for tests or monitoring only "
                        "g=no:for tests or monitoring only h=yes");
}

static void pending_by_setting(void **state)
{
    struct world *world = *state;
    world->policy.follows_pending = true;
    OFFER(world, FIRST, { "a", "pending" }, { "b", "usable" });
    assert_string_equal(world->said, "a=yes:pending, by --follow-pending b=yes");
    /* Without the setting, from the next start on, it is followed on: it has been begun. */
    world->policy.follows_pending = false;
    world_step(world);
    assert_string_equal(world->said, "a=yes:pending again b=yes");
}

static void an_ignored_log_is_not_followed_whatever_lists_say(void **state)
{
    struct world *world = *state;
    uint8_t ignored[1][SHA256_SIZE];
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    memcpy(ignored[0], find(world, "a")->id, SHA256_SIZE);
    world->policy.ignored = (const uint8_t(*)[SHA256_SIZE])ignored;
    world->policy.ignored_count = 1;
    world_step(world);
    assert_string_equal(world->said, "a=no:by --ignore-log b=yes");
    /* The settings say so: nothing for the brake. */
    assert_int_equal(world->stopped, 0);
}

/* The way of a log from its first day to its last. */
static void a_log_from_beginning_to_end(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "pending" });
    assert_string_equal(world->said, "a=no:pending (--follow-pending)");
    OFFER(world, FIRST, { "a", "qualified" });
    assert_string_equal(world->news, "+a");
    OFFER(world, FIRST, { "a", "usable" });
    assert_string_equal(world->news, "");
    OFFER(world, FIRST,
          { "a", "{\"readonly\":{\"final_tree_head\":{\"tree_size\":77,\"sha256_root_hash\":"
                 "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}}" });
    assert_string_equal(world->said, "a=yes");
    assert_true(find(world, "a")->has_final_root);
    assert_int_equal(find(world, "a")->final_size, 77);
    OFFER(world, FIRST, { "a", "retired" }, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:retired b=yes");
    OFFER(world, FIRST, { "a", "rejected" }, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:rejected b=yes");
    OFFER(world, FIRST, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:left the lists b=yes");
    OFFER(world, FIRST, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:left the lists b=yes");
    /* A list that changes its mind, or was wrong. */
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    assert_string_equal(world->said, "a=yes b=yes");
}

static void what_is_drained_is_not_begun_again_by_less_than_usable(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    OFFER(world, FIRST, { "a", "rejected" }, { "b", "usable" });
    OFFER(world, FIRST, { "a", "pending" }, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:pending (--follow-pending) b=yes");
    OFFER(world, FIRST, { "a", NULL }, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:has no state b=yes");
    OFFER(world, FIRST, { "a", "readonly" }, { "b", "usable" });
    assert_string_equal(world->said, "a=yes b=yes");
}

/* A placeholder in place of a log tells nothing about where the log is. */
static void a_followed_log_that_becomes_a_placeholder_keeps_its_address(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    OFFER(world, FIRST, { "a", "retired", "https://ct.example.com/bogus/" }, { "b", "usable" });
    assert_string_equal(world->said, "a=drained:a placeholder, no log b=yes");
    assert_string_equal(find(world, "a")->url, "https://logs.test/a/");
}

static void readonly_without_a_final_head_is_followed_like_any_other(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "{\"readonly\":null}" },
          { "b", "{\"readonly\":{\"final_tree_head\":{\"tree_size\":1.5}}}" },
          { "c",
            "{\"readonly\":{\"final_tree_head\":{\"tree_size\":9,\"sha256_root_hash\":\"x\"}}}" });
    assert_string_equal(world->said, "a=yes b=yes c=yes");
    assert_false(find(world, "a")->has_final_size || find(world, "b")->has_final_size);
    assert_true(find(world, "c")->has_final_size && !find(world, "c")->has_final_root);
}

static void logs_move_change_kind_and_swap_addresses(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    OFFER(world, FIRST, { "a", "usable", "https://new.test/" }, { "b", "usable" });
    assert_string_equal(world->news, "~a");
    assert_string_equal(find(world, "a")->url, "https://new.test/");
    /* Now in both forms: one follower, and the tiled one. */
    OFFER(world, FIRST, { "a", "usable", "https://new.test/" },
          { "a", "usable", "https://tiles.test/", true }, { "b", "usable" });
    assert_string_equal(world->said, "a=yes b=yes");
    assert_string_equal(world->news, "~a");
    assert_int_equal(find(world, "a")->kind, CT_LOG_TILED);
    /* The tiled form is only pending: the other one lives longer. */
    OFFER(world, FIRST, { "a", "usable", "https://new.test/" },
          { "a", "pending", "https://tiles.test/", true }, { "b", "usable" });
    assert_int_equal(find(world, "a")->kind, CT_LOG_RFC6962);
    /* Whoever swaps addresses is found out by the logs' signatures; identity is the key. */
    OFFER(world, FIRST, { "a", "usable", "https://logs.test/b/" },
          { "b", "usable", "https://new.test/" });
    assert_string_equal(world->news, "~a ~b");
    assert_string_equal(world->said, "a=yes b=yes");
}

static void a_new_key_at_the_same_address_is_another_log(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "old", "usable", "https://logs.test/x/" });
    OFFER(world, FIRST, { "new", "usable", "https://logs.test/x/" });
    assert_string_equal(world->said, "new=yes old=drained:left the lists");
}

static void two_lists_are_joined_in_favour_of_the_log(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "rejected" }, { "c", "retired" },
          { "d", "readonly" }, { "e", "usable", "https://first.test/" }, { "f", "pending" });
    OFFER(world, SECOND, { "b", "usable", "https://second.test/" }, { "c", "rejected" },
          { "d", "usable" }, { "e", "qualified", "https://second.test/" },
          { "f", "usable", NULL, true }, { "g", "usable" });
    assert_string_equal(world->said, "a=yes b=yes c=no:retired d=yes e=yes f=yes g=yes");
    /* The list by which it lives says where it is; of equals the first. */
    assert_string_equal(find(world, "b")->url, "https://second.test/");
    assert_string_equal(find(world, "e")->url, "https://first.test/");
    assert_string_equal(find(world, "a")->lists, "first");
    assert_string_equal(find(world, "b")->lists, "first\nsecond");
    assert_string_equal(find(world, "b")->list_versions, "1.0 1767225600000\n1.0 1767225600000");
    /* A read-only log that another list still calls usable may grow on. */
    assert_false(find(world, "d")->has_final_size);
    OFFER(world, SECOND, { "b", "rejected" }, { "f", "usable", NULL, true }, { "g", "usable" });
    assert_string_equal(world->said,
                        "a=yes b=drained:rejected c=no:retired d=yes e=yes f=yes g=yes");
}

static void nothing_is_stopped_before_all_lists_are_read(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    OFFER(world, SECOND, { "c", "usable" });
    /* A restart: what was followed is remembered, the lists are not. */
    world->is_away[FIRST] = world->is_away[SECOND] = true;
    world_step(world);
    assert_string_equal(world->said, "a=yes:until all lists are read b=yes:until all lists are "
                                     "read c=yes:until all lists are read");
    OFFER(world, FIRST, { "a", "rejected", "https://elsewhere.test/" }, { "d", "usable" });
    assert_string_equal(world->said, "a=yes:until all lists are read b=yes:until all lists are "
                                     "read c=yes:until all lists are read d=yes");
    assert_string_equal(find(world, "a")->url, "https://logs.test/a/");
    OFFER(world, SECOND, { "b", "usable" }, { "c", "usable" });
    assert_string_equal(world->said, "a=drained:rejected b=yes c=yes d=yes");
}

/* The operator took a list out of the settings, and started again. */
static void logs_of_a_list_that_is_no_longer_named_are_not_drained(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", "usable" }, { "b", "usable" });
    OFFER(world, SECOND, { "b", "usable" }, { "c", "usable" });
    world->list_count = 1;
    world_step(world);
    assert_string_equal(world->said, "a=yes b=yes c=no:its list is no longer named");
    assert_int_equal(world->stopped, 0);
    OFFER(world, FIRST, { "a", "usable" });
    assert_string_equal(world->said, "a=yes b=drained:left the lists");
}

static void offer_states(struct world *world, const char *const *states, size_t count)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    struct world_log logs[sizeof names / sizeof *names + 1] = { { 0 } };
    size_t listed = 0;
    for (size_t i = 0; i < count; i++)
        if (states[i])
            logs[listed++] = (struct world_log){ names[i], states[i] };
    world_offer(world, FIRST, logs);
}

#define U "usable"
#define R "rejected"
#define STATES(...)       \
    (const char *const[]) \
    {                     \
        __VA_ARGS__       \
    }

static void a_list_that_would_stop_many_logs_is_not_believed(void **state)
{
    struct world *world = *state;
    offer_states(world, STATES(U, U, U, U, U, U, U, U, U, U), 10);
    assert_string_equal(world->news, "+a +b +c +d +e +f +g +h +i +j");
    /* Four of ten gone, and all rejected: nothing changes. */
    offer_states(world, STATES(U, U, U, U, U, U, NULL, NULL, NULL, NULL), 10);
    assert_true(world->was_held);
    assert_int_equal(world->stopped, 4);
    assert_int_equal(world->known, 10);
    offer_states(world, STATES(R, R, R, R, R, R, R, R, R, R), 10);
    assert_true(world->was_held);
    assert_int_equal(world->stopped, 10);
    world_step(world);
    assert_string_equal(world->said, "a=yes b=yes c=yes d=yes e=yes f=yes g=yes h=yes i=yes j=yes");
    /* Three of ten are thirty percent, and not more. */
    offer_states(world, STATES(U, U, U, U, U, U, U, R, R, R), 10);
    assert_false(world->was_held);
    assert_string_equal(world->news, "-h:rejected -i:rejected -j:rejected");
    /* What is drained already no longer counts: three of seven. */
    offer_states(world, STATES(U, U, U, U, NULL, NULL, NULL, R, R, R), 10);
    assert_true(world->was_held);
    assert_int_equal(world->known, 7);
    /* The operator's word. */
    world->policy.brake_percent = 100;
    offer_states(world, STATES(NULL, NULL, NULL, U, NULL, NULL, NULL, R, R, R), 10);
    assert_false(world->was_held);
    assert_string_equal(world->news, "-a:left the lists -b:left the lists -c:left the lists "
                                     "-e:left the lists -f:left the lists -g:left the lists");
}

static void a_few_logs_have_no_brake(void **state)
{
    struct world *world = *state;
    offer_states(world, STATES(U, U, U, U), 4);
    offer_states(world, STATES(R, R, R, U), 4);
    assert_false(world->was_held);
    assert_string_equal(world->said,
                        "a=drained:rejected b=drained:rejected c=drained:rejected d=yes");
}

/* Shards leave together when their time is over, and a list cannot make it over: the interval that
 * counts is the one known before. */
static void shards_whose_time_is_over_may_leave_together(void **state)
{
    static const char over[] =
        ",\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\","
        "\"end_exclusive\":\"2026-07-01T00:00:00Z\"}";
    static const char early[] =
        ",\"temporal_interval\":{\"start_inclusive\":\"2019-01-01T00:00:00Z\","
        "\"end_exclusive\":\"2020-01-01T00:00:00Z\"}";
    static const uint64_t first_of_july_2026_ms = 1782864000000;
    struct world *world = *state;
    OFFER(world, FIRST, { "a", U, NULL, false, over }, { "b", U, NULL, false, over },
          { "c", U, NULL, false, over }, { "d", U }, { "e", U });
    world->now_ms = first_of_july_2026_ms - 1;
    OFFER(world, FIRST, { "a", R, NULL, false, early }, { "b", R, NULL, false, early },
          { "c", R, NULL, false, early }, { "d", U }, { "e", U });
    assert_true(world->was_held);
    world->now_ms = first_of_july_2026_ms;
    OFFER(world, FIRST, { "d", U }, { "e", U });
    assert_false(world->was_held);
    assert_string_equal(world->news, "-a:left the lists -b:left the lists -c:left the lists");
}

/* After a restart what was followed is known out of Redis: the brake holds from the first list
 * on. */
static void the_brake_holds_after_a_restart(void **state)
{
    struct world *world = *state;
    offer_states(world, STATES(U, U, U, U, U, U), 6);
    world->is_away[FIRST] = true;
    world_step(world);
    offer_states(world, STATES(U, NULL, NULL, NULL, NULL, NULL), 6);
    assert_true(world->was_held);
    world_step(world);
    assert_int_equal(world->followed.count, 6);
    for (size_t i = 0; i < world->followed.count; i++)
        assert_false(world->followed.logs[i].is_draining);
}

static void expect_refused(struct world *world, const char *text)
{
    if (!world_offer_text(world, FIRST, bytes_of_string(text)))
        fail_msg("taken: %.60s", text);
    world_step(world);
    assert_string_equal(world->said, "a=yes b=yes");
}

static void texts_that_are_no_lists_change_nothing(void **state)
{
    struct world *world = *state;
    OFFER(world, FIRST, { "a", U }, { "b", U });
    expect_refused(world, "");
    expect_refused(world, "<!DOCTYPE html>");
    expect_refused(world, "{\"operators\":[]}");
    expect_refused(world, "{\"operators\":[{\"logs\":[],\"tiled_logs\":[]}]}");
    expect_refused(world,
                   "{\"operators\":[{\"name\":7,\"logs\":{\"a\":1},\"tiled_logs\":[1,null,[]]}]}");
    /* A log whose id is not of its key. */
    expect_refused(world, "{\"operators\":[{\"logs\":[{\"key\":\"YWJj\",\"log_id\":"
                          "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"state\":{\"usable\":"
                          "{}},\"url\":\"https://a.test/\"}]}]}");
    enum {
        DEPTH = 100000
    };
    char *deep = memory_allocate(DEPTH + 1);
    memset(deep, '[', DEPTH);
    deep[DEPTH] = '\0';
    expect_refused(world, deep);
    free(deep);
}

/* More logs than any list has: what is too many is left out, and what is followed stays. */
static void a_huge_list_is_cut(void **state)
{
    enum {
        MANY = LOG_LIST_LOGS_MAX + 500
    };
    struct world *world = *state;
    struct world_log *logs = memory_allocate_zeroed(MANY + 1, sizeof *logs);
    char(*names)[16] = memory_allocate_zeroed(MANY, sizeof *names);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "%05zu", i);
        logs[i] = (struct world_log){ names[i], U };
    }
    OFFER(world, FIRST, { "a", U }, { "b", U });
    world_offer(world, FIRST, logs);
    assert_int_equal(world->lists[FIRST].count, LOG_LIST_LOGS_MAX);
    assert_int_equal(world->lists[FIRST].refused, 500);
    assert_int_equal(world->followed.count, LOG_LIST_LOGS_MAX + 2);
    assert_true(find(world, "a")->is_draining);
    free(names);
    free(logs);
}

static void offer_anything(struct world *world, struct seeded_random *random)
{
    static const char *const states[] = { U,          U,         U,         U, U,    "qualified",
                                          "readonly", "pending", "retired", R, NULL, "odd" };
    static const char *const names[] = {
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"
    };
    struct world_log logs[sizeof names / sizeof *names + 1] = { { 0 } };
    size_t list = seeded_random_next(random) % 2, count = 0;
    bool is_calm = seeded_random_next(random) % 4;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *state = states[seeded_random_next(random) % (sizeof states / sizeof *states)];
        if (!is_calm && seeded_random_next(random) % 4 == 0)
            continue;
        logs[count++] = (struct world_log){
            .name = names[i],
            .state = is_calm && seeded_random_next(random) % 8 ? U : state,
            .is_tiled = seeded_random_next(random) % 2,
        };
    }
    if (count)
        world_offer(world, list, logs);
}

static void check_usable_logs(const struct world *world, const struct log_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->logs[i].state == CT_LOG_USABLE)
            assert_false(find(world, list->logs[i].description)->is_draining);
}

/* Any lists in any order: nothing that is followed is forgotten (roster_world.c checks that), a
 * step that is taken stops no more than the brake allows, and a log that any list calls usable is
 * followed. */
static void any_lists_in_any_order(void **state)
{
    enum {
        STEPS = 2000
    };
    struct world *world = *state;
    struct seeded_random random = seeded_random_of_run();
    size_t held = 0;
    for (size_t step = 0; step < STEPS; step++) {
        offer_anything(world, &random);
        held += world->was_held;
        if (!world->was_held && world->known >= ROSTER_BRAKE_LOGS_MIN)
            assert_true(world->stopped * 100 <= world->known * ROSTER_BRAKE_PERCENT);
        check_usable_logs(world, &world->lists[FIRST]);
        check_usable_logs(world, &world->lists[SECOND]);
    }
    print_message("%zu of %d lists were held\n", held, STEPS);
    assert_true(held > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(states_of_new_logs, setup_one, teardown),
        cmocka_unit_test_setup_teardown(states_in_a_list_of_the_users_own, setup_one, teardown),
        cmocka_unit_test_setup_teardown(what_public_lists_have_besides_logs, setup_one, teardown),
        cmocka_unit_test_setup_teardown(pending_by_setting, setup_one, teardown),
        cmocka_unit_test_setup_teardown(an_ignored_log_is_not_followed_whatever_lists_say,
                                        setup_one, teardown),
        cmocka_unit_test_setup_teardown(a_log_from_beginning_to_end, setup_one, teardown),
        cmocka_unit_test_setup_teardown(what_is_drained_is_not_begun_again_by_less_than_usable,
                                        setup_one, teardown),
        cmocka_unit_test_setup_teardown(a_followed_log_that_becomes_a_placeholder_keeps_its_address,
                                        setup_one, teardown),
        cmocka_unit_test_setup_teardown(readonly_without_a_final_head_is_followed_like_any_other,
                                        setup_one, teardown),
        cmocka_unit_test_setup_teardown(logs_move_change_kind_and_swap_addresses, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_key_at_the_same_address_is_another_log, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_lists_are_joined_in_favour_of_the_log, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_stopped_before_all_lists_are_read, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(logs_of_a_list_that_is_no_longer_named_are_not_drained,
                                        setup_two, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_would_stop_many_logs_is_not_believed, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_few_logs_have_no_brake, setup_one, teardown),
        cmocka_unit_test_setup_teardown(shards_whose_time_is_over_may_leave_together, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_brake_holds_after_a_restart, setup_one, teardown),
        cmocka_unit_test_setup_teardown(texts_that_are_no_lists_change_nothing, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_huge_list_is_cut, setup_one, teardown),
        cmocka_unit_test_setup_teardown(any_lists_in_any_order, setup_two, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
