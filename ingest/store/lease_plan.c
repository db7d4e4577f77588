#include "ingest/store/lease_plan.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"

struct instance {
    size_t number; /* as the caller counts */
    const char *name;
    uint64_t hash;
    size_t held;
    size_t room; /* of its quota */
};

/* A log beside the instance that has it, and how much the two belong together. */
struct claim {
    struct lease_plan_log *log;
    struct instance *instance; /* NULL: nobody has it */
    uint64_t score;
};

struct plan {
    struct instance instances[LEASE_PLAN_INSTANCES_MAX];
    size_t instance_count;
    struct claim *claims; /* one for each log */
    size_t claim_count;
};

/* FNV-1a. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
    return hash;
}

/* A log id is random already; SplitMix64's last step makes every bit of both count. */
static uint64_t score_of(const struct lease_plan_log *log, const struct instance *instance)
{
    uint64_t mixed;
    memcpy(&mixed, log->id, sizeof mixed);
    mixed ^= instance->hash;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

/* Those that have most first: what is left over of the division makes the fewest moves there. */
static int compare_instances(const void *a, const void *b)
{
    const struct instance *one = a, *other = b;
    if (one->held != other->held)
        return one->held > other->held ? -1 : 1;
    return strcmp(one->name, other->name);
}

/* Sorts by instance, and within each by how much a log belongs to it, most first. Nobody's come
 * last, in the order of their ids. */
static int compare_claims(const void *a, const void *b)
{
    const struct claim *one = a, *other = b;
    if (one->instance != other->instance) {
        if (!one->instance || !other->instance)
            return one->instance ? -1 : 1;
        return one->instance < other->instance ? -1 : 1;
    }
    if (one->instance && one->score != other->score)
        return one->score > other->score ? -1 : 1;
    return memcmp(one->log->id, other->log->id, SHA256_SIZE);
}

static void count_instances(struct plan *plan, const char *const *names,
                            const struct lease_plan_log *logs, size_t log_count)
{
    for (size_t i = 0; i < plan->instance_count; i++)
        plan->instances[i] =
            (struct instance){ .number = i, .name = names[i], .hash = hash_name(names[i]) };
    for (size_t i = 0; i < log_count; i++)
        if (logs[i].owner != LEASE_PLAN_NOBODY)
            plan->instances[logs[i].owner].held++;
    qsort(plan->instances, plan->instance_count, sizeof *plan->instances, compare_instances);
    size_t left_over = log_count % plan->instance_count;
    for (size_t i = 0; i < plan->instance_count; i++)
        plan->instances[i].room = log_count / plan->instance_count + (i < left_over);
}

static struct instance *find_instance(struct plan *plan, size_t number)
{
    for (size_t i = 0; i < plan->instance_count; i++)
        if (plan->instances[i].number == number)
            return &plan->instances[i];
    return NULL;
}

static void sort_claims(struct plan *plan)
{
    if (plan->claim_count)
        qsort(plan->claims, plan->claim_count, sizeof *plan->claims, compare_claims);
}

/* What goes beyond its owner's quota is nobody's. */
static void keep_quotas(struct plan *plan)
{
    for (size_t i = 0; i < plan->claim_count; i++) {
        struct claim *claim = &plan->claims[i];
        if (claim->instance && claim->instance->room)
            claim->instance->room--;
        else
            claim->instance = NULL;
    }
}

static struct instance *best_with_room(struct plan *plan, const struct lease_plan_log *log)
{
    struct instance *best = NULL;
    for (size_t i = 0; i < plan->instance_count; i++) {
        struct instance *candidate = &plan->instances[i];
        if (candidate->room && (!best || score_of(log, candidate) > score_of(log, best)))
            best = candidate;
    }
    return best;
}

static void give_out(struct plan *plan)
{
    for (size_t i = 0; i < plan->claim_count; i++) {
        struct claim *claim = &plan->claims[i];
        if (!claim->instance) {
            claim->instance = best_with_room(plan, claim->log);
            assert(claim->instance);
            claim->instance->room--;
        }
        claim->log->planned = claim->instance->number;
    }
}

void lease_plan_make(const char *const *instances, size_t instance_count,
                     struct lease_plan_log *logs, size_t log_count)
{
    assert(instance_count >= 1 && instance_count <= LEASE_PLAN_INSTANCES_MAX);
    struct plan plan = {
        .instance_count = instance_count,
        .claims = memory_allocate_zeroed(log_count + 1, sizeof *plan.claims),
        .claim_count = log_count,
    };
    count_instances(&plan, instances, logs, log_count);
    for (size_t i = 0; i < log_count; i++) {
        struct instance *instance = find_instance(&plan, logs[i].owner);
        plan.claims[i] =
            (struct claim){ &logs[i], instance, instance ? score_of(&logs[i], instance) : 0 };
    }
    sort_claims(&plan);
    keep_quotas(&plan);
    sort_claims(&plan);
    give_out(&plan);
    free(plan.claims);
}
