/*
 * Logs that are followed without a socket and without Redis: the local CT log's routes answer what
 * is asked for, and what is published is counted. Time is the machine's, and nothing waits for it.
 */
#ifndef TESTS_UNIT_LOG_WORLD_H
#define TESTS_UNIT_LOG_WORLD_H

#include "ingest/lists/log_list.h"
#include "ingest/logs/followed_log.h"
#include "tests/unit/ct_log_site.h"
#include "tests/unit/made_http.h"

struct log_world {
    struct site *site;
    struct http_client http;
    struct contract contract;
    struct follower_policy policies[CT_LOG_KINDS];
    struct operator_budgets *operators;
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct issuer_download *issuers;
    struct log_settings_table *settings;
    struct held_memory memory;
    struct follow_stats stats;
    struct log_services services;
    struct log_list list;     /* of the site's logs */
    struct followed_log *log; /* the one that log_world_follow made */
    uint64_t published;       /* its entries; they are in order, or the test fails */
    const char *quarantine;   /* the class, when it came into it */
};

/* The logs start at their first entry. */
struct log_world *log_world_create(struct options options);
void log_world_destroy(struct log_world *world);

/* Follows the site's log of this kind, as the owner of its lease for an hour. */
struct followed_log *log_world_follow(struct log_world *world, enum ct_log_kind kind);
/* The answer of the site to one request. */
void log_world_answer(struct log_world *world, size_t number);
/* One turn of the log, without answers. When it wants the next. */
uint64_t log_world_turn(struct log_world *world);
/* Turns and answers until nothing is asked for, or so many turns are over. */
void log_world_run(struct log_world *world, unsigned turns);

#endif
