#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/filter/filter.h"
#include "streamer/lanes/lanes.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/stream_entry.h"

#define FINGERPRINT "0101010101010101010101010101010101010101010101010101010101010101"

enum {
    NOW = 1000,
    FILTERED_MAX = 40,
    LONG_AFTER = NOW + 3600 * 1000,
};

struct fixture {
    struct issuer_cache *issuers;
    struct renderer *renderer;
    struct framer *framer;
    struct lanes *lanes;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.issuers = issuer_cache_create(1 << 20);
    fixture.renderer = renderer_create(fixture.issuers);
    fixture.framer = framer_create(fixture.renderer);
    struct lanes_options lanes = {
        .ring_bytes = 1 << 16,
        .filtered_max = FILTERED_MAX,
        .framer = fixture.framer,
    };
    fixture.lanes = lanes_create(&lanes);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    lanes_destroy(fixture->lanes);
    framer_destroy(fixture->framer);
    renderer_destroy(fixture->renderer);
    issuer_cache_destroy(fixture->issuers);
    return 0;
}

static struct stream_entry make_entry(const char *json)
{
    return (struct stream_entry){
        .id = { 7, 1 },
        .id_text = bytes_of_string("7-1"),
        .json = bytes_of_string(json),
        .domains = bytes_of_string("[\"a.example\"]"),
        .der = bytes_of_string("DER"),
        .chain = bytes_of_string(FINGERPRINT),
        .log = bytes_of_string(FINGERPRINT),
        .index = 5,
    };
}

static const char good_json[] = "{\"message_type\":\"certificate_update\",\"data\":{\"cert_index\":"
                                "5,\"leaf_cert\":{\"is_ca\":false}}}";

/* The one frame in the lane is `payload` behind a short header. */
static void expect_frame(const struct lane *lane, const char *payload)
{
    struct lane_slice slice;
    assert_int_equal(lane_next(lane), 1);
    assert_true(lane_read(lane, 0, SIZE_MAX, &slice));
    size_t size = strlen(payload);
    size_t header = size < 126 ? 2 : 4;
    assert_int_equal(slice.size, size + header);
    assert_int_equal(slice.data[0], 0x81);
    assert_memory_equal(slice.data + header, payload, size);
    assert_int_equal(slice.last.id.ms, 7);
    assert_int_equal(slice.last.ordinal, 41);
}

static const struct stream_id nowhere = { 0 };
static const struct lane_key full_key = { { MESSAGE_FULL, CERTIFICATE_DIALECT_CERTSTREAM },
                                          FRAMING_WEBSOCKET,
                                          NULL };

static const struct lane *join(struct fixture *fixture, enum message_content content,
                               enum framing framing)
{
    struct lane_key key = { { content, CERTIFICATE_DIALECT_CERTSTREAM }, framing, NULL };
    return lanes_lane(lanes_join(fixture->lanes, &key, nowhere));
}

static void each_lane_gets_its_kind_of_message(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *lite = join(fixture, MESSAGE_LITE, FRAMING_WEBSOCKET);
    const struct lane *full = join(fixture, MESSAGE_FULL, FRAMING_WEBSOCKET);
    const struct lane *domains = join(fixture, MESSAGE_DOMAINS, FRAMING_WEBSOCKET);
    uint8_t issuer[32];
    memset(issuer, 1, sizeof issuer);
    issuer_cache_put(fixture->issuers, issuer, bytes_of_string("{\"is_ca\":true}"));
    struct stream_entry entry = make_entry(good_json);
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    expect_frame(lite, "{\"message_type\":\"certificate_update\",\"id\":\"7-1\",\"data\":"
                       "{\"cert_index\":5,\"leaf_cert\":{\"is_ca\":false}}}");
    expect_frame(full, "{\"message_type\":\"certificate_update\",\"id\":\"7-1\",\"data\":"
                       "{\"cert_index\":5,\"leaf_cert\":{\"is_ca\":false,\"as_der\":\"REVS\"},"
                       "\"chain\":[{\"is_ca\":true}]}}");
    expect_frame(domains,
                 "{\"message_type\":\"dns_entries\",\"id\":\"7-1\",\"data\":[\"a.example\"]}");
    for (size_t content = 0; content < MESSAGE_CONTENTS; content++)
        assert_int_equal(framer_stats(fixture->framer)->rendered[content], 1);
}

static void after_a_break_everybody_is_overtaken(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *lane = join(fixture, MESSAGE_LITE, FRAMING_WEBSOCKET);
    uint64_t number = 0;
    struct stream_entry entry = make_entry(good_json);
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    lanes_break(fixture->lanes, (struct stream_id){ 20, 0 });
    assert_true(lane_first(lane) > 1);
    assert_false(lane_find(lane, (struct stream_id){ 7, 1 }, &number));
    assert_true(lane_find(lane, (struct stream_id){ 20, 0 }, &number));
    assert_int_equal(number, lane_next(lane));
}

static void what_nobody_listens_to_is_not_rendered(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *domains = join(fixture, MESSAGE_DOMAINS, FRAMING_WEBSOCKET);
    struct stream_entry entry = make_entry(good_json);
    assert_false(lanes_need_issuers(fixture->lanes));
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    assert_int_equal(lane_next(domains), 1);
    assert_int_equal(framer_stats(fixture->framer)->rendered[MESSAGE_LITE], 0);
    assert_int_equal(framer_stats(fixture->framer)->rendered[MESSAGE_FULL], 0);
}

static void an_entry_whose_json_is_not_ours_is_counted_and_passed_over(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *lite = join(fixture, MESSAGE_LITE, FRAMING_WEBSOCKET);
    struct stream_entry entry = make_entry("[1,2,3]");
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    assert_int_equal(lane_next(lite), 0);
    assert_int_equal(framer_stats(fixture->framer)->malformed, 1);
}

static void a_message_larger_than_a_lane_is_counted_and_leaves_a_gap(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *domains = join(fixture, MESSAGE_DOMAINS, FRAMING_WEBSOCKET);
    static uint8_t spaces[1 << 16];
    memset(spaces, ' ', sizeof spaces);
    struct stream_entry entry = make_entry(good_json);
    entry.domains = bytes_of(spaces, sizeof spaces);
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    assert_int_equal(lane_first(domains), 1);
    assert_int_equal(lanes_stats(fixture->lanes)->oversized, 1);
}

static void a_lane_outlives_its_last_listener_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slot *slot = lanes_join(fixture->lanes, &full_key, nowhere);
    assert_ptr_equal(lanes_join(fixture->lanes, &full_key, nowhere), slot);
    assert_int_equal(lanes_subscribers(fixture->lanes, MESSAGE_FULL), 2);
    lanes_leave(fixture->lanes, slot, NOW);
    lanes_tick(fixture->lanes, LONG_AFTER);
    assert_ptr_equal(lanes_next(fixture->lanes, NULL), slot);
    assert_int_equal(lanes_slot_subscribers(slot), 1);
    lanes_leave(fixture->lanes, slot, LONG_AFTER);
    lanes_tick(fixture->lanes, LONG_AFTER + 1);
    assert_ptr_equal(lanes_next(fixture->lanes, NULL), slot);
    assert_true(lanes_need_issuers(fixture->lanes));
    lanes_tick(fixture->lanes, 2 * (uint64_t)LONG_AFTER);
    assert_null(lanes_next(fixture->lanes, NULL));
    assert_int_equal(lanes_subscribers(fixture->lanes, MESSAGE_FULL), 0);
}

/* One rendering for all of them. */
static void each_framing_has_a_lane_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    const struct lane *lanes[FRAMINGS];
    struct lane_slice slice[FRAMINGS];
    for (unsigned framing = 0; framing < FRAMINGS; framing++)
        lanes[framing] = join(fixture, MESSAGE_LITE, (enum framing)framing);
    struct stream_entry entry = make_entry(good_json);
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    for (unsigned framing = 0; framing < FRAMINGS; framing++)
        assert_true(lane_read(lanes[framing], 0, SIZE_MAX, &slice[framing]));
    assert_int_equal(framer_stats(fixture->framer)->rendered[MESSAGE_LITE], 1);
    assert_int_equal(slice[FRAMING_WEBSOCKET].data[0], 0x81);
    assert_int_equal(slice[FRAMING_WEBSOCKET_DEFLATED].data[0], 0xc1);
    assert_true(slice[FRAMING_WEBSOCKET_DEFLATED].size < slice[FRAMING_WEBSOCKET].size);
    static const char start[] = "id: 7-1\ndata: {\"message_type\":\"certificate_update\",";
    assert_memory_equal(slice[FRAMING_SSE].data, start, strlen(start));
    assert_memory_equal(slice[FRAMING_SSE].data + slice[FRAMING_SSE].size - 3, "}\n\n", 3);
}

static struct filter *make_filter(const char *fragment)
{
    static struct query query;
    static const char *const others[] = { NULL };
    struct filter *filter;
    char reason[FILTER_REASON_SIZE];
    query_init(&query);
    assert_true(query_add(&query, bytes_of_string(fragment)));
    assert_true(filter_create(&filter, &query, others, reason));
    return filter;
}

static struct lane_slot *join_filtered(struct fixture *fixture, const char *fragment)
{
    struct lane_key key = full_key;
    key.filter = make_filter(fragment);
    struct lane_slot *slot = lanes_join(fixture->lanes, &key, nowhere);
    filter_release(key.filter);
    return slot;
}

static void a_filtered_lane_has_what_passes(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slot *all = lanes_join(fixture->lanes, &full_key, nowhere);
    struct lane_slot *passing = join_filtered(fixture, "domain=A.example");
    struct lane_slot *other = join_filtered(fixture, "domain=b.example");
    assert_ptr_equal(join_filtered(fixture, "domain=a.example"), passing);
    assert_int_equal(lanes_filtered(fixture->lanes), 2);
    struct stream_entry entry = make_entry(good_json);
    lanes_publish(fixture->lanes, &entry, 41, NOW);
    assert_int_equal(lane_next(lanes_lane(all)), 1);
    assert_int_equal(lane_next(lanes_lane(passing)), 1);
    assert_int_equal(lane_next(lanes_lane(other)), 0);
    assert_int_equal(lanes_slot_subscribers(passing), 2);
    lanes_leave(fixture->lanes, other, NOW);
    lanes_tick(fixture->lanes, LONG_AFTER);
    assert_int_equal(lanes_filtered(fixture->lanes), 1);
}

/* Everything there is to ask for, as the settings are if nobody changes them. */
static void all_lanes_together_have_a_ceiling(void **state)
{
    struct fixture *fixture = *state;
    enum {
        RING = 32 << 20,
        FILTERS = 1024
    };
    struct lanes_options options = {
        .ring_bytes = RING,
        .filtered_max = FILTERS,
        .framer = fixture->framer,
    };
    struct lanes *lanes = lanes_create(&options);
    for (unsigned form = 0; form < MESSAGE_DIALECTS * MESSAGE_CONTENTS * FRAMINGS; form++) {
        struct lane_key key = { { (enum message_content)(form / FRAMINGS % MESSAGE_CONTENTS),
                                  (enum certificate_dialect)(form / FRAMINGS / MESSAGE_CONTENTS) },
                                (enum framing)(form % FRAMINGS),
                                NULL };
        assert_non_null(lanes_join(lanes, &key, nowhere));
    }
    size_t whole = lanes_memory(lanes);
    assert_true(whole <= (size_t)RING * LANES_RINGS / 2 * 5 / 4);
    for (int i = 0; i < FILTERS; i++) {
        char fragment[32];
        (void)snprintf(fragment, sizeof fragment, "domain=%d.example", i);
        struct lane_key key = full_key;
        key.filter = make_filter(fragment);
        assert_non_null(lanes_join(lanes, &key, nowhere));
        filter_release(key.filter);
    }
    assert_true(lanes_memory(lanes) <= (size_t)RING * LANES_RINGS * 5 / 4);
    lanes_destroy(lanes);
}

/* Which of the streams that most listen to comes first or last: each has its whole ring. */
static void a_ring_does_not_depend_on_who_was_there_before(void **state)
{
    struct fixture *fixture = *state;
    size_t first = lane_memory(join(fixture, MESSAGE_LITE, FRAMING_WEBSOCKET));
    for (unsigned framing = 0; framing < FRAMINGS; framing++)
        (void)join(fixture, MESSAGE_DOMAINS, (enum framing)framing);
    assert_int_equal(lane_memory(join(fixture, MESSAGE_FULL, FRAMING_WEBSOCKET)), first);
    assert_true(first >= 1 << 16);
}

static void there_are_so_many_filters_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    char fragment[32];
    for (unsigned i = 0; i < FILTERED_MAX; i++) {
        (void)snprintf(fragment, sizeof fragment, "match=%u", i);
        assert_non_null(join_filtered(fixture, fragment));
    }
    assert_null(join_filtered(fixture, "match=one-more"));
    assert_non_null(join_filtered(fixture, fragment));
    assert_non_null(lanes_join(fixture->lanes, &full_key, nowhere));
    assert_int_equal(lanes_stats(fixture->lanes)->refused, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_lane_gets_its_kind_of_message, setup, teardown),
        cmocka_unit_test_setup_teardown(each_framing_has_a_lane_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_break_everybody_is_overtaken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_listens_to_is_not_rendered, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_whose_json_is_not_ours_is_counted_and_passed_over,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_larger_than_a_lane_is_counted_and_leaves_a_gap,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_filtered_lane_has_what_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(all_lanes_together_have_a_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ring_does_not_depend_on_who_was_there_before, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(there_are_so_many_filters_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_outlives_its_last_listener_for_a_while, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
