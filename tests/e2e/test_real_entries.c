/*
 * Real entries of real logs, served by the local CT log as both kinds of log, arrive with the
 * names, hashes, times and indexes that OpenSSL reads in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/given_entry.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    COLONED_SIZE = 3 * SHA256_DIGEST_LENGTH
};

static int setup(void **state)
{
    *state = harness_create();
    return 0;
}

static int teardown(void **state)
{
    return harness_destroy(*state);
}

static const char *string_at(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert_non_null(text);
    return text;
}

static void check_hash(const cJSON *certificate, const char *name, const uint8_t *hash, size_t size)
{
    char text[COLONED_SIZE + 1];
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 3 * i, 4, "%02X:", hash[i]);
    text[3 * size - 1] = '\0';
    assert_string_equal(string_at(certificate, name), text);
}

static void check_message(const cJSON *message, const struct given_entry *entry, uint64_t index)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
    const cJSON *certificate = cJSON_GetObjectItemCaseSensitive(data, "leaf_cert");
    assert_string_equal(string_at(data, "update_type"),
                        entry->is_precertificate ? "PrecertLogEntry" : "X509LogEntry");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(data, "cert_index")->valuedouble, index);
    assert_null(cJSON_GetObjectItemCaseSensitive(data, "parse_error"));
    double seconds = cJSON_GetObjectItemCaseSensitive(data, "submission_timestamp")->valuedouble;
    assert_int_equal(seconds * 1000 + 0.5, entry->timestamp_ms);
    check_hash(certificate, "sha1", entry->sha1, sizeof entry->sha1);
    check_hash(certificate, "fingerprint", entry->sha1, sizeof entry->sha1);
    check_hash(certificate, "sha256", entry->sha256, sizeof entry->sha256);
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(certificate, "all_domains");
    assert_int_equal(cJSON_GetArraySize(names), entry->name_count);
    for (size_t i = 0; i < entry->name_count; i++)
        assert_string_equal(cJSON_GetArrayItem(names, (int)i)->valuestring, entry->names[i]);
}

static const redisReply *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    fail_msg("no field %s", name);
    return NULL;
}

static void check_entry(struct redis_server *redis, const redisReply *fields,
                        const struct given_entry *entries)
{
    uint64_t index = strtoull(field_of(fields, CONTRACT_FIELD_INDEX)->str, NULL, 10);
    const struct given_entry *entry = &entries[index];
    const redisReply *der = field_of(fields, CONTRACT_FIELD_DER);
    assert_int_equal(der->len, entry->der.size);
    assert_memory_equal(der->str, entry->der.data, der->len);

    const redisReply *json = field_of(fields, CONTRACT_FIELD_JSON);
    cJSON *message = cJSON_ParseWithLength(json->str, json->len);
    check_message(message, entry, index);
    cJSON_Delete(message);

    const redisReply *chain = field_of(fields, CONTRACT_FIELD_CHAIN);
    assert_int_equal((chain->len + 1) / 65, entry->chain_length);
    for (size_t i = 0; i < entry->chain_length; i++)
        assert_int_equal(redis_server_integer(redis, "HEXISTS " CONTRACT_PREFIX ":issuers %b",
                                              chain->str + 65 * i, (size_t)64),
                         1);
}

static void check_file(struct harness *harness, const char *name, size_t logs)
{
    char path[HARNESS_PATH_SIZE];
    harness_corpus_path(path, name);
    size_t count;
    struct given_entry *entries = given_entries_read(path, &count);
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    const char *const ct_log[] = { "--entries", path, NULL };
    struct program *log = daemon_start_ct_log(harness, "ct_log", ct_log);
    const char *const ingest[] = { "--start", "0", NULL };
    (void)daemon_start_ingest(harness, "ingest", redis, log, ingest);

    struct stream_check check = { 0 };
    stream_check_expect(&check, redis, logs, 0, count);
    redisReply *stream = redis_server_command(redis, "XRANGE " CONTRACT_PREFIX ":stream - +");
    for (size_t i = 0; i < stream->elements; i++)
        check_entry(redis, stream->element[i]->element[1], entries);
    freeReplyObject(stream);
    redis_server_destroy(redis);
    given_entries_free(entries, count);
}

static void entries_of_argon2026(void **state)
{
    check_file(*state,
               "entries/real/"
               "get-entries.ct-googleapis-com-logs-us1-argon2026h2.1111014090-1111014109.json",
               1);
}

static void entries_of_argon2020(void **state)
{
    check_file(*state, "entries/real/get-entries.argon2020.10000-10000.json", 1);
}

static void entries_of_2013(void **state)
{
    check_file(*state, "entries/real/get-entries.pilot-2013.0-3.json", 1);
}

static void entries_of_a_tiled_log_as_both_kinds_of_log(void **state)
{
    check_file(*state, "entries/derived/get-entries.navigli2025h2.0-255.json", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_of_argon2026, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_of_argon2020, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_of_2013, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_of_a_tiled_log_as_both_kinds_of_log, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
