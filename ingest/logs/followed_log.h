/*
 * One log that is followed: its follower, the answers it holds, the window of entries that is not
 * proven yet, and the position it has reached. Here what the follower wants becomes requests
 * (log_fetch), answers become entries, and proven entries appends (log_window).
 */
#ifndef INGEST_LOGS_FOLLOWED_LOG_H
#define INGEST_LOGS_FOLLOWED_LOG_H

#include "ingest/ct/log_proof.h"
#include "ingest/ct/log_protocol.h"
#include "ingest/ct/rfc6962_text.h"
#include "ingest/follow/follower.h"
#include "ingest/follow/last_position.h"
#include "ingest/http/operator_budget.h"
#include "ingest/logs/log_services.h"
#include "ingest/logs/log_settings.h"
#include "ingest/store/batch.h"
#include "ingest/store/evidence.h"
#include "ingest/store/lease.h"
#include "ingest/store/publisher.h"
#include "ingest/tree/head_history.h"
#include "ingest/tree/log_key.h"
#include "shared/message/message.h"

enum {
    FOLLOWED_LOG_ERROR_SIZE = 200,
    /* What a log serves for its head is kept so far, as evidence. */
    FOLLOWED_LOG_HEAD_TEXT_MAX = 16 * 1024,
};

/* An answer that waits for its turn. */
struct held_body {
    struct buffer body;       /* a tile */
    struct rfc6962_text text; /* or what get-entries answered */
    size_t size;              /* as counted */
    bool is_there;
    uint64_t seen_ms;
    /* It waits for issuers, and is looked at again at this time, or when more than these are
     * known. */
    uint64_t look_at_ms;
    size_t known_issuers;
};

/* Entries that were taken and are not proven yet, as appends in a row. */
struct window {
    struct batch *first;
    struct batch **last;
    size_t bytes;
    uint64_t begun_at_ms;
};

/* How the data tiles of an RFC 6962 log are read, if it has any (log_hybrid.h). */
enum hybrid_reading {
    HYBRID_NONE,
    HYBRID_AS_IS,
    HYBRID_WITHOUT_EXTENSIONS, /* its tree has leaves without them */
};

struct hybrid {
    enum hybrid_reading reading;
    uint64_t probe_at_ms;
};

struct followed_log_stats {
    uint64_t stale_heads;
    uint64_t mismatches;
};

struct followed_log {
    const struct log_services *services;
    const struct log_protocol *protocol;
    struct memory_share memory;
    struct hybrid hybrid;
    struct ct_log ct_log;
    struct log_key *log_key;
    struct message_source source; /* views of ct_log */
    char key[CONTRACT_KEY_SIZE];
    char lease_key[CONTRACT_KEY_SIZE];
    struct operator_share share;
    struct log_settings settings;
    struct follower_policy policies[CT_LOG_KINDS]; /* with the settings in them */
    struct follower follower;
    struct followed_log_stats stats;
    struct window window;
    struct log_proof *proof;
    struct signed_head proof_head; /* what the proof is under */
    bool start_begun;              /* the proof is that of the starting point */
    struct merkle_tree mismatch;   /* what the entries of the last mismatch led to */
    struct last_position last;
    bool is_lost;      /* Redis had that position and has none: it is to be created anew */
    bool is_in_stream; /* its entries up to there are in the stream all the same */
    struct held_body held[FOLLOWER_SLOTS];
    uint64_t held_generation; /* of the follower; bodies of an earlier one are of no use */
    struct head_history history;
    struct buffer head_text;      /* the head the follower has, as the log served it */
    uint64_t bytes_per_entry;     /* of answers, as learnt */
    size_t batch_bytes;           /* of the last batch: the next one is about as large */
    bool is_left_alone;           /* its key or its position makes no sense */
    uint64_t reload_delay_ms;     /* after the appends that failed in a row */
    enum lease_action lease_wish; /* of the next round */
    uint64_t lease_until_ms;
    uint64_t free_since_ms;    /* nobody has the lease; 0: somebody has */
    uint64_t adopted_until_ms; /* it is this process's, whatever the plan says */
    /* What the report says. */
    char error[FOLLOWED_LOG_ERROR_SIZE]; /* the last one; stays after recovery */
    bool is_failing;
    enum mismatch_class quarantine; /* why; MISMATCH_NONE: it is not in quarantine */
    uint64_t quarantined_ms;        /* realtime */
    uint64_t caught_up_at_ms;
    bool is_stuck;     /* it has failed in the same way for long */
    bool has_old_head; /* the newest is older than the log promises */
    uint64_t reported_next;
    uint64_t reported_at_ms;
};

/* Takes the contents of `ct_log`. */
struct followed_log *followed_log_create(const struct log_services *services, struct ct_log *ct_log,
                                         uint64_t now_ms);
void followed_log_destroy(struct followed_log *log);

/* A newer description of the same log; takes its contents. Its address, its end and even its kind
 * may be others: it is the same tree. */
void followed_log_update(struct followed_log *log, struct ct_log *ct_log, uint64_t now_ms);

/* Does what can be done now: processes one held answer, asks for more. When it is to be called
 * again: not after `now_ms`: at once; UINT64_MAX: after an event. */
uint64_t followed_log_work(struct followed_log *log, uint64_t now_ms);
/* Reads the log's position from Redis. */
void followed_log_load(struct followed_log *log, uint64_t now_ms);
/* It stands there: if its frontier is not known, that is got from the log first. */
void followed_log_resume(struct followed_log *log, const struct log_position *position,
                         uint64_t now_ms);

/* Redis has taken nothing of the log since an append failed: whether it does is tried with as
 * little as can be, for what it refuses has to be fetched from the log again. */
bool followed_log_is_on_trial(const struct followed_log *log);

void followed_log_on_batch(struct followed_log *log, const struct batch *batch,
                           enum batch_result result, const char *error, uint64_t now_ms);
/* Redis went away, or the lease with it, or another process is to have it. */
void followed_log_disown(struct followed_log *log);

/* The lease is this process's until `until_ms` (monotonic), taken or renewed. */
void followed_log_own(struct followed_log *log, const struct lease *lease, uint64_t until_ms,
                      uint64_t now_ms);

/* Writes the log's state to its hash. */
void followed_log_report(struct followed_log *log, uint64_t now_ms);

/* Why nothing of the log is released; said once, as is its end. */
void followed_log_enter_quarantine(struct followed_log *log, enum mismatch_class class);
void followed_log_leave_quarantine(struct followed_log *log);
/* What went wrong, said once per change of health. */
void followed_log_note_failure(struct followed_log *log, const char *what, const char *why);
void followed_log_note_success(struct followed_log *log);
/* The bodies that wait for their turn are of no use any more. */
void followed_log_release_held(struct followed_log *log, struct held_body *held);

#endif
