#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/lists/log_list.h"
#include "shared/base/base64.h"
#include "shared/base/buffer.h"

/* A key is any bytes here; the log id is its SHA-256. */
static void append_identity(struct buffer *out, const char *key)
{
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    uint8_t id[SHA256_SIZE];
    digest_bytes(sha256, id, bytes_of_string(key));
    digest_destroy(sha256);
    buffer_append_string(out, "\"key\":\"");
    base64_encode(out, bytes_of_string(key));
    buffer_append_string(out, "\",\"log_id\":\"");
    base64_encode(out, bytes_of(id, sizeof id));
    buffer_append_string(out, "\"");
}

static void append_log(struct buffer *out, const char *key, const char *rest)
{
    buffer_append_string(out, "{");
    append_identity(out, key);
    buffer_append_format(out, ",\"description\":\"log %s\",%s}", key, rest);
}

static const char *parse(struct log_list *list, const struct buffer *logs,
                         const struct buffer *tiled, bool allow_http)
{
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_append_string(&text, "{\"operators\":[{\"name\":\"Op\",\"logs\":[");
    buffer_append_bytes(&text, buffer_bytes(logs));
    buffer_append_string(&text, "],\"tiled_logs\":[");
    buffer_append_bytes(&text, buffer_bytes(tiled));
    buffer_append_string(&text, "]}]}");
    const char *wrong = log_list_parse(list, buffer_bytes(&text), allow_http);
    buffer_free(&text);
    return wrong;
}

static void reads_both_kinds_and_their_states(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        enum ct_log_state expected;
    } rows[] = {
        { "{\"usable\":{\"timestamp\":\"x\"}}", CT_LOG_USABLE },
        { "{\"qualified\":{}}", CT_LOG_QUALIFIED },
        { "{\"readonly\":{\"final_tree_head\":{\"tree_size\":77}}}", CT_LOG_READONLY },
        { "{\"pending\":{}}", CT_LOG_PENDING },
        { "{\"retired\":{}}", CT_LOG_RETIRED },
        { "{\"rejected\":{}}", CT_LOG_REJECTED },
        { "{\"something new\":{}}", CT_LOG_STATE_NONE },
        { "{\"usable\":{},\"rejected\":{}}", CT_LOG_USABLE },
        { "{\"rejected\":{},\"pending\":{},\"something new\":1}", CT_LOG_PENDING },
        { "\"usable\"", CT_LOG_STATE_NONE },
        { "[\"usable\"]", CT_LOG_STATE_NONE },
        { "null", CT_LOG_STATE_NONE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_list list = { 0 };
        struct buffer logs, tiled;
        char rest[256];
        buffer_init(&logs, 4096);
        buffer_init(&tiled, 4096);
        (void)snprintf(rest, sizeof rest, "\"url\":\"https://a.example/log\",\"state\":%s",
                       rows[i].state);
        append_log(&logs, "one", rest);
        (void)snprintf(rest, sizeof rest,
                       "\"submission_url\":\"https://s.example/\",\"monitoring_url\":\"https://"
                       "m.example/\",\"state\":%s",
                       rows[i].state);
        append_log(&tiled, "two", rest);
        assert_null(parse(&list, &logs, &tiled, false));
        assert_int_equal(list.count, 2);
        assert_int_equal(list.logs[0].kind, CT_LOG_RFC6962);
        assert_string_equal(list.logs[0].url, "https://a.example/log/");
        assert_string_equal(list.logs[0].description, "log one");
        assert_string_equal(list.logs[0].operator_name, "Op");
        assert_int_equal(list.logs[1].kind, CT_LOG_TILED);
        assert_string_equal(list.logs[1].url, "https://m.example/");
        for (size_t log = 0; log < 2; log++) {
            assert_int_equal(list.logs[log].state, rows[i].expected);
            assert_int_equal(list.logs[log].has_final_size, rows[i].expected == CT_LOG_READONLY);
        }
        log_list_clear(&list);
        buffer_free(&logs);
        buffer_free(&tiled);
    }
}

static void refuses_descriptions_that_are_not_valid(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\"url\":\"http://a.example/\"",
        "\"url\":\"ftp://a.example/\"",
        "\"url\":\"https://\"",
        "\"url\":\"https://a.example/ \"",
        "\"url\":\"https://a.example/?q\"",
        "\"url\":\"https://a.example/\\r\\nX: y\"",
        "\"url\":17",
        "\"monitoring_url\":\"https://a.example/\"",
        "\"url\":\"https://a.example/\",\"temporal_interval\":{}",
        "\"url\":\"https://a.example/\",\"temporal_interval\":7",
        "\"url\":\"https://a.example/\",\"temporal_interval\":{\"start_inclusive\":"
        "\"2026-01-01T00:00:00Z\"}",
        "\"url\":\"https://a.example/\",\"temporal_interval\":{\"start_inclusive\":"
        "\"2026-07-01T00:00:00Z\",\"end_exclusive\":\"2026-01-01T00:00:00Z\"}",
        "\"url\":\"https://a.example/\",\"temporal_interval\":{\"start_inclusive\":"
        "\"2026-02-30T00:00:00Z\",\"end_exclusive\":\"2026-07-01T00:00:00Z\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct log_list list = { 0 };
        struct buffer logs, tiled;
        buffer_init(&logs, 4096);
        buffer_init(&tiled, 4096);
        append_log(&logs, "one", wrong[i]);
        assert_null(parse(&list, &logs, &tiled, false));
        assert_int_equal(list.count, 0);
        assert_int_equal(list.refused, 1);
        log_list_clear(&list);
        buffer_free(&logs);
        buffer_free(&tiled);
    }
}

static void http_is_for_lists_the_user_named(void **state)
{
    (void)state;
    struct log_list list = { 0 };
    struct buffer logs, tiled;
    buffer_init(&logs, 4096);
    buffer_init(&tiled, 4096);
    append_log(&logs, "one", "\"url\":\"http://127.0.0.1:8080/\"");
    assert_null(parse(&list, &logs, &tiled, true));
    assert_int_equal(list.count, 1);
    log_list_clear(&list);
    buffer_free(&logs);
    buffer_free(&tiled);
}

static void a_log_id_that_is_not_the_keys_hash_is_refused(void **state)
{
    (void)state;
    struct log_list list = { 0 };
    static const char text[] =
        "{\"operators\":[{\"logs\":[{\"key\":\"YWJj\",\"log_id\":"
        "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"url\":\"https://a.example/\"}]}]}";
    assert_null(log_list_parse(&list, bytes_of_string(text), false));
    assert_int_equal(list.count, 0);
    assert_int_equal(list.refused, 1);
    log_list_clear(&list);
}

static void one_follower_for_one_id_and_tiled_is_preferred(void **state)
{
    (void)state;
    struct log_list list = { 0 };
    struct buffer logs, tiled;
    buffer_init(&logs, 4096);
    buffer_init(&tiled, 4096);
    append_log(&logs, "one", "\"url\":\"https://a.example/\"");
    buffer_append_string(&logs, ",");
    append_log(&logs, "one", "\"url\":\"https://b.example/\"");
    append_log(&tiled, "one", "\"monitoring_url\":\"https://m.example/\"");
    assert_null(parse(&list, &logs, &tiled, false));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.logs[0].url, "https://m.example/");
    assert_ptr_equal(log_list_find(&list, list.logs[0].id), &list.logs[0]);
    log_list_clear(&list);
    buffer_free(&logs);
    buffer_free(&tiled);
}

static void says_why_a_text_is_no_list(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "<html>",
                                         "[]",
                                         "{}",
                                         "{\"logs\":[],\"operators\":{}}",
                                         "{\"operators\":1}",
                                         "{\"operators\":[]} {}",
                                         "{\"operators\":[]}x" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct log_list list = { 0 };
        if (!log_list_parse(&list, bytes_of_string(wrong[i]), true))
            fail_msg("accepted %s", wrong[i]);
        assert_int_equal(list.count, 0);
    }
}

static const struct ct_log *parse_one(struct log_list *list, const char *rest)
{
    struct buffer logs, tiled;
    buffer_init(&logs, 4096);
    buffer_init(&tiled, 4096);
    append_log(&logs, "one", rest);
    assert_null(parse(list, &logs, &tiled, false));
    assert_int_equal(list->count, 1);
    buffer_free(&logs);
    buffer_free(&tiled);
    return list->logs;
}

static void reads_interval_and_type(void **state)
{
    (void)state;
    struct log_list list = { 0 };
    const struct ct_log *log =
        parse_one(&list, "\"url\":\"https://a.example/\",\"log_type\":\"monitoring_only\","
                         "\"temporal_interval\":{\"start_inclusive\":\"2026-07-01T00:00:00Z\","
                         "\"end_exclusive\":\"2027-01-01T00:00:01Z\"}");
    assert_true(log->has_interval && log->is_test);
    assert_int_equal(log->interval_start_ms, 1782864000000);
    assert_int_equal(log->interval_end_ms, 1798761601000);
    log_list_clear(&list);
    log = parse_one(&list, "\"url\":\"https://a.example/\",\"log_type\":\"prod\"");
    assert_false(log->has_interval || log->is_test);
    log_list_clear(&list);
}

struct time_row {
    const char *text;
    uint64_t ms; /* 0: no time */
};

/* RFC 3339 section 5.6, not only the form in which the lists write their times today. */
static const struct time_row time_rows[] = {
    { "2026-07-01T00:00:00Z", 1782864000000 },
    { "2026-07-01t00:00:00z", 1782864000000 },
    { "2026-07-01T00:00:00.000Z", 1782864000000 },
    { "2026-07-01T00:00:00.999999999Z", 1782864000000 },
    { "2026-07-01T00:00:00+00:00", 1782864000000 },
    { "2026-07-01T00:00:00-00:00", 1782864000000 },
    { "2026-07-01T02:30:00.5+02:30", 1782864000000 },
    { "2026-06-30T10:00:00-14:00", 1782864000000 },
    { "2026-07-01T00:00:00", 0 },
    { "2026-07-01T00:00:00.Z", 0 },
    { "2026-07-01T00:00:00+0000", 0 },
    { "2026-07-01T00:00:00+24:00", 0 },
    { "2026-07-01T00:00:00+00:60", 0 },
    { "2026-07-01T00:00:00+00:00Z", 0 },
    { "2026-07-01 00:00:00Z", 0 },
    { "1970-01-01T00:00:00+00:01", 0 },
    { "2026-07-01", 0 },
    { "", 0 },
};

static void reads_every_form_of_a_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof time_rows / sizeof *time_rows; i++) {
        struct log_list list = { 0 };
        struct buffer logs, tiled;
        buffer_init(&logs, 4096);
        buffer_init(&tiled, 4096);
        char rest[512];
        (void)snprintf(rest, sizeof rest,
                       "\"url\":\"https://a.example/\",\"temporal_interval\":{"
                       "\"start_inclusive\":\"%s\",\"end_exclusive\":\"2027-01-01T00:00:00Z\"}",
                       time_rows[i].text);
        append_log(&logs, "one", rest);
        assert_null(parse(&list, &logs, &tiled, false));
        assert_int_equal(list.count, time_rows[i].ms != 0);
        if (list.count)
            assert_int_equal(list.logs[0].interval_start_ms, time_rows[i].ms);
        log_list_clear(&list);
        buffer_free(&logs);
        buffer_free(&tiled);
    }
}

static void reads_final_tree_heads_as_far_as_they_go(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool has_size;
        bool has_root;
    } rows[] = {
        { "{\"tree_size\":77,\"sha256_root_hash\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
          "\"}",
          true, true },
        { "{\"tree_size\":77,\"sha256_root_hash\":\"AAEC\"}", true, false },
        { "{\"tree_size\":-1,\"sha256_root_hash\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
          "\"}",
          false, false },
        { "null", false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_list list = { 0 };
        char rest[512];
        (void)snprintf(rest, sizeof rest,
                       "\"url\":\"https://a.example/\",\"state\":{\"readonly\":{"
                       "\"final_tree_head\":%s}}",
                       rows[i].head);
        const struct ct_log *log = parse_one(&list, rest);
        assert_int_equal(log->state, CT_LOG_READONLY);
        assert_int_equal(log->has_final_size, rows[i].has_size);
        assert_int_equal(log->has_final_root, rows[i].has_root);
        if (rows[i].has_root)
            assert_int_equal(log->final_root.bytes[31], 31);
        log_list_clear(&list);
    }
}

static void reads_version_and_timestamp(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *version;
        uint64_t timestamp_ms;
    } rows[] = {
        { "{\"version\":\"85.92\",\"log_list_timestamp\":\"2026-05-29T13:42:48Z\",\"operators\":[]"
          "}",
          "85.92", 1780062168000 },
        { "{\"version\":511,\"operators\":[]}", "511", 0 },
        { "{\"version\":{},\"log_list_timestamp\":\"yesterday\",\"operators\":[]} \r\n", "", 0 },
        { "{\"version\":\"\\u001b[2J\",\"operators\":[]}", "?[2J", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_list list = { 0 };
        assert_null(log_list_parse(&list, bytes_of_string(rows[i].text), false));
        assert_string_equal(list.version, rows[i].version);
        assert_int_equal(list.timestamp_ms, rows[i].timestamp_ms);
        log_list_clear(&list);
    }
}

/* As logs serve it themselves: log.v3.json. */
static void a_single_log_is_a_list_as_well(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 4096);
    append_log(&text, "one", "\"monitoring_url\":\"https://m.example/\"");
    struct log_list list = { 0 };
    assert_null(log_list_parse(&list, buffer_bytes(&text), false));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.logs[0].kind, CT_LOG_TILED);
    assert_int_equal(list.logs[0].state, CT_LOG_STATE_NONE);
    log_list_clear(&list);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_kinds_and_their_states),
        cmocka_unit_test(refuses_descriptions_that_are_not_valid),
        cmocka_unit_test(http_is_for_lists_the_user_named),
        cmocka_unit_test(a_log_id_that_is_not_the_keys_hash_is_refused),
        cmocka_unit_test(one_follower_for_one_id_and_tiled_is_preferred),
        cmocka_unit_test(reads_interval_and_type),
        cmocka_unit_test(reads_every_form_of_a_time),
        cmocka_unit_test(reads_final_tree_heads_as_far_as_they_go),
        cmocka_unit_test(reads_version_and_timestamp),
        cmocka_unit_test(a_single_log_is_a_list_as_well),
        cmocka_unit_test(says_why_a_text_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
