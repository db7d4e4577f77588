#include "ingest/lists/log_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"

enum {
    COLUMNS = 7,
    CELL_MAX = 120,
};

struct row {
    char cells[COLUMNS][CELL_MAX];
};

/* Lists come from outside and terminals obey control characters. */
static void set_cell(char *cell, const char *text)
{
    (void)snprintf(cell, CELL_MAX, "%s", text);
    for (char *at = cell; *at; at++) {
        if (*at < 0x20 || *at > 0x7e)
            *at = '?';
    }
    if (!*cell)
        (void)snprintf(cell, CELL_MAX, "-");
}

static const char *verdict_text(enum roster_verdict verdict)
{
    switch (verdict) {
    case ROSTER_SKIPPED: return "no";
    case ROSTER_FOLLOWED: return "yes";
    case ROSTER_DRAINED: return "drained";
    }
    return "";
}

/* An address is shown by its last part: the whole would not fit. */
static void set_lists(char *cell, const char *lists)
{
    struct buffer names;
    buffer_init(&names, CELL_MAX - 1);
    for (const char *line = lists; *line;) {
        size_t size = strcspn(line, "\n"), start = size;
        while (start && line[start - 1] != '/')
            start--;
        if (names.size)
            buffer_append_byte(&names, ',');
        buffer_append(&names, line + start, size - start);
        line += size + (line[size] == '\n');
    }
    buffer_append_byte(&names, '\0');
    set_cell(cell, names.failed ? "several" : (const char *)names.data);
    buffer_free(&names);
}

static void fill_row(struct row *row, const struct roster_entry *entry)
{
    const struct ct_log *ct_log = &entry->ct_log;
    char verdict[CELL_MAX];
    bool is_plain = entry->verdict == ROSTER_FOLLOWED && entry->reason == ROSTER_AS_LISTED;
    (void)snprintf(verdict, sizeof verdict, "%s%s%s", verdict_text(entry->verdict),
                   is_plain ? "" : ": ", is_plain ? "" : roster_reason_text(entry->reason));
    set_cell(row->cells[0], ct_log->operator_name);
    set_cell(row->cells[1], ct_log->description);
    set_cell(row->cells[2], ct_log_kind_name(ct_log->kind));
    set_cell(row->cells[3], ct_log_state_name(ct_log->state));
    set_lists(row->cells[4], ct_log->lists);
    set_cell(row->cells[5], verdict);
    set_cell(row->cells[6], ct_log->url);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *one = a, *two = b;
    int order = strcmp(one->cells[0], two->cells[0]);
    return order ? order : strcmp(one->cells[1], two->cells[1]);
}

static void print_rows(const struct row *rows, size_t count)
{
    int widths[COLUMNS] = { 0 };
    for (size_t i = 0; i < count; i++)
        for (size_t column = 0; column < COLUMNS; column++) {
            int width = (int)strlen(rows[i].cells[column]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    for (size_t i = 0; i < count; i++) {
        for (size_t column = 0; column + 1 < COLUMNS; column++)
            (void)printf("%-*s  ", widths[column], rows[i].cells[column]);
        (void)printf("%s\n", rows[i].cells[COLUMNS - 1]);
    }
}

void log_table_print_list(const char *name, const struct log_list *list, bool is_signed)
{
    char cell[CELL_MAX], date[32] = "without a date";
    set_cell(cell, name);
    if (!list) {
        (void)printf("list %s: could not be read\n", cell);
        return;
    }
    time_t moment = (time_t)(list->timestamp_ms / 1000);
    struct tm parts;
    if (list->timestamp_ms && gmtime_r(&moment, &parts))
        (void)strftime(date, sizeof date, "of %Y-%m-%d %H:%M", &parts);
    (void)printf("list %s: %zu logs, version %s %s, %s\n", cell, list->count,
                 *list->version ? list->version : "-", date,
                 is_signed ? "signature verified" : "not signed");
    if (list->refused)
        (void)printf("list %s: %zu logs are described wrongly\n", cell, list->refused);
}

static void print_sum(const struct roster *roster)
{
    size_t kinds[2] = { 0 }, single = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];
        if (entry->verdict != ROSTER_FOLLOWED)
            continue;
        kinds[entry->ct_log.kind]++;
        single += entry->list_count == 1;
    }
    (void)printf("%zu of %zu logs are followed: %zu rfc6962, %zu tiled; %zu are named by one list "
                 "only\n",
                 roster->followed, roster->count, kinds[CT_LOG_RFC6962], kinds[CT_LOG_TILED],
                 single);
}

void log_table_print(const struct roster *roster)
{
    struct row *rows = memory_allocate_zeroed(roster->count + 1, sizeof *rows);
    static const char *const titles[COLUMNS] = { "OPERATOR", "LOG",      "KIND", "STATE",
                                                 "LISTS",    "FOLLOWED", "URL" };
    for (size_t column = 0; column < COLUMNS; column++)
        set_cell(rows[0].cells[column], titles[column]);
    for (size_t i = 0; i < roster->count; i++)
        fill_row(&rows[i + 1], &roster->entries[i]);
    qsort(rows + 1, roster->count, sizeof *rows, compare_rows);
    print_rows(rows, roster->count + 1);
    print_sum(roster);
    free(rows);
}
