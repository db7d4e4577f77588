/*
 * A crash cuts the append-only file of Redis in the middle of a transaction. What the transaction
 * had begun must never come back, also not after it was repeated and Redis started once more:
 * entries would be there twice.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    ENTRIES = 4
};

static int setup(void **state)
{
    *state = harness_create();
    return 0;
}

static int teardown(void **state)
{
    return harness_destroy(*state);
}

static void append(struct redis_server *redis)
{
    freeReplyObject(redis_server_command(redis, "MULTI"));
    for (int i = 0; i < ENTRIES; i++)
        freeReplyObject(redis_server_command(redis, "XADD stream * index %d", i));
    freeReplyObject(redis_server_command(redis, "HSET log next %d", ENTRIES));
    freeReplyObject(redis_server_command(redis, "EXEC"));
}

static off_t file_size(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void a_torn_transaction_never_comes_back(void **state)
{
    struct harness *harness = *state;
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    char path[HARNESS_PATH_SIZE];
    harness_path(harness, path, "redis.data/appendonlydir/appendonly.aof.1.incr.aof");
    off_t before = file_size(path);
    append(redis);
    redis_server_kill(redis);

    off_t after = file_size(path);
    assert_true(after > before + 1);
    off_t cut = before + 1 + (off_t)harness_random(harness, (uint64_t)(after - before - 1));
    print_message("%lld of %lld bytes of the transaction are left\n", (long long)(cut - before),
                  (long long)(after - before));
    assert_int_equal(truncate(path, cut), 0);

    redis_server_restart(redis);
    assert_int_equal(redis_server_integer(redis, "XLEN stream"), 0);
    assert_int_equal(redis_server_integer(redis, "EXISTS log"), 0);
    append(redis);
    redis_server_kill(redis);
    redis_server_restart(redis);
    assert_int_equal(redis_server_integer(redis, "XLEN stream"), ENTRIES);
    redis_server_destroy(redis);
}

int main(void)
{
    enum {
        CUTS = 8
    };
    struct CMUnitTest tests[CUTS];
    for (size_t i = 0; i < CUTS; i++)
        tests[i] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
            a_torn_transaction_never_comes_back, setup, teardown);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
