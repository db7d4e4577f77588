#include "ingest/store/retention_plan.h"

#include <string.h>

#include "shared/base/decimal.h"

enum {
    /* A fifth of maxmemory is left for what comes while nobody measures: transactions on their way,
     * buffers, the rewriting of the append-only file. Of a small Redis it is more, but no more than
     * half. */
    RESERVE_PART = 5,
    RESERVE_MIN = 6 * 1024 * 1024,
};

static uint64_t less_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What may be used of Redis' memory. */
static uint64_t usable_bytes(uint64_t maximum)
{
    uint64_t reserve = maximum / RESERVE_PART;
    reserve = reserve > RESERVE_MIN ? reserve : less_of(RESERVE_MIN, maximum / 2);
    return maximum - reserve;
}

unsigned retention_shards(const struct retention_limits *limits)
{
    return limits->shards ? limits->shards : 1;
}

uint64_t retention_excess(const struct retention_limits *limits,
                          const struct retention_memory *memory)
{
    uint64_t ours = memory->stream_bytes + memory->issuer_bytes + memory->history_bytes;
    uint64_t most = limits->bytes, taken = ours;
    if (!limits->bytes && memory->maximum) {
        most = usable_bytes(memory->maximum);
        taken = memory->used;
    } else if (!limits->bytes) {
        if (limits->entries || limits->age_ms)
            return 0;
        most = RETENTION_BYTES_DEFAULT / retention_shards(limits);
    }
    return taken > most ? taken - most : 0;
}

/* What the stream may take. */
static uint64_t stream_bytes_max(const struct retention_limits *limits,
                                 const struct retention_memory *memory)
{
    uint64_t excess = retention_excess(limits, memory);
    if (!excess)
        return UINT64_MAX;
    return memory->stream_bytes > excess ? memory->stream_bytes - excess : 0;
}

uint64_t retention_entries(const struct retention_limits *limits,
                           const struct retention_memory *memory)
{
    uint64_t entries = limits->entries ? limits->entries : UINT64_MAX;
    uint64_t bytes = stream_bytes_max(limits, memory);
    if (bytes >= memory->stream_bytes || !memory->stream_entries)
        return entries;
    double share = (double)bytes / (double)memory->stream_bytes;
    uint64_t fitting = (uint64_t)((double)memory->stream_entries * share);
    fitting = fitting > RETENTION_ENTRIES_MIN ? fitting : RETENTION_ENTRIES_MIN;
    return less_of(entries, fitting);
}

/* The number behind "\nname:"; 0 if there is none. */
static uint64_t info_number(struct bytes info, const char *name)
{
    const uint8_t *at = info.data ? memmem(info.data, info.size, name, strlen(name)) : NULL;
    if (!at)
        return 0;
    const uint8_t *start = at + strlen(name), *end = start;
    while (end < info.data + info.size && *end >= '0' && *end <= '9')
        end++;
    uint64_t number = 0;
    return decimal_parse(&number, bytes_of(start, (size_t)(end - start))) ? number : 0;
}

bool retention_read_info(struct retention_memory *memory, struct bytes info,
                         const struct retention_limits *limits)
{
    unsigned shards = retention_shards(limits);
    uint64_t used = info_number(info, "\nused_memory:");
    uint64_t uncounted = info_number(info, "\nmem_not_counted_for_evict:") +
                         info_number(info, "\nmem_clients_normal:");
    memory->used = used > uncounted ? (used - uncounted) / shards : 0;
    memory->maximum = info_number(info, "\nmaxmemory:") / shards;
    return used > 0;
}
