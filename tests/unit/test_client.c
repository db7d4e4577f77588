#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/client.h"

static const struct client_timing timing = {
    .heartbeat_ms = 10000,
    .ping_ms = 30000,
    .silence_ms = 90000,
    .stall_ms = 60000,
};

enum {
    NOW = 1000000,
    RING_SIZE = 4096,
};

struct fixture {
    struct lane *lane;
    struct client client;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.lane = lane_create(RING_SIZE, (struct stream_id){ 0 });
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    lane_destroy(fixture->lane);
    return 0;
}

static void append(struct fixture *fixture, uint64_t id, size_t size)
{
    static const uint8_t zeros[RING_SIZE];
    assert_true(lane_append(fixture->lane, (struct stream_position){ { id, 0 }, 0 },
                            bytes_of(zeros, size)));
}

static void is_sent_what_comes_after_it_joined(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slice slice;
    append(fixture, 1, 10);
    client_join(&fixture->client, fixture->lane, (struct stream_id){ 1, 0 }, NOW);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice),
                     CLIENT_NEXT_NOTHING);
    append(fixture, 2, 20);
    append(fixture, 3, 30);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice), CLIENT_NEXT_SLICE);
    assert_int_equal(slice.size, 50);
    client_advance(&fixture->client, &slice, NOW);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice),
                     CLIENT_NEXT_NOTHING);
    assert_int_equal(fixture->client.last.id.ms, 3);
}

static void is_told_what_it_missed_when_it_was_overtaken(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slice slice;
    client_join(&fixture->client, fixture->lane, (struct stream_id){ 7, 0 }, NOW);
    for (uint64_t id = 8; id < 18; id++)
        append(fixture, id, RING_SIZE / 8);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice), CLIENT_NEXT_GAP);
    struct gap gap = client_skip(&fixture->client, fixture->lane, (struct stream_id){ 17, 0 });
    assert_int_equal(gap.from.ms, 7);
    assert_int_equal(gap.to.ms, 17);
    assert_int_equal(gap.missed, 10);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice),
                     CLIENT_NEXT_NOTHING);
    append(fixture, 18, 1);
    assert_int_equal(client_next(&fixture->client, fixture->lane, 100, &slice), CLIENT_NEXT_SLICE);
    assert_int_equal(slice.last.id.ms, 18);
}

static void time_asks_for_the_most_urgent(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint64_t sent, heard, pinged, waiting;
        enum client_due due;
    } cases[] = {
        { NOW - 9999, NOW, NOW, 0, CLIENT_DUE_NOTHING },
        { 0, NOW, NOW, 0, CLIENT_DUE_HEARTBEAT },
        { NOW - 10000, NOW, NOW, 0, CLIENT_DUE_HEARTBEAT },
        { NOW, NOW, NOW - 30000, 0, CLIENT_DUE_PING },
        { NOW - 10000, NOW, NOW - 30000, 0, CLIENT_DUE_PING },
        { NOW, NOW - 89999, NOW, 0, CLIENT_DUE_NOTHING },
        { NOW, NOW - 90000, NOW, 0, CLIENT_DUE_CLOSE_SILENT },
        { NOW, NOW, NOW, NOW - 59999, CLIENT_DUE_NOTHING },
        { NOW, NOW, NOW, NOW - 60000, CLIENT_DUE_CLOSE_SLOW },
        { NOW, NOW - 90000, NOW, NOW - 60000, CLIENT_DUE_CLOSE_SLOW },
    };
    client_join(&fixture->client, fixture->lane, (struct stream_id){ 0 }, NOW);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture->client.sent_at_ms = cases[i].sent;
        fixture->client.heard_at_ms = cases[i].heard;
        fixture->client.pinged_at_ms = cases[i].pinged;
        fixture->client.waiting_since_ms = cases[i].waiting;
        assert_int_equal(client_due(&fixture->client, &timing, NOW), cases[i].due);
    }
}

static void greets_a_new_client_at_once(void **state)
{
    struct fixture *fixture = *state;
    client_join(&fixture->client, fixture->lane, (struct stream_id){ 0 }, NOW);
    assert_int_equal(client_due(&fixture->client, &timing, NOW), CLIENT_DUE_HEARTBEAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_sent_what_comes_after_it_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(is_told_what_it_missed_when_it_was_overtaken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(time_asks_for_the_most_urgent, setup, teardown),
        cmocka_unit_test_setup_teardown(greets_a_new_client_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
