#include "streamer/http/gzip_body.h"

#include <assert.h>
#include <libdeflate.h>

enum {
    /* The fastest: half of what the slowest level saves more is not worth a third of its time. */
    LEVEL = 1,
};

bool gzip_body(struct buffer *body)
{
    if (body->size < GZIP_BODY_MIN || body->size > GZIP_BODY_MAX)
        return false;
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    struct buffer out;
    buffer_init(&out, body->limit);
    assert(compressor);
    uint8_t *room = buffer_reserve(&out, body->size - 1);
    size_t size =
        libdeflate_gzip_compress(compressor, body->data, body->size, room, body->size - 1);
    libdeflate_free_compressor(compressor);
    if (!size) {
        buffer_free(&out);
        return false;
    }
    out.size = size;
    buffer_free(body);
    *body = out;
    return true;
}
