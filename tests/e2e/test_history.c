/*
 * Packed history as ingest writes it: whatever is killed when, an entry is in exactly one of blocks
 * and stream, as it was; groups are waited for; and what does not fit goes by whole generations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/base/hex.h"
#include "shared/message/message_view.h"
#include "shared/redis/contract.h"
#include "shared/redis/stream_id.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/history_check.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    SIZE = 6000,
    /* Of the local log some 300 entries are the least that --plain-bytes keeps plain. */
    PLAIN_MAX = 900,
    WAIT_MS = 120000,
    KILLS = 4,
    STEP = 1500,
    LARGE_STEP = 3000,
    GENERATIONS = 3,
};

#define STREAM CONTRACT_PREFIX ":stream"
#define PACKED CONTRACT_PREFIX ":packed"

static const char *const ingest_words[] = {
    "--start", "0", "--history", "on", "--plain-bytes", "1m", "--plain-age", "1h", NULL
};

static int setup(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    *state = stage;
    static const char *const ct_log[] = { "--size",  "6000",  "--seed", "history",
                                          "--kinds", "tiled", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    return 0;
}

static long long length(const struct ingest_stage *stage)
{
    return redis_server_integer(stage->redis, "XLEN " STREAM);
}

static void wait_for_entries(struct history_check *check, size_t count)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the entries of the log");
    while (history_check_read(check) < count)
        deadline_wait(&deadline);
}

static void wait_for_packing(const struct ingest_stage *stage, struct history_check *check)
{
    struct deadline deadline = deadline_after(WAIT_MS, "entries to be packed");
    while (length(stage) > PLAIN_MAX || !redis_server_integer(stage->redis, "EXISTS " PACKED)) {
        (void)history_check_read(check);
        deadline_wait(&deadline);
    }
}

/* An order of an administrator, as ingest writes it, and an entry of somebody else. */
static void add_other_entries(const struct ingest_stage *stage)
{
    freeReplyObject(redis_server_command(stage->redis, "XADD " STREAM " * control %s log %s",
                                         "{\"operation\":\"rebase\"}", "00ff"));
    freeReplyObject(redis_server_command(stage->redis, "XADD " STREAM " * odd %s odd %s", "", "1"));
}

static void an_entry_is_in_one_of_both(void **state)
{
    struct ingest_stage *stage = *state;
    struct history_check *check = history_check_create(stage->redis);
    ingest_stage_start(stage, ingest_words);
    wait_for_entries(check, SIZE / 2);
    add_other_entries(stage);
    wait_for_entries(check, SIZE + 2);
    wait_for_packing(stage, check);
    struct history_found found = history_check_compare(check);
    assert_true(found.packed > SIZE - PLAIN_MAX);
    (void)printf("%zu entries in %zu blocks of %zu bytes, %zu plain\n", found.packed, found.blocks,
                 found.bytes / found.blocks, found.plain);
    history_check_destroy(check);
}

/* All that a program prints, with a NUL at the end; free() it. */
static char *output_of(const struct ingest_stage *stage, const char *name,
                       const char *const *arguments)
{
    const struct program_options options = { .name = name, .arguments = arguments };
    struct program *program = program_start(stage->harness, &options);
    assert_int_equal(program_wait(program, WAIT_MS), 0);
    return program_output(program);
}

/* What stands behind a member's name; fails the test if it is not there. */
static const char *behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        fail_msg("no %s in a line", name);
    return at ? at + strlen(name) : text;
}

/* "ID INDEX SHA256" of each line that certstream-history prints. */
static struct buffer summary_of(const char *lines)
{
    struct buffer summary;
    buffer_init(&summary, SIZE_MAX / 2);
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        struct message_fingerprints fingerprints;
        char hex[2 * SHA256_SIZE + 1];
        const char *id = behind(lines, "\"id\":\"");
        const char *index = behind(lines, "\"cert_index\":");
        assert_true(
            message_view_fingerprints(bytes_of(lines, (size_t)(end - lines)), &fingerprints));
        hex_encode(hex, bytes_of(fingerprints.sha256, SHA256_SIZE));
        buffer_append(&summary, id, strcspn(id, "\""));
        buffer_append_byte(&summary, ' ');
        buffer_append(&summary, index, strcspn(index, ","));
        buffer_append_format(&summary, " %s\n", hex);
    }
    buffer_append_byte(&summary, 0);
    return summary;
}

/* certstream history, and a reader that shares no code with it, find the same. */
static void others_can_read_it(void **state)
{
    struct ingest_stage *stage = *state;
    harness_skip_unless("python3 -c 'import zstandard' || { python3 -c pass && zstd --version; }",
                        "python3 with zstandard or zstd");
    struct history_check *check = history_check_create(stage->redis);
    ingest_stage_start(stage, ingest_words);
    wait_for_entries(check, SIZE / 2);
    add_other_entries(stage);
    wait_for_entries(check, SIZE + 2);
    wait_for_packing(stage, check);
    assert_int_equal(program_stop(stage->ingest), 0);
    const char *url = redis_server_url(stage->redis);
    const char *const history[] = { CERTSTREAM_HISTORY, "--redis", url, NULL };
    const char *const python[] = { "python3", CERTSTREAM_SOURCE "/tests/clients/history_reader.py",
                                   url + strlen("unix://"), NULL };
    char *lines = output_of(stage, "history", history);
    char *other = output_of(stage, "python", python);
    struct buffer summary = summary_of(lines);
    size_t count = 0;
    for (const char *at = other; (at = strchr(at, '\n')); at++)
        count++;
    assert_int_equal(count, SIZE);
    assert_string_equal((const char *)summary.data, other);
    buffer_free(&summary);
    free(lines);
    free(other);
    history_check_destroy(check);
}

/* In each step more comes to the log. Every second time ingest is killed as soon as it has
 * appended, while it packs. */
static void a_kill_loses_and_repeats_nothing(void **state)
{
    struct ingest_stage *stage = *state;
    struct history_check *check = history_check_create(stage->redis);
    ingest_stage_start(stage, ingest_words);
    for (size_t i = 1; i <= KILLS; i++) {
        char size[32];
        (void)snprintf(size, sizeof size, "size=%zu", SIZE + i * STEP);
        wait_for_entries(check, SIZE + (i - 1) * STEP);
        if (i % 2)
            wait_for_packing(stage, check);
        program_kill(stage->ingest);
        (void)history_check_compare(check);
        history_check_expect_no_other_block(check);
        if (i == KILLS / 2) {
            redis_server_kill(stage->redis);
            redis_server_restart(stage->redis);
        }
        daemon_control_ct_log(stage->ct_log, size);
        program_restart(stage->ingest);
    }
    wait_for_entries(check, SIZE + KILLS * STEP);
    wait_for_packing(stage, check);
    struct history_found found = history_check_compare(check);
    /* Whoever packs anew begins a generation. */
    assert_true(found.generations > 1);
    assert_int_equal(found.packed + found.plain, SIZE + KILLS * STEP);
    history_check_destroy(check);
}

/* Reports of the process that packs, written every 2 s. */
static unsigned long long reported(const struct ingest_stage *stage, const char *field)
{
    unsigned long long value = 0;
    redisReply *names = redis_server_command(stage->redis, "KEYS " CONTRACT_PREFIX ":ingest:*");
    if (names->elements) {
        redisReply *reply =
            redis_server_command(stage->redis, "HGET %s %s", names->element[0]->str, field);
        if (reply->type == REDIS_REPLY_STRING)
            value = strtoull(reply->str, NULL, 10);
        freeReplyObject(reply);
    }
    freeReplyObject(names);
    return value;
}

static void a_group_is_waited_for(void **state)
{
    struct ingest_stage *stage = *state;
    struct history_check *check = history_check_create(stage->redis);
    ingest_stage_start(stage, ingest_words);
    struct deadline deadline = deadline_after(WAIT_MS, "the entries, all plain");
    while (length(stage) < SIZE)
        deadline_wait(&deadline);
    /* It has looked since then, more than once. */
    unsigned long long seen = reported(stage, "updated_ms");
    while (reported(stage, "updated_ms") < seen + 2000 || !reported(stage, "history_leader"))
        deadline_wait(&deadline);
    assert_int_equal(redis_server_integer(stage->redis, "EXISTS " PACKED), 0);
    /* Half of it is read, and one of these not acknowledged. */
    freeReplyObject(redis_server_command(
        stage->redis, "XREADGROUP GROUP recorder other COUNT 1 STREAMS " STREAM " >"));
    freeReplyObject(redis_server_command(
        stage->redis, "XREADGROUP GROUP recorder other COUNT 3000 NOACK STREAMS " STREAM " >"));
    seen = reported(stage, "updated_ms");
    while (reported(stage, "updated_ms") < seen + 2000)
        deadline_wait(&deadline);
    assert_int_equal(length(stage), SIZE);
    freeReplyObject(redis_server_command(stage->redis, "XGROUP DESTROY " STREAM " recorder"));
    while (length(stage) > PLAIN_MAX)
        deadline_wait(&deadline);
    history_check_destroy(check);
}

/* Three generations, and then a limit of four megabytes: the oldest goes, and what is left is
 * whole. */
static void what_does_not_fit_goes_by_generations(void **state)
{
    static const char *const small[] = { "--start",     "0",  "--history",      "on",
                                         "--plain-age", "1h", "--retain-bytes", "4m",
                                         NULL };
    struct ingest_stage *stage = *state;
    struct history_check *check = history_check_create(stage->redis);
    ingest_stage_start(stage, ingest_words);
    for (size_t i = 0; i < GENERATIONS; i++) {
        char size[32];
        wait_for_entries(check, SIZE + i * (size_t)LARGE_STEP);
        wait_for_packing(stage, check);
        assert_int_equal(program_stop(stage->ingest), 0);
        if (i + 1 == GENERATIONS)
            break;
        (void)snprintf(size, sizeof size, "size=%zu", SIZE + (i + 1) * (size_t)LARGE_STEP);
        daemon_control_ct_log(stage->ct_log, size);
        program_restart(stage->ingest);
    }
    struct history_found before = history_check_compare(check);
    assert_true(before.generations >= GENERATIONS && before.bytes > (size_t)4 * 1024 * 1024);
    ingest_stage_start(stage, small);
    struct deadline deadline = deadline_after(WAIT_MS, "the oldest generation to go");
    struct history_found found = before;
    /* Not by their number: what is packed meanwhile may begin one. */
    while (stream_id_compare(found.oldest, before.oldest) == 0 ||
           found.bytes > (size_t)4 * 1024 * 1024) {
        deadline_wait(&deadline);
        found = history_check_compare(check);
    }
    assert_true(found.packed > 0);
    assert_int_equal(program_stop(stage->ingest), 0);
    history_check_expect_no_other_block(check);
    history_check_destroy(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(an_entry_is_in_one_of_both, setup),
        ON_INGEST_STAGE(others_can_read_it, setup),
        ON_INGEST_STAGE(a_kill_loses_and_repeats_nothing, setup),
        ON_INGEST_STAGE(a_group_is_waited_for, setup),
        ON_INGEST_STAGE(what_does_not_fit_goes_by_generations, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
