/*
 * What ingest says of each log and of itself in Redis (redis/README.md), for answers about them.
 * Asked for every few seconds, so that however often clients ask, Redis is not. Which fields there
 * are is said in report_fields.c.
 */
#ifndef STREAMER_STREAM_LOG_REPORTS_H
#define STREAMER_STREAM_LOG_REPORTS_H

#include <stdint.h>

#include "shared/redis/contract.h"
#include "shared/redis/report_fields.h"

struct lag_history;
struct log_reports;
struct redis_link;

/* Texts are from outside; NULL where Redis has none. */
struct log_report {
    char id[CONTRACT_LOG_ID_HEX + 1]; /* lower-case hex */
    char *values[LOG_FIELDS_TOLD];
};

/* What it is called in Redis is what it is called in answers, also of an ingest that is newer than
 * this streamer and counts more. */
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
/* How far each was behind within the last hour, as far as this process has asked. */
const struct lag_history *log_reports_lags(const struct log_reports *reports);

/* The value of a field that is a whole number. False if there is none. */
bool log_report_number(const struct log_report *report, enum log_field field, uint64_t *number);
/* The reason why nothing of the log is published, or NULL. */
const char *log_report_quarantine(const struct log_report *report);

#endif
