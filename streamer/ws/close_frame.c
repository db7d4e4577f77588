#include "streamer/ws/close_frame.h"

#include "streamer/ws/utf8_check.h"

enum {
    CODE_SIZE = 2,
    PROTOCOL_ERROR = 1002,
    INVALID_PAYLOAD = 1007,
};

/* Those that may stand in a frame: of RFC 6455 and of its registry so far, of libraries and of
 * applications. */
static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

unsigned close_frame_check(struct bytes payload)
{
    if (payload.size == 0)
        return 0;
    if (payload.size < CODE_SIZE || !is_code((unsigned)payload.data[0] << 8 | payload.data[1]))
        return PROTOCOL_ERROR;
    struct utf8_check check = { 0 };
    bool is_text =
        utf8_check_add(&check, bytes_of(payload.data + CODE_SIZE, payload.size - CODE_SIZE)) &&
        utf8_check_is_complete(&check);
    return is_text ? 0 : INVALID_PAYLOAD;
}
