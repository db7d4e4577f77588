/* Replies in arenas against hiredis' own, cut at every byte. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/redis/reply_arena.h"

/* Every kind of reply of RESP2, and an EXEC as the reader of the stream gets it. */
static const char *const replies[] = {
    "+OK\r\n",
    "-ERR no such key\r\n",
    ":1234567890123\r\n",
    "$5\r\nhello\r\n",
    "$0\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*3\r\n$1\r\na\r\n$-1\r\n:7\r\n",
    ("*2\r\n*2\r\n$6\r\nlength\r\n:1\r\n*1\r\n*2\r\n$4\r\nP:st\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*4\r\n"
     "$4\r\njson\r\n$2\r\n{}\r\n$3\r\nder\r\n$3\r\n0\r\n\r\n"),
};

enum {
    REPLIES = sizeof replies / sizeof *replies
};

/* As deep as the replies above. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void assert_same(const redisReply *ours, const redisReply *theirs)
{
    assert_int_equal(ours->type, theirs->type);
    assert_int_equal(ours->integer, theirs->integer);
    assert_int_equal(ours->elements, theirs->elements);
    assert_int_equal(ours->len, theirs->len);
    assert_int_equal(ours->str == NULL, theirs->str == NULL);
    if (ours->str)
        assert_memory_equal(ours->str, theirs->str, ours->len + 1);
    for (size_t i = 0; i < ours->elements; i++)
        assert_same(ours->element[i], theirs->element[i]);
}

static redisReader *make_reader(void)
{
    redisReader *reader = redisReaderCreate();
    reply_arena_adopt(reader, NULL);
    return reader;
}

static redisReply *take_reply(redisReader *reader)
{
    void *reply = NULL;
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    return reply;
}

/* The text comes in two parts; nothing is there before the last byte. */
static redisReply *read_in_parts(redisReader *reader, const char *text, size_t cut)
{
    size_t size = strlen(text);
    assert_int_equal(redisReaderFeed(reader, text, cut), REDIS_OK);
    redisReply *reply = take_reply(reader);
    assert_true(cut == size || !reply);
    assert_int_equal(redisReaderFeed(reader, text + cut, size - cut), REDIS_OK);
    return reply ? reply : take_reply(reader);
}

static void reads_what_hiredis_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        redisReader *plain = redisReaderCreate();
        redisReply *theirs = read_in_parts(plain, replies[i], 1);
        for (size_t cut = 0; cut <= strlen(replies[i]); cut++) {
            redisReader *reader = make_reader();
            redisReply *ours = read_in_parts(reader, replies[i], cut);
            assert_same(ours, theirs);
            redisReaderFree(reader);
            assert_same(ours, theirs);
            reply_arena_release(ours);
        }
        freeReplyObject(theirs);
        redisReaderFree(plain);
    }
}

/* The connection ends in the middle of a reply. */
static void frees_what_is_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++)
        for (size_t cut = 0; cut < strlen(replies[i]); cut++) {
            redisReader *reader = make_reader();
            assert_int_equal(redisReaderFeed(reader, replies[i], cut), REDIS_OK);
            assert_null(take_reply(reader));
            redisReaderFree(reader);
        }
}

static void refuses_what_is_no_reply(void **state)
{
    (void)state;
    static const char *const broken[] = { "*2\r\n$1\r\na\r\n!\r\n", "*2\r\n:x\r\n",
                                          "*1000000000\r\n", "*1\r\n*1\r\n?" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        redisReader *reader = make_reader();
        void *reply = NULL;
        assert_int_equal(redisReaderFeed(reader, broken[i], strlen(broken[i])), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
        assert_null(reply);
        redisReaderFree(reader);
    }
}

/* Larger than a chunk, each and together; what comes behind it moves hiredis' buffer. */
static void holds_large_replies(void **state)
{
    (void)state;
    enum {
        TEXTS = 300,
        LARGEST = 70000
    };
    struct buffer text;
    char head[32];
    buffer_init(&text, (size_t)64 * 1024 * 1024);
    (void)snprintf(head, sizeof head, "*%d\r\n", TEXTS);
    buffer_append_string(&text, head);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t size = i * 997 % LARGEST;
        (void)snprintf(head, sizeof head, "$%zu\r\n", size);
        buffer_append_string(&text, head);
        for (size_t j = 0; j < size; j++)
            buffer_append_byte(&text, (uint8_t)(i + j));
        buffer_append_string(&text, "\r\n");
    }
    redisReader *reader = make_reader();
    for (size_t at = 0; at < text.size; at += 50000) {
        size_t size = text.size - at < 50000 ? text.size - at : 50000;
        assert_int_equal(redisReaderFeed(reader, (const char *)text.data + at, size), REDIS_OK);
        if (at + size < text.size)
            assert_null(take_reply(reader));
    }
    redisReply *reply = take_reply(reader);
    assert_int_equal(reply->elements, TEXTS);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_int_equal(reply->element[i]->len, i * 997 % LARGEST);
        for (size_t j = 0; j < reply->element[i]->len; j++)
            assert_int_equal((uint8_t)reply->element[i]->str[j], (uint8_t)(i + j));
    }
    assert_true(reply_arena_bytes(reply) >= text.size - (size_t)32 * TEXTS);
    assert_true(reply_arena_bytes(reply) <= text.size * 2);
    reply_arena_release(reply);
    redisReaderFree(reader);
    buffer_free(&text);
}

static void lives_until_the_last_user_lets_go(void **state)
{
    (void)state;
    redisReader *reader = make_reader();
    redisReply *reply = read_in_parts(reader, replies[REPLIES - 1], 0);
    assert_ptr_equal(reply_arena_hold(reply), reply);
    reader->fn->freeObject(reply);
    redisReaderFree(reader);
    assert_string_equal(reply->element[0]->element[0]->str, "length");
    reply_arena_release(reply);
    reply_arena_release(NULL);
}

/* One after the other, and two at a time, of which the second outlives reader and pool. */
static void memory_of_a_pool_is_used_again(void **state)
{
    (void)state;
    enum {
        SIZE = 60000,
        TEXTS = 10
    };
    struct reply_pool *pool = reply_pool_create();
    redisReader *reader = redisReaderCreate();
    struct buffer text;
    redisReply *last = NULL;
    reply_arena_adopt(reader, pool);
    buffer_init(&text, (size_t)2 * SIZE * TEXTS);
    for (int turn = 0; turn < 4; turn++) {
        buffer_clear(&text);
        buffer_append_format(&text, "*%d\r\n", TEXTS);
        for (int i = 0; i < TEXTS; i++)
            buffer_append_format(&text, "$%d\r\n%0*d\r\n", SIZE, SIZE, 100 * turn + i);
        assert_int_equal(redisReaderFeed(reader, (const char *)text.data, text.size), REDIS_OK);
        redisReply *reply = take_reply(reader);
        for (int i = 0; i < TEXTS; i++)
            assert_int_equal(strtol(reply->element[i]->str, NULL, 10), 100 * turn + i);
        if (turn % 2)
            reply_arena_release(reply);
        else
            reply_arena_release(last);
        if (turn % 2 == 0)
            last = reply;
    }
    redisReaderFree(reader);
    reply_pool_release(pool);
    for (int i = 0; i < TEXTS; i++)
        assert_int_equal(strtol(last->element[i]->str, NULL, 10), 200 + i);
    reply_arena_release(last);
    reply_pool_release(NULL);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_hiredis_reads),
        cmocka_unit_test(frees_what_is_cut_off),
        cmocka_unit_test(refuses_what_is_no_reply),
        cmocka_unit_test(holds_large_replies),
        cmocka_unit_test(lives_until_the_last_user_lets_go),
        cmocka_unit_test(memory_of_a_pool_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
