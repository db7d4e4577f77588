/*
 * What the administrator says of single operators and logs (--log-settings FILE):
 *
 *     { "operators": { "DigiCert": { "requests_per_second": 0.15, "at_once": 1, "keep_alive": false } },
 *       "logs": { "<log id>": { "page": 256, "start": "-1000", "ca_file": "/etc/ssl/log.pem",
 *                               "source_address": "192.0.2.7", "proxy": "http://proxy:3128" } } }
 *
 * Each member may stand in both; what is said of a log counts before what is said of its operator.
 */
#ifndef INGEST_LOGS_LOG_SETTINGS_H
#define INGEST_LOGS_LOG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct ct_log;
struct log_settings_table;

/* 0 and NULL: nothing is said. Texts live as long as the table. */
struct log_settings {
    double per_second;
    unsigned at_once;
    bool closes_connections;
    uint64_t page;
    const char *start;
    const char *ca_file;
    const char *source_address;
    const char *proxy;
    bool has_own_budget; /* rate or number are the log's own, not its operator's */
};

/* NULL, or what is wrong with the file: a constant text. */
const char *log_settings_check(const char *path);

/* `path` has been checked; "": an empty table. */
struct log_settings_table *log_settings_create(const char *path);
/* NULL is fine. */
void log_settings_destroy(struct log_settings_table *table);

struct log_settings log_settings_of(const struct log_settings_table *table,
                                    const struct ct_log *ct_log);

#endif
