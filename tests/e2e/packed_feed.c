#include "tests/e2e/packed_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/history/block_writer.h"
#include "shared/history/stored_entry.h"
#include "shared/redis/contract.h"
#include "tests/support/redis_server.h"

enum {
    LEVEL = 3,
    SEED = 7,
    FIELDS_MAX = 16,
    RECORDS_MAX = 100000,
    RECORD_MAX = 16 << 20,
    ID_SIZE = STREAM_ID_TEXT_SIZE,
};

#define STREAM  CONTRACT_PREFIX ":stream"
#define HISTORY CONTRACT_PREFIX ":history"

/* Where a certificate of the generation is. */
struct known_record {
    uint8_t sha256[SHA256_SIZE];
    size_t block; /* number of the block, from 0 on */
    uint32_t record;
};

struct packed_feed {
    struct redis_server *redis;
    struct block_writer *writer;
    struct stored_entry_reader *reader;
    struct entry_renderer *renderer;
    struct digest *sha256;
    struct known_record *records;
    size_t record_count;
    struct stream_id *last; /* of each block */
    size_t block_count;
    struct stream_id generation;
    bool has_generation;
};

struct packed_feed *packed_feed_create(struct redis_server *redis)
{
    struct packed_feed *feed = memory_allocate_zeroed(1, sizeof *feed);
    feed->redis = redis;
    feed->writer = block_writer_create(LEVEL, SEED);
    feed->reader = stored_entry_reader_create(SEED);
    feed->renderer = entry_renderer_create();
    feed->sha256 = digest_create(DIGEST_SHA256);
    feed->records = memory_allocate_zeroed(RECORDS_MAX, sizeof *feed->records);
    feed->last = memory_allocate_zeroed(RECORDS_MAX, sizeof *feed->last);
    return feed;
}

void packed_feed_destroy(struct packed_feed *feed)
{
    block_writer_destroy(feed->writer);
    stored_entry_reader_destroy(feed->reader);
    entry_renderer_destroy(feed->renderer);
    digest_destroy(feed->sha256);
    free(feed->records);
    free(feed->last);
    free(feed);
}

void packed_feed_begin_generation(struct packed_feed *feed)
{
    feed->has_generation = false;
    feed->record_count = 0;
}

/* Where the certificate is; added to the block if it is nowhere yet. */
static struct history_place place_record(struct packed_feed *feed, struct bytes record)
{
    uint8_t sha256[SHA256_SIZE];
    size_t i = 0;
    digest_bytes(feed->sha256, sha256, record);
    while (i < feed->record_count && memcmp(feed->records[i].sha256, sha256, SHA256_SIZE) != 0)
        i++;
    struct known_record *known = &feed->records[i];
    if (i == feed->record_count) {
        assert_true(feed->record_count < RECORDS_MAX);
        feed->record_count++;
        memcpy(known->sha256, sha256, SHA256_SIZE);
        known->block = feed->block_count;
        known->record = block_writer_add_record(feed->writer, record);
    }
    return (struct history_place){
        .is_here = known->block == feed->block_count,
        .block = feed->last[known->block],
        .record = known->record,
    };
}

static bool is_made_again(struct packed_feed *feed, const struct stored_entry *stored,
                          const struct history_fields *fields)
{
    struct history_fields made;
    if (!entry_renderer_render(feed->renderer, &stored->entry, stored->der, ENTRY_ALL, &made) ||
        made.count != fields->count)
        return false;
    for (size_t i = 0; i < made.count; i++)
        if (!bytes_equal(made.fields[i].name, fields->fields[i].name) ||
            !bytes_equal(made.fields[i].value, fields->fields[i].value))
            return false;
    return true;
}

/* True if it was made of its certificate. */
static bool add_row(struct packed_feed *feed, struct stream_id id,
                    const struct history_fields *fields)
{
    struct stored_entry stored;
    bool is_made = stored_entry_read(feed->reader, &stored, id, fields) &&
                   is_made_again(feed, &stored, fields);
    struct buffer verbatim;
    buffer_init(&verbatim, RECORD_MAX);
    struct history_entry entry = { .id = id, .is_verbatim = true };
    if (is_made) {
        entry = stored.entry;
        entry.place = place_record(feed, stored.der);
    } else {
        block_writer_write_verbatim(&verbatim, fields);
        entry.place = place_record(feed, buffer_bytes(&verbatim));
    }
    block_writer_add_row(feed->writer, &entry);
    buffer_free(&verbatim);
    return is_made;
}

static bool add_entry(struct packed_feed *feed, const redisReply *entry)
{
    struct history_field fields[FIELDS_MAX];
    const redisReply *values = entry->element[1];
    struct stream_id id = { 0 };
    size_t count = values->elements / 2;
    assert_true(count <= FIELDS_MAX);
    assert_true(stream_id_parse(&id, bytes_of(entry->element[0]->str, entry->element[0]->len)));
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct history_field){
            bytes_of(values->element[2 * i]->str, values->element[2 * i]->len),
            bytes_of(values->element[2 * i + 1]->str, values->element[2 * i + 1]->len),
        };
    return add_row(feed, id, &(struct history_fields){ fields, count });
}

/* As entries-added counts. */
static uint64_t ordinal_of_first(struct packed_feed *feed)
{
    uint64_t length = 0;
    uint64_t added = 0;
    redisReply *info = redis_server_command(feed->redis, "XINFO STREAM " STREAM);
    for (size_t i = 0; i + 1 < info->elements; i += 2) {
        if (strcmp(info->element[i]->str, "length") == 0)
            length = (uint64_t)info->element[i + 1]->integer;
        if (strcmp(info->element[i]->str, "entries-added") == 0)
            added = (uint64_t)info->element[i + 1]->integer;
    }
    freeReplyObject(info);
    return added - length + 1;
}

static void write_block(struct packed_feed *feed, uint64_t ordinal)
{
    char first[ID_SIZE];
    char last[ID_SIZE];
    char next[ID_SIZE];
    char generation[ID_SIZE];
    struct redis_server *redis = feed->redis;
    struct bytes block = block_writer_finish(feed->writer, feed->generation, ordinal);
    struct stream_id end = block_writer_last(feed->writer);
    (void)stream_id_format(first, block_writer_first(feed->writer));
    (void)stream_id_format(last, end);
    (void)stream_id_format(next, stream_id_after(end));
    (void)stream_id_format(generation, feed->generation);
    freeReplyObject(redis_server_command(redis, "MULTI"));
    freeReplyObject(redis_server_command(redis, "SET " CONTRACT_PREFIX ":block:%s %b", last,
                                         block.data, block.size));
    freeReplyObject(redis_server_command(
        redis,
        "XADD " HISTORY " %s first %s count %llu ordinal %llu generation %s size %llu format %d",
        last, first, (unsigned long long)block_writer_count(feed->writer),
        (unsigned long long)ordinal, generation, (unsigned long long)block.size, BLOCK_FORMAT));
    freeReplyObject(redis_server_command(redis, "SET " CONTRACT_PREFIX ":packed %s", last));
    freeReplyObject(redis_server_command(redis, "XTRIM " STREAM " MINID %s", next));
    freeReplyObject(redis_server_command(redis, "EXEC"));
}

size_t packed_feed_pack(struct packed_feed *feed, size_t count, bool may_be_verbatim)
{
    redisReply *entries = redis_server_command(feed->redis, "XRANGE " STREAM " - + COUNT %llu",
                                               (unsigned long long)count);
    size_t packed = entries->elements;
    block_writer_clear(feed->writer);
    stored_entry_reader_clear(feed->reader);
    for (size_t i = 0; i < packed; i++) {
        bool is_made = add_entry(feed, entries->element[i]);
        assert_true(is_made || may_be_verbatim);
    }
    freeReplyObject(entries);
    if (packed == 0)
        return 0;
    if (!feed->has_generation)
        feed->generation = block_writer_first(feed->writer);
    feed->has_generation = true;
    feed->last[feed->block_count] = block_writer_last(feed->writer);
    write_block(feed, ordinal_of_first(feed));
    feed->block_count++;
    return packed;
}

static const char *block_generation(const redisReply *block)
{
    const redisReply *fields = block->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, "generation") == 0)
            return fields->element[i + 1]->str;
    return "";
}

void packed_feed_trim(struct packed_feed *feed)
{
    redisReply *blocks = redis_server_command(feed->redis, "XRANGE " HISTORY " - +");
    assert_true(blocks->elements > 0);
    size_t i = 0;
    for (; i < blocks->elements &&
           strcmp(block_generation(blocks->element[i]), block_generation(blocks->element[0])) == 0;
         i++) {
        const char *id = blocks->element[i]->element[0]->str;
        freeReplyObject(
            redis_server_command(feed->redis, "UNLINK " CONTRACT_PREFIX ":block:%s", id));
        freeReplyObject(redis_server_command(feed->redis, "XDEL " HISTORY " %s", id));
    }
    freeReplyObject(blocks);
}
