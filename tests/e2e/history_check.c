#include "tests/e2e/history_check.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "tests/support/redis_server.h"
#include "tests/unit/history_book.h"

enum {
    BLOCKS_MAX = 1500,
    FIELDS_MAX = 16,
};

struct known {
    struct stream_id id;
    uint8_t sha256[SHA256_SIZE]; /* of its fields */
};

struct history_check {
    struct redis_server *redis;
    struct contract contract;
    struct digest *digest;
    struct known *known;
    size_t count, capacity;
};

struct history_check *history_check_create(struct redis_server *redis)
{
    struct history_check *check = memory_allocate_zeroed(1, sizeof *check);
    assert_true(contract_init(&check->contract, CONTRACT_PREFIX));
    check->redis = redis;
    check->digest = digest_create(DIGEST_SHA256);
    freeReplyObject(redis_server_command(redis, "XGROUP CREATE %s recorder 0 MKSTREAM",
                                         check->contract.stream));
    return check;
}

void history_check_destroy(struct history_check *check)
{
    digest_destroy(check->digest);
    free(check->known);
    free(check);
}

static struct bytes text_of(const redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    return bytes_of(reply->str, (size_t)reply->len);
}

static void digest_field(struct digest *digest, struct bytes text)
{
    const uint64_t size = text.size;
    digest_add(digest, bytes_of(&size, sizeof size));
    digest_add(digest, text);
}

static struct known known_of_plain(struct history_check *check, const redisReply *entry)
{
    struct known known;
    const redisReply *fields = entry->element[1];
    assert_true(stream_id_parse(&known.id, text_of(entry->element[0])));
    digest_begin(check->digest);
    for (size_t i = 0; i < fields->elements; i++)
        digest_field(check->digest, text_of(fields->element[i]));
    digest_end(check->digest, known.sha256);
    return known;
}

static void keep(struct history_check *check, struct known known)
{
    if (check->count == check->capacity) {
        check->capacity = 2 * check->capacity + 1024;
        check->known = memory_resize(check->known, check->capacity, sizeof *check->known);
    }
    check->known[check->count++] = known;
}

size_t history_check_read(struct history_check *check)
{
    for (size_t count = 1; count;) {
        redisReply *reply = redis_server_command(
            check->redis, "XREADGROUP GROUP recorder me COUNT 500 NOACK STREAMS %s >",
            check->contract.stream);
        count = 0;
        if (reply->type == REDIS_REPLY_ARRAY) {
            const redisReply *entries = reply->element[0]->element[1];
            count = entries->elements;
            for (size_t i = 0; i < count; i++)
                keep(check, known_of_plain(check, entries->element[i]));
        }
        freeReplyObject(reply);
    }
    return check->count;
}

/* How far the comparison is. */
struct walk {
    struct history_check *check;
    struct history_found found;
    struct open_block *blocks[BLOCKS_MAX];
    redisReply *texts[BLOCKS_MAX];
    size_t at; /* in what is known; SIZE_MAX: the oldest that is left has not been met */
    struct stream_id generation;
    struct entry_renderer *renderer;
};

static void meet(struct walk *walk, struct known known)
{
    struct history_check *check = walk->check;
    for (size_t i = 0; walk->at == SIZE_MAX && i < check->count; i++)
        if (stream_id_compare(check->known[i].id, known.id) == 0)
            walk->at = i;
    assert_true(walk->at < check->count);
    const struct known *expected = &check->known[walk->at++];
    assert_int_equal(stream_id_compare(expected->id, known.id), 0);
    assert_memory_equal(expected->sha256, known.sha256, SHA256_SIZE);
}

static uint64_t number_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i < fields->elements; i += 2) {
        uint64_t number;
        if (bytes_equal_string(text_of(fields->element[i]), name) &&
            decimal_parse(&number, text_of(fields->element[i + 1])))
            return number;
    }
    fail_msg("the index has no %s", name);
    return 0;
}

static struct bytes record_of(const struct walk *walk, const struct history_entry *entry)
{
    for (size_t i = 0; i < walk->found.blocks; i++)
        if (stream_id_compare(open_block_head(walk->blocks[i])->last, entry->place.block) == 0)
            return open_block_record(walk->blocks[i], entry->place.record);
    fail_msg("an entry names a block that is not there");
    return (struct bytes){ 0 };
}

static void walk_block(struct walk *walk, const struct open_block *block)
{
    struct history_check *check = walk->check;
    for (size_t row = 0; row < open_block_count(block); row++) {
        struct history_entry entry;
        struct history_fields fields;
        struct known known;
        open_block_entry(block, row, &entry);
        assert_true(entry_renderer_render(walk->renderer, &entry, record_of(walk, &entry),
                                          ENTRY_ALL, &fields));
        known.id = entry.id;
        digest_begin(check->digest);
        for (size_t i = 0; i < fields.count; i++) {
            digest_field(check->digest, fields.fields[i].name);
            digest_field(check->digest, fields.fields[i].value);
        }
        digest_end(check->digest, known.sha256);
        meet(walk, known);
        walk->found.packed++;
    }
}

/* The block that an entry of the index names, which says what the entry says. False if it is
 * gone. */
static bool open_named_block(struct walk *walk, const redisReply *entry)
{
    assert_true(walk->found.blocks < BLOCKS_MAX);
    struct stream_id last;
    char key[CONTRACT_KEY_SIZE];
    assert_true(stream_id_parse(&last, text_of(entry->element[0])));
    contract_block_key(&walk->check->contract, key, last);
    redisReply *text = redis_server_command(walk->check->redis, "GET %s", key);
    if (text->type == REDIS_REPLY_NIL) {
        freeReplyObject(text);
        return false;
    }
    struct open_block *block = open_block_create(text_of(text));
    assert_non_null(block);
    walk->texts[walk->found.blocks] = text;
    walk->blocks[walk->found.blocks++] = block;
    const struct block_head *head = open_block_head(block);
    assert_int_equal(stream_id_compare(head->last, last), 0);
    assert_int_equal(number_of(entry->element[1], CONTRACT_BLOCK_COUNT), head->count);
    assert_int_equal(number_of(entry->element[1], CONTRACT_BLOCK_SIZE), text->len);
    assert_int_equal(number_of(entry->element[1], CONTRACT_BLOCK_FORMAT), BLOCK_FORMAT);
    assert_int_equal(number_of(entry->element[1], CONTRACT_BLOCK_ORDINAL), head->ordinal);
    walk->found.bytes += (size_t)text->len;
    walk->found.generations += stream_id_compare(head->generation, walk->generation) != 0;
    walk->generation = head->generation;
    if (walk->found.blocks == 1)
        walk->found.oldest = head->generation;
    return true;
}

/* Index, end of history and stream at one moment. */
static const char snapshot_script[] =
    "return {redis.call('XRANGE', KEYS[1], '-', '+'), redis.call('GET', KEYS[2]) or '', "
    "redis.call('XRANGE', KEYS[3], '-', '+')}";

/* False if a block was trimmed meanwhile. */
static bool open_blocks(struct walk *walk, const redisReply *index)
{
    for (size_t i = 0; i < index->elements; i++)
        if (!open_named_block(walk, index->element[i]))
            return false;
    return true;
}

static void walk_all(struct walk *walk, const redisReply *snapshot)
{
    struct history_check *check = walk->check;
    const redisReply *index = snapshot->element[0], *entries = snapshot->element[2];
    for (size_t i = 0; i < index->elements; i++) {
        walk_block(walk, walk->blocks[i]);
        /* All that was added has been read from the start on. */
        size_t before = walk->at - open_block_head(walk->blocks[i])->count;
        assert_int_equal(open_block_head(walk->blocks[i])->ordinal, before + 1);
    }
    if (index->elements)
        assert_string_equal(snapshot->element[1]->str,
                            index->element[index->elements - 1]->element[0]->str);
    for (size_t i = 0; i < entries->elements; i++)
        meet(walk, known_of_plain(check, entries->element[i]));
    walk->found.plain = entries->elements;
}

static void close_blocks(struct walk *walk)
{
    for (size_t i = 0; i < walk->found.blocks; i++) {
        open_block_destroy(walk->blocks[i]);
        freeReplyObject(walk->texts[i]);
    }
    walk->found = (struct history_found){ 0 };
    walk->generation = (struct stream_id){ 0 };
}

struct history_found history_check_compare(struct history_check *check)
{
    const struct contract *contract = &check->contract;
    struct walk walk = { .check = check, .at = SIZE_MAX, .renderer = entry_renderer_create() };
    redisReply *snapshot = NULL;
    bool is_whole = false;
    while (!is_whole) {
        snapshot = redis_server_command(check->redis, "EVAL %s 3 %s %s %s", snapshot_script,
                                        contract->history, contract->packed, contract->stream);
        assert_int_equal(snapshot->type, REDIS_REPLY_ARRAY);
        is_whole = open_blocks(&walk, snapshot->element[0]);
        if (is_whole)
            break;
        close_blocks(&walk);
        freeReplyObject(snapshot);
    }
    (void)history_check_read(check);
    walk_all(&walk, snapshot);
    struct history_found found = walk.found;
    freeReplyObject(snapshot);
    close_blocks(&walk);
    entry_renderer_destroy(walk.renderer);
    return found;
}

void history_check_expect_no_other_block(struct history_check *check)
{
    long long blocks = redis_server_integer(check->redis, "XLEN %s", check->contract.history);
    redisReply *keys =
        redis_server_command(check->redis, "KEYS %s:block:*", check->contract.prefix);
    assert_int_equal(keys->elements, blocks);
    freeReplyObject(keys);
}
