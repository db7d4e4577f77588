#include "shared/process/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/process/settings_help.h"

enum {
    NAME_SIZE = 64,
    VARIABLE_SIZE = 96,
    /* A settings file is a page of text. */
    FILE_SIZE_MAX = 64 * 1024,
};

struct unit {
    const char *suffix;
    double factor;
};

static const struct unit byte_units[] = {
    { "", 1 }, { "k", 1024 }, { "m", 1024.0 * 1024 }, { "g", 1024.0 * 1024 * 1024 }, { NULL, 0 },
};

static const struct unit duration_units[] = {
    { "ms", 1 },      { "s", 1000 }, { "m", 60e3 }, { "h", 3600e3 },
    { "d", 86400e3 }, { "", 1000 },  { NULL, 0 },
};

static void *field_of(const struct setting *setting, void *fields)
{
    return (char *)fields + setting->offset;
}

static bool parse_scaled(int64_t *out, const char *text, const struct unit *units)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    double value = strtod(text, &end);
    for (; units->suffix; units++)
        if (strcasecmp(end, units->suffix) == 0)
            break;
    if (!units->suffix || errno || value * units->factor > 9e15)
        return false;
    *out = (int64_t)(value * units->factor + 0.5);
    return true;
}

static bool parse_integer(int64_t *out, const char *text)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[*text == '-']))
        return false;
    *out = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool parse_flag(bool *out, const char *text)
{
    static const char *const yes[] = { "yes", "true", "1", "on" };
    static const char *const no[] = { "no", "false", "0", "off" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        *out = strcasecmp(text, yes[i]) == 0;
        if (*out || strcasecmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

static const char *set_number(const struct setting *setting, int64_t *field, const char *value)
{
    int64_t number = 0;
    bool good = setting->type == SETTING_INTEGER
                    ? parse_integer(&number, value)
                    : parse_scaled(&number, value,
                                   setting->type == SETTING_BYTES ? byte_units : duration_units);
    if (!good)
        return setting->type == SETTING_INTEGER ? "not a whole number"
               : setting->type == SETTING_BYTES ? "not a size such as 64m"
                                                : "not a duration such as 10s";
    if (number < setting->min || number > setting->max)
        return "out of range (see --help)";
    *field = number;
    return NULL;
}

static void list_clear(struct setting_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct setting_list){ 0 };
}

static const char *list_add(const struct setting *setting, struct setting_list *list,
                            const char *item, size_t size)
{
    char *copy = memory_copy_text(item, size);
    const char *wrong = setting->check ? setting->check(copy) : NULL;
    if (wrong) {
        free(copy);
        return wrong;
    }
    list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = copy;
    return NULL;
}

/* Replaces the list by the words of `value`. */
static const char *list_set_words(const struct setting *setting, struct setting_list *list,
                                  const char *value)
{
    static const char space[] = " \t\r\n";
    list_clear(list);
    for (const char *at = value + strspn(value, space); *at; at += strspn(at, space)) {
        size_t size = strcspn(at, space);
        const char *wrong = list_add(setting, list, at, size);
        if (wrong)
            return wrong;
        at += size;
    }
    return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *set_value(const struct setting *setting, void *fields, const char *value)
{
    void *field = field_of(setting, fields);
    if (setting->type == SETTING_LIST)
        return list_set_words(setting, field, value);
    const char *wrong = setting->check ? setting->check(value) : NULL;
    if (wrong)
        return wrong;
    switch (setting->type) {
    case SETTING_TEXT:
        free(*(char **)field);
        *(char **)field = memory_copy_string(value);
        return NULL;
    case SETTING_INTEGER:
    case SETTING_BYTES:
    case SETTING_DURATION: return set_number(setting, field, value);
    case SETTING_FLAG: return parse_flag(field, value) ? NULL : "neither yes nor no";
    case SETTING_LIST: break;
    }
    return NULL;
}

static bool complain(const struct settings_program *program, const char *where, const char *name,
                     const char *value, const char *wrong)
{
    (void)fprintf(stderr, "%s: %s%s = \"%s\": %s\n", program->name, where, name, value, wrong);
    return false;
}

static const char *shown(const struct setting *setting, const char *value)
{
    return setting->is_secret ? "..." : value;
}

static bool names_match(const char *name, const char *given, size_t size)
{
    if (strlen(name) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] != (given[i] == '_' ? '-' : given[i]))
            return false;
    return true;
}

static const struct setting *find_setting(const struct settings_program *program, const char *name,
                                          size_t size)
{
    for (size_t i = 0; i < program->count; i++)
        if (names_match(program->table[i].name, name, size))
            return &program->table[i];
    return NULL;
}

static bool set_defaults(const struct settings_program *program, void *fields)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct setting *setting = &program->table[i];
        const char *text = setting->default_text;
        if (!text && setting->type != SETTING_TEXT)
            continue;
        const char *wrong = NULL;
        if (text)
            wrong = set_value(setting, fields, text);
        else
            *(char **)field_of(setting, fields) = memory_copy_string("");
        assert(!wrong);
    }
    return true;
}

static char variable_character(char character)
{
    if (character == '-')
        return '_';
    return (char)(toupper)((unsigned char)character);
}

static void variable_name(char *variable, const char *name)
{
    int size = snprintf(variable, VARIABLE_SIZE, "CERTSTREAM_%s", name);
    assert(size > 0 && size < VARIABLE_SIZE);
    for (char *at = variable; *at; at++)
        *at = variable_character(*at);
}

static bool set_from_environment(const struct settings_program *program, void *fields)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct setting *setting = &program->table[i];
        char variable[VARIABLE_SIZE];
        variable_name(variable, setting->name);
        const char *name = variable;
        const char *value = getenv(variable);
        if (!value && setting->also_variable) {
            name = setting->also_variable;
            value = getenv(name);
        }
        if (!value)
            continue;
        const char *wrong = set_value(setting, fields, value);
        if (wrong)
            return complain(program, "", name, shown(setting, value), wrong);
    }
    return true;
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t size = strlen(text);
    while (size && strchr(" \t\r", text[size - 1]))
        size--;
    text[size] = '\0';
    return text;
}

static bool set_from_line(const struct settings_program *program, void *fields, const char *where,
                          char *line)
{
    line = trim(line);
    if (*line == '\0' || *line == '#')
        return true;
    char *equals = strchr(line, '=');
    if (!equals)
        return complain(program, where, line, "", "a line reads `key = value`");
    *equals = '\0';
    char *key = trim(line);
    char *value = trim(equals + 1);
    const struct setting *setting = find_setting(program, key, strlen(key));
    if (!setting)
        return complain(program, where, key, value, "no such setting (see --help)");
    const char *wrong = set_value(setting, fields, value);
    return wrong ? complain(program, where, key, shown(setting, value), wrong) : true;
}

static char *read_config_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *text = memory_allocate(FILE_SIZE_MAX + 1);
    size_t size = fread(text, 1, FILE_SIZE_MAX, file);
    bool good = !ferror(file) && feof(file);
    (void)fclose(file);
    text[size] = '\0';
    if (good)
        return text;
    free(text);
    return NULL;
}

static bool set_from_file(const struct settings_program *program, void *fields, const char *path)
{
    char *text = read_config_file(path);
    if (!text)
        return complain(program, "--", "config", path, "cannot be read, or is larger than 64 KiB");
    bool good = true;
    unsigned number = 0;
    char *rest = text;
    for (char *line; good && (line = strsep(&rest, "\n")) != NULL;) {
        char where[NAME_SIZE];
        (void)snprintf(where, sizeof where, "line %u of --config: ", ++number);
        good = set_from_line(program, fields, where, line);
    }
    free(text);
    return good;
}

/* A word at the place of a flag. */
static int set_from_word(const struct settings_program *program, void *fields, const char *word)
{
    const struct setting *words = program->words;
    const char *wrong = list_add(words, field_of(words, fields), word, strlen(word));
    if (!wrong)
        return 1;
    (void)complain(program, "", words->value_name, word, wrong);
    return 0;
}

/* One flag at arguments[0], as --name VALUE or --name=VALUE. The number of arguments it used up, or
 * 0. */
static int set_from_flag(const struct settings_program *program, void *fields, char **arguments,
                         bool *list_seen)
{
    const char *flag = arguments[0];
    if (program->words && strncmp(flag, "--", 2) != 0)
        return set_from_word(program, fields, flag);
    size_t size = strncmp(flag, "--", 2) == 0 ? strcspn(flag + 2, "=") : 0;
    const struct setting *setting = size ? find_setting(program, flag + 2, size) : NULL;
    if (!setting) {
        (void)fprintf(stderr, "%s: %s: no such setting (see --help)\n", program->name, flag);
        return 0;
    }
    const char *value = flag[2 + size] == '=' ? flag + 3 + size : NULL;
    int used = 1;
    if (!value && setting->type == SETTING_FLAG)
        value = "yes";
    if (!value) {
        value = arguments[1];
        used = 2;
    }
    if (!value) {
        (void)fprintf(stderr, "%s: --%s: a value is missing\n", program->name, setting->name);
        return 0;
    }
    const char *wrong;
    if (setting->type == SETTING_LIST) {
        struct setting_list *list = field_of(setting, fields);
        /* The first flag replaces what came from elsewhere; its repetitions add. */
        if (!list_seen[setting - program->table])
            list_clear(list);
        list_seen[setting - program->table] = true;
        wrong = list_add(setting, list, value, strlen(value));
    } else {
        wrong = set_value(setting, fields, value);
    }
    if (!wrong)
        return used;
    (void)complain(program, "--", setting->name, shown(setting, value), wrong);
    return 0;
}

/* Flags other than settings: --config is taken out of turn, because flags and variables outrank its
 * file. */
static const char *find_config(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            return argv[i] + 9;
        if (strcmp(argv[i], "--config") == 0)
            return i + 1 < argc ? argv[i + 1] : "";
    }
    return getenv("CERTSTREAM_CONFIG");
}

static bool set_from_flags(const struct settings_program *program, void *fields, int argc,
                           char **argv)
{
    bool *list_seen = memory_allocate_zeroed(program->count, sizeof *list_seen);
    bool good = true;
    for (int i = 1; good && i < argc && argv[i];) {
        if (strcmp(argv[i], "--config") == 0) {
            i += 2;
            continue;
        }
        int used = strncmp(argv[i], "--config=", 9) == 0
                       ? 1
                       : set_from_flag(program, fields, argv + i, list_seen);
        good = used > 0;
        i += used;
    }
    free(list_seen);
    return good;
}

static bool print_and_stop(const struct settings_program *program, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        if (help)
            settings_print_help(program);
        else if (strcmp(argv[i], "--help-man") == 0)
            settings_print_man(program);
        else if (strcmp(argv[i], "--help-completion") == 0)
            settings_print_completion(program);
        else if (strcmp(argv[i], "--help-config") == 0)
            settings_print_config(program);
        else if (strcmp(argv[i], "--version") == 0)
            (void)printf("%s %s\n", program->name, CERTSTREAM_VERSION);
        else
            continue;
        return true;
    }
    return false;
}

static bool fit_together(const struct settings_program *program, const void *fields)
{
    const char *wrong = program->check ? program->check(fields) : NULL;
    if (wrong)
        (void)fprintf(stderr, "%s: %s\n", program->name, wrong);
    return !wrong;
}

enum settings_result settings_read(const struct settings_program *program, void *fields, int argc,
                                   char **argv)
{
    if (print_and_stop(program, argc, argv))
        return SETTINGS_STOP;
    const char *config = find_config(argc, argv);
    bool good = set_defaults(program, fields) &&
                (!config || set_from_file(program, fields, config)) &&
                set_from_environment(program, fields) &&
                set_from_flags(program, fields, argc, argv) && fit_together(program, fields);
    return good ? SETTINGS_READY : SETTINGS_WRONG;
}

void settings_free(const struct settings_program *program, void *fields)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct setting *setting = &program->table[i];
        void *field = field_of(setting, fields);
        if (setting->type == SETTING_TEXT) {
            free(*(char **)field);
            *(char **)field = NULL;
        } else if (setting->type == SETTING_LIST) {
            list_clear(field);
        }
    }
    if (program->words)
        list_clear(field_of(program->words, fields));
}
