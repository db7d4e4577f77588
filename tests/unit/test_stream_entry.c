#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "streamer/stream/stream_entry.h"

#define HEX_16       "0123456789abcdef"
#define HEX_64       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TWO_BY_SPACE HEX_64 " " UPPER_64
#define UPPER_64     "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"

/* An entry as Redis sends it, decoded by hiredis. `fields` are names and values in turn, NULL
 * last. */
static redisReply *make_reply(const char *id, const char *const *fields)
{
    size_t count = 0;
    while (fields[count])
        count++;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_append_format(&text, "*2\r\n$%zu\r\n%s\r\n*%zu\r\n", strlen(id), id, count);
    for (size_t i = 0; i < count; i++)
        buffer_append_format(&text, "$%zu\r\n%s\r\n", strlen(fields[i]), fields[i]);
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, (const char *)text.data, text.size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    buffer_free(&text);
    return reply;
}

static void expect_good(const char *const *fields)
{
    redisReply *reply = make_reply("1700000000000-3", fields);
    struct stream_entry entry;
    assert_true(stream_entry_read(&entry, reply));
    assert_int_equal(entry.id.ms, 1700000000000);
    assert_int_equal(entry.id.sequence, 3);
    assert_true(bytes_equal_string(entry.id_text, "1700000000000-3"));
    assert_true(bytes_equal_string(entry.json, "{}"));
    assert_true(bytes_equal_string(entry.domains, "[]"));
    assert_true(bytes_equal_string(entry.der, "DER"));
    assert_true(bytes_equal_string(entry.log, HEX_64));
    assert_int_equal(entry.index, 42);
    freeReplyObject(reply);
}

static void reads_the_fields_in_any_order_and_passes_over_unknown_ones(void **state)
{
    (void)state;
    expect_good((const char *const[]){ "json", "{}", "domains", "[]", "der", "DER", "chain", HEX_64,
                                       "log", HEX_64, "index", "42", NULL });
    expect_good((const char *const[]){ "new", "?", "index", "42", "log", HEX_64, "chain", "", "der",
                                       "DER", "jsonx", "no", "domains", "[]", "json", "{}", NULL });
    expect_good((const char *const[]){ "index", "42", "log", HEX_64, "der", "DER", "domains", "[]",
                                       "json", "{}", NULL });
}

static void what_an_operator_did_is_no_certificate_and_not_malformed(void **state)
{
    (void)state;
    redisReply *reply = make_reply(
        "5-6", (const char *const[]){ "log", HEX_64, "control", "{\"action\":\"rebase\"}", NULL });
    struct stream_entry entry;
    assert_false(stream_entry_read(&entry, reply));
    assert_true(entry.is_control);
    assert_int_equal(entry.id.ms, 5);
    assert_true(bytes_equal_string(entry.log, HEX_64));
    freeReplyObject(reply);
}

static void refuses_entries_that_are_not_of_the_contract(void **state)
{
    (void)state;
    static const char two_by_comma[] = HEX_64 "," HEX_64;
    static const char *const cases[][2 * 6 + 1] = {
        { NULL },
        { "json", "{}", NULL },
        { "domains", "[]", "der", "D", "log", HEX_64, "index", "1", NULL },
        { "json", "", "domains", "[]", "der", "D", "log", HEX_64, "index", "1", NULL },
        { "json", "{}", "der", "D", "log", HEX_64, "index", "1", NULL },
        { "json", "{}", "domains", "[]", "log", HEX_64, "index", "1", NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_16, "index", "1", NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, "index", "-1", NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, "index", "", NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, "index", "1", "chain", "abc",
          NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, "index", "1", "chain",
          two_by_comma, NULL },
        { "json", "{}", "domains", "[]", "der", "D", "log", HEX_64, "index", "1", "json", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redisReply *reply = make_reply("5-6", cases[i]);
        struct stream_entry entry;
        assert_false(stream_entry_read(&entry, reply));
        assert_int_equal(entry.id.ms, 5);
        freeReplyObject(reply);
    }
}

static void an_entry_without_a_good_id_has_none(void **state)
{
    (void)state;
    redisReply *reply = make_reply("x-1", (const char *const[]){ "json", "{}", NULL });
    struct stream_entry entry;
    assert_false(stream_entry_read(&entry, reply));
    assert_int_equal(entry.id.ms, 0);
    assert_int_equal(entry.id.sequence, 0);
    freeReplyObject(reply);
    assert_false(stream_entry_read(&entry, NULL));
}

static void takes_the_issuers_in_order(void **state)
{
    (void)state;
    struct bytes chain = bytes_of_string(TWO_BY_SPACE);
    uint8_t sha256[32];
    assert_true(stream_entry_take_issuer(&chain, sha256));
    assert_int_equal(sha256[0], 0x01);
    assert_int_equal(sha256[31], 0xef);
    assert_true(stream_entry_take_issuer(&chain, sha256));
    assert_int_equal(sha256[0], 0xff);
    assert_false(stream_entry_take_issuer(&chain, sha256));
    assert_int_equal(chain.size, 0);
}

static void finds_the_entries_in_what_xread_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int entries; /* -1: none of that form */
    } cases[] = {
        { "*1\r\n*2\r\n$1\r\ns\r\n*0\r\n", 0 },
        { "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*0\r\n*0\r\n", 2 },
        { "*-1\r\n", -1 },
        { "$-1\r\n", -1 },
        { "-ERR no\r\n", -1 },
        { "*0\r\n", -1 },
        { "*1\r\n:1\r\n", -1 },
        { "*1\r\n*1\r\n$1\r\ns\r\n", -1 },
        { "*1\r\n*2\r\n$1\r\ns\r\n:1\r\n", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redisReader *reader = redisReaderCreate();
        void *reply = NULL;
        assert_int_equal(redisReaderFeed(reader, cases[i].text, strlen(cases[i].text)), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
        const struct redisReply *entries = stream_entries_of_read(reply);
        assert_int_equal(entries ? (int)entries->elements : -1, cases[i].entries);
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
    assert_null(stream_entries_of_read(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_fields_in_any_order_and_passes_over_unknown_ones),
        cmocka_unit_test(what_an_operator_did_is_no_certificate_and_not_malformed),
        cmocka_unit_test(refuses_entries_that_are_not_of_the_contract),
        cmocka_unit_test(an_entry_without_a_good_id_has_none),
        cmocka_unit_test(takes_the_issuers_in_order),
        cmocka_unit_test(finds_the_entries_in_what_xread_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
