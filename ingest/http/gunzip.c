/* Lets zlib's input be const. */
#define ZLIB_CONST

#include "ingest/http/gunzip.h"

#include <assert.h>
#include <zlib.h>

enum {
    WINDOW_BITS_GZIP = 15 + 16,
    STEP = 64 * 1024,
};

bool gunzip_is_likely(struct bytes body)
{
    return body.size >= 2 && body.data[0] == 0x1f && body.data[1] == 0x8b;
}

/* Inflates into the room that `out` still has, at most a step of it. */
static int inflate_step(z_stream *stream, struct buffer *out)
{
    size_t room = out->limit - out->size;
    room = room < STEP ? room : STEP;
    stream->next_out = buffer_reserve(out, room);
    stream->avail_out = (uInt)room;
    int result = inflate(stream, Z_NO_FLUSH);
    out->size += room - stream->avail_out;
    return result;
}

static enum gunzip_result inflate_all(z_stream *stream, struct buffer *out)
{
    int result = Z_OK;
    while (result == Z_OK && out->size < out->limit) {
        result = inflate_step(stream, out);
        /* All is read and there was room: the end is missing. */
        if (result == Z_OK && stream->avail_in == 0 && stream->avail_out > 0)
            return GUNZIP_NOT_GZIP;
    }
    if (result == Z_OK)
        return GUNZIP_TOO_LARGE;
    return result == Z_STREAM_END && stream->avail_in == 0 ? GUNZIP_DONE : GUNZIP_NOT_GZIP;
}

enum gunzip_result gunzip(struct buffer *out, struct bytes body)
{
    z_stream stream = { 0 };
    assert(!out->failed && out->limit > out->size);
    if (!gunzip_is_likely(body) || body.size > UINT32_MAX)
        return GUNZIP_NOT_GZIP;
    int result = inflateInit2(&stream, WINDOW_BITS_GZIP);
    assert(result == Z_OK);
    stream.next_in = body.data;
    stream.avail_in = (uInt)body.size;
    enum gunzip_result done = inflate_all(&stream, out);
    (void)inflateEnd(&stream);
    return done;
}
