#include "streamer/ws/client_frames.h"

#include <assert.h>

#include "streamer/ws/close_frame.h"

enum {
    FINAL = 0x80,
    RSV1 = 0x40,
    RSV_OTHERS = 0x30,
    OPCODE = 0x0f,
    CONTROL = 0x08, /* the bit that control opcodes have */
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_SIZE = 4,
    UNMASK_SIZE = 1024,
    PROTOCOL_ERROR = 1002,
    INVALID_PAYLOAD = 1007,
    TOO_LARGE = 1009,
};

enum opcode {
    OPCODE_CONTINUATION = 0x0,
    OPCODE_TEXT = 0x1,
    OPCODE_BINARY = 0x2,
    OPCODE_CLOSE = 0x8,
    OPCODE_PING = 0x9,
    OPCODE_PONG = 0xa,
};

void client_frames_init(struct client_frames *frames, bool has_deflate)
{
    *frames = (struct client_frames){ .has_deflate = has_deflate };
}

static struct client_word nothing(void)
{
    return (struct client_word){ .says = CLIENT_SAYS_NOTHING };
}

static struct client_word wrong(unsigned code, const char *reason)
{
    return (struct client_word){ .says = CLIENT_IS_WRONG, .code = code, .reason = reason };
}

static unsigned opcode_of(const struct client_frames *frames)
{
    return frames->header[0] & OPCODE;
}

static bool is_final(const struct client_frames *frames)
{
    return frames->header[0] & FINAL;
}

static bool is_control(const struct client_frames *frames)
{
    return frames->header[0] & CONTROL;
}

/* How many bytes of length follow the second byte. */
static size_t length_width(const struct client_frames *frames)
{
    switch (frames->header[1] & LENGTH) {
    case LENGTH_16: return 2;
    case LENGTH_64: return 8;
    default: return 0;
    }
}

static size_t header_size(const struct client_frames *frames)
{
    return frames->header_size < 2 ? 2 : 2 + length_width(frames) + MASK_SIZE;
}

static struct client_word check_opcode(const struct client_frames *frames)
{
    unsigned opcode = opcode_of(frames);
    if (opcode > OPCODE_PONG || (opcode > OPCODE_BINARY && opcode < OPCODE_CLOSE))
        return wrong(PROTOCOL_ERROR, "no such opcode");
    if (is_control(frames))
        return is_final(frames) ? nothing() : wrong(PROTOCOL_ERROR, "a control frame in fragments");
    if (opcode == OPCODE_CONTINUATION)
        return frames->is_open ? nothing() : wrong(PROTOCOL_ERROR, "a continuation of nothing");
    return frames->is_open ? wrong(PROTOCOL_ERROR, "a message within a message") : nothing();
}

/* RSV1 says that a message is compressed, in its first frame (RFC 7692 section 6). */
static bool rsv_is_right(const struct client_frames *frames)
{
    unsigned opcode = opcode_of(frames);
    if (frames->header[0] & RSV_OTHERS)
        return false;
    return !(frames->header[0] & RSV1) ||
           (frames->has_deflate && (opcode == OPCODE_TEXT || opcode == OPCODE_BINARY));
}

/* As soon as there are two bytes of the header: what is wrong in them is wrong whatever follows. */
static struct client_word check_start(const struct client_frames *frames)
{
    if (!rsv_is_right(frames))
        return wrong(PROTOCOL_ERROR, "a reserved bit is set");
    if (!(frames->header[1] & MASKED))
        return wrong(PROTOCOL_ERROR, "a frame without a mask");
    if (is_control(frames) && (frames->header[1] & LENGTH) > CLIENT_CONTROL_MAX)
        return wrong(PROTOCOL_ERROR, "a control frame of more than 125 bytes");
    return check_opcode(frames);
}

static uint64_t read_length(const struct client_frames *frames)
{
    size_t width = length_width(frames);
    uint64_t length = 0;
    if (width == 0)
        return frames->header[1] & LENGTH;
    for (size_t i = 0; i < width; i++)
        length = length << 8 | frames->header[2 + i];
    return length;
}

/* As soon as there is the length: it has the shortest form there is, and no sign (section 5.2), and
 * the message is not too long with it. */
static struct client_word check_length(const struct client_frames *frames)
{
    size_t width = length_width(frames);
    uint64_t length = read_length(frames);
    bool is_first = opcode_of(frames) != OPCODE_CONTINUATION;
    if ((width == 2 && length < LENGTH_16) ||
        (width == 8 && (length <= UINT16_MAX || length > INT64_MAX)))
        return wrong(PROTOCOL_ERROR, "a length that is none");
    return !is_control(frames) &&
                   length > CLIENT_MESSAGE_MAX - (is_first ? 0 : frames->message_size)
               ? wrong(TOO_LARGE, "message too large")
               : nothing();
}

static void begin_payload(struct client_frames *frames)
{
    frames->payload_size = read_length(frames);
    frames->payload_got = 0;
    if (is_control(frames))
        return;
    if (opcode_of(frames) != OPCODE_CONTINUATION) {
        frames->is_open = true;
        frames->is_plain_text = opcode_of(frames) == OPCODE_TEXT && !(frames->header[0] & RSV1);
        frames->message_size = 0;
        frames->text = (struct utf8_check){ 0 };
    }
    frames->message_size += frames->payload_size;
}

static bool has_header(const struct client_frames *frames)
{
    return frames->header_size >= 2 && frames->header_size == header_size(frames);
}

static struct client_word take_header(struct client_frames *frames, struct bytes *input)
{
    struct client_word word = nothing();
    while (input->size && !has_header(frames) && word.says == CLIENT_SAYS_NOTHING) {
        frames->header[frames->header_size++] = input->data[0];
        *input = bytes_of(input->data + 1, input->size - 1);
        if (frames->header_size == 2)
            word = check_start(frames);
        if (word.says == CLIENT_SAYS_NOTHING && frames->header_size >= 2 &&
            frames->header_size == 2 + length_width(frames))
            word = check_length(frames);
    }
    if (has_header(frames))
        begin_payload(frames);
    return word;
}

static void unmask(const struct client_frames *frames, uint8_t *out, struct bytes piece)
{
    const uint8_t *mask = frames->header + frames->header_size - MASK_SIZE;
    for (size_t i = 0; i < piece.size; i++)
        out[i] = piece.data[i] ^ mask[(frames->payload_got + i) % MASK_SIZE];
}

static struct client_word check_text(struct client_frames *frames, struct bytes piece)
{
    uint8_t plain[UNMASK_SIZE];
    assert(piece.size <= sizeof plain);
    unmask(frames, plain, piece);
    return utf8_check_add(&frames->text, bytes_of(plain, piece.size))
               ? nothing()
               : wrong(INVALID_PAYLOAD, "not UTF-8");
}

static struct client_word take_payload(struct client_frames *frames, struct bytes *input)
{
    struct client_word word = nothing();
    while (input->size && frames->payload_got < frames->payload_size &&
           word.says == CLIENT_SAYS_NOTHING) {
        uint64_t missing = frames->payload_size - frames->payload_got;
        bool is_text = !is_control(frames) && frames->is_plain_text;
        size_t size = input->size < missing ? input->size : (size_t)missing;
        if (is_text && size > UNMASK_SIZE)
            size = UNMASK_SIZE;
        struct bytes piece = bytes_of(input->data, size);
        if (is_text)
            word = check_text(frames, piece);
        else if (is_control(frames))
            unmask(frames, frames->control + frames->payload_got, piece);
        frames->payload_got += size;
        *input = bytes_of(input->data + size, input->size - size);
    }
    return word;
}

static struct client_word end_close(const struct client_frames *frames)
{
    struct bytes payload = bytes_of(frames->control, (size_t)frames->payload_size);
    unsigned code = close_frame_check(payload);
    if (code)
        return wrong(code, "a close frame that is none");
    return (struct client_word){
        .says = CLIENT_SAYS_CLOSE,
        .code = payload.size ? (unsigned)payload.data[0] << 8 | payload.data[1] : 0,
    };
}

static struct client_word end_message(struct client_frames *frames)
{
    if (!is_final(frames))
        return nothing();
    frames->is_open = false;
    return frames->is_plain_text && !utf8_check_is_complete(&frames->text)
               ? wrong(INVALID_PAYLOAD, "not UTF-8")
               : nothing();
}

/* The frame is whole, and the next one begins. */
static struct client_word end_frame(struct client_frames *frames)
{
    frames->header_size = 0;
    switch (opcode_of(frames)) {
    case OPCODE_PONG: return nothing();
    case OPCODE_CLOSE: return end_close(frames);
    case OPCODE_PING:
        return (struct client_word){
            .says = CLIENT_SAYS_PING,
            .payload = bytes_of(frames->control, (size_t)frames->payload_size),
        };
    default: return end_message(frames);
    }
}

/* One step: to the end of the header, or of the payload. */
static struct client_word take_step(struct client_frames *frames, struct bytes *input)
{
    bool has_header = frames->header_size >= 2 && frames->header_size == header_size(frames);
    struct client_word word = has_header ? take_payload(frames, input) : take_header(frames, input);
    has_header = frames->header_size >= 2 && frames->header_size == header_size(frames);
    if (word.says == CLIENT_SAYS_NOTHING && has_header &&
        frames->payload_got == frames->payload_size)
        word = end_frame(frames);
    return word;
}

struct client_word client_frames_take(struct client_frames *frames, struct bytes *input)
{
    struct client_word word = nothing();
    while (input->size && word.says == CLIENT_SAYS_NOTHING && !frames->is_over)
        word = take_step(frames, input);
    frames->is_over |= word.says == CLIENT_SAYS_CLOSE || word.says == CLIENT_IS_WRONG;
    if (frames->is_over)
        *input = (struct bytes){ 0 };
    return word;
}
