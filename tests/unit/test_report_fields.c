/* The tables of what ingest reports, and whether redis/README.md documents just that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/buffer.h"
#include "shared/redis/report_fields.h"

enum {
    DOCUMENT_MAX = 1024 * 1024
};

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void expect_whole(const struct report_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct report_field *field = &fields[i];
        if (!field->name)
            fail_msg("the field after %s has no row", i ? fields[i - 1].name : "none");
        assert_int_equal(!field->metric, !field->type);
        assert_int_equal(!field->metric, !field->help);
        for (size_t j = 0; j < i; j++)
            if (is_same_text(fields[j].name, field->name))
                fail_msg("%s stands twice", field->name);
    }
}

/* What Prometheus wants: a metric has one type and help, its samples stand together and differ. */
static void expect_family(const struct report_field *fields, size_t first, size_t i)
{
    bool is_one = is_same_text(fields[first].type, fields[i].type) &&
                  is_same_text(fields[first].help, fields[i].help) && fields[i].label &&
                  is_same_text(fields[first].label, fields[i].label);
    if (!is_one || (fields[i].kind != REPORT_TEXT &&
                    is_same_text(fields[first].label_value, fields[i].label_value)))
        fail_msg("%s and %s are one metric", fields[first].name, fields[i].name);
    for (size_t j = first; j <= i; j++)
        if (!is_same_text(fields[j].metric, fields[i].metric))
            fail_msg("%s stands apart from its metric", fields[i].name);
}

static void every_field_has_its_row(void **state)
{
    (void)state;
    expect_whole(log_fields, LOG_FIELDS);
    expect_whole(ingest_fields, INGEST_FIELDS);
    for (size_t i = 0; i < INGEST_FIELDS; i++) {
        assert_non_null(ingest_fields[i].metric);
        assert_string_equal(ingest_fields[i].member, ingest_fields[i].name);
        assert_true(ingest_fields[i].kind == REPORT_NUMBER ||
                    ingest_fields[i].kind == REPORT_MILLISECONDS);
    }
    for (size_t i = LOG_FIELDS_TOLD; i < LOG_FIELDS; i++)
        assert_true(!log_fields[i].member && !log_fields[i].metric && !log_fields[i].label);
}

static void metrics_are_families(void **state)
{
    (void)state;
    for (size_t i = 1; i < INGEST_FIELDS; i++) {
        size_t first = 0;
        while (!is_same_text(ingest_fields[first].metric, ingest_fields[i].metric))
            first++;
        if (first < i)
            expect_family(ingest_fields, first, i);
    }
    for (size_t i = 0; i < LOG_FIELDS; i++)
        for (size_t j = 0; j < i; j++)
            if (log_fields[i].kind != REPORT_TEXT && log_fields[i].metric)
                assert_false(is_same_text(log_fields[i].metric, log_fields[j].metric));
}

static struct buffer read_document(void)
{
    struct buffer text;
    buffer_init(&text, DOCUMENT_MAX);
    FILE *file = fopen(CERTSTREAM_SOURCE_DIR "redis/README.md", "re");
    assert_non_null(file);
    text.size = fread(buffer_reserve(&text, DOCUMENT_MAX - 1), 1, DOCUMENT_MAX - 1, file);
    assert_true(feof(file));
    (void)fclose(file);
    buffer_append_byte(&text, '\0');
    return text;
}

/* The names between backticks in the first column of the section's tables, each with a space on
 * both sides. */
static struct buffer read_documented_names(const char *document, const char *heading)
{
    struct buffer names;
    buffer_init(&names, DOCUMENT_MAX);
    const char *line = strstr(document, heading);
    assert_non_null(line);
    line++;
    buffer_append_byte(&names, ' ');
    while ((line = strchr(line, '\n')) && strncmp(++line, "## ", 3) != 0) {
        const char *end = strncmp(line, "| `", 3) == 0 ? strchr(line + 1, '|') : line;
        for (const char *at = line; (at = memchr(at, '`', (size_t)(end - at))) != NULL;) {
            size_t size = strcspn(++at, "`");
            buffer_append(&names, at, size);
            buffer_append_byte(&names, ' ');
            at += size + 1;
        }
    }
    buffer_append_byte(&names, '\0');
    return names;
}

static void expect_documented(const struct report_field *fields, size_t count, const char *heading)
{
    struct buffer document = read_document();
    struct buffer names = read_documented_names((const char *)document.data, heading);
    size_t documented = 0;
    for (const char *at = (const char *)names.data; (at = strchr(at, ' ')) && at[1]; at++)
        documented++;
    for (size_t i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, " %s ", fields[i].name);
        if (!strstr((const char *)names.data, name))
            fail_msg("redis/README.md lacks %s under %s", fields[i].name, heading);
    }
    if (documented != count)
        fail_msg("redis/README.md has %zu fields under %s, ingest %zu", documented, heading, count);
    buffer_free(&names);
    buffer_free(&document);
}

static void document_has_every_field_and_no_other(void **state)
{
    (void)state;
    expect_documented(log_fields, LOG_FIELDS, "\n## P:log:");
    expect_documented(ingest_fields, INGEST_FIELDS, "\n## P:ingest:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_its_row),
        cmocka_unit_test(metrics_are_families),
        cmocka_unit_test(document_has_every_field_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
