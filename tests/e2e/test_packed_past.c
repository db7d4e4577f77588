/*
 * The past is the same whether Redis holds it as it came or packed: every stream, byte for byte,
 * from every place; and what is lost of it is told. CERTSTREAM_CLIENTS (40) and CERTSTREAM_MESSAGES
 * (3000) set the size of the run in which entries are packed under clients that come back.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/redis/contract.h"
#include "shared/x509/certificate.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/packed_feed.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"
#include "tests/unit/certificate_builder.h"

enum {
    WAIT_MS = 60000,
    LIMIT = 1 << 20,
    ENTRIES = 700, /* several pages */
    BLOCK = 150,
    COPIES = 3, /* of a certificate, in as many logs */
    ID_SIZE = STREAM_ID_TEXT_SIZE,
    FRAMES_MAX = 64 << 20,
};

#define STREAM  CONTRACT_PREFIX ":stream"
#define HISTORY CONTRACT_PREFIX ":history"

/* An entry as ingest writes it: the certificate `number` / COPIES in the log `number` % COPIES. */
struct made_entry {
    struct buffer der, json, domains;
    char log[2 * SHA256_SIZE + 1];
    char tbs[2 * SHA256_SIZE + 1];
    char sha256[2 * SHA256_SIZE + 1];
};

static void make_entry(struct made_entry *made, uint64_t number)
{
    static const char *const base64[COPIES] = { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                                "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
                                                "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=" };
    uint8_t log[SHA256_SIZE];
    struct certificate *certificate = certificate_create();
    const struct message_source source = {
        .name = "Example \"Oak\" log",
        .url = "https://oak.example/2026/",
        .operator_name = number % COPIES ? "Another Operator" : "Example Operator",
        .log_id_base64 = base64[number % COPIES],
        .is_tiled = number % COPIES == 1,
    };
    const struct message_entry entry = {
        .source = &source,
        .index = number,
        .timestamp_ms = 1700000000000 + number,
        .seen_ms = 1700000001250 + number,
        .is_precertificate = number % 7 == 0,
        .chain = (enum message_chain)(number % 3),
        .parse_error = number % 50 == 0 ? "it is odd" : NULL,
    };
    buffer_init(&made->der, LIMIT);
    buffer_init(&made->json, LIMIT);
    buffer_init(&made->domains, LIMIT);
    memset(log, (int)(number % COPIES), sizeof log);
    hex_encode(made->log, bytes_of(log, sizeof log));
    build_ordinary_certificate(&made->der, number / COPIES, 1 + number / COPIES % 4);
    assert_true(certificate_parse(certificate, buffer_bytes(&made->der)));
    message_write(&made->json, &entry, certificate);
    certificate_json_write_domains(&made->domains, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    hex_encode(made->tbs, bytes_of(certificate_tbs_sha256(certificate), SHA256_SIZE));
    hex_encode(made->sha256, bytes_of(certificate_sha256(certificate), SHA256_SIZE));
    certificate_destroy(certificate);
}

static void free_entry(struct made_entry *made)
{
    buffer_free(&made->der);
    buffer_free(&made->json);
    buffer_free(&made->domains);
}

static void add_entries(struct redis_server *redis, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++) {
        struct made_entry made;
        make_entry(&made, number);
        freeReplyObject(redis_server_command(
            redis, "XADD " STREAM " * json %b domains %b der %b chain %s log %s index %llu tbs %s",
            made.json.data, made.json.size, made.domains.data, made.domains.size, made.der.data,
            made.der.size, number % 2 ? STREAM_FEED_ISSUER : "", made.log,
            (unsigned long long)number, made.tbs));
        free_entry(&made);
    }
}

/* All text frames that the stream has of the past, one behind the other, up to the entry before
 * `end`; owned by the caller. */
static struct buffer collect_frames(const struct program *streamer, const char *path,
                                    const char *last)
{
    struct buffer all;
    struct websocket_frame frame;
    struct websocket_client *client = websocket_client_connect(program_port(streamer), path);
    buffer_init(&all, FRAMES_MAX);
    for (bool is_end = false; !is_end;) {
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
        if (frame.opcode != WEBSOCKET_TEXT ||
            memmem(frame.payload.data, frame.payload.size, "\"heartbeat\"", 11))
            continue;
        buffer_append_bytes(&all, frame.payload);
        buffer_append_byte(&all, '\n');
        is_end = memmem(frame.payload.data, frame.payload.size, last, strlen(last));
    }
    websocket_client_destroy(client);
    return all;
}

/* The first text after which nothing of these comes. The last certificate's names are its own. */
static const char *const paths[] = {
    "/?since=0",
    "/full-stream?since=0",
    "/domains-only?since=0",
    "/?since=0&dialect=go",
    "/full-stream?since=0&dialect=go",
    "/domains-only?since=0&dialect=go",
    "/?since=0&unique=1",
    "/?since=0&unique=pair",
    "/?since=0&operator=Another*",
    "/domains-only?since=0&match=customer-1",
    "/domains-only?since=0&regex=customer-[0-9]*8&type=cert",
};

enum {
    PATHS = sizeof paths / sizeof *paths
};

/* One more, which every filter of these lets through. */
static void add_last(struct redis_server *redis)
{
    /* customer-199998, no precertificate, of the second log. */
    add_entries(redis, 199998 * COPIES + 1, 199998 * COPIES + 2);
}

static void every_stream_is_what_it_was_byte_for_byte(void **state)
{
    struct streamer_stage *stage = *state;
    struct buffer before[PATHS];
    struct packed_feed *feed = packed_feed_create(stage->redis);
    stream_feed_put_issuer(stage->redis);
    add_entries(stage->redis, 0, ENTRIES);
    /* What no ingest writes, and what is no certificate, has its place as well. */
    stream_feed_add_malformed(stage->redis);
    freeReplyObject(redis_server_command(stage->redis, "XADD " STREAM " * control {} log x"));
    add_last(stage->redis);
    streamer_stage_start(stage, NULL);
    for (size_t i = 0; i < PATHS; i++)
        before[i] = collect_frames(stage->streamer, paths[i], "customer-199998");
    for (size_t left = ENTRIES; left > 0;) {
        left -= packed_feed_pack(feed, left < BLOCK ? left : BLOCK, false);
        if (left < ENTRIES / 2)
            packed_feed_begin_generation(feed);
    }
    assert_int_equal(packed_feed_pack(feed, 2, true), 2);
    /* All but the last. */
    struct program *other = streamer_stage_start_another(stage, "other", NULL);
    for (size_t i = 0; i < PATHS; i++) {
        struct buffer after = collect_frames(other, paths[i], "customer-199998");
        if (!bytes_equal(buffer_bytes(&before[i]), buffer_bytes(&after)))
            fail_msg("%s: %zu bytes before, %zu packed", paths[i], before[i].size, after.size);
        buffer_free(&after);
        buffer_free(&before[i]);
    }
    packed_feed_destroy(feed);
}

static void answers_look_into_both(void **state)
{
    struct streamer_stage *stage = *state;
    struct packed_feed *feed = packed_feed_create(stage->redis);
    add_entries(stage->redis, 0, 100);
    assert_int_equal(packed_feed_pack(feed, 40, false), 40);
    assert_int_equal(packed_feed_pack(feed, 50, false), 50);
    streamer_stage_start(stage, NULL);
    /* Ten are in the stream, fifteen in the second block. */
    struct http_answer answer = streamer_stage_get(stage, "/latest.json");
    const char *at = http_answer_text(&answer);
    for (uint64_t number = 100; number-- > 75;) {
        assert_int_equal(harness_number_after(at, "\"cert_index\":"), number);
        at = strstr(at, "\"cert_index\":") + 1;
    }
    assert_null(strstr(at, "\"cert_index\":"));
    http_answer_free(&answer);
    /* Of a certificate in the first block. */
    answer = streamer_stage_get(stage, "/latest.json?match=customer-5.");
    assert_int_equal(answer.status, 200);
    at = http_answer_text(&answer);
    for (uint64_t number = 18; number-- > 15;) {
        assert_int_equal(harness_number_after(at, "\"cert_index\":"), number);
        at = strstr(at, "\"cert_index\":") + 1;
    }
    http_answer_free(&answer);
    for (uint64_t number = 0; number < 100; number += 9) {
        struct made_entry made;
        char path[128];
        make_entry(&made, number);
        (void)snprintf(path, sizeof path, "/api/cert/%s", made.sha256);
        answer = streamer_stage_get(stage, path);
        assert_int_equal(answer.status, 200);
        /* The newest copy. */
        uint64_t newest = number / COPIES * COPIES + COPIES - 1;
        assert_int_equal(harness_number_after(http_answer_text(&answer), "\"cert_index\":"),
                         newest < 100 ? newest : 99);
        http_answer_free(&answer);
        free_entry(&made);
    }
    assert_true(http_get_metric(program_port(stage->streamer), "certstream_history_entries_total") >
                0);
    packed_feed_destroy(feed);
}

/* The ids of all entries by number, as they were before anything was packed. */
static char (*stream_ids(struct redis_server *redis, uint64_t count))[ID_SIZE]
{
    char(*ids)[ID_SIZE] = memory_allocate_zeroed(count, sizeof *ids);
    redisReply *reply = redis_server_command(redis, "XRANGE " STREAM " - +");
    assert_int_equal(reply->elements, count);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(ids[i], sizeof ids[i], "%s", reply->element[i]->element[0]->str);
    freeReplyObject(reply);
    return ids;
}

static struct websocket_client *open_since(const struct program *streamer, const char *path,
                                           const char *id)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s?since=%s", path, id);
    return websocket_client_connect(program_port(streamer), text);
}

static void expect_numbers(struct websocket_client *client, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++)
        assert_int_equal(harness_number_after(websocket_client_expect_message(client, WAIT_MS),
                                              "\"cert_index\":"),
                         number);
}

static void what_is_trimmed_or_damaged_is_a_gap(void **state)
{
    struct streamer_stage *stage = *state;
    struct packed_feed *feed = packed_feed_create(stage->redis);
    add_entries(stage->redis, 0, 500);
    char(*ids)[ID_SIZE] = stream_ids(stage->redis, 500);
    for (int i = 0; i < 4; i++) {
        packed_feed_begin_generation(feed);
        assert_int_equal(packed_feed_pack(feed, 100, false), 100);
    }
    packed_feed_trim(feed);
    /* The third block: its last frame is not what it was. */
    long long size =
        redis_server_integer(stage->redis, "STRLEN " CONTRACT_PREFIX ":block:%s", ids[299]);
    freeReplyObject(redis_server_command(stage->redis,
                                         "SETRANGE " CONTRACT_PREFIX ":block:%s %lld xxxxxxxxxx",
                                         ids[299], size - 50));
    streamer_stage_start(stage, NULL);
    struct websocket_client *client = open_since(stage->streamer, "/", ids[20]);
    const char *text = websocket_client_expect_message(client, WAIT_MS);
    assert_non_null(strstr(text, "\"message_type\":\"gap\""));
    assert_non_null(strstr(text, "\"missed\":null"));
    expect_numbers(client, 100, 200);
    text = websocket_client_expect_message(client, WAIT_MS);
    assert_non_null(strstr(text, "\"message_type\":\"gap\""));
    assert_int_equal(harness_number_after(text, "\"missed\":"), 100);
    assert_non_null(strstr(text, ids[299]));
    expect_numbers(client, 300, 500);
    websocket_client_destroy(client);
    program_wait_for_errors(stage->streamer, "a block of history is damaged");
    assert_true(http_get_metric(program_port(stage->streamer),
                                "certstream_history_lost_entries_total") >= 100);
    free(ids);
    packed_feed_destroy(feed);
}

static void wait_for_readiness(const struct program *streamer, long status, const char *part)
{
    struct deadline deadline = deadline_after(WAIT_MS, part);
    for (bool is_there = false; !is_there;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/readyz");
        is_there = answer.status == status && strstr(http_answer_text(&answer), part);
        http_answer_free(&answer);
        if (!is_there)
            deadline_wait(&deadline);
    }
}

static void an_unknown_format_is_told(void **state)
{
    struct streamer_stage *stage = *state;
    struct packed_feed *feed = packed_feed_create(stage->redis);
    add_entries(stage->redis, 0, 30);
    char(*ids)[ID_SIZE] = stream_ids(stage->redis, 30);
    assert_int_equal(packed_feed_pack(feed, 10, false), 10);
    freeReplyObject(redis_server_command(stage->redis,
                                         "XADD " HISTORY " %s first %s count 10 "
                                         "ordinal 11 generation %s size 5 format 77",
                                         ids[19], ids[10], ids[10]));
    freeReplyObject(
        redis_server_command(stage->redis, "SET " CONTRACT_PREFIX ":block:%s CTHB?", ids[19]));
    freeReplyObject(redis_server_command(stage->redis, "XTRIM " STREAM " MINID %s", ids[20]));
    stage->streamer = daemon_start_streamer(stage->harness, "streamer", stage->redis, NULL);
    wait_for_readiness(stage->streamer, 503, "of a format that this version does not know");
    struct websocket_client *client = open_since(stage->streamer, "/", ids[4]);
    expect_numbers(client, 5, 10);
    const char *text = websocket_client_expect_message(client, WAIT_MS);
    assert_int_equal(harness_number_after(text, "\"missed\":"), 10);
    expect_numbers(client, 20, 30);
    websocket_client_destroy(client);
    freeReplyObject(redis_server_command(stage->redis, "DEL " HISTORY));
    wait_for_readiness(stage->streamer, 200, "\"ready\":true");
    free(ids);
    packed_feed_destroy(feed);
}

/* What it had not read is packed when it goes on. */
static void a_streamer_that_stood_still_misses_nothing(void **state)
{
    struct streamer_stage *stage = *state;
    struct packed_feed *feed = packed_feed_create(stage->redis);
    harness_expect_work(stage->harness, "it has just gone on");
    add_entries(stage->redis, 0, 10);
    streamer_stage_start(stage, NULL);
    struct websocket_client *live =
        websocket_client_connect(streamer_stage_port(stage), "/?since=0");
    expect_numbers(live, 0, 10);
    program_signal(stage->streamer, SIGSTOP);
    add_entries(stage->redis, 10, 400);
    assert_int_equal(packed_feed_pack(feed, 300, false), 300);
    program_signal(stage->streamer, SIGCONT);
    expect_numbers(live, 10, 400);
    add_entries(stage->redis, 400, 450);
    expect_numbers(live, 400, 450);
    assert_int_equal(
        http_get_metric(program_port(stage->streamer), "certstream_stream_missed_total"), 0);
    assert_true(http_get_metric(program_port(stage->streamer),
                                "certstream_stream_packed_breaks_total") > 0);
    streamer_stage_wait_until_ready(stage->streamer);
    websocket_client_destroy(live);
    packed_feed_destroy(feed);
}

struct returner {
    struct websocket_client *client;
    uint64_t next;
};

struct crowd {
    struct streamer_stage *stage;
    struct program *streamers[2];
    struct returner *all;
    size_t count;
    uint64_t messages;
    char (*ids)[ID_SIZE];
};

/* The first half of what there is is nobody's: who is new begins somewhere in it. */
static void begin_somewhere(const struct crowd *crowd, struct returner *one)
{
    one->next = 1 + harness_random(crowd->stage->harness, crowd->messages / 2);
}

/* Gets some, and perhaps goes away. True when it has had all. */
static bool take_some(const struct crowd *crowd, struct returner *one)
{
    struct harness *harness = crowd->stage->harness;
    if (one->next == crowd->messages)
        return true;
    uint64_t to = one->next + harness_random(harness, crowd->messages / 5);
    if (to > crowd->messages)
        to = crowd->messages;
    if (!one->client)
        one->client = open_since(crowd->streamers[harness_random(harness, 2)], "/",
                                 crowd->ids[one->next - 1]);
    expect_numbers(one->client, one->next, to);
    one->next = to;
    if (to < crowd->messages && harness_random(harness, 3) > 0)
        return false;
    websocket_client_destroy(one->client);
    one->client = NULL;
    return to == crowd->messages;
}

static bool let_all_take_some(const struct crowd *crowd)
{
    size_t done = 0;
    for (size_t i = 0; i < crowd->count; i++)
        done += take_some(crowd, &crowd->all[i]);
    return done == crowd->count;
}

/* Who has had some comes back with its id, to one streamer or the other; Redis is full for a while:
 * it takes no transactions then. */
static void whoever_comes_back_while_it_is_packed_gets_each_once(void **state)
{
    struct streamer_stage *stage = *state;
    struct packed_feed *feed = packed_feed_create(stage->redis);
    struct crowd crowd = {
        .stage = stage,
        .messages = harness_setting("CERTSTREAM_MESSAGES", 3000),
        .count = (size_t)harness_setting("CERTSTREAM_CLIENTS", 40),
    };
    add_entries(stage->redis, 0, crowd.messages);
    crowd.ids = stream_ids(stage->redis, crowd.messages);
    crowd.all = memory_allocate_zeroed(crowd.count, sizeof *crowd.all);
    for (size_t i = 0; i < crowd.count; i++)
        begin_somewhere(&crowd, &crowd.all[i]);
    streamer_stage_start(stage, NULL);
    crowd.streamers[0] = stage->streamer;
    crowd.streamers[1] = streamer_stage_start_another(stage, "other", NULL);
    uint64_t packed = 0;
    for (bool is_done = false; !is_done;) {
        if (packed + BLOCK < crowd.messages)
            packed += packed_feed_pack(feed, BLOCK / 2 + harness_random(stage->harness, BLOCK / 2),
                                       false);
        if (harness_random(stage->harness, 4) == 0)
            packed_feed_begin_generation(feed);
        bool is_full = harness_random(stage->harness, 4) == 0;
        freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory %d", is_full));
        is_done = let_all_take_some(&crowd);
        freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    }
    print_message("%zu clients, %" PRIu64 " entries, %" PRIu64 " packed\n", crowd.count,
                  crowd.messages, packed);
    free(crowd.all);
    free(crowd.ids);
    packed_feed_destroy(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(every_stream_is_what_it_was_byte_for_byte),
        ON_STREAMER_STAGE_REDIS(answers_look_into_both),
        ON_STREAMER_STAGE_REDIS(what_is_trimmed_or_damaged_is_a_gap),
        ON_STREAMER_STAGE_REDIS(an_unknown_format_is_told),
        ON_STREAMER_STAGE_REDIS(a_streamer_that_stood_still_misses_nothing),
        ON_STREAMER_STAGE_REDIS(whoever_comes_back_while_it_is_packed_gets_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
