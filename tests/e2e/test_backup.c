/* A backup is taken while ingest writes, Redis is lost, and the backup is put in its place as
 * shared/deploy/OPERATING.md has it: entries and positions come back together, and what the logs
 * had since is read again, each entry once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    WAIT_MS = 30000,
    LOGS = 2,
    BEFORE = 400,
    AFTER = 900,
};

static int setup(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    ingest_stage_start_ct_log(stage, (const char *const[]){ "--size", "400", NULL });
    ingest_stage_start(stage, (const char *const[]){ "--start", "0", "--poll", "1", NULL });
    *state = stage;
    return 0;
}

static void run(const struct ingest_stage *stage, const char *name, const char *const *arguments)
{
    struct program *program = program_start(
        stage->harness, &(struct program_options){ .name = name, .arguments = arguments });
    assert_int_equal(program_wait(program, WAIT_MS), 0);
}

static void what_was_backed_up_goes_on_where_it_was(void **state)
{
    struct ingest_stage *stage = *state;
    char backup[HARNESS_PATH_SIZE], folder[HARNESS_PATH_SIZE];
    harness_path(stage->harness, backup, "backup.rdb");
    harness_path(stage->harness, folder, "restored.data/appendonlydir");
    struct stream_check check = { 0 };
    stream_check_expect(&check, stage->redis, LOGS, 0, BEFORE);
    daemon_control_ct_log(stage->ct_log, "size=900");
    run(stage, "redis-cli",
        (const char *const[]){ "redis-cli", "-s",
                               redis_server_url(stage->redis) + sizeof "unix://" - 1, "--rdb",
                               backup, NULL });
    stream_check_expect(&check, stage->redis, LOGS, 0, AFTER);
    assert_int_equal(program_stop(stage->ingest), 0);
    redis_server_kill(stage->redis);
    redis_server_destroy(stage->redis);

    run(stage, "restore",
        (const char *const[]){ "sh", "-euc",
                               ("mkdir -p \"$1\"; cp \"$2\" \"$1/appendonly.aof.1.base.rdb\"; echo "
                                "'file appendonly.aof.1.base.rdb seq 1 type b' "
                                ">\"$1/appendonly.aof.manifest\""),
                               "restore", folder, backup, NULL });
    stage->redis = redis_server_start(stage->harness, "restored", NULL);
    struct stream_check again = { 0 };
    stream_check_read(&again, stage->redis);
    assert_true(again.entries >= (uint64_t)LOGS * BEFORE);
    stage->ingest = NULL;
    ingest_stage_start(stage, (const char *const[]){ "--poll", "1", "--instance", "after", NULL });
    stream_check_expect(&again, stage->redis, LOGS, 0, AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(what_was_backed_up_goes_on_where_it_was, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
