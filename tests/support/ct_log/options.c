#include "tests/support/ct_log/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ct_log/entries.h"

enum {
    /* A path, or a seed: a line of the state file. */
    TEXT_MAX = 400
};

enum option_type {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_RATE,
    OPTION_YES, /* takes no value */
    OPTION_NO,
    OPTION_KINDS,
};

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;
    uint64_t min, max;
    const char *value_name;
    const char *help;
};

#define FIELD(name) offsetof(struct options, name)

static const struct option_row rows[] = {
    { "listen", OPTION_TEXT, FIELD(listen), 0, 0, "ADDRESS",
      "IPv4 address to listen on (127.0.0.1)" },
    { "name", OPTION_TEXT, FIELD(name), 0, 0, "HOST",
      "what its list calls the host (the address it listens on)" },
    { "port", OPTION_NUMBER, FIELD(port), 0, 65535, "N", "port; 0, the default, takes any" },
    { "seed", OPTION_TEXT, FIELD(seed), 0, 0, "TEXT",
      "what keys and entries are made from (local)" },
    { "operator", OPTION_TEXT, FIELD(operator_name), 0, 0, "NAME",
      "whose logs these are by the list (Local)" },
    { "size", OPTION_NUMBER, FIELD(size), 0, ENTRIES_MADE_COUNT, "N",
      "entries at the start (1000; of given entries, all)" },
    { "rate", OPTION_RATE, FIELD(rate), 0, 0, "R",
      "new entries per second, fractions allowed (0)" },
    { "max", OPTION_NUMBER, FIELD(max_size), 0, ENTRIES_MADE_COUNT, "N",
      "where growth ends; 64 bytes of memory per entry (10000000)" },
    { "page", OPTION_NUMBER, FIELD(page), 1, 4096, "N", "entries in a get-entries answer (256)" },
    { "align", OPTION_YES, FIELD(is_aligned), 0, 0, NULL,
      "end full pages at multiples of --page, as CTFE" },
    { "publish-interval", OPTION_NUMBER, FIELD(publish_interval_ms), 1, 86400000, "MS",
      "time between tree heads (1000)" },
    { "kinds", OPTION_KINDS, 0, 0, 0, "LIST", "rfc6962, tiled, or rfc6962,tiled (both)" },
    { "entries", OPTION_TEXT, FIELD(entries), 0, 0, "PATH",
      "serve these get-entries bodies: a file, or a folder's get-entries*.json" },
    { "state", OPTION_TEXT, FIELD(state), 0, 0, "FILE",
      "remember seed and growth: started again, it is the same log" },
    { "gzip", OPTION_YES, FIELD(has_gzip), 0, 0, NULL, "data tiles are gzip-encoded (default)" },
    { "no-gzip", OPTION_NO, FIELD(has_gzip), 0, 0, NULL, "data tiles are sent plain" },
    { "one-key", OPTION_YES, FIELD(has_one_key), 0, 0, NULL,
      "both views have one key, and so are one log, listed twice" },
    { "hybrid", OPTION_YES, FIELD(is_hybrid), 0, 0, NULL,
      "the RFC 6962 view serves full data tiles as well" },
    { "cosignatures", OPTION_NUMBER, FIELD(cosignatures), 0, 256, "N",
      "further signature lines of a checkpoint, 3.3 KB each (0)" },
    { "drop-partials", OPTION_YES, FIELD(drops_partials), 0, 0, NULL,
      "a partial tile is 404 once its full tile exists" },
    { "wrong-index", OPTION_NUMBER, FIELD(wrong_index), 0, ENTRIES_MADE_COUNT - 2, "N",
      "entry N says in its leaf that it is entry N + 1; the tree has it so" },
};

enum {
    ROW_COUNT = sizeof rows / sizeof *rows
};

static void print_help(void)
{
    (void)printf(
        "usage: local-ct-log [options]\n\n"
        "A Certificate Transparency log of made-up certificates on this machine, for tests.\n\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *value = rows[i].value_name ? rows[i].value_name : "";
        int width = printf("  --%s %s", rows[i].name, value);
        (void)printf("%*s%s\n", width < 28 ? 28 - width : 1, "", rows[i].help);
    }
}

static bool read_number(uint64_t *out, const char *text, uint64_t min, uint64_t max)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return *end == '\0' && errno == 0 && value >= min && value <= max;
}

static bool read_rate(double *out, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= OPTIONS_RATE_MAX;
}

static bool read_kinds(struct options *options, const char *text)
{
    bool has_both = strcmp(text, "rfc6962,tiled") == 0 || strcmp(text, "tiled,rfc6962") == 0;
    options->serves_rfc6962 = has_both || strcmp(text, "rfc6962") == 0;
    options->serves_tiled = has_both || strcmp(text, "tiled") == 0;
    return options->serves_rfc6962 || options->serves_tiled;
}

static bool set_value(struct options *options, const struct option_row *row, const char *value)
{
    void *field = (char *)options + row->offset;
    switch (row->type) {
    case OPTION_TEXT:
        *(const char **)field = value;
        return strlen(value) <= TEXT_MAX && !strchr(value, '\n');
    case OPTION_NUMBER: return read_number(field, value, row->min, row->max);
    case OPTION_RATE: return read_rate(field, value);
    case OPTION_YES: *(bool *)field = true; return true;
    case OPTION_NO: *(bool *)field = false; return true;
    case OPTION_KINDS: return read_kinds(options, value);
    }
    return false;
}

static const struct option_row *find_row(const char *argument, size_t name_size)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strlen(rows[i].name) == name_size && strncmp(rows[i].name, argument, name_size) == 0)
            return &rows[i];
    return NULL;
}

/* Reads the option at *at, `--name value` or `--name=value`, and moves *at to its last argument. */
static bool read_option(struct options *options, int count, char **arguments, int *at)
{
    const char *argument = arguments[*at];
    bool is_option = strncmp(argument, "--", 2) == 0;
    size_t name_size = is_option ? strcspn(argument + 2, "=") : 0;
    const struct option_row *row = is_option ? find_row(argument + 2, name_size) : NULL;
    if (!row) {
        (void)fprintf(stderr, "%s: no such option (see --help)\n", argument);
        return false;
    }
    const char *value = argument[2 + name_size] == '=' ? argument + 2 + name_size + 1 : NULL;
    if (row->value_name && !value && *at + 1 < count)
        value = arguments[++*at];
    bool is_complete = row->value_name ? value != NULL : value == NULL;
    if (!is_complete || !set_value(options, row, value ? value : "")) {
        (void)fprintf(stderr, "--%s: wrong value (see --help)\n", row->name);
        return false;
    }
    options->has_size = options->has_size || row->offset == FIELD(size);
    options->has_wrong_index = options->has_wrong_index || row->offset == FIELD(wrong_index);
    return true;
}

enum options_result options_read(struct options *options, int count, char **arguments)
{
    *options = (struct options){
        .listen = "127.0.0.1",
        .seed = "local",
        .operator_name = "Local",
        .size = 1000,
        .max_size = 10000000,
        .page = 256,
        .publish_interval_ms = 1000,
        .has_gzip = true,
        .serves_rfc6962 = true,
        .serves_tiled = true,
    };
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--help") == 0) {
            print_help();
            return OPTIONS_STOP;
        }
        if (!read_option(options, count, arguments, &i))
            return OPTIONS_WRONG;
    }
    return OPTIONS_READY;
}
