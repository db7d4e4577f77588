/* The routes with a Redis that is not there; what they answer with one is tested end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis/contract.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_link.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/http/http_routes.h"
#include "streamer/loop/loop.h"
#include "streamer/past/certificate_index.h"
#include "streamer/past/history_watch.h"
#include "streamer/past/recent_certificates_keeper.h"
#include "streamer/past/stream_query.h"
#include "streamer/request/request_path.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/log_reports.h"
#include "streamer/stream/reader_lag.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_reader.h"

struct fixture {
    struct contract contract;
    struct redis_link *link;
    struct issuer_cache *issuers;
    struct renderer *renderer;
    struct framer *framer;
    struct lanes *lanes;
    struct recent_entries *recent;
    struct stream_reader *reader;
    struct loop *loop;
    struct stream_queries *queries;
    struct certificate_index *index;
    struct newest *newest;
    struct recent_certificates *certificates;
    struct history_watch *history;
    struct recent_certificates_keeper *keeper;
    struct entry_search *search;
    struct reader_lag *reader_lag;
    struct log_reports *reports;
    struct filter_subject *subject;
    struct http_sources sources;
};

/* A path with its query; alive until the next. */
static struct http_target target_of(const char *text)
{
    static struct query query;
    static uint8_t path_room[512], room[512];
    struct bytes path, fragment;
    size_t size = strcspn(text, "?");
    struct bytes rest = bytes_of_string(text[size] ? text + size + 1 : "");
    assert_true(request_path_read(path_room, bytes_of(text, size), &path));
    query_init(&query);
    while (request_query_take(&rest, room, &fragment))
        assert_true(query_add(&query, fragment));
    return (struct http_target){ .path = path, .query = &query };
}

#define HEX_64 "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789ABCDEF"

#define OURS   CERTIFICATE_DIALECT_CERTSTREAM
#define GO     CERTIFICATE_DIALECT_GO

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
    struct redis_link_options options = {
        .address = &address, .key = "key", .client_name = "test", .timeout_ms = 1000
    };
    struct stream_reader_events events = { 0 };
    fixture.link = redis_link_create(&options);
    fixture.issuers = issuer_cache_create(1 << 20);
    fixture.renderer = renderer_create(fixture.issuers);
    fixture.subject = filter_subject_create(NULL);
    fixture.framer = framer_create(fixture.renderer);
    struct lanes_options lanes = {
        .ring_bytes = 1 << 16,
        .filtered_max = 8,
        .framer = fixture.framer,
    };
    fixture.lanes = lanes_create(&lanes);
    fixture.recent = recent_entries_create();
    fixture.reader =
        stream_reader_create(&fixture.contract, fixture.issuers, fixture.recent, &events);
    fixture.loop = loop_create();
    fixture.queries = stream_queries_create(&(struct stream_queries_options){
        .contract = &fixture.contract, .loop = fixture.loop, .issuers = fixture.issuers });
    stream_queries_start(fixture.queries, fixture.link);
    fixture.newest = newest_create(fixture.queries);
    fixture.certificates = recent_certificates_create(16, 1);
    fixture.index = certificate_index_create();
    fixture.history =
        history_watch_create(&fixture.contract, fixture.link, stream_queries_past(fixture.queries));
    fixture.keeper = recent_certificates_keeper_create(&(struct recent_certificates_keeper_options){
        .queries = fixture.queries,
        .reader = fixture.reader,
        .history = fixture.history,
        .window = fixture.certificates,
        .index = fixture.index,
    });
    fixture.search = entry_search_create(fixture.queries, fixture.certificates, NULL);
    fixture.reader_lag = reader_lag_create(&fixture.contract, fixture.link, fixture.reader);
    fixture.reports = log_reports_create(&fixture.contract, fixture.link);
    fixture.sources = (struct http_sources){
        .newest = fixture.newest,
        .renderer = fixture.renderer,
        .subject = fixture.subject,
        .lanes = fixture.lanes,
        .search = fixture.search,
        .recent_certificates = fixture.certificates,
        .keeper = fixture.keeper,
        .index = fixture.index,
        .loop = fixture.loop,
        .reader_lag = fixture.reader_lag,
        .reports = fixture.reports,
        .reader = fixture.reader,
        .reader_link = fixture.link,
        .query_link = fixture.link,
        .replay_link = fixture.link,
    };
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    redis_link_destroy(fixture->link);
    stream_queries_stop(fixture->queries);
    loop_destroy(fixture->loop);
    log_reports_destroy(fixture->reports);
    reader_lag_destroy(fixture->reader_lag);
    entry_search_destroy(fixture->search);
    recent_certificates_keeper_destroy(fixture->keeper);
    history_watch_destroy(fixture->history);
    recent_certificates_destroy(fixture->certificates);
    certificate_index_destroy(fixture->index);
    newest_destroy(fixture->newest);
    stream_queries_destroy(fixture->queries);
    stream_reader_destroy(fixture->reader);
    recent_entries_destroy(fixture->recent);
    lanes_destroy(fixture->lanes);
    framer_destroy(fixture->framer);
    filter_subject_destroy(fixture->subject);
    renderer_destroy(fixture->renderer);
    issuer_cache_destroy(fixture->issuers);
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
        { "///", 200, "text/html", "CertStream" },
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
        { "/sse?stream=full", 200, "text/event-stream", "" },
        { "/sse?stream=all", 400, "application/json", "stream is lite, full or domains" },
        { "/sse?domian=x", 400, "application/json", "no parameter domian" },
        { "/latest.json?match=x", 503, "application/json", "{\"error\":\"Redis is away\"}" },
        { "/latest.json?type=x", 400, "application/json", "type is precert or cert" },
        { "/latest.json?since=0", 400, "application/json", "no parameter since" },
        { "/full-stream/example.json?match=x", 503, "application/json", "Redis is away" },
        { "/api/logs", 200, "application/json", "{\"logs\":[],\"ingests\":[]}" },
        { "/api/logs/?x=y", 200, "application/json", "{\"logs\":[],\"ingests\":[]}" },
        { "/api/cert", 404, "application/json", "not found" },
        { "/api/cert/", 404, "application/json", "not found" },
        { "/api/cert/12", 400, "application/json", "a fingerprint is" },
        { "/api/cert/zz23456789012345678901234567890123456789", 400, "application/json",
          "a fingerprint is" },
        { "/api/cert/0123456789012345678901234567890123456789", 404, "application/json",
          "no such certificate" },
        { "/api/cert/01:23:45:67:89:01:23:45:67:89:01:23:45:67:89:01:23:45:67:89", 404,
          "application/json", "no such certificate" },
        { "/api/cert/" HEX_64, 404, "application/json", "no such certificate" },
        { "/api/cert/" HEX_64 "/?dialect=go", 404, "application/json", "no such certificate" },
        { "/api/cert/" HEX_64 "00", 400, "application/json", "a fingerprint is" },
        { "/api/cert/" HEX_64 "?match=x", 400, "application/json", "no filters here" },
        { "/metrics", 200, "text/plain; version=0.0.4", "certstream_redis_up{" },
        { "/nothing", 404, "application/json", "{\"error\":\"not found\"}" },
        { "/latest.jso", 404, "application/json", "{\"error\":" },
        { "/latest.json/x", 404, "application/json", "{\"error\":" },
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
    static const char *const live[] = { "/latest.json", "/stats",   "/readyz",   "/healthz",
                                        "/nothing",     "/metrics", "/api/logs", "/sse" };
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

static void a_page_that_is_known_is_not_sent_again(void **state)
{
    struct fixture *fixture = *state;
    struct http_request request;
    char listed[128];
    assert_true(http_request_start(&request, &fixture->sources, target_of("/"), on_answer, NULL));
    const char *tag = request.answer.entity_tag;
    http_request_clear(&request);
    (void)snprintf(listed, sizeof listed, "\"x\", W/%.32s", tag);
    const struct {
        const char *if_none_match;
        int status;
    } cases[] = { { "", 200 }, { "\"x\"", 200 }, { "*", 304 }, { listed, 304 }, { tag, 304 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target target = target_of("/");
        target.if_none_match = bytes_of_string(cases[i].if_none_match);
        assert_true(http_request_start(&request, &fixture->sources, target, on_answer, NULL));
        assert_int_equal(request.answer.status, cases[i].status);
        assert_int_equal(request.answer.body.size > 0, cases[i].status == 200);
        http_request_clear(&request);
    }
}

static void an_upgrade_finds_its_stream(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *target;
        struct render_form form;
        const char *filter;
        int status;
    } cases[] = {
        { "/", { MESSAGE_LITE, OURS }, "", 0 },
        { "/?dialect=certstream", { MESSAGE_LITE, OURS }, "", 0 },
        { "/?dialect=go", { MESSAGE_LITE, GO }, "", 0 },
        { "/?since=0&match=A", { MESSAGE_LITE, OURS }, "match=a", 0 },
        { "/full-stream", { MESSAGE_FULL, OURS }, "", 0 },
        { "/full-stream/?dialect=go&type=cert", { MESSAGE_FULL, GO }, "type=cert", 0 },
        { "/domains-only", { MESSAGE_DOMAINS, OURS }, "", 0 },
        { "/domains-only//?dialect=go", { MESSAGE_DOMAINS, GO }, "", 0 },
        { "/?dialect=Go", { 0 }, NULL, 400 },
        { "/?dialect=", { 0 }, NULL, 400 },
        { "/?x=y", { 0 }, NULL, 400 },
        { "/?stream=full", { 0 }, NULL, 400 },
        { "/latest.json", { 0 }, NULL, 404 },
        { "/sse", { 0 }, NULL, 404 },
        { "/full", { 0 }, NULL, 404 },
        { "/full-streams", { 0 }, NULL, 404 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_request wanted = { 0 };
        struct http_refusal refusal = { 0 };
        bool found =
            http_routes_websocket(&fixture->sources, target_of(cases[i].target), &wanted, &refusal);
        assert_int_equal(found, cases[i].status == 0);
        if (found) {
            expect_form(wanted.form, cases[i].form);
            assert_string_equal(filter_text(wanted.filter), cases[i].filter);
        } else {
            assert_int_equal(refusal.status, cases[i].status);
            assert_true(strlen(refusal.text) > 0);
        }
        stream_request_clear(&wanted);
    }
}

static void a_query_that_is_too_long_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct http_target target = { .path = bytes_of_string("") };
    struct stream_request wanted;
    struct http_refusal refusal;
    assert_false(http_routes_websocket(&fixture->sources, target, &wanted, &refusal));
    assert_int_equal(refusal.status, 400);
    assert_string_equal(refusal.text, "the query is too long");
}

static void the_dialect_of_who_names_none_is_a_setting(void **state)
{
    struct fixture *fixture = *state;
    struct http_sources sources = fixture->sources;
    struct stream_request wanted;
    struct http_refusal refusal;
    sources.dialect = CERTIFICATE_DIALECT_GO;
    assert_true(http_routes_websocket(&sources, target_of("/"), &wanted, &refusal));
    expect_form(wanted.form, (struct render_form){ MESSAGE_LITE, GO });
    stream_request_clear(&wanted);
}

static void events_of_each_stream_can_be_asked_for(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *target;
        struct render_form form;
        bool found;
        int status; /* 0: there are no events */
    } cases[] = {
        { "/sse", { MESSAGE_LITE, OURS }, true, 0 },
        { "/sse/?stream=lite&dialect=go", { MESSAGE_LITE, GO }, true, 0 },
        { "/sse?stream=full&since=0", { MESSAGE_FULL, OURS }, true, 0 },
        { "/sse?stream=domains&match=x", { MESSAGE_DOMAINS, OURS }, true, 0 },
        { "/sse?stream=", { 0 }, false, 400 },
        { "/sse?stream=Full", { 0 }, false, 400 },
        { "/sse?stream=lite&dialect=other", { 0 }, false, 400 },
        { "/", { 0 }, false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_request wanted = { 0 };
        struct http_refusal refusal;
        bool found =
            http_routes_sse(&fixture->sources, target_of(cases[i].target), &wanted, &refusal);
        assert_int_equal(found, cases[i].found);
        if (found)
            expect_form(wanted.form, cases[i].form);
        else
            assert_int_equal(refusal.status, cases[i].status);
        stream_request_clear(&wanted);
    }
}

static void stats_count_the_listeners_of_each_stream(void **state)
{
    struct fixture *fixture = *state;
    static const struct lane_key keys[] = {
        { { MESSAGE_FULL, OURS }, FRAMING_WEBSOCKET, NULL },
        { { MESSAGE_DOMAINS, OURS }, FRAMING_WEBSOCKET_DEFLATED, NULL },
        { { MESSAGE_DOMAINS, GO }, FRAMING_SSE, NULL },
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
        cmocka_unit_test_setup_teardown(a_page_that_is_known_is_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_finds_its_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(a_query_that_is_too_long_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_dialect_of_who_names_none_is_a_setting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_of_each_stream_can_be_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(stats_count_the_listeners_of_each_stream, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
