/* Blocks of packed history: what is written is what is read, and what is damaged is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/buffer.h"
#include "shared/history/block_writer.h"

enum {
    LEVEL = 3,
    SEED = 42,
    ENTRIES = 1000,
    ENTRIES_OF_OLD = 100,
    RECORD_SIZE = 4000, /* so that there are several frames */
    FRAMES_MAX = 16,
    FILE_MAX = 1 << 20,
};

static const struct history_source sources[] = {
    { .message = { .name = "first",
                   .url = "https://first.example/",
                   .operator_name = "A",
                   .log_id_base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
      .log_id_hex = "0000000000000000000000000000000000000000000000000000000000000000" },
    { .message = { .name = "zweites \"Log\"",
                   .url = "https://second.example/",
                   .operator_name = "",
                   .log_id_base64 = "//////////////////////////////////////////8=",
                   .is_tiled = true },
      .log_id_hex = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
};

static const char chain_text[] = "1111111111111111111111111111111111111111111111111111111111111111 "
                                 "2222222222222222222222222222222222222222222222222222222222222222";

static const struct stream_id generation = { 1000, 0 };
static const struct stream_id earlier_block = { 5000, 7 };

/* A record of the number: never the same twice. */
static struct bytes record_of(uint8_t *record, size_t number)
{
    for (size_t i = 0; i < RECORD_SIZE; i++)
        record[i] = (uint8_t)(number * 31 + i * (number + 1) + i / 7);
    return bytes_of(record, RECORD_SIZE - number % 100);
}

static struct history_entry entry_of(size_t number)
{
    return (struct history_entry){
        .id = { 10000 + number / 3 * 5, number % 3 },
        .is_precertificate = number % 2,
        .chain_bound = (enum message_chain)(number % 3),
        .source = &sources[number / 100 % 2],
        .index = number % 7 ? 500000 + number : UINT64_MAX - number,
        .timestamp_ms = number % 11 ? 9000 + number : 0,
        .seen_ms = 9900 + number / 10,
        .parse_error = number % 50 == 0 ? "it is odd" : NULL,
        .chain =
            number % 5 ? bytes_of_string(chain_text) : bytes_of(chain_text, number % 2 ? 0 : 64),
    };
}

/* Every third has a record of its own, the others one of before, or of an earlier block. */
static struct history_place place_of(size_t number)
{
    if (number % 3 == 0)
        return (struct history_place){ .is_here = true, .record = (uint32_t)number / 3 };
    if (number % 3 == 1)
        return (struct history_place){ .is_here = true, .record = (uint32_t)number / 6 };
    return (struct history_place){ .block = earlier_block, .record = (uint32_t)number };
}

static struct bytes write_block(struct block_writer *writer, size_t count)
{
    uint8_t record[RECORD_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct history_entry entry = entry_of(i);
        entry.place = place_of(i);
        entry.is_verbatim = i % 90 == 0;
        if (i % 3 == 0)
            assert_int_equal(block_writer_add_record(writer, record_of(record, i)), i / 3);
        block_writer_add_row(writer, &entry);
    }
    return block_writer_finish(writer, generation, 77);
}

struct opened {
    struct block_decoder *decoder;
    struct block_head head;
    struct block_rows *rows;
    struct block_frame *frames[FRAMES_MAX];
};

static struct bytes part_of(struct bytes block, const struct block_part *part)
{
    assert_true(part->offset + part->size <= block.size);
    return bytes_of(block.data + part->offset, part->size);
}

/* False if any part of it is damaged. */
static bool open_block(struct opened *opened, struct bytes block)
{
    memset(opened, 0, sizeof *opened);
    if (block_head_read(&opened->head, block) != BLOCK_GOOD || opened->head.size != block.size)
        return false;
    opened->decoder = block_decoder_create();
    opened->rows =
        block_rows_open(opened->decoder, &opened->head, part_of(block, &opened->head.rows));
    bool is_good = opened->rows;
    assert_true(opened->head.frame_count <= FRAMES_MAX);
    for (size_t i = 0; i < opened->head.frame_count; i++) {
        struct block_part part = block_head_frame(&opened->head, i);
        opened->frames[i] = block_frame_open(opened->decoder, &part, part_of(block, &part));
        is_good = is_good && opened->frames[i];
    }
    return is_good;
}

static void close_block(struct opened *opened)
{
    for (size_t i = 0; i < opened->head.frame_count && opened->decoder; i++)
        block_frame_close(opened->frames[i]);
    block_rows_close(opened->rows);
    block_decoder_destroy(opened->decoder);
}

static void assert_same_entry(const struct history_entry *found, size_t number)
{
    struct history_entry entry = entry_of(number);
    struct history_place place = place_of(number);
    assert_int_equal(stream_id_compare(found->id, entry.id), 0);
    assert_int_equal(found->place.is_here, place.is_here);
    assert_int_equal(found->place.record, place.record);
    if (!place.is_here)
        assert_int_equal(stream_id_compare(found->place.block, earlier_block), 0);
    assert_int_equal(found->is_verbatim, number % 90 == 0);
    if (found->is_verbatim)
        return;
    assert_int_equal(found->is_precertificate, entry.is_precertificate);
    assert_int_equal(found->chain_bound, entry.chain_bound);
    assert_string_equal(found->source->log_id_hex, entry.source->log_id_hex);
    assert_string_equal(found->source->message.name, entry.source->message.name);
    assert_string_equal(found->source->message.url, entry.source->message.url);
    assert_string_equal(found->source->message.operator_name, entry.source->message.operator_name);
    assert_string_equal(found->source->message.log_id_base64, entry.source->message.log_id_base64);
    assert_int_equal(found->source->message.is_tiled, entry.source->message.is_tiled);
    assert_true(found->index == entry.index);
    assert_true(found->timestamp_ms == entry.timestamp_ms);
    assert_true(found->seen_ms == entry.seen_ms);
    assert_true(!found->parse_error == !entry.parse_error);
    assert_true(bytes_equal(found->chain, entry.chain));
}

/* It is what write_block writes. */
static void assert_whole(const struct opened *opened, size_t count)
{
    assert_int_equal(opened->head.count, count);
    assert_int_equal(opened->head.ordinal, 77);
    assert_int_equal(stream_id_compare(opened->head.generation, generation), 0);
    assert_int_equal(block_rows_count(opened->rows), count);
    assert_int_equal(opened->head.earlier_count, 1);
    for (size_t i = 0; i < count; i++) {
        struct history_entry entry;
        block_rows_entry(opened->rows, i, &entry);
        assert_same_entry(&entry, i);
        assert_int_equal(block_rows_find(opened->rows, entry.id), i);
        assert_int_equal(block_rows_find(opened->rows, stream_id_after(entry.id)), i + 1);
        if (!entry.place.is_here)
            continue;
        uint8_t record[RECORD_SIZE];
        size_t frame = block_head_frame_of(&opened->head, entry.place.record);
        assert_true(bytes_equal(block_frame_record(opened->frames[frame], entry.place.record),
                                record_of(record, (size_t)entry.place.record * 3)));
    }
    assert_int_equal(block_head_frame_of(&opened->head, opened->head.record_count),
                     opened->head.frame_count);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct block_writer *writer = block_writer_create(LEVEL, SEED);
    for (int round = 0; round < 2; round++) {
        struct opened opened;
        assert_true(open_block(&opened, write_block(writer, ENTRIES)));
        assert_whole(&opened, ENTRIES);
        assert_in_range(opened.head.frame_count, 2, FRAMES_MAX);
        close_block(&opened);
        block_writer_clear(writer);
    }
    block_writer_destroy(writer);
}

/* Every byte counts: zstd checks what is in its frames, and the head has a check. */
static void every_damage_is_told(void **state)
{
    (void)state;
    struct block_writer *writer = block_writer_create(LEVEL, SEED);
    struct bytes block = write_block(writer, ENTRIES);
    uint8_t *copy = malloc(block.size);
    assert_non_null(copy);
    for (size_t at = 0; at < block.size; at += 1 + at / 25) {
        struct opened opened;
        memcpy(copy, block.data, block.size);
        copy[at] ^= 0x10;
        bool is_good = open_block(&opened, bytes_of(copy, block.size));
        /* Bits that zstd does not use are no damage. */
        for (size_t i = 0; is_good && i < ENTRIES; i++) {
            struct history_entry entry;
            block_rows_entry(opened.rows, i, &entry);
            assert_same_entry(&entry, i);
        }
        close_block(&opened);
        struct block_head head;
        assert_int_not_equal(block_head_read(&head, bytes_of(block.data, at < 120 ? at : 119)),
                             BLOCK_GOOD);
    }
    free(copy);
    block_writer_destroy(writer);
}

static void another_format_is_told(void **state)
{
    (void)state;
    struct block_writer *writer = block_writer_create(LEVEL, SEED);
    struct bytes block = write_block(writer, ENTRIES);
    uint8_t *copy = malloc(block.size);
    assert_non_null(copy);
    memcpy(copy, block.data, block.size);
    copy[5] = 2;
    struct block_head head;
    assert_int_equal(block_head_read(&head, bytes_of(copy, block.size)), BLOCK_UNKNOWN);
    assert_int_equal(head.format, 2);
    copy[0] = 'X';
    assert_int_equal(block_head_read(&head, bytes_of(copy, block.size)), BLOCK_DAMAGED);
    free(copy);
    block_writer_destroy(writer);
}

/* Written by version 1.0.0 with write_block, and never again, so what that writes may not change:
 * what Redis holds has to be read by every version that comes after it. */
static void blocks_of_the_first_version_are_read(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(FILE_MAX);
    assert_non_null(bytes);
    FILE *file = fopen(CERTSTREAM_SOURCE_DIR "tests/unit/history_block_1.bin", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, FILE_MAX, file);
    (void)fclose(file);
    struct opened opened;
    assert_true(open_block(&opened, bytes_of(bytes, size)));
    assert_whole(&opened, ENTRIES_OF_OLD);
    close_block(&opened);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(blocks_of_the_first_version_are_read),
        cmocka_unit_test(every_damage_is_told),
        cmocka_unit_test(another_format_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
