#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/tail/server_url.h"

static void each_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct server_url url;
    } cases[] = {
        { "localhost", { false, 80, "localhost", "/", "" } },
        { "localhost:4000/ct", { false, 4000, "localhost", "/ct", "" } },
        { "ws://a.example/x?y=1#z", { false, 80, "a.example", "/x", "y=1" } },
        { "WSS://a.example", { true, 443, "a.example", "/", "" } },
        { "https://[::1]:8443?a", { true, 8443, "::1", "/", "a" } },
        { "http://[2001:db8::1]", { false, 80, "2001:db8::1", "/", "" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server_url url;
        assert_null(server_url_read(&url, cases[i].text));
        assert_int_equal(url.is_tls, cases[i].url.is_tls);
        assert_int_equal(url.port, cases[i].url.port);
        assert_string_equal(url.host, cases[i].url.host);
        assert_string_equal(url.path, cases[i].url.path);
        assert_string_equal(url.query, cases[i].url.query);
    }
}

static void anything_else_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",           "ftp://a", "ws://", "ws://:80",         "a:0",       "a:65536", "a:x",
        "a:",         "[::1]x",  "[]",    "me:secret@a:4000", "ws://a /b", "a\r\nb",  "a\x1b",
        "a/\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server_url url;
        if (!server_url_read(&url, cases[i]))
            fail_msg("read: %s", cases[i]);
    }
}

static void each_part_has_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t limit;
    } parts[] = { { "", SERVER_URL_HOST_SIZE },
                  { "a/", SERVER_URL_PATH_SIZE - 1 },
                  { "a?", SERVER_URL_QUERY_SIZE } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct server_url url;
        char text[2 * SERVER_URL_QUERY_SIZE] = "";
        size_t size = strlen(parts[i].before);
        memcpy(text, parts[i].before, size);
        memset(text + size, 'x', parts[i].limit - 1);
        assert_null(server_url_read(&url, text));
        text[size + parts[i].limit - 1] = 'x';
        assert_non_null(server_url_read(&url, text));
    }
}

static void a_target_is_below_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *url, *page, *target;
    } cases[] = {
        { "a", "", "/?match=%0D%0A%26" },
        { "a/ct", "domains-only", "/ct/domains-only?match=%0D%0A%26" },
        { "a/ct/", "domains-only", "/ct/domains-only?match=%0D%0A%26" },
        { "a/ct/domains-only/", "domains-only", "/ct/domains-only/?match=%0D%0A%26" },
        { "a/?x=1", "full-stream", "/full-stream?x=1&match=%0D%0A%26" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server_url url;
        struct buffer target;
        buffer_init(&target, SERVER_TARGET_MAX);
        assert_null(server_url_read(&url, cases[i].url));
        server_url_begin_target(&target, &url, cases[i].page);
        server_url_add_parameter(&target, bytes_of_string("match"), bytes_of_string("\r\n&"));
        buffer_append_byte(&target, '\0');
        assert_string_equal((const char *)target.data, cases[i].target);
        buffer_free(&target);
    }
}

static void the_host_is_said_as_in_a_url(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
    } cases[] = {
        { "ws://a.example", "a.example" },         { "wss://a.example:443/x", "a.example" },
        { "ws://a.example:443", "a.example:443" }, { "wss://a.example:80", "a.example:80" },
        { "ws://[::1]:4000", "[::1]:4000" },       { "wss://[::1]", "[::1]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server_url url;
        char host[SERVER_HOST_HEADER_SIZE];
        assert_null(server_url_read(&url, cases[i].url));
        server_url_write_host(&url, host);
        assert_string_equal(host, cases[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(each_part_has_its_limit),
        cmocka_unit_test(a_target_is_below_the_path),
        cmocka_unit_test(the_host_is_said_as_in_a_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
