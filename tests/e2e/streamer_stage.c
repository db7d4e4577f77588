#include "tests/e2e/streamer_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    READY_MS = 60000,
};

void *streamer_stage_create(size_t size)
{
    assert_true(size >= sizeof(struct streamer_stage));
    struct streamer_stage *stage = memory_allocate_zeroed(1, size);
    stage->harness = harness_create();
    stage->redis = redis_server_start(stage->harness, "redis", NULL);
    return stage;
}

int streamer_stage_setup_redis(void **state)
{
    *state = streamer_stage_create(sizeof(struct streamer_stage));
    return 0;
}

int streamer_stage_setup(void **state)
{
    struct streamer_stage *stage = streamer_stage_create(sizeof *stage);
    *state = stage;
    streamer_stage_start(stage, NULL);
    return 0;
}

int streamer_stage_teardown(void **state)
{
    struct streamer_stage *stage = *state;
    int result = harness_destroy(stage->harness);
    redis_server_destroy(stage->redis);
    free(stage);
    return result;
}

void streamer_stage_start(struct streamer_stage *stage, const char *const *arguments)
{
    stage->streamer = streamer_stage_start_another(stage, "streamer", arguments);
}

struct program *streamer_stage_start_another(const struct streamer_stage *stage, const char *name,
                                             const char *const *arguments)
{
    struct program *streamer = daemon_start_streamer(stage->harness, name, stage->redis, arguments);
    streamer_stage_wait_until_ready(streamer);
    return streamer;
}

void streamer_stage_wait_until_ready(const struct program *streamer)
{
    struct deadline deadline = deadline_after(READY_MS, "the streamer to be ready");
    for (;;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/readyz");
        long status = answer.status;
        http_answer_free(&answer);
        if (status == 200)
            return;
        deadline_wait(&deadline);
    }
}

int streamer_stage_port(const struct streamer_stage *stage)
{
    return program_port(stage->streamer);
}

struct http_answer streamer_stage_get(const struct streamer_stage *stage, const char *path)
{
    return http_get_local(streamer_stage_port(stage), path);
}
