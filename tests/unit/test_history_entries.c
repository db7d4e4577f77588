/* Entry → block → entry, byte for byte: all certificates at hand, each twice in one block and once
 * in the next, and entries of other forms, which are kept as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/history/entry_packer.h"
#include "shared/base/memory.h"
#include "tests/unit/corpus.h"
#include "tests/unit/history_book.h"

enum {
    BLOCKS_MAX = 256
};

static const uint8_t seed[ENTRY_PACKER_SEED_SIZE] = "not random, and not secret";

static const char chains[] = "1111111111111111111111111111111111111111111111111111111111111111 "
                             "2222222222222222222222222222222222222222222222222222222222222222";

static const struct history_source sources[] = {
    { .message = { .name = "Log",
                   .url = "https://log.example/2026/",
                   .operator_name = "Op",
                   .log_id_base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
      .log_id_hex = "0000000000000000000000000000000000000000000000000000000000000000" },
    { .message = { .name = "a\",\"source\":{\"name\":\"b\n\x01",
                   .url = "https://x/\\\",\"issuer\":{\"C\":/",
                   .operator_name = "\xc3\xb6\\",
                   .log_id_base64 = "//////////////////////////////////////////8=",
                   .is_tiled = true },
      .log_id_hex = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
};

/* Entries that were packed, to be compared with, and the blocks. */
struct book {
    struct entry_packer *packer;
    struct plain_entry plain;
    struct buffer *expected; /* of each entry its fields, as written verbatim */
    size_t count, capacity;
    struct buffer blocks[BLOCKS_MAX];
    size_t block_count;
};

static void open_book(struct book *book)
{
    *book = (struct book){ .packer = entry_packer_create(ENTRY_PACKER_LEVEL, seed) };
    plain_entry_init(&book->plain);
    entry_packer_begin_generation(book->packer);
}

static void close_book(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        buffer_free(&book->expected[i]);
    for (size_t i = 0; i < book->block_count; i++)
        buffer_free(&book->blocks[i]);
    free(book->expected);
    plain_entry_free(&book->plain);
    entry_packer_destroy(book->packer);
}

static void finish_block(struct book *book)
{
    assert_true(book->block_count < BLOCKS_MAX);
    struct buffer *block = &book->blocks[book->block_count++];
    buffer_init(block, SIZE_MAX / 2);
    buffer_append_bytes(block, entry_packer_finish(book->packer, 1));
    entry_packer_commit(book->packer);
}

static void write_fields(struct buffer *out, const struct history_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        buffer_append_format(out, "%zu %zu ", fields->fields[i].name.size,
                             fields->fields[i].value.size);
        buffer_append_bytes(out, fields->fields[i].name);
        buffer_append_bytes(out, fields->fields[i].value);
    }
}

static struct stream_id id_of(size_t number)
{
    return (struct stream_id){ 1700000000000 + number / 3, number % 3 };
}

static void pack_fields(struct book *book, const struct history_fields *fields)
{
    if (book->count == book->capacity) {
        book->capacity = 2 * book->capacity + 64;
        book->expected = memory_resize(book->expected, book->capacity, sizeof *book->expected);
    }
    struct buffer *expected = &book->expected[book->count];
    buffer_init(expected, SIZE_MAX / 2);
    write_fields(expected, fields);
    assert_true(entry_packer_add(book->packer, id_of(book->count), fields));
    book->count++;
    if (entry_packer_is_full(book->packer))
        finish_block(book);
}

static struct history_entry entry_of(size_t number)
{
    return (struct history_entry){
        .is_precertificate = number % 2,
        .chain_bound = (enum message_chain)(number % 3),
        .source = &sources[number / 5 % 2],
        .index = number % 7 ? number * 1000 : UINT64_MAX,
        .timestamp_ms = number % 4 ? 1700000000123 + number * 17 : number,
        .seen_ms = 1700000000999 + number / 9,
        .parse_error = number % 23 ? NULL : "the leaf is odd",
        .chain = bytes_of(chains, number % 3 == 0   ? 0
                                  : number % 3 == 1 ? 64
                                                    : 129),
    };
}

static void pack_certificate(const char *name, struct bytes der, void *context)
{
    struct book *book = context;
    (void)name;
    if (!der.size)
        return;
    struct history_entry entry = entry_of(book->count);
    struct history_fields fields = plain_entry_write(&book->plain, &entry, der);
    pack_fields(book, &fields);
}

static const struct open_block *block_of_place(struct open_block *const *blocks, size_t count,
                                               const struct history_place *place)
{
    for (size_t i = 0; i < count; i++)
        if (stream_id_compare(open_block_head(blocks[i])->last, place->block) == 0)
            return blocks[i];
    fail_msg("a place names no block");
    return NULL;
}

/* The open blocks, and how far they have been compared. */
struct reading {
    const struct book *book;
    struct open_block *blocks[BLOCKS_MAX];
    struct entry_renderer *renderer;
    struct buffer found;
    size_t number;
};

static void compare_block(struct reading *reading, size_t block)
{
    for (size_t row = 0; row < open_block_count(reading->blocks[block]); row++) {
        struct history_entry entry;
        struct history_fields fields;
        open_block_entry(reading->blocks[block], row, &entry);
        assert_int_equal(stream_id_compare(entry.id, id_of(reading->number)), 0);
        struct bytes record = open_block_record(
            block_of_place(reading->blocks, block + 1, &entry.place), entry.place.record);
        assert_true(entry_renderer_render(reading->renderer, &entry, record, ENTRY_ALL, &fields));
        buffer_clear(&reading->found);
        write_fields(&reading->found, &fields);
        if (!bytes_equal(buffer_bytes(&reading->found),
                         buffer_bytes(&reading->book->expected[reading->number])))
            fail_msg("entry %zu is another", reading->number);
        reading->number++;
    }
}

static void assert_book_is_same(struct book *book)
{
    struct reading reading = { .book = book, .renderer = entry_renderer_create() };
    buffer_init(&reading.found, SIZE_MAX / 2);
    for (size_t i = 0; i < book->block_count; i++) {
        reading.blocks[i] = open_block_create(buffer_bytes(&book->blocks[i]));
        assert_non_null(reading.blocks[i]);
        compare_block(&reading, i);
    }
    assert_int_equal(reading.number, book->count);
    for (size_t i = 0; i < book->block_count; i++)
        open_block_destroy(reading.blocks[i]);
    buffer_free(&reading.found);
    entry_renderer_destroy(reading.renderer);
}

static void print_sizes(const char *what, const struct book *book)
{
    size_t size = 0, plain = 0;
    for (size_t i = 0; i < book->block_count; i++)
        size += book->blocks[i].size;
    for (size_t i = 0; i < book->count; i++)
        plain += book->expected[i].size;
    if (book->count)
        (void)printf("%s: %zu entries, %zu bytes each, %zu plain\n", what, book->count,
                     size / book->count, plain / book->count);
}

/* Each folder is packed three times, so that its certificates come again in the same block, in an
 * earlier one and with another message around them. */
static void the_corpus_comes_back(void **state)
{
    static const char *const folders[] = { "certs/real",    "certs/staging",
                                           "certs/hostile", "certs/hostile-generated",
                                           "certs/issuers", "certs/synthetic" };
    (void)state;
    if (!corpus_folder())
        skip();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct book book;
        open_book(&book);
        for (int round = 0; round < 3; round++)
            assert_true(corpus_visit_files(folders[i], "", pack_certificate, &book) > 0);
        if (entry_packer_count(book.packer))
            finish_block(&book);
        const struct entry_packer_stats *stats = entry_packer_stats(book.packer);
        print_sizes(folders[i], &book);
        assert_int_equal(stats->entries, book.count);
        assert_int_equal(stats->verbatim, 0);
        assert_true(stats->records <= book.count / 3);
        assert_book_is_same(&book);
        close_book(&book);
    }
}

static void pack_texts(struct book *book, const char *const *texts, size_t count)
{
    struct history_field fields[8];
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct history_field){ bytes_of_string(texts[2 * i]),
                                            bytes_of_string(texts[2 * i + 1]) };
    const struct history_fields all = { fields, count };
    pack_fields(book, &all);
}

static void other_entries_are_kept(void **state)
{
    static const char *const control[] = { "control", "{\"operation\":\"lost\"}", "log", "00" };
    static const char *const foreign[] = { "", "", "a", "b", "a", "b" };
    struct book book;
    (void)state;
    open_book(&book);
    pack_texts(&book, control, 2);
    pack_texts(&book, foreign, 3);
    assert_int_equal(entry_packer_stats(book.packer)->verbatim, 2);
    finish_block(&book);
    assert_book_is_same(&book);
    close_book(&book);
}

/* One field with another byte at every so many places, and once as it should be. */
static void pack_bent(struct book *book, struct bytes der, size_t field, uint8_t bit)
{
    struct history_entry entry = entry_of(2);
    struct history_fields fields = plain_entry_write(&book->plain, &entry, der);
    size_t size = book->plain.texts[field].size;
    for (size_t at = 0; at < size; at += 1 + size / 60) {
        fields = plain_entry_write(&book->plain, &entry, der);
        book->plain.texts[field].data[at] ^= bit;
        pack_fields(book, &fields);
    }
    fields = plain_entry_write(&book->plain, &entry, der);
    pack_fields(book, &fields);
}

/* Any byte of any field that is another one, in the first entry of a certificate and in a copy. */
static void what_differs_is_kept(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct buffer der = corpus_read("certs/real/0037ae7546555efc.der");
    struct book book;
    open_book(&book);
    for (size_t field = 0; field < PLAIN_FIELDS; field++) {
        pack_bent(&book, buffer_bytes(&der), field, 0x20);
        pack_bent(&book, buffer_bytes(&der), field, 1);
    }
    assert_in_range(entry_packer_stats(book.packer)->verbatim, book.count / 2, book.count - 1);
    finish_block(&book);
    assert_book_is_same(&book);
    close_book(&book);
    buffer_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_comes_back),
        cmocka_unit_test(other_entries_are_kept),
        cmocka_unit_test(what_differs_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
