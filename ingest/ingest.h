/*
 * The ingest daemon: settings → log lists → followed logs → entries → Redis, in one thread around
 * one waiting place.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "ingest/ingest_settings.h"
#include "ingest/lists/log_list.h"
#include "ingest/store/evidence.h"
#include "shared/redis/contract.h"

struct followed_log;
struct http_client;
struct issuer_download;
struct leases;
struct log_lists;
struct operator_budgets;
struct notify;
struct pipeline;
struct publisher;
struct redis_link;

enum {
    /* Answers asked for and held, and entries not proven yet, over all logs: with the publisher's
     * queue what ingest's memory mostly is. */
    INGEST_HELD_MAX = 48 * 1024 * 1024,
    INGEST_CONNECTIONS_MAX = 256,
    INGEST_ERROR_SIZE = 200,
};

struct ingest_stats {
    uint64_t started_ms; /* realtime */
    uint64_t requests;
    uint64_t request_failures;
    uint64_t bytes;
    uint64_t heads;
    uint64_t roots_reproduced;
    uint64_t roots_different;
    uint64_t windows;
    uint64_t
        window_verify_ms; /* from the first entry of a window to its release, over all windows */
    uint64_t proofs;      /* that released a window before its head */
    uint64_t mismatches[MISMATCH_CLASSES];
    uint64_t mismatches_transient;
    uint64_t stale_heads;
    uint64_t future_heads;
    uint64_t oversize;
    uint64_t statuses[6]; /* by hundreds; 429 apart */
    uint64_t status_429;
    uint64_t unreachable;
    uint64_t redis_drops;
};

/* What Redis may refuse to take although it is there. */
enum ingest_write {
    INGEST_LEASES,
    INGEST_APPENDS,
    INGEST_WRITES /* how many */
};

struct ingest {
    const struct ingest_settings *settings;
    struct contract contract;
    char instance[CONTRACT_INSTANCE_MAX + 1];
    char key[CONTRACT_KEY_SIZE];        /* of the instance's counters */
    struct follower_policy policies[2]; /* by enum ct_log_kind */
    struct http_client *http;
    struct operator_budgets *operators;
    struct redis_link *link;
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct issuer_download *issuers;
    struct log_lists *lists;
    struct followed_log **logs; /* owned */
    size_t log_count;
    size_t first_log;   /* of the next turn */
    size_t held_bytes;  /* of INGEST_HELD_MAX */
    bool issuers_known; /* the set of issuers is as Redis has it */
    bool issuers_asked; /* what Redis has is on its way */
    struct leases *leases;
    bool is_refused[INGEST_WRITES]; /* as said last */
    uint64_t report_at_ms;
    struct ingest_stats stats;
    struct notify *notify;
};

/* Runs until a signal asks it to stop; the process's exit code. `stop` is set by the signal
 * handler. */
int ingest_run(const struct ingest_settings *settings, const volatile int *stop);

/* --list-logs: prints what would be followed, and why; the process's exit code. */
int ingest_list_logs(const struct ingest_settings *settings);

/* The log with this id, or NULL. */
struct followed_log *ingest_find_log(const struct ingest *ingest, const uint8_t *id);

/* Redis may have lost what was sent to it: forgets which issuers it has, and reads that anew. */
void ingest_reload_issuers(struct ingest *ingest);

/* Redis is there, but full or unwilling (`error`, from outside), or it is no longer (NULL): says
 * each change once. */
void ingest_note_refusal(struct ingest *ingest, enum ingest_write write, const char *error);

#endif
