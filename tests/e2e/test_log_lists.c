/*
 * certstream-ingest --list-logs on real log lists, named by the user: the usable, qualified and
 * read-only logs, and those without a state, are followed, each once, and no others. What is
 * expected is read from the lists here, by other code.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/base/buffer.h"
#include "tests/support/harness.h"
#include "tests/support/program.h"

enum {
    LIST_MAX = 8 << 20,
    LOGS_MAX = 512,
    ROW_MAX = 1024,
    END_MS = 60000,
};

struct expectation {
    const char *ids[LOGS_MAX]; /* in the list's JSON */
    const char *urls[LOGS_MAX];
    size_t count;
};

static int setup(void **state)
{
    *state = harness_create();
    return 0;
}

static int teardown(void **state)
{
    return harness_destroy(*state);
}

static cJSON *read_list(const char *path)
{
    struct buffer text;
    buffer_init(&text, LIST_MAX);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    uint8_t *room = buffer_reserve(&text, LIST_MAX);
    text.size = fread(room, 1, LIST_MAX, file);
    (void)fclose(file);
    cJSON *list = cJSON_ParseWithLength((const char *)text.data, text.size);
    buffer_free(&text);
    return list;
}

static const char *string_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static bool is_followed(const cJSON *log)
{
    static const char *const states[] = { "usable", "qualified", "readonly" };
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(log, "state");
    if (!state)
        return true;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (cJSON_GetObjectItemCaseSensitive(state, states[i]))
            return true;
    return false;
}

/* A log that is listed as both kinds counts as tiled, so tiled ones are read last. */
static void expect_log(struct expectation *expected, const char *id, const char *url)
{
    size_t i = 0;
    while (i < expected->count && strcmp(expected->ids[i], id) != 0)
        i++;
    assert_true(i < LOGS_MAX);
    expected->ids[i] = id;
    expected->urls[i] = url;
    if (i == expected->count)
        expected->count++;
}

static void expect_logs(struct expectation *expected, const cJSON *list, const char *kind,
                        const char *url_name)
{
    const cJSON *each_operator;
    cJSON_ArrayForEach(each_operator, cJSON_GetObjectItemCaseSensitive(list, "operators"))
    {
        const cJSON *log;
        cJSON_ArrayForEach(
            log, cJSON_GetObjectItemCaseSensitive(each_operator, kind)) if (is_followed(log))
            expect_log(expected, string_of(log, "log_id"), string_of(log, url_name));
    }
}

static char *run_ingest(struct harness *harness, const char *path, int code)
{
    const char *const arguments[] = { CERTSTREAM_INGEST, "--list-logs", "--log-list", path, NULL };
    struct program *program =
        program_start(harness, &(struct program_options){ .name = strrchr(path, '/') + 1,
                                                          .arguments = arguments });
    assert_int_equal(program_wait(program, END_MS), code);
    return program_output(program);
}

/* In how many rows that end in `url` (NULL: any) the log is said to be followed. */
static size_t count_followed(const char *output, const char *url)
{
    size_t count = 0;
    for (const char *line = output; *line;) {
        size_t size = strcspn(line, "\n");
        size_t url_size = url ? strlen(url) : 0;
        bool is_url = !url || (size > url_size + 1 && line[size - url_size - 1] == ' ' &&
                               memcmp(line + size - url_size, url, url_size) == 0);
        char row[ROW_MAX];
        (void)snprintf(row, sizeof row, "%.*s", (int)(size < ROW_MAX ? size : ROW_MAX - 1), line);
        count += is_url && strstr(row, "https://") && strstr(row, "  yes");
        line += size + (line[size] == '\n');
    }
    return count;
}

static void check_list(struct harness *harness, const char *path)
{
    cJSON *list = read_list(path);
    struct expectation expected = { 0 };
    expect_logs(&expected, list, "logs", "url");
    expect_logs(&expected, list, "tiled_logs", "monitoring_url");
    char *output = run_ingest(harness, path, 0);
    for (size_t i = 0; i < expected.count; i++)
        if (count_followed(output, expected.urls[i]) != 1)
            fail_msg("%s: %s is not followed once:\n%s", path, expected.urls[i], output);
    assert_int_equal(count_followed(output, NULL), expected.count);
    print_message("%s: %zu logs\n", path, expected.count);
    free(output);
    cJSON_Delete(list);
}

static void check_lists(struct harness *harness, const char *pattern, size_t at_least)
{
    char path[HARNESS_PATH_SIZE];
    harness_corpus_path(path, "loglists");
    harness_corpus_path(path, ".");
    char full[2 * HARNESS_PATH_SIZE];
    (void)snprintf(full, sizeof full, "%s/%s", path, pattern);
    glob_t found;
    assert_int_equal(glob(full, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_list(harness, found.gl_pathv[i]);
    assert_true(found.gl_pathc >= at_least);
    globfree(&found);
}

static void follows_the_right_logs_of_chromes_lists(void **state)
{
    check_lists(*state, "loglists/google/log_list-*.json", 2);
    check_lists(*state, "loglists/google/history/log_list-*.json", 10);
}

static void follows_the_right_logs_of_apples_list(void **state)
{
    check_lists(*state, "loglists/apple/current_log_list-*.json", 1);
}

static void follows_the_right_logs_of_the_list_of_all_logs(void **state)
{
    check_lists(*state, "loglists/google/all_logs_list-*.json", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_the_right_logs_of_chromes_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_the_right_logs_of_apples_list, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_the_right_logs_of_the_list_of_all_logs, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
