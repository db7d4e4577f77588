/*
 * This process's part of the work: asks for leases, renews them, gives them back, so that the logs
 * are spread evenly over the processes that are alive (lease_plan.h). Says to each followed log
 * when it is this process's and when it no longer is.
 */
#ifndef INGEST_LOGS_LEASES_H
#define INGEST_LOGS_LEASES_H

#include <stdint.h>

struct lease_holder;
struct log_set;
struct redis_writes;
struct leases;

/* `on_round`: it may be other logs that are this process's now. `holder` is copied, the rest
 * borrowed. */
struct leases *leases_create(const struct lease_holder *holder, struct log_set *logs,
                             struct redis_writes *writes, void (*on_round)(void *context),
                             void *context);
/* After the link, so that no reply is owed. NULL is fine. */
void leases_destroy(struct leases *leases);

/* Sends a round when it is due. When it is to be called again; UINT64_MAX: after an event. */
uint64_t leases_work(struct leases *leases, uint64_t now_ms);
/* There are other logs, or another Redis: not to be waited with. */
void leases_hurry(struct leases *leases);

/* At the end: gives all back. */
void leases_give_back(struct leases *leases);

#endif
