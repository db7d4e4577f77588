#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/lanes/stream_request.h"

static const struct stream_route websocket = {
    .form = { MESSAGE_FULL, CERTIFICATE_DIALECT_CERTSTREAM }, .takes_since = true
};
static const struct stream_route events = { .takes_stream = true,
                                            .takes_since = true,
                                            .takes_any_since = true };
static const struct stream_route answer = { .form = { MESSAGE_LITE, CERTIFICATE_DIALECT_GO } };

static bool read_query(struct stream_request *request, const struct stream_route *route,
                       const char *text, char *reason)
{
    static struct query query;
    query_init(&query);
    for (; *text; text += *text == '&') {
        size_t size = strcspn(text, "&");
        assert_true(query_add(&query, bytes_of(text, size)));
        text += size;
    }
    return stream_request_read(request, route, &query, reason);
}

static void expect_good(const struct stream_route *route, const char *query,
                        enum message_content content, enum certificate_dialect dialect,
                        const char *filter)
{
    struct stream_request request;
    char reason[STREAM_REQUEST_REASON_SIZE];
    if (!read_query(&request, route, query, reason))
        fail_msg("%s: %s", query, reason);
    assert_int_equal(request.form.content, content);
    assert_int_equal(request.form.dialect, dialect);
    assert_string_equal(filter_text(request.filter), filter);
    stream_request_clear(&request);
}

static void the_query_says_more_than_the_route(void **state)
{
    (void)state;
    expect_good(&websocket, "", MESSAGE_FULL, CERTIFICATE_DIALECT_CERTSTREAM, "");
    expect_good(&websocket, "dialect=go&match=A&token=x", MESSAGE_FULL, CERTIFICATE_DIALECT_GO,
                "match=a");
    expect_good(&events, "", MESSAGE_LITE, CERTIFICATE_DIALECT_CERTSTREAM, "");
    expect_good(&events, "stream=domains&since=0&type=cert", MESSAGE_DOMAINS,
                CERTIFICATE_DIALECT_CERTSTREAM, "type=cert");
    expect_good(&events, "stream=full", MESSAGE_FULL, CERTIFICATE_DIALECT_CERTSTREAM, "");
    expect_good(&answer, "", MESSAGE_LITE, CERTIFICATE_DIALECT_GO, "");
    expect_good(&answer, "dialect=certstream", MESSAGE_LITE, CERTIFICATE_DIALECT_CERTSTREAM, "");
}

static void since_is_read(void **state)
{
    (void)state;
    struct stream_request request;
    char reason[STREAM_REQUEST_REASON_SIZE];
    assert_true(read_query(&request, &websocket, "since=5-1", reason));
    assert_int_equal(request.since.kind, SINCE_ID);
    assert_int_equal(request.since.after.id.ms, 5);
    assert_null(request.filter);
    stream_request_clear(&request);
    assert_true(read_query(&request, &websocket, "", reason));
    assert_int_equal(request.since.kind, SINCE_NOW);
    assert_false(read_query(&request, &websocket, "since=yesterday", reason));
    assert_string_equal(reason, SINCE_REASON);
}

static void who_asks_for_something_of_ours_knows_gaps(void **state)
{
    (void)state;
    static const struct {
        const char *query, *last_event_id;
        bool knows_gaps;
    } cases[] = {
        { "", "", false },
        { "gap=1", "", true },
        { "gap=0", "", false },
        { "since=0", "", true },
        { "dialect=go&gap=1", "", true },
        { "", "5-1", true },
        { "", "42", true },
        { "since=5-1&gap=0", "", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_request request;
        char reason[STREAM_REQUEST_REASON_SIZE];
        assert_true(read_query(&request, &events, cases[i].query, reason));
        stream_request_take_last_event_id(&request, bytes_of_string(cases[i].last_event_id));
        assert_int_equal(request.knows_gaps, cases[i].knows_gaps);
        stream_request_clear(&request);
    }
}

static void an_event_source_may_bring_the_position_of_another_server(void **state)
{
    (void)state;
    struct stream_request request;
    char reason[STREAM_REQUEST_REASON_SIZE];
    assert_true(read_query(&request, &events, "since=42", reason));
    assert_int_equal(request.since.kind, SINCE_UNKNOWN);
    stream_request_take_last_event_id(&request, bytes_of_string("7-0"));
    assert_int_equal(request.since.kind, SINCE_ID);
    stream_request_take_last_event_id(&request, bytes_of_string("yesterday"));
    assert_int_equal(request.since.kind, SINCE_UNKNOWN);
    stream_request_clear(&request);
    assert_false(read_query(&request, &websocket, "since=42", reason));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const struct stream_route *route;
        const char *query, *reason;
    } cases[] = {
        { &websocket, "dialect=Go", "dialect is certstream or go" },
        { &websocket, "dialect=", "dialect is certstream or go" },
        { &events, "stream=lites", "stream is lite, full or domains" },
        { &websocket, "stream=lite",
          "there is no parameter stream; there are domain issuer log match operator regex type "
          "unique dialect since gap token" },
        { &answer, "since=0",
          "there is no parameter since; there are domain issuer log match operator regex type "
          "unique dialect token" },
        { &answer, "unique=2", "unique is 1, pair or 0" },
        { &events, "gap=2", "gap is 1 or 0" },
        { &answer, "gap=1",
          "there is no parameter gap; there are domain issuer log match operator regex type "
          "unique dialect token" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_request request;
        char reason[STREAM_REQUEST_REASON_SIZE];
        assert_false(read_query(&request, cases[i].route, cases[i].query, reason));
        assert_string_equal(reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_query_says_more_than_the_route),
        cmocka_unit_test(since_is_read),
        cmocka_unit_test(who_asks_for_something_of_ours_knows_gaps),
        cmocka_unit_test(an_event_source_may_bring_the_position_of_another_server),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
