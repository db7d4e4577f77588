/* certstream-backfill against the local CT log: to standard output, under a prefix, into a pipe,
 * and what it must not do. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    WAIT_MS = 60000,
    WORDS_MAX = 16,
};

static int setup(void **state)
{
    const char *const arguments[] = { "--size", "3000", "--rate", "0", NULL };
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    ingest_stage_start_ct_log(stage, arguments);
    *state = stage;
    return 0;
}

/* NULL ends the words. */
static struct program *start_backfill(struct ingest_stage *stage, const char *name, ...)
{
    char list[DAEMON_URL_SIZE];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(stage->ct_log));
    const char *words[WORDS_MAX] = { CERTSTREAM_BACKFILL, "--log-list", list, "--redis",
                                     redis_server_url(stage->redis) };
    va_list more;
    va_start(more, name);
    for (size_t i = 5; i < WORDS_MAX - 1 && (words[i] = va_arg(more, const char *)); i++)
        continue;
    va_end(more);
    return program_start(stage->harness,
                         &(struct program_options){ .name = name, .arguments = words });
}

static void expect_index(const char *line, size_t size, unsigned long long index, bool is_full)
{
    cJSON *message = cJSON_ParseWithLength(line, size);
    const cJSON *data = cJSON_GetObjectItem(message, "data");
    const cJSON *leaf = cJSON_GetObjectItem(data, "leaf_cert");
    assert_non_null(data);
    assert_null(cJSON_GetObjectItem(message, "id"));
    assert_int_equal((unsigned long long)cJSON_GetObjectItem(data, "cert_index")->valuedouble,
                     index);
    assert_int_equal(cJSON_GetObjectItem(leaf, "as_der") != NULL, is_full);
    if (is_full)
        assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(data, "chain")) > 0);
    cJSON_Delete(message);
}

/* A line for each index, and no other. */
static void expect_lines(const struct program *program, unsigned long long from,
                         unsigned long long to, bool is_full)
{
    char *output = program_output(program);
    const char *line = output;
    for (unsigned long long index = from; index <= to; index++) {
        size_t size = strcspn(line, "\n");
        expect_index(line, size, index, is_full);
        line += size + 1;
    }
    assert_string_equal(line, "");
    free(output);
}

static void expect_error(const struct program *program, const char *text)
{
    char *errors = program_errors(program);
    if (!strstr(errors, text))
        fail_msg("no \"%s\" in:\n%s", text, errors);
    free(errors);
}

static void prints_each_index_once_and_in_order(void **state)
{
    static const char *const logs[] = { "rfc 6962", "Local tiled log" };
    for (size_t i = 0; i < 2; i++) {
        struct program *lite =
            start_backfill(*state, i ? "tiled" : "rfc6962", logs[i], "100", "1337", (char *)NULL);
        assert_int_equal(program_wait(lite, WAIT_MS), 0);
        expect_lines(lite, 100, 1337, false);
        expect_error(lite, "100 %  1238 of 1238");
        struct program *full = start_backfill(*state, i ? "tiled_full" : "rfc6962_full", logs[i],
                                              "2900", "head", "--full", (char *)NULL);
        assert_int_equal(program_wait(full, WAIT_MS), 0);
        expect_lines(full, 2900, 2999, true);
    }
}

static void wrong_questions_are_answered_in_words(void **state)
{
    static const struct {
        const char *log, *from, *to, *said;
        int code;
    } cases[] = {
        { "local", "0", "1", "several logs fit", 2 },
        { "nosuch", "0", "1", "no log list has \"nosuch\"", 2 },
        { "tiled", "5", "4", "not below FROM", 2 },
        { "tiled", "-5", "4", "FROM is an index", 2 },
        { "tiled", "5", "3000", "the log has 3000 entries", 1 },
        { "tiled", "3000", "head", "the log has 3000 entries", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "wrong_%zu", i);
        struct program *program =
            start_backfill(*state, name, cases[i].log, cases[i].from, cases[i].to, (char *)NULL);
        assert_int_equal(program_wait(program, WAIT_MS), cases[i].code);
        expect_error(program, cases[i].said);
        char *output = program_output(program);
        assert_string_equal(output, "");
        free(output);
    }
}

static long long length_of(struct ingest_stage *stage, const char *key)
{
    redisReply *reply = redis_server_command(stage->redis, "XLEN %s", key);
    long long length = reply->integer;
    freeReplyObject(reply);
    return length;
}

/* Killed in the middle as well: the position goes with the entries. */
static void goes_on_under_a_prefix(void **state)
{
    struct ingest_stage *stage = *state;
    struct program *killed =
        start_backfill(stage, "killed", "tiled", "10", "2999", "--into", "old", (char *)NULL);
    struct deadline deadline = deadline_after(WAIT_MS, "the first entries");
    while (length_of(stage, "old:stream") == 0)
        deadline_wait(&deadline);
    if (program_is_running(killed))
        program_kill(killed);
    struct program *second =
        start_backfill(stage, "second", "tiled", "10", "2999", "--into", "old", (char *)NULL);
    assert_int_equal(program_wait(second, WAIT_MS), 0);
    assert_int_equal(length_of(stage, "old:stream"), 2990);
    assert_int_equal(length_of(stage, "{certstream}:stream"), 0);
    struct program *earlier =
        start_backfill(stage, "later", "tiled", "2999", "2999", "--into", "old", (char *)NULL);
    assert_int_equal(program_wait(earlier, WAIT_MS), 0);
    assert_int_equal(length_of(stage, "old:stream"), 2990);
}

static void leaves_the_live_stream_alone(void **state)
{
    struct ingest_stage *stage = *state;
    const char *const start[] = { "--start", "-10", "--prefix", "live", NULL };
    struct program *named =
        start_backfill(stage, "named", "tiled", "0", "9", "--into", "{certstream}", (char *)NULL);
    assert_int_equal(program_wait(named, WAIT_MS), 2);
    expect_error(named, "the prefix of the live stream");
    ingest_stage_start(stage, start);
    struct deadline deadline = deadline_after(WAIT_MS, "ingest to follow");
    while (length_of(stage, "live:stream") < 20)
        deadline_wait(&deadline);
    struct program *live =
        start_backfill(stage, "live", "tiled", "0", "9", "--into", "live", (char *)NULL);
    assert_int_equal(program_wait(live, WAIT_MS), 1);
    expect_error(live, "is the prefix of a live stream");
    assert_int_equal(length_of(stage, "live:stream"), 20);
}

/* The log serves an entry that is not in its signed tree. */
static void a_lie_is_not_printed(void **state)
{
    struct ingest_stage *stage = *state;
    daemon_control_ct_log(stage->ct_log, "route=get-entries&fault=bad-leaf");
    struct program *program =
        start_backfill(stage, "lie", "rfc 6962", "1400", "1600", (char *)NULL);
    assert_int_equal(program_wait(program, WAIT_MS), 1);
    expect_error(program, "contradicts what it signed");
    char *output = program_output(program);
    assert_string_equal(output, "");
    free(output);
}

static void ends_well_when_the_reader_leaves(void **state)
{
    struct ingest_stage *stage = *state;
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "{ " CERTSTREAM_BACKFILL " --log-list %s/log_list.json tiled 0 2999;"
                   " echo ended with $? >&2; } | head -n 1",
                   program_ready_text(stage->ct_log));
    const char *const words[] = { "sh", "-c", command, NULL };
    struct program *program = program_start(
        stage->harness, &(struct program_options){ .name = "pipe", .arguments = words });
    assert_int_equal(program_wait(program, WAIT_MS), 0);
    expect_lines(program, 0, 0, false);
    expect_error(program, "ended with 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(prints_each_index_once_and_in_order, setup),
        ON_INGEST_STAGE(wrong_questions_are_answered_in_words, setup),
        ON_INGEST_STAGE(goes_on_under_a_prefix, setup),
        ON_INGEST_STAGE(leaves_the_live_stream_alone, setup),
        ON_INGEST_STAGE(a_lie_is_not_printed, setup),
        ON_INGEST_STAGE(ends_well_when_the_reader_leaves, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
