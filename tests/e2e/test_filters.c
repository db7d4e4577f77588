/* Filters end to end: on each stream and transport, on answers, before the upgrade; and
 * certificates that come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "streamer/lanes/lanes.h"
#include "tests/e2e/built_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    ROUNDS = 40,
    FILTERS_MAX = 20,
    HOSTILE = 250,
    HOSTILE_ENTRIES = 400,
    QUICK_MS = 1000,
    /* Within what a search looks at, and beyond. */
    NEAR = 1500,
    FAR = 5200,
};

#define NAME(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct entry_parts wanted_parts = { .names = { NAME("www.Wanted.example") },
                                                 .is_precertificate = true,
                                                 .number = 1 };
static const struct entry_parts other_parts = { .names = { NAME("www.other.example") },
                                                .number = 2 };

static struct websocket_client *listen_to(const struct program *streamer, const char *path)
{
    struct websocket_client *client = websocket_client_connect(program_port(streamer), path);
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    return client;
}

static void expect_ids(struct websocket_client *client, char (*ids)[BUILT_ID_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = websocket_client_expect(client, "\"id\":", WAIT_MS);
        if (!strstr(text, ids[i]))
            fail_msg("%s is missing: %.200s", ids[i], text);
    }
}

static void each_stream_has_what_passes_and_nothing_else(void **state)
{
    struct streamer_stage *stage = *state;
    static char ids[ROUNDS][BUILT_ID_SIZE];
    static const char *const paths[] = {
        "/?domain=*.wanted.example",
        "/full-stream?match=WANTED",
        "/domains-only?regex=%5Ewww%5C.wan",
        "/?type=precert&dialect=certstream",
        "/domains-only/?domain=x.example&domain=www.wanted.example",
    };
    enum {
        PATHS = sizeof paths / sizeof *paths
    };
    struct websocket_client *clients[PATHS];
    for (size_t i = 0; i < PATHS; i++)
        clients[i] = listen_to(stage->streamer, paths[i]);
    struct sse_client *events =
        sse_client_open(program_port(stage->streamer), "/sse?stream=domains&match=wanted", NULL);
    assert_int_equal(sse_client_status(events), 200);
    for (size_t i = 0; i < ROUNDS; i++) {
        built_feed_make(stage->redis, &other_parts, NULL);
        built_feed_make(stage->redis, &wanted_parts, ids[i]);
    }
    for (size_t i = 0; i < PATHS; i++) {
        expect_ids(clients[i], ids, ROUNDS);
        websocket_client_destroy(clients[i]);
    }
    for (size_t i = 0; i < ROUNDS; i++)
        assert_string_equal(sse_client_expect(events, "dns_entries", WAIT_MS).id, ids[i]);
    sse_client_destroy(events);
}

/* With the filter's one form, wherever the message comes from. */
static void expect_matched(const char *text, const char *id)
{
    char start[160];
    (void)snprintf(start, sizeof start, "\"id\":\"%s\",\"matched\":[\"domain=*.wanted.example\"],",
                   id);
    if (!strstr(text, start))
        fail_msg("%s is not said: %.200s", start, text);
}

static void messages_say_what_they_matched(void **state)
{
    struct streamer_stage *stage = *state;
    int port = program_port(stage->streamer);
    char id[BUILT_ID_SIZE], path[160];
    static const char domains[] = "domain=*.WANTED.example&domain=*.no.example";
    static const char *const live[] = { "/?", "/full-stream?", "/domains-only?", "/?dialect=go&" };
    static const char *const stored[] = { "/latest.json?", "/example.json?",
                                          "/full-stream/example.json?" };
    enum {
        LIVE = sizeof live / sizeof *live
    };
    struct websocket_client *clients[LIVE];
    for (size_t i = 0; i < LIVE; i++) {
        (void)snprintf(path, sizeof path, "%s%s", live[i], domains);
        clients[i] = listen_to(stage->streamer, path);
    }
    (void)snprintf(path, sizeof path, "/sse?%s", domains);
    struct sse_client *events = sse_client_open(port, path, NULL);
    assert_int_equal(sse_client_status(events), 200);
    built_feed_make(stage->redis, &wanted_parts, id);
    expect_matched(sse_client_expect(events, "certificate_update", WAIT_MS).data, id);
    for (size_t i = 0; i < LIVE; i++) {
        const char *text = websocket_client_expect(clients[i], "Wanted.example", WAIT_MS);
        if (i < 2)
            expect_matched(text, id);
        else
            assert_null(strstr(text, "matched"));
        websocket_client_destroy(clients[i]);
    }
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        (void)snprintf(path, sizeof path, "%s%s", stored[i], domains);
        struct http_answer answer = http_get_local(port, path);
        expect_matched(http_answer_text(&answer), id);
        http_answer_free(&answer);
    }
    (void)snprintf(path, sizeof path, "/?since=0&%s", domains);
    struct websocket_client *late = websocket_client_connect(port, path);
    expect_matched(websocket_client_expect(late, "Wanted.example", WAIT_MS), id);
    websocket_client_destroy(late);
    sse_client_destroy(events);
}

static void expect_metric(const struct program *streamer, const char *line)
{
    struct deadline deadline = deadline_after(WAIT_MS, line);
    for (bool found = false; !found;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/metrics");
        found = strstr(http_answer_text(&answer), line) != NULL;
        http_answer_free(&answer);
        if (!found)
            deadline_wait(&deadline);
    }
}

static void those_who_ask_for_the_same_share_a_lane(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        CLIENTS = 5
    };
    struct websocket_client *clients[CLIENTS] = {
        listen_to(stage->streamer, "/?match=a&type=cert"),
        listen_to(stage->streamer, "/?type=cert&match=A"),
        listen_to(stage->streamer, "/?match=a&match=A&type=cert&unique=0"),
        listen_to(stage->streamer, "/?match=b"),
        listen_to(stage->streamer, "/"),
    };
    expect_metric(stage->streamer, "\ncertstream_lanes_filtered 2\n");
    for (size_t i = 0; i < CLIENTS; i++)
        websocket_client_destroy(clients[i]);
}

/* Percent signs and plus, once and not twice. */
static void a_query_is_decoded_once(void **state)
{
    struct streamer_stage *stage = *state;
    static const struct {
        const char *path;
        const struct entry_parts parts;
    } cases[] = {
        { "/latest.json?match=a%2Bb", { .names = { NAME("a+b.example") } } },
        { "/latest.json?match=a+b", { .names = { NAME("a b.example") } } },
        { "/latest.json?match=a%20b", { .names = { NAME("a b.example") } } },
        { "/latest.json?match=a%2541", { .names = { NAME("a%41.example") } } },
        { "/latest.json?match=a%26b%3Dc", { .names = { NAME("a&b=c.example") } } },
        { "/latest.json?match=x=y", { .names = { NAME("x=y.example") } } },
        { "/latest.json?&&match=b%C3%BCcher",
          { .names = { NAME("b\xc3\xbc"
                            "cher.example") } } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[BUILT_ID_SIZE];
        built_feed_make(stage->redis, &cases[i].parts, id);
        struct http_answer answer = http_get_local(program_port(stage->streamer), cases[i].path);
        if (!strstr(http_answer_text(&answer), id))
            fail_msg("%s: %.300s", cases[i].path, http_answer_text(&answer));
        http_answer_free(&answer);
    }
}

static void a_wrong_filter_is_refused_before_the_upgrade(void **state)
{
    struct streamer_stage *stage = *state;
    static const struct {
        const char *query, *reason;
    } cases[] = {
        { "domain=a*b",
          "{\"error\":\"domain has an asterisk elsewhere than in *. at its start\"}" },
        { "regex=(a", "{\"error\":\"regex has a ( without its )\"}" },
        { "domian=x",
          "{\"error\":\"there is no parameter domian; there are domain issuer log match "
          "operator regex type unique dialect" },
        { "regex=%5E[a-z]+",
          "{\"error\":\"regex has a blank, which is what a + becomes in a query: write %2B\"}" },
        { "match=", "{\"error\":\"match has no value\"}" },
        { "x%22y=1", "{\"error\":\"there is no parameter ?; there are " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/full-stream?%s", cases[i].query);
        struct websocket_client *client = websocket_client_open(
            &(struct websocket_options){ .port = program_port(stage->streamer), .path = path });
        assert_int_equal(websocket_client_status(client), 400);
        websocket_client_destroy(client);
        (void)snprintf(path, sizeof path, "/sse?%s", cases[i].query);
        struct http_answer answer = http_get_local(program_port(stage->streamer), path);
        assert_int_equal(answer.status, 400);
        assert_memory_equal(http_answer_text(&answer), cases[i].reason, strlen(cases[i].reason));
        http_answer_free(&answer);
    }
}

static void one_filter_too_many_is_told_so(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const options[] = { "--max-filters", "20", NULL };
    struct program *streamer = streamer_stage_start_another(stage, "few", options);
    struct websocket_client *clients[FILTERS_MAX];
    char path[64];
    for (unsigned i = 0; i < FILTERS_MAX; i++) {
        (void)snprintf(path, sizeof path, "/?match=filter-%u", i);
        clients[i] = listen_to(streamer, path);
    }
    struct websocket_client *refused = websocket_client_open(
        &(struct websocket_options){ .port = program_port(streamer), .path = "/?match=another" });
    assert_int_equal(websocket_client_status(refused), 503);
    websocket_client_destroy(refused);
    struct http_answer answer = http_get_local(program_port(streamer), "/sse?match=another");
    assert_int_equal(answer.status, 503);
    http_answer_free(&answer);
    struct websocket_client *known = listen_to(streamer, path);
    websocket_client_destroy(known);
    for (unsigned i = 0; i < FILTERS_MAX; i++)
        websocket_client_destroy(clients[i]);
}

static void expect_healthy(const struct program *streamer)
{
    uint64_t start_ms = clock_monotonic_ms();
    struct http_answer answer = http_get_local(program_port(streamer), "/healthz");
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
    uint64_t taken_ms = clock_monotonic_ms() - start_ms;
    if (taken_ms > (uint64_t)QUICK_MS * harness_slowdown())
        fail_msg("/healthz took %u ms", (unsigned)taken_ms);
}

/* As many filters as there may be of a kind that lights every place of a large pattern; beside them
 * somebody who wants all. Together they cost what they would take from the others: so some are
 * refused, and those that are not hurt nobody. */
static void costly_filters_hurt_nobody(void **state)
{
    struct streamer_stage *stage = *state;
    static char ids[HOSTILE_ENTRIES][BUILT_ID_SIZE];
    static struct websocket_client *hostile[HOSTILE];
    char path[160];
    size_t let_in = 0;
    struct websocket_client *honest = listen_to(stage->streamer, "/domains-only");
    for (unsigned i = 0; i < HOSTILE; i++) {
        (void)snprintf(path, sizeof path, "/domains-only?regex=.%%7B0,248%%7D!%u", i);
        hostile[i] = websocket_client_open(
            &(struct websocket_options){ .port = program_port(stage->streamer), .path = path });
        let_in += websocket_client_status(hostile[i]) == 101;
    }
    assert_true(let_in > 0);
    for (size_t i = 0; i < HOSTILE_ENTRIES; i++) {
        built_feed_make(stage->redis, &wanted_parts, ids[i]);
        if (i % 50 == 0)
            expect_healthy(stage->streamer);
    }
    expect_ids(honest, ids, HOSTILE_ENTRIES);
    expect_healthy(stage->streamer);
    struct http_answer answer =
        http_get_local(program_port(stage->streamer),
                       "/latest.json?regex=.%7B0,248%7Da&regex=.%7B0,248%7Db&regex=.%7B0,248%7Dc");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(http_answer_text(&answer), "regex costs too much"));
    http_answer_free(&answer);
    for (size_t i = 0; i < HOSTILE; i++)
        websocket_client_destroy(hostile[i]);
    websocket_client_destroy(honest);
}

/* Two logs with the same certificates, in turn, and a streamer that starts in the middle. */
static void a_certificate_comes_once_also_from_a_streamer_that_just_started(void **state)
{
    struct streamer_stage *stage = *state;
    static char ids[ROUNDS][BUILT_ID_SIZE];
    struct websocket_client *early = listen_to(stage->streamer, "/?unique=1");
    struct built_entry built[ROUNDS];
    char repeat[BUILT_ID_SIZE];
    for (size_t i = 0; i < ROUNDS; i++) {
        const struct entry_parts entry = { .number = (uint8_t)i, .names = { NAME("a.example") } };
        build_entry(&built[i], &entry);
    }
    for (size_t i = 0; i < ROUNDS / 2; i++)
        built_feed_add(stage->redis, &built[i], ids[i]);
    struct program *second = streamer_stage_start_another(stage, "second", NULL);
    struct websocket_client *late = listen_to(second, "/?unique=1");
    for (size_t i = 0; i < ROUNDS; i++) {
        if (i >= ROUNDS / 2)
            built_feed_add(stage->redis, &built[i], ids[i]);
        built_feed_add(stage->redis, &built[i], repeat);
    }
    expect_ids(early, ids, ROUNDS);
    expect_ids(late, ids + ROUNDS / 2, ROUNDS / 2);
    struct http_answer answer =
        http_get_local(program_port(second), "/latest.json?unique=1&match=a.example");
    for (size_t i = ROUNDS - 25; i < ROUNDS; i++)
        assert_non_null(strstr(http_answer_text(&answer), ids[i]));
    assert_null(strstr(http_answer_text(&answer), repeat));
    http_answer_free(&answer);
    for (size_t i = 0; i < ROUNDS; i++)
        built_entry_free(&built[i]);
    websocket_client_destroy(early);
    websocket_client_destroy(late);
}

static void answers_look_back_so_far_and_no_farther(void **state)
{
    struct streamer_stage *stage = *state;
    struct built_entry other;
    char id[BUILT_ID_SIZE], unwanted[BUILT_ID_SIZE];
    build_entry(&other, &other_parts);
    built_feed_make(stage->redis, &wanted_parts, id);
    for (size_t i = 0; i < FAR; i++) {
        if (i == NEAR) {
            struct http_answer near = http_get_local(program_port(stage->streamer),
                                                     "/full-stream/example.json?match=wanted");
            assert_int_equal(near.status, 200);
            assert_non_null(strstr(http_answer_text(&near), id));
            assert_non_null(strstr(http_answer_text(&near), "\"as_der\":"));
            http_answer_free(&near);
        }
        built_feed_add(stage->redis, &other, unwanted);
    }
    struct http_answer far =
        http_get_local(program_port(stage->streamer), "/example.json?match=wanted");
    assert_int_equal(far.status, 404);
    http_answer_free(&far);
    far = http_get_local(program_port(stage->streamer), "/latest.json?match=wanted");
    assert_string_equal(http_answer_text(&far), "{\"messages\":[]}");
    http_answer_free(&far);
    built_entry_free(&other);
}

/* Redis is put back to what it once held: what it held since is forgotten, and comes again under
 * other ids. */
static void after_a_rollback_a_certificate_is_new_again(void **state)
{
    struct streamer_stage *stage = *state;
    struct built_entry built;
    char before[BUILT_ID_SIZE], after[BUILT_ID_SIZE], repeat[BUILT_ID_SIZE];
    const struct entry_parts entry = { .names = { NAME("again.example") } };
    build_entry(&built, &entry);
    struct websocket_client *client = listen_to(stage->streamer, "/");
    built_feed_add(stage->redis, &built, before);
    expect_ids(client, &before, 1);
    freeReplyObject(redis_server_command(stage->redis, "DEL %s", CONTRACT_PREFIX ":stream"));
    freeReplyObject(
        redis_server_command(stage->redis, "XADD %s 5-0 json {}", CONTRACT_PREFIX ":stream"));
    freeReplyObject(redis_server_command(stage->redis, "CLIENT KILL TYPE normal SKIPME yes"));
    expect_metric(stage->streamer, "\ncertstream_stream_rollbacks_total 1\n");
    streamer_stage_wait_until_ready(stage->streamer);
    struct websocket_client *unique = listen_to(stage->streamer, "/?unique=1");
    built_feed_add(stage->redis, &built, after);
    built_feed_add(stage->redis, &built, repeat);
    built_feed_make(stage->redis, &other_parts, repeat);
    expect_ids(unique, &after, 1);
    expect_ids(unique, &repeat, 1);
    websocket_client_destroy(unique);
    websocket_client_destroy(client);
    built_entry_free(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(each_stream_has_what_passes_and_nothing_else),
        ON_STREAMER_STAGE(messages_say_what_they_matched),
        ON_STREAMER_STAGE(those_who_ask_for_the_same_share_a_lane),
        ON_STREAMER_STAGE(a_query_is_decoded_once),
        ON_STREAMER_STAGE(a_wrong_filter_is_refused_before_the_upgrade),
        ON_STREAMER_STAGE(one_filter_too_many_is_told_so),
        ON_STREAMER_STAGE(costly_filters_hurt_nobody),
        ON_STREAMER_STAGE(a_certificate_comes_once_also_from_a_streamer_that_just_started),
        ON_STREAMER_STAGE(after_a_rollback_a_certificate_is_new_again),
        ON_STREAMER_STAGE(answers_look_back_so_far_and_no_farther),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
