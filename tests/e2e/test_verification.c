/*
 * Nothing that a log did not sign is ever published: each lie of the local CT log, what becomes of
 * it, and that all is there once it tells the truth again. What is in the stream is compared with
 * what the honest log answers, byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/given_entry.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    SIZE = 600,
    /* Published when the lie has begun. */
    GROWTH = 700,
    PAGE = 256,
    QUARANTINE_MS = 60000,
    /* How long a lie that is not evidence is watched. */
    WATCH_MS = 2500,
    STREAM_LOGS = 2,
};

#define STREAM   CONTRACT_PREFIX ":stream"
#define EVIDENCE CONTRACT_PREFIX ":evidence"

struct parts {
    struct ingest_stage stage;
    struct stream_check check;
    uint64_t compared; /* entries of each log that were compared with the honest log's */
    uint64_t size;
};

static struct parts *start(const char *const *ct_log, const char *const *ingest)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    ingest_stage_start(&parts->stage, ingest);
    parts->size = SIZE;
    return parts;
}

static int setup(void **state)
{
    static const char *const ct_log[] = { "--size", "600", "--seed", "verification", NULL };
    static const char *const ingest[] = {
        "--start", "0", "--retain-entries", "0", "--quarantine-recheck", "1", NULL
    };
    *state = start(ct_log, ingest);
    return 0;
}

/* Tiled logs are read tile by tile, so that hash tiles are asked for. */
static int setup_for_proofs(void **state)
{
    static const char *const ct_log[] = { "--size", "600", "--seed", "proofs", NULL };
    static const char *const ingest[] = {
        "--start", "-100", "--retain-entries", "0", "--quarantine-recheck", "1", "--partial-age",
        "2",       NULL
    };
    *state = start(ct_log, ingest);
    return 0;
}

static int setup_unverified(void **state)
{
    static const char *const ct_log[] = { "--size", "600", "--seed", "unverified", NULL };
    static const char *const ingest[] = { "--start", "0", "--retain-entries", "0", "--verify",
                                          "off",     NULL };
    *state = start(ct_log, ingest);
    return 0;
}

/* More entries and a lie about them, in one request: no head between the two is seen. */
static void publish_lie(struct parts *parts, uint64_t more, const char *lie)
{
    char query[128];
    parts->size += more;
    int length = snprintf(query, sizeof query, "size=%llu%s%s", (unsigned long long)parts->size,
                          *lie ? "&" : "", lie);
    if (length < 0 || (size_t)length >= sizeof query)
        abort();
    daemon_control_ct_log(parts->stage.ct_log, query);
}

static void publish(struct parts *parts, uint64_t more)
{
    publish_lie(parts, more, "");
}

/* What the log answers now for these entries. */
static struct given_entry *ask_honest(const struct parts *parts, uint64_t first, uint64_t last,
                                      size_t *count)
{
    char path[HARNESS_PATH_SIZE], url[128];
    harness_path(parts->stage.harness, path, "honest.json");
    (void)snprintf(url, sizeof url, "/rfc6962/ct/v1/get-entries?start=%llu&end=%llu",
                   (unsigned long long)first, (unsigned long long)last);
    struct http_answer answer = http_get_local(program_port(parts->stage.ct_log), url);
    assert_int_equal(answer.status, 200);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(answer.body.data, 1, answer.body.size, file), answer.body.size);
    assert_int_equal(fclose(file), 0);
    http_answer_free(&answer);
    return given_entries_read(path, count);
}

/* Fails the test if it is not there. */
static const redisReply *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    fail_msg("no field %s", name);
    abort();
}

static void compare(const redisReply *fields, const struct given_entry *entries, uint64_t first)
{
    uint64_t index = strtoull(field_of(fields, CONTRACT_FIELD_INDEX)->str, NULL, 10);
    const struct given_entry *entry = &entries[index - first];
    const redisReply *der = field_of(fields, CONTRACT_FIELD_DER);
    const redisReply *json = field_of(fields, CONTRACT_FIELD_JSON);
    const char *seconds = strstr(json->str, "\"submission_timestamp\":");
    if (!seconds)
        abort();
    assert_int_equal(der->len, entry->der.size);
    assert_memory_equal(der->str, entry->der.data, der->len);
    assert_int_equal(strtod(seconds + strlen("\"submission_timestamp\":"), NULL) * 1000 + 0.5,
                     entry->timestamp_ms);
}

/* Every entry from `parts->compared` on, of both logs. */
static void compare_all(struct parts *parts)
{
    redisReply *stream = redis_server_command(parts->stage.redis, "XRANGE " STREAM " - +");
    while (parts->compared < parts->size) {
        size_t count;
        uint64_t last = parts->compared + PAGE - 1;
        struct given_entry *entries = ask_honest(parts, parts->compared, last, &count);
        size_t compared = 0;
        for (size_t i = 0; i < stream->elements; i++) {
            const redisReply *index =
                field_of(stream->element[i]->element[1], CONTRACT_FIELD_INDEX);
            uint64_t at = strtoull(index->str, NULL, 10);
            if (at < parts->compared || at >= parts->compared + count)
                continue;
            compare(stream->element[i]->element[1], entries, parts->compared);
            compared++;
        }
        assert_int_equal(compared, STREAM_LOGS * count);
        parts->compared += count;
        given_entries_free(entries, count);
    }
    freeReplyObject(stream);
}

static long long evidence_count(const struct parts *parts)
{
    return redis_server_integer(parts->stage.redis, "XLEN " EVIDENCE);
}

static void check_evidence(const struct parts *parts, const char *class)
{
    redisReply *reply =
        redis_server_command(parts->stage.redis, "XREVRANGE " EVIDENCE " + - COUNT 1");
    assert_int_equal(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    static const char *const names[] = { "time",     "log",           "url",
                                         "key",      "released_size", "released_frontier",
                                         "sth_size", "sth_root",      "sth_signature",
                                         "sth_text" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)field_of(fields, names[i]);
    if (strcmp(field_of(fields, "class")->str, class) != 0)
        fail_msg("evidence of %s instead of %s", field_of(fields, "class")->str, class);
    assert_true(field_of(fields, "sth_text")->len > 50);
    freeReplyObject(reply);
}

struct lie {
    const char *name;
    const char *query;
    size_t liars;      /* logs that lie */
    const char *class; /* of the evidence; NULL: there is none, because it proves nothing */
};

/* Index 650 is new, 100 is old. */
static const struct lie lies[] = {
    { "a head that somebody else signed", "route=any&fault=bad-signature", 2, NULL },
    { "heads of a shrinking tree", "route=any&fault=shrink&n=900", 2, NULL },
    { "stale heads", "route=any&fault=stale&n=900", 2, NULL },
    { "another tree with everything to match", "route=any&fault=fork&n=100", 2, "fork" },
    { "heads of another tree", "route=get-sth&fault=fork&n=100", 1, "fork" },
    { "a bit of an entry, in get-entries", "route=get-entries&fault=bad-leaf", 1, "entries" },
    { "a bit of an entry, in a data tile", "route=data&fault=bad-leaf", 1, "entries" },
    { "an entry that says another index", "route=data&fault=wrong-index", 1, "entries" },
    { "a bit of an entry now and then", "route=any&fault=bad-leaf&probability=0.5", 0, NULL },
};

/* The lie lasts until it is found out, or for a while. */
static void endure(struct parts *parts, const struct lie *lie, long long evidence)
{
    if (lie->class) {
        struct deadline deadline = deadline_after(QUARANTINE_MS, lie->name);
        while (evidence_count(parts) < evidence + (long long)lie->liars) {
            stream_check_read(&parts->check, parts->stage.redis);
            deadline_wait(&deadline);
        }
        check_evidence(parts, lie->class);
        return;
    }
    uint64_t entries = parts->check.entries;
    for (uint64_t start_ms = clock_monotonic_ms(); clock_monotonic_ms() - start_ms < WATCH_MS;) {
        stream_check_read(&parts->check, parts->stage.redis);
        harness_pause(50);
    }
    if (lie->liars == STREAM_LOGS)
        assert_int_equal(parts->check.entries, entries);
}

static void no_lie_is_published(void **state)
{
    struct parts *parts = *state;
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    compare_all(parts);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        long long evidence = evidence_count(parts);
        uint64_t begun_ms = clock_monotonic_ms();
        publish_lie(parts, GROWTH, lies[i].query);
        endure(parts, &lies[i], evidence);
        daemon_control_ct_log(parts->stage.ct_log, "clear=1");
        stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
        compare_all(parts);
        print_message("%s: %.1f s\n", lies[i].name,
                      (double)(clock_monotonic_ms() - begun_ms) / 1000);
    }
}

/* Two roots for one size: found out when the second is seen, though nothing is to be fetched. */
static void a_log_that_signs_two_roots_for_one_size_is_quarantined(void **state)
{
    struct parts *parts = *state;
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    daemon_control_ct_log(parts->stage.ct_log, "route=get-sth&fault=fork");
    struct deadline deadline = deadline_after(QUARANTINE_MS, "evidence of equivocation");
    while (evidence_count(parts) < 1)
        deadline_wait(&deadline);
    check_evidence(parts, "equivocation");
    daemon_control_ct_log(parts->stage.ct_log, "clear=1");
    publish(parts, GROWTH);
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    compare_all(parts);
}

/* Proofs that start a log in the middle, or release a backlog, are bent. */
static void no_bent_proof_is_believed(void **state)
{
    struct parts *parts = *state;
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, SIZE - 100, parts->size);
    daemon_control_ct_log(parts->stage.ct_log, "route=tile&fault=bad-leaf");
    daemon_control_ct_log(parts->stage.ct_log, "route=proof&fault=bad-leaf");
    long long evidence = evidence_count(parts);
    /* More than one log may hold without a proof. */
    publish(parts, 8000);
    struct deadline deadline = deadline_after(QUARANTINE_MS, "evidence of bent proofs");
    while (evidence_count(parts) < evidence + STREAM_LOGS) {
        stream_check_read(&parts->check, parts->stage.redis);
        deadline_wait(&deadline);
    }
    assert_int_equal(parts->check.entries, STREAM_LOGS * 100);
    daemon_control_ct_log(parts->stage.ct_log, "clear=1");
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, SIZE - 100, parts->size);
    parts->compared = SIZE - 100;
    compare_all(parts);
}

/* Without verification wrong entries are published, and it is counted. */
static void without_verification_only_counters_tell(void **state)
{
    struct parts *parts = *state;
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    daemon_control_ct_log(parts->stage.ct_log, "route=any&fault=bad-leaf");
    publish(parts, GROWTH);
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    struct deadline deadline = deadline_after(QUARANTINE_MS, "the counter of different roots");
    long long different = 0;
    while (!different) {
        redisReply *reply = redis_server_command(
            parts->stage.redis, "HGET " CONTRACT_PREFIX ":ingest:ingest roots_different");
        different = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
        freeReplyObject(reply);
        deadline_wait(&deadline);
    }
    assert_int_equal(evidence_count(parts), 0);
}

/* A position that its own head contradicts. */
static void a_position_that_was_tampered_with_is_left_alone(void **state)
{
    struct parts *parts = *state;
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    assert_int_equal(program_stop(parts->stage.ingest), 0);
    const char *id = parts->check.logs[0].id;
    (void)redis_server_integer(parts->stage.redis, "HSET " CONTRACT_PREFIX ":log:%s sth_root %064d",
                               id, 7);
    program_restart(parts->stage.ingest);
    publish(parts, GROWTH);
    struct deadline deadline = deadline_after(QUARANTINE_MS, "the log to be left alone");
    for (bool is_left = false; !is_left;) {
        redisReply *reply =
            redis_server_command(parts->stage.redis, "HGET " CONTRACT_PREFIX ":log:%s state", id);
        is_left = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "left alone") == 0;
        freeReplyObject(reply);
        deadline_wait(&deadline);
    }
    /* The other log goes on. */
    while (redis_server_integer(parts->stage.redis, "XLEN " STREAM) < 2 * SIZE + GROWTH)
        deadline_wait(&deadline);
    assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " STREAM), 2 * SIZE + GROWTH);
}

/* The list says of the log that it ended in another tree. */
static void a_read_only_log_that_ends_elsewhere_is_quarantined(void **state)
{
    struct parts *parts = *state;
    char path[HARNESS_PATH_SIZE];
    stream_check_expect(&parts->check, parts->stage.redis, STREAM_LOGS, 0, parts->size);
    assert_int_equal(program_stop(parts->stage.ingest), 0);
    daemon_control_ct_log(parts->stage.ct_log, "list-state=readonly");
    struct http_answer list = http_get_local(program_port(parts->stage.ct_log), "/log_list.json");
    char *root = strstr((char *)list.body.data, "\"sha256_root_hash\":\"");
    if (!root)
        abort();
    root += strlen("\"sha256_root_hash\":\"");
    *root = *root == 'A' ? 'B' : 'A';
    harness_path(parts->stage.harness, path, "list.json");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(list.body.data, 1, list.body.size, file), list.body.size);
    assert_int_equal(fclose(file), 0);
    http_answer_free(&list);
    const char *const arguments[] = {
        CERTSTREAM_INGEST, "--redis", redis_server_url(parts->stage.redis), "--log-list", path, NULL
    };
    (void)program_start(parts->stage.harness,
                        &(struct program_options){ "again", .arguments = arguments,
                                                   .ready = "certstream-ingest ready",
                                                   .is_daemon = true });
    struct deadline deadline = deadline_after(QUARANTINE_MS, "evidence of the final head");
    while (evidence_count(parts) < 1)
        deadline_wait(&deadline);
    redisReply *reply = redis_server_command(parts->stage.redis, "XRANGE " EVIDENCE " - +");
    assert_int_equal(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    assert_string_equal(field_of(fields, "class")->str, "final head");
    assert_int_equal(strtoull(field_of(fields, "sth_size")->str, NULL, 10), SIZE);
    assert_int_equal(strtoull(field_of(fields, "other_sth_size")->str, NULL, 10), SIZE);
    freeReplyObject(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(no_lie_is_published, setup),
        ON_INGEST_STAGE(a_log_that_signs_two_roots_for_one_size_is_quarantined, setup),
        ON_INGEST_STAGE(no_bent_proof_is_believed, setup_for_proofs),
        ON_INGEST_STAGE(without_verification_only_counters_tell, setup_unverified),
        ON_INGEST_STAGE(a_read_only_log_that_ends_elsewhere_is_quarantined, setup),
        ON_INGEST_STAGE(a_position_that_was_tampered_with_is_left_alone, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
