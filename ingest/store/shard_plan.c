#include "ingest/store/shard_plan.h"

#include "shared/redis/shard_id.h"

void shard_plan_place(struct shard_plan_log *logs, size_t count, unsigned shards)
{
    size_t counts[SHARDS_MAX] = { 0 };
    for (size_t i = 0; i < count; i++)
        if (logs[i].shard != SHARD_PLAN_NONE)
            counts[logs[i].shard]++;
    for (size_t i = 0; i < count; i++) {
        if (logs[i].shard != SHARD_PLAN_NONE)
            continue;
        unsigned least = 0;
        for (unsigned shard = 1; shard < shards; shard++)
            if (counts[shard] < counts[least])
                least = shard;
        logs[i].shard = (int)least;
        counts[least]++;
    }
}

struct rates {
    double of[SHARDS_MAX];
    unsigned fullest, emptiest;
};

static void sum_rates(struct rates *rates, const struct shard_plan_log *logs, size_t count,
                      unsigned shards)
{
    *rates = (struct rates){ 0 };
    for (size_t i = 0; i < count; i++)
        rates->of[logs[i].shard] += logs[i].rate;
    for (unsigned shard = 1; shard < shards; shard++) {
        if (rates->of[shard] > rates->of[rates->fullest])
            rates->fullest = shard;
        if (rates->of[shard] < rates->of[rates->emptiest])
            rates->emptiest = shard;
    }
}

/* The log of the fullest shard whose move to the emptiest brings both closest together; `count` if
 * none brings them closer. */
static size_t find_move(const struct rates *rates, const struct shard_plan_log *logs, size_t count)
{
    double gap = rates->of[rates->fullest] - rates->of[rates->emptiest];
    double least = gap;
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (logs[i].shard != (int)rates->fullest || logs[i].rate <= 0)
            continue;
        double left = gap - 2 * logs[i].rate;
        left = left < 0 ? -left : left;
        if (left < least) {
            least = left;
            best = i;
        }
    }
    return best;
}

void shard_plan_grow(struct shard_plan_log *logs, size_t count, unsigned shards)
{
    struct rates rates;
    /* Each move makes the sum of the squares smaller, so this ends; the bound is for rates that are
     * no numbers. */
    for (size_t moves = 0; moves < count * shards; moves++) {
        sum_rates(&rates, logs, count, shards);
        size_t log = find_move(&rates, logs, count);
        if (log == count)
            return;
        logs[log].shard = (int)rates.emptiest;
    }
}
