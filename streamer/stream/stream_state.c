#include "streamer/stream/stream_state.h"

#include <hiredis/hiredis.h>

static struct bytes info_text(const struct redisReply *reply)
{
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    return is_text ? bytes_of(reply->str, reply->len) : (struct bytes){ 0 };
}

/* An entry is its id and its fields; nil where there is none. */
static void take_entry_id(struct stream_id *id, const struct redisReply *entry)
{
    if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 2)
        (void)stream_id_parse(id, info_text(entry->element[0]));
}

static void take_count(uint64_t *count, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        *count = (uint64_t)reply->integer;
}

static void take_info_member(struct stream_state *state, struct bytes name,
                             const struct redisReply *value)
{
    if (bytes_equal_string(name, "length"))
        take_count(&state->length, value);
    else if (bytes_equal_string(name, "entries-added")) {
        take_count(&state->added, value);
        state->has_added = true;
    } else if (bytes_equal_string(name, "last-generated-id"))
        (void)stream_id_parse(&state->last, info_text(value));
    else if (bytes_equal_string(name, "max-deleted-entry-id"))
        (void)stream_id_parse(&state->last_deleted, info_text(value));
    else if (bytes_equal_string(name, "first-entry"))
        take_entry_id(&state->first, value);
}

static bool is_no_such_key(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "no such key");
}

bool stream_state_is_discarded(const struct redisReply *reply)
{
    static const char discarded[] = "EXECABORT";
    return reply->type == REDIS_REPLY_ERROR && reply->len >= sizeof discarded - 1 &&
           memcmp(reply->str, discarded, sizeof discarded - 1) == 0;
}

bool stream_state_read(struct stream_state *state, const struct redisReply *reply)
{
    *state = (struct stream_state){ 0 };
    if (!reply)
        return false;
    state->has_added = is_no_such_key(reply);
    if (state->has_added)
        return true;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0)
        return false;
    for (size_t i = 0; i < reply->elements; i += 2)
        take_info_member(state, info_text(reply->element[i]), reply->element[i + 1]);
    return state->length == 0 || stream_id_compare(state->first, (struct stream_id){ 0 }) > 0;
}

bool stream_state_is_missing(const struct stream_state *state)
{
    return state->has_added && !state->added && !state->last.ms && !state->last.sequence;
}

/* What is deleted behind the first entry counts as added, but not into the length. */
uint64_t stream_state_first_ordinal(const struct stream_state *state)
{
    bool has_holes = stream_id_compare(state->last_deleted, state->first) > 0;
    return state->has_added && state->added >= state->length && !has_holes
               ? state->added - state->length + 2
               : 0;
}

uint64_t stream_state_last_ordinal(const struct stream_state *state)
{
    return state->has_added ? state->added + 1 : 0;
}

bool stream_state_has_place(const struct stream_state *state, const struct stream_position *entry)
{
    uint64_t last = stream_state_last_ordinal(state);
    bool is_later = stream_id_compare(entry->id, state->last) > 0;
    return is_later || !last || entry->ordinal <= last;
}

bool stream_state_is_whole(const struct stream_state *state)
{
    return stream_state_first_ordinal(state) && state->added == state->length;
}

struct stream_position stream_state_end(const struct stream_state *state)
{
    return (struct stream_position){ state->last, stream_state_last_ordinal(state) };
}

/* The length says how many there are from there on: by it the first one's ordinal is known. */
void stream_state_begin_at(struct stream_state *state, struct stream_position first)
{
    bool is_known = first.ordinal && state->has_added && first.ordinal <= state->added + 2;
    state->first = first.id;
    state->last_deleted = (struct stream_id){ 0 };
    state->length = is_known ? state->added + 2 - first.ordinal : state->added + 1;
}

struct stream_position stream_state_position(const struct stream_state *state, struct stream_id id)
{
    uint64_t first = stream_state_first_ordinal(state);
    if (stream_id_compare(id, state->last) >= 0)
        return (struct stream_position){ id, stream_state_last_ordinal(state) };
    bool is_before = first && stream_id_compare(id, stream_id_before(state->first)) == 0;
    return (struct stream_position){ id, is_before ? first - 1 : 0 };
}

bool stream_state_gap(const struct stream_state *state, const struct stream_position *after,
                      struct gap *gap)
{
    struct stream_id to = state->length ? stream_id_before(state->first) : state->last;
    if (stream_id_compare(to, after->id) <= 0)
        return false;
    uint64_t ordinal = stream_state_first_ordinal(state);
    bool is_counted = ordinal && after->ordinal && ordinal > after->ordinal;
    uint64_t missed = is_counted ? ordinal - after->ordinal - 1 : 0;
    if (stream_state_is_whole(state) || (is_counted && missed == 0))
        return false;
    *gap = (struct gap){
        .from = after->id,
        .to = to,
        .is_counted = is_counted,
        .missed = missed,
        .reason = GAP_TRIMMED,
    };
    return true;
}
