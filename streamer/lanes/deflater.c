/*
 * Most messages are shorter than the window, and those libdeflate compresses in two thirds of the
 * time zlib takes. It knows no window but 32 KiB, so longer ones are zlib's.
 */
#include "streamer/lanes/deflater.h"

#include <assert.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>

#include "shared/base/memory.h"

enum {
    /* Measured on lite messages: level 1 makes 53.6 % of them, level 6 52.7 % for a third more
     * time. */
    LEVEL = 1,
    /* 2^(level + 9) bytes to be cleared for each message: below it is slower to compress, above it
     * slower to begin. */
    MEMORY_LEVEL = 5,
    /* What Z_SYNC_FLUSH ends with, and a receiver appends again. */
    TAIL_SIZE = 4,
    /* No distance in these is larger than the window. */
    SHORT_MAX = 1 << DEFLATER_WINDOW_BITS,
    /* RFC 1951 section 3.2.3: a block's header is BFINAL, its lowest bit, and two of BTYPE, zero
     * for one without compression. */
    FINAL_BIT = 1,
    HEADER_BITS_AT_END = 0xe0,
};

struct deflater {
    z_stream stream;
    struct libdeflate_compressor *compressor;
    struct libdeflate_decompressor *decompressor;
    uint8_t inflated[SHORT_MAX];
};

struct deflater *deflater_create(void)
{
    struct deflater *deflater = memory_allocate_zeroed(1, sizeof *deflater);
    /* Negative: no zlib header. The other ways to fail are wrong arguments. */
    if (deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED, -DEFLATER_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    deflater->compressor = libdeflate_alloc_compressor(LEVEL);
    deflater->decompressor = libdeflate_alloc_decompressor();
    if (!deflater->compressor || !deflater->decompressor)
        abort();
    return deflater;
}

void deflater_destroy(struct deflater *deflater)
{
    if (!deflater)
        return;
    (void)deflateEnd(&deflater->stream);
    libdeflate_free_compressor(deflater->compressor);
    libdeflate_free_decompressor(deflater->decompressor);
    free(deflater);
}

/* Whether the last three bits are behind the block's end. What ends a block of zeros there ends no
 * longer when they are ones: it is another code then, and no end can follow, for there is nothing
 * left but ones. */
static bool has_header_room(struct deflater *deflater, uint8_t *block, size_t size,
                            struct bytes message)
{
    size_t got = 0;
    uint8_t *last = &block[size - 1];
    if (*last & HEADER_BITS_AT_END)
        return false;
    *last ^= HEADER_BITS_AT_END;
    enum libdeflate_result result = libdeflate_deflate_decompress(
        deflater->decompressor, block, size, deflater->inflated, sizeof deflater->inflated, &got);
    *last ^= HEADER_BITS_AT_END;
    return result == LIBDEFLATE_SUCCESS && bytes_equal(bytes_of(deflater->inflated, got), message);
}

/* libdeflate ends with a final block. RFC 7692 allows that (section 7.2.3.4), but who keeps an
 * inflater from message to message, as the WebSocket built into Node.js does, gets nothing more out
 * of it. So the block is made an ordinary one, and an empty one begins behind it, as if it had been
 * flushed: the rest of which is the tail that is left out. Answers the size, 0 if it is no such
 * block. `block` has room for one byte more. */
static size_t open_block(struct deflater *deflater, uint8_t *block, size_t size,
                         struct bytes message)
{
    if (size == 0 || !(block[0] & FINAL_BIT))
        return 0;
    if (!has_header_room(deflater, block, size, message))
        block[size++] = 0;
    block[0] ^= FINAL_BIT;
    return size;
}

static bool compress_short(struct deflater *deflater, struct buffer *out, struct bytes message)
{
    uint8_t *room = buffer_reserve(out, message.size);
    if (!room || message.size == 0)
        return false;
    size_t size = libdeflate_deflate_compress(deflater->compressor, message.data, message.size,
                                              room, message.size - 1);
    size = open_block(deflater, room, size, message);
    out->size += size;
    return size > 0;
}

static bool compress_long(struct deflater *deflater, struct buffer *out, struct bytes message)
{
    static const uint8_t tail[TAIL_SIZE] = { 0, 0, 0xff, 0xff };
    z_stream *stream = &deflater->stream;
    uint8_t *room =
        message.size <= UINT32_MAX / 2 ? buffer_reserve(out, message.size + TAIL_SIZE) : NULL;
    if (!room)
        return false;
    (void)deflateReset(stream);
    /* zlib's pointers are not const, but it does not write to its input. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    stream->next_in = (Bytef *)(uintptr_t)message.data;
    stream->avail_in = (uInt)message.size;
    stream->next_out = room;
    stream->avail_out = (uInt)(message.size + TAIL_SIZE);
    int result = deflate(stream, Z_SYNC_FLUSH);
    size_t size = message.size + TAIL_SIZE - stream->avail_out;
    /* Without room left there may be more to come. */
    if (result != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
        return false;
    assert(size >= TAIL_SIZE && memcmp(room + size - TAIL_SIZE, tail, TAIL_SIZE) == 0);
    out->size += size - TAIL_SIZE;
    return true;
}

bool deflater_compress(struct deflater *deflater, struct buffer *out, struct bytes message)
{
    return message.size <= SHORT_MAX ? compress_short(deflater, out, message)
                                     : compress_long(deflater, out, message);
}
