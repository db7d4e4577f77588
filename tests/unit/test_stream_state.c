/* What Redis says of the stream, and what that says of those who come for what is trimmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "streamer/stream/stream_state.h"

static redisReply *parse(const char *text)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void reads_what_redis_says(void **state)
{
    (void)state;
    redisReply *reply =
        parse("*14\r\n"
              "$6\r\nlength\r\n:3\r\n"
              "$15\r\nradix-tree-keys\r\n:1\r\n"
              "$17\r\nlast-generated-id\r\n$4\r\n90-2\r\n"
              "$20\r\nmax-deleted-entry-id\r\n$3\r\n5-0\r\n"
              "$13\r\nentries-added\r\n:10\r\n"
              "$11\r\nfirst-entry\r\n*2\r\n$4\r\n70-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
              "$10\r\nlast-entry\r\n*2\r\n$4\r\n90-2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    struct stream_state stream;
    assert_true(stream_state_read(&stream, reply));
    assert_int_equal(stream.length, 3);
    assert_int_equal(stream.added, 10);
    assert_int_equal(stream.last.ms, 90);
    assert_int_equal(stream.first.ms, 70);
    assert_int_equal(stream.first.sequence, 1);
    assert_int_equal(stream.last_deleted.ms, 5);
    assert_int_equal(stream_state_first_ordinal(&stream), 9);
    assert_int_equal(stream_state_end(&stream).ordinal, 11);
    freeReplyObject(reply);
}

static void no_key_is_an_empty_stream_and_nonsense_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = { "-NOPERM no\r\n", "$-1\r\n", ":1\r\n", "*1\r\n:1\r\n",
                                         "*2\r\n$6\r\nlength\r\n:3\r\n" };
    struct stream_state stream;
    redisReply *reply = parse("-ERR no such key\r\n");
    assert_true(stream_state_read(&stream, reply));
    assert_int_equal(stream.length, 0);
    freeReplyObject(reply);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reply = parse(wrong[i]);
        assert_false(stream_state_read(&stream, reply));
        freeReplyObject(reply);
    }
    assert_false(stream_state_read(&stream, NULL));
}

static void gaps_are_found_and_counted_where_that_can_be(void **state)
{
    (void)state;
    static const struct {
        struct stream_state stream;
        struct stream_position after;
        bool is_gap, is_counted;
        uint64_t missed, to_ms;
    } cases[] = {
        /* Trimmed up to the entry 80, which is the 8th of ten. */
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 50, 0 }, 6 }, true, true, 2, 79 },
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 70, 0 }, 8 }, false, false, 0, 0 },
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 80, 0 }, 9 }, false, false, 0, 0 },
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 99, 0 }, 11 }, false, false, 0, 0 },
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 50, 0 }, 0 }, true, false, 0, 79 },
        /* Never trimmed: before the first there is nothing. */
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 3, true }, { { 50, 0 }, 0 }, false, false, 0, 0 },
        /* One that had come before there was anything. */
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 0, 0 }, 1 }, true, true, 7, 79 },
        /* A Redis that does not count. */
        { { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 0, false }, { { 50, 0 }, 6 }, true, false, 0, 79 },
        /* Entries were deleted from the middle, so the oldest one's number is not known. */
        { { 3, { 80, 0 }, { 99, 0 }, { 90, 0 }, 10, true }, { { 50, 0 }, 6 }, true, false, 0, 79 },
        /* Empty: all trimmed; all had; never any. */
        { { 0, { 0, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 50, 0 }, 6 }, true, true, 5, 99 },
        { { 0, { 0, 0 }, { 99, 0 }, { 0, 0 }, 10, true }, { { 99, 0 }, 11 }, false, false, 0, 0 },
        { { 0, { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, true }, { { 0, 0 }, 1 }, false, false, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gap gap = { 0 };
        assert_int_equal(stream_state_gap(&cases[i].stream, &cases[i].after, &gap),
                         cases[i].is_gap);
        if (!cases[i].is_gap)
            continue;
        assert_int_equal(gap.is_counted, cases[i].is_counted);
        assert_int_equal(gap.missed, cases[i].missed);
        assert_int_equal(gap.to.ms, cases[i].to_ms);
        assert_int_equal(gap.from.ms, cases[i].after.id.ms);
        assert_int_equal(gap.reason, GAP_TRIMMED);
    }
}

static void places_that_can_be_have_their_number(void **state)
{
    (void)state;
    const struct stream_state trimmed = { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true };
    const struct stream_state empty = { 0, { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, true };
    const struct stream_state uncounted = { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 0, false };
    const struct stream_id first = { 80, 0 }, middle = { 90, 0 }, last = { 99, 0 }, none = { 0, 0 };
    assert_int_equal(stream_state_position(&trimmed, stream_id_before(first)).ordinal, 8);
    assert_int_equal(stream_state_position(&trimmed, middle).ordinal, 0);
    assert_int_equal(stream_state_position(&trimmed, last).ordinal, 11);
    assert_int_equal(stream_state_position(&empty, none).ordinal, 1);
    assert_int_equal(stream_state_position(&uncounted, last).ordinal, 0);
    assert_int_equal(stream_state_position(&uncounted, stream_id_before(first)).ordinal, 0);
    assert_int_equal(stream_id_compare(stream_state_position(&trimmed, middle).id, middle), 0);
}

static void no_stream_had_more_entries_than_it_says(void **state)
{
    (void)state;
    const struct stream_state counted = { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 10, true };
    const struct stream_state uncounted = { 3, { 80, 0 }, { 99, 0 }, { 0, 0 }, 0, false };
    const struct stream_position newest = { { 99, 0 }, 11 }, too_many = { { 99, 0 }, 12 },
                                 unknown = { { 99, 0 }, 0 }, later = { { 100, 0 }, 12 };
    assert_true(stream_state_has_place(&counted, &newest));
    assert_true(stream_state_has_place(&counted, &unknown));
    /* It came after the state was read. */
    assert_true(stream_state_has_place(&counted, &later));
    assert_false(stream_state_has_place(&counted, &too_many));
    assert_true(stream_state_has_place(&uncounted, &too_many));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_redis_says),
        cmocka_unit_test(no_key_is_an_empty_stream_and_nonsense_is_none),
        cmocka_unit_test(places_that_can_be_have_their_number),
        cmocka_unit_test(gaps_are_found_and_counted_where_that_can_be),
        cmocka_unit_test(no_stream_had_more_entries_than_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
