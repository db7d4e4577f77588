#include "tests/e2e/ingest_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    LENGTH_MS = 60000,
};

void *ingest_stage_create_without_redis(size_t size)
{
    assert_true(size >= sizeof(struct ingest_stage));
    struct ingest_stage *stage = memory_allocate_zeroed(1, size);
    stage->harness = harness_create();
    return stage;
}

void *ingest_stage_create(size_t size, const char *const *redis)
{
    struct ingest_stage *stage = ingest_stage_create_without_redis(size);
    stage->redis = redis_server_start(stage->harness, "redis", redis);
    return stage;
}

void ingest_stage_start_ct_log(struct ingest_stage *stage, const char *const *arguments)
{
    stage->ct_log = daemon_start_ct_log(stage->harness, "ct_log", arguments);
}

void ingest_stage_start(struct ingest_stage *stage, const char *const *arguments)
{
    stage->ingest =
        daemon_start_ingest(stage->harness, "ingest", stage->redis, stage->ct_log, arguments);
}

int ingest_stage_teardown(void **state)
{
    struct ingest_stage *stage = *state;
    int result = harness_destroy(stage->harness);
    redis_server_destroy(stage->redis);
    free(stage);
    return result;
}

void ingest_stage_wait_for_length(const struct ingest_stage *stage, long long length)
{
    struct deadline deadline = deadline_after(LENGTH_MS, "the stream to grow");
    while (redis_server_integer(stage->redis, "XLEN " CONTRACT_PREFIX ":stream") < length)
        deadline_wait(&deadline);
}
