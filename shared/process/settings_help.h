/*
 * What a table of settings says to people: --help, the manual page (--help-man, in the language of
 * man(7)), the flags for bash (--help-completion) and a file for --config in which each setting
 * stands as a comment, with its default (--help-config). All on standard output.
 */
#ifndef SHARED_PROCESS_SETTINGS_HELP_H
#define SHARED_PROCESS_SETTINGS_HELP_H

#include "shared/process/settings.h"

void settings_print_help(const struct settings_program *program);
void settings_print_man(const struct settings_program *program);
void settings_print_completion(const struct settings_program *program);
void settings_print_config(const struct settings_program *program);

#endif
