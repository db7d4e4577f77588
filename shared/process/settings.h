/*
 * Settings from one table per daemon: flag, environment variable, `key = value` file, default, in
 * this order of precedence. The table is the only place that knows a setting: --help is printed
 * from it.
 *
 * A setting "log-list" is the flag --log-list, the variable CERTSTREAM_LOG_LIST and the file's key
 * log-list (or log_list).
 */
#ifndef SHARED_PROCESS_SETTINGS_H
#define SHARED_PROCESS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_TEXT,    /* char *, owned by the settings */
    SETTING_INTEGER, /* int64_t, min to max */
    SETTING_BYTES,   /* int64_t; suffixes k, m, g are powers of 1024 */
    /* int64_t milliseconds; suffixes ms, s, m, h, d; a bare number is seconds; fractions allowed */
    SETTING_DURATION,
    SETTING_FLAG, /* bool; the flag alone means true, or yes/no, true/false, 1/0 */
    SETTING_LIST, /* struct setting_list; flag repeatable, elsewhere separated by white space */
};

struct setting_list {
    char **items;
    size_t count;
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;             /* of the field in the daemon's struct of settings */
    const char *default_text;  /* NULL: empty text, empty list */
    int64_t min, max;          /* of the number types; durations in ms */
    const char *value_name;    /* in --help, e.g. "URL" */
    const char *help;          /* one line */
    const char *also_variable; /* a second variable that is honoured, e.g. "PORT"; or NULL */
    bool is_secret;            /* a wrong value is not repeated */
    bool is_once;              /* done once by a program that then ends: not for a file */
    /* Says what is wrong with a value, in a constant text, or NULL if it is fine. Optional; of a
     * list, per item. */
    const char *(*check)(const char *value);
};

struct settings_program {
    const char *name;    /* "certstream-ingest" */
    const char *summary; /* one line for --help */
    const struct setting *table;
    size_t count;
    /* What stands on the command line and is no flag: a SETTING_LIST. NULL: nothing may. */
    const struct setting *words;
    /* Says what is wrong with the settings together, each of which is fine by itself, in a constant
     * text, or NULL. Optional. */
    const char *(*check)(const void *fields);
};

enum settings_result {
    SETTINGS_READY,
    SETTINGS_STOP,  /* --help or --version was printed: exit 0 */
    SETTINGS_WRONG, /* said on standard error, naming the setting: exit 2 */
};

/* Fills the struct at `fields` from everywhere. What it allocates is freed by settings_free, in any
 * case. */
enum settings_result settings_read(const struct settings_program *program, void *fields, int argc,
                                   char **argv);
void settings_free(const struct settings_program *program, void *fields);

#endif
