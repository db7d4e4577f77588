/* Ids are judged by what the stream has, not by anybody's clock; what Redis lost is told. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 30000,
    ENTRIES = 20,
    ID_SIZE = 64,
};

#define STREAM       CONTRACT_PREFIX ":stream"
#define GAP          "\"message_type\":\"gap\""
#define GAP_QUIETLY  "\"message_type\":\"heartbeat\",\"timestamp\":"
#define NOBODY_KNOWS "\"missed\":null"

static struct websocket_client *open_stream(const struct streamer_stage *stage, const char *query)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/%s", query);
    struct websocket_client *client = websocket_client_connect(streamer_stage_port(stage), path);
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    return client;
}

static void expect_index(struct websocket_client *client, uint64_t index)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"cert_index\":%" PRIu64 ",", index);
    const char *message = websocket_client_expect(client, "\"cert_index\":", WAIT_MS);
    if (!strstr(message, text))
        fail_msg("no %s in %.200s", text, message);
}

/* Nothing was said before it but heartbeats. */
static void expect_first_index(struct websocket_client *client, uint64_t index)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"cert_index\":%" PRIu64 ",", index);
    const char *message = websocket_client_expect(client, "", WAIT_MS);
    while (strstr(message, "heartbeat"))
        message = websocket_client_expect(client, "", WAIT_MS);
    if (!strstr(message, text))
        fail_msg("no %s in %.200s", text, message);
}

static void expect_gap(struct websocket_client *client, const char *from, const char *missed)
{
    const char *message = websocket_client_expect(client, "", WAIT_MS);
    while (!strstr(message, GAP)) {
        if (!strstr(message, "heartbeat"))
            fail_msg("no gap but %.200s", message);
        message = websocket_client_expect(client, "", WAIT_MS);
    }
    if (!strstr(message, from) || !strstr(message, missed))
        fail_msg("not from %s, %s: %.200s", from, missed, message);
}

static void newest_id(const struct streamer_stage *stage, char *id)
{
    redisReply *reply = redis_server_command(stage->redis, "XREVRANGE " STREAM " + - COUNT 1");
    (void)snprintf(id, ID_SIZE, "%s", reply->element[0]->element[0]->str);
    freeReplyObject(reply);
}

static void one_ahead_of_the_stream_waits_and_is_told(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_use_id(NULL);
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    uint64_t start_ms = clock_monotonic_ms();
    /* An hour and a century ahead of all clocks; the second is served by the stream in time. */
    struct websocket_client *lost = open_stream(stage, "?since=9999999999999-5");
    char query[ID_SIZE];
    (void)snprintf(query, sizeof query, "?since=%" PRIu64 "-0", clock_realtime_ms() + 2000);
    struct websocket_client *early = open_stream(stage, query);
    expect_gap(lost, "\"from\":\"9999999999999-5\"", NOBODY_KNOWS);
    uint64_t waited_ms = clock_monotonic_ms() - start_ms;
    assert_true(waited_ms >= 10000 && waited_ms < 25000);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + 2, 0);
    expect_index(lost, ENTRIES);
    expect_index(lost, ENTRIES + 1);
    websocket_client_destroy(lost);
    websocket_client_destroy(early);
}

static void an_id_just_given_out_is_good_whatever_the_clock_says(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_use_id(NULL);
    char id[ID_SIZE];
    char query[2 * ID_SIZE];
    (void)snprintf(id, sizeof id, "%" PRIu64 "-3", clock_realtime_ms() + UINT64_C(86400000));
    stream_feed_add(stage->redis, 0, 1, 0);
    streamer_stage_start(stage, NULL);
    stream_feed_use_id(id);
    struct websocket_client *live = open_stream(stage, "");
    stream_feed_add(stage->redis, 1, 2, 0);
    expect_index(live, 1);
    (void)snprintf(query, sizeof query, "?since=%s", id);
    struct websocket_client *back = open_stream(stage, query);
    stream_feed_use_id(NULL);
    stream_feed_add(stage->redis, 2, 3, 0);
    expect_index(live, 2);
    expect_index(back, 2);
    websocket_client_destroy(live);
    websocket_client_destroy(back);
}

/* Another Redis takes over that lacks the last entry and has others, the first of them under a
 * lower id, because its clock is behind, before anybody notices. All at once, for the streamer. */
static void take_over(const struct streamer_stage *stage, const char *last_id)
{
    static const char *const ids[] = { "1000-0", "2000-0", "2000-1" };
    static const uint64_t indexes[] = { 0, 1, 3 };
    freeReplyObject(redis_server_command(stage->redis, "MULTI"));
    freeReplyObject(redis_server_command(stage->redis, "CLIENT KILL TYPE normal"));
    freeReplyObject(redis_server_command(stage->redis, "DEL " STREAM));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        stream_feed_use_id(ids[i]);
        stream_feed_add_again(stage->redis, indexes[i], indexes[i] + 1, 0);
    }
    stream_feed_use_id(last_id);
    stream_feed_add_again(stage->redis, 4, 5, 0);
    freeReplyObject(redis_server_command(stage->redis, "EXEC"));
}

static void lower_ids_are_new(struct streamer_stage *stage, const char *last_id,
                              const char *repeat_id, const char *next_id)
{
    stream_feed_use_id("1000-0");
    stream_feed_add(stage->redis, 0, 1, 0);
    stream_feed_use_id("2000-0");
    stream_feed_add(stage->redis, 1, 2, 0);
    streamer_stage_start(stage, NULL);
    struct websocket_client *live = open_stream(stage, "?since=0");
    stream_feed_use_id("9000-0");
    stream_feed_add(stage->redis, 2, 3, 0);
    expect_index(live, 0);
    expect_index(live, 1);
    expect_index(live, 2);
    struct websocket_client *unaware = open_stream(stage, "");
    struct websocket_client *back = open_stream(stage, "?since=9000-0");
    take_over(stage, last_id);
    expect_gap(live, "\"from\":\"9000-0\"", NOBODY_KNOWS);
    expect_gap(back, "\"from\":\"9000-0\"", NOBODY_KNOWS);
    (void)websocket_client_expect(unaware, "\"gap\":{\"from\":\"9000-0\"", WAIT_MS);
    /* What was lost is fetched again by ingest; all have had it. */
    stream_feed_use_id(repeat_id);
    stream_feed_add_again(stage->redis, 2, 3, 0);
    stream_feed_use_id(next_id);
    stream_feed_add_again(stage->redis, 5, 6, 0);
    for (uint64_t index = 3; index < 6; index++) {
        expect_index(live, index);
        expect_index(unaware, index);
        expect_index(back, index);
    }
    /* Who comes with the id that is gone goes on where the histories part. */
    struct websocket_client *later = open_stream(stage, "?since=9000-0");
    for (uint64_t index = 3; index < 6; index++)
        expect_index(later, index);
    websocket_client_destroy(live);
    websocket_client_destroy(unaware);
    websocket_client_destroy(back);
    websocket_client_destroy(later);
}

static void lower_ids_after_a_failover_are_new(void **state)
{
    lower_ids_are_new(*state, "2000-2", "2000-3", "2000-4");
}

/* It got further than what was read, so only the entry read last tells. */
static void another_history_that_got_further_is_noticed(void **state)
{
    lower_ids_are_new(*state, "9500-0", "9500-1", "9500-2");
}

static void who_had_what_a_flush_took_is_told(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_use_id(NULL);
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    struct websocket_client *live = open_stream(stage, "?gap=1");
    struct websocket_client *unaware = open_stream(stage, "");
    struct sse_client *events = sse_client_open(streamer_stage_port(stage), "/sse", NULL);
    (void)sse_client_expect(events, "", WAIT_MS);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + 1, 0);
    expect_index(live, ENTRIES);
    expect_index(unaware, ENTRIES);
    (void)sse_client_expect(events, "cert_index", WAIT_MS);
    char id[ID_SIZE];
    newest_id(stage, id);
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    stream_feed_add(stage->redis, ENTRIES + 1, ENTRIES + 4, 0);
    expect_gap(live, id, NOBODY_KNOWS);
    const char *message = websocket_client_expect(unaware, "\"gap\":{", WAIT_MS);
    assert_non_null(strstr(message, GAP_QUIETLY));
    struct sse_event event = sse_client_expect(events, NOBODY_KNOWS, WAIT_MS);
    assert_string_equal(event.event, "gap");
    for (uint64_t index = ENTRIES + 1; index < ENTRIES + 4; index++) {
        expect_index(live, index);
        expect_index(unaware, index);
        (void)sse_client_expect(events, "cert_index", WAIT_MS);
    }
    websocket_client_destroy(live);
    websocket_client_destroy(unaware);
    sse_client_destroy(events);
}

static void expect_event_gap(const struct streamer_stage *stage, const char *id, const char *missed)
{
    char header[2 * ID_SIZE];
    (void)snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", id);
    struct sse_client *events = sse_client_open(streamer_stage_port(stage), "/sse", header);
    struct sse_event event = sse_client_expect(events, GAP, WAIT_MS);
    assert_string_equal(event.event, "gap");
    if (!strstr(event.data, missed))
        fail_msg("no %s in %.200s", missed, event.data);
    sse_client_destroy(events);
}

/* A live client has had all of them when they go; the next one comes after `id`, as Redis gives
 * it. */
static struct websocket_client *flush(struct streamer_stage *stage, const char *id)
{
    stream_feed_use_id("500-0");
    stream_feed_add(stage->redis, 0, 1, 0);
    streamer_stage_start(stage, NULL);
    struct websocket_client *live = open_stream(stage, "?gap=1");
    stream_feed_use_id("5000-*");
    stream_feed_add(stage->redis, 1, ENTRIES, 0);
    for (uint64_t index = 1; index < ENTRIES; index++)
        expect_index(live, index);
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    stream_feed_use_id(id);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + 1, 0);
    expect_gap(live, "5000-18", NOBODY_KNOWS);
    expect_index(live, ENTRIES);
    return live;
}

/* Who was away has not had all that was lost; and what ingest fetches again is lost no longer.
 * Whether the clock of what Redis has got since is behind, or not. */
static void what_was_lost_is_counted(struct streamer_stage *stage, const char *next_id)
{
    static const char id[] = "5000-14";
    struct websocket_client *live = flush(stage, next_id);
    struct websocket_client *back = open_stream(stage, "?since=5000-14");
    expect_gap(back, id, "\"missed\":4,");
    expect_index(back, ENTRIES);
    /* Ingest fetches it again: one of the four, and the rest. */
    stream_feed_add_again(stage->redis, 16, 17, 0);
    stream_feed_add(stage->redis, ENTRIES + 1, ENTRIES + 2, 0);
    expect_index(live, ENTRIES + 1);
    struct websocket_client *later = open_stream(stage, "?since=5000-14");
    expect_gap(later, id, "\"missed\":3,");
    expect_event_gap(stage, id, "\"missed\":3,");
    expect_index(later, ENTRIES);
    expect_index(later, 16);
    expect_index(later, ENTRIES + 1);
    stream_feed_add_again(stage->redis, 1, 16, 0);
    stream_feed_add_again(stage->redis, 17, ENTRIES, 0);
    stream_feed_add(stage->redis, ENTRIES + 2, ENTRIES + 3, 0);
    expect_index(live, ENTRIES + 2);
    struct websocket_client *healed = open_stream(stage, "?since=5000-14");
    expect_first_index(healed, ENTRIES);
    websocket_client_destroy(live);
    websocket_client_destroy(back);
    websocket_client_destroy(later);
    websocket_client_destroy(healed);
}

static void what_a_flush_took_is_counted_for_who_had_not_had_it(void **state)
{
    what_was_lost_is_counted(*state, "6000-*");
}

static void what_a_flush_took_is_counted_with_a_clock_that_is_behind(void **state)
{
    what_was_lost_is_counted(*state, "1000-*");
}

static void at_the_newest_that_is_trimmed_nothing_is_missed(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_use_id(NULL);
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    redisReply *reply = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    char query[2 * ID_SIZE];
    (void)snprintf(query, sizeof query, "?since=%s", reply->element[ENTRIES - 6]->element[0]->str);
    freeReplyObject(reply);
    streamer_stage_start(stage, NULL);
    assert_int_equal(redis_server_integer(stage->redis, "XTRIM " STREAM " MAXLEN 5"), ENTRIES - 5);
    struct websocket_client *live = open_stream(stage, "");
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + 1, 0);
    expect_index(live, ENTRIES);
    struct websocket_client *in_time = open_stream(stage, query);
    expect_first_index(in_time, 15);
    websocket_client_destroy(live);
    websocket_client_destroy(in_time);
}

static void the_position_of_another_server_is_none(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_use_id(NULL);
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    struct websocket_client *refused = websocket_client_open(
        &(struct websocket_options){ .port = streamer_stage_port(stage), .path = "/?since=42" });
    assert_int_equal(websocket_client_status(refused), 400);
    websocket_client_destroy(refused);
    struct sse_client *events =
        sse_client_open(streamer_stage_port(stage), "/sse", "Last-Event-ID: 42\r\n");
    assert_int_equal(sse_client_status(events), 200);
    struct sse_event event = sse_client_expect(events, GAP, WAIT_MS);
    char id[ID_SIZE];
    newest_id(stage, id);
    assert_string_equal(event.id, id);
    assert_non_null(strstr(event.data, NOBODY_KNOWS));
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + 1, 0);
    (void)sse_client_expect(events, "\"cert_index\":20,", WAIT_MS);
    sse_client_destroy(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(one_ahead_of_the_stream_waits_and_is_told),
        ON_STREAMER_STAGE_REDIS(an_id_just_given_out_is_good_whatever_the_clock_says),
        ON_STREAMER_STAGE_REDIS(lower_ids_after_a_failover_are_new),
        ON_STREAMER_STAGE_REDIS(another_history_that_got_further_is_noticed),
        ON_STREAMER_STAGE_REDIS(who_had_what_a_flush_took_is_told),
        ON_STREAMER_STAGE_REDIS(what_a_flush_took_is_counted_for_who_had_not_had_it),
        ON_STREAMER_STAGE_REDIS(what_a_flush_took_is_counted_with_a_clock_that_is_behind),
        ON_STREAMER_STAGE_REDIS(at_the_newest_that_is_trimmed_nothing_is_missed),
        ON_STREAMER_STAGE_REDIS(the_position_of_another_server_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
