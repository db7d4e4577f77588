/*
 * What ingest says of each log and of itself in Redis (redis/README.md), for answers about them.
 * Asked for every few seconds, so that however often clients ask, Redis is not. A field of a log
 * that is to be shown is a row of the table in log_reports.c, one of an ingest process a row of the
 * table in metrics.c.
 */
#ifndef STREAMER_STREAM_LOG_REPORTS_H
#define STREAMER_STREAM_LOG_REPORTS_H

#include <stdint.h>

#include "shared/redis/contract.h"

struct log_reports;
struct redis_link;

enum log_field {
    LOG_FIELD_DESCRIPTION,
    LOG_FIELD_OPERATOR,
    LOG_FIELD_URL,
    LOG_FIELD_TYPE,
    LOG_FIELD_LIST_STATE,
    LOG_FIELD_FOLLOWING,
    LOG_FIELD_STATE,
    LOG_FIELD_QUARANTINE,
    LOG_FIELD_QUARANTINE_SINCE,
    LOG_FIELD_NEXT,
    LOG_FIELD_HEAD_SIZE,
    LOG_FIELD_VERIFIED_SIZE,
    LOG_FIELD_STH_TIMESTAMP,
    LOG_FIELD_STH_AGE_S,
    LOG_FIELD_LAG_ENTRIES,
    LOG_FIELD_LAG_MS,
    LOG_FIELD_RATE,
    LOG_FIELD_HOLD_BYTES,
    LOG_FIELD_STALE_STH_TOTAL,
    LOG_FIELD_MISMATCH_TOTAL,
    LOG_FIELD_LAST_ERROR,
    LOG_FIELD_OWNER,
    LOG_FIELD_UPDATED,
    LOG_FIELDS,
};

/* Texts are from outside; NULL where Redis has none. */
struct log_report {
    char id[CONTRACT_LOG_ID_HEX + 1]; /* lower-case hex */
    char *values[LOG_FIELDS];
};

struct ingest_value {
    char *name;
    char *value;
};

/* A process that is alive and follows a log. */
struct ingest_report {
    char *instance;
    struct ingest_value *values;
    size_t count;
};

/* Everything is borrowed as long as it exists. */
struct log_reports *log_reports_create(const struct contract *contract, struct redis_link *link);
/* Has to be called after its link is gone. NULL is fine. */
void log_reports_destroy(struct log_reports *reports);

/* Asks Redis, unless that is under way, the last answer is fresh, or the link is not up. */
void log_reports_refresh(struct log_reports *reports, uint64_t now_ms);

/* What is known, in the order of descriptions; alive until control is back in the loop. */
const struct log_report *log_reports_logs(const struct log_reports *reports, size_t *count);
const struct ingest_report *log_reports_ingests(const struct log_reports *reports, size_t *count);

/* The value of a field that is a whole number. False if there is none. */
bool log_report_number(const struct log_report *report, enum log_field field, uint64_t *number);
/* The reason why nothing of the log is published, or NULL. */
const char *log_report_quarantine(const struct log_report *report);

#endif
