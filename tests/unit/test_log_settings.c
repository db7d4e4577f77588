/* What the administrator says of single operators and logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/ct/ct_log.h"
#include "ingest/logs/log_settings.h"
#include "shared/base/hex.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char path[] = "/tmp/certstream-log-settings-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static struct ct_log log_of(char *operator_name)
{
    struct ct_log ct_log = { .operator_name = operator_name };
    assert_true(hex_decode(ct_log.id, sizeof ct_log.id, bytes_of_string(ID)));
    return ct_log;
}

static void a_log_counts_before_its_operator(void **state)
{
    (void)state;
    char name[] = "DigiCert", other[] = "Sectigo";
    write_file("{\"operators\":{\"DigiCert\":{\"requests_per_second\":0.15,\"at_once\":1,"
               "\"keep_alive\":false,\"page\":256}},"
               "\"logs\":{\"" ID "\":{\"page\":64,\"start\":\"-10\",\"proxy\":\"http://p:1\"}}}");
    assert_null(log_settings_check(path));
    struct log_settings_table *table = log_settings_create(path);
    const struct ct_log digicert = log_of(name), sectigo = log_of(other);
    struct log_settings settings = log_settings_of(table, &digicert);
    assert_true(settings.per_second > 0.14 && settings.per_second < 0.16);
    assert_int_equal(settings.at_once, 1);
    assert_true(settings.closes_connections);
    assert_int_equal(settings.page, 64);
    assert_string_equal(settings.start, "-10");
    assert_string_equal(settings.proxy, "http://p:1");
    assert_null(settings.ca_file);
    assert_false(settings.has_own_budget);
    settings = log_settings_of(table, &sectigo);
    assert_true(settings.per_second <= 0);
    assert_int_equal(settings.page, 64);
    log_settings_destroy(table);
}

static void without_a_file_nothing_is_said(void **state)
{
    (void)state;
    char name[] = "DigiCert";
    const struct ct_log ct_log = log_of(name);
    assert_null(log_settings_check(""));
    struct log_settings_table *table = log_settings_create("");
    struct log_settings settings = log_settings_of(table, &ct_log);
    assert_int_equal(settings.page, 0);
    assert_null(settings.start);
    log_settings_destroy(table);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{\"operators\":[]}",
        "{\"operator\":{}}",
        "{\"operators\":{\"A\":1}}",
        "{\"operators\":{\"A\":{\"rate\":1}}}",
        "{\"operators\":{\"A\":{\"requests_per_second\":0}}}",
        "{\"operators\":{\"A\":{\"at_once\":0.5}}}",
        "{\"operators\":{\"A\":{\"keep_alive\":1}}}",
        "{\"operators\":{\"A\":{\"page\":-1}}}",
        "{\"operators\":{\"A\":{\"start\":\"tail\"}}}",
        "{\"operators\":{\"A\":{\"start\":5}}}",
        "{\"operators\":{\"A\":{\"proxy\":\"\"}}}",
        "{\"logs\":{\"no id\":{}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(texts[i]);
        assert_non_null(log_settings_check(path));
    }
    assert_non_null(log_settings_check("/no/such/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_counts_before_its_operator),
        cmocka_unit_test(without_a_file_nothing_is_said),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
