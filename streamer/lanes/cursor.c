#include "streamer/lanes/cursor.h"

#include <assert.h>

void client_join(struct client *client, const struct lane *lane, const struct since *since,
                 struct stream_position newest, uint64_t now_ms)
{
    assert(now_ms > 0);
    *client = (struct client){
        .position = lane_next(lane),
        .last = newest,
        .heard_at_ms = now_ms,
        .pinged_at_ms = now_ms,
    };
    if (since->kind == SINCE_NOW)
        return;
    client->is_behind = true;
    client->seen = since->after;
    client->wants_all = since->kind == SINCE_BEGINNING;
    client->last =
        (struct stream_position){ client->wants_all ? (struct stream_id){ 0 } : since->after, 0 };
}

void client_note_rollback(struct client *client)
{
    if (stream_id_compare(client->last.id, client->seen) > 0)
        client->seen = client->last.id;
}

void client_learn_newest(struct client *client, struct stream_position newest)
{
    /* In a stream that was empty it is known that there was nothing. */
    bool knew_nothing = client->last.ordinal == 0 &&
                        stream_id_compare(client->last.id, (struct stream_id){ 0 }) == 0;
    if (!client->is_behind && knew_nothing)
        client->last = newest;
}

/* One that was fed from Redis, or comes from another streamer, may be further than the reader here. */
static void skip_what_it_had(struct client *client, const struct lane *lane)
{
    uint64_t number;
    if (!lane_find(lane, client->last.id, &number))
        return;
    if (number > client->position)
        client->position = number;
    client->is_ahead = number == lane_next(lane);
}

enum client_next client_next(struct client *client, const struct lane *lane, size_t limit,
                             struct lane_slice *slice)
{
    if (!client->is_behind && client->position < lane_first(lane))
        client->is_behind = true;
    if (client->is_behind)
        return CLIENT_NEXT_PAGE;
    if (client->is_ahead)
        skip_what_it_had(client, lane);
    return lane_read(lane, client->position, limit, slice) ? CLIENT_NEXT_SLICE
                                                           : CLIENT_NEXT_NOTHING;
}

void client_advance(struct client *client, const struct lane_slice *slice, uint64_t now_ms)
{
    client->position = slice->next;
    client->sent_at_ms = now_ms;
    client_advance_to(client, slice->last);
}

void client_advance_to(struct client *client, struct stream_position end)
{
    client->last = end;
    client->wants_all = false;
}

bool client_catch_up(struct client *client, const struct lane *lane)
{
    assert(client->is_behind);
    if (client->wants_all || !lane_find(lane, client->last.id, &client->position))
        return false;
    client->is_behind = false;
    client->is_ahead = true;
    return true;
}

/* Where the count is not known, the place behind the gap has no number either. */
void client_skip(struct client *client, const struct gap *gap)
{
    bool is_counted = gap->is_counted && client->last.ordinal;
    client_advance_to(client, (struct stream_position){
                                  gap->to, is_counted ? client->last.ordinal + gap->missed : 0 });
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
