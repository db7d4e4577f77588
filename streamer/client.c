#include "streamer/client.h"

#include <assert.h>

void client_join(struct client *client, const struct lane *lane, struct stream_id last_id,
                 uint64_t now_ms)
{
    assert(now_ms > 0);
    *client = (struct client){
        .position = lane_next(lane),
        .last.id = last_id,
        .heard_at_ms = now_ms,
        .pinged_at_ms = now_ms,
    };
}

enum client_next client_next(const struct client *client, const struct lane *lane, size_t limit,
                             struct lane_slice *slice)
{
    if (client->position < lane_first(lane))
        return CLIENT_NEXT_GAP;
    return lane_read(lane, client->position, limit, slice) ? CLIENT_NEXT_SLICE
                                                           : CLIENT_NEXT_NOTHING;
}

void client_advance(struct client *client, const struct lane_slice *slice, uint64_t now_ms)
{
    assert(slice->next > client->position);
    client->position = slice->next;
    client->last = slice->last;
    client->sent_at_ms = now_ms;
}

struct gap client_skip(struct client *client, const struct lane *lane, struct stream_id newest)
{
    struct gap gap = {
        .from = client->last.id,
        .to = newest,
        .is_counted = true,
        .reason = GAP_SLOW,
        .missed = lane_next(lane) - client->position,
    };
    client->position = lane_next(lane);
    client->last = (struct stream_position){ newest, 0 };
    return gap;
}

enum client_due client_due(const struct client *client, const struct client_timing *timing,
                           uint64_t now_ms)
{
    if (client->waiting_since_ms && now_ms - client->waiting_since_ms >= timing->stall_ms)
        return CLIENT_DUE_CLOSE_SLOW;
    if (now_ms - client->heard_at_ms >= timing->silence_ms)
        return CLIENT_DUE_CLOSE_SILENT;
    if (now_ms - client->pinged_at_ms >= timing->ping_ms)
        return CLIENT_DUE_PING;
    if (client->sent_at_ms == 0 || now_ms - client->sent_at_ms >= timing->heartbeat_ms)
        return CLIENT_DUE_HEARTBEAT;
    return CLIENT_DUE_NOTHING;
}
