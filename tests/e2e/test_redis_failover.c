/*
 * Redis fails over to a replica that lacks what the master had last: ingest and streamer find it,
 * ingest reads the positions anew, and in the end every entry is there once, as if nothing had
 * been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    LOGS = 2,
    SIZE = 400,
    LACKING = 300,
    SERVERS = 2,
    SENTINELS = 3,
    URL_SIZE = 256,
    FAILOVER_MS = 90000,
    QUIET_MS = 2000,
    /* Of both logs: heads every second, and retries. */
    REQUESTS_MAX = 12 * QUIET_MS / 1000,
};

#define STREAM CONTRACT_PREFIX ":stream"

struct parts {
    struct harness *harness;
    struct program *ct_log;
    struct redis_server *servers[SERVERS];
    int ports[SERVERS];
    struct program *sentinels[SENTINELS];
    int sentinel_ports[SENTINELS];
    struct program *streamer;
    struct stream_check check;
};

static struct redis_server *start_server(struct harness *harness, const char *name, int port,
                                         int master_port)
{
    char text[16], master_text[16];
    (void)snprintf(text, sizeof text, "%d", port);
    (void)snprintf(master_text, sizeof master_text, "%d", master_port);
    const char *const overrides[] = { "--port",
                                      text,
                                      "--bind",
                                      "127.0.0.1",
                                      "--repl-diskless-sync-delay",
                                      "0",
                                      master_port ? "--replicaof" : NULL,
                                      "127.0.0.1",
                                      master_text,
                                      NULL };
    return redis_server_start(harness, name, overrides);
}

/* The answer to a command of any server, over a connection of its own: those that stand are closed
 * when a server's role changes. Freed by the caller; NULL: it does not answer. */
static redisReply *ask(int port, const char *command)
{
    redisContext *connection = redisConnect("127.0.0.1", port);
    redisReply *reply = NULL;
    if (connection && !connection->err)
        reply = redisCommand(connection, command);
    if (connection)
        redisFree(connection);
    return reply;
}

static bool info_has(int port, const char *text)
{
    redisReply *reply = ask(port, "INFO replication");
    bool has = reply && reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);
    freeReplyObject(reply);
    return has;
}

static void wait_for_info(int port, const char *text)
{
    struct deadline deadline = deadline_after(FAILOVER_MS, text);
    while (!info_has(port, text))
        deadline_wait(&deadline);
}

static int setup(void **state)
{
    struct parts *parts = memory_allocate_zeroed(1, sizeof *parts);
    *state = parts;
    parts->harness = harness_create();
    for (size_t i = 0; i < SERVERS; i++)
        parts->ports[i] = redis_server_find_port();
    parts->servers[0] = start_server(parts->harness, "redis-a", parts->ports[0], 0);
    parts->servers[1] = start_server(parts->harness, "redis-b", parts->ports[1], parts->ports[0]);
    wait_for_info(parts->ports[1], "master_link_status:up");
    const char *const ct_log[] = { "--size", "400", "--seed", "failover", NULL };
    parts->ct_log = daemon_start_ct_log(parts->harness, "ct_log", ct_log);
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    int result = harness_destroy(parts->harness);
    for (size_t i = 0; i < SERVERS; i++)
        redis_server_destroy(parts->servers[i]);
    free(parts);
    return result;
}

static void start_sentinel(struct parts *parts, size_t number)
{
    char name[32], path[HARNESS_PATH_SIZE];
    (void)snprintf(name, sizeof name, "sentinel-%zu", number);
    (void)snprintf(path, sizeof path, "%s/%s.conf", parts->harness->folder, name);
    parts->sentinel_ports[number] = redis_server_find_port();
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fprintf(
        file,
        "port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor main 127.0.0.1 %d 2\n"
        "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 4000\n",
        parts->sentinel_ports[number], parts->harness->folder, parts->ports[0]);
    assert_int_equal(fclose(file), 0);
    const char *const words[] = { "redis-server", path, "--sentinel", NULL };
    parts->sentinels[number] =
        program_start(parts->harness, &(struct program_options){ name, .arguments = words });
}

/* Whether it knows the replica and the other sentinels, as a failover needs. */
static bool knows_all(const struct parts *parts, size_t number)
{
    redisReply *reply = ask(parts->sentinel_ports[number], "SENTINEL CKQUORUM main");
    redisReply *replicas = ask(parts->sentinel_ports[number], "SENTINEL REPLICAS main");
    redisReply *others = ask(parts->sentinel_ports[number], "SENTINEL SENTINELS main");
    bool knows = reply && reply->type == REDIS_REPLY_STATUS && replicas &&
                 replicas->elements == 1 && others && others->elements == SENTINELS - 1;
    freeReplyObject(reply);
    freeReplyObject(replicas);
    freeReplyObject(others);
    return knows;
}

/* Whether it has seen that its only replica is one. */
static bool sees_a_replica(const struct parts *parts, size_t number)
{
    redisReply *replicas = ask(parts->sentinel_ports[number], "SENTINEL REPLICAS main");
    bool sees = false;
    if (replicas && replicas->type == REDIS_REPLY_ARRAY && replicas->elements == 1) {
        const redisReply *fields = replicas->element[0];
        for (size_t i = 0; i + 1 < fields->elements; i += 2)
            if (strcmp(fields->element[i]->str, "role-reported") == 0)
                sees = strcmp(fields->element[i + 1]->str, "slave") == 0;
    }
    freeReplyObject(replicas);
    return sees;
}

static void start_sentinels(struct parts *parts)
{
    for (size_t i = 0; i < SENTINELS; i++)
        start_sentinel(parts, i);
    struct deadline deadline = deadline_after(FAILOVER_MS, "sentinels to find each other");
    for (size_t i = 0; i < SENTINELS; i++)
        while (!knows_all(parts, i))
            deadline_wait(&deadline);
}

/* The first sentinel of the address is one that nobody has started. */
static void write_url(const struct parts *parts, char *url, const char *query)
{
    (void)snprintf(url, URL_SIZE, "sentinel://127.0.0.1:%d,localhost:%d,127.0.0.1:%d/main%s",
                   redis_server_find_port(), parts->sentinel_ports[0], parts->sentinel_ports[1],
                   query);
}

static void start_ingest(struct parts *parts, const char *url)
{
    const char *const arguments[] = { "--start", "0", "--retain-entries", "0", NULL };
    (void)daemon_start_ingest_at(parts->harness, "ingest", url, parts->ct_log, arguments);
}

static void publish(const struct parts *parts, uint64_t size)
{
    char query[64];
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)size);
    daemon_control_ct_log(parts->ct_log, query);
}

static void wait_for_length(struct redis_server *server, int length)
{
    struct deadline deadline = deadline_after(FAILOVER_MS, "the stream to grow");
    while (redis_server_integer(server, "XLEN " STREAM) < length)
        deadline_wait(&deadline);
}

/* From now on the replica hears nothing: what its master gets next is what it will lack. */
static void cut_replication(struct parts *parts)
{
    freeReplyObject(redis_server_command(parts->servers[0], "ACL SETUSER default -psync -sync"));
    freeReplyObject(redis_server_command(parts->servers[0], "CLIENT KILL TYPE replica"));
    wait_for_info(parts->ports[1], "master_link_status:down");
}

static void lose_the_last_entries(struct parts *parts)
{
    struct stream_check before = { 0 };
    stream_check_expect(&before, parts->servers[0], LOGS, 0, SIZE);
    wait_for_length(parts->servers[1], LOGS * SIZE);
    cut_replication(parts);
    publish(parts, SIZE + LACKING);
    wait_for_length(parts->servers[0], LOGS * (SIZE + LACKING));
    assert_int_equal(redis_server_integer(parts->servers[1], "XLEN " STREAM), LOGS * SIZE);
    redis_server_kill(parts->servers[0]);
}

static void expect_quiet(const struct parts *parts, const char *when)
{
    unsigned long long before = daemon_count_requests(parts->ct_log);
    harness_pause(QUIET_MS);
    unsigned long long requests = daemon_count_requests(parts->ct_log) - before;
    print_message("%s: %.1f requests/s\n", when, (double)requests * 1000 / QUIET_MS);
    assert_true(requests <= REQUESTS_MAX);
}

static void wait_until_ready(const struct parts *parts)
{
    struct deadline deadline = deadline_after(FAILOVER_MS, "the streamer to be ready");
    for (long status = 0; status != 200;) {
        struct http_answer answer = http_get_local(program_port(parts->streamer), "/readyz");
        status = answer.status;
        http_answer_free(&answer);
        if (status != 200)
            deadline_wait(&deadline);
    }
}

/* The command's own way to Redis. */
static void expect_status(struct parts *parts, const char *name, const char *url)
{
    static const char command[] = CERTSTREAM_SOURCE "/certstream";
    const char *const words[] = { command, "status", "--redis",
                                  url,     "--var",  parts->harness->folder,
                                  NULL };
    struct program *status = program_start(
        parts->harness, &(struct program_options){ .name = name, .arguments = words });
    /* 1: a log is behind, as it may be after that. */
    assert_in_range(program_wait(status, FAILOVER_MS), 0, 1);
    char *output = program_output(status);
    if (!strstr(output, "certificates"))
        fail_msg("%s", output);
    free(output);
}

/* Each sentinel makes a replica of a master that came back, by what INFO told it last: one that has
 * not heard yet that another did so would undo the promotion. */
static void fail_over_by_hand(const struct parts *parts)
{
    struct deadline deadline = deadline_after(FAILOVER_MS, "sentinels to see the replica");
    for (size_t i = 0; i < SENTINELS; i++)
        while (!sees_a_replica(parts, i))
            deadline_wait(&deadline);
    deadline = deadline_after(FAILOVER_MS, "a failover by hand");
    for (bool agreed = false; !agreed;) {
        redisReply *reply = ask(parts->sentinel_ports[0], "SENTINEL FAILOVER main");
        agreed = reply && reply->type == REDIS_REPLY_STATUS;
        freeReplyObject(reply);
        if (!agreed)
            deadline_wait(&deadline);
    }
}

static void sentinels_fail_over_to_a_replica_that_lacks_entries(void **state)
{
    struct parts *parts = *state;
    char url[URL_SIZE];
    start_sentinels(parts);
    write_url(parts, url, "?role=replica");
    parts->streamer = daemon_start_streamer_at(parts->harness, "streamer", url, NULL);
    write_url(parts, url, "");
    start_ingest(parts, url);
    wait_until_ready(parts);
    lose_the_last_entries(parts);
    uint64_t start_ms = clock_monotonic_ms();
    wait_for_info(parts->ports[1], "role:master");
    print_message("promoted after %llu ms\n",
                  (unsigned long long)(clock_monotonic_ms() - start_ms));
    stream_check_expect(&parts->check, parts->servers[1], LOGS, 0, SIZE + LACKING);
    print_message("complete after %llu ms\n",
                  (unsigned long long)(clock_monotonic_ms() - start_ms));
    wait_until_ready(parts);
    expect_status(parts, "status", url);

    /* The old master comes back, is made a replica, and then the master again, which takes nothing
     * away. */
    redis_server_restart(parts->servers[0]);
    wait_for_info(parts->ports[0], "role:slave");
    wait_for_info(parts->ports[0], "master_link_status:up");
    fail_over_by_hand(parts);
    /* In the order in which it happens; in the end all sentinels agree. */
    wait_for_info(parts->ports[0], "role:master");
    wait_for_info(parts->ports[1], "role:slave");
    wait_for_info(parts->ports[1], "master_link_status:up");
    wait_for_info(parts->ports[0], "role:master");
    publish(parts, SIZE + 2 * LACKING);
    struct stream_check again = { 0 };
    stream_check_expect(&again, parts->servers[0], LOGS, 0, SIZE + 2 * LACKING);
    wait_until_ready(parts);
}

/* Without sentinels, as with an address that moves: what stands there is first nothing, then a
 * replica, then the master. */
static void a_replica_takes_the_masters_place(void **state)
{
    struct parts *parts = *state;
    char url[URL_SIZE];
    (void)snprintf(url, sizeof url, "redis://localhost:%d", parts->ports[0]);
    start_ingest(parts, url);
    lose_the_last_entries(parts);
    freeReplyObject(redis_server_command(parts->servers[1], "REPLICAOF NO ONE"));
    expect_quiet(parts, "Redis is gone");

    redis_server_destroy(parts->servers[0]);
    parts->servers[0] = start_server(parts->harness, "redis-c", parts->ports[0], parts->ports[1]);
    wait_for_info(parts->ports[0], "master_link_status:up");
    expect_quiet(parts, "a replica is there");
    assert_int_equal(redis_server_integer(parts->servers[0], "XLEN " STREAM), LOGS * SIZE);
    freeReplyObject(redis_server_command(parts->servers[0], "REPLICAOF NO ONE"));
    stream_check_expect(&parts->check, parts->servers[0], LOGS, 0, SIZE + LACKING);

    /* A master that becomes a replica under a connection that stays. */
    freeReplyObject(
        redis_server_command(parts->servers[0], "REPLICAOF 127.0.0.1 %d", parts->ports[1]));
    publish(parts, SIZE + 2 * LACKING);
    wait_for_length(parts->servers[0], LOGS * SIZE);
    expect_quiet(parts, "the master has become a replica");
    freeReplyObject(redis_server_command(parts->servers[0], "REPLICAOF NO ONE"));
    struct stream_check again = { 0 };
    stream_check_expect(&again, parts->servers[0], LOGS, 0, SIZE + 2 * LACKING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sentinels_fail_over_to_a_replica_that_lacks_entries, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_replica_takes_the_masters_place, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
