/*
 * One log that is followed: its follower, the answers it holds, and the checkpoint it has reached. Here the follower's
 * wishes become requests, and answers become appends.
 */
#ifndef INGEST_FOLLOWED_LOG_H
#define INGEST_FOLLOWED_LOG_H

#include "ingest/append.h"
#include "ingest/follower.h"
#include "ingest/ingest.h"
#include "ingest/lease.h"
#include "ingest/log_key.h"
#include "ingest/publisher.h"
#include "ingest/starting_point.h"
#include "shared/message.h"

/* An answer that waits for its turn. */
struct held_body {
    struct buffer body;
    size_t reserved; /* of ingest->body_bytes */
    uint64_t seen_ms;
};

struct followed_log {
    struct ingest *ingest;
    struct ct_log ct_log;
    struct log_key *log_key;
    struct message_source source; /* views of ct_log */
    char key[CONTRACT_KEY_SIZE];
    char lease_key[CONTRACT_KEY_SIZE];
    struct follower follower;
    struct checkpoint checkpoint; /* what the next append starts from */
    bool point_begun;
    struct starting_point point;
    struct held_body held[FOLLOWER_SLOTS];
    uint64_t bytes_per_entry;   /* of answers, as learnt */
    bool is_left_alone;         /* its key or its checkpoint makes no sense */
    uint64_t reload_delay_ms;   /* after the appends that failed in a row */
    enum lease_wish lease_wish; /* of the next round */
    uint64_t lease_until_ms;
    uint64_t free_since_ms;    /* nobody has the lease; 0: somebody has */
    uint64_t adopted_until_ms; /* it is this process's, whatever the plan says */
    /* What the report says. */
    char error[INGEST_ERROR_SIZE]; /* the last one; stays after recovery */
    bool is_failing;
    uint64_t caught_up_at_ms;
    uint64_t reported_next;
    uint64_t reported_at_ms;
};

/* Takes the contents of `ct_log`. */
struct followed_log *followed_log_create(struct ingest *ingest, struct ct_log *ct_log,
                                         uint64_t now_ms);
void followed_log_destroy(struct followed_log *log);

/* A newer description of the same log; takes its contents. Its address, its end and even its kind may be others: it is
 * the same tree. */
void followed_log_update(struct followed_log *log, struct ct_log *ct_log, uint64_t now_ms);

/* Does what can be done now: load, process one held answer, ask for more. True if there is more to do at once. */
bool followed_log_work(struct followed_log *log, uint64_t now_ms);

void followed_log_on_append(struct followed_log *log, const struct append *append,
                            enum append_result result, const char *error, uint64_t now_ms);
/* Redis went away, or the lease with it, or another process is to have it. */
void followed_log_disown(struct followed_log *log);

/* The lease is this process's until `until_ms` (monotonic), taken or renewed. `epoch` is that of the checkpoint. */
void followed_log_own(struct followed_log *log, uint64_t epoch, uint64_t until_ms, uint64_t now_ms);

/* Writes the log's state to its hash. */
void followed_log_report(struct followed_log *log, uint64_t now_ms);

#endif
