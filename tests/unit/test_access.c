#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "streamer/edge/access.h"
#include "streamer/edge/token_set.h"
#include "streamer/request/request_path.h"

#define TOKEN "correct-horse-battery"
#define OTHER "another.token~with/+="

struct parts {
    struct token_set *tokens;
    struct access access;
};

static int setup(void **state)
{
    static char page[] = "https://dash.example";
    static char local[] = "http://localhost:3000";
    static char *const origins[] = { page, local };
    static struct parts parts;
    parts.tokens = token_set_create();
    static char own[] = "https://ct.example";
    static char *const own_origins[] = { own };
    parts.access = (struct access){ parts.tokens, origins, 2, own_origins, 1 };
    *state = &parts;
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    token_set_destroy(parts->tokens);
    return 0;
}

static struct bytes text_or_nothing(const char *text)
{
    return text ? bytes_of_string(text) : (struct bytes){ 0 };
}

static void tokens_come_by_header_or_query(void **state)
{
    struct parts *parts = *state;
    assert_null(token_set_add(parts->tokens, bytes_of_string(TOKEN)));
    assert_null(token_set_add(parts->tokens, bytes_of_string(OTHER)));
    static const struct {
        const char *path, *authorization, *token;
        int status;
    } rows[] = {
        { "/", NULL, NULL, 401 },
        { "/", "Bearer " TOKEN, NULL, 0 },
        { "/", "bearer  " OTHER, NULL, 0 },
        { "/", "Bearer " TOKEN "x", NULL, 401 },
        { "/", "Bearer correct-horse", NULL, 401 },
        { "/", "Bearer ", NULL, 401 },
        { "/", "Bearer", NULL, 401 },
        { "/", "Basic " TOKEN, NULL, 401 },
        { "/", "Basic " TOKEN, TOKEN, 0 },
        { "/", NULL, TOKEN, 0 },
        { "/", NULL, OTHER, 0 },
        { "/", NULL, "", 401 },
        { "/", NULL, "wrong-token", 401 },
        /* A wrong one is not saved by a right one elsewhere. */
        { "/", "Bearer wrong-token", TOKEN, 401 },
        { "/metrics", NULL, NULL, 401 },
        { "/healthz", NULL, NULL, 0 },
        { "/readyz/", NULL, NULL, 0 },
        { "/healthz/../", NULL, NULL, 401 },
        { "/readyzz", NULL, NULL, 401 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t room[64];
        struct bytes path;
        assert_true(request_path_read(room, bytes_of_string(rows[i].path), &path));
        struct access_request request = {
            .path = path,
            .authorization = text_or_nothing(rows[i].authorization),
            .token = text_or_nothing(rows[i].token),
        };
        struct refusal refusal = access_decide(&parts->access, &request);
        if (refusal.status != rows[i].status)
            fail_msg("row %zu: %d", i, refusal.status);
    }
}

static void without_tokens_everybody_comes_in(void **state)
{
    struct parts *parts = *state;
    struct access_request request = { .path = bytes_of_string("/full-stream") };
    assert_int_equal(access_decide(&parts->access, &request).status, 0);
}

static void pages_of_other_origins_stay_out(void **state)
{
    struct parts *parts = *state;
    static const struct {
        const char *origin, *host;
        int status;
        bool is_over_tls;
    } rows[] = {
        { NULL, "stream.example", 0, false },
        { "https://dash.example", "stream.example", 0, false },
        { "HTTPS://DASH.example", "stream.example", 0, false },
        { "http://dash.example", "stream.example", 403, false },
        { "https://dash.example:8443", "stream.example", 403, false },
        { "https://dash.example.evil.example", "stream.example", 403, false },
        { "https://evil.example", "stream.example", 403, false },
        { "http://localhost:3000", "stream.example", 0, false },
        { "null", "stream.example", 403, false },
        { "", "stream.example", 403, false },
        /* The streamer's own page. */
        { "https://stream.example", "stream.example", 0, true },
        { "https://stream.example:4000", "stream.example:4000", 0, true },
        { "https://stream.example:4000", "stream.example", 403, true },
        { "http://127.0.0.1:4000", "127.0.0.1:4000", 0, false },
        { "http://[2001:db8::1]:4000", "[2001:db8::1]:4000", 0, false },
        { "http://localhost", "localhost", 0, false },
        { "https://ct.example", "10.0.0.1:4000", 0, false },
        /* A name that was made lead here. */
        { "http://evil.example:4000", "evil.example:4000", 403, false },
        { "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", 403, false },
        { "http://localhost.evil.example", "localhost.evil.example", 403, false },
        { "https://", "", 403, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct access_request request = {
            .path = bytes_of_string("/"),
            .origin = text_or_nothing(rows[i].origin),
            .host = bytes_of_string(rows[i].host),
            .is_over_tls = rows[i].is_over_tls,
        };
        struct refusal refusal = access_decide(&parts->access, &request);
        if (refusal.status != rows[i].status)
            fail_msg("row %zu: %d", i, refusal.status);
    }
}

static void hosts_that_no_page_can_have_are_own(void **state)
{
    struct parts *parts = *state;
    static char own_origin[] = "http://streamer.svc:4001";
    static char *const own_origins[] = { own_origin };
    static const struct {
        const char *host;
        bool is_own, is_over_tls;
    } rows[] = {
        { NULL, true, false },
        { "127.0.0.1:4001", true, false },
        { "[::1]:4001", true, false },
        { "localhost", true, false },
        { "streamer:4001", true, false },
        { "streamer.svc:4001", true, false },
        { "streamer.svc", false, false },
        { "evil.example:4001", false, false },
        { "127.0.0.1.evil.example", false, false },
        { "evil.example", true, true },
    };
    parts->access.own_origins = own_origins;
    parts->access.own_origin_count = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct access_request request = {
            .path = bytes_of_string("/metrics"),
            .host = text_or_nothing(rows[i].host),
            .is_over_tls = rows[i].is_over_tls,
        };
        if (access_is_own_host(&parts->access, &request) != rows[i].is_own)
            fail_msg("row %zu", i);
    }
}

static void origins_are_checked(void **state)
{
    (void)state;
    assert_null(access_check_origin("https://example.com"));
    assert_null(access_check_origin("http://[::1]:8080"));
    static const char *const wrong[] = {
        "", "example.com", "https://", "ftp://x", "https://example.com/", "https://*.example.com"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(access_check_origin(wrong[i]));
}

static void a_token_file_has_a_token_per_line(void **state)
{
    struct parts *parts = *state;
    size_t line;
    static const char good[] = "# who\n\n  " TOKEN "  \r\n" OTHER;
    assert_null(token_set_add_lines(parts->tokens, bytes_of_string(good), &line));
    assert_int_equal(token_set_count(parts->tokens), 2);
    assert_true(token_set_has(parts->tokens, bytes_of_string(TOKEN)));
    assert_true(token_set_has(parts->tokens, bytes_of_string(OTHER)));
    assert_false(token_set_has(parts->tokens, bytes_of_string("# who")));
    assert_non_null(
        token_set_add_lines(parts->tokens, bytes_of_string("long-enough\ntwo words\n"), &line));
    assert_int_equal(line, 2);
    assert_non_null(token_set_add_lines(parts->tokens, bytes_of_string("short\n"), &line));
    assert_int_equal(line, 1);
}

static void a_token_may_have_a_name_and_limits(void **state)
{
    struct parts *parts = *state;
    static const char *const wrong[] = {
        ":" TOKEN,
        "a/b:" TOKEN,
        "alice:short",
        "alice:" TOKEN " connections=x",
        "alice:" TOKEN " connections=",
        "alice:" TOKEN " something=1",
        "a-name-of-33-characters-or-more-is-too-long:" TOKEN,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!token_set_add_line(parts->tokens, bytes_of_string(wrong[i])))
            fail_msg("%s", wrong[i]);
    struct token_set *tokens = token_set_create();
    assert_null(token_set_add_line(
        tokens, bytes_of_string("alice:" TOKEN "  connections=7\treplay-rate=0")));
    assert_null(token_set_add_line(tokens, bytes_of_string(OTHER)));
    const struct token_holder *alice = token_set_find(tokens, bytes_of_string(TOKEN));
    assert_string_equal(alice->customer, "token alice");
    assert_int_equal(alice->limits.held[CUSTOMER_CONNECTIONS], 7);
    assert_int_equal(alice->limits.replay_bytes_per_second, 0);
    assert_true(alice->limits.held[CUSTOMER_SEARCHES] == UINT64_MAX);
    assert_string_equal(token_set_find(tokens, bytes_of_string(OTHER))->customer, "");
    assert_null(token_set_find(tokens, bytes_of_string("nobody-has-it")));
    token_set_destroy(tokens);
}

static void each_limit_of_a_token_is_taken(void **state)
{
    (void)state;
    struct token_set *tokens = token_set_create();
    assert_null(token_set_add_line(
        tokens, bytes_of_string("all:" TOKEN " connections=1 filters=2 filter-cost=3"
                                " filter-time=4 searches=5 replay-rate=6")));
    const struct customer_limits *limits = &token_set_find(tokens, bytes_of_string(TOKEN))->limits;
    assert_int_equal(limits->held[CUSTOMER_CONNECTIONS], 1);
    assert_int_equal(limits->held[CUSTOMER_FILTERS], 2);
    assert_int_equal(limits->held[CUSTOMER_FILTER_COST], 3);
    assert_int_equal(limits->reading_ms_per_second, 4);
    assert_int_equal(limits->held[CUSTOMER_SEARCHES], 5);
    assert_int_equal(limits->replay_bytes_per_second, 6);
    token_set_destroy(tokens);
}

static void there_is_an_end_to_tokens(void **state)
{
    struct parts *parts = *state;
    char token[32];
    for (int i = 0; i < TOKENS_MAX; i++) {
        (void)snprintf(token, sizeof token, "token-number-%d", i);
        assert_null(token_set_add(parts->tokens, bytes_of_string(token)));
    }
    assert_non_null(token_set_add(parts->tokens, bytes_of_string("one-too-many")));
    assert_true(token_set_has(parts->tokens, bytes_of_string("token-number-999")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_come_by_header_or_query, setup, teardown),
        cmocka_unit_test_setup_teardown(without_tokens_everybody_comes_in, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_of_other_origins_stay_out, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts_that_no_page_can_have_are_own, setup, teardown),
        cmocka_unit_test(origins_are_checked),
        cmocka_unit_test_setup_teardown(a_token_file_has_a_token_per_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_may_have_a_name_and_limits, setup, teardown),
        cmocka_unit_test(each_limit_of_a_token_is_taken),
        cmocka_unit_test_setup_teardown(there_is_an_end_to_tokens, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
