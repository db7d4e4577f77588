/* The settings of certstream-ingest. */
#ifndef INGEST_INGEST_SETTINGS_H
#define INGEST_INGEST_SETTINGS_H

#include "ingest/follow/follower.h"
#include "shared/process/settings.h"
#include "shared/redis/redis_address.h"

struct ingest_settings {
    char *redis;
    char *prefix;
    int64_t shards;
    struct setting_list log_lists;
    char *log_list_key;      /* a file; "": fetched, and pinned by the hash */
    char *log_list_key_hash; /* hex */
    int64_t list_refresh_ms;
    int64_t list_brake; /* percent */
    bool follow_pending;
    struct setting_list ignored_logs; /* ids, hex or base64 */
    char *start;
    int64_t poll_ms;
    int64_t partial_age_ms;
    char *verify;
    int64_t quarantine_ms;
    char *log_settings; /* a file, or "" */
    int64_t stuck_age_ms;
    char *on_quarantine; /* a program, or "" */
    int64_t retain_entries;
    int64_t retain_age_ms;
    int64_t retain_bytes;
    char *history; /* "on" or "off" */
    int64_t plain_age_ms;
    int64_t plain_bytes;
    int64_t group_hold_ms;
    int64_t group_hold_bytes;
    char *contact;
    char *instance;
    bool list_logs;
    char *release;
    char *rebase;
    char *reason;
};

extern const struct settings_program ingest_settings_program;

/* It was checked when the settings were read. */
void ingest_settings_address(const struct ingest_settings *settings, struct redis_address *address);
/* `kind`'s policy, with the settings in it. */
void ingest_settings_policy(const struct ingest_settings *settings, enum ct_log_kind kind,
                            struct follower_policy *policy);

#endif
