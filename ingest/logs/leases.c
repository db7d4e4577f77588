#include "ingest/logs/leases.h"

#include <inttypes.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/logs/followed_log.h"
#include "ingest/logs/log_set.h"
#include "ingest/logs/redis_writes.h"
#include "ingest/store/lease.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"

enum {
    /* A changed plan is carried out without waiting for the next renewal, but not in a loop without
     * end. */
    HURRY_MS = 50,
    /* What a log that is given back has under way reaches Redis before the lease goes. */
    GIVE_BACK_MS = 250,
    /* A log that is another process's by plan and that nobody takes, because that one does not know
     * it, is taken by who does; and then kept for a while. */
    ORPHAN_MS = 2 * LEASE_MS,
    ADOPTED_MS = 3600 * 1000,
};

struct leases {
    struct lease_holder holder;
    struct log_set *logs;
    struct redis_writes *writes;
    void (*on_round)(void *context);
    void *context;
    uint64_t round_at_ms;
    bool is_asked; /* a round is out */
    size_t instance_count;
};

/* A round that is out: logs may be added meanwhile. */
struct round {
    struct leases *leases;
    uint64_t sent_at_ms;
    size_t count;
};

struct leases *leases_create(const struct lease_holder *holder, struct log_set *logs,
                             struct redis_writes *writes, void (*on_round)(void *context),
                             void *context)
{
    struct leases *leases = memory_allocate_zeroed(1, sizeof *leases);
    *leases = (struct leases){
        .holder = *holder, .logs = logs, .writes = writes, .on_round = on_round, .context = context
    };
    return leases;
}

void leases_destroy(struct leases *leases)
{
    free(leases);
}

static struct lease_request *make_requests(const struct log_set *set, size_t count)
{
    struct lease_request *requests = memory_allocate_zeroed(count + 1, sizeof *requests);
    for (size_t i = 0; i < count; i++) {
        const struct followed_log *log = set->logs[i];
        requests[i] = (struct lease_request){ log->lease_key, log->key, log->lease_wish };
    }
    return requests;
}

static size_t count_leased(const struct log_set *set)
{
    return set->count < LEASE_LOGS_MAX ? set->count : LEASE_LOGS_MAX;
}

/* Whom the plan gives a log to does not matter when that process has not taken it in good time. */
static bool is_orphan(struct followed_log *log, const struct lease *lease, uint64_t now_ms)
{
    if (!lease->is_free) {
        log->free_since_ms = 0;
        return false;
    }
    if (!log->free_since_ms)
        log->free_since_ms = now_ms;
    return now_ms - log->free_since_ms >= ORPHAN_MS;
}

static enum lease_action wish_for(struct followed_log *log, const struct lease *lease,
                                  bool is_planned, uint64_t now_ms)
{
    if (is_orphan(log, lease, now_ms) && !is_planned)
        log->adopted_until_ms = now_ms + ADOPTED_MS;
    bool is_wanted = is_planned || now_ms < log->adopted_until_ms;
    return is_wanted && !log->is_left_alone ? LEASE_TAKE : LEASE_GIVE_BACK;
}

/* Carries out what the plan says of one log; true if the next round has something new to say. */
static bool apply(struct followed_log *log, const struct lease *lease, bool is_own, bool is_planned,
                  uint64_t sent_at_ms, uint64_t now_ms)
{
    enum lease_action was = log->lease_wish;
    last_position_hear(&log->last, lease->next, lease->epoch);
    log->lease_wish = wish_for(log, lease, is_planned, now_ms);
    if (is_own && log->lease_wish == LEASE_TAKE)
        /* Counted from the question: Redis may have begun to count at once. */
        followed_log_own(log, lease, sent_at_ms + LEASE_MS, now_ms);
    else
        followed_log_disown(log);
    return log->lease_wish != was;
}

static void say_instances(struct leases *leases, const struct lease_round *round)
{
    if (round->instance_count != leases->instance_count)
        say_info("ingest processes share the logs", "processes=%zu logs=%zu", round->instance_count,
                 leases->logs->count);
    leases->instance_count = round->instance_count;
}

static void carry_out(struct leases *leases, const struct round *asked,
                      const struct lease_round *round, uint64_t now_ms)
{
    struct lease_plan_log *plan = memory_allocate_zeroed(asked->count + 1, sizeof *plan);
    for (size_t i = 0; i < asked->count; i++)
        plan[i] = (struct lease_plan_log){ .id = leases->logs->logs[i]->ct_log.id,
                                           .owner = lease_round_log(round, i).owner };
    lease_plan_make(round->instances, round->instance_count, plan, asked->count);
    bool takes = false, gives = false;
    for (size_t i = 0; i < asked->count; i++) {
        struct followed_log *log = leases->logs->logs[i];
        struct lease lease = lease_round_log(round, i);
        bool is_own = lease.owner == round->self;
        bool is_new =
            apply(log, &lease, is_own, plan[i].planned == round->self, asked->sent_at_ms, now_ms);
        takes |= is_new && log->lease_wish == LEASE_TAKE && lease.is_free;
        gives |= is_new && log->lease_wish == LEASE_GIVE_BACK && is_own;
    }
    free(plan);
    if (takes && now_ms + HURRY_MS < leases->round_at_ms)
        leases->round_at_ms = now_ms + HURRY_MS;
    /* Last, since it is the longer: what is given back is not to go too early. */
    if (gives)
        leases->round_at_ms = now_ms + GIVE_BACK_MS;
}

static void on_round_answer(struct redis_link *link, redisReply *reply, void *context)
{
    struct round asked = *(struct round *)context;
    struct leases *leases = asked.leases;
    struct lease_round round;
    (void)link;
    free(context);
    leases->is_asked = false;
    if (!reply)
        return;
    bool good = lease_round_read(&round, reply, leases->holder.instance, asked.count);
    redis_writes_note(leases->writes, REDIS_WRITES_LEASES,
                      good                               ? NULL
                      : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                         : "an answer that makes no sense");
    if (!good)
        return;
    say_instances(leases, &round);
    carry_out(leases, &asked, &round, clock_monotonic_ms());
    leases->on_round(leases->context);
}

/* A process that knows no logs yet could not take its share, and does not count. */
static void send_round(struct leases *leases, uint64_t now_ms)
{
    leases->round_at_ms = now_ms + LEASE_RENEW_MS;
    struct round *round = memory_allocate(sizeof *round);
    *round = (struct round){ leases, now_ms, count_leased(leases->logs) };
    struct lease_request *requests = make_requests(leases->logs, round->count);
    leases->is_asked =
        lease_send_round(&leases->holder, requests, round->count, on_round_answer, round);
    if (!leases->is_asked)
        free(round);
    free(requests);
}

uint64_t leases_work(struct leases *leases, uint64_t now_ms)
{
    if (leases->is_asked || !leases->logs->count || !redis_link_is_up(leases->holder.link))
        return UINT64_MAX;
    if (now_ms >= leases->round_at_ms)
        send_round(leases, now_ms);
    return leases->round_at_ms;
}

void leases_hurry(struct leases *leases)
{
    leases->round_at_ms = 0;
}

void leases_give_back(struct leases *leases)
{
    size_t count = count_leased(leases->logs);
    struct lease_request *requests = make_requests(leases->logs, count);
    (void)lease_send_farewell(&leases->holder, requests, count);
    free(requests);
}
