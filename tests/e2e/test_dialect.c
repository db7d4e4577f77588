/* The go dialect from log to client: the same certificates as in ours, in the other server's
 * words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/http_get.h"
#include "tests/support/websocket_client.h"

enum {
    ENTRIES = 50,
    LOGS = 2,
    WAIT_MS = 60000
};

struct parts {
    struct streamer_stage stage;
    struct program *ct_log;
};

static int setup(void **state)
{
    struct parts *parts = streamer_stage_create(sizeof *parts);
    *state = parts;
    streamer_stage_start(&parts->stage, NULL);
    const char *const ct_log[] = { "--size", "50", "--seed", "dialect", NULL };
    parts->ct_log = daemon_start_ct_log(parts->stage.harness, "ct_log", ct_log);
    return 0;
}

static const cJSON *at(const cJSON *object, const char *first, const char *second)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, first);
    return second ? cJSON_GetObjectItemCaseSensitive(found, second) : found;
}

static const char *text_at(const cJSON *object, const char *first, const char *second)
{
    const char *text = cJSON_GetStringValue(at(object, first, second));
    assert_non_null(text);
    return text;
}

static cJSON *parse(const char *text)
{
    cJSON *message = cJSON_Parse(text);
    assert_non_null(message);
    return message;
}

/* One entry, as all four clients got it. */
static void compare(struct websocket_client *ours, struct websocket_client *full,
                    struct websocket_client *lite, struct websocket_client *domains)
{
    cJSON *our_message = parse(websocket_client_expect(ours, "certificate_update", WAIT_MS));
    const char *text = websocket_client_expect(full, "certificate_update", WAIT_MS);
    assert_memory_equal(text, "{\"data\":{\"cert_index\":", 22);
    assert_int_equal(text[strlen(text) - 1], '\n');
    cJSON *message = parse(text);
    const cJSON *our_data = at(our_message, "data", NULL);
    const cJSON *data = at(message, "data", NULL);
    assert_null(at(message, "id", NULL));
    assert_int_equal(at(data, "cert_index", NULL)->valueint,
                     at(our_data, "cert_index", NULL)->valueint);
    assert_string_equal(text_at(data, "leaf_cert", "as_der"),
                        text_at(our_data, "leaf_cert", "as_der"));
    assert_string_equal(text_at(data, "source", "name"), text_at(our_data, "source", "name"));
    const cJSON *chain = at(data, "chain", NULL), *our_chain = at(our_data, "chain", NULL);
    assert_int_equal(cJSON_GetArraySize(chain), cJSON_GetArraySize(our_chain));
    for (int i = 0; i < cJSON_GetArraySize(chain); i++)
        assert_string_equal(text_at(cJSON_GetArrayItem(chain, i), "as_der", NULL),
                            text_at(cJSON_GetArrayItem(our_chain, i), "as_der", NULL));
    const char *url = text_at(data, "source", "url");
    assert_int_not_equal(url[strlen(url) - 1], '/');
    cJSON *lite_message = parse(websocket_client_expect(lite, "certificate_update", WAIT_MS));
    assert_null(at(at(lite_message, "data", NULL), "leaf_cert", "as_der"));
    assert_true(cJSON_Compare(at(at(lite_message, "data", NULL), "leaf_cert", "subject"),
                              at(data, "leaf_cert", "subject"), true));
    cJSON *names = parse(websocket_client_expect(domains, "dns_entries", WAIT_MS));
    assert_true(cJSON_Compare(at(names, "data", NULL), at(data, "leaf_cert", "all_domains"), true));
    cJSON_Delete(names);
    cJSON_Delete(lite_message);
    cJSON_Delete(message);
    cJSON_Delete(our_message);
}

static void both_dialects_have_the_same_certificates(void **state)
{
    struct parts *parts = *state;
    int port = program_port(parts->stage.streamer);
    struct websocket_client *ours = websocket_client_connect(port, "/full-stream");
    struct websocket_client *full = websocket_client_connect(port, "/full-stream?dialect=go");
    struct websocket_client *lite = websocket_client_connect(port, "/?dialect=go");
    struct websocket_client *domains = websocket_client_connect(port, "/domains-only/?dialect=go");
    const char *const arguments[] = { "--start", "0", NULL };
    (void)daemon_start_ingest(parts->stage.harness, "ingest", parts->stage.redis, parts->ct_log,
                              arguments);
    for (int i = 0; i < ENTRIES * LOGS; i++)
        compare(ours, full, lite, domains);
    struct http_answer answer = http_get_local(port, "/example.json?dialect=go");
    assert_int_equal(answer.status, 200);
    assert_memory_equal(http_answer_text(&answer), "{\"data\":{\"cert_index\":", 22);
    http_answer_free(&answer);
    websocket_client_destroy(ours);
    websocket_client_destroy(full);
    websocket_client_destroy(lite);
    websocket_client_destroy(domains);
}

static void an_unknown_dialect_is_refused(void **state)
{
    struct parts *parts = *state;
    int port = program_port(parts->stage.streamer);
    struct websocket_client *client = websocket_client_open(
        &(struct websocket_options){ .port = port, .path = "/?dialect=cobol" });
    assert_int_equal(websocket_client_status(client), 400);
    websocket_client_destroy(client);
    struct http_answer answer = http_get_local(port, "/latest.json?dialect=cobol");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(http_answer_text(&answer), "dialect"));
    http_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_dialects_have_the_same_certificates, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(an_unknown_dialect_is_refused, setup,
                                        streamer_stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
