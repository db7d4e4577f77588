/*
 * Which ingest process is to follow which log: as many each as can be, and as few moved as can be.
 * Every process makes the plan by itself, of the same knowledge (who is alive, who has which
 * lease), and comes to the same one: a process then gives back what is no longer its own, and takes
 * what is its own as soon as it is free. Pure.
 *
 *   quota    logs / processes; what is left over goes to those that have most already
 *   kept     of its own logs each process keeps up to its quota
 *   moved    surplus, and logs that nobody has, go to processes with room, each to the one that
 *            rendezvous hashing names
 */
#ifndef INGEST_STORE_LEASE_PLAN_H
#define INGEST_STORE_LEASE_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Processes that are counted with; far more than logs could be divided among sensibly. */
    LEASE_PLAN_INSTANCES_MAX = 64,
};

#define LEASE_PLAN_NOBODY SIZE_MAX

struct lease_plan_log {
    const uint8_t *id; /* SHA256_SIZE bytes, borrowed */
    size_t owner;      /* number of the instance that has its lease, or LEASE_PLAN_NOBODY */
    size_t planned;    /* answer: number of the instance that is to have it */
};

/* 1 to LEASE_PLAN_INSTANCES_MAX instances, all different. The answer does not depend on the order
 * of either. */
void lease_plan_make(const char *const *instances, size_t instance_count,
                     struct lease_plan_log *logs, size_t log_count);

#endif
