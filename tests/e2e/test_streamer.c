/* The streamer on a real Redis: its streams, its routes, its port, its end. The test itself writes
 * the stream. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    MANY = 3000,
    LATEST = 25,
    MORE_THAN_LATEST = 50,
};

/* The next message of a stream, heartbeats passed over. */
static cJSON *expect_message(struct websocket_client *client)
{
    const char *text = websocket_client_expect(client, "\"id\":", WAIT_MS);
    cJSON *message = cJSON_Parse(text);
    if (!message)
        fail_msg("no JSON: %.300s", text);
    return message;
}

static const char *text_member(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert_non_null(text);
    return text;
}

static uint64_t index_of(const cJSON *message)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
    return (uint64_t)cJSON_GetObjectItemCaseSensitive(data, "cert_index")->valuedouble;
}

static void greets_a_client_with_a_heartbeat(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const paths[] = { "/", "/full-stream", "/domains-only", "/full-stream/",
                                         "/?dialect=certstream" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct websocket_client *client =
            websocket_client_connect(streamer_stage_port(stage), paths[i]);
        cJSON *message = cJSON_Parse(websocket_client_expect(client, "", WAIT_MS));
        assert_string_equal(text_member(message, "message_type"), "heartbeat");
        assert_true(cJSON_GetObjectItem(message, "timestamp")->valuedouble > 1.6e9);
        cJSON_Delete(message);
        websocket_client_destroy(client);
    }
}

static void each_stream_has_every_entry_in_order(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_put_issuer(stage->redis);
    struct websocket_client *lite = websocket_client_connect(streamer_stage_port(stage), "/");
    struct websocket_client *full =
        websocket_client_connect(streamer_stage_port(stage), "/full-stream");
    struct websocket_client *domains =
        websocket_client_connect(streamer_stage_port(stage), "/domains-only");
    stream_feed_add(stage->redis, 0, MANY, 1000);
    for (uint64_t index = 0; index < MANY; index++) {
        cJSON *message = expect_message(lite);
        assert_int_equal(index_of(message), index);
        cJSON_Delete(message);
        message = expect_message(full);
        assert_int_equal(index_of(message), index);
        cJSON_Delete(message);
        char name[64];
        (void)snprintf(name, sizeof name, "%" PRIu64 ".example", index);
        message = expect_message(domains);
        assert_string_equal(text_member(message, "message_type"), "dns_entries");
        const cJSON *data = cJSON_GetObjectItem(message, "data");
        assert_string_equal(cJSON_GetArrayItem(data, 0)->valuestring, name);
        cJSON_Delete(message);
    }
    websocket_client_destroy(lite);
    websocket_client_destroy(full);
    websocket_client_destroy(domains);
}

static void a_full_message_has_its_certificate_and_its_issuers(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_put_issuer(stage->redis);
    struct websocket_client *client =
        websocket_client_connect(streamer_stage_port(stage), "/full-stream");
    stream_feed_add(stage->redis, 0, 1, 0);
    cJSON *message = expect_message(client);
    const cJSON *data = cJSON_GetObjectItem(message, "data");
    assert_string_equal(text_member(cJSON_GetObjectItem(data, "leaf_cert"), "as_der"), "REVS");
    const cJSON *chain = cJSON_GetObjectItem(data, "chain");
    assert_int_equal(cJSON_GetArraySize(chain), 2);
    assert_string_equal(text_member(cJSON_GetArrayItem(chain, 0), "serial_number"), "01");
    const cJSON *absent = cJSON_GetArrayItem(chain, 1);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(absent, "serial_number")));
    assert_memory_equal(text_member(absent, "sha256"), "22:22:22:", 9);
    cJSON_Delete(message);
    websocket_client_destroy(client);
}

static void what_is_not_of_the_contract_is_passed_over(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = websocket_client_connect(streamer_stage_port(stage), "/");
    stream_feed_add_malformed(stage->redis);
    stream_feed_add(stage->redis, 7, 8, 0);
    cJSON *message = expect_message(client);
    assert_int_equal(index_of(message), 7);
    cJSON_Delete(message);
    websocket_client_destroy(client);
}

static void goes_on_after_redis_lost_what_was_read(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = websocket_client_connect(streamer_stage_port(stage), "/");
    freeReplyObject(redis_server_command(stage->redis, "XADD %s 99999999999999-0 x y",
                                         CONTRACT_PREFIX ":stream"));
    stream_feed_add_malformed(stage->redis);
    freeReplyObject(redis_server_command(stage->redis, "DEL %s", CONTRACT_PREFIX ":stream"));
    redis_server_kill(stage->redis);
    redis_server_restart(stage->redis);
    streamer_stage_wait_until_ready(stage->streamer);
    stream_feed_add(stage->redis, 3, 4, 0);
    cJSON *message = expect_message(client);
    assert_int_equal(index_of(message), 3);
    cJSON_Delete(message);
    websocket_client_destroy(client);
}

static void expect_answer(const struct streamer_stage *stage, const char *path, long status,
                          const char *text)
{
    struct http_answer answer = streamer_stage_get(stage, path);
    assert_int_equal(answer.status, status);
    assert_string_equal(http_answer_text(&answer), text);
    http_answer_free(&answer);
}

static void an_empty_stream_has_no_latest_and_no_example(void **state)
{
    struct streamer_stage *stage = *state;
    static const char none[] = "{\"error\":\"there is no certificate yet\"}";
    expect_answer(stage, "/latest.json", 200, "{\"messages\":[]}");
    expect_answer(stage, "/example.json", 503, none);
    expect_answer(stage, "/full-stream/example.json", 503, none);
    expect_answer(stage, "/domains-only/example.json", 503, none);
    expect_answer(stage, "/nothing", 404, "{\"error\":\"not found\"}");
}

static void latest_is_the_newest_first(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, MORE_THAN_LATEST, 100);
    struct http_answer answer = streamer_stage_get(stage, "/latest.json");
    assert_int_equal(answer.status, 200);
    assert_memory_equal(answer.content_type, "application/json", 16);
    cJSON *latest = cJSON_Parse(http_answer_text(&answer));
    const cJSON *messages = cJSON_GetObjectItem(latest, "messages");
    assert_int_equal(cJSON_GetArraySize(messages), LATEST);
    for (int i = 0; i < LATEST; i++)
        assert_int_equal(index_of(cJSON_GetArrayItem(messages, i)), MORE_THAN_LATEST - 1 - i);
    cJSON_Delete(latest);
    http_answer_free(&answer);
}

static void examples_are_the_newest_message_of_each_stream(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_put_issuer(stage->redis);
    stream_feed_add(stage->redis, 0, 5, 0);
    static const struct {
        const char *path, *part, *not_part;
    } cases[] = {
        { "/example.json", "\"cert_index\":4,", "as_der" },
        { "/full-stream/example.json", "\"as_der\":\"REVS\"},\"chain\":[{\"is_ca\":true,",
          "dns_entries" },
        { "/domains-only/example.json", "\"data\":[\"4.example\"]}", "cert_index" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_answer answer = streamer_stage_get(stage, cases[i].path);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(http_answer_text(&answer), cases[i].part));
        assert_null(strstr(http_answer_text(&answer), cases[i].not_part));
        http_answer_free(&answer);
    }
}

static bool stats_have(const struct streamer_stage *stage, const char *part)
{
    struct http_answer answer = streamer_stage_get(stage, "/stats");
    bool has = strstr(http_answer_text(&answer), part) != NULL;
    http_answer_free(&answer);
    return has;
}

static void wait_for_stats(const struct streamer_stage *stage, const char *part)
{
    struct deadline deadline = deadline_after(WAIT_MS, part);
    while (!stats_have(stage, part))
        deadline_wait(&deadline);
}

static void stats_say_what_flows_to_whom(void **state)
{
    struct streamer_stage *stage = *state;
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    freeReplyObject(
        redis_server_command(stage->redis, "SADD " CONTRACT_PREFIX ":logs %s not-an-id", id));
    freeReplyObject(redis_server_command(stage->redis,
                                         "HSET " CONTRACT_PREFIX ":log:%s url %s next 12", id,
                                         "https://log.example/\"x/"));
    struct websocket_client *client =
        websocket_client_connect(streamer_stage_port(stage), "/domains-only");
    stream_feed_add(stage->redis, 0, 10, 0);
    wait_for_stats(stage, "\"processed_certificates\":10,");
    wait_for_stats(stage, "\"current_users\":{\"lite\":0,\"full\":0,\"domains\":1}");
    wait_for_stats(stage, "\"workers\":{\"https://log.example/\\\"x/\":12}");
    websocket_client_destroy(client);
    wait_for_stats(stage, "\"domains\":0}");
}

static void several_streamers_share_a_port(void **state)
{
    struct streamer_stage *stage = *state;
    char port[16];
    struct program *first = daemon_start_streamer(stage->harness, "first", stage->redis,
                                                  (const char *const[]){ "--share-port", NULL });
    (void)snprintf(port, sizeof port, "%d", program_port(first));
    struct program *second =
        daemon_start_streamer(stage->harness, "second", stage->redis,
                              (const char *const[]){ "--port", port, "--share-port", NULL });
    assert_int_equal(program_port(second), program_port(first));
    /* With one gone, the other has the port to itself. */
    assert_int_equal(program_stop(first), 0);
    struct websocket_client *client = websocket_client_connect(program_port(second), "/");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    websocket_client_destroy(client);
}

static void a_port_is_not_shared_unasked(void **state)
{
    struct streamer_stage *stage = *state;
    char port[16];
    (void)snprintf(port, sizeof port, "%d", streamer_stage_port(stage));
    const char *const arguments[] = { CERTSTREAM_STREAMER,
                                      "--redis",
                                      redis_server_url(stage->redis),
                                      "--listen",
                                      "127.0.0.1",
                                      "--port",
                                      port,
                                      "--share-port",
                                      NULL };
    struct program *second = program_start(
        stage->harness, &(struct program_options){ .name = "second", .arguments = arguments });
    assert_int_equal(program_wait(second, WAIT_MS), 1);
    char *errors = program_errors(second);
    assert_non_null(strstr(errors, port));
    free(errors);
}

static void says_goodbye_to_its_clients(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = websocket_client_connect(streamer_stage_port(stage), "/");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    program_signal(stage->streamer, SIGTERM);
    struct websocket_frame frame;
    assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
    assert_int_equal(frame.opcode, WEBSOCKET_CLOSE);
    static const uint8_t going_away[] = { 1001 >> 8, 1001 & 0xff };
    assert_memory_equal(frame.payload.data, going_away, sizeof going_away);
    /* The client says nothing: that must not hold the streamer up. */
    assert_int_equal(program_wait(stage->streamer, WAIT_MS), 0);
    websocket_client_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(greets_a_client_with_a_heartbeat),
        ON_STREAMER_STAGE(each_stream_has_every_entry_in_order),
        ON_STREAMER_STAGE(a_full_message_has_its_certificate_and_its_issuers),
        ON_STREAMER_STAGE(what_is_not_of_the_contract_is_passed_over),
        ON_STREAMER_STAGE(goes_on_after_redis_lost_what_was_read),
        ON_STREAMER_STAGE(an_empty_stream_has_no_latest_and_no_example),
        ON_STREAMER_STAGE(latest_is_the_newest_first),
        ON_STREAMER_STAGE(examples_are_the_newest_message_of_each_stream),
        ON_STREAMER_STAGE(stats_say_what_flows_to_whom),
        ON_STREAMER_STAGE(several_streamers_share_a_port),
        ON_STREAMER_STAGE(a_port_is_not_shared_unasked),
        ON_STREAMER_STAGE(says_goodbye_to_its_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
