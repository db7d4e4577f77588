#include "shared/process/settings_help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    CONFIG_WIDTH = 100,
};

static void print_usage(const struct settings_program *program)
{
    const struct setting *words = program->words;
    (void)printf("%s: %s\n\nUsage: %s [--setting VALUE ...]%s%s%s\n\n", program->name,
                 program->summary, program->name, words ? " [" : "", words ? words->value_name : "",
                 words ? " ...]" : "");
    if (words)
        (void)printf("  %s\n        %s\n\n", words->value_name, words->help);
}

void settings_print_help(const struct settings_program *program)
{
    print_usage(program);
    (void)printf("Each setting is a flag, a variable (--log-list: CERTSTREAM_LOG_LIST) or a line "
                 "of the --config\n"
                 "file (log-list = VALUE), in this order of precedence.\n\n");
    for (size_t i = 0; i < program->count; i++) {
        const struct setting *setting = &program->table[i];
        (void)printf("  --%s%s%s\n        %s", setting->name,
                     setting->type == SETTING_FLAG ? "" : " ",
                     setting->type == SETTING_FLAG ? "" : setting->value_name, setting->help);
        if (setting->type == SETTING_LIST)
            (void)printf(" (repeatable)");
        if (setting->default_text && *setting->default_text)
            (void)printf(" [%s]", setting->default_text);
        (void)printf("\n");
    }
    (void)printf("  --config FILE\n        a file of `key = value` lines; # starts a comment line\n"
                 "  --help, --version\n");
}

/* A text of ours as roff takes it: backslashes and leading control characters escaped. */
static void print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)putchar(*text);
    }
}

static void print_upper(const char *text)
{
    for (; *text; text++)
        (void)putchar((toupper)((unsigned char)*text));
}

static void print_man_setting(const struct setting *setting)
{
    (void)fputs(".TP\n\\fB", stdout);
    print_roff("--");
    print_roff(setting->name);
    (void)fputs("\\fR", stdout);
    if (setting->type != SETTING_FLAG && setting->value_name) {
        (void)fputs(" \\fI", stdout);
        print_roff(setting->value_name);
        (void)fputs("\\fR", stdout);
    }
    (void)putchar('\n');
    print_roff(setting->help);
    if (setting->type == SETTING_LIST)
        (void)fputs(" (repeatable)", stdout);
    if (setting->default_text && *setting->default_text) {
        (void)fputs(" [", stdout);
        print_roff(setting->default_text);
        (void)putchar(']');
    }
    (void)putchar('\n');
}

static void print_man_synopsis(const struct settings_program *program)
{
    (void)printf(".SH SYNOPSIS\n.B ");
    print_roff(program->name);
    (void)printf("\n[\\fB\\-\\-setting\\fR \\fIVALUE\\fR ...]");
    if (program->words)
        (void)printf(" [\\fI%s\\fR ...]", program->words->value_name);
    (void)printf("\n.SH DESCRIPTION\n");
    print_roff(program->summary);
    (void)putchar('\n');
    if (!program->words)
        return;
    (void)printf(".TP\n\\fI%s\\fR\n", program->words->value_name);
    print_roff(program->words->help);
    (void)putchar('\n');
}

void settings_print_man(const struct settings_program *program)
{
    (void)printf(".TH ");
    print_upper(program->name);
    (void)printf(" 1 \"\" \"certstream %s\"\n.SH NAME\n", CERTSTREAM_VERSION);
    print_roff(program->name);
    (void)printf(" \\- ");
    print_roff(program->summary);
    (void)putchar('\n');
    print_man_synopsis(program);
    (void)printf(".SH SETTINGS\nEach setting is a flag, a variable (\\fB\\-\\-log\\-list\\fR: "
                 "CERTSTREAM_LOG_LIST) or a line of the \\fB\\-\\-config\\fR file (log\\-list = "
                 "VALUE), in this order of precedence.\n");
    for (size_t i = 0; i < program->count; i++)
        print_man_setting(&program->table[i]);
    (void)printf(".TP\n\\fB\\-\\-config\\fR \\fIFILE\\fR\n"
                 "a file of `key = value` lines; # starts a comment line\n"
                 ".SH SEE ALSO\n.BR certstream (1)\n");
}

void settings_print_completion(const struct settings_program *program)
{
    for (size_t i = 0; i < program->count; i++)
        (void)printf("--%s ", program->table[i].name);
    (void)printf("--config --help --version\n");
}

/* A text of ours as lines of comment, broken between words. */
static void print_comment(const char *text)
{
    size_t column = CONFIG_WIDTH;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (column + 1 + size > CONFIG_WIDTH) {
            (void)fputs("\n#", stdout);
            column = 1;
        }
        (void)printf(" %.*s", (int)size, text);
        column += 1 + size;
        text += size + strspn(text + size, " ");
    }
}

static void print_config_setting(const struct setting *setting)
{
    print_comment(setting->help);
    if (setting->type == SETTING_LIST)
        print_comment("Several stand side by side, with spaces between.");
    const char *value = setting->default_text ? setting->default_text : "";
    if (!*value && setting->type == SETTING_FLAG)
        value = "no";
    (void)printf("\n#%s =%s%s\n", setting->name, *value ? " " : "", value);
}

void settings_print_config(const struct settings_program *program)
{
    (void)printf("# Settings of %s, each with its default. To change one, take the # before it\n"
                 "# away. A flag, or a variable such as CERTSTREAM_REDIS, outranks this file.\n",
                 program->name);
    for (size_t i = 0; i < program->count; i++)
        if (!program->table[i].is_once)
            print_config_setting(&program->table[i]);
}
