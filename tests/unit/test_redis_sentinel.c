#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/redis_address.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/redis_sentinel.h"

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

static void reads_where_the_master_is(void **state)
{
    (void)state;
    redisReply *reply = reply_of("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n");
    struct redis_host host;
    assert_true(redis_sentinel_read_master(&host, reply));
    assert_string_equal(host.name, "127.0.0.1");
    assert_int_equal(host.port, 6380);
    freeReplyObject(reply);
}

static void takes_nothing_else_for_a_master(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "*-1\r\n",
        "$-1\r\n",
        "-IDONTKNOW I have not been able to find out\r\n",
        "*0\r\n",
        "*1\r\n$1\r\nh\r\n",
        "*2\r\n$0\r\n\r\n$4\r\n6380\r\n",
        "*2\r\n$1\r\nh\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\nh\r\n$2\r\n-1\r\n",
        "*2\r\n$1\r\nh\r\n*0\r\n",
        "*2\r\n:5\r\n:6\r\n",
    };
    struct redis_host host;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        redisReply *reply = reply_of(wrong[i]);
        if (redis_sentinel_read_master(&host, reply))
            fail_msg("taken for a master: %s", wrong[i]);
        freeReplyObject(reply);
    }
    /* A name one character too long. */
    char text[400];
    (void)snprintf(text, sizeof text, "*2\r\n$256\r\n%0256d\r\n$1\r\n1\r\n", 0);
    redisReply *reply = reply_of(text);
    assert_false(redis_sentinel_read_master(&host, reply));
    freeReplyObject(reply);
}

#define REPLICA(ip, port, flags, status)                              \
    "*8\r\n+ip\r\n+" ip "\r\n+port\r\n+" port "\r\n+flags\r\n+" flags \
    "\r\n+master-link-status\r\n+" status "\r\n"

static void takes_each_well_replica_in_turn(void **state)
{
    (void)state;
    redisReply *reply = reply_of(
        "*5\r\n" REPLICA("a", "1", "slave", "ok") REPLICA("b", "2", "s_down,slave", "ok")
            REPLICA("c", "3", "slave", "err") REPLICA("d", "4", "slave", "ok") "+nonsense\r\n");
    struct redis_host host;
    static const char *const wanted[] = { "a", "d", "a", "d" };
    for (unsigned i = 0; i < 4; i++) {
        assert_true(redis_sentinel_read_replica(&host, reply, i));
        assert_string_equal(host.name, wanted[i]);
    }
    freeReplyObject(reply);
    reply = reply_of("*1\r\n" REPLICA("b", "2", "slave,disconnected", "ok"));
    assert_false(redis_sentinel_read_replica(&host, reply, 0));
    freeReplyObject(reply);
    reply = reply_of("*0\r\n");
    assert_false(redis_sentinel_read_replica(&host, reply, 7));
    freeReplyObject(reply);
}

static void expect_complaint(const char *text, bool needs_master, const char *wanted)
{
    redisReply *reply = reply_of(text);
    const char *complaint = redis_role_complaint(reply, needs_master);
    if (wanted)
        assert_non_null(strstr(complaint, wanted));
    else
        assert_null(complaint);
    freeReplyObject(reply);
}

static void knows_which_role_will_do(void **state)
{
    (void)state;
    static const char master[] = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    static const char connected[] =
        "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n";
    static const char syncing[] = "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$4\r\nsync\r\n:5\r\n";
    expect_complaint(master, true, NULL);
    expect_complaint(master, false, NULL);
    expect_complaint(connected, true, "replica");
    expect_complaint(connected, false, NULL);
    expect_complaint(syncing, false, "not connected");
    expect_complaint("*2\r\n$8\r\nsentinel\r\n*0\r\n", false, "sentinel");
    expect_complaint("*0\r\n", true, "no sense");
    expect_complaint("+OK\r\n", true, "no sense");
    expect_complaint("*1\r\n$5\r\nslave\r\n", false, "not connected");
}

static void knows_errors_by_their_code(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        enum redis_refusal refusal;
    } rows[] = {
        { "LOADING Redis is loading the dataset in memory", REDIS_REFUSAL_PLACE },
        { "READONLY You can't write against a read only replica. script: f, on @user_script:1.",
          REDIS_REFUSAL_PLACE },
        { "MASTERDOWN Link with MASTER is down", REDIS_REFUSAL_PLACE },
        { "NOAUTH Authentication required.", REDIS_REFUSAL_CREDENTIALS },
        { "WRONGPASS invalid username-password pair or user is disabled.",
          REDIS_REFUSAL_CREDENTIALS },
        { "OOM command not allowed when used memory > 'maxmemory'.", REDIS_REFUSAL_CONDITION },
        { "MISCONF Errors writing to the AOF file: No space left on device",
          REDIS_REFUSAL_CONDITION },
        { "NOPERM this user has no permissions", REDIS_REFUSAL_CONDITION },
        { "NOREPLICAS Not enough good replicas to write.", REDIS_REFUSAL_CONDITION },
        { "CLUSTERDOWN The cluster is down", REDIS_REFUSAL_PLACE },
        { "MOVED 3999 127.0.0.1:6381", REDIS_REFUSAL_PLACE },
        { "ASK 3999 127.0.0.1:6381", REDIS_REFUSAL_MOVING },
        { "TRYAGAIN Multiple keys request during rehashing of slot", REDIS_REFUSAL_MOVING },
        { "EXECABORT Transaction discarded because of previous errors.", REDIS_REFUSAL_NONE },
        { "ERR unknown command", REDIS_REFUSAL_NONE },
        { "READONLYISH", REDIS_REFUSAL_NONE },
        { "READ", REDIS_REFUSAL_NONE },
        { "", REDIS_REFUSAL_NONE },
        { "OOM", REDIS_REFUSAL_CONDITION },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (redis_refusal_of(rows[i].error) != rows[i].refusal)
            fail_msg("%s", rows[i].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_where_the_master_is),
        cmocka_unit_test(takes_nothing_else_for_a_master),
        cmocka_unit_test(takes_each_well_replica_in_turn),
        cmocka_unit_test(knows_which_role_will_do),
        cmocka_unit_test(knows_errors_by_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
