#include "tests/e2e/history_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/redis/contract.h"
#include "shared/redis/stream_id.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/redis_server.h"
#include "tests/unit/history_book.h"

/* What comes after an id, at one moment: the id of a block and the block, or a page of plain
 * entries. */
static const char next_script[] =
    "local block = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', 1)[1] "
    "if block then return {block[1], redis.call('GET', ARGV[2] .. block[1])} end "
    "return redis.call('XRANGE', KEYS[2], ARGV[1], '+', 'COUNT', 500)";

/* An entry that is kept as it was, with all its fields. */
static void take_verbatim(struct stream_check *check, struct entry_renderer *renderer,
                          const struct open_block *block, const struct history_entry *entry,
                          const char *id)
{
    struct history_fields fields;
    struct bytes log_id = { 0 }, index = { 0 };
    assert_true(entry->place.is_here);
    assert_true(entry_renderer_render(
        renderer, entry, open_block_record(block, entry->place.record), ENTRY_ALL, &fields));
    for (size_t i = 0; i < fields.count; i++) {
        if (bytes_equal_string(fields.fields[i].name, CONTRACT_FIELD_LOG))
            log_id = fields.fields[i].value;
        if (bytes_equal_string(fields.fields[i].name, CONTRACT_FIELD_INDEX))
            index = fields.fields[i].value;
    }
    uint64_t number = 0;
    assert_true(decimal_parse(&number, index));
    stream_check_take(check, log_id, number, id);
}

/* Of the block what comes after `read`: its first entries may have been read when they were plain.
 */
static void walk_block(struct history_walked *walked, struct stream_check *check,
                       struct entry_renderer *renderer, const redisReply *text,
                       struct stream_id read)
{
    assert_int_equal(text->type, REDIS_REPLY_STRING);
    struct open_block *block = open_block_create(bytes_of(text->str, text->len));
    assert_non_null(block);
    for (size_t row = 0; row < open_block_count(block); row++) {
        struct history_entry entry;
        char id[STREAM_ID_TEXT_SIZE];
        open_block_entry(block, row, &entry);
        if (stream_id_compare(entry.id, read) <= 0)
            continue;
        walked->packed++;
        (void)stream_id_format(id, entry.id);
        if (entry.is_verbatim)
            take_verbatim(check, renderer, block, &entry, id);
        else
            stream_check_take(check, bytes_of_string(entry.source->log_id_hex), entry.index, id);
    }
    walked->blocks++;
    walked->bytes += text->len;
    open_block_destroy(block);
}

struct history_walked history_walk(struct stream_check *check, struct redis_server *redis)
{
    struct history_walked walked = { 0 };
    struct entry_renderer *renderer = entry_renderer_create();
    char from[STREAM_ID_TEXT_SIZE + 1] = "-";
    struct stream_id read = { 0 };
    size_t count = 1;
    while (count) {
        redisReply *next = redis_server_command(
            redis, "EVAL %s 2 %s %s %s %s", next_script, CONTRACT_PREFIX ":history",
            CONTRACT_PREFIX ":stream", from, CONTRACT_PREFIX ":block:");
        assert_int_equal(next->type, REDIS_REPLY_ARRAY);
        count = next->elements;
        const char *last = NULL;
        if (count && next->element[0]->type == REDIS_REPLY_STRING) {
            assert_int_equal(count, 2);
            walk_block(&walked, check, renderer, next->element[1], read);
            last = next->element[0]->str;
        }
        for (size_t i = 0; !last && i < count; i++)
            stream_check_take_entry(check, next->element[i]);
        if (count && !last)
            last = next->element[count - 1]->element[0]->str;
        if (last) {
            assert_true(stream_id_parse(&read, bytes_of_string(last)));
            (void)snprintf(from, sizeof from, "(%s", last);
        }
        freeReplyObject(next);
    }
    entry_renderer_destroy(renderer);
    return walked;
}
