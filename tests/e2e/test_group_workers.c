/* The workers of redis/consumers, as users run them: each certificate is handled by one of the
 * group at least once, also what a worker took that died, and each is acknowledged in the end. What
 * is not on the machine is skipped, loudly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/stream_feed.h"
#include "tests/support/harness.h"
#include "tests/support/program.h"
#include "tests/support/redis_server.h"

enum {
    WAIT_MS = 60000,
    BUILD_MS = 120000,
    TAKEN = 10, /* by the worker that dies */
    BEFORE = 150,
    ALL = 300,
};

#define STREAM "{certstream}:stream"

static const char python_worker[] = CERTSTREAM_SOURCE "/redis/consumers/worker.py";
static const char c_worker[] = CERTSTREAM_SOURCE "/redis/consumers/worker.c";
static const char go_worker[] = CERTSTREAM_SOURCE "/redis/consumers/worker.go";
static const char node_worker[] = CERTSTREAM_SOURCE "/redis/consumers/worker.mjs";

struct parts {
    struct harness *harness;
    struct redis_server *redis;
    char url[64];
    char port[16];
    char environment[3][80];
};

static int setup(void **state)
{
    struct parts *parts = calloc(1, sizeof *parts);
    if (!parts)
        abort();
    parts->harness = harness_create();
    int port = redis_server_find_port();
    (void)snprintf(parts->port, sizeof parts->port, "%d", port);
    (void)snprintf(parts->environment[0], sizeof parts->environment[0],
                   "REDIS_URL=redis://127.0.0.1:%d", port);
    (void)snprintf(parts->environment[1], sizeof parts->environment[1], "REDIS_PORT=%d", port);
    (void)snprintf(parts->environment[2], sizeof parts->environment[2], "IDLE_MS=500");
    parts->redis = redis_server_start(
        parts->harness, "redis",
        (const char *const[]){ "--port", parts->port, "--bind", "127.0.0.1", NULL });
    *state = parts;
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    redis_server_destroy(parts->redis);
    int failed = harness_destroy(parts->harness);
    free(parts);
    return failed;
}

static struct program *start(struct parts *parts, const char *name, const char *const *arguments)
{
    const char *const environment[] = { parts->environment[0], parts->environment[1],
                                        parts->environment[2], NULL };
    return program_start(parts->harness, &(struct program_options){ .name = name,
                                                                    .arguments = arguments,
                                                                    .environment = environment });
}

/* The group is there, and one of its workers died with entries in its hands. */
static void leave_entries_behind(struct parts *parts, const char *group)
{
    stream_feed_add(parts->redis, 0, BEFORE, 0);
    freeReplyObject(redis_server_command(parts->redis, "XGROUP CREATE " STREAM " %s 0", group));
    freeReplyObject(redis_server_command(
        parts->redis, "XREADGROUP GROUP %s dead COUNT %d STREAMS " STREAM " >", group, TAKEN));
}

static void expect_acknowledged(struct parts *parts, const char *group)
{
    struct deadline deadline = deadline_after(WAIT_MS, "all entries to be acknowledged");
    for (bool is_done = false; !is_done;) {
        redisReply *groups = redis_server_command(parts->redis, "XINFO GROUPS " STREAM);
        redisReply *pending = redis_server_command(parts->redis, "XPENDING " STREAM " %s", group);
        const redisReply *fields = groups->element[0];
        const redisReply *lag = fields->element[fields->elements - 1];
        is_done = lag->type == REDIS_REPLY_INTEGER && lag->integer == 0 &&
                  pending->element[0]->integer == 0;
        freeReplyObject(groups);
        freeReplyObject(pending);
        if (!is_done)
            deadline_wait(&deadline);
    }
}

/* Every name has come, however often. */
static void expect_names(char *(*output)(const struct program *), const struct program *worker)
{
    char name[32];
    char *said = output(worker);
    for (unsigned i = 0; i < ALL; i++) {
        (void)snprintf(name, sizeof name, "%u.example", i);
        if (!strstr(said, name))
            fail_msg("%s was never handled", name);
    }
    free(said);
}

static void expect_worker(struct parts *parts, const char *const *arguments)
{
    leave_entries_behind(parts, "hunters");
    struct program *worker = start(parts, "worker", arguments);
    expect_acknowledged(parts, "hunters");
    program_kill(worker);
    stream_feed_add(parts->redis, BEFORE, ALL, 0);
    /* It died with these, and comes back under its name. */
    freeReplyObject(redis_server_command(
        parts->redis, "XREADGROUP GROUP hunters worker-1 COUNT %d STREAMS " STREAM " >", TAKEN));
    program_restart(worker);
    expect_acknowledged(parts, "hunters");
    expect_names(program_output, worker);
    program_kill(worker);
}

static void worker_in_python(void **state)
{
    harness_skip_unless("/usr/bin/python3 -c 'import redis'", "python3-redis");
    expect_worker(*state,
                  (const char *const[]){ "/usr/bin/python3", python_worker, "worker-1", NULL });
}

static void worker_in_c(void **state)
{
    struct parts *parts = *state;
    char path[HARNESS_PATH_SIZE];
    harness_path(parts->harness, path, "worker");
    struct program *compiler =
        start(parts, "cc",
              (const char *const[]){ "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path,
                                     c_worker, "-lhiredis", NULL });
    assert_int_equal(program_wait(compiler, BUILD_MS), 0);
    expect_worker(parts, (const char *const[]){ path, "worker-1", NULL });
}

/* Debian has the library as source, which is compiled as in a GOPATH. */
static void worker_in_go(void **state)
{
    struct parts *parts = *state;
    char path[HARNESS_PATH_SIZE];
    char cache[HARNESS_PATH_SIZE];
    char caches[HARNESS_PATH_SIZE + 16];
    harness_skip_unless("command -v go && test -d /usr/share/gocode/src/github.com/gomodule/redigo",
                        "go with golang-github-gomodule-redigo-dev");
    harness_path(parts->harness, path, "worker");
    harness_path(parts->harness, cache, "go-cache");
    (void)snprintf(caches, sizeof caches, "GOCACHE=%s", cache);
    struct program *compiler = program_start(
        parts->harness,
        &(struct program_options){
            .name = "go",
            .arguments = (const char *const[]){ "go", "build", "-o", path, go_worker, NULL },
            .environment = (const char *const[]){
                caches, "GO111MODULE=off", "GOPATH=/usr/share/gocode", "GOFLAGS=-p=2", NULL } });
    assert_int_equal(program_wait(compiler, BUILD_MS), 0);
    expect_worker(parts, (const char *const[]){ path, "worker-1", NULL });
}

static void worker_in_node(void **state)
{
    struct parts *parts = *state;
    char folder[HARNESS_PATH_SIZE];
    char source[HARNESS_PATH_SIZE];
    harness_skip_unless("command -v node && command -v npm", "node and npm");
    harness_path(parts->harness, folder, "node");
    harness_path(parts->harness, source, "node/worker.mjs");
    struct program *npm = start(parts, "npm",
                                (const char *const[]){ "npm", "install", "--no-audit", "--no-fund",
                                                       "--ignore-scripts", "--fetch-retries=0",
                                                       "--fetch-timeout=30000", "--prefix", folder,
                                                       "ioredis@6", NULL });
    if (program_wait(npm, BUILD_MS) != 0)
        harness_skip_without("npm registry");
    struct program *copy =
        start(parts, "cp", (const char *const[]){ "cp", node_worker, source, NULL });
    assert_int_equal(program_wait(copy, WAIT_MS), 0);
    expect_worker(parts, (const char *const[]){ "node", source, "worker-1", NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(worker_in_python, setup, teardown),
        cmocka_unit_test_setup_teardown(worker_in_c, setup, teardown),
        cmocka_unit_test_setup_teardown(worker_in_go, setup, teardown),
        cmocka_unit_test_setup_teardown(worker_in_node, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
