/* The settings of certstream-tail; the table in tail_settings.c documents them. */
#ifndef STREAMER_TAIL_TAIL_SETTINGS_H
#define STREAMER_TAIL_TAIL_SETTINGS_H

#include "shared/process/settings.h"

struct tail_settings {
    struct setting_list filters;
    char *url;
    char *since;
    char *format;
    char *token;
    char *ca;
    char *cert;
    bool full;
    bool domains;
    bool names;
};

extern const struct settings_program tail_settings_program;

#endif
