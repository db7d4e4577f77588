#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/store/log_position.h"
#include "shared/base/buffer.h"

static void make(struct log_position *position, uint64_t next)
{
    *position = (struct log_position){
        .next = next,
        .epoch = 3,
        .page = 256,
        .has_frontier = true,
        .verified_size = next,
        .head = { .size = next + 9,
                  .timestamp_ms = 1700000000123,
                  .signature = "\x04\x03sig",
                  .signature_size = 5 },
    };
    position->frontier.size = next;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++)
        if (next >> level & 1)
            memset(position->frontier.nodes[level].bytes, (int)level + 1, SHA256_SIZE);
    memset(position->head.root.bytes, 0xab, SHA256_SIZE);
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    static const uint64_t nexts[] = { 0, 1, 256, 4354630059 };
    struct buffer text;
    buffer_init(&text, LOG_POSITION_TEXT_MAX);
    for (size_t i = 0; i < sizeof nexts / sizeof *nexts; i++) {
        struct log_position written, read;
        struct hash_field fields[LOG_POSITION_FIELDS];
        make(&written, nexts[i]);
        log_position_write(&written, fields, &text);
        assert_int_equal(log_position_read(&read, fields, LOG_POSITION_FIELDS), LOG_POSITION_READ);
        assert_memory_equal(&read, &written, sizeof read);
        written.has_frontier = false;
        log_position_write(&written, fields, &text);
        assert_int_equal(log_position_read(&read, fields, LOG_POSITION_FIELDS), LOG_POSITION_READ);
        assert_false(read.has_frontier);
        assert_int_equal(read.next, nexts[i]);
    }
    buffer_free(&text);
}

static void a_hash_without_a_position_is_that_of_a_new_log(void **state)
{
    (void)state;
    struct log_position position;
    const struct hash_field fields[] = { { bytes_of_string("description"),
                                           bytes_of_string("a log") } };
    assert_int_equal(log_position_read(&position, fields, 1), LOG_POSITION_ABSENT);
    assert_int_equal(log_position_read(&position, fields, 0), LOG_POSITION_ABSENT);
}

static void a_spoilt_field_is_noticed(void **state)
{
    (void)state;
    struct log_position position;
    struct hash_field fields[LOG_POSITION_FIELDS];
    struct buffer text;
    buffer_init(&text, LOG_POSITION_TEXT_MAX);
    for (size_t i = 0; i < LOG_POSITION_FIELDS; i++) {
        make(&position, 5);
        log_position_write(&position, fields, &text);
        fields[i].value = bytes_of_string("x!");
        assert_int_equal(log_position_read(&position, fields, LOG_POSITION_FIELDS),
                         LOG_POSITION_CORRUPT);
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(a_hash_without_a_position_is_that_of_a_new_log),
        cmocka_unit_test(a_spoilt_field_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
