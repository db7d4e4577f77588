#include "streamer/lanes/websocket_frame.h"

#include <assert.h>

enum {
    FINAL_BIT = 0x80,
    /* The length byte says that 16 or 64 bits of length follow. */
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

static size_t write_length(uint8_t *out, size_t width, uint64_t size)
{
    for (size_t i = 0; i < width; i++)
        out[i] = (uint8_t)(size >> 8 * (width - 1 - i));
    return width;
}

size_t websocket_frame_header(uint8_t *header, enum websocket_frame_type type, size_t size)
{
    assert(type == WEBSOCKET_FRAME_TEXT || type == WEBSOCKET_FRAME_TEXT_DEFLATED ||
           size <= WEBSOCKET_CONTROL_MAX);
    header[0] = (uint8_t)(FINAL_BIT | type);
    if (size < LENGTH_16) {
        header[1] = (uint8_t)size;
        return 2;
    }
    header[1] = size <= UINT16_MAX ? LENGTH_16 : LENGTH_64;
    return 2 + write_length(header + 2, size <= UINT16_MAX ? 2 : 8, size);
}
