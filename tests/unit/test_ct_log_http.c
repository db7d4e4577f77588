/* Requests as the local CT log's server reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/support/ct_log/http_message.h"

static enum http_parse_result parse(struct http_request *request, const char *text,
                                    size_t *consumed)
{
    *consumed = 0;
    return http_request_parse(request, bytes_of_string(text), consumed);
}

static void reads_a_request(void **state)
{
    static const char text[] =
        "GET /a/b?x=1&y=2 HTTP/1.1\r\nHost: log\r\nContent-Length:  12\r\n\r\nGET /next";
    struct http_request request;
    size_t consumed;
    (void)state;
    assert_int_equal(parse(&request, text, &consumed), HTTP_PARSE_DONE);
    assert_true(bytes_equal_string(request.method, "GET"));
    assert_true(bytes_equal_string(request.path, "/a/b"));
    assert_true(bytes_equal_string(request.query, "x=1&y=2"));
    assert_true(request.keeps_alive);
    assert_int_equal(request.body_size, 12);
    assert_string_equal(text + consumed, "GET /next");
}

static void every_shorter_part_is_incomplete(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: log\r\n\r\n";
    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        struct http_request request;
        size_t consumed;
        assert_int_equal(http_request_parse(&request, bytes_of(text, size), &consumed),
                         HTTP_PARSE_INCOMPLETE);
    }
}

static void knows_who_closes(void **state)
{
    static const struct {
        const char *text;
        bool keeps_alive;
    } rows[] = {
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.1\nConnection: Close\n\n", false },
        { "GET / HTTP/1.1\r\nconnection: keep-alive\r\n\r\n", true },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request request;
        size_t consumed;
        assert_int_equal(parse(&request, rows[i].text, &consumed), HTTP_PARSE_DONE);
        assert_int_equal(request.keeps_alive, rows[i].keeps_alive);
    }
}

static void refuses_what_is_no_request(void **state)
{
    static const char *const texts[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct http_request request;
        size_t consumed;
        assert_int_equal(parse(&request, texts[i], &consumed), HTTP_PARSE_WRONG);
    }
}

static void refuses_an_endless_request(void **state)
{
    char *text = memory_allocate(HTTP_REQUEST_MAX);
    struct http_request request;
    size_t consumed;
    (void)state;
    memset(text, 'a', HTTP_REQUEST_MAX);
    assert_int_equal(http_request_parse(&request, bytes_of(text, HTTP_REQUEST_MAX), &consumed),
                     HTTP_PARSE_WRONG);
    assert_int_equal(http_request_parse(&request, bytes_of(text, HTTP_REQUEST_MAX - 1), &consumed),
                     HTTP_PARSE_INCOMPLETE);
    free(text);
}

static void finds_numbers_in_a_query(void **state)
{
    static const struct {
        const char *query, *name;
        bool is_found;
        uint64_t value;
    } rows[] = {
        { "start=5&end=10", "start", true, 5 },
        { "start=5&end=10", "end", true, 10 },
        { "start=5&end=10", "art", false, 0 },
        { "start=18446744073709551615", "start", true, UINT64_MAX },
        { "start=18446744073709551616", "start", false, 0 },
        { "start=", "start", false, 0 },
        { "start", "start", false, 0 },
        { "start=-1", "start", false, 0 },
        { "start=1 ", "start", false, 0 },
        { "start=0x1", "start", false, 0 },
        { "", "start", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t value = 0;
        bool is_found = http_query_number(bytes_of_string(rows[i].query), rows[i].name, &value);
        assert_int_equal(is_found, rows[i].is_found);
        if (is_found)
            assert_int_equal(value, rows[i].value);
    }
}

static void decodes_text_in_a_query(void **state)
{
    static const struct {
        const char *query, *value; /* NULL: refused */
    } rows[] = {
        { "a=plain", "plain" },   { "b=1&a=Mon%2C+23%20Nov", "Mon, 23 Nov" },
        { "a=%2b%2F%3D", "+/=" }, { "a=", "" },
        { "a=%4", NULL },         { "a=%zz", NULL },
        { "a=%00", NULL },        { "a=sixteen-letters-", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char value[16];
        bool is_found = http_query_text(bytes_of_string(rows[i].query), "a", value, sizeof value);
        assert_int_equal(is_found, rows[i].value != NULL);
        if (is_found)
            assert_string_equal(value, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(every_shorter_part_is_incomplete),
        cmocka_unit_test(knows_who_closes),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(refuses_an_endless_request),
        cmocka_unit_test(finds_numbers_in_a_query),
        cmocka_unit_test(decodes_text_in_a_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
