#include "ingest/store/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

#define RETENTION_MARK CONTEXT_MARK('R', 'E', 'T', 'N')

enum {
    ASK_MS = 1000,
    /* Or after so much was appended: little beside what is left free of a small Redis, and of a
     * large one a part of it, because INFO takes as long as some appends. */
    MEASURE_BYTES = 2 * 1024 * 1024,
    MEASURE_PART = 128,
    AGE_TRIM_MS = 1000,
    /* An approximate trim takes away whole nodes of the stream, of 100 entries as Redis comes. */
    SLACK_ENTRIES = 100,
    ISSUERS_TRIM_MS = 10 * 60 * 1000,
    ISSUERS_TRIM_COUNT = 256,
    NUMBER_SIZE = 24,
};

struct retention {
    uint32_t mark; /* RETENTION_MARK */
    struct redis_link *link;
    const struct contract *contract;
    struct retention_limits limits;
    struct retention_memory memory;
    uint64_t issuer_count;
    uint64_t redis_ms;
    uint64_t asked_ms;    /* monotonic: for the time */
    uint64_t measured_ms; /* 0: at once */
    size_t appended;      /* bytes since then */
    uint64_t age_trimmed_ms;
    uint64_t issuers_trimmed_ms;
    bool has_blocks, keeps_stream;
    bool is_measured; /* Redis has said how much memory it has */
};

struct retention *retention_create(struct redis_link *link, const struct contract *contract,
                                   const struct retention_limits *limits)
{
    struct retention *retention = memory_allocate_zeroed(1, sizeof *retention);
    retention->mark = RETENTION_MARK;
    retention->link = link;
    retention->contract = contract;
    retention->limits = *limits;
    return retention;
}

void retention_destroy(struct retention *retention)
{
    free(retention);
}

static struct bytes text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? bytes_of(reply->str, (size_t)reply->len)
                                             : (struct bytes){ 0 };
}

static void on_time(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    uint64_t seconds, microseconds;
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        decimal_parse(&seconds, text_of(reply->element[0])) &&
        decimal_parse(&microseconds, text_of(reply->element[1])))
        retention->redis_ms = seconds * 1000 + microseconds / 1000;
}

/* The first of the measures. */
static void on_info(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    (void)link;
    retention->is_measured =
        reply && retention_read_info(&retention->memory, text_of(reply), &retention->limits);
}

static void trim_by(const struct retention *retention, const char *how, uint64_t limit)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%" PRIu64, limit);
    (void)redis_link_send_strings(retention->link, NULL, NULL, "XTRIM", retention->contract->stream,
                                  how, "~", text, (char *)NULL);
}

/* An integer; none where the user may not ask, or the key is not there. */
static uint64_t number_of(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0
               ? (uint64_t)reply->integer
               : 0;
}

static void on_stream_bytes(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    (void)link;
    retention->memory.stream_bytes = number_of(reply);
}

static void on_stream_entries(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    (void)link;
    retention->memory.stream_entries = number_of(reply);
}

static void on_issuer_bytes(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    (void)link;
    retention->memory.issuer_bytes = number_of(reply);
}

static void trim_to(const struct retention *retention, uint64_t entries, uint64_t most)
{
    if (most != UINT64_MAX && entries > most + SLACK_ENTRIES)
        trim_by(retention, "MAXLEN", most);
}

/* The last of the measures. */
static void on_issuer_count(struct redis_link *link, redisReply *reply, void *context)
{
    struct retention *retention = context_of(context, RETENTION_MARK);
    (void)link;
    retention->issuer_count = number_of(reply);
    if (reply && retention->is_measured && !retention->has_blocks && !retention->keeps_stream)
        trim_to(retention, retention->memory.stream_entries,
                retention_entries(&retention->limits, &retention->memory));
}

static void measure(struct retention *retention)
{
    struct redis_link *link = retention->link;
    const char *stream = retention->contract->stream, *issuers = retention->contract->issuers;
    (void)redis_link_send_strings(link, on_info, retention, "INFO", "memory", (char *)NULL);
    (void)redis_link_send_strings(link, on_stream_bytes, retention, "MEMORY", "USAGE", stream,
                                  (char *)NULL);
    (void)redis_link_send_strings(link, on_stream_entries, retention, "XLEN", stream, (char *)NULL);
    (void)redis_link_send_strings(link, on_issuer_bytes, retention, "MEMORY", "USAGE", issuers,
                                  (char *)NULL);
    (void)redis_link_send_strings(link, on_issuer_count, retention, "HLEN", issuers, (char *)NULL);
}

/* Issuers that nothing in history and stream names any more: appends stamp what they name, once an
 * hour, so what was stamped two hours before the oldest entry is named by none. Those without a
 * stamp, which an older version left, are stamped now. In one step, because an append may name one
 * meanwhile. */
static const char issuers_script[] =
    "local stream, issuers, named, history = KEYS[1], KEYS[2], KEYS[3], KEYS[4]\n"
    "if redis.call('HLEN', issuers) ~= redis.call('ZCARD', named) then\n"
    "  for _, name in ipairs(redis.call('HKEYS', issuers)) do\n"
    "    redis.call('ZADD', named, 'NX', ARGV[1], name)\n"
    "  end\n"
    "end\n"
    "local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]\n"
    "local block = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)[1]\n"
    "local oldest = first and first[1]\n"
    "if block then\n"
    "  for i = 1, #block[2], 2 do\n"
    "    if block[2][i] == '" CONTRACT_BLOCK_FIRST "' then oldest = block[2][i + 1] end\n"
    "  end\n"
    "end\n"
    "if not oldest then return 0 end\n"
    "local bound = tonumber(string.match(oldest, '^%d+')) - 7200000\n"
    "local old = redis.call('ZRANGE', named, '-inf', string.format('(%.0f', bound), 'BYSCORE',\n"
    "                       'LIMIT', 0, ARGV[2])\n"
    "for _, name in ipairs(old) do\n"
    "  redis.call('HDEL', issuers, name)\n"
    "  redis.call('ZREM', named, name)\n"
    "end\n"
    "return #old\n";

static void trim_issuers(struct retention *retention, uint64_t now_ms)
{
    if (!retention->redis_ms ||
        (retention->issuers_trimmed_ms && now_ms - retention->issuers_trimmed_ms < ISSUERS_TRIM_MS))
        return;
    retention->issuers_trimmed_ms = now_ms;
    const struct contract *contract = retention->contract;
    char now[NUMBER_SIZE], count[NUMBER_SIZE];
    (void)snprintf(now, sizeof now, "%" PRIu64, retention->redis_ms);
    (void)snprintf(count, sizeof count, "%d", ISSUERS_TRIM_COUNT);
    (void)redis_link_send_strings(retention->link, NULL, NULL, "EVAL", issuers_script, "4",
                                  contract->stream, contract->issuers, contract->issuers_named,
                                  contract->history, now, count, (char *)NULL);
}

static bool has_appended_much(const struct retention *retention)
{
    return retention->appended >= MEASURE_BYTES &&
           retention->appended >= retention->memory.maximum / MEASURE_PART;
}

void retention_ask(struct retention *retention, uint64_t now_ms)
{
    if (!retention->redis_ms || now_ms - retention->asked_ms >= ASK_MS) {
        retention->asked_ms = now_ms;
        (void)redis_link_send_strings(retention->link, on_time, retention, "TIME", (char *)NULL);
    }
    if (retention->measured_ms && now_ms - retention->measured_ms < ASK_MS &&
        !has_appended_much(retention))
        return;
    retention->measured_ms = now_ms;
    retention->appended = 0;
    measure(retention);
}

void retention_trim(struct retention *retention, uint64_t entries, uint64_t now_ms)
{
    const struct retention_limits *limits = &retention->limits;
    if (!retention->has_blocks)
        trim_to(retention, entries, limits->entries ? limits->entries : UINT64_MAX);
    if (limits->age_ms && !retention->has_blocks && retention->redis_ms > limits->age_ms &&
        now_ms - retention->age_trimmed_ms >= AGE_TRIM_MS) {
        retention->age_trimmed_ms = now_ms;
        trim_by(retention, "MINID", retention->redis_ms - limits->age_ms);
    }
    if (entries)
        trim_issuers(retention, now_ms);
}

void retention_on_append(struct retention *retention, size_t bytes)
{
    retention->appended += bytes;
}

void retention_on_refusal(struct retention *retention)
{
    retention->measured_ms = 0;
}

void retention_set_history(struct retention *retention, bool has_blocks, bool keeps_stream)
{
    retention->has_blocks = has_blocks;
    retention->keeps_stream = keeps_stream;
}

uint64_t retention_redis_ms(const struct retention *retention)
{
    return retention->redis_ms;
}

bool retention_issuers_are_full(const struct retention *retention)
{
    return retention->issuer_count >= RETENTION_ISSUERS_MAX ||
           retention->memory.issuer_bytes >= RETENTION_ISSUER_BYTES_MAX;
}

const struct retention_memory *retention_memory(const struct retention *retention)
{
    return &retention->memory;
}
