/*
 * What a followed log is given: it knows nothing else of the process. All borrowed, and outlive the
 * log.
 */
#ifndef INGEST_LOGS_LOG_SERVICES_H
#define INGEST_LOGS_LOG_SERVICES_H

#include "ingest/follow/follow_stats.h"
#include "ingest/follow/follower.h"
#include "ingest/follow/held_memory.h"
#include "shared/redis/contract.h"

struct http_client;
struct issuer_download;
struct log_settings_table;
struct operator_budgets;
struct pipeline;
struct publisher;
struct redis_link;

struct log_services {
    const struct contract *contract;
    const char *instance;                   /* who the owner of a log is */
    const struct follower_policy *policies; /* by enum ct_log_kind */
    struct http_client *http;
    struct operator_budgets *operators;
    struct redis_link *link; /* NULL: nothing is remembered, and every log is new */
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct issuer_download *issuers;
    struct held_memory *memory;
    struct follow_stats *stats;
    const struct log_settings_table *settings;
    uint64_t stuck_ms; /* what fails for longer is an alarm */
    /* A log has come into quarantine. */
    void (*on_quarantine)(void *context, const struct ct_log *ct_log, const char *class);
    void *context;
};

#endif
