#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "ingest/store/lease.h"
#include "shared/base/buffer.h"

/* A reply as hiredis makes it of the protocol's text. */
static redisReply *reply_of(const char *text)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void reads_who_is_there_and_who_has_what(void **state)
{
    (void)state;
    /* Of four logs: b's, nobody's, one whose owner is not alive, ours. */
    redisReply *reply = reply_of("*13\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
                                 "$1\r\nb\r\n$1\r\n7\r\n$2\r\n50\r\n"
                                 "$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n"
                                 "$4\r\ngone\r\n$1\r\n3\r\n$1\r\n9\r\n"
                                 "$1\r\na\r\n$3\r\nodd\r\n$3\r\nodd\r\n");
    struct lease_round round;
    assert_true(lease_round_read(&round, reply, "a", 4));
    assert_int_equal(round.instance_count, 2);
    assert_int_equal(round.self, 0);
    const struct lease wanted[] = { { 1, false, true, 7, 50 },
                                    { LEASE_PLAN_NOBODY, true, false, 0, 0 },
                                    { LEASE_PLAN_NOBODY, false, true, 3, 9 },
                                    { 0, false, true, 0, 0 } };
    for (size_t i = 0; i < 4; i++) {
        struct lease lease = lease_round_log(&round, i);
        assert_int_equal(lease.owner, wanted[i].owner);
        assert_int_equal(lease.is_free, wanted[i].is_free);
        assert_int_equal(lease.has_position, wanted[i].has_position);
        assert_int_equal(lease.epoch, wanted[i].epoch);
        assert_int_equal(lease.next, wanted[i].next);
    }
    freeReplyObject(reply);
}

static void takes_nothing_else_for_a_round(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "-OOM command not allowed\r\n",
        ":1\r\n",
        "*0\r\n",
        "*1\r\n*1\r\n$1\r\na\r\n",
        "*4\r\n$1\r\na\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\n9\r\n",
        "*4\r\n*1\r\n:5\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\n9\r\n",
        "*4\r\n*1\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\n9\r\n",
        "*4\r\n*1\r\n$1\r\na\r\n:1\r\n$1\r\n0\r\n$1\r\n9\r\n",
        "*4\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n$1\r\n0\r\n*0\r\n",
        "*3\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n$1\r\n0\r\n",
        ("*7\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\n9\r\n"
         "$1\r\na\r\n$1\r\n0\r\n$1\r\n9\r\n"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        redisReply *reply = reply_of(wrong[i]);
        struct lease_round round;
        if (lease_round_read(&round, reply, "a", 1))
            fail_msg("taken for a round: %s", wrong[i]);
        freeReplyObject(reply);
    }
}

/* However many there are, this process is one of those that count. */
static void counts_itself_among_too_many(void **state)
{
    (void)state;
    enum {
        NAMES = LEASE_PLAN_INSTANCES_MAX + 10
    };
    struct buffer text;
    buffer_init(&text, 4096);
    buffer_append_format(&text, "*1\r\n*%d\r\n", NAMES);
    for (int i = 0; i < NAMES; i++)
        buffer_append_format(&text, "$4\r\n%04d\r\n", i);
    buffer_append_byte(&text, '\0');
    assert_false(text.failed);
    redisReply *reply = reply_of((const char *)text.data);
    struct lease_round round;
    char last[8];
    (void)snprintf(last, sizeof last, "%04d", NAMES - 1);
    assert_true(lease_round_read(&round, reply, last, 0));
    assert_int_equal(round.instance_count, LEASE_PLAN_INSTANCES_MAX);
    assert_string_equal(round.instances[round.self], last);
    assert_true(lease_round_read(&round, reply, "0000", 0));
    assert_int_equal(round.self, 0);
    freeReplyObject(reply);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_who_is_there_and_who_has_what),
        cmocka_unit_test(takes_nothing_else_for_a_round),
        cmocka_unit_test(counts_itself_among_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
