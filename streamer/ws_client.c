#include "streamer/ws_client.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <libwebsockets.h>

#include "shared/clock.h"
#include "shared/json_writer.h"
#include "shared/memory.h"
#include "shared/message.h"
#include "streamer/stream_reader.h"
#include "streamer/websocket_frame.h"

enum {
    /* One call's worth: with more, the kernel's copy is all that is left to see. */
    SLICE_MAX = 128 * 1024,
    /* Up to here a slice is sent without asking how much room the socket has. */
    SLICE_SMALL = 16 * 1024,
    /* A client that catches up gives way to the others after so much. */
    SLICES_PER_TURN = 8,
    /* Clients have nothing to say; libraries may. */
    INBOUND_MESSAGE_MAX = 64 * 1024,
    /* Of our own frames: pings, closes, heartbeats, gaps. */
    CONTROL_FRAME_MAX = 512,
};

struct ws_clients {
    struct ws_clients_options options;
    struct ws_client *lists[LANE_KINDS];
    struct ws_clients_stats stats;
};

struct ws_clients *ws_clients_create(const struct ws_clients_options *options)
{
    struct ws_clients *clients = memory_allocate_zeroed(1, sizeof *clients);
    clients->options = *options;
    return clients;
}

void ws_clients_destroy(struct ws_clients *clients)
{
    free(clients);
}

static void want_write(struct ws_client *client, uint64_t now_ms)
{
    if (client->state.waiting_since_ms)
        return;
    client->state.waiting_since_ms = now_ms;
    lws_callback_on_writable(client->wsi);
}

void ws_client_join(struct ws_client *client, struct ws_clients *clients, struct lws *wsi,
                    enum lane_kind kind)
{
    uint64_t now_ms = clock_monotonic_ms();
    *client = (struct ws_client){ .clients = clients, .wsi = wsi, .kind = kind };
    client->lane = lanes_join(clients->options.lanes, kind);
    client_join(&client->state, client->lane, stream_reader_last_id(clients->options.reader),
                now_ms);
    client->link = &clients->lists[kind];
    client->next = *client->link;
    if (client->next)
        client->next->link = &client->next;
    *client->link = client;
    want_write(client, now_ms);
}

void ws_client_leave(struct ws_client *client)
{
    if (!client->lane)
        return;
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    lanes_leave(client->clients->options.lanes, client->kind, clock_monotonic_ms());
    client->lane = NULL;
}

static bool write_raw(struct ws_client *client, uint8_t *data, size_t size, uint64_t now_ms)
{
    if (lws_write(client->wsi, data, size, LWS_WRITE_RAW) < 0)
        return false;
    client->state.sent_at_ms = now_ms;
    return true;
}

static bool send_frame(struct ws_client *client, enum websocket_frame_type type,
                       struct bytes payload, uint64_t now_ms)
{
    uint8_t frame[CONTROL_FRAME_MAX];
    size_t header = websocket_frame_header(frame, type, payload.size);
    assert(header + payload.size <= sizeof frame);
    memcpy(frame + header, payload.data, payload.size);
    return write_raw(client, frame, header + payload.size, now_ms);
}

static bool send_heartbeat(struct ws_client *client, uint64_t now_ms)
{
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX / 2);
    message_write_heartbeat(&text, clock_realtime_ms());
    bool sent = send_frame(client, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text), now_ms);
    buffer_free(&text);
    return sent;
}

/* With a payload, because libwebsockets keeps empty pongs to itself. */
static bool send_ping(struct ws_client *client, uint64_t now_ms)
{
    client->state.pinged_at_ms = now_ms;
    return send_frame(client, WEBSOCKET_FRAME_PING, bytes_of_string("certstream"), now_ms);
}

static void write_gap(struct buffer *out, const struct client_gap *gap)
{
    char from[STREAM_ID_TEXT_SIZE];
    char to[STREAM_ID_TEXT_SIZE];
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    json_key(&writer, "message_type");
    json_string(&writer, "gap");
    json_key(&writer, "data");
    json_begin_object(&writer);
    json_key(&writer, "from");
    json_text(&writer, stream_id_format(from, gap->from));
    json_key(&writer, "to");
    json_text(&writer, stream_id_format(to, gap->to));
    json_key(&writer, "missed");
    json_unsigned(&writer, gap->missed);
    json_key(&writer, "reason");
    json_string(&writer, "slow");
    json_end_object(&writer);
    json_end_object(&writer);
}

static bool send_gap(struct ws_client *client, uint64_t now_ms)
{
    struct ws_clients *clients = client->clients;
    struct client_gap gap =
        client_skip(&client->state, client->lane, stream_reader_last_id(clients->options.reader));
    clients->stats.gaps++;
    clients->stats.missed += gap.missed;
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX / 2);
    write_gap(&text, &gap);
    bool sent = send_frame(client, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text), now_ms);
    buffer_free(&text);
    return sent;
}

/* What a socket does not take, libwebsockets copies and keeps; so a stuck client is not given what will not fit. Half of
 * the room, because the kernel counts its own overhead in. */
static size_t slice_limit(const struct ws_client *client)
{
    const struct lane *lane = client->lane;
    if (client->state.position >= lane_first(lane) &&
        lane_bytes_after(lane, client->state.position) <= SLICE_SMALL)
        return SLICE_SMALL;
    int descriptor = lws_get_socket_fd(client->wsi);
    int queued = 0;
    int buffer = 0;
    socklen_t size = sizeof buffer;
    if (ioctl(descriptor, SIOCOUTQ, &queued) != 0 ||
        getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0 || queued >= buffer)
        return 0;
    size_t room = (size_t)(buffer - queued) / 2;
    return room < SLICE_MAX ? room : SLICE_MAX;
}

static bool send_slice(struct ws_client *client, const struct lane_slice *slice, uint64_t now_ms)
{
    struct ws_clients_stats *stats = &client->clients->stats;
    if (!write_raw(client, slice->data, slice->size, now_ms))
        return false;
    client_advance(&client->state, slice, now_ms);
    stats->slices++;
    stats->slice_bytes += slice->size;
    stats->partial += (uint64_t)lws_partial_buffered(client->wsi);
    return true;
}

/* False when the connection is broken. */
static bool send_slices(struct ws_client *client, uint64_t now_ms)
{
    struct lane_slice slice;
    for (int turn = 0; turn < SLICES_PER_TURN && !lws_partial_buffered(client->wsi); turn++) {
        switch (client_next(&client->state, client->lane, slice_limit(client), &slice)) {
        case CLIENT_NEXT_NOTHING: return true;
        case CLIENT_NEXT_GAP:
            if (!send_gap(client, now_ms))
                return false;
            break;
        case CLIENT_NEXT_SLICE:
            if (!send_slice(client, &slice, now_ms))
                return false;
            break;
        }
    }
    want_write(client, now_ms);
    return true;
}

static bool send_due(struct ws_client *client, uint64_t now_ms)
{
    switch (client_due(&client->state, &client->clients->options.timing, now_ms)) {
    case CLIENT_DUE_PING: return send_ping(client, now_ms);
    case CLIENT_DUE_HEARTBEAT: return send_heartbeat(client, now_ms);
    case CLIENT_DUE_NOTHING:
    case CLIENT_DUE_CLOSE_SILENT:
    case CLIENT_DUE_CLOSE_SLOW: return true;
    }
    return true;
}

int ws_client_write(struct ws_client *client)
{
    if (!client->lane)
        return 0;
    uint64_t now_ms = clock_monotonic_ms();
    client->state.waiting_since_ms = 0;
    return send_due(client, now_ms) && send_slices(client, now_ms) ? 0 : -1;
}

int ws_client_receive(struct ws_client *client, size_t size)
{
    client->state.heard_at_ms = clock_monotonic_ms();
    client->inbound += size;
    if (client->inbound > INBOUND_MESSAGE_MAX) {
        uint8_t reason[] = "message too large";
        lws_close_reason(client->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, reason,
                         sizeof reason - 1);
        return -1;
    }
    if (lws_is_final_fragment(client->wsi))
        client->inbound = 0;
    return 0;
}

void ws_clients_wake(struct ws_clients *clients, uint64_t now_ms)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        const struct lane *lane = lanes_get(clients->options.lanes, (enum lane_kind)kind);
        for (struct ws_client *client = clients->lists[kind]; client; client = client->next)
            if (client->state.position < lane_next(lane))
                want_write(client, now_ms);
    }
}

/* Not from inside a callback of the connection: it may be freed. */
static void close_client(struct ws_client *client, enum lws_close_status code, const char *reason)
{
    struct lws *wsi = client->wsi;
    struct bytes text = bytes_of_string(reason);
    if (lws_partial_buffered(wsi)) {
        /* libwebsockets would end the connection after what is buffered, without a word. */
        uint8_t payload[WEBSOCKET_CONTROL_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
        memcpy(payload + 2, text.data, text.size);
        (void)send_frame(client, WEBSOCKET_FRAME_CLOSE, bytes_of(payload, text.size + 2),
                         clock_monotonic_ms());
    } else {
        uint8_t copy[WEBSOCKET_CONTROL_MAX];
        memcpy(copy, text.data, text.size);
        lws_close_reason(wsi, code, copy, text.size);
    }
    ws_client_leave(client);
    lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

static void tick_client(struct ws_clients *clients, struct ws_client *client, uint64_t now_ms)
{
    switch (client_due(&client->state, &clients->options.timing, now_ms)) {
    case CLIENT_DUE_NOTHING: return;
    case CLIENT_DUE_PING:
    case CLIENT_DUE_HEARTBEAT: want_write(client, now_ms); return;
    case CLIENT_DUE_CLOSE_SILENT:
        clients->stats.closed_silent++;
        close_client(client, LWS_CLOSE_STATUS_POLICY_VIOLATION, "no answer to pings");
        return;
    case CLIENT_DUE_CLOSE_SLOW:
        clients->stats.closed_slow++;
        close_client(client, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too slow");
        return;
    }
}

void ws_clients_tick(struct ws_clients *clients, uint64_t now_ms)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        struct ws_client *next = NULL;
        for (struct ws_client *client = clients->lists[kind]; client; client = next) {
            next = client->next;
            tick_client(clients, client, now_ms);
        }
    }
}

void ws_clients_close(struct ws_clients *clients)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++)
        while (clients->lists[kind])
            close_client(clients->lists[kind], LWS_CLOSE_STATUS_GOINGAWAY, "going away");
}

const struct ws_clients_stats *ws_clients_stats(const struct ws_clients *clients)
{
    return &clients->stats;
}
