/*
 * Over a Redis that the version before has written, and back to that version: nothing is lost,
 * nothing comes twice, and a client goes on where it was. CERTSTREAM_BEFORE is where that version
 * was built; tests/upgrade.sh builds it.
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

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/history_check.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    SIZE_BEFORE = 3000,
    SIZE_AFTER = 6000,
    SIZE_BACK = 9000,
    /* Where the version before is killed, and where its client was. */
    KILLED_AT = SIZE_BEFORE / 2,
    CLIENT_AT = KILLED_AT / 2,
    PLAIN_MAX = 900,
    WAIT_MS = 120000,
    PATH_SIZE = 1024,
};

#define STREAM CONTRACT_PREFIX ":stream"

struct parts {
    struct ingest_stage stage;
    char ingest_before[PATH_SIZE], streamer_before[PATH_SIZE];
    char last_id[64]; /* that the client has seen */
    uint64_t next;    /* the index that has to come to it next */
    struct stream_check stream;
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    static const char *const ct_log[] = { "--size",  "3000",  "--seed", "upgrade",
                                          "--kinds", "tiled", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    return 0;
}

static void find_before(struct parts *parts)
{
    const char *folder = getenv("CERTSTREAM_BEFORE");
    if (!folder)
        harness_skip_without("build of the version before (tests/upgrade.sh makes one)");
    (void)snprintf(parts->ingest_before, PATH_SIZE, "%s/ingest/certstream-ingest", folder);
    (void)snprintf(parts->streamer_before, PATH_SIZE, "%s/streamer/certstream-streamer", folder);
}

/* It takes the logs over that the other had, as if it had been restarted. */
static struct program *start_ingest_before(const struct parts *parts)
{
    static const char *const words[] = { "--start", "0", NULL };
    return daemon_start_ingest_program(parts->stage.harness, parts->ingest_before,
                                       parts->stage.redis, parts->stage.ct_log, words);
}

static void wait_for_entries(struct history_check *check, size_t count)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the entries of the log");
    while (history_check_read(check) < count)
        deadline_wait(&deadline);
}

/* Goes on behind what it has seen. */
static void listen(struct parts *parts, const struct program *streamer, uint64_t to)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/?since=%s", parts->last_id);
    struct websocket_client *client = websocket_client_connect(program_port(streamer), path);
    for (; parts->next < to; parts->next++) {
        const char *text = websocket_client_expect_message(client, WAIT_MS);
        assert_int_equal(harness_number_after(text, "\"cert_index\":"), parts->next);
        (void)sscanf(strstr(text, "\"id\":\"") + strlen("\"id\":\""), "%63[0-9-]", parts->last_id);
    }
    websocket_client_destroy(client);
}

static void listen_to_before(struct parts *parts)
{
    (void)snprintf(parts->last_id, sizeof parts->last_id, "0");
    struct program *streamer = daemon_start_streamer_program(
        parts->stage.harness, parts->streamer_before, redis_server_url(parts->stage.redis), NULL);
    listen(parts, streamer, CLIENT_AT);
    program_kill(streamer);
}

static void go_forth(struct parts *parts, struct history_check *check)
{
    struct ingest_stage *stage = &parts->stage;
    static const char *const words[] = { "--start",       "0",  "--history", "on",
                                         "--plain-bytes", "1m", NULL };
    ingest_stage_start(stage, words);
    daemon_control_ct_log(stage->ct_log, "size=6000");
    wait_for_entries(check, SIZE_AFTER);
    struct deadline deadline = deadline_after(WAIT_MS, "entries to be packed");
    while (redis_server_integer(stage->redis, "XLEN " STREAM) > PLAIN_MAX) {
        (void)history_check_read(check);
        deadline_wait(&deadline);
    }
    struct history_found found = history_check_compare(check);
    assert_int_equal(found.packed + found.plain, SIZE_AFTER);
    struct program *streamer = daemon_start_streamer(stage->harness, "after", stage->redis, NULL);
    listen(parts, streamer, SIZE_AFTER);
    program_kill(stage->ingest);
}

/* As the README of ingest has it: pack no more, and wait until the last block is gone. */
static void go_back(struct parts *parts)
{
    struct ingest_stage *stage = &parts->stage;
    static const char *const words[] = { "--start",      "0",  "--history", "off",
                                         "--retain-age", "2s", NULL };
    freeReplyObject(redis_server_command(stage->redis, "XGROUP DESTROY " STREAM " recorder"));
    ingest_stage_start(stage, words);
    struct deadline deadline = deadline_after(WAIT_MS, "the last block to be gone");
    while (redis_server_integer(stage->redis, "XLEN " CONTRACT_PREFIX ":history") > 0)
        deadline_wait(&deadline);
    program_kill(stage->ingest);
    struct stream_check *stream = &parts->stream;
    (void)start_ingest_before(parts);
    daemon_control_ct_log(stage->ct_log, "size=9000");
    deadline = deadline_after(WAIT_MS, "the version before to go on");
    do {
        deadline_wait(&deadline);
        stream_check_read(stream, stage->redis);
    } while (stream->count == 0 || stream->logs[0].next < SIZE_BACK);
    assert_int_equal(stream->count, 1);
    assert_true(stream->logs[0].first <= SIZE_AFTER);
}

static void what_the_version_before_wrote_is_gone_on_with(void **state)
{
    struct parts *parts = *state;
    find_before(parts);
    struct history_check *check = history_check_create(parts->stage.redis);
    struct program *before = start_ingest_before(parts);
    wait_for_entries(check, KILLED_AT);
    listen_to_before(parts);
    program_kill(before);
    go_forth(parts, check);
    history_check_destroy(check);
    go_back(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(what_the_version_before_wrote_is_gone_on_with, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
