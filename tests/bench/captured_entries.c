#include "tests/bench/captured_entries.h"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    DRAIN_MS = 120000,
    FIELDS = 32,
    /* Words before them: XADD, the key, three of the retention, the id. */
    COMMAND = 6,
    /* Commands on their way at once. */
    BATCH = 50,
    BATCHES_PER_SECOND = 100,
    NANOSECONDS_PER_MS = 1000000,
    MS_PER_S = 1000,
    RETAINED_DEFAULT = 100000,
};

struct captured_entries {
    char retained[24]; /* entries that the stream keeps, about */
    redisReply *entries;
    redisReply *issuers;
};

struct captured_entries *captured_entries_create(uint64_t count)
{
    struct captured_entries *captured = memory_allocate_zeroed(1, sizeof *captured);
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    captured_entries_retain(captured, RETAINED_DEFAULT);
    char size[24];
    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)count);
    const char *const log[] = { "--size", size, "--kinds", "rfc6962", "--seed", "bench", NULL };
    const char *const ingest[] = { "--start", "0", "--retain-entries", "0", NULL };
    (void)daemon_start_ingest(harness, "ingest", redis, daemon_start_ct_log(harness, "log", log),
                              ingest);
    struct deadline deadline = deadline_after(DRAIN_MS, "the log to be drained");
    while ((uint64_t)redis_server_integer(redis, "XLEN " CONTRACT_PREFIX ":stream") < count)
        deadline_wait(&deadline);
    captured->entries = redis_server_command(redis, "XRANGE " CONTRACT_PREFIX ":stream - +");
    captured->issuers = redis_server_command(redis, "HGETALL " CONTRACT_PREFIX ":issuers");
    assert_int_equal(captured->entries->elements, count);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
    return captured;
}

void captured_entries_retain(struct captured_entries *captured, uint64_t count)
{
    (void)snprintf(captured->retained, sizeof captured->retained, "%" PRIu64, count);
}

void captured_entries_destroy(struct captured_entries *captured)
{
    freeReplyObject(captured->entries);
    freeReplyObject(captured->issuers);
    free(captured);
}

uint64_t captured_entries_count(const struct captured_entries *captured)
{
    return captured->entries->elements;
}

void captured_entries_put_issuers(const struct captured_entries *captured,
                                  struct redis_server *redis)
{
    const redisReply *issuers = captured->issuers;
    for (size_t i = 0; i + 1 < issuers->elements; i += 2)
        freeReplyObject(redis_server_command(
            redis, "HSET " CONTRACT_PREFIX ":issuers %b %b", issuers->element[i]->str,
            issuers->element[i]->len, issuers->element[i + 1]->str, issuers->element[i + 1]->len));
}

static void append(const struct captured_entries *captured, redisContext *context,
                   const redisReply *entry, uint64_t index)
{
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): the key is two literals */
    const char *words[COMMAND + FIELDS] = { "XADD", CONTRACT_PREFIX ":stream", "MAXLEN",
                                            "~",    captured->retained,        "*" };
    size_t sizes[COMMAND + FIELDS];
    for (size_t i = 0; i < COMMAND; i++)
        sizes[i] = strlen(words[i]);
    const redisReply *fields = entry->element[1];
    char text[24];
    assert_true(fields->elements <= FIELDS);
    for (size_t i = 0; i < fields->elements; i++) {
        words[COMMAND + i] = fields->element[i]->str;
        sizes[COMMAND + i] = fields->element[i]->len;
        if (i % 2 == 0 || strcmp(fields->element[i - 1]->str, CONTRACT_FIELD_INDEX) != 0)
            continue;
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)index);
        words[COMMAND + i] = text;
        sizes[COMMAND + i] = strlen(text);
    }
    (void)redisAppendCommandArgv(context, (int)(COMMAND + fields->elements), words, sizes);
}

static void pause_until(uint64_t start_ms, uint64_t sent, uint64_t per_second)
{
    uint64_t due_ms = start_ms + sent * MS_PER_S / per_second;
    uint64_t now_ms = clock_monotonic_ms();
    if (due_ms <= now_ms)
        return;
    uint64_t left_ms = due_ms - now_ms;
    struct timespec pause = { (time_t)(left_ms / MS_PER_S),
                              (long)(left_ms % MS_PER_S * NANOSECONDS_PER_MS) };
    (void)nanosleep(&pause, NULL);
}

static void feed(const struct captured_entries *captured, redisContext *context, uint64_t count,
                 uint64_t per_second)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t batch = per_second ? per_second / BATCHES_PER_SECOND + 1 : BATCH;
    for (uint64_t sent = 0; sent < count;) {
        uint64_t size = count - sent < batch ? count - sent : batch;
        for (uint64_t i = 0; i < size; i++)
            append(captured, context,
                   captured->entries->element[(sent + i) % captured->entries->elements], sent + i);
        for (uint64_t i = 0; i < size; i++) {
            void *reply = NULL;
            if (redisGetReply(context, &reply) != REDIS_OK)
                _exit(1);
            freeReplyObject(reply);
        }
        sent += size;
        if (per_second)
            pause_until(start_ms, sent, per_second);
    }
}

pid_t captured_entries_feed(const struct captured_entries *captured,
                            const struct redis_server *redis, uint64_t count, uint64_t per_second)
{
    const char *path = redis_server_url(redis) + strlen("unix://");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    /* Sockets of clients: who closes one shall have closed it. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, 0);
    redisContext *context = redisConnectUnix(path);
    if (!context || context->err)
        _exit(1);
    feed(captured, context, count, per_second);
    _exit(0);
}
