#include "streamer/stream/history_block.h"

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/redis/contract.h"

static struct bytes block_text(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? bytes_of(reply->str, reply->len)
                                             : (struct bytes){ 0 };
}

static bool take_block_field(struct history_block *block, struct bytes name, struct bytes value)
{
    if (bytes_equal_string(name, CONTRACT_BLOCK_FIRST))
        return stream_id_parse(&block->first, value);
    if (bytes_equal_string(name, CONTRACT_BLOCK_COUNT))
        return decimal_parse(&block->count, value);
    if (bytes_equal_string(name, CONTRACT_BLOCK_ORDINAL))
        return decimal_parse(&block->ordinal, value);
    if (bytes_equal_string(name, CONTRACT_BLOCK_SIZE))
        return decimal_parse(&block->size, value);
    if (bytes_equal_string(name, CONTRACT_BLOCK_FORMAT))
        return decimal_parse(&block->format, value);
    return true;
}

static bool take_block(struct history_block *block, const struct redisReply *entry)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !stream_id_parse(&block->last, block_text(entry->element[0])))
        return false;
    const struct redisReply *fields = entry->element[1];
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0)
        return false;
    for (size_t i = 0; i < fields->elements; i += 2)
        if (!take_block_field(block, block_text(fields->element[i]),
                              block_text(fields->element[i + 1])))
            return false;
    return block->count > 0 && stream_id_compare(block->first, block->last) <= 0;
}

bool history_block_read(struct history_block *block, const struct redisReply *reply)
{
    *block = (struct history_block){ 0 };
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return false;
    return reply->elements == 0 || take_block(block, reply->element[0]);
}

bool history_block_is_there(const struct history_block *block)
{
    return block->count > 0;
}

uint64_t history_block_ordinal(const struct history_block *block, uint64_t row)
{
    return block->ordinal ? block->ordinal + row + 1 : 0;
}
