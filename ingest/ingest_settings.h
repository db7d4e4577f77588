/* The settings of certstream-ingest. */
#ifndef INGEST_INGEST_SETTINGS_H
#define INGEST_INGEST_SETTINGS_H

#include "ingest/follower.h"
#include "shared/redis_address.h"
#include "shared/settings.h"

#define INGEST_DEFAULT_LIST "https://www.gstatic.com/ct/log_list/v3/log_list.json"

struct ingest_settings {
    char *redis;
    char *prefix;
    struct setting_list log_lists;
    char *start;
    int64_t poll_ms;
    int64_t retain_entries;
    int64_t retain_age_ms;
    char *contact;
    char *instance;
    bool list_logs;
};

extern const struct settings_program ingest_settings_program;

/* Both have been checked when the settings were read. */
void ingest_settings_address(const struct ingest_settings *settings, struct redis_address *address);
/* `kind`'s policy, with the settings in it. */
void ingest_settings_policy(const struct ingest_settings *settings, enum ct_log_kind kind,
                            struct follower_policy *policy);

#endif
