#include "streamer/lanes/framer.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/lanes/deflater.h"
#include "streamer/lanes/sse.h"
#include "streamer/lanes/websocket_frame.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* More than any certificate with its chain. */
    MESSAGE_MAX = 64 * 1024 * 1024,
    /* Shorter ones only grow: the names of most certificates. */
    DEFLATE_MIN = 64,
};

enum progress {
    PROGRESS_NONE,
    PROGRESS_FAILED,
    PROGRESS_DONE,
};

struct framer {
    struct renderer *renderer;
    struct deflater *deflater;
    const struct stream_entry *entry;
    struct render_form form;
    struct bytes matched;
    uint64_t now_ms;
    enum progress message_progress;
    enum progress progress[FRAMINGS];
    struct bytes frames[FRAMINGS];
    struct buffer message;  /* room for a header, then the message */
    struct buffer deflated; /* likewise */
    struct buffer event;
    struct framer_stats stats;
};

struct framer *framer_create(struct renderer *renderer)
{
    struct framer *framer = memory_allocate_zeroed(1, sizeof *framer);
    framer->renderer = renderer;
    framer->deflater = deflater_create();
    buffer_init(&framer->message, MESSAGE_MAX);
    buffer_init(&framer->deflated, MESSAGE_MAX);
    buffer_init(&framer->event, 2 * (size_t)MESSAGE_MAX);
    return framer;
}

void framer_destroy(struct framer *framer)
{
    if (!framer)
        return;
    deflater_destroy(framer->deflater);
    buffer_free(&framer->message);
    buffer_free(&framer->deflated);
    buffer_free(&framer->event);
    free(framer);
}

const char *framing_name(enum framing framing)
{
    static const char *const names[FRAMINGS] = {
        [FRAMING_WEBSOCKET] = "websocket",
        [FRAMING_WEBSOCKET_DEFLATED] = "websocket-deflate",
        [FRAMING_SSE] = "sse",
    };
    assert(framing < FRAMINGS);
    return names[framing];
}

void framer_set(struct framer *framer, const struct stream_entry *entry, struct render_form form,
                struct bytes matched, uint64_t now_ms)
{
    framer->entry = entry;
    framer->form = form;
    framer->matched = matched;
    framer->now_ms = now_ms;
    framer->message_progress = PROGRESS_NONE;
    memset(framer->progress, 0, sizeof framer->progress);
}

static bool begin_frame(struct buffer *frame)
{
    buffer_clear(frame);
    if (!buffer_reserve(frame, WEBSOCKET_FRAME_HEADER_MAX))
        return false;
    frame->size = WEBSOCKET_FRAME_HEADER_MAX;
    return true;
}

static struct bytes payload_of(const struct buffer *frame)
{
    return bytes_of(frame->data + WEBSOCKET_FRAME_HEADER_MAX,
                    frame->size - WEBSOCKET_FRAME_HEADER_MAX);
}

/* The header is written right before the payload. */
static struct bytes finish_frame(struct buffer *frame, enum websocket_frame_type type)
{
    uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
    struct bytes payload = payload_of(frame);
    size_t size = websocket_frame_header(header, type, payload.size);
    uint8_t *start = frame->data + WEBSOCKET_FRAME_HEADER_MAX - size;
    memcpy(start, header, size);
    return bytes_of(start, size + payload.size);
}

static bool make_message(struct framer *framer)
{
    if (framer->message_progress != PROGRESS_NONE)
        return framer->message_progress == PROGRESS_DONE;
    bool made = begin_frame(&framer->message) &&
                renderer_write(framer->renderer, &framer->message, framer->form, framer->entry,
                               framer->matched, framer->now_ms) &&
                !framer->message.failed;
    framer->message_progress = made ? PROGRESS_DONE : PROGRESS_FAILED;
    framer->stats.malformed += !made;
    framer->stats.rendered[framer->form.content] += made;
    return made;
}

static struct bytes frame_deflated(struct framer *framer)
{
    struct bytes message = payload_of(&framer->message);
    if (message.size < DEFLATE_MIN || !begin_frame(&framer->deflated) ||
        !deflater_compress(framer->deflater, &framer->deflated, message))
        return finish_frame(&framer->message, WEBSOCKET_FRAME_TEXT);
    framer->stats.deflated_in += message.size;
    framer->stats.deflated_out += framer->deflated.size - WEBSOCKET_FRAME_HEADER_MAX;
    return finish_frame(&framer->deflated, WEBSOCKET_FRAME_TEXT_DEFLATED);
}

static struct bytes frame_event(struct framer *framer)
{
    buffer_clear(&framer->event);
    sse_write_event(&framer->event, framer->entry->id_text, NULL, payload_of(&framer->message));
    return buffer_bytes(&framer->event);
}

static struct bytes make_frame(struct framer *framer, enum framing framing)
{
    switch (framing) {
    case FRAMING_WEBSOCKET: return finish_frame(&framer->message, WEBSOCKET_FRAME_TEXT);
    case FRAMING_WEBSOCKET_DEFLATED: return frame_deflated(framer);
    case FRAMING_SSE: return frame_event(framer);
    case FRAMINGS: break;
    }
    return (struct bytes){ 0 };
}

bool framer_get(struct framer *framer, enum framing framing, struct bytes *frame)
{
    assert(framing < FRAMINGS && framer->entry);
    if (framer->progress[framing] == PROGRESS_NONE) {
        bool made = make_message(framer);
        if (made)
            framer->frames[framing] = make_frame(framer, framing);
        made = made && framer->frames[framing].size > 0 && !framer->event.failed;
        framer->progress[framing] = made ? PROGRESS_DONE : PROGRESS_FAILED;
    }
    *frame = framer->frames[framing];
    return framer->progress[framing] == PROGRESS_DONE;
}

const struct framer_stats *framer_stats(const struct framer *framer)
{
    return &framer->stats;
}
