#include "streamer/lanes.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/memory.h"
#include "streamer/stream_entry.h"
#include "streamer/websocket_frame.h"

enum {
    /* A client that reconnects finds its lane, with the pages already there. */
    EMPTY_LANE_MS = 10000,
    /* More than any certificate with its chain; what does not fit a lane is refused there. */
    MESSAGE_MAX = 64 * 1024 * 1024,
};

struct slot {
    struct lane *lane; /* NULL: nobody listens */
    size_t listeners;
    uint64_t empty_since_ms;
};

struct lanes {
    size_t ring_bytes;
    struct renderer *renderer;
    struct slot slots[LANE_KINDS];
    struct buffer frame; /* room for the header, then the message */
    struct lanes_stats stats;
};

static const struct render_form forms[LANE_KINDS] = {
    [LANE_WEBSOCKET_LITE] = { LANE_LITE, CERTIFICATE_DIALECT_CERTSTREAM },
    [LANE_WEBSOCKET_FULL] = { LANE_FULL, CERTIFICATE_DIALECT_CERTSTREAM },
    [LANE_WEBSOCKET_DOMAINS] = { LANE_DOMAINS, CERTIFICATE_DIALECT_CERTSTREAM },
    [LANE_WEBSOCKET_GO_LITE] = { LANE_LITE, CERTIFICATE_DIALECT_GO },
    [LANE_WEBSOCKET_GO_FULL] = { LANE_FULL, CERTIFICATE_DIALECT_GO },
    [LANE_WEBSOCKET_GO_DOMAINS] = { LANE_DOMAINS, CERTIFICATE_DIALECT_GO },
};

struct lanes *lanes_create(size_t ring_bytes, struct renderer *renderer)
{
    struct lanes *lanes = memory_allocate_zeroed(1, sizeof *lanes);
    lanes->ring_bytes = ring_bytes;
    lanes->renderer = renderer;
    buffer_init(&lanes->frame, MESSAGE_MAX);
    return lanes;
}

void lanes_destroy(struct lanes *lanes)
{
    if (!lanes)
        return;
    for (size_t i = 0; i < LANE_KINDS; i++)
        lane_destroy(lanes->slots[i].lane);
    buffer_free(&lanes->frame);
    free(lanes);
}

const char *lanes_content_name(enum lane_content content)
{
    static const char *const names[LANE_CONTENTS] = {
        [LANE_LITE] = "lite",
        [LANE_FULL] = "full",
        [LANE_DOMAINS] = "domains",
    };
    assert(content < LANE_CONTENTS);
    return names[content];
}

enum lane_kind lanes_websocket(struct render_form form)
{
    assert(form.content < LANE_CONTENTS && (unsigned)form.dialect < LANE_DIALECTS);
    return (enum lane_kind)((unsigned)form.dialect * LANE_CONTENTS + (unsigned)form.content);
}

struct lane *lanes_join(struct lanes *lanes, enum lane_kind kind)
{
    assert(kind < LANE_KINDS);
    struct slot *slot = &lanes->slots[kind];
    if (!slot->lane)
        slot->lane = lane_create(lanes->ring_bytes);
    slot->listeners++;
    return slot->lane;
}

void lanes_leave(struct lanes *lanes, enum lane_kind kind, uint64_t now_ms)
{
    assert(kind < LANE_KINDS);
    struct slot *slot = &lanes->slots[kind];
    assert(slot->listeners > 0);
    slot->listeners--;
    slot->empty_since_ms = now_ms;
}

struct lane *lanes_get(const struct lanes *lanes, enum lane_kind kind)
{
    assert(kind < LANE_KINDS);
    return lanes->slots[kind].lane;
}

size_t lanes_listeners(const struct lanes *lanes, enum lane_content content)
{
    size_t count = 0;
    for (size_t kind = 0; kind < LANE_KINDS; kind++)
        if (forms[kind].content == content)
            count += lanes->slots[kind].listeners;
    return count;
}

static bool is_same(struct render_form a, struct render_form b)
{
    return a.content == b.content && a.dialect == b.dialect;
}

static bool is_wanted(const struct lanes *lanes, struct render_form form)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++)
        if (is_same(forms[kind], form) && lanes->slots[kind].lane)
            return true;
    return false;
}

bool lanes_need_issuers(const struct lanes *lanes)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++)
        if (forms[kind].content == LANE_FULL && lanes->slots[kind].lane)
            return true;
    return false;
}

/* The message is rendered behind room for the longest header, and its header written right before it. */
static bool frame_entry(struct lanes *lanes, struct render_form form,
                        const struct stream_entry *entry, uint64_t now_ms)
{
    struct buffer *frame = &lanes->frame;
    buffer_clear(frame);
    if (!buffer_reserve(frame, WEBSOCKET_FRAME_HEADER_MAX))
        return false;
    frame->size = WEBSOCKET_FRAME_HEADER_MAX;
    return renderer_write(lanes->renderer, frame, form, entry, now_ms) && !frame->failed;
}

static struct bytes websocket_frame(struct lanes *lanes)
{
    uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
    size_t payload = lanes->frame.size - WEBSOCKET_FRAME_HEADER_MAX;
    size_t size = websocket_frame_header(header, WEBSOCKET_FRAME_TEXT, payload);
    uint8_t *start = lanes->frame.data + WEBSOCKET_FRAME_HEADER_MAX - size;
    memcpy(start, header, size);
    return bytes_of(start, size + payload);
}

static void publish_form(struct lanes *lanes, struct render_form form,
                         const struct stream_entry *entry, uint64_t now_ms)
{
    if (!frame_entry(lanes, form, entry, now_ms)) {
        lanes->stats.malformed++;
        return;
    }
    lanes->stats.rendered[form.content]++;
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        struct lane *lane = lanes->slots[kind].lane;
        if (!is_same(forms[kind], form) || !lane)
            continue;
        if (!lane_append(lane, entry->id, websocket_frame(lanes)))
            lanes->stats.oversized++;
    }
}

void lanes_publish(struct lanes *lanes, const struct stream_entry *entry, uint64_t now_ms)
{
    for (unsigned dialect = 0; dialect < LANE_DIALECTS; dialect++)
        for (unsigned content = 0; content < LANE_CONTENTS; content++) {
            struct render_form form = { (enum lane_content)content,
                                        (enum certificate_dialect)dialect };
            if (is_wanted(lanes, form))
                publish_form(lanes, form, entry, now_ms);
        }
}

void lanes_tick(struct lanes *lanes, uint64_t now_ms)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        struct slot *slot = &lanes->slots[kind];
        if (!slot->lane || slot->listeners || now_ms - slot->empty_since_ms < EMPTY_LANE_MS)
            continue;
        lane_destroy(slot->lane);
        slot->lane = NULL;
    }
}

const struct lanes_stats *lanes_stats(const struct lanes *lanes)
{
    return &lanes->stats;
}
