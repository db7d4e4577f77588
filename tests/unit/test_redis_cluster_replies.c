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
#include "shared/redis/redis_cluster.h"

static const struct redis_host asked = { "seed", 7000 };

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

/* As redis-server 7.0.15 answers CLUSTER KEYSLOT. */
static void knows_the_slots_of_keys(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        unsigned slot;
    } rows[] = {
        { "123456789", 0x31c3 },   { "", 0 },
        { "foo", 12182 },          { "{certstream}:stream", 2646 },
        { "certstream", 2646 },    { "x{certstream}{other}", 2646 },
        { "{}certstream", 195 },   { "{user1000}.following", 3443 },
        { "foo{{bar}}zap", 4015 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (redis_cluster_slot(rows[i].key) != rows[i].slot)
            fail_msg("%s: %u", rows[i].key, redis_cluster_slot(rows[i].key));
}

static void wants_a_hash_tag_in_a_cluster(void **state)
{
    (void)state;
    assert_null(redis_cluster_refuse_prefix("cluster://a", "{certstream}"));
    assert_null(redis_cluster_refuse_prefix("cluster://a", "my{deployment}here"));
    assert_non_null(redis_cluster_refuse_prefix("cluster://a", "certstream"));
    assert_non_null(redis_cluster_refuse_prefix("cluster://a", "{}certstream"));
    assert_non_null(redis_cluster_refuse_prefix("cluster://a", "{certstream"));
    assert_non_null(redis_cluster_refuse_prefix("cluster://a", "}certstream{"));
    assert_null(redis_cluster_refuse_prefix("redis://a", "certstream"));
    assert_null(redis_cluster_refuse_prefix("no address", "certstream"));
}

#define NODE(name, port)                    "*3\r\n" name "\r\n:" port "\r\n$2\r\nid\r\n"
#define RANGE(first, last, elements, nodes) "*" elements "\r\n:" first "\r\n:" last "\r\n" nodes

static const char slots[] =
    "*3\r\n" RANGE("0", "5460", "4", NODE("$1\r\na", "7001") NODE("$1\r\nb", "7002"))
        RANGE("5461", "10922", "3", NODE("$-1", "7003"))
            RANGE("10923", "16383", "6",
                  NODE("$3\r\n::1", "7004") NODE("$1\r\n?", "7005") NODE("$0\r\n", "7006")
                      NODE("$1\r\na", "7001"));

static void expect_owner(const redisReply *reply, unsigned slot, const char *name, int port)
{
    struct redis_host host;
    assert_true(redis_cluster_read_owner(&host, reply, slot, &asked));
    assert_string_equal(host.name, name);
    assert_int_equal(host.port, port);
}

static void finds_who_has_a_slot(void **state)
{
    (void)state;
    redisReply *reply = reply_of(slots);
    struct redis_host host;
    expect_owner(reply, 0, "a", 7001);
    expect_owner(reply, 5460, "a", 7001);
    expect_owner(reply, 5461, "seed", 7003);
    expect_owner(reply, 16383, "::1", 7004);
    assert_false(redis_cluster_read_owner(&host, reply, REDIS_SLOTS, &asked));
    freeReplyObject(reply);
}

static void takes_each_replica_in_turn(void **state)
{
    (void)state;
    redisReply *reply = reply_of(slots);
    struct redis_host host;
    assert_true(redis_cluster_read_replica(&host, reply, 1, &asked, 0));
    assert_int_equal(host.port, 7002);
    assert_true(redis_cluster_read_replica(&host, reply, 1, &asked, 1));
    assert_int_equal(host.port, 7002);
    assert_false(redis_cluster_read_replica(&host, reply, 6000, &asked, 0));
    assert_false(redis_cluster_read_replica(&host, reply, 11000, &asked, 0));
    assert_true(redis_cluster_read_replica(&host, reply, 11000, &asked, 1));
    assert_string_equal(host.name, "seed");
    assert_int_equal(host.port, 7006);
    freeReplyObject(reply);
}

static void learns_each_node_once(void **state)
{
    (void)state;
    redisReply *reply = reply_of(slots);
    struct redis_host nodes[8] = { { "seed", 7003 } };
    assert_int_equal(redis_cluster_read_nodes(nodes, 1, 8, reply, &asked), 5);
    assert_string_equal(nodes[1].name, "a");
    assert_int_equal(nodes[2].port, 7002);
    assert_int_equal(nodes[3].port, 7004);
    assert_int_equal(nodes[4].port, 7006);
    assert_int_equal(redis_cluster_read_nodes(nodes, 1, 3, reply, &asked), 3);
    assert_int_equal(redis_cluster_read_nodes(nodes, 3, 3, reply, &asked), 3);
    freeReplyObject(reply);
}

static void takes_nothing_else_for_slots(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "*-1\r\n",
        "*0\r\n",
        "$-1\r\n",
        "+OK\r\n",
        "*1\r\n:0\r\n",
        "*1\r\n*2\r\n:0\r\n:16383\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n:7\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*3\r\n$1\r\n0\r\n:16383\r\n*2\r\n$1\r\na\r\n:7000\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n:1\r\n:7000\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\na\r\n$4\r\n7000\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\na\r\n:0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\na\r\n:-1\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\na\r\n:65536\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\n?\r\n:7000\r\n",
    };
    struct redis_host nodes[4];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        redisReply *reply = reply_of(wrong[i]);
        if (redis_cluster_read_owner(nodes, reply, 1, &asked) ||
            redis_cluster_read_replica(nodes, reply, 1, &asked, 0) ||
            redis_cluster_read_nodes(nodes, 0, 4, reply, &asked))
            fail_msg("taken for slots: %s", wrong[i]);
        freeReplyObject(reply);
    }
}

static void follows_moved(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        struct redis_host owner;
    } rows[] = {
        { "MOVED 3999 127.0.0.1:6381", { "127.0.0.1", 6381 } },
        { "MOVED 0 ::1:6381", { "::1", 6381 } },
        { "MOVED 16383 node-3.example:6381", { "node-3.example", 6381 } },
        { "MOVED 3999 :6381", { "seed", 6381 } },
        { "MOVED 3999 ?:6381", { "", 0 } },
        { "MOVED 16384 127.0.0.1:6381", { "", 0 } },
        { "MOVED -1 127.0.0.1:6381", { "", 0 } },
        { "MOVED 3999 127.0.0.1", { "", 0 } },
        { "MOVED 3999 127.0.0.1:", { "", 0 } },
        { "MOVED 3999 127.0.0.1:0", { "", 0 } },
        { "MOVED 3999 127.0.0.1:65536", { "", 0 } },
        { "MOVED 3999", { "", 0 } },
        { "MOVED ", { "", 0 } },
        { "MOVED", { "", 0 } },
        { "MOVEDX 3999 127.0.0.1:6381", { "", 0 } },
        { "ASK 3999 127.0.0.1:6381", { "", 0 } },
        { "", { "", 0 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_host owner = { 0 };
        bool is_moved = redis_cluster_read_moved(&owner, rows[i].error, &asked);
        if (is_moved != (rows[i].owner.port != 0) || owner.port != rows[i].owner.port ||
            strcmp(owner.name, rows[i].owner.name) != 0)
            fail_msg("%s: %s:%d", rows[i].error, owner.name, owner.port);
    }
    /* A name one character too long. */
    char error[400];
    struct redis_host owner;
    (void)snprintf(error, sizeof error, "MOVED 1 %0256d:1", 0);
    assert_false(redis_cluster_read_moved(&owner, error, &asked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_slots_of_keys), cmocka_unit_test(wants_a_hash_tag_in_a_cluster),
        cmocka_unit_test(finds_who_has_a_slot),    cmocka_unit_test(takes_each_replica_in_turn),
        cmocka_unit_test(learns_each_node_once),   cmocka_unit_test(takes_nothing_else_for_slots),
        cmocka_unit_test(follows_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
