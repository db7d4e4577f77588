#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "streamer/edge/upgrade.h"

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
          "a-name-of-64-characters-is-one-more-than-what-libwebsockets-take", 400 },
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

static void the_first_subprotocol_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *chosen;
    } rows[] = {
        { "", "" }, { "chat", "chat" }, { " a , b", "a" }, { ",,b", "b" }, { " , ", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[UPGRADE_SUBPROTOCOL_SIZE] = "something";
        upgrade_choose_subprotocol(name, bytes_of_string(rows[i].offered));
        assert_string_equal(name, rows[i].chosen);
    }
}

static void a_refusal_is_a_whole_answer(void **state)
{
    (void)state;
    char answer[REFUSAL_SIZE];
    size_t size = refusal_write(answer, (struct refusal){ 401, "no" }, false);
    answer[size] = '\0';
    assert_string_equal(answer, "HTTP/1.1 401 Unauthorized\r\n"
                                "content-type: application/json; charset=utf-8\r\n"
                                "content-length: 14\r\n"
                                "access-control-allow-origin: *\r\n"
                                "cache-control: no-store\r\n"
                                "www-authenticate: Bearer\r\n"
                                "connection: close\r\n\r\n"
                                "{\"error\":\"no\"}");
    size = refusal_write(answer, (struct refusal){ 426, "no" }, true);
    answer[size] = '\0';
    assert_non_null(strstr(answer, "HTTP/1.1 426 Upgrade Required\r\n"));
    assert_non_null(strstr(answer, "\r\nsec-websocket-version: 13\r\n"));
    assert_string_equal(answer + size - 4, "\r\n\r\n");
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
