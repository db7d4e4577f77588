/*
 * Redis is there and of no use, or not there: ingest waits, says once why, leaves the logs in
 * peace, and when it is over reads its positions anew and goes on, every entry once.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    LOGS = 2,
    SIZE = 300,
    GROWTH = 400,
    TROUBLE_MS = 4000,
    /* Longer than ingest waits for a reply, and than a lease lasts. */
    HANG_MS = 12000,
    /* Of both logs: heads every second, ranges again after each back-off. */
    REQUESTS_PER_SECOND_MAX = 12,
    /* What is said of one trouble: that it came, in so many words, and that it went. */
    LINES_MAX = 12,
    SAY_MS = 30000,
    URL_SIZE = 128,
    /* 3,000 keys of half a millisecond. */
    LOADING_KEYS = 3000,
};

#define STREAM CONTRACT_PREFIX ":stream"

struct parts {
    struct ingest_stage stage;
    int port;
    struct stream_check check;
    uint64_t size;
};

static int set_up(void **state, const char *cluster)
{
    int redis_port = redis_server_find_port();
    char port[16], bus_port[16];
    (void)snprintf(port, sizeof port, "%d", redis_port);
    (void)snprintf(bus_port, sizeof bus_port, "%d", redis_server_find_port());
    const char *const overrides[] = { "--port",
                                      port,
                                      "--bind",
                                      "127.0.0.1",
                                      "--key-load-delay",
                                      "500",
                                      "--cluster-port",
                                      bus_port,
                                      "--cluster-enabled",
                                      cluster,
                                      NULL };
    struct parts *parts = ingest_stage_create(sizeof *parts, overrides);
    *state = parts;
    parts->port = redis_port;
    const char *const ct_log[] = { "--size", "300", "--seed", "trouble", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    parts->size = SIZE;
    return 0;
}

static int setup(void **state)
{
    return set_up(state, "no");
}

static int setup_cluster(void **state)
{
    return set_up(state, "yes");
}

static void start_ingest(struct parts *parts, const char *credentials)
{
    char url[URL_SIZE];
    (void)snprintf(url, sizeof url, "redis://%slocalhost:%d", credentials, parts->port);
    const char *const arguments[] = { "--start", "0", "--retain-entries", "0", "--retain-bytes",
                                      "1g",      NULL };
    parts->stage.ingest =
        daemon_start_ingest_at(parts->stage.harness, "ingest", url, parts->stage.ct_log, arguments);
}

static void publish(struct parts *parts)
{
    char query[64];
    parts->size += GROWTH;
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)parts->size);
    daemon_control_ct_log(parts->stage.ct_log, query);
}

static void expect_complete(struct parts *parts)
{
    stream_check_expect(&parts->check, parts->stage.redis, LOGS, 0, parts->size);
}

static size_t count_lines(const struct parts *parts)
{
    char *errors = program_errors(parts->stage.ingest);
    size_t count = 0;
    for (const char *at = errors; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    free(errors);
    return count;
}

static void wait_until_said(const struct parts *parts, const char *text)
{
    struct deadline deadline = deadline_after(SAY_MS, text);
    for (bool said = false; !said;) {
        char *errors = program_errors(parts->stage.ingest);
        said = strstr(errors, text) != NULL;
        free(errors);
        if (!said)
            deadline_wait(&deadline);
    }
}

/* The logs are left in peace meanwhile, and so is whoever reads what ingest says. */
static void endure(const struct parts *parts, const char *name, uint64_t duration_ms)
{
    unsigned long long requests = daemon_count_requests(parts->stage.ct_log);
    size_t lines = count_lines(parts);
    harness_pause(duration_ms);
    requests = daemon_count_requests(parts->stage.ct_log) - requests;
    lines = count_lines(parts) - lines;
    print_message("%s: %.1f requests/s, %zu lines\n", name,
                  (double)requests * 1000 / (double)duration_ms, lines);
    assert_true(requests <= REQUESTS_PER_SECOND_MAX * duration_ms / 1000);
    assert_true(lines <= LINES_MAX);
}

struct trouble {
    const char *name;
    const char *begin;
    const char *end;
    const char *said;
};

static const struct trouble troubles[] = {
    { "full", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM" },
    { "too few replicas", "CONFIG SET min-replicas-to-write 1",
      "CONFIG SET min-replicas-to-write 0", "NOREPLICAS" },
    { "no right to append", "ACL SETUSER default -xadd", "ACL SETUSER default +xadd", "NOPERM" },
    { "no right to anything", "ACL SETUSER default -@scripting -xadd -hset",
      "ACL SETUSER default +@all", "NOPERM" },
    { "a replica all at once", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "replica" },
};

static size_t count_texts(const char *output, const char *text)
{
    size_t count = 0;
    for (const char *at = output; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}

/* Entries come again before leases do: what is refused next would be the same trouble to them. */
static void wait_until_nothing_is_refused(const struct parts *parts)
{
    struct deadline deadline = deadline_after(SAY_MS, "Redis to take all writes");
    for (bool is_well = false; !is_well;) {
        char *errors = program_errors(parts->stage.ingest);
        is_well = count_texts(errors, "Redis takes writes again") >=
                  count_texts(errors, "Redis does not take writes");
        free(errors);
        if (!is_well)
            deadline_wait(&deadline);
    }
}

static void waits_out_every_refusal(void **state)
{
    struct parts *parts = *state;
    start_ingest(parts, "");
    expect_complete(parts);
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        const struct trouble *trouble = &troubles[i];
        freeReplyObject(redis_server_command(parts->stage.redis, trouble->begin));
        long long length = redis_server_integer(parts->stage.redis, "XLEN " STREAM);
        publish(parts);
        endure(parts, trouble->name, TROUBLE_MS);
        wait_until_said(parts, trouble->said);
        assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " STREAM), length);
        freeReplyObject(redis_server_command(parts->stage.redis, trouble->end));
        expect_complete(parts);
        wait_until_nothing_is_refused(parts);
    }
}

static void waits_for_one_that_is_slow(void **state)
{
    struct parts *parts = *state;
    start_ingest(parts, "");
    expect_complete(parts);
    freeReplyObject(redis_server_command(parts->stage.redis, "CLIENT PAUSE %d ALL", TROUBLE_MS));
    publish(parts);
    endure(parts, "slow", TROUBLE_MS);
    expect_complete(parts);

    program_signal(redis_server_program(parts->stage.redis), SIGSTOP);
    publish(parts);
    endure(parts, "hanging", HANG_MS);
    program_signal(redis_server_program(parts->stage.redis), SIGCONT);
    wait_until_said(parts, "no reply in time");
    expect_complete(parts);
}

static void waits_for_one_that_is_gone_or_loads(void **state)
{
    struct parts *parts = *state;
    redis_server_kill(parts->stage.redis);
    start_ingest(parts, "");
    wait_until_said(parts, "Connection refused");
    redis_server_restart(parts->stage.redis);
    expect_complete(parts);

    freeReplyObject(redis_server_command(
        parts->stage.redis, "EVAL %s 0 %d",
        "for i = 1, ARGV[1] do redis.call('SET', 'key' .. i, 'x') end return 1", LOADING_KEYS));
    publish(parts);
    expect_complete(parts);
    redis_server_kill(parts->stage.redis);
    publish(parts);
    program_restart(redis_server_program(parts->stage.redis));
    wait_until_said(parts, "LOADING");
    redis_server_wait(parts->stage.redis);
    expect_complete(parts);
}

static void waits_for_the_right_password(void **state)
{
    struct parts *parts = *state;
    freeReplyObject(redis_server_command(parts->stage.redis, "CONFIG SET requirepass other"));
    start_ingest(parts, ":secret@");
    wait_until_said(parts, "WRONGPASS");
    /* So that there is a request to count. */
    struct http_answer list = http_get_local(program_port(parts->stage.ct_log), "/log_list.json");
    http_answer_free(&list);
    endure(parts, "wrong password", TROUBLE_MS);
    freeReplyObject(redis_server_command(parts->stage.redis, "CONFIG SET requirepass secret"));
    freeReplyObject(redis_server_command(parts->stage.redis, "AUTH secret"));
    expect_complete(parts);
}

static void make_cluster_of_one(struct parts *parts)
{
    freeReplyObject(redis_server_command(parts->stage.redis, "CLUSTER ADDSLOTSRANGE 0 16383"));
    struct deadline deadline = deadline_after(SAY_MS, "the cluster to be up");
    for (bool is_up = false; !is_up;) {
        redisReply *reply = redis_server_command(parts->stage.redis, "CLUSTER INFO");
        is_up = strstr(reply->str, "cluster_state:ok") != NULL;
        freeReplyObject(reply);
        if (!is_up)
            deadline_wait(&deadline);
    }
}

/* Each key of a transaction and of a script has to be in the slot of the others. */
static void works_in_a_cluster(void **state)
{
    struct parts *parts = *state;
    make_cluster_of_one(parts);
    start_ingest(parts, "");
    expect_complete(parts);
    publish(parts);
    expect_complete(parts);
    assert_int_equal(program_stop(parts->stage.ingest), 0);
    assert_int_equal(redis_server_integer(parts->stage.redis, "EXISTS " CONTRACT_PREFIX ":ingests"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(waits_out_every_refusal, setup),
        ON_INGEST_STAGE(waits_for_one_that_is_slow, setup),
        ON_INGEST_STAGE(waits_for_one_that_is_gone_or_loads, setup),
        ON_INGEST_STAGE(waits_for_the_right_password, setup),
        ON_INGEST_STAGE(works_in_a_cluster, setup_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
