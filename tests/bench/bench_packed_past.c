/*
 * What the past costs the streamer, per entry, in microseconds of its processor time: one client
 * that wants all of it, of each stream, first from the stream and then from packed history. Keys,
 * signatures and SCTs are random, each certificate is in three logs.
 *
 * Variables: BENCH_ENTRIES (60000).
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/redis/contract.h"
#include "shared/x509/certificate.h"
#include "tests/bench/receivers.h"
#include "tests/e2e/packed_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/certificate_builder.h"

enum {
    ENTRIES = 60000,
    BLOCK = 8000,
    COPIES = 3,
    /* Copies of a certificate are so many certificates apart. */
    APART = 500,
    LIMIT = 1 << 20,
    RUN_MIN = 24,
    SKIP_SIZE = 60,
    TURN_MS = 5,
};

#define STREAM CONTRACT_PREFIX ":stream"

/* What is filler in the certificate, runs of one byte, becomes random. */
static void fill_in(struct buffer *der, uint64_t number)
{
    struct seeded_random random = seeded_random_of("bench_packed_past", "filler", number);
    for (size_t start = 0; start < der->size;) {
        size_t end = start;
        while (end < der->size && der->data[end] == der->data[start])
            end++;
        if (end - start >= RUN_MIN)
            seeded_random_fill(&random, der->data + start, end - start);
        start = end;
    }
}

static void add_entry(struct redis_server *redis, struct certificate *certificate, uint64_t number)
{
    struct buffer der, json, domains;
    char log[2 * SHA256_SIZE + 1];
    char tbs[2 * SHA256_SIZE + 1];
    uint64_t copy = number % COPIES;
    uint64_t own = number / COPIES > copy * APART ? number / COPIES - copy * APART : number;
    const struct message_source source = {
        .name = "Example 'Oak' log",
        .url = "https://oak.example/2026/",
        .operator_name = "Example Operator",
        .log_id_base64 = copy == 0   ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                         : copy == 1 ? "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
                                     : "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
    };
    const struct message_entry entry = {
        .source = &source,
        .index = number,
        .timestamp_ms = 1700000000000 + number,
        .seen_ms = 1700000001250 + number,
    };
    buffer_init(&der, LIMIT);
    buffer_init(&json, LIMIT);
    buffer_init(&domains, LIMIT);
    build_ordinary_certificate(&der, own, 2);
    fill_in(&der, own);
    (void)certificate_parse(certificate, buffer_bytes(&der));
    message_write(&json, &entry, certificate);
    certificate_json_write_domains(&domains, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    uint8_t id[SHA256_SIZE];
    memset(id, (int)copy, sizeof id);
    hex_encode(log, bytes_of(id, sizeof id));
    hex_encode(tbs, bytes_of(certificate_tbs_sha256(certificate), SHA256_SIZE));
    freeReplyObject(redis_server_command(
        redis, "XADD " STREAM " * json %b domains %b der %b chain %s log %s index %llu tbs %s",
        json.data, json.size, domains.data, domains.size, der.data, der.size, "", log,
        (unsigned long long)number, tbs));
    buffer_free(&der);
    buffer_free(&json);
    buffer_free(&domains);
}

static const char *const paths[] = {
    "/?since=0",
    "/domains-only?since=0",
    "/full-stream?since=0",
    "/?since=0&dialect=go",
    "/domains-only?since=0&match=customer-77",
};

/* A streamer of its own, which has nothing in memory yet. */
static double measure(struct streamer_stage *stage, const char *name, const char *path,
                      uint64_t entries)
{
    static const char *const arguments[] = { "--replay-rate", "4g", "--customer-replay-rate", "0",
                                             NULL };
    struct program *streamer = streamer_stage_start_another(stage, name, arguments);
    bool is_filtered = strstr(path, "match");
    double before = program_cpu_seconds(streamer);
    struct receivers *client =
        receivers_connect(program_port(streamer), path, false, 1, SKIP_SIZE, false);
    struct deadline deadline = deadline_after(300000, path);
    char line[64];
    bool is_behind = true;
    while (is_filtered ? is_behind : receivers_totals(client).messages < entries) {
        receivers_turn(client, TURN_MS);
        if (is_filtered) {
            struct http_answer answer = http_get_local(program_port(streamer), "/metrics");
            (void)snprintf(line, sizeof line, "\ncertstream_clients_behind 0\n");
            is_behind = !strstr(http_answer_text(&answer), line);
            http_answer_free(&answer);
        }
        if (deadline_has_passed(&deadline))
            fail_msg("%s: %" PRIu64 " messages", path, receivers_totals(client).messages);
    }
    double after = program_cpu_seconds(streamer);
    receivers_destroy(client);
    program_kill(streamer);
    return (after - before) * 1e6 / (double)entries;
}

static void the_past_costs(void **state)
{
    struct streamer_stage *stage = *state;
    uint64_t entries = harness_setting("BENCH_ENTRIES", ENTRIES);
    struct certificate *certificate = certificate_create();
    struct packed_feed *feed = packed_feed_create(stage->redis);
    double plain[sizeof paths / sizeof *paths];
    char name[32];
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    for (uint64_t number = 0; number < entries; number++)
        add_entry(stage->redis, certificate, number);
    long long bytes = redis_server_integer(stage->redis, "MEMORY USAGE " STREAM " SAMPLES 100");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        (void)snprintf(name, sizeof name, "plain-%zu", i);
        plain[i] = measure(stage, name, paths[i], entries);
    }
    while (packed_feed_pack(feed, BLOCK, false) == BLOCK)
        continue;
    print_message("%" PRIu64 " entries, %.0f bytes each in the stream\n", entries,
                  (double)bytes / (double)entries);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        (void)snprintf(name, sizeof name, "packed-%zu", i);
        double packed = measure(stage, name, paths[i], entries);
        print_message("%-42s plain %5.1f us, packed %5.1f us: %.0f entries/s\n", paths[i], plain[i],
                      packed, 1e6 / packed);
    }
    packed_feed_destroy(feed);
    certificate_destroy(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(the_past_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
