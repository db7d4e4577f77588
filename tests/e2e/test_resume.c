/* Clients that come back, or fall behind, go on where they were: nothing twice, nothing missing,
 * and what is gone is told. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    /* More than a page has. */
    ENTRIES = 450,
    MORE = 50,
    /* In all, more than the kernel buffers between two sockets of one machine and a small ring
     * hold. */
    FLOOD = 6000,
    FLOOD_PADDING = 8000,
    KEPT = 100,
    CROWD = 60,
    ID_SIZE = 64,
};

#define STREAM CONTRACT_PREFIX ":stream"

static void wait_for_entries(const struct streamer_stage *stage, uint64_t count)
{
    char part[64];
    (void)snprintf(part, sizeof part, "\"processed_certificates\":%" PRIu64 ",", count);
    struct deadline deadline = deadline_after(WAIT_MS, part);
    for (bool there = false; !there;) {
        struct http_answer answer = http_get_local(program_port(stage->streamer), "/stats");
        there = strstr(http_answer_text(&answer), part) != NULL;
        http_answer_free(&answer);
        if (!there)
            deadline_wait(&deadline);
    }
}

/* The ids of the stream, in order; the caller frees each and the array. */
static char (*stream_ids(const struct streamer_stage *stage, size_t *count))[ID_SIZE]
{
    redisReply *reply = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    char(*ids)[ID_SIZE] = memory_allocate_zeroed(reply->elements + 1, sizeof *ids);
    *count = reply->elements;
    for (size_t i = 0; i < reply->elements; i++)
        (void)snprintf(ids[i], sizeof ids[i], "%s", reply->element[i]->element[0]->str);
    freeReplyObject(reply);
    return ids;
}

static struct websocket_client *open_since(const struct streamer_stage *stage, const char *path,
                                           const char *since)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s%csince=%s", path, strchr(path, '?') ? '&' : '?', since);
    return websocket_client_connect(program_port(stage->streamer), text);
}

static void expect_indexes(struct websocket_client *client, uint64_t from, uint64_t to)
{
    for (uint64_t index = from; index < to; index++)
        assert_int_equal(harness_number_after(websocket_client_expect_message(client, WAIT_MS),
                                              "\"cert_index\":"),
                         index);
}

static void whoever_says_where_he_was_goes_on_there(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    size_t count;
    char(*ids)[ID_SIZE] = stream_ids(stage, &count);
    assert_int_equal(count, ENTRIES);
    struct {
        const char *since;
        uint64_t first;
    } cases[] = {
        { "0", 0 },
        { ids[0], 1 },
        { ids[99], 100 },
        { ids[100], 101 },
        { ids[300], 301 },
        { "3600s", 0 },
        { ids[ENTRIES - 1], ENTRIES },
    };
    enum {
        CASES = sizeof cases / sizeof *cases
    };
    struct websocket_client *clients[CASES];
    for (size_t i = 0; i < CASES; i++)
        clients[i] = open_since(stage, "/", cases[i].since);
    for (size_t i = 0; i < CASES; i++)
        expect_indexes(clients[i], cases[i].first, ENTRIES);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + MORE, 0);
    for (size_t i = 0; i < CASES; i++) {
        expect_indexes(clients[i], ENTRIES, ENTRIES + MORE);
        websocket_client_destroy(clients[i]);
    }
    free(ids);
}

static void events_go_on_behind_the_last_id(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    size_t count;
    char(*ids)[ID_SIZE] = stream_ids(stage, &count);
    char header[128];
    (void)snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", ids[200]);
    /* The query says where a browser began, the header where it is. */
    struct sse_client *client =
        sse_client_open(program_port(stage->streamer), "/sse?stream=domains&since=0", header);
    assert_int_equal(sse_client_status(client), 200);
    for (int index = 201; index < ENTRIES; index++) {
        char name[64];
        (void)snprintf(name, sizeof name, "[\"%d.example\"]", index);
        struct sse_event event = sse_client_expect(client, "dns_entries", WAIT_MS);
        assert_non_null(strstr(event.data, name));
        assert_string_equal(event.id, ids[index]);
    }
    sse_client_destroy(client);
    free(ids);
}

static void filters_hold_for_the_past_too(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    streamer_stage_start(stage, NULL);
    struct websocket_client *client = open_since(stage,
                                                 "/?domain=7.example&domain=407.example&"
                                                 "domain=470.example",
                                                 "0");
    expect_indexes(client, 7, 8);
    expect_indexes(client, 407, 408);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + MORE, 0);
    expect_indexes(client, 470, 471);
    websocket_client_destroy(client);
}

static void nonsense_is_refused_before_the_upgrade(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const wrong[] = { "/?since=yesterday",
                                         "/full-stream?since=", "/domains-only?since=5m",
                                         "/?since=1700000000000", "/?until=5" };
    streamer_stage_start(stage, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct websocket_client *client = websocket_client_open(
            &(struct websocket_options){ .port = program_port(stage->streamer), .path = wrong[i] });
        assert_int_equal(websocket_client_status(client), 400);
        websocket_client_destroy(client);
    }
    struct sse_client *events =
        sse_client_open(program_port(stage->streamer), "/sse", "Last-Event-ID: last week\r\n");
    /* An event source would never come back after a refusal. */
    assert_int_equal(sse_client_status(events), 200);
    (void)sse_client_expect(events, "\"message_type\":\"gap\"", WAIT_MS);
    sse_client_destroy(events);
}

static void a_client_that_was_overtaken_gets_it_all_from_redis(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, (const char *const[]){ "--ring-bytes", "256k", NULL });
    struct websocket_client *client = websocket_client_connect(program_port(stage->streamer), "/");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    stream_feed_add(stage->redis, 0, FLOOD, FLOOD_PADDING);
    wait_for_entries(stage, FLOOD);
    expect_indexes(client, 0, FLOOD);
    stream_feed_add(stage->redis, FLOOD, FLOOD + 1, 0);
    expect_indexes(client, FLOOD, FLOOD + 1);
    websocket_client_destroy(client);
}

static void trim(const struct streamer_stage *stage, int kept)
{
    (void)redis_server_integer(stage->redis, "XTRIM " STREAM " MAXLEN %d", kept);
}

/* What is trimmed meanwhile is told exactly, also to one that is in the middle of the past. */
static void what_is_trimmed_under_a_client_is_counted(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, (const char *const[]){ "--ring-bytes", "256k", NULL });
    struct websocket_client *client =
        websocket_client_connect(program_port(stage->streamer), "/?gap=1");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    stream_feed_add(stage->redis, 0, FLOOD, FLOOD_PADDING);
    wait_for_entries(stage, FLOOD);
    trim(stage, KEPT);
    char last_id[ID_SIZE] = "";
    uint64_t next = 0;
    uint64_t missed = 0;
    while (next < FLOOD) {
        const char *text = websocket_client_expect_message(client, WAIT_MS);
        if (strstr(text, "\"message_type\":\"gap\"")) {
            const char *from = strstr(text, "\"from\":\"") + strlen("\"from\":\"");
            assert_memory_equal(from, last_id, strlen(last_id));
            assert_non_null(strstr(text, "\"reason\":\"trimmed\""));
            missed += harness_number_after(text, "\"missed\":");
            next += harness_number_after(text, "\"missed\":");
            continue;
        }
        assert_int_equal(harness_number_after(text, "\"cert_index\":"), next++);
        (void)sscanf(strstr(text, "\"id\":\"") + strlen("\"id\":\""), "%63[0-9-]", last_id);
    }
    assert_int_equal(next, FLOOD);
    assert_true(missed > 0);
    print_message("%" PRIu64 " of %d were gone\n", missed, FLOOD);
    stream_feed_add(stage->redis, FLOOD, FLOOD + MORE, 0);
    expect_indexes(client, FLOOD, FLOOD + MORE);
    websocket_client_destroy(client);
}

static void who_comes_too_late_is_told_so_without_a_number(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, ENTRIES, 0);
    size_t count;
    char(*ids)[ID_SIZE] = stream_ids(stage, &count);
    trim(stage, KEPT);
    streamer_stage_start(stage, NULL);
    struct websocket_client *late = open_since(stage, "/", ids[5]);
    struct websocket_client *all = open_since(stage, "/", "0");
    struct websocket_client *in_time = open_since(stage, "/", ids[ENTRIES - KEPT]);
    const char *text = websocket_client_expect_message(late, WAIT_MS);
    assert_non_null(strstr(text, "\"message_type\":\"gap\""));
    assert_non_null(strstr(text, "\"missed\":null,\"reason\":\"trimmed\""));
    expect_indexes(late, ENTRIES - KEPT, ENTRIES);
    /* All that there is is what was asked for. */
    expect_indexes(all, ENTRIES - KEPT, ENTRIES);
    expect_indexes(in_time, ENTRIES - KEPT + 1, ENTRIES);
    websocket_client_destroy(late);
    websocket_client_destroy(all);
    websocket_client_destroy(in_time);
    free(ids);
}

static void what_the_streamer_itself_missed_is_told_to_all(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, NULL);
    struct websocket_client *live =
        websocket_client_connect(program_port(stage->streamer), "/?gap=1");
    struct websocket_client *quiet =
        websocket_client_connect(program_port(stage->streamer), "/?gap=1&domain=nothing.example");
    (void)websocket_client_expect(live, "heartbeat", WAIT_MS);
    (void)websocket_client_expect(quiet, "heartbeat", WAIT_MS);
    stream_feed_add(stage->redis, 0, 10, 0);
    expect_indexes(live, 0, 10);
    /* While it stands still, Redis goes on; the connection that waits for entries gets the first of
     * them. */
    program_signal(stage->streamer, SIGSTOP);
    stream_feed_add(stage->redis, 10, 10 + 3 * 500, 0);
    trim(stage, KEPT);
    program_signal(stage->streamer, SIGCONT);
    uint64_t next = 10;
    while (next < 10 + 3 * 500) {
        const char *text = websocket_client_expect_message(live, WAIT_MS);
        if (strstr(text, "\"message_type\":\"gap\""))
            next += harness_number_after(text, "\"missed\":");
        else
            assert_int_equal(harness_number_after(text, "\"cert_index\":"), next++);
    }
    assert_int_equal(next, 10 + 3 * 500);
    assert_non_null(
        strstr(websocket_client_expect_message(quiet, WAIT_MS), "\"message_type\":\"gap\""));
    websocket_client_destroy(live);
    websocket_client_destroy(quiet);
}

/* Redis holds only the first entries, as after a failover to a replica that lacked the last. */
static void set_back(struct streamer_stage *stage, size_t kept)
{
    redisReply *entries = redis_server_command(stage->redis, "XRANGE " STREAM " - +");
    freeReplyObject(redis_server_command(stage->redis, "MULTI"));
    freeReplyObject(redis_server_command(stage->redis, "DEL " STREAM));
    for (size_t i = 0; i < kept; i++) {
        const char *words[16] = { "XADD", STREAM, entries->element[i]->element[0]->str };
        const redisReply *fields = entries->element[i]->element[1];
        for (size_t f = 0; f < fields->elements; f++)
            words[3 + f] = fields->element[f]->str;
        freeReplyObject(redis_server_command(
            stage->redis, "%s %s %s %s %s %s %s %s %s %s %s %s %s %s %s", words[0], words[1],
            words[2], words[3], words[4], words[5], words[6], words[7], words[8], words[9],
            words[10], words[11], words[12], words[13], words[14]));
    }
    freeReplyObject(redis_server_command(stage->redis, "EXEC"));
    freeReplyObject(entries);
}

/* What Redis lost, ingest fetches again, and it gets new ids. */
static void nobody_gets_twice_what_a_redis_that_was_set_back_gets_again(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, NULL);
    struct websocket_client *live = websocket_client_connect(program_port(stage->streamer), "/");
    (void)websocket_client_expect(live, "heartbeat", WAIT_MS);
    stream_feed_add(stage->redis, 0, 100, 0);
    expect_indexes(live, 0, 100);
    size_t count;
    char(*ids)[ID_SIZE] = stream_ids(stage, &count);
    set_back(stage, 90);
    stream_feed_add_again(stage->redis, 90, 110, 0);
    expect_indexes(live, 100, 110);
    struct websocket_client *resumed = open_since(stage, "/", ids[95]);
    struct websocket_client *all = open_since(stage, "/", "0");
    struct websocket_client *older = open_since(stage, "/", ids[50]);
    expect_indexes(resumed, 96, 110);
    expect_indexes(all, 0, 110);
    expect_indexes(older, 51, 110);
    stream_feed_add(stage->redis, 110, 115, 0);
    struct websocket_client *const everybody[] = { live, resumed, all, older };
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    for (size_t i = 0; i < sizeof everybody / sizeof *everybody; i++) {
        expect_indexes(everybody[i], 110, 115);
        websocket_client_destroy(everybody[i]);
    }
    free(ids);
}

static void a_crowd_that_comes_back_together_shares_what_is_read(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, ENTRIES, 2000);
    streamer_stage_start(
        stage, (const char *const[]){ "--replay-pages", "2", "--ring-bytes", "64k", NULL });
    size_t count;
    char(*ids)[ID_SIZE] = stream_ids(stage, &count);
    struct websocket_client *crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = open_since(stage, "/", ids[i]);
    for (size_t i = 0; i < CROWD; i++)
        expect_indexes(crowd[i], i + 1, ENTRIES);
    stream_feed_add(stage->redis, ENTRIES, ENTRIES + MORE, 0);
    for (size_t i = 0; i < CROWD; i++) {
        expect_indexes(crowd[i], ENTRIES, ENTRIES + MORE);
        websocket_client_destroy(crowd[i]);
    }
    free(ids);
}

static void redis_may_go_away_in_the_middle_of_the_past(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, FLOOD / 4, FLOOD_PADDING);
    streamer_stage_start(stage, (const char *const[]){ "--replay-rate", "4m", NULL });
    struct websocket_client *client = open_since(stage, "/", "0");
    expect_indexes(client, 0, 200);
    redis_server_kill(stage->redis);
    redis_server_restart(stage->redis);
    expect_indexes(client, 200, FLOOD / 4);
    stream_feed_add(stage->redis, FLOOD / 4, FLOOD / 4 + MORE, 0);
    expect_indexes(client, FLOOD / 4, FLOOD / 4 + MORE);
    websocket_client_destroy(client);
}

static void a_restarted_streamer_is_gone_on_with(void **state)
{
    struct streamer_stage *stage = *state;
    char last_id[ID_SIZE] = "0";
    uint64_t next = 0;
    streamer_stage_start(stage, NULL);
    for (int round = 0; round < 4; round++) {
        struct websocket_client *client = open_since(stage, "/", last_id);
        uint64_t fed = (uint64_t)(round + 1) * ENTRIES;
        stream_feed_add(stage->redis, fed - ENTRIES, fed, 0);
        /* Killed with some of it under way. */
        uint64_t until = round == 3 ? fed : fed - harness_random(stage->harness, ENTRIES);
        while (next < until) {
            const char *text = websocket_client_expect_message(client, WAIT_MS);
            assert_int_equal(harness_number_after(text, "\"cert_index\":"), next++);
            (void)sscanf(strstr(text, "\"id\":\"") + strlen("\"id\":\""), "%63[0-9-]", last_id);
        }
        websocket_client_destroy(client);
        program_kill(stage->streamer);
        program_restart(stage->streamer);
    }
    assert_int_equal(next, 4 * ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(whoever_says_where_he_was_goes_on_there),
        ON_STREAMER_STAGE_REDIS(events_go_on_behind_the_last_id),
        ON_STREAMER_STAGE_REDIS(filters_hold_for_the_past_too),
        ON_STREAMER_STAGE_REDIS(nonsense_is_refused_before_the_upgrade),
        ON_STREAMER_STAGE_REDIS(a_client_that_was_overtaken_gets_it_all_from_redis),
        ON_STREAMER_STAGE_REDIS(what_is_trimmed_under_a_client_is_counted),
        ON_STREAMER_STAGE_REDIS(who_comes_too_late_is_told_so_without_a_number),
        ON_STREAMER_STAGE_REDIS(what_the_streamer_itself_missed_is_told_to_all),
        ON_STREAMER_STAGE_REDIS(nobody_gets_twice_what_a_redis_that_was_set_back_gets_again),
        ON_STREAMER_STAGE_REDIS(a_crowd_that_comes_back_together_shares_what_is_read),
        ON_STREAMER_STAGE_REDIS(redis_may_go_away_in_the_middle_of_the_past),
        ON_STREAMER_STAGE_REDIS(a_restarted_streamer_is_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
