/*
 * What known consumers of CertStream read, row by row, of certificates of odd shapes, in both
 * dialects: each member is there, is of the type that the consumer takes it for, and is not null
 * where it does not expect that.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/built_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"
#include "tests/unit/certificate_builder.h"

enum {
    WAIT_MS = 30000,
    MANY_NAMES = 2000,
    DER_MAX = 1 << 20,
    /* What python's websockets takes, unless told otherwise. */
    MESSAGE_MAX = 1 << 20,
    SHAPES = 5,
};

enum type {
    ANYTHING, /* it has to be there */
    TEXT,
    TEXT_OR_NULL,
    NUMBER,
    WHOLE,
    FLAG_IF_THERE,
    LIST,
    OBJECT,
    TEXTS, /* an object of texts, but for ctlPoisonByte and the list of what is unknown */
};

#define ISSUED "data.leaf_cert.issuer."
#define LEAF   "data.leaf_cert."

/* `path`: members of members; the first of a list is "0". */
struct need {
    const char *path;
    enum type type;
};

static const struct consumer {
    const char *name;
    const char *stream;
    struct need needs[16];
} consumers[] = {
    { "certstream-python",
      "/",
      { { "message_type", TEXT },
        { "data.seen", NUMBER },
        { "data.source.url", TEXT },
        { LEAF "subject.CN", ANYTHING },
        { LEAF "all_domains", LIST } } },
    { "certstream-js, certstream-go", "/", { { "message_type", TEXT } } },
    { "certstream-java",
      "/full-stream",
      { { LEAF "subject.CN", TEXT_OR_NULL },
        { LEAF "subject.O", TEXT_OR_NULL },
        { LEAF "subject.aggregated", TEXT_OR_NULL },
        { "data.cert_index", WHOLE },
        { "data.seen", NUMBER },
        { "data.source.url", TEXT },
        { "data.source.name", TEXT } } },
    { "phishing_catcher, streamingphish",
      "/",
      { { LEAF "all_domains", LIST },
        { ISSUED "O", ANYTHING },
        { "data.seen", NUMBER },
        { "data.source.name", TEXT } } },
    { "certthreat, Substr3am, hakcertstream", "/", { { LEAF "all_domains", LIST } } },
    { "CertStreamMonitor",
      "/",
      { { LEAF "all_domains", LIST },
        { LEAF "subject.aggregated", TEXT },
        { ISSUED "aggregated", TEXT },
        { LEAF "fingerprint", TEXT },
        { LEAF "not_before", NUMBER } } },
    { "ayashige",
      "/",
      { { "data.cert_index", WHOLE },
        { "data.cert_link", TEXT },
        { "data.seen", NUMBER },
        { "data.source.name", TEXT },
        { "data.source.url", TEXT },
        { "data.update_type", TEXT } } },
    { "certwatcher",
      "/full-stream",
      { { LEAF "not_after", NUMBER },
        { LEAF "not_before", NUMBER },
        { LEAF "extensions", TEXTS },
        { LEAF "extensions.ctlPoisonByte", FLAG_IF_THERE },
        { LEAF "serial_number", TEXT },
        { LEAF "fingerprint", TEXT },
        { LEAF "as_der", TEXT } } },
    { "Watcher", "/", { { "message_type", TEXT }, { LEAF "subject.CN", TEXT_OR_NULL } } },
    { "certleak", "/", { { LEAF "extensions", OBJECT } } },
    { "certstream-elastic",
      "/full-stream",
      { { "data.seen", NUMBER },
        { "data.source.name", TEXT },
        { "data.source.url", TEXT },
        { LEAF "serial_number", TEXT },
        { LEAF "signature_algorithm", TEXT },
        { LEAF "all_domains", LIST },
        { LEAF "issuer", OBJECT },
        { LEAF "subject", OBJECT },
        { LEAF "extensions", OBJECT },
        { LEAF "not_before", NUMBER },
        { LEAF "not_after", NUMBER } } },
    { "JoshuaMart/Certstream", "/domains-only", { { "data", LIST } } },
    { "CaliDog's page", "/", { { "data.seen", NUMBER } } },
};

/* Where an issuer is known: who reads it does not expect an empty chain. */
static const struct consumer bucket_stream = { "bucket-stream",
                                               "/full-stream",
                                               { { LEAF "all_domains", LIST },
                                                 { "data.chain.0.subject.aggregated", TEXT } } };

static const cJSON *find_member(const cJSON *at, const char *path)
{
    char name[64];
    while (at && *path) {
        size_t size = strcspn(path, ".");
        assert_true(size < sizeof name);
        memcpy(name, path, size);
        name[size] = '\0';
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, (int)strtol(name, NULL, 10))
                               : cJSON_GetObjectItemCaseSensitive(at, name);
        path += size + (path[size] == '.');
    }
    return at;
}

static bool is_texts(const cJSON *object)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object) if (!cJSON_IsString(member) &&
                                           strcmp(member->string, "ctlPoisonByte") != 0 &&
                                           strcmp(member->string, "extra") != 0) return false;
    return cJSON_IsObject(object);
}

static bool is_of_type(const cJSON *member, enum type type)
{
    switch (type) {
    case ANYTHING: return member != NULL;
    case TEXT: return cJSON_IsString(member);
    case TEXT_OR_NULL: return cJSON_IsString(member) || cJSON_IsNull(member);
    case NUMBER: return cJSON_IsNumber(member);
    case WHOLE: return cJSON_IsNumber(member) && floor(member->valuedouble) == member->valuedouble;
    case FLAG_IF_THERE: return !member || cJSON_IsBool(member);
    case LIST: return cJSON_IsArray(member);
    case OBJECT: return cJSON_IsObject(member);
    case TEXTS: return is_texts(member);
    }
    return false;
}

static void check_message(const struct consumer *consumer, const char *text)
{
    cJSON *message = cJSON_Parse(text);
    assert_non_null(message);
    assert_true(strlen(text) < MESSAGE_MAX);
    for (size_t i = 0; i < 16 && consumer->needs[i].path; i++)
        if (!is_of_type(find_member(message, consumer->needs[i].path), consumer->needs[i].type))
            fail_msg("%s: %s in %.3000s", consumer->name, consumer->needs[i].path, text);
    /* Languages that know whole numbers take what has no fraction for one. */
    const char *seen = strstr(text, "\"seen\":");
    assert_true(!seen || strcspn(seen + 7, ".") < strcspn(seen + 7, ",}"));
    cJSON_Delete(message);
}

static void feed_leaf(struct streamer_stage *stage, struct bytes leaf, bool is_precertificate)
{
    const struct entry_parts parts = { .leaf = leaf, .is_precertificate = is_precertificate };
    built_feed_make(stage->redis, &parts, NULL);
}

/* No common name, no organisation, no names, no extensions; and until the end of time. */
static void feed_bare(struct streamer_stage *stage)
{
    struct buffer der, name, validity;
    buffer_init(&der, DER_MAX);
    buffer_init(&name, DER_MAX);
    buffer_init(&validity, DER_MAX);
    build_attribute(&name, "2.5.4.6", DER_PRINTABLE_STRING, bytes_of_string("XX"));
    der_write(&validity, DER_UTC_TIME, bytes_of_string("490101000000Z"));
    der_write(&validity, DER_GENERALIZED_TIME, bytes_of_string("99991231235959Z"));
    build_certificate(&der, &(struct certificate_parts){ .issuer = buffer_bytes(&name),
                                                         .subject = buffer_bytes(&name),
                                                         .validity = buffer_bytes(&validity) });
    feed_leaf(stage, buffer_bytes(&der), false);
    buffer_clear(&der);
    buffer_clear(&name);
    /* Not even a country. */
    build_certificate(
        &der, &(struct certificate_parts){ .issuer = bytes_of("", 0), .subject = bytes_of("", 0) });
    feed_leaf(stage, buffer_bytes(&der), true);
    buffer_free(&der);
    buffer_free(&name);
    buffer_free(&validity);
}

static void feed_shapes(struct streamer_stage *stage)
{
    struct buffer der;
    buffer_init(&der, DER_MAX);
    feed_bare(stage);
    build_ordinary_certificate(&der, 7, MANY_NAMES);
    feed_leaf(stage, buffer_bytes(&der), false);
    buffer_clear(&der);
    build_ordinary_certificate(&der, 8, 1);
    feed_leaf(stage, buffer_bytes(&der), true);
    const struct entry_parts plain = { 0 };
    built_feed_make(stage->redis, &plain, NULL);
    buffer_free(&der);
}

static struct websocket_client *open_dialect(const struct streamer_stage *stage,
                                             const struct consumer *consumer, const char *dialect)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s?since=0&dialect=%s", consumer->stream, dialect);
    return websocket_client_connect(streamer_stage_port(stage), path);
}

static void check_consumer(const struct streamer_stage *stage, const struct consumer *consumer,
                           const char *dialect, size_t messages)
{
    struct websocket_client *client = open_dialect(stage, consumer, dialect);
    for (size_t i = 0; i < messages; i++) {
        const char *text = websocket_client_expect(client, "", WAIT_MS);
        while (strstr(text, "\"message_type\":\"heartbeat\""))
            text = websocket_client_expect(client, "", WAIT_MS);
        check_message(consumer, text);
    }
    websocket_client_destroy(client);
}

static void every_consumer_finds_what_it_reads(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const dialects[] = { "certstream", "go" };
    feed_shapes(stage);
    for (size_t i = 0; i < sizeof consumers / sizeof *consumers; i++)
        for (size_t j = 0; j < 2; j++)
            check_consumer(stage, &consumers[i], dialects[j], SHAPES);
}

/* Known or not: an issuer that Redis does not have is an object all the same. */
static void where_there_is_a_chain_its_first_has_a_name(void **state)
{
    struct streamer_stage *stage = *state;
    const struct entry_parts parts = {
        .chain = "1111111111111111111111111111111111111111111111111111111111111111"
    };
    freeReplyObject(redis_server_command(
        stage->redis, "HSET {certstream}:issuers %s %s", parts.chain,
        "{\"subject\":{\"C\":null,\"CN\":\"A\",\"aggregated\":\"/CN=A\"},\"is_ca\":true}"));
    built_feed_make(stage->redis, &parts, NULL);
    check_consumer(stage, &bucket_stream, "certstream", 1);
}

/* Driven as certstream-python drives it; what Redis loses is told without ending it. */
static void python3_websocket_reads_on_through_a_gap(void **state)
{
    static const char application[] = CERTSTREAM_SOURCE "/tests/clients/websocket_client_app.py";
    struct streamer_stage *stage = *state;
    char url[64];
    harness_skip_unless("/usr/bin/python3 -c 'import websocket'", "python3-websocket");
    (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", streamer_stage_port(stage));
    struct program *client = program_start(
        stage->harness,
        &(struct program_options){ .name = "python-client",
                                   .arguments = (const char *const[]){
                                       "/usr/bin/python3", application, url, "10", NULL } });
    struct deadline deadline = deadline_after(WAIT_MS, "the client to connect");
    for (bool is_there = false; !is_there;) {
        struct http_answer answer = streamer_stage_get(stage, "/stats");
        is_there = strstr(http_answer_text(&answer), "\"lite\":1") != NULL;
        http_answer_free(&answer);
        if (!is_there)
            deadline_wait(&deadline);
    }
    feed_shapes(stage);
    deadline = deadline_after(WAIT_MS, "the client to get the first ones");
    for (size_t lines = 0; lines < SHAPES;) {
        char *said = program_output(client);
        lines = 0;
        for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
            lines++;
        free(said);
        if (lines < SHAPES)
            deadline_wait(&deadline);
    }
    freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    feed_shapes(stage);
    int code = program_wait(client, WAIT_MS);
    char *errors = program_errors(client);
    char *said = program_output(client);
    if (code != 0)
        fail_msg("it ended with %d: %.2000s", code, errors);
    assert_non_null(strstr(said, "gap\n"));
    free(errors);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(every_consumer_finds_what_it_reads),
        ON_STREAMER_STAGE(where_there_is_a_chain_its_first_has_a_name),
        ON_STREAMER_STAGE(python3_websocket_reads_on_through_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
