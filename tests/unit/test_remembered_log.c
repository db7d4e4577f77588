/* A log to the fields of its hash in Redis and back, and hashes that are none of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/lists/log_list.h"
#include "ingest/store/remembered_log.h"
#include "shared/base/buffer.h"

/* The id is the SHA-256 of the key, which is "abc". */
static const char list_text[] =
    "{\"operators\":[{\"name\":\"Op \\u00fc\",\"tiled_logs\":[{\"description\":\"A "
    "\\\"log\\\"\",\"key\":"
    "\"YWJj\",\"log_id\":\"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\",\"monitoring_url\":"
    "\"https://a.test/\",\"state\":{\"readonly\":{\"final_tree_head\":{\"tree_size\":57634084,"
    "\"sha256_root_hash\":\"vJHecZC18lG3qp9lV2jZoi+7nkPHQx2SmM4VWglNsIk=\"}}},\"log_type\":"
    "\"test\","
    "\"temporal_interval\":{\"start_inclusive\":\"2026-07-01T00:00:00Z\",\"end_exclusive\":"
    "\"2027-01-01T00:00:00Z\"}}]}]}";

struct remembered {
    struct log_list list;
    struct buffer text;
    struct hash_field fields[REMEMBERED_LOG_FIELDS];
    struct bytes values[REMEMBERED_LOG_READ_FIELDS];
    struct digest *sha256;
};

static int setup(void **state)
{
    struct remembered *remembered = calloc(1, sizeof *remembered);
    *state = remembered;
    assert_null(log_list_parse(&remembered->list, bytes_of_string(list_text), false));
    assert_int_equal(remembered->list.count, 1);
    buffer_init(&remembered->text, REMEMBERED_LOG_TEXT_MAX);
    remembered_log_write(&remembered->list.logs[0], remembered->fields, &remembered->text);
    for (size_t i = 0; i < REMEMBERED_LOG_FIELDS; i++) {
        assert_true(bytes_equal_string(remembered->fields[i].name, remembered_log_name(i)));
        remembered->values[i] = remembered->fields[i].value;
    }
    remembered->values[REMEMBERED_LOG_FIELDS] = bytes_of_string("waiting");
    remembered->sha256 = digest_create(DIGEST_SHA256);
    return 0;
}

static int teardown(void **state)
{
    struct remembered *remembered = *state;
    log_list_clear(&remembered->list);
    buffer_free(&remembered->text);
    digest_destroy(remembered->sha256);
    free(remembered);
    return 0;
}

static bool read_back(struct remembered *remembered, struct ct_log *ct_log)
{
    return remembered_log_read(ct_log, remembered->list.logs[0].id_hex, remembered->values,
                               remembered->sha256);
}

static size_t index_of(const char *name)
{
    size_t i = 0;
    while (strcmp(remembered_log_name(i), name) != 0)
        i++;
    return i;
}

static void set(struct remembered *remembered, const char *name, const char *value)
{
    remembered->values[index_of(name)] = value ? bytes_of_string(value) : bytes_of(NULL, 0);
}

static void comes_back_as_it_was(void **state)
{
    struct remembered *remembered = *state;
    struct ct_log ct_log;
    assert_true(read_back(remembered, &ct_log));
    assert_true(ct_log_is_same(&ct_log, &remembered->list.logs[0]));
    assert_string_equal(ct_log.id_base64, remembered->list.logs[0].id_base64);
    assert_string_equal(ct_log.key_base64, remembered->list.logs[0].key_base64);
    assert_string_equal(ct_log.id_hex, remembered->list.logs[0].id_hex);
    ct_log_clear(&ct_log);
}

static void what_the_lists_did_not_say_stays_unsaid(void **state)
{
    struct remembered *remembered = *state;
    struct ct_log plain = ct_log_copy(&remembered->list.logs[0]), ct_log;
    plain.has_final_size = plain.has_final_root = plain.has_interval = plain.is_test = false;
    plain.kind = CT_LOG_RFC6962;
    plain.state = CT_LOG_STATE_NONE;
    plain.is_draining = true;
    buffer_clear(&remembered->text);
    remembered_log_write(&plain, remembered->fields, &remembered->text);
    for (size_t i = 0; i < REMEMBERED_LOG_FIELDS; i++)
        remembered->values[i] = remembered->fields[i].value;
    assert_true(read_back(remembered, &ct_log));
    assert_false(ct_log.has_final_size || ct_log.has_final_root || ct_log.has_interval);
    assert_false(ct_log.is_test);
    assert_int_equal(ct_log.kind, CT_LOG_RFC6962);
    assert_int_equal(ct_log.state, CT_LOG_STATE_NONE);
    assert_true(ct_log.is_draining);
    ct_log_clear(&ct_log);
    ct_log_clear(&plain);
}

static void what_is_over_is_not_followed_again(void **state)
{
    static const struct {
        const char *following;
        const char *follower;
        bool is_followed;
    } rows[] = {
        { "yes", "waiting", true },        { "yes", "finished", true },
        { "draining", "waiting", true },   { "draining", NULL, true },
        { "draining", "finished", false }, { "no", "waiting", false },
        { NULL, "waiting", false }, /* of an older version */
    };
    struct remembered *remembered = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ct_log ct_log;
        set(remembered, "following", rows[i].following);
        set(remembered, "state", rows[i].follower);
        assert_int_equal(read_back(remembered, &ct_log), rows[i].is_followed);
        if (rows[i].is_followed)
            ct_log_clear(&ct_log);
    }
}

static void what_describes_no_log_is_left(void **state)
{
    struct remembered *remembered = *state;
    struct ct_log ct_log;
    set(remembered, "key", "YWJk");
    assert_false(read_back(remembered, &ct_log));
    set(remembered, "key", NULL);
    assert_false(read_back(remembered, &ct_log));
    set(remembered, "key", "YWJj");
    set(remembered, "url", NULL);
    assert_false(read_back(remembered, &ct_log));
    char *large = calloc(1, 5001);
    memset(large, 'x', 5000);
    set(remembered, "url", large);
    assert_false(read_back(remembered, &ct_log));
    free(large);
    assert_false(remembered_log_read(&ct_log, "no id", remembered->values, remembered->sha256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_lists_did_not_say_stays_unsaid, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_over_is_not_followed_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_describes_no_log_is_left, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
