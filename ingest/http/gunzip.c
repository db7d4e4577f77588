#include "ingest/http/gunzip.h"

#include <assert.h>
#include <libdeflate.h>

enum {
    /* RFC 1952 section 2.3: a file is no shorter than its header and its end. */
    GZIP_SIZE_MIN = 18,
    SIZE_FIELD = 4,
    GROWTH = 4,
};

bool gunzip_is_likely(struct bytes body)
{
    return body.size >= 2 && body.data[0] == 0x1f && body.data[1] == 0x8b;
}

/* The file's last field says how large it becomes. It is no promise, but a good guess, and no more
 * than a guess may cost. */
static size_t guess_size(struct bytes body, size_t most)
{
    const uint8_t *field = body.data + body.size - SIZE_FIELD;
    size_t size = 0;
    for (size_t i = SIZE_FIELD; i > 0; i--)
        size = size << 8 | field[i - 1];
    size_t usual = body.size * GROWTH;
    size = size > usual * GROWTH ? usual : size;
    return size < most ? size + 1 : most;
}

static enum gunzip_result inflate_into(struct libdeflate_decompressor *inflater, struct buffer *out,
                                       struct bytes body, size_t room)
{
    size_t read = 0, written = 0;
    uint8_t *to = buffer_reserve(out, room);
    enum libdeflate_result result =
        libdeflate_gzip_decompress_ex(inflater, body.data, body.size, to, room, &read, &written);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return GUNZIP_TOO_LARGE;
    if (result != LIBDEFLATE_SUCCESS || read != body.size)
        return GUNZIP_NOT_GZIP;
    out->size += written;
    return GUNZIP_DONE;
}

enum gunzip_result gunzip(struct buffer *out, struct bytes body)
{
    assert(!out->failed && out->limit > out->size);
    if (!gunzip_is_likely(body) || body.size < GZIP_SIZE_MIN)
        return GUNZIP_NOT_GZIP;
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    assert(inflater);
    size_t most = out->limit - out->size;
    size_t room = guess_size(body, most);
    enum gunzip_result result = inflate_into(inflater, out, body, room);
    while (result == GUNZIP_TOO_LARGE && room < most) {
        room = room < most / GROWTH ? room * GROWTH : most;
        result = inflate_into(inflater, out, body, room);
    }
    libdeflate_free_decompressor(inflater);
    return result;
}
