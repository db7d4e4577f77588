#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/request/request_head.h"
#include "streamer/request/request_path.h"

static int status_of(const char *text)
{
    struct request_head head;
    struct bytes bytes = bytes_of_string(text);
    size_t size = request_head_size(bytes, 0);
    assert_int_equal(size, bytes.size);
    struct refusal refusal = request_head_read(&head, bytes);
    request_head_clear(&head);
    return refusal.status;
}

#define HOST "Host: x\r\n"

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        { "GET / HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "GET / HTTP/1.1\n" HOST "\n", 0 },
        { "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "GET / HTTP/1.0\r\n\r\n", 0 },
        { "GET / HTTP/1.7\r\n" HOST "\r\n", 0 },
        { "GET / HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0 },
        { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0 },
        { "GET / HTTP/2.0\r\n\r\n", 505 },
        { "PRI * HTTP/2.0\r\n\r\n", 505 },
        { "GET / HTTP/11\r\n\r\n", 400 },
        { "GET / HTTX/1.1\r\n\r\n", 400 },
        { "GET /\r\n\r\n", 400 },
        { "GET\r\n\r\n", 400 },
        { "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET / HTTP/1.1 \r\n" HOST "\r\n", 400 },
        { "GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "POST / HTTP/1.1\r\n" HOST "\r\n", 405 },
        { "TRACE / HTTP/1.1\r\n" HOST "\r\n", 405 },
        { "BREW / HTTP/1.1\r\n" HOST "\r\n", 501 },
        { "get / HTTP/1.1\r\n" HOST "\r\n", 501 },
        { "G{T / HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET x HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET * HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "GET http://h HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET ws://h/x HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: \xff\r\n\r\n", 0 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", 413 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length: +0\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = status_of(rows[i].text);
        if (status != rows[i].status)
            fail_msg("%s: %d, not %d", rows[i].text, status, rows[i].status);
    }
}

static void what_it_says_is_read(void **state)
{
    (void)state;
    struct request_head head;
    struct bytes text = bytes_of_string("HEAD //a/./b/?x=1&y HTTP/1.1\r\nhOsT:  h:80 \r\n"
                                        "Connection: keep-alive\r\nX-Forwarded-For: 192.0.2.1\r\n"
                                        "connection: Upgrade\r\nx-forwarded-for: 192.0.2.2\r\n"
                                        "X-Forwarded-For: 192.0.2.3\r\n\r\n");
    assert_int_equal(request_head_read(&head, text).status, 0);
    assert_int_equal(head.method, REQUEST_HEAD);
    assert_true(bytes_equal_string(head.path, "/a/b"));
    assert_true(bytes_equal_string(head.query, "x=1&y"));
    assert_true(bytes_equal_string(head.fields[FIELD_HOST], "h:80"));
    assert_true(bytes_equal_string(head.fields[FIELD_CONNECTION], "keep-alive, Upgrade"));
    assert_true(
        bytes_equal_string(head.fields[FIELD_FORWARDED_FOR], "192.0.2.1, 192.0.2.2, 192.0.2.3"));
    assert_null(head.fields[FIELD_ORIGIN].data);
    assert_true(request_head_lists(&head, FIELD_CONNECTION, "upgrade"));
    assert_false(request_head_lists(&head, FIELD_CONNECTION, "close"));
    request_head_clear(&head);
    text = bytes_of_string("GET http://a.example?q HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_int_equal(request_head_read(&head, text).status, 0);
    assert_true(bytes_equal_string(head.path, ""));
    assert_true(bytes_equal_string(head.query, "q"));
    assert_true(bytes_equal_string(head.fields[FIELD_HOST], "a.example"));
    request_head_clear(&head);
}

static void a_connection_is_kept_if_both_want_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keeps_alive;
    } rows[] = {
        { "GET / HTTP/1.1\r\n" HOST "\r\n", true },
        { "GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct request_head head;
        assert_int_equal(request_head_read(&head, bytes_of_string(rows[i].text)).status, 0);
        assert_int_equal(head.keeps_alive, rows[i].keeps_alive);
        request_head_clear(&head);
    }
}

/* However the bytes come, the head ends at the same place. */
static void the_end_is_found_in_pieces(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\n" HOST "\n\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\n" HOST "\n\r\n",
        "GET / HTTP/1.1\n\nrest",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bytes whole = bytes_of_string(texts[i]);
        size_t expected = request_head_size(whole, 0);
        assert_true(expected > 0);
        for (size_t size = 1; size <= whole.size; size++) {
            size_t found = request_head_size(bytes_of(whole.data, size), size - 1);
            if (size <= expected)
                assert_int_equal(found, size < expected ? 0 : expected);
        }
        for (size_t seen = 0; seen < expected; seen++)
            assert_int_equal(request_head_size(whole, seen), expected);
    }
    assert_int_equal(request_head_size(bytes_of_string("\r\n\r\n\r\n"), 0), 0);
}

static void lists_that_alternate_have_an_end(void **state)
{
    (void)state;
    struct buffer text;
    struct request_head head;
    buffer_init(&text, (size_t)REQUEST_HEAD_MAX * 2);
    buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 55; i++)
        buffer_append_format(&text, "Upgrade: %050d\r\nIf-None-Match: %050d\r\n", i, i);
    buffer_append_string(&text, "\r\n");
    assert_true(text.size <= REQUEST_HEAD_MAX + 300);
    assert_int_equal(request_head_read(&head, buffer_bytes(&text)).status, 431);
    request_head_clear(&head);
    buffer_clear(&text);
    buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 128; i++)
        buffer_append_string(&text, "a: b\r\n");
    assert_int_equal(request_head_read(&head, buffer_bytes(&text)).status, 431);
    request_head_clear(&head);
    buffer_free(&text);
}

static void a_path_has_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *path; /* NULL: none */
    } rows[] = {
        { "/", "" },          { "///", "" },          { "/a", "/a" },
        { "/a/", "/a" },      { "/a//b///", "/a/b" }, { "/./a/./b/.", "/a/b" },
        { "/a/../b", "/b" },  { "/a/b/..", "/a" },    { "/a/b/../..", "" },
        { "/../../a", "/a" }, { "/..", "" },          { "/...", "/..." },
        { "/.a", "/.a" },     { "/%61%2Fb", "/a/b" }, { "/%2e%2E/a", "/a" },
        { "/%41", "/A" },     { "/a%20b", "/a b" },   { "/a+b", "/a+b" },
        { "/a%00", NULL },    { "/a%0a", NULL },      { "/a%7f", NULL },
        { "/%", NULL },       { "/%4", NULL },        { "/%4g", NULL },
        { "", NULL },         { "a", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t room[64];
        struct bytes path;
        bool read = request_path_read(room, bytes_of_string(rows[i].raw), &path);
        assert_int_equal(read, rows[i].path != NULL);
        if (read && !bytes_equal_string(path, rows[i].path))
            fail_msg("%s: %.*s", rows[i].raw, (int)path.size, path.data);
    }
}

static void a_query_is_taken_apart(void **state)
{
    (void)state;
    static const char *const fragments[] = { "a=b c", "", "d=&x", "e", "%=%4" };
    struct bytes query = bytes_of_string("a=b+c&&d=%26x&e&%=%4&");
    uint8_t room[64];
    struct bytes fragment;
    for (size_t i = 0; i < sizeof fragments / sizeof *fragments; i++) {
        assert_true(request_query_take(&query, room, &fragment));
        assert_true(bytes_equal_string(fragment, fragments[i]));
    }
    assert_false(request_query_take(&query, room, &fragment));
}

static void a_parameter_is_found_behind_long_ones(void **state)
{
    (void)state;
    char query[5000];
    uint8_t room[16];
    memset(query, 'x', sizeof query);
    /* It goes on behind both, and has no end but its size. */
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(query, "tokens=1&", strlen("tokens=1&"));
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(query + sizeof query - 20, "&token=a%62c&token=d", 20);
    struct bytes found =
        request_query_find(bytes_of(query, sizeof query), "token", room, sizeof room);
    assert_true(bytes_equal_string(found, "abc"));
    assert_null(
        request_query_find(bytes_of_string("token=12345678901234567"), "token", room, 16).data);
    assert_null(request_query_find(bytes_of_string("token&tok=1"), "token", room, 16).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(what_it_says_is_read),
        cmocka_unit_test(a_connection_is_kept_if_both_want_it),
        cmocka_unit_test(the_end_is_found_in_pieces),
        cmocka_unit_test(lists_that_alternate_have_an_end),
        cmocka_unit_test(a_path_has_one_form),
        cmocka_unit_test(a_query_is_taken_apart),
        cmocka_unit_test(a_parameter_is_found_behind_long_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
