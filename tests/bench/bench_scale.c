/*
 * How far this design reaches, and what ends it: a simulation with the costs that were measured on
 * one machine. For each load it looks for the fewest processes that carry it, then sends ten
 * minutes of entries through them and prints how long those took.
 *
 * What is simulated: logs of unequal size bear a head each few seconds; what is new goes in batches
 * through the ingest process that has the log, the master of its shard, a replica of that, and a
 * streamer that reads it. Each of these is one thread: it does one thing after the other, and what
 * waits for it waits. Of several shards a streamer hands out nothing before each has said that it
 * is beyond that moment. Every process is thought to have a core of its own, and every one that
 * sends a network link.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "tests/support/seeded_random.h"

/* Microseconds of CPU, and bytes, as measured on 2 virtual cores of an AMD EPYC with Redis 7.0.15.
 * Behind each stands where and when. */
static const struct costs {
    double ingest_us;     /* of an ingest process, per entry */
    double append_us;     /* of a master, per entry */
    double replicate_us;  /* of a replica, per entry */
    double feed_us;       /* of a Redis that is read, per entry and streamer; or replica */
    double read_us;       /* of a streamer, per entry */
    double filter_us;     /* of a streamer, per entry and filter */
    double domains_us;    /* of a streamer, per message and client */
    double lite_us;       /* likewise */
    double entry_bytes;   /* in Redis, and on the way to a streamer */
    double domains_bytes; /* of a message */
    double lite_bytes;    /* likewise */
    double client_bytes;  /* of an idle client */
} costs = {
    .ingest_us = 14,         /* steady state at 2,000/s, 2026-11-26 */
    .append_us = 28,         /* the same, with redis.conf as it is shipped */
    .replicate_us = 26,      /* 0.93 of its master, transactions of 64, 2026-11-29 */
    .feed_us = 6,            /* steady state at 2,000/s, one to four streamers, 2026-11-26 */
    .read_us = 8,            /* the same */
    .filter_us = 12.0 / 500, /* 500 domains: bench_filter, 2026-11-25 */
    .domains_us = 0.15,      /* bench_fanout, 2026-11-26 */
    .lite_us = 0.70,         /* the same */
    .entry_bytes = 5200,     /* 637 real certificates, 2026-11-26 */
    .domains_bytes = 480,    /* the same */
    .lite_bytes = 3120,      /* the same */
    .client_bytes = 2100,    /* bench_idle, 2026-11-26 */
};

enum {
    LOGS = 70,
    SIMULATED_S = 600,
    POLL_MS = 5000,
    TICK_MS = 100, /* how often a shard says how far it is */
    BATCH_ENTRIES = 256,
    HISTORY_S = 1800,
    PASSES_ONE_IN = 10000,   /* entries, the filter of a client that has one */
    CLIENTS_MAX = 10000,     /* of one streamer: with more it was not measured */
    LINK_BYTES = 1250000000, /* per second: 10 Gbit/s */
    STREAMER_BYTES = 32 << 20,
};

/* A thread, or a link, that is busier has no room for bursts. */
static const double busy_max = 0.7;

struct load {
    double rate; /* entries per second */
    double clients;
    bool
        is_filtered; /* each has a filter of its own for lite messages; else domains, all of them */
};

struct plan {
    unsigned ingests;
    unsigned shards;
    unsigned replicas; /* of each shard */
    unsigned streamers;
    const char *bound; /* what keeps a streamer from having more clients */
    const char *limit; /* why there is no plan */
};

/* What one thread does per entry that passes it, in microseconds. */
static double master_us(const struct plan *plan)
{
    return costs.append_us + costs.feed_us * plan->replicas;
}

static double replica_us(const struct plan *plan)
{
    return costs.replicate_us + costs.feed_us * ceil((double)plan->streamers / plan->replicas);
}

static double client_us(const struct load *load)
{
    return load->is_filtered ? costs.filter_us + costs.lite_us / PASSES_ONE_IN : costs.domains_us;
}

static double client_bytes_sent(const struct load *load)
{
    return load->is_filtered ? costs.lite_bytes / PASSES_ONE_IN : costs.domains_bytes;
}

static double streamer_us(const struct load *load, const struct plan *plan)
{
    return costs.read_us + client_us(load) * load->clients / plan->streamers;
}

/* The part of all entries that the k-th largest log has: the largest 6.4 %. */
static double log_share(unsigned k)
{
    double sum = 0;
    for (unsigned i = 0; i < LOGS; i++)
        sum += 1.0 / (i + 6);
    return 1.0 / (k + 6) / sum;
}

/* The logs, largest first, each to who has least. Answers the largest part that anybody has. */
static double spread(unsigned *owners, unsigned count)
{
    double *parts = memory_allocate_zeroed(count, sizeof *parts);
    double largest = 0;
    for (unsigned log = 0; log < LOGS; log++) {
        unsigned least = 0;
        for (unsigned i = 1; i < count; i++)
            if (parts[i] < parts[least])
                least = i;
        owners[log] = least;
        parts[least] += log_share(log);
        largest = parts[least] > largest ? parts[least] : largest;
    }
    free(parts);
    return largest;
}

/* Whether one thread, or link, bears the largest part of all entries. */
static bool bears(double rate, double us, double bytes)
{
    return rate * us <= busy_max * 1e6 && rate * bytes <= busy_max * LINK_BYTES;
}

static bool plan_streamers(struct plan *plan, const struct load *load)
{
    if (!bears(load->rate, costs.read_us, 0)) {
        plan->limit = "a streamer, one thread, cannot read as much";
        return false;
    }
    double room_us = busy_max * 1e6 / load->rate - costs.read_us;
    double by_cpu = room_us / client_us(load);
    double by_link = busy_max * LINK_BYTES / load->rate / client_bytes_sent(load);
    double most = fmin(CLIENTS_MAX, fmin(by_cpu, by_link));
    plan->bound = most < fmin(by_cpu, by_link) ? "connections" : by_cpu < by_link ? "CPU" : "link";
    if (most < 1) {
        plan->limit = "a streamer, one thread, cannot serve one client";
        return false;
    }
    plan->streamers = (unsigned)ceil(load->clients / floor(most));
    return true;
}

/* The fewest replicas that feed all streamers; false if the master cannot feed as many. */
static bool plan_replicas(struct plan *plan, double rate)
{
    for (plan->replicas = 1; bears(rate, master_us(plan), plan->replicas * costs.entry_bytes);
         plan->replicas++) {
        double readers = ceil((double)plan->streamers / plan->replicas);
        if (bears(rate, replica_us(plan), readers * costs.entry_bytes))
            return true;
    }
    return false;
}

static bool plan_shards(struct plan *plan, const struct load *load)
{
    unsigned owners[LOGS];
    struct plan best = { .shards = 0 };
    for (plan->shards = 1; plan->shards <= LOGS; plan->shards++) {
        bool works = plan_replicas(plan, load->rate * spread(owners, plan->shards));
        unsigned nodes = plan->shards * (1 + plan->replicas);
        if (works && (!best.shards || nodes < best.shards * (1 + best.replicas)))
            best = *plan;
    }
    if (best.shards)
        *plan = best;
    else
        plan->limit = "a shard with the largest log alone cannot feed as many streamers";
    return best.shards > 0;
}

static bool plan_ingests(struct plan *plan, const struct load *load)
{
    unsigned owners[LOGS];
    for (plan->ingests = 1; plan->ingests <= LOGS; plan->ingests++)
        if (bears(load->rate * spread(owners, plan->ingests), costs.ingest_us, costs.entry_bytes))
            return true;
    plan->limit = "an ingest process cannot follow the largest log alone";
    return false;
}

/* Some entries of one log on their way. */
struct batch {
    double born_ms; /* when the poll found it */
    double at_ms;   /* where it is now */
    unsigned log;
    unsigned entries;
};

struct batches {
    struct batch *items;
    size_t count, capacity;
};

static void add_batch(struct batches *batches, struct batch batch)
{
    if (batches->count == batches->capacity) {
        batches->capacity = batches->capacity ? 2 * batches->capacity : 1024;
        batches->items = memory_resize(batches->items, batches->capacity, sizeof *batches->items);
    }
    batches->items[batches->count++] = batch;
}

static int compare_batches(const void *a, const void *b)
{
    const struct batch *first = a, *second = b;
    return (first->at_ms > second->at_ms) - (first->at_ms < second->at_ms);
}

/* What a log bears between two polls is a sum of many small things: about normal. */
static unsigned draw_entries(struct seeded_random *random, double mean)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += seeded_random_fraction(random);
    return (unsigned)fmax(0, round(mean + sum * sqrt(mean)));
}

static void add_batches(struct batches *batches, double at_ms, unsigned log, unsigned left)
{
    while (left > 0) {
        unsigned entries = left < BATCH_ENTRIES ? left : BATCH_ENTRIES;
        add_batch(batches, (struct batch){ at_ms, at_ms, log, entries });
        left -= entries;
    }
}

static void bear_entries(struct batches *batches, double rate)
{
    struct seeded_random random = seeded_random_of("bench_scale", "entries", 0);
    for (unsigned log = 0; log < LOGS; log++) {
        double first_ms = seeded_random_fraction(&random) * POLL_MS;
        double mean = rate * log_share(log) * POLL_MS / 1000;
        for (unsigned poll = 0; poll < SIMULATED_S * 1000 / POLL_MS; poll++)
            add_batches(batches, first_ms + (double)poll * POLL_MS, log,
                        draw_entries(&random, mean));
    }
}

/* All batches through the threads of one kind, in the order in which they come; `owners` says which
 * thread has which log, NULL that one has all. Answers how busy the busiest was. */
static double pass_threads(struct batches *batches, const unsigned *owners, double us)
{
    double free_at_ms[LOGS] = { 0 }, worked_ms[LOGS] = { 0 }, busiest_ms = 0;
    qsort(batches->items, batches->count, sizeof *batches->items, compare_batches);
    for (size_t i = 0; i < batches->count; i++) {
        struct batch *batch = &batches->items[i];
        unsigned thread = owners ? owners[batch->log] : 0;
        double takes_ms = us * batch->entries / 1000;
        free_at_ms[thread] = fmax(free_at_ms[thread], batch->at_ms) + takes_ms;
        worked_ms[thread] += takes_ms;
        batch->at_ms = free_at_ms[thread];
        busiest_ms = fmax(busiest_ms, worked_ms[thread]);
    }
    return busiest_ms / (SIMULATED_S * 1000.0);
}

/* Each shard has to say that it is beyond the moment at which the batch was appended. */
static void wait_for_ticks(struct batches *batches, double us)
{
    for (size_t i = 0; i < batches->count; i++) {
        struct batch *batch = &batches->items[i];
        double appended_ms = batch->at_ms - us * batch->entries / 1000;
        batch->at_ms = fmax(batch->at_ms, ceil(appended_ms / TICK_MS) * TICK_MS);
    }
}

struct outcome {
    double ingest, master, replica, streamer; /* how busy the busiest of them was */
    double p50_ms, p99_ms;                    /* from the poll to the last socket */
};

static double percentile(const struct batches *batches, double part)
{
    double all = 0, seen = 0;
    for (size_t i = 0; i < batches->count; i++)
        all += batches->items[i].entries;
    size_t i = 0;
    for (; i < batches->count && seen < part * all; i++)
        seen += batches->items[i].entries;
    return batches->items[i - 1].at_ms;
}

static struct outcome simulate(const struct load *load, const struct plan *plan)
{
    struct batches batches = { 0 };
    struct outcome outcome;
    unsigned ingests[LOGS], shards[LOGS];
    (void)spread(ingests, plan->ingests);
    (void)spread(shards, plan->shards);
    bear_entries(&batches, load->rate);
    outcome.ingest = pass_threads(&batches, ingests, costs.ingest_us);
    outcome.master = pass_threads(&batches, shards, master_us(plan));
    outcome.replica = pass_threads(&batches, shards, replica_us(plan));
    if (plan->shards > 1)
        wait_for_ticks(&batches, replica_us(plan));
    outcome.streamer = pass_threads(&batches, NULL, streamer_us(load, plan));
    for (size_t i = 0; i < batches.count; i++)
        batches.items[i].at_ms -= batches.items[i].born_ms;
    qsort(batches.items, batches.count, sizeof *batches.items, compare_batches);
    outcome.p50_ms = percentile(&batches, 0.5);
    outcome.p99_ms = percentile(&batches, 0.99);
    free(batches.items);
    return outcome;
}

static void print_plan(const struct load *load, const struct plan *plan)
{
    struct outcome outcome = simulate(load, plan);
    unsigned nodes = plan->shards * (1 + plan->replicas);
    double shard_gb = load->rate * HISTORY_S * costs.entry_bytes / plan->shards / 1e9;
    double client_mb =
        (STREAMER_BYTES + costs.client_bytes * load->clients / plan->streamers) / 1e6;
    (void)printf("%8.0f %8.0f %7u %6u x %-3u %7.0f ", load->rate, load->clients, plan->ingests,
                 plan->shards, 1 + plan->replicas, shard_gb * nodes);
    (void)printf("%9u %-11s %6.0f %7u   ", plan->streamers, plan->bound, client_mb,
                 plan->ingests + nodes + plan->streamers);
    (void)printf("%2.0f %2.0f %2.0f %2.0f %7.2f %6.2f\n", 100 * outcome.ingest,
                 100 * outcome.master, 100 * outcome.replica, 100 * outcome.streamer,
                 outcome.p50_ms / 1000, outcome.p99_ms / 1000);
}

static void print_load(const struct load *load)
{
    struct plan plan = { 0 };
    if (plan_streamers(&plan, load) && plan_shards(&plan, load) && plan_ingests(&plan, load))
        print_plan(load, &plan);
    else
        (void)printf("%8.0f %8.0f   not possible: %s\n", load->rate, load->clients, plan.limit);
}

static void print_table(bool is_filtered)
{
    static const double rates[] = { 1500, 15000, 150000 };
    static const double clients[] = { 1e3, 1e5, 1e6 };
    (void)printf(is_filtered ? "\nclients with a filter each, which one entry in %d passes (lite)\n"
                             : "\nclients that take the names of all entries (domains)\n",
                 PASSES_ONE_IN);
    (void)printf("entries/s clients ingests shards x nodes RAM GB streamers bound by   MB each   "
                 "cores   %% busy i m r s  p50 s  p99 s\n");
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (size_t j = 0; j < sizeof clients / sizeof *clients; j++)
            print_load(&(struct load){ rates[i], clients[j], is_filtered });
}

/* Entries per second at which each part is as busy as it may be. */
static void print_limits(void)
{
    double most = busy_max * 1e6;
    (void)printf("\nwhat ends at how many entries/s\n");
    (void)printf("%9.0f  one shard with a replica and a streamer: then more shards\n",
                 most / (costs.append_us + costs.feed_us));
    (void)printf("%9.0f  one ingest process: then more of them\n", most / costs.ingest_us);
    (void)printf("%9.0f  one streamer, with no client: it reads all shards in one thread, and "
                 "more streamers do not help\n",
                 most / costs.read_us);
    (void)printf("%9.0f  a shard of its own for the largest log, %.1f %% of all entries: a log has "
                 "one shard\n",
                 most / (costs.append_us + costs.feed_us) / log_share(0), 100 * log_share(0));
    (void)printf("more than one shard is thought of here, and not built\n");
}

int main(void)
{
    (void)printf("simulated: %d s, %d logs, polled every %d s; %d minutes of history at %.0f bytes "
                 "an entry; threads and 10 Gbit/s links at most %.0f %% busy\n",
                 SIMULATED_S, LOGS, POLL_MS / 1000, HISTORY_S / 60, costs.entry_bytes,
                 100 * busy_max);
    print_table(true);
    print_table(false);
    print_limits();
    return 0;
}
