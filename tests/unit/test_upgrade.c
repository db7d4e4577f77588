#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "streamer/request/upgrade.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void what_rfc_6455_asks_for_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        bool is_get;
        const char *host, *connection, *version, *key, *subprotocols;
        int status;
    } rows[] = {
        { true, "h", "Upgrade", "13", KEY, "", 0 },
        { true, "h", "keep-alive, uPGRADE", "13", KEY, "", 0 },
        { true, "h", "keep-alive,Upgrade,x", " 13 ", KEY, "chat, superchat", 0 },
        { false, "h", "Upgrade", "13", KEY, "", 405 },
        { true, "", "Upgrade", "13", KEY, "", 400 },
        { true, "h", "", "13", KEY, "", 400 },
        { true, "h", "keep-alive", "13", KEY, "", 400 },
        { true, "h", "Upgraded", "13", KEY, "", 400 },
        { true, "h", "Upgrade", "", KEY, "", 426 },
        { true, "h", "Upgrade", "8", KEY, "", 426 },
        { true, "h", "Upgrade", "13x", KEY, "", 426 },
        { true, "h", "Upgrade", "13, 8", KEY, "", 426 },
        { true, "h", "Upgrade", "13", "", "", 400 },
        { true, "h", "Upgrade", "13", "dGhlIHNhbXBsZQ==", "", 400 },
        { true, "h", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ=", "", 400 },
        { true, "h", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZ!==", "", 400 },
        { true, "h", "Upgrade", "13", KEY "," KEY, "", 400 },
        { true, "h", "Upgrade", "13", KEY, "no token", 400 },
        { true, "h", "Upgrade", "13", KEY, "a/b", 400 },
        { true, "h", "Upgrade", "13", KEY,
          "a-name-of-more-than-64-characters-which-some-libraries-do-not-take", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct upgrade_request request = {
            .is_get = rows[i].is_get,
            .host = bytes_of_string(rows[i].host),
            .connection = bytes_of_string(rows[i].connection),
            .version = bytes_of_string(rows[i].version),
            .key = bytes_of_string(rows[i].key),
            .subprotocols = bytes_of_string(rows[i].subprotocols),
        };
        struct refusal refusal = upgrade_check(&request);
        if (refusal.status != rows[i].status)
            fail_msg("row %zu: %d %s", i, refusal.status, refusal.text ? refusal.text : "");
    }
    assert_int_equal(upgrade_check(&(struct upgrade_request){ .is_get = true }).status, 400);
}

static const char *fields_of(struct buffer *out, const char *subprotocols)
{
    struct upgrade_request request = {
        .key = bytes_of_string(KEY),
        .subprotocols = bytes_of_string(subprotocols),
    };
    buffer_clear(out);
    upgrade_write_fields(out, &request);
    buffer_append_byte(out, '\0');
    return (const char *)out->data;
}

static void the_first_subprotocol_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *line;
    } rows[] = {
        { "", NULL },
        { " , ", NULL },
        { "chat", "\r\nSec-WebSocket-Protocol: chat\r\n" },
        { " a , b", "\r\nSec-WebSocket-Protocol: a\r\n" },
        { ",,b", "\r\nSec-WebSocket-Protocol: b\r\n" },
    };
    struct buffer out;
    buffer_init(&out, 1024);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *fields = fields_of(&out, rows[i].offered);
        assert_non_null(strstr(fields, rows[i].line ? rows[i].line : "Upgrade: websocket\r\n"));
        assert_int_equal(strstr(fields, "Protocol") != NULL, rows[i].line != NULL);
        /* Of RFC 6455 section 1.3. */
        assert_non_null(
            strstr(fields, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }
    buffer_free(&out);
}

static void a_refusal_is_a_whole_answer(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 1024);
    refusal_write(&out, (struct refusal){ 401, "no" }, false, UINT64_C(784111777000));
    buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, "HTTP/1.1 401 Unauthorized\r\n"
                                                "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                                "content-type: application/json; charset=utf-8\r\n"
                                                "content-length: 14\r\n"
                                                "cache-control: no-store\r\n"
                                                "www-authenticate: Bearer\r\n"
                                                "access-control-allow-origin: *\r\n"
                                                "connection: close\r\n\r\n"
                                                "{\"error\":\"no\"}");
    buffer_clear(&out);
    refusal_write(&out, (struct refusal){ 426, "no" }, true, 0);
    buffer_append_byte(&out, '\0');
    const char *answer = (const char *)out.data;
    assert_non_null(strstr(answer, "HTTP/1.1 426 Upgrade Required\r\n"));
    assert_non_null(strstr(answer, "\r\nupgrade: websocket\r\n"));
    assert_non_null(strstr(answer, "\r\nconnection: close, upgrade\r\n"));
    assert_non_null(strstr(answer, "\r\nsec-websocket-version: 13\r\n"));
    assert_string_equal(answer + strlen(answer) - 4, "\r\n\r\n");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rfc_6455_asks_for_is_asked_for),
        cmocka_unit_test(the_first_subprotocol_is_chosen),
        cmocka_unit_test(a_refusal_is_a_whole_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
