#include "tests/support/redis_cluster.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_cluster.h"
#include "tests/support/harness.h"
#include "tests/support/program.h"
#include "tests/support/redis_server.h"

enum {
    WORDS_MAX = 32,
    TEXT_SIZE = 64,
    ID_SIZE = 41,
    CREATE_MS = 60000,
    AGREE_MS = 90000,
    /* Of a GB that is moved. */
    MIGRATE_MS = 600000,
    MEANWHILE_MS = 20,
};

struct node {
    struct redis_server *server;
    int port;
    int bus_port;
    bool is_away;
    char id[ID_SIZE];
};

struct redis_cluster {
    struct harness *harness;
    struct node nodes[REDIS_CLUSTER_NODES];
};

static void start_node(struct redis_cluster *cluster, size_t number, const char *node_timeout_ms,
                       const char *const *overrides)
{
    struct node *node = &cluster->nodes[number];
    char name[TEXT_SIZE], port[TEXT_SIZE], bus_port[TEXT_SIZE];
    node->port = redis_server_find_port();
    node->bus_port = redis_server_find_port();
    (void)snprintf(name, sizeof name, "node-%zu", number);
    (void)snprintf(port, sizeof port, "%d", node->port);
    (void)snprintf(bus_port, sizeof bus_port, "%d", node->bus_port);
    const char *words[WORDS_MAX + 1] = { "--bind", "127.0.0.1", "--port", port, "--cluster-enabled",
                                         "yes", "--cluster-port", bus_port,
                                         "--cluster-node-timeout", node_timeout_ms,
                                         /* The slot of another deployment is none of ours. */
                                         "--cluster-require-full-coverage", "no",
                                         /* Three replicas are as many as there are masters. */
                                         "--cluster-allow-replica-migration", "no",
                                         "--repl-diskless-sync-delay", "0" };
    size_t count = 16;
    for (; overrides && *overrides; overrides++) {
        assert_true(count < WORDS_MAX);
        words[count++] = *overrides;
    }
    node->server = redis_server_start(cluster->harness, name, words);
}

static void create(struct redis_cluster *cluster)
{
    char places[REDIS_CLUSTER_NODES][TEXT_SIZE];
    const char *words[WORDS_MAX + 1] = { "redis-cli", "--cluster", "create" };
    size_t count = 3;
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        (void)snprintf(places[i], sizeof places[i], "127.0.0.1:%d", cluster->nodes[i].port);
        words[count++] = places[i];
    }
    words[count++] = "--cluster-replicas";
    words[count++] = "1";
    words[count] = "--cluster-yes";
    struct program *program = program_start(
        cluster->harness, &(struct program_options){ .name = "create", .arguments = words });
    if (program_wait(program, CREATE_MS) != 0) {
        char *output = program_output(program);
        fail_msg("%s", output);
    }
}

struct redis_cluster *redis_cluster_start(struct harness *harness, const char *node_timeout_ms,
                                          const char *const *overrides)
{
    struct redis_cluster *cluster = memory_allocate_zeroed(1, sizeof *cluster);
    cluster->harness = harness;
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++)
        start_node(cluster, i, node_timeout_ms, overrides);
    create(cluster);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        redisReply *id = redis_server_command(cluster->nodes[i].server, "CLUSTER MYID");
        (void)snprintf(cluster->nodes[i].id, ID_SIZE, "%s", id->str);
        freeReplyObject(id);
    }
    redis_cluster_wait_until_well(cluster);
    return cluster;
}

void redis_cluster_destroy(struct redis_cluster *cluster)
{
    for (size_t i = 0; cluster && i < REDIS_CLUSTER_NODES; i++)
        redis_server_destroy(cluster->nodes[i].server);
    free(cluster);
}

struct redis_server *redis_cluster_server(const struct redis_cluster *cluster, size_t node)
{
    return cluster->nodes[node].server;
}

int redis_cluster_port(const struct redis_cluster *cluster, size_t node)
{
    return cluster->nodes[node].port;
}

void redis_cluster_kill(struct redis_cluster *cluster, size_t node)
{
    cluster->nodes[node].is_away = true;
    redis_server_kill(cluster->nodes[node].server);
}

void redis_cluster_restart(struct redis_cluster *cluster, size_t node)
{
    redis_server_restart(cluster->nodes[node].server);
    cluster->nodes[node].is_away = false;
}

void redis_cluster_pause(struct redis_cluster *cluster, size_t node)
{
    cluster->nodes[node].is_away = true;
    program_signal(redis_server_program(cluster->nodes[node].server), SIGSTOP);
}

void redis_cluster_resume(struct redis_cluster *cluster, size_t node)
{
    program_signal(redis_server_program(cluster->nodes[node].server), SIGCONT);
    cluster->nodes[node].is_away = false;
}

static size_t find_node(const struct redis_cluster *cluster, int port)
{
    size_t number = 0;
    while (number < REDIS_CLUSTER_NODES && cluster->nodes[number].port != port)
        number++;
    return number;
}

/* As one node has it; one that loads what it held has nothing to say. */
static size_t ask_for_owner(struct redis_cluster *cluster, size_t node, const char *key)
{
    const struct redis_host asked = { .port = cluster->nodes[node].port };
    struct redis_host owner = { .port = 0 };
    redisReply *slots = redis_server_ask(cluster->nodes[node].server, "CLUSTER SLOTS");
    (void)redis_cluster_read_owner(&owner, slots, redis_cluster_slot(key), &asked);
    freeReplyObject(slots);
    return find_node(cluster, owner.port);
}

size_t redis_cluster_owner(struct redis_cluster *cluster, const char *key)
{
    size_t owner = REDIS_CLUSTER_NOBODY;
    bool is_first = true;
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        if (cluster->nodes[i].is_away)
            continue;
        size_t said = ask_for_owner(cluster, i, key);
        if (!is_first && said != owner)
            return REDIS_CLUSTER_NOBODY;
        is_first = false;
        owner = said;
    }
    return owner;
}

size_t redis_cluster_wait_for_owner(struct redis_cluster *cluster, const char *key, size_t former)
{
    struct deadline deadline = deadline_after(AGREE_MS, "the cluster to agree on another owner");
    for (;;) {
        size_t owner = redis_cluster_owner(cluster, key);
        if (owner != REDIS_CLUSTER_NOBODY && owner != former && !cluster->nodes[owner].is_away)
            return owner;
        deadline_wait(&deadline);
    }
}

static bool info_says(struct node *node, const char *section, const char *text)
{
    redisReply *reply = redis_server_command(node->server, "INFO %s", section);
    bool has = reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);
    freeReplyObject(reply);
    return has;
}

static bool is_well(struct node *node)
{
    redisReply *reply = redis_server_ask(node->server, "CLUSTER INFO");
    bool serves = reply->type == REDIS_REPLY_STRING && strstr(reply->str, "cluster_state:ok");
    freeReplyObject(reply);
    return serves && (info_says(node, "replication", "role:master") ||
                      info_says(node, "replication", "master_link_status:up"));
}

void redis_cluster_wait_until_well(struct redis_cluster *cluster)
{
    struct deadline deadline = deadline_after(AGREE_MS, "the cluster to be well");
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++)
        while (!cluster->nodes[i].is_away && !is_well(&cluster->nodes[i]))
            deadline_wait(&deadline);
}

/* The number behind the first `name` in what INFO says of replication; 0 if it says nothing of it.
 */
static unsigned long long replication_number(struct node *node, const char *name)
{
    redisReply *reply = redis_server_command(node->server, "INFO replication");
    const char *found = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
    unsigned long long number = found ? strtoull(found + strlen(name), NULL, 10) : 0;
    freeReplyObject(reply);
    return number;
}

void redis_cluster_wait_until_copied(struct redis_cluster *cluster, size_t master)
{
    struct node *node = &cluster->nodes[master];
    unsigned long long wanted = replication_number(node, "master_repl_offset:");
    struct deadline deadline = deadline_after(AGREE_MS, "a replica to have what its master has");
    while (replication_number(node, ",offset=") < wanted)
        deadline_wait(&deadline);
}

size_t redis_cluster_another_master(struct redis_cluster *cluster, size_t owner)
{
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++)
        if (i != owner && !cluster->nodes[i].is_away &&
            info_says(&cluster->nodes[i], "replication", "role:master"))
            return i;
    fail_msg("no other master");
    return REDIS_CLUSTER_NOBODY;
}

size_t redis_cluster_replica_of(struct redis_cluster *cluster, size_t master)
{
    char port[TEXT_SIZE];
    (void)snprintf(port, sizeof port, "master_port:%d\r", cluster->nodes[master].port);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++)
        if (!cluster->nodes[i].is_away && info_says(&cluster->nodes[i], "replication", port))
            return i;
    fail_msg("node %zu has no replica", master);
    return REDIS_CLUSTER_NOBODY;
}

/* SETSLOT as redis-cli sends it: first to who gets the slot, then to who had it. */
static void set_slot(struct redis_cluster *cluster, size_t node, unsigned slot, const char *state,
                     size_t other)
{
    freeReplyObject(redis_server_command(cluster->nodes[node].server, "CLUSTER SETSLOT %d %s %s",
                                         (int)slot, state, cluster->nodes[other].id));
}

/* Sends the command and waits for its reply, for as long as it takes. */
static void wait_for_migrate(redisContext *connection, const char *key, int port,
                             void (*meanwhile)(void *context), void *context)
{
    redisReply *reply = NULL;
    int is_sent = 0;
    (void)redisAppendCommand(connection, "MIGRATE 127.0.0.1 %d %s 0 %d", port, key, MIGRATE_MS);
    while (!is_sent)
        assert_int_equal(redisBufferWrite(connection, &is_sent), REDIS_OK);
    struct pollfd readable = { .fd = connection->fd, .events = POLLIN };
    while (poll(&readable, 1, MEANWHILE_MS) == 0)
        if (meanwhile)
            meanwhile(context);
    assert_int_equal(redisGetReply(connection, (void **)&reply), REDIS_OK);
    if (reply->type != REDIS_REPLY_STATUS)
        fail_msg("MIGRATE %s: %s", key, reply->type == REDIS_REPLY_ERROR ? reply->str : "?");
    freeReplyObject(reply);
}

static unsigned long long move_key(const struct redis_cluster *cluster,
                                   const struct redis_cluster_move *move, const char *key,
                                   void (*meanwhile)(void *context), void *context)
{
    uint64_t start_ms = clock_monotonic_ms();
    redisContext *connection = redisConnect("127.0.0.1", cluster->nodes[move->from].port);
    assert_true(connection && !connection->err);
    wait_for_migrate(connection, key, cluster->nodes[move->to].port, meanwhile, context);
    redisFree(connection);
    return clock_monotonic_ms() - start_ms;
}

struct redis_cluster_move redis_cluster_move_keys(struct redis_cluster *cluster, const char *key,
                                                  size_t to, void (*meanwhile)(void *context),
                                                  void *context)
{
    struct redis_cluster_move move = { .slot = redis_cluster_slot(key), .to = to };
    move.from = redis_cluster_wait_for_owner(cluster, key, to);
    set_slot(cluster, to, move.slot, "IMPORTING", move.from);
    set_slot(cluster, move.from, move.slot, "MIGRATING", to);
    for (size_t count = 1; count;) {
        redisReply *keys = redis_server_command(cluster->nodes[move.from].server,
                                                "CLUSTER GETKEYSINSLOT %d 10", (int)move.slot);
        count = keys->elements;
        for (size_t i = 0; i < count; i++) {
            if (meanwhile)
                meanwhile(context);
            unsigned long long ms =
                move_key(cluster, &move, keys->element[i]->str, meanwhile, context);
            move.longest_ms = ms > move.longest_ms ? ms : move.longest_ms;
        }
        freeReplyObject(keys);
    }
    return move;
}

void redis_cluster_end_move(struct redis_cluster *cluster, const struct redis_cluster_move *move,
                            const char *key)
{
    set_slot(cluster, move->to, move->slot, "NODE", move->to);
    set_slot(cluster, move->from, move->slot, "NODE", move->to);
    (void)redis_cluster_wait_for_owner(cluster, key, move->from);
}
