/*
 * Redis Cluster: masters are killed and their replicas promoted, a node hangs, the slot with
 * everything in it is moved to and fro; two ingests and two streamers, one of which reads replicas,
 * go on through it all. In the end each entry is in the stream once, in order, and each client has
 * had each message once, in order.
 *
 * A replica is promoted by hand, so that no node has to be silent for long: on a busy machine any
 * may be. With CERTSTREAM_CLUSTER_TIMEOUT_MS (0) nodes that are silent for that long are replaced
 * by the others, as they would be. CERTSTREAM_CLUSTER_ROUNDS (1) is how often everything happens,
 * CERTSTREAM_ENTRIES (400) how many each log has at the beginning: tests/cluster.sh runs it at full
 * size and prints what it measures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/message/message_view.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/redis_server.h"
#include "tests/support/redis_users.h"
#include "tests/support/websocket_client.h"

enum {
    LOGS = 2,
    INGESTS = 2,
    STREAMERS = 2,
    LISTENERS_EACH = 2,
    LISTENERS = STREAMERS * LISTENERS_EACH,
    URL_SIZE = 256,
    NAME_SIZE = 256,
    WAIT_MS = 120000,
    BACKLOG_MS = 900000,
    /* Shorter than the nodes' patience: no failover follows. */
    HANG_MS = 700,
    /* For so long all keys are with one node and the slot is another's. */
    ON_THE_WAY_MS = 1000,
    LAST = 500,
};

#define STREAM CONTRACT_PREFIX ":stream"
/* Nobody is taken for dead. */
#define PATIENCE_MS "600000"

struct heard_log {
    char url[NAME_SIZE];
    uint64_t next;
};

/* Of each log it has to hear each entry once, from the first on. */
struct listener {
    struct websocket_client *client;
    struct heard_log logs[LOGS];
    size_t log_count;
    uint64_t heard;
    uint64_t last_ms;
    uint64_t longest_ms; /* between two messages */
};

struct parts {
    struct ingest_stage stage; /* without its Redis */
    struct redis_cluster *cluster;
    struct program *streamers[STREAMERS];
    struct listener listeners[LISTENERS];
    uint64_t timeout_ms; /* 0: replicas are promoted by hand */
    uint64_t watched_ms; /* since then the longest silences count */
};

static uint64_t entries_at_first(void)
{
    return harness_setting("CERTSTREAM_ENTRIES", 400);
}

/* The first node of the address is one that nobody has started. */
static void write_url(const struct parts *parts, char *url, const char *user, const char *query)
{
    (void)snprintf(url, URL_SIZE, "cluster://%s:secret@127.0.0.1:%d,localhost:%d,127.0.0.1:%d/%s",
                   user, redis_server_find_port(), redis_cluster_port(parts->cluster, 1),
                   redis_cluster_port(parts->cluster, 5), query);
}

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create_without_redis(sizeof *parts);
    *state = parts;
    /* What RESTORE takes at once: a stream of a GB is one key. */
    char users[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, users, "users.acl");
    redis_users_write(users);
    const char *const overrides[] = { "--aclfile",
                                      users,
                                      "--proto-max-bulk-len",
                                      "4gb",
                                      "--client-query-buffer-limit",
                                      "8gb",
                                      "--maxmemory",
                                      "4gb",
                                      "--client-output-buffer-limit",
                                      "replica 4gb 4gb 60",
                                      NULL };
    char timeout[24], size[24];
    parts->timeout_ms = harness_setting("CERTSTREAM_CLUSTER_TIMEOUT_MS", 0);
    (void)snprintf(timeout, sizeof timeout, "%llu", (unsigned long long)parts->timeout_ms);
    parts->cluster = redis_cluster_start(parts->stage.harness,
                                         parts->timeout_ms ? timeout : PATIENCE_MS, overrides);
    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)entries_at_first());
    const char *const ct_log[] = { "--size", size, "--seed", "cluster", "--rate", "40", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    for (size_t i = 0; i < LISTENERS; i++)
        websocket_client_destroy(parts->listeners[i].client);
    redis_cluster_destroy(parts->cluster);
    return ingest_stage_teardown(state);
}

static struct heard_log *find_log(struct listener *listener, struct bytes url)
{
    for (size_t i = 0; i < listener->log_count; i++)
        if (bytes_equal_string(url, listener->logs[i].url))
            return &listener->logs[i];
    assert_true(listener->log_count < LOGS && url.size < NAME_SIZE);
    struct heard_log *log = &listener->logs[listener->log_count++];
    memcpy(log->url, url.data, url.size);
    return log;
}

static void hear(struct listener *listener, const struct parts *parts, struct bytes text)
{
    struct message_source_view source;
    static const char member[] = "\"cert_index\":";
    const char *index = memmem(text.data, text.size, member, sizeof member - 1);
    if (!index) {
        fail_msg("a message that is no certificate: %.*s", (int)text.size, (const char *)text.data);
        return;
    }
    assert_true(message_view_source(text, &source));
    struct heard_log *log = find_log(listener, source.url);
    uint64_t number = strtoull(index + sizeof member - 1, NULL, 10);
    if (number != log->next)
        fail_msg("%s: %llu comes where %llu has to", log->url, (unsigned long long)number,
                 (unsigned long long)log->next);
    log->next++;
    listener->heard++;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t since_ms =
        listener->last_ms > parts->watched_ms ? listener->last_ms : parts->watched_ms;
    if (now_ms - since_ms > listener->longest_ms)
        listener->longest_ms = now_ms - since_ms;
    listener->last_ms = now_ms;
}

static bool is_heartbeat(struct bytes text)
{
    static const char heartbeat[] = "\"message_type\":\"heartbeat\"";
    return memmem(text.data, text.size, heartbeat, sizeof heartbeat - 1) != NULL;
}

static void listen_to(struct listener *listener, const struct parts *parts)
{
    struct websocket_frame frame;
    bool is_open = websocket_client_receive(listener->client);
    enum websocket_result result;
    while ((result = websocket_client_next(listener->client, &frame)) == WEBSOCKET_FRAME) {
        if (frame.opcode == WEBSOCKET_TEXT && !is_heartbeat(frame.payload))
            hear(listener, parts, frame.payload);
        else if (frame.opcode == WEBSOCKET_PING)
            websocket_client_send(listener->client, WEBSOCKET_PONG, frame.payload);
    }
    assert_true(is_open && result == WEBSOCKET_NOTHING);
}

static void listen_to_all(struct parts *parts)
{
    for (size_t i = 0; i < LISTENERS; i++)
        listen_to(&parts->listeners[i], parts);
}

/* Waits until each listener has heard something that is newer than this moment. */
static void wait_for_flow(struct parts *parts)
{
    uint64_t start_ms = clock_monotonic_ms();
    struct deadline deadline = deadline_after(WAIT_MS, "certificates to come again");
    for (size_t i = 0; i < LISTENERS; i++)
        while (parts->listeners[i].last_ms <= start_ms) {
            deadline_wait(&deadline);
            listen_to_all(parts);
        }
}

static void begin_watch(struct parts *parts)
{
    listen_to_all(parts);
    parts->watched_ms = clock_monotonic_ms();
    for (size_t i = 0; i < LISTENERS; i++)
        parts->listeners[i].longest_ms = 0;
}

static void end_watch(struct parts *parts, const char *what)
{
    uint64_t longest_ms = 0;
    wait_for_flow(parts);
    for (size_t i = 0; i < LISTENERS; i++)
        if (parts->listeners[i].longest_ms > longest_ms)
            longest_ms = parts->listeners[i].longest_ms;
    print_message("%s: %.1f s without certificates\n", what, (double)longest_ms / 1000);
}

/* The dead master's replica, if it does not do that by itself. */
static void promote(struct parts *parts, size_t master)
{
    if (!parts->timeout_ms)
        freeReplyObject(redis_server_command(
            redis_cluster_server(parts->cluster, redis_cluster_replica_of(parts->cluster, master)),
            "CLUSTER FAILOVER TAKEOVER"));
}

static size_t wait_for_other_owner(struct parts *parts, size_t former)
{
    struct deadline deadline = deadline_after(WAIT_MS, "a replica to be promoted");
    for (;;) {
        size_t owner = redis_cluster_owner(parts->cluster, STREAM);
        if (owner != REDIS_CLUSTER_NOBODY && owner != former)
            return owner;
        listen_to_all(parts);
        deadline_wait(&deadline);
    }
}

static size_t owner_of(struct parts *parts)
{
    return redis_cluster_wait_for_owner(parts->cluster, STREAM, REDIS_CLUSTER_NOBODY);
}

static void kill_the_master(struct parts *parts)
{
    size_t owner = owner_of(parts);
    begin_watch(parts);
    redis_cluster_kill(parts->cluster, owner);
    promote(parts, owner);
    (void)wait_for_other_owner(parts, owner);
    end_watch(parts, "the master is killed");
    redis_cluster_restart(parts->cluster, owner);
    redis_cluster_wait_until_well(parts->cluster);
}

static void hang_the_master(struct parts *parts)
{
    size_t owner = owner_of(parts);
    begin_watch(parts);
    redis_cluster_pause(parts->cluster, owner);
    harness_pause(HANG_MS);
    redis_cluster_resume(parts->cluster, owner);
    end_watch(parts, "the master hangs");
}

static void hang_the_master_for_long(struct parts *parts)
{
    size_t owner = owner_of(parts);
    begin_watch(parts);
    redis_cluster_pause(parts->cluster, owner);
    promote(parts, owner);
    (void)wait_for_other_owner(parts, owner);
    end_watch(parts, "the master hangs until its replica is promoted");
    redis_cluster_resume(parts->cluster, owner);
    redis_cluster_wait_until_well(parts->cluster);
}

static void listen_meanwhile(void *context)
{
    listen_to_all(context);
    harness_pause(1);
}

/* Whoever cannot see the stream has nothing to say of it: not that it were empty. A client that
 * comes now is told so, or gets it all. */
static void expect_no_empty_stream(struct parts *parts)
{
    for (size_t i = 0; i < STREAMERS; i++) {
        struct http_answer answer =
            http_get_local(program_port(parts->streamers[i]), "/latest.json");
        if (answer.status == 200 && !strstr(http_answer_text(&answer), "certificate_update"))
            fail_msg("%s", http_answer_text(&answer));
        http_answer_free(&answer);
    }
}

static void stay_on_the_way(struct parts *parts)
{
    for (uint64_t end_ms = clock_monotonic_ms() + ON_THE_WAY_MS; clock_monotonic_ms() < end_ms;) {
        expect_no_empty_stream(parts);
        listen_meanwhile(parts);
    }
}

static void move_the_slot(struct parts *parts)
{
    size_t from = owner_of(parts), to = redis_cluster_another_master(parts->cluster, from);
    begin_watch(parts);
    struct redis_cluster_move move =
        redis_cluster_move_keys(parts->cluster, STREAM, to, listen_meanwhile, parts);
    stay_on_the_way(parts);
    redis_cluster_end_move(parts->cluster, &move, STREAM);
    end_watch(parts, "the slot is moved");
    print_message(
        "the stream, of %lld entries and %lld MB, blocked two nodes for %.1f s\n",
        redis_server_integer(redis_cluster_server(parts->cluster, to), "XLEN " STREAM),
        redis_server_integer(redis_cluster_server(parts->cluster, to), "MEMORY USAGE " STREAM) >>
            20,
        (double)move.longest_ms / 1000);
    /* And back. */
    redis_cluster_wait_until_well(parts->cluster);
    move = redis_cluster_move_keys(parts->cluster, STREAM, from, listen_meanwhile, parts);
    redis_cluster_end_move(parts->cluster, &move, STREAM);
    wait_for_flow(parts);
}

static void start_daemons(struct parts *parts)
{
    static const char *const ingests[INGESTS] = { "ingest-a", "ingest-b" };
    static const char *const streamers[STREAMERS] = { "of-master", "of-replica" };
    static const char *const paths[LISTENERS_EACH] = { "/", "/full-stream" };
    /* This test is their clients, and does not listen while it waits for a node. */
    static const char *const patience[] = { "--slow-timeout", "30m", "--ping-timeout", "30m",
                                            NULL };
    static const char *const words[] = { "--start", "0", "--retain-entries", "0", NULL };
    char url[URL_SIZE];
    for (size_t i = 0; i < STREAMERS; i++) {
        write_url(parts, url, "streamer", i ? "?role=replica" : "");
        parts->streamers[i] =
            daemon_start_streamer_at(parts->stage.harness, streamers[i], url, patience);
        streamer_stage_wait_until_ready(parts->streamers[i]);
        for (size_t j = 0; j < LISTENERS_EACH; j++)
            parts->listeners[LISTENERS_EACH * i + j].client =
                websocket_client_connect(program_port(parts->streamers[i]), paths[j]);
    }
    for (size_t i = 0; i < INGESTS; i++) {
        write_url(parts, url, "ingest", "");
        (void)daemon_start_ingest_at(parts->stage.harness, ingests[i], url, parts->stage.ct_log,
                                     words);
    }
}

/* The command's own way to Redis. */
static void expect_status(struct parts *parts)
{
    static const char command[] = CERTSTREAM_SOURCE "/certstream";
    char url[URL_SIZE];
    write_url(parts, url, "streamer", "");
    const char *const words[] = { command, "status", "--redis",
                                  url,     "--var",  parts->stage.harness->folder,
                                  NULL };
    struct program *status = program_start(
        parts->stage.harness, &(struct program_options){ .name = "status", .arguments = words });
    /* 1: a log is behind, as it may be after that. */
    assert_in_range(program_wait(status, WAIT_MS), 0, 1);
    char *output = program_output(status);
    if (!strstr(output, "certificates"))
        fail_msg("%s", output);
    free(output);
}

static uint64_t end_growth(struct parts *parts)
{
    daemon_control_ct_log(parts->stage.ct_log, "rate=0");
    struct http_answer answer = http_get_local(program_port(parts->stage.ct_log), "/control");
    const char *text = strstr(http_answer_text(&answer), "\"size\":");
    assert_non_null(text);
    uint64_t size = strtoull(text + strlen("\"size\":"), NULL, 10) + LAST;
    http_answer_free(&answer);
    char query[64];
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)size);
    daemon_control_ct_log(parts->stage.ct_log, query);
    return size;
}

static void expect_all(struct parts *parts, uint64_t size)
{
    unsigned long long all = LOGS * size;
    struct deadline deadline = deadline_after(WAIT_MS, "every client to have every message");
    for (size_t i = 0; i < LISTENERS; i++)
        while (parts->listeners[i].heard < all) {
            if (deadline_has_passed(&deadline))
                print_error("listener %zu: %llu of %llu\n", i,
                            (unsigned long long)parts->listeners[i].heard, all);
            deadline_wait(&deadline);
            listen_to_all(parts);
        }
    struct stream_check check = { 0 };
    stream_check_expect(&check, redis_cluster_server(parts->cluster, owner_of(parts)), LOGS, 0,
                        size);
}

static double node_cpu_seconds(const struct parts *parts, size_t node)
{
    return program_cpu_seconds(redis_server_program(redis_cluster_server(parts->cluster, node)));
}

/* What the backlog has cost the node that got it, and its replica. */
static void print_cpu(struct parts *parts)
{
    size_t owner = owner_of(parts), replica = redis_cluster_replica_of(parts->cluster, owner);
    double entries = LOGS * (double)entries_at_first();
    print_message(
        "%.1f us of CPU per entry of the master, %.1f of its replica; each has a streamer\n",
        1e6 * node_cpu_seconds(parts, owner) / entries,
        1e6 * node_cpu_seconds(parts, replica) / entries);
}

static void each_entry_and_each_message_once(void **state)
{
    struct parts *parts = *state;
    uint64_t rounds = harness_setting("CERTSTREAM_CLUSTER_ROUNDS", 1);
    start_daemons(parts);
    struct deadline deadline = deadline_after(BACKLOG_MS, "the backlog");
    for (size_t i = 0; i < LISTENERS; i++)
        while (parts->listeners[i].heard < LOGS * entries_at_first()) {
            listen_to_all(parts);
            deadline_wait(&deadline);
        }
    print_cpu(parts);
    for (uint64_t round = 0; round < rounds; round++) {
        /* First, as long as there is a replica to be read. */
        move_the_slot(parts);
        kill_the_master(parts);
        hang_the_master(parts);
        if (parts->timeout_ms)
            hang_the_master_for_long(parts);
    }
    expect_status(parts);
    expect_all(parts, end_growth(parts));
}

/* The second of two shards. */
static void read_second_prefix(struct parts *parts, char *prefix)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the record of the shards");
    for (;;) {
        redisReply *reply =
            redis_server_command(redis_cluster_server(parts->cluster, owner_of(parts)),
                                 "HGET " CONTRACT_PREFIX ":deployment prefix:1");
        bool is_there = reply->type == REDIS_REPLY_STRING;
        if (is_there)
            (void)snprintf(prefix, CONTRACT_PREFIX_MAX + 1, "%s", reply->str);
        freeReplyObject(reply);
        if (is_there)
            return;
        deadline_wait(&deadline);
    }
}

static void wait_for_shard(struct parts *parts, const char *stream, long long length)
{
    size_t owner = redis_cluster_wait_for_owner(parts->cluster, stream, REDIS_CLUSTER_NOBODY);
    struct deadline deadline = deadline_after(WAIT_MS, stream);
    while (redis_server_integer(redis_cluster_server(parts->cluster, owner), "XLEN %s", stream) <
           length)
        deadline_wait(&deadline);
}

/* Two shards lie with two masters. While one of these is dead the other's goes on. */
static void shards_lie_with_several_nodes(void **state)
{
    static const char *const words[] = { "--start", "0", "--retain-entries", "0", "--shards",
                                         "2",       NULL };
    struct parts *parts = *state;
    char url[URL_SIZE], prefix[CONTRACT_PREFIX_MAX + 1], stream[CONTRACT_KEY_SIZE];
    /* Nobody is to be promoted before the test says so. */
    if (parts->timeout_ms)
        skip();
    write_url(parts, url, "ingest", "");
    for (size_t i = 0; i < INGESTS; i++)
        (void)daemon_start_ingest_at(parts->stage.harness, i ? "ingest-b" : "ingest-a", url,
                                     parts->stage.ct_log, words);
    read_second_prefix(parts, prefix);
    (void)snprintf(stream, sizeof stream, "%s:stream", prefix);
    long long first = (long long)entries_at_first();
    wait_for_shard(parts, STREAM, first);
    wait_for_shard(parts, stream, first);
    size_t owner = redis_cluster_wait_for_owner(parts->cluster, stream, REDIS_CLUSTER_NOBODY);
    struct redis_server *other = redis_cluster_server(parts->cluster, owner_of(parts));
    assert_int_not_equal(owner, owner_of(parts));
    redis_cluster_wait_until_copied(parts->cluster, owner);
    redis_cluster_kill(parts->cluster, owner);
    wait_for_shard(parts, STREAM, redis_server_integer(other, "XLEN " STREAM) + LAST / 5);
    promote(parts, owner);
    (void)redis_cluster_wait_for_owner(parts->cluster, stream, owner);
    redis_cluster_restart(parts->cluster, owner);
    redis_cluster_wait_until_well(parts->cluster);
    uint64_t size = end_growth(parts);
    struct stream_check checks[] = { { .prefix = CONTRACT_PREFIX }, { .prefix = prefix } };
    const char *const streams[] = { STREAM, stream };
    for (size_t i = 0; i < 2; i++)
        stream_check_expect(&checks[i],
                            redis_cluster_server(parts->cluster, redis_cluster_wait_for_owner(
                                                                     parts->cluster, streams[i],
                                                                     REDIS_CLUSTER_NOBODY)),
                            1, 0, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_entry_and_each_message_once, setup, teardown),
        cmocka_unit_test_setup_teardown(shards_lie_with_several_nodes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
