/* The settings of certstream-backfill; the table in backfill_settings.c documents them. */
#ifndef INGEST_BACKFILL_BACKFILL_SETTINGS_H
#define INGEST_BACKFILL_BACKFILL_SETTINGS_H

#include "shared/process/settings.h"

struct backfill_settings {
    struct setting_list words; /* log, from, to */
    char *redis;
    char *into;
    bool full;
    struct setting_list log_lists;
    char *log_list_key;
    char *log_list_key_hash;
    char *log_settings;
    char *contact;
};

/* What is asked for, as the words have it. */
struct backfill_range {
    const char *log;
    uint64_t from;
    uint64_t end; /* behind the last; UINT64_MAX: the head */
};

extern const struct settings_program backfill_settings_program;

/* False after saying on standard error what is wrong. */
bool backfill_settings_range(const struct backfill_settings *settings,
                             struct backfill_range *range);

#endif
