/*
 * Clients that leave and come back, at random places of stream and packed history, while ingest
 * packs, is killed, the streamers and Redis are killed, Redis is full for a while, and a consumer
 * group waits for a worker that does not come: each gets each message once, in order, and is told
 * of what Redis dropped while it was full. CERTSTREAM_CLIENTS (20) and CERTSTREAM_ROUNDS (6) set
 * the size; tests/packed_churn.sh is the full one.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    STREAMERS = 2,
    FIRST_SIZE = 3000,
    STEP = 400,
    READ_MS = 1000,
    PROGRESS_MS = 120000,
    ID_SIZE = 64,
    /* One in so many that a client leaves when it has had some. */
    STAYS = 3,
};

#define STREAM CONTRACT_PREFIX ":stream"

struct churner {
    struct websocket_client *client;
    uint64_t next; /* the index that has to come */
    char last[ID_SIZE];
    bool is_uncounted; /* it was told of a gap, and not how much it is */
    uint64_t gaps;
};

struct parts {
    struct ingest_stage stage;
    struct program *streamers[STREAMERS];
    struct churner *churners;
    size_t churner_count;
    uint64_t size; /* of the log */
    uint64_t rounds;
    uint64_t full;   /* times that Redis was full */
    uint64_t blocks; /* the most there were */
};

static int setup(void **state)
{
    static const char *const ct_log[] = { "--size",  "3000",  "--seed", "packed churn",
                                          "--kinds", "tiled", NULL };
    static const char *const ingest[] = {
        "--start", "0", "--history", "on", "--plain-bytes", "1m", "--plain-age", "1h", NULL
    };
    static const char *const names[STREAMERS] = { "streamer-a", "streamer-b" };
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    parts->size = FIRST_SIZE;
    parts->rounds = harness_setting("CERTSTREAM_ROUNDS", 6);
    parts->churner_count = (size_t)harness_setting("CERTSTREAM_CLIENTS", 20);
    parts->churners = memory_allocate_zeroed(parts->churner_count, sizeof *parts->churners);
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    ingest_stage_start(&parts->stage, ingest);
    for (size_t i = 0; i < STREAMERS; i++)
        parts->streamers[i] =
            daemon_start_streamer(parts->stage.harness, names[i], parts->stage.redis, NULL);
    return 0;
}

static void leave(struct churner *churner)
{
    websocket_client_destroy(churner->client);
    churner->client = NULL;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    for (size_t i = 0; i < parts->churner_count; i++)
        leave(&parts->churners[i]);
    free(parts->churners);
    return ingest_stage_teardown(state);
}

/* Behind the last message that it had, from either streamer. */
static void come_back(const struct parts *parts, struct churner *churner)
{
    char path[128];
    size_t number = (size_t)harness_random(parts->stage.harness, STREAMERS);
    (void)snprintf(path, sizeof path, "/?since=%s", churner->next ? churner->last : "0");
    const struct websocket_options options = { .port = program_port(parts->streamers[number]),
                                               .path = path };
    churner->client = websocket_client_open(&options);
    if (websocket_client_status(churner->client) != 101)
        leave(churner);
}

/* What Redis drops while it is full is told, with the count unless the client has come back with an
 * id of what was dropped. */
static void take_gap(struct churner *churner, const char *text)
{
    const char *missed = strstr(text, "\"missed\":");
    assert_non_null(missed);
    missed += strlen("\"missed\":");
    churner->gaps++;
    churner->is_uncounted = strncmp(missed, "null", 4) == 0;
    churner->next += strtoull(missed, NULL, 10);
}

static void take_message(struct churner *churner, struct bytes payload)
{
    char text[512];
    size_t size = payload.size < sizeof text - 1 ? payload.size : sizeof text - 1;
    memcpy(text, payload.data, size);
    text[size] = '\0';
    if (strstr(text, "\"gap\"")) {
        take_gap(churner, text);
        return;
    }
    const char *id = strstr(text, "\"id\":\"");
    const char *index = strstr(text, "\"cert_index\":");
    if (!id || !index)
        return;
    uint64_t number = strtoull(index + strlen("\"cert_index\":"), NULL, 10);
    assert_true(number == churner->next || (churner->is_uncounted && number > churner->next));
    churner->is_uncounted = false;
    churner->next = number + 1;
    size_t id_size = strcspn(id + 6, "\"");
    assert_true(id_size < sizeof churner->last);
    memcpy(churner->last, id + 6, id_size);
    churner->last[id_size] = '\0';
}

/* Everything up to the index before `to`. */
static void take_up_to(const struct parts *parts, struct churner *churner, uint64_t to)
{
    struct deadline deadline = deadline_after(PROGRESS_MS, "the next message of a client");
    struct websocket_frame frame;
    while (churner->next < to) {
        if (!churner->client)
            come_back(parts, churner);
        enum websocket_result result = churner->client
                                           ? websocket_client_read(churner->client, &frame, READ_MS)
                                           : WEBSOCKET_ENDED;
        if (result == WEBSOCKET_FRAME && frame.opcode == WEBSOCKET_TEXT)
            take_message(churner, frame.payload);
        if (result == WEBSOCKET_ENDED || result == WEBSOCKET_BROKEN)
            leave(churner);
        if (result != WEBSOCKET_FRAME)
            deadline_wait(&deadline);
    }
}

static void restart(struct program *program)
{
    program_kill(program);
    program_restart(program);
}

static void make_trouble(struct parts *parts)
{
    const struct ingest_stage *stage = &parts->stage;
    switch (harness_random(stage->harness, 6)) {
    case 0: restart(stage->ingest); break;
    case 1: restart(parts->streamers[harness_random(stage->harness, STREAMERS)]); break;
    case 2:
        redis_server_kill(stage->redis);
        redis_server_restart(stage->redis);
        break;
    case 3:
        parts->full++;
        freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 1"));
        break;
    default: break;
    }
}

static void grow(struct parts *parts)
{
    char size[32];
    parts->size += STEP;
    (void)snprintf(size, sizeof size, "size=%" PRIu64, parts->size);
    daemon_control_ct_log(parts->stage.ct_log, size);
}

/* One entry is read and never acknowledged; what comes after it nobody reads. */
static void leave_a_worker_away(const struct parts *parts)
{
    struct redis_server *redis = parts->stage.redis;
    freeReplyObject(redis_server_command(redis, "XGROUP CREATE " STREAM " workers $ MKSTREAM"));
    freeReplyObject(
        redis_server_command(redis, "XREADGROUP GROUP workers away COUNT 1 STREAMS " STREAM " >"));
}

static uint64_t count_added(struct redis_server *redis)
{
    uint64_t added = 0;
    if (!redis_server_integer(redis, "EXISTS " STREAM))
        return 0;
    redisReply *info = redis_server_command(redis, "XINFO STREAM " STREAM);
    for (size_t i = 0; i + 1 < info->elements; i += 2)
        if (strcmp(info->element[i]->str, "entries-added") == 0)
            added = (uint64_t)info->element[i + 1]->integer;
    freeReplyObject(info);
    return added;
}

/* All that the log has had so far is in Redis. */
static void wait_for_entries(const struct parts *parts)
{
    struct deadline deadline = deadline_after(PROGRESS_MS, "the entries of the log");
    while (count_added(parts->stage.redis) < parts->size)
        deadline_wait(&deadline);
}

static void count_blocks(struct parts *parts)
{
    uint64_t blocks =
        (uint64_t)redis_server_integer(parts->stage.redis, "XLEN " CONTRACT_PREFIX ":history");
    if (blocks > parts->blocks)
        parts->blocks = blocks;
}

static void each_gets_each_once_and_in_order(void **state)
{
    struct parts *parts = *state;
    struct ingest_stage *stage = &parts->stage;
    harness_expect_work(stage->harness, "there was trouble until the end");
    for (uint64_t round = 0; round < parts->rounds; round++) {
        uint64_t there = parts->size;
        wait_for_entries(parts);
        count_blocks(parts);
        if (round == parts->rounds / 2)
            leave_a_worker_away(parts);
        grow(parts);
        make_trouble(parts);
        for (size_t i = 0; i < parts->churner_count; i++) {
            struct churner *churner = &parts->churners[i];
            uint64_t left = there > churner->next ? there - churner->next : 0;
            take_up_to(parts, churner, churner->next + harness_random(stage->harness, left + 1));
            if (harness_random(stage->harness, STAYS) == 0)
                leave(churner);
        }
        freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    }
    for (size_t i = 0; i < parts->churner_count; i++)
        take_up_to(parts, &parts->churners[i], parts->size);
    count_blocks(parts);
    uint64_t gaps = 0;
    for (size_t i = 0; i < parts->churner_count; i++)
        gaps += parts->churners[i].gaps;
    print_message("%zu clients, %" PRIu64 " rounds, %" PRIu64 " entries, %" PRIu64
                  " blocks, Redis full %" PRIu64 " times, %" PRIu64 " gaps told\n",
                  parts->churner_count, parts->rounds, parts->size, parts->blocks, parts->full,
                  gaps);
    assert_true(parts->blocks > 0);
    assert_true(gaps == 0 || parts->full > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_each_once_and_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
