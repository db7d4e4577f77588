#include "streamer/lanes/control_frame.h"

#include <assert.h>

#include "shared/json/json_writer.h"
#include "shared/message/message.h"
#include "streamer/lanes/sse.h"
#include "streamer/lanes/websocket_frame.h"

static void write_frame(struct buffer *out, enum websocket_frame_type type, struct bytes payload)
{
    uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
    buffer_append(out, header, websocket_frame_header(header, type, payload.size));
    buffer_append_bytes(out, payload);
}

void control_frame_heartbeat(struct buffer *out, enum framing framing, uint64_t now_ms)
{
    if (framing == FRAMING_SSE) {
        sse_write_comment(out, "heartbeat");
        return;
    }
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX);
    message_write_heartbeat(&text, now_ms);
    write_frame(out, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text));
    buffer_free(&text);
}

void control_frame_ping(struct buffer *out, enum framing framing)
{
    if (framing != FRAMING_SSE)
        write_frame(out, WEBSOCKET_FRAME_PING, bytes_of_string("certstream"));
}

/* Its id is that of the last entry missed: a client that comes back goes on behind the gap. */
void control_frame_gap(struct buffer *out, enum framing framing, const struct gap *gap, bool asked,
                       uint64_t now_ms)
{
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX);
    if (asked)
        gap_write(&text, gap);
    else
        gap_write_heartbeat(&text, gap, now_ms);
    char id[STREAM_ID_TEXT_SIZE];
    if (framing == FRAMING_SSE)
        sse_write_event(out, stream_id_format(id, gap->to), "gap", buffer_bytes(&text));
    else
        write_frame(out, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text));
    buffer_free(&text);
}

void control_frame_pong(struct buffer *out, struct bytes payload)
{
    write_frame(out, WEBSOCKET_FRAME_PONG, payload);
}

static void write_close_event(struct buffer *out, unsigned code, const char *reason)
{
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX);
    struct json_writer writer = json_writer_of(&text);
    json_begin_object(&writer);
    json_key(&writer, "code");
    json_unsigned(&writer, code);
    json_key(&writer, "reason");
    json_string(&writer, reason);
    json_end_object(&writer);
    sse_write_event(out, (struct bytes){ 0 }, "close", buffer_bytes(&text));
    buffer_free(&text);
}

void control_frame_close(struct buffer *out, enum framing framing, unsigned code,
                         const char *reason)
{
    if (framing == FRAMING_SSE) {
        write_close_event(out, code, reason);
        return;
    }
    uint8_t payload[WEBSOCKET_CONTROL_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
    size_t size = strlen(reason);
    assert(size + 2 <= sizeof payload);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its size goes with it */
    memcpy(payload + 2, reason, size);
    write_frame(out, WEBSOCKET_FRAME_CLOSE, bytes_of(payload, code ? size + 2 : 0));
}
