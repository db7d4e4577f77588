#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/process/settings.h"

struct fields {
    char *name;
    int64_t count;
    int64_t size;
    int64_t pause_ms;
    bool loud;
    struct setting_list colours;
    struct setting_list words;
};

static const char *check_fields(const void *fields)
{
    const struct fields *read = fields;
    return read->loud && read->pause_ms > 3600000 ? "nobody is loud for so long" : NULL;
}

static const char *check_colour(const char *value)
{
    return strcmp(value, "beige") == 0 ? "no colour" : NULL;
}

static const struct setting table[] = {
    { .name = "name",
      .type = SETTING_TEXT,
      .offset = offsetof(struct fields, name),
      .default_text = "nobody" },
    { .name = "count",
      .type = SETTING_INTEGER,
      .offset = offsetof(struct fields, count),
      .default_text = "7",
      .min = -5,
      .max = 100,
      .also_variable = "TEST_COUNT" },
    { .name = "size",
      .type = SETTING_BYTES,
      .offset = offsetof(struct fields, size),
      .default_text = "1k",
      .max = 1 << 30 },
    { .name = "pause-time",
      .type = SETTING_DURATION,
      .offset = offsetof(struct fields, pause_ms),
      .default_text = "1.5",
      .max = 1000000000 },
    { .name = "loud", .type = SETTING_FLAG, .offset = offsetof(struct fields, loud) },
    { .name = "colour",
      .type = SETTING_LIST,
      .offset = offsetof(struct fields, colours),
      .check = check_colour },
};

static const struct setting words = {
    .name = "words",
    .type = SETTING_LIST,
    .offset = offsetof(struct fields, words),
    .value_name = "COLOUR",
    .check = check_colour,
};

static const struct settings_program program = {
    .name = "test",
    .summary = "a test",
    .table = table,
    .count = sizeof table / sizeof *table,
    .check = check_fields,
};

static enum settings_result read_flags(struct fields *fields, const char *const *flags)
{
    char *argv[32] = { strdup("test") };
    int argc = 1;
    for (; flags[argc - 1]; argc++)
        argv[argc] = strdup(flags[argc - 1]);
    *fields = (struct fields){ 0 };
    enum settings_result result = settings_read(&program, fields, argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return result;
}

#define READ(fields, ...) read_flags(fields, (const char *const[]){ __VA_ARGS__, NULL })

static int clear_environment(void **state)
{
    (void)state;
    (void)unsetenv("CERTSTREAM_NAME");
    (void)unsetenv("CERTSTREAM_COUNT");
    (void)unsetenv("CERTSTREAM_COLOUR");
    (void)unsetenv("TEST_COUNT");
    return 0;
}

static void takes_words_between_flags(void **state)
{
    (void)state;
    struct settings_program wordy = program;
    wordy.words = &words;
    struct fields fields = { 0 };
    char *good[] = { (char[]){ "test" }, (char[]){ "red" }, (char[]){ "--name" }, (char[]){ "me" },
                     (char[]){ "green" } };
    assert_int_equal(settings_read(&wordy, &fields, 5, good), SETTINGS_READY);
    assert_int_equal(fields.words.count, 2);
    assert_string_equal(fields.words.items[0], "red");
    assert_string_equal(fields.words.items[1], "green");
    assert_string_equal(fields.name, "me");
    settings_free(&wordy, &fields);
    char *bad[] = { (char[]){ "test" }, (char[]){ "beige" } };
    assert_int_equal(settings_read(&wordy, &fields, 2, bad), SETTINGS_WRONG);
    settings_free(&wordy, &fields);
}

static void has_its_defaults(void **state)
{
    (void)state;
    struct fields fields;
    assert_int_equal(read_flags(&fields, (const char *const[]){ NULL }), SETTINGS_READY);
    assert_string_equal(fields.name, "nobody");
    assert_int_equal(fields.count, 7);
    assert_int_equal(fields.size, 1024);
    assert_int_equal(fields.pause_ms, 1500);
    assert_false(fields.loud);
    assert_int_equal(fields.colours.count, 0);
    settings_free(&program, &fields);
}

static void takes_flags_of_every_type(void **state)
{
    (void)state;
    struct fields fields;
    assert_int_equal(READ(&fields, "--name", "me", "--count=-5", "--size", "64M", "--pause-time",
                          "2m", "--loud", "--colour", "red", "--colour", "green"),
                     SETTINGS_READY);
    assert_string_equal(fields.name, "me");
    assert_int_equal(fields.count, -5);
    assert_int_equal(fields.size, 64 << 20);
    assert_int_equal(fields.pause_ms, 120000);
    assert_true(fields.loud);
    assert_int_equal(fields.colours.count, 2);
    assert_string_equal(fields.colours.items[1], "green");
    settings_free(&program, &fields);
}

static void flags_outrank_variables_and_those_the_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test_settings.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    (void)fputs("# a comment\n\n name = file \ncount=1\npause_time = 3s\ncolour = a b\n", file);
    (void)fclose(file);
    (void)setenv("CERTSTREAM_COUNT", "2", 1);
    (void)setenv("CERTSTREAM_COLOUR", "c d e", 1);
    struct fields fields;
    assert_int_equal(READ(&fields, "--config", path, "--colour", "f"), SETTINGS_READY);
    assert_string_equal(fields.name, "file");
    assert_int_equal(fields.count, 2);
    assert_int_equal(fields.pause_ms, 3000);
    assert_int_equal(fields.colours.count, 1);
    assert_string_equal(fields.colours.items[0], "f");
    settings_free(&program, &fields);
    (void)unlink(path);
}

static void honours_a_second_variable(void **state)
{
    (void)state;
    struct fields fields;
    (void)setenv("TEST_COUNT", "42", 1);
    assert_int_equal(read_flags(&fields, (const char *const[]){ NULL }), SETTINGS_READY);
    assert_int_equal(fields.count, 42);
    settings_free(&program, &fields);
}

static void refuses_wrong_values(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        { "--count", "101" },
        { "--count", "1x" },
        { "--count", "" },
        { "--size", "1t" },
        { "--size", "-1" },
        { "--size", "2g" },
        { "--pause-time", "x" },
        { "--loud=perhaps" },
        { "--loud", "--pause-time=2h" },
        { "--colour", "beige" },
        { "--unknown", "1" },
        { "--name" },
        { "stray" },
        { "--config", "/nonexistent" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fields fields;
        if (read_flags(&fields, wrong[i]) != SETTINGS_WRONG)
            fail_msg("accepted %s %s", wrong[i][0], wrong[i][1] ? wrong[i][1] : "");
        settings_free(&program, &fields);
    }
}

static void stops_after_help(void **state)
{
    (void)state;
    struct fields fields;
    assert_int_equal(READ(&fields, "--help"), SETTINGS_STOP);
    settings_free(&program, &fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_words_between_flags, clear_environment),
        cmocka_unit_test_setup(has_its_defaults, clear_environment),
        cmocka_unit_test_setup(takes_flags_of_every_type, clear_environment),
        cmocka_unit_test_setup(flags_outrank_variables_and_those_the_file, clear_environment),
        cmocka_unit_test_setup(honours_a_second_variable, clear_environment),
        cmocka_unit_test_setup(refuses_wrong_values, clear_environment),
        cmocka_unit_test_setup(stops_after_help, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
