/* What is compressed here, zlib with the smallest window that we promise gets back: an inflater for
 * each message, and one for all of them. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "streamer/lanes/deflater.h"
#include "tests/support/seeded_random.h"

enum {
    MESSAGE_MAX = 200000,
    ROUNDS = 300,
};

static uint8_t message[MESSAGE_MAX];
static uint8_t inflated[MESSAGE_MAX + 1];

/* A fresh inflater each time: no message needs another one. */
static void expect_inflates_to(struct bytes payload, struct bytes expected)
{
    static const uint8_t tail[] = { 0, 0, 0xff, 0xff };
    z_stream stream = { 0 };
    assert_int_equal(inflateInit2(&stream, -DEFLATER_WINDOW_BITS), Z_OK);
    stream.next_out = inflated;
    stream.avail_out = sizeof inflated;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    stream.next_in = (Bytef *)(uintptr_t)payload.data;
    stream.avail_in = (uInt)payload.size;
    assert_true(inflate(&stream, Z_SYNC_FLUSH) >= Z_OK);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    stream.next_in = (Bytef *)(uintptr_t)tail;
    stream.avail_in = sizeof tail;
    (void)inflate(&stream, Z_SYNC_FLUSH);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, expected.size);
    assert_memory_equal(inflated, expected.data, expected.size);
    assert_int_equal(inflateEnd(&stream), Z_OK);
}

/* Texts of few letters compress, those of many do not. */
static struct bytes random_message(struct seeded_random *random)
{
    size_t size =
        seeded_random_next(random) % (seeded_random_next(random) % 4 ? 6000 : MESSAGE_MAX);
    uint64_t letters = seeded_random_next(random) % 3 ? 6 : 256;
    for (size_t i = 0; i < size; i++)
        message[i] = (uint8_t)(seeded_random_next(random) % letters);
    return bytes_of(message, size);
}

static void every_message_is_got_back_alone(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct deflater *deflater = deflater_create();
    struct buffer out;
    buffer_init(&out, (size_t)2 * MESSAGE_MAX);
    size_t shorter = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct bytes given_message = random_message(&random);
        buffer_clear(&out);
        buffer_append_string(&out, "before");
        if (!deflater_compress(deflater, &out, given_message)) {
            assert_int_equal(out.size, strlen("before"));
            continue;
        }
        assert_true(out.size - strlen("before") <= given_message.size);
        expect_inflates_to(bytes_of(out.data + 6, out.size - 6), given_message);
        shorter++;
    }
    assert_in_range(shorter, 1, ROUNDS - 1);
    buffer_free(&out);
    deflater_destroy(deflater);
}

/* The strictest of receivers: a window of its own and not the output's, an inflater that is never
 * begun anew, and no end of the stream. */
static void take_in_pieces(z_stream *stream, struct bytes part, struct buffer *out)
{
    uint8_t piece[100];
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    stream->next_in = (Bytef *)(uintptr_t)part.data;
    stream->avail_in = (uInt)part.size;
    do {
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        int result = inflate(stream, Z_SYNC_FLUSH);
        assert_true(result == Z_OK || result == Z_BUF_ERROR);
        buffer_append(out, piece, sizeof piece - stream->avail_out);
    } while (stream->avail_out == 0);
    assert_int_equal(stream->avail_in, 0);
}

static void one_inflater_gets_all_messages_back(void **state)
{
    (void)state;
    static const uint8_t tail[] = { 0, 0, 0xff, 0xff };
    struct seeded_random random = seeded_random_of_run();
    struct deflater *deflater = deflater_create();
    struct buffer out, back;
    z_stream stream = { 0 };
    size_t endings[2] = { 0 };
    buffer_init(&out, MESSAGE_MAX);
    buffer_init(&back, MESSAGE_MAX);
    assert_int_equal(inflateInit2(&stream, -DEFLATER_WINDOW_BITS), Z_OK);
    for (int round = 0; round < 20 * ROUNDS; round++) {
        struct bytes given_message = random_message(&random);
        given_message.size %= round % 8 ? 1 << DEFLATER_WINDOW_BITS : 2 << DEFLATER_WINDOW_BITS;
        buffer_clear(&out);
        buffer_clear(&back);
        if (!deflater_compress(deflater, &out, given_message))
            continue;
        endings[out.data[out.size - 1] != 0]++;
        take_in_pieces(&stream, buffer_bytes(&out), &back);
        take_in_pieces(&stream, bytes_of(tail, sizeof tail), &back);
        assert_true(bytes_equal(buffer_bytes(&back), given_message));
    }
    /* The header of the empty block has a byte of its own, or not. */
    assert_true(endings[0] > 0 && endings[1] > 0);
    assert_int_equal(inflateEnd(&stream), Z_OK);
    buffer_free(&out);
    buffer_free(&back);
    deflater_destroy(deflater);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_got_back_alone),
        cmocka_unit_test(one_inflater_gets_all_messages_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
