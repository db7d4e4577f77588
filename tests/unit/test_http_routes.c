/* The routes with a Redis that is not there; what they answer with one is tested end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/contract.h"
#include "shared/redis_address.h"
#include "shared/redis_link.h"
#include "streamer/http_routes.h"
#include "streamer/issuers.h"
#include "streamer/log_positions.h"
#include "streamer/stream_reader.h"

struct fixture {
    struct contract contract;
    struct redis_link *link;
    struct issuers *issuers;
    struct renderer *renderer;
    struct framer *framer;
    struct lanes *lanes;
    struct stream_reader *reader;
    struct newest *newest;
    struct log_positions *positions;
    struct http_sources sources;
};

static struct http_target target_of(const char *path)
{
    return (struct http_target){ .path = bytes_of_string(path) };
}

#define OURS CERTIFICATE_DIALECT_CERTSTREAM
#define GO   CERTIFICATE_DIALECT_GO

static void expect_form(struct render_form form, struct render_form expected)
{
    assert_int_equal(form.content, expected.content);
    assert_int_equal(form.dialect, expected.dialect);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct redis_address address;
    assert_true(contract_init(&fixture.contract, CONTRACT_PREFIX));
    assert_null(redis_address_parse(&address, "unix:///nowhere"));
    struct redis_link_options options = { .address = &address,
                                          .client_name = "test",
                                          .timeout_ms = 1000 };
    struct stream_reader_events events = { 0 };
    fixture.link = redis_link_create(&options);
    fixture.issuers = issuers_create(1 << 20);
    fixture.renderer = renderer_create(fixture.issuers);
    fixture.framer = framer_create(fixture.renderer);
    fixture.lanes = lanes_create(1 << 16, fixture.framer);
    fixture.reader = stream_reader_create(&fixture.contract, fixture.issuers, &events);
    fixture.newest = newest_create(&fixture.contract, fixture.issuers, fixture.link);
    fixture.positions = log_positions_create(&fixture.contract, fixture.link);
    fixture.sources = (struct http_sources){
        .newest = fixture.newest,
        .renderer = fixture.renderer,
        .lanes = fixture.lanes,
        .positions = fixture.positions,
        .reader = fixture.reader,
        .reader_link = fixture.link,
        .query_link = fixture.link,
    };
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    redis_link_destroy(fixture->link);
    log_positions_destroy(fixture->positions);
    newest_destroy(fixture->newest);
    stream_reader_destroy(fixture->reader);
    lanes_destroy(fixture->lanes);
    framer_destroy(fixture->framer);
    renderer_destroy(fixture->renderer);
    issuers_destroy(fixture->issuers);
    return 0;
}

static void on_answer(struct http_request *request, void *context)
{
    (void)request;
    (void)context;
    fail_msg("an answer came later");
}

static void every_path_has_its_answer(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path;
        int status;
        const char *type, *part;
    } cases[] = {
        { "/", 200, "text/html", "<!doctype html>" },
        { "", 200, "text/html", "CertStream" },
        { "/healthz", 200, "application/json", "{\"alive\":true}" },
        { "/healthz/", 200, "application/json", "{\"alive\":true}" },
        { "/readyz", 503, "application/json", "{\"ready\":false,\"reason\":\"Redis is away\"" },
        { "/stats", 200, "application/json",
          "{\"processed_certificates\":0,\"current_users\":{\"lite\":0,\"full\":0,\"domains\":0},"
          "\"workers\":{}}" },
        { "/latest.json", 503, "application/json", "{\"error\":\"Redis is away\"}" },
        { "/example.json", 503, "application/json", "{\"error\":\"Redis is away\"}" },
        { "/full-stream/example.json", 503, "application/json", "{\"error\":\"Redis is away\"}" },
        { "/domains-only/example.json", 503, "application/json", "{\"error\":\"Redis is away\"}" },
        { "/full-stream", 426, "application/json", "{\"error\":" },
        { "/domains-only/", 426, "application/json", "{\"error\":" },
        { "/sse", 200, "text/event-stream", "" },
        { "/nothing", 404, "application/json", "{\"error\":\"not found\"}" },
        { "/latest.jso", 404, "application/json", "{\"error\":" },
        { "/latest.json/x", 404, "application/json", "{\"error\":" },
        { "latest.json", 404, "application/json", "{\"error\":" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request;
        assert_true(http_request_start(&request, &fixture->sources, target_of(cases[i].path),
                                       on_answer, NULL));
        assert_int_equal(request.answer.status, cases[i].status);
        assert_memory_equal(request.answer.content_type, cases[i].type, strlen(cases[i].type));
        buffer_append_byte(&request.answer.body, '\0');
        assert_non_null(strstr((const char *)request.answer.body.data, cases[i].part));
        http_request_clear(&request);
    }
}

static void only_the_page_may_be_stored(void **state)
{
    struct fixture *fixture = *state;
    static const char *const live[] = { "/latest.json", "/stats", "/readyz", "/healthz",
                                        "/nothing" };
    struct http_request request;
    assert_true(http_request_start(&request, &fixture->sources, target_of("/"), on_answer, NULL));
    assert_false(request.answer.is_live);
    http_request_clear(&request);
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
        assert_true(
            http_request_start(&request, &fixture->sources, target_of(live[i]), on_answer, NULL));
        assert_true(request.answer.is_live);
        http_request_clear(&request);
    }
}

static void an_upgrade_finds_its_form(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path;
        const char *dialect;
        struct render_form form;
        int status;
    } cases[] = {
        { "/", NULL, { LANE_LITE, OURS }, 0 },
        { "/", "certstream", { LANE_LITE, OURS }, 0 },
        { "/", "go", { LANE_LITE, GO }, 0 },
        { "/full-stream", NULL, { LANE_FULL, OURS }, 0 },
        { "/full-stream/", "go", { LANE_FULL, GO }, 0 },
        { "/domains-only", NULL, { LANE_DOMAINS, OURS }, 0 },
        { "/domains-only//", "go", { LANE_DOMAINS, GO }, 0 },
        { "/", "Go", { 0 }, 400 },
        { "/", "", { 0 }, 400 },
        { "/latest.json", NULL, { 0 }, 404 },
        { "/full", NULL, { 0 }, 404 },
        { "/full-streams", NULL, { 0 }, 404 },
        { "?", NULL, { 0 }, 404 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target target = target_of(cases[i].path);
        int status = 0;
        const char *text = NULL;
        if (cases[i].dialect)
            target.dialect = bytes_of_string(cases[i].dialect);
        struct render_form form = { 0 };
        bool found = http_routes_websocket(&fixture->sources, target, &form, &status, &text);
        assert_int_equal(found, cases[i].status == 0);
        if (found)
            expect_form(form, cases[i].form);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(text != NULL, status != 0);
    }
}

static void the_dialect_of_who_names_none_is_a_setting(void **state)
{
    struct fixture *fixture = *state;
    struct http_sources sources = fixture->sources;
    int status;
    const char *text;
    sources.dialect = CERTIFICATE_DIALECT_GO;
    struct render_form form = { 0 };
    assert_true(http_routes_websocket(&sources, target_of("/"), &form, &status, &text));
    expect_form(form, (struct render_form){ LANE_LITE, GO });
}

static void events_of_each_stream_can_be_asked_for(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *stream, *dialect;
        struct render_form form;
        int status;
    } cases[] = {
        { NULL, NULL, { LANE_LITE, OURS }, 0 },
        { "lite", "go", { LANE_LITE, GO }, 0 },
        { "full", NULL, { LANE_FULL, OURS }, 0 },
        { "domains", NULL, { LANE_DOMAINS, OURS }, 0 },
        { "", NULL, { 0 }, 400 },
        { "Full", NULL, { 0 }, 400 },
        { "lite", "other", { 0 }, 400 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target target = target_of("/sse");
        struct render_form form = { 0 };
        int status = 0;
        const char *text = NULL;
        if (cases[i].stream)
            target.stream = bytes_of_string(cases[i].stream);
        if (cases[i].dialect)
            target.dialect = bytes_of_string(cases[i].dialect);
        bool found = http_routes_sse(&fixture->sources, target, &form, &status, &text);
        assert_int_equal(found, cases[i].status == 0);
        assert_int_equal(status, cases[i].status);
        if (found)
            expect_form(form, cases[i].form);
    }
    assert_true(http_routes_is_sse(bytes_of_string("/sse/")));
    assert_false(http_routes_is_sse(bytes_of_string("/")));
}

static void stats_count_the_listeners_of_each_stream(void **state)
{
    struct fixture *fixture = *state;
    static const struct lane_key keys[] = {
        { { LANE_FULL, OURS }, FRAMING_WEBSOCKET },
        { { LANE_DOMAINS, OURS }, FRAMING_WEBSOCKET_DEFLATED },
        { { LANE_DOMAINS, GO }, FRAMING_SSE },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        (void)lanes_join(fixture->lanes, &keys[i], (struct stream_id){ 0 });
    struct http_request request;
    assert_true(
        http_request_start(&request, &fixture->sources, target_of("/stats"), on_answer, NULL));
    buffer_append_byte(&request.answer.body, '\0');
    assert_non_null(
        strstr((const char *)request.answer.body.data, "{\"lite\":0,\"full\":1,\"domains\":2}"));
    http_request_clear(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_path_has_its_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_page_may_be_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_finds_its_form, setup, teardown),
        cmocka_unit_test_setup_teardown(the_dialect_of_who_names_none_is_a_setting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_of_each_stream_can_be_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(stats_count_the_listeners_of_each_stream, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
