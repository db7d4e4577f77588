#include "ingest/history/history_replies.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"

struct bytes history_reply_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING ? bytes_of(reply->str, (size_t)reply->len)
                                                      : (struct bytes){ 0 };
}

uint64_t history_reply_number(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0
               ? (uint64_t)reply->integer
               : 0;
}

static bool is_array(const redisReply *reply, size_t elements)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= elements;
}

uint64_t history_reply_time(const redisReply *reply)
{
    uint64_t seconds, microseconds;
    if (!is_array(reply, 2) || !decimal_parse(&seconds, history_reply_text(reply->element[0])) ||
        !decimal_parse(&microseconds, history_reply_text(reply->element[1])))
        return 0;
    return seconds * 1000 + microseconds / 1000;
}

/* The value of a name in a reply of names and values; NULL if it is not there. */
static const redisReply *member_of(const redisReply *reply, const char *name)
{
    for (size_t i = 0; is_array(reply, 2) && i + 1 < reply->elements; i += 2)
        if (bytes_equal_string(history_reply_text(reply->element[i]), name))
            return reply->element[i + 1];
    return NULL;
}

static bool read_member_id(struct stream_id *id, const redisReply *reply, const char *name)
{
    return stream_id_parse(id, history_reply_text(member_of(reply, name)));
}

static bool read_member_number(uint64_t *number, const redisReply *reply, const char *name)
{
    return decimal_parse(number, history_reply_text(member_of(reply, name)));
}

bool history_reply_block(struct history_block *block, const redisReply *reply)
{
    if (!is_array(reply, 2))
        return false;
    const redisReply *fields = reply->element[1];
    return stream_id_parse(&block->last, history_reply_text(reply->element[0])) &&
           read_member_id(&block->first, fields, CONTRACT_BLOCK_FIRST) &&
           read_member_id(&block->generation, fields, CONTRACT_BLOCK_GENERATION) &&
           read_member_number(&block->count, fields, CONTRACT_BLOCK_COUNT) &&
           read_member_number(&block->size, fields, CONTRACT_BLOCK_SIZE);
}

bool history_reply_entry(struct stream_id *id, struct history_fields *fields,
                         const redisReply *reply)
{
    if (!is_array(reply, 2) || !stream_id_parse(id, history_reply_text(reply->element[0])) ||
        !is_array(reply->element[1], 2))
        return false;
    const redisReply *texts = reply->element[1];
    struct history_field *all = memory_allocate_zeroed(texts->elements / 2, sizeof *all);
    for (size_t i = 0; i < texts->elements / 2; i++)
        all[i] = (struct history_field){ history_reply_text(texts->element[2 * i]),
                                         history_reply_text(texts->element[2 * i + 1]) };
    *fields = (struct history_fields){ all, texts->elements / 2 };
    return true;
}

bool history_reply_stream(struct stream_numbers *numbers, const redisReply *reply)
{
    *numbers = (struct stream_numbers){ 0 };
    if (!is_array(reply, 2))
        return false;
    numbers->length = history_reply_number(member_of(reply, "length"));
    numbers->added = history_reply_number(member_of(reply, "entries-added"));
    const redisReply *first = member_of(reply, "first-entry");
    if (!is_array(first, 2))
        return numbers->length == 0;
    return stream_id_parse(&numbers->first, history_reply_text(first->element[0]));
}

bool history_reply_group(struct group_numbers *group, const redisReply *reply)
{
    group->name = history_reply_text(member_of(reply, "name"));
    group->pending = history_reply_number(member_of(reply, "pending"));
    return group->name.data && read_member_id(&group->delivered, reply, "last-delivered-id");
}

bool history_reply_pending(struct stream_id *oldest, const redisReply *reply)
{
    return is_array(reply, 2) && stream_id_parse(oldest, history_reply_text(reply->element[1]));
}
