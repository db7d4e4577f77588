/* The newest entry of a log in a block, from its last row back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/history/block_search.h"
#include "shared/history/block_writer.h"
#include "shared/redis/contract.h"

enum {
    LEVEL = 3,
    SEED = 42,
    ROWS = 10,
    VERBATIM = 6,
    FIRST_LAST = 4, /* rows of the first log: up to this one */
};

#define FIRST  "0000000000000000000000000000000000000000000000000000000000000000"
#define SECOND "1111111111111111111111111111111111111111111111111111111111111111"
#define THIRD  "2222222222222222222222222222222222222222222222222222222222222222"

static const struct history_source sources[] = {
    { .message = { "a", "https://a/", "A", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false },
      .log_id_hex = FIRST },
    { .message = { "b", "https://b/", "B", "ERERERERERERERERERERERERERERERERERERERERERE=", false },
      .log_id_hex = SECOND },
};

struct rows {
    struct block_writer *writer;
    struct block_decoder *decoder;
    struct block_rows *rows;
};

/* Rows of the first log, from index 100 on, and behind them of the second, with one between that is
 * kept as it was. */
static int setup(void **state)
{
    static struct rows rows;
    struct block_head head;
    rows.writer = block_writer_create(LEVEL, SEED);
    for (size_t i = 0; i < ROWS; i++) {
        struct history_entry entry = {
            .id = { 1000 + i, 0 },
            .place = { .is_here = true, .record = (uint32_t)i },
            .is_verbatim = i == VERBATIM,
            .source = &sources[i > FIRST_LAST],
            .index = 100 + i,
            .chain = bytes_of_string(""),
        };
        (void)block_writer_add_record(rows.writer, bytes_of_string("record"));
        block_writer_add_row(rows.writer, &entry);
    }
    struct bytes block = block_writer_finish(rows.writer, (struct stream_id){ 1000, 0 }, 1);
    assert_int_equal(block_head_read(&head, block), BLOCK_GOOD);
    rows.decoder = block_decoder_create();
    rows.rows = block_rows_open(rows.decoder, &head,
                                bytes_of(block.data + head.rows.offset, head.rows.size));
    assert_non_null(rows.rows);
    *state = &rows;
    return 0;
}

static int teardown(void **state)
{
    struct rows *rows = *state;
    block_rows_close(rows->rows);
    block_decoder_destroy(rows->decoder);
    block_writer_destroy(rows->writer);
    return 0;
}

static void finds_the_last_row_of_a_log(void **state)
{
    const struct rows *rows = *state;
    struct block_search search = block_search_begin(rows->rows, SECOND);
    struct history_entry entry;
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_ENTRY);
    assert_int_equal(entry.index, 100 + ROWS - 1);
}

/* Whose it is is not known: it may be newer than the log's other entries. */
static void stops_at_a_row_that_is_kept_as_it_was(void **state)
{
    const struct rows *rows = *state;
    struct block_search search = block_search_begin(rows->rows, FIRST);
    struct history_entry entry;
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_RECORD);
    assert_int_equal(entry.place.record, VERBATIM);
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_ENTRY);
    assert_int_equal(entry.index, 100 + FIRST_LAST);
}

static void finds_nothing_of_another_log(void **state)
{
    const struct rows *rows = *state;
    struct block_search search = block_search_begin(rows->rows, THIRD);
    struct history_entry entry;
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_RECORD);
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_NOTHING);
    assert_int_equal(block_search_next(&search, rows->rows, &entry), LOG_FOUND_NOTHING);
}

static enum log_found ask(const char *log, const char *index_name, const char *index,
                          uint64_t *found)
{
    const struct history_field all[] = {
        { bytes_of_string(CONTRACT_FIELD_LOG), bytes_of_string(log) },
        { bytes_of_string(index_name), bytes_of_string(index) },
    };
    const struct history_fields fields = { all, 2 };
    return block_search_fields(&fields, FIRST, found);
}

static void tells_entries_from_what_is_said_of_a_log(void **state)
{
    uint64_t index = 7;
    (void)state;
    assert_int_equal(ask(SECOND, CONTRACT_FIELD_INDEX, "5", &index), LOG_FOUND_NOTHING);
    assert_int_equal(ask("", CONTRACT_FIELD_INDEX, "5", &index), LOG_FOUND_NOTHING);
    assert_int_equal(ask(FIRST, CONTRACT_FIELD_CONTROL, "{}", &index), LOG_FOUND_CONTROL);
    assert_int_equal(index, 7);
    assert_int_equal(ask(FIRST, CONTRACT_FIELD_INDEX, "349", &index), LOG_FOUND_ENTRY);
    assert_int_equal(index, 349);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_last_row_of_a_log),
        cmocka_unit_test(stops_at_a_row_that_is_kept_as_it_was),
        cmocka_unit_test(finds_nothing_of_another_log),
        cmocka_unit_test(tells_entries_from_what_is_said_of_a_log),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
