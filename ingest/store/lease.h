/*
 * The leases in Redis: P:lease:<log id> holds the name of the ingest process that follows the log,
 * P:ingests who is alive; both expire. A round is one step of a script, so nothing in it can be
 * done on what another process has just changed: it says that this process is alive, takes, renews
 * and gives back, and answers who is there and who has what. The leases spare double work; what
 * keeps the stream exact is the fence of the batch.
 */
#ifndef INGEST_STORE_LEASE_H
#define INGEST_STORE_LEASE_H

#include "ingest/store/lease_plan.h"
#include "shared/redis/redis_link.h"

enum {
    LEASE_MS = 6000,
    /* Three renewals may be lost before the lease is; a killed process's logs are taken over within
     * both together. */
    LEASE_RENEW_MS = 1500,
    LEASE_LOGS_MAX = 4096,
};

/* What is to be done about one log. */
enum lease_action {
    LEASE_RENEW, /* if it is this process's already, as after a restart under the same name */
    LEASE_TAKE,  /* or renew */
    LEASE_GIVE_BACK,
};

struct lease_request {
    const char *lease_key;
    const char *log_key; /* the log's hash */
    enum lease_action action;
};

/* Who asks, and where. */
struct lease_holder {
    struct redis_link *link;
    const char *ingests_key;
    const char *instance;
};

/* Sends a round; at most LEASE_LOGS_MAX logs. False, and no callback, when the link is not up. */
bool lease_send_round(const struct lease_holder *holder, const struct lease_request *requests,
                      size_t count, redis_link_on_reply on_reply, void *context);

/* What a round answers; views of the reply. */
struct lease_round {
    const char *instances[LEASE_PLAN_INSTANCES_MAX]; /* alive, this one among them */
    size_t instance_count;
    size_t self; /* number of this one */
    const struct redisReply *reply;
};

/* False if the reply is none to a round of `count` logs: an error, or something odd. */
bool lease_round_read(struct lease_round *round, const struct redisReply *reply,
                      const char *instance, size_t count);
/* What the round says of the log at `index`: the number of its owner or LEASE_PLAN_NOBODY; whether
 * it has a position, the epoch of that (0: there is none), which changes when an administrator
 * moves it, and its next index. An owner that is not alive is nobody, and one that has the lease
 * all the same is waited for: then `is_free` is false. */
struct lease {
    size_t owner;
    bool is_free;
    bool has_position;
    uint64_t epoch;
    uint64_t next; /* of its position; 0: there is none, or it makes no sense */
};
struct lease lease_round_log(const struct lease_round *round, size_t index);

/* Gives all back and says that this process is gone. */
bool lease_send_farewell(const struct lease_holder *holder, const struct lease_request *requests,
                         size_t count);

#endif
