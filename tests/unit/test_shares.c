#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/message/message_view.h"
#include "streamer/http/share_answer.h"
#include "streamer/http/shares.h"
#include "tests/unit/entry_builder.h"

enum {
    S = 1000,
    MINUTE = 60 * S,
};

/* Noon. */
static const uint64_t noon_ms = UINT64_C(19675) * 86400 * S + UINT64_C(43200) * S;

/* Just what is looked at, in the form that ingest stores. */
struct made {
    const char *type, *organization, *common_name, *times, *key, *policies, *domains;
};

struct made_entry {
    char json[2048];
    struct stream_entry entry;
};

static void make_entry(struct made_entry *made, const struct made *parts)
{
    int size = snprintf(
        made->json, sizeof made->json,
        "{\"message_type\":\"certificate_update\",\"data\":{\"update_type\":\"X509LogEntry\","
        "\"source\":{\"name\":\"N\",\"url\":\"U\",\"operator\":\"O \\\"p\\\"\",\"log_id\":\"I\","
        "\"type\":\"%s\",\"timestamp\":1.000},\"leaf_cert\":{\"all_domains\":%s,"
        "\"extensions\":{\"certificatePolicies\":\"%s\"},\"fingerprint\":\"\",\"is_ca\":false,"
        "\"issuer\":{\"C\":null,\"CN\":%s,\"L\":null,\"O\":%s},%s,\"public_key\":%s}}}",
        parts->type, parts->domains, parts->policies, parts->common_name, parts->organization,
        parts->times, parts->key);
    made->entry = (struct stream_entry){ .json = bytes_of(made->json, (size_t)size),
                                         .domains = bytes_of_string(parts->domains) };
}

static const struct made ordinary = {
    "tiled",
    "\"Good \\u00e9 CA\"",
    "\"R1\"",
    "\"not_after\":8640000,\"not_before\":864001",
    "{\"type\":\"ec\",\"curve\":\"P-256\",\"spki_sha256\":\"\"}",
    "Policy: 2.23.140.1.2.1\\nPolicy: 1.2.3\\n",
    "[\"www.Example.COM\",\"b.org\"]",
};

static char *only_value(const struct shares *shares, enum share_kind kind)
{
    static char text[TOP_VALUE_SIZE + 1];
    struct shares_total *total = malloc(sizeof *total);
    shares_sum(shares, noon_ms, total);
    const struct top_values *values = &total->values[kind];
    assert_in_range(values->count, 0, 1);
    size_t size = values->count ? values->items[0].size : 0;
    memcpy(text, values->items[0].text, size);
    text[size] = '\0';
    free(total);
    return text;
}

static void expect(const struct made *parts, enum share_kind kind, const char *value)
{
    struct made_entry made;
    struct shares *shares = shares_create(noon_ms);
    make_entry(&made, parts);
    shares_add(shares, &made.entry, 1, 1, noon_ms);
    assert_string_equal(only_value(shares, kind), value);
    shares_destroy(shares);
}

static void finds_each_share(void **state)
{
    (void)state;
    expect(&ordinary, SHARE_ISSUERS, "Good \xc3\xa9 CA");
    expect(&ordinary, SHARE_OPERATORS, "O \"p\"");
    expect(&ordinary, SHARE_LOG_KINDS, "tiled");
    expect(&ordinary, SHARE_LIFETIMES, "48 to 90 days");
    expect(&ordinary, SHARE_KEYS, "ec P-256");
    expect(&ordinary, SHARE_DOMAINS, "com");
    expect(&ordinary, SHARE_LEVELS, "domain");
    struct made nameless = ordinary;
    nameless.organization = "null";
    expect(&nameless, SHARE_ISSUERS, "R1");
}

static void tells_lifetimes_apart(void **state)
{
    (void)state;
    static const struct {
        const char *times, *name;
    } rows[] = {
        { "\"not_after\":604799,\"not_before\":0", "up to 7 days" },
        { "\"not_after\":604800,\"not_before\":0", "8 to 47 days" },
        { "\"not_after\":4060799,\"not_before\":0", "8 to 47 days" },
        { "\"not_after\":7775999,\"not_before\":0", "48 to 90 days" },
        { "\"not_after\":8639999,\"not_before\":0", "91 to 100 days" },
        { "\"not_after\":17279999,\"not_before\":0", "101 to 200 days" },
        { "\"not_after\":0,\"not_before\":-34387199", "201 to 398 days" },
        { "\"not_after\":253402300799,\"not_before\":0", "over 398 days" },
        { "\"not_after\":0,\"not_before\":1", "" },
        { "\"not_after\":null,\"not_before\":1", "" },
        { "\"not_after\":5,\"not_before\":null", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made parts = ordinary;
        parts.times = rows[i].times;
        expect(&parts, SHARE_LIFETIMES, rows[i].name);
    }
}

static void tells_keys_domains_and_levels_apart(void **state)
{
    (void)state;
    static const struct {
        enum share_kind kind;
        const char *given, *name;
    } rows[] = {
        { SHARE_KEYS, "{\"type\":\"rsa\",\"bits\":2048,\"spki_sha256\":\"\"}", "rsa 2048" },
        { SHARE_KEYS, "{\"type\":\"ml-dsa-65\",\"spki_sha256\":\"\"}", "ml-dsa-65" },
        { SHARE_KEYS, "{\"type\":\"ec\",\"curve\":null,\"spki_sha256\":\"\"}", "ec" },
        { SHARE_KEYS, "null", "" },
        { SHARE_DOMAINS, "[\"a.xn--p1ai\"]", "xn--p1ai" },
        { SHARE_DOMAINS, "[]", "" },
        { SHARE_DOMAINS, "[\"localhost\"]", "" },
        { SHARE_DOMAINS, "[\"192.0.2.1\"]", "" },
        { SHARE_DOMAINS, "[\"a.b\\\"c\"]", "" },
        { SHARE_LEVELS, "Policy: 2.23.140.1.1\\n", "extended" },
        { SHARE_LEVELS, "Policy: 2.23.140.1.2.2\\n", "organization" },
        { SHARE_LEVELS, "Policy: 2.23.140.1.2.3\\n", "individual" },
        { SHARE_LEVELS, "Policy: 2.23.140.1.2.10\\n", "" },
        { SHARE_LEVELS, "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made parts = ordinary;
        if (rows[i].kind == SHARE_KEYS)
            parts.key = rows[i].given;
        else if (rows[i].kind == SHARE_DOMAINS)
            parts.domains = rows[i].given;
        else
            parts.policies = rows[i].given;
        expect(&parts, rows[i].kind, rows[i].name);
    }
}

/* What is asked of a message is found in one that ingest's own code wrote. */
static void reads_what_ingest_writes(void **state)
{
    (void)state;
    struct built_entry built;
    struct message_certificate_view certificate;
    build_entry(&built, &(struct entry_parts){ .names = { bytes_of_string("a.example.net") } });
    assert_true(message_view_certificate(built.entry.json, &certificate));
    assert_true(certificate.has_lifetime);
    assert_true(bytes_equal_string(certificate.issuer.organization, "Example Trust Services"));
    assert_true(certificate.key_type.size > 0);
    struct shares *shares = shares_create(noon_ms);
    shares_add(shares, &built.entry, 1, 1, noon_ms);
    assert_string_equal(only_value(shares, SHARE_ISSUERS), "Example Trust Services");
    assert_string_equal(only_value(shares, SHARE_OPERATORS), "Example Operator");
    assert_string_equal(only_value(shares, SHARE_LOG_KINDS), "rfc6962");
    assert_string_equal(only_value(shares, SHARE_DOMAINS), "net");
    shares_destroy(shares);
    built_entry_free(&built);
}

static void counts_seconds_and_what_is_unique(void **state)
{
    (void)state;
    struct shares *shares = shares_create(noon_ms);
    struct built_entry built[3];
    struct stream_entry entries[3];
    static const struct entry_parts parts[] = {
        { .id = "1-0", .number = 1, .is_precertificate = true },
        { .id = "2-0", .number = 2 },
        { .id = "3-0", .number = 2 },
    };
    for (size_t i = 0; i < 3; i++) {
        build_entry(&built[i], &parts[i]);
        entries[i] = built[i].entry;
    }
    shares_add(shares, entries, 3, 2, noon_ms);
    shares_add(shares, entries, 1, 1, noon_ms + (uint64_t)2 * S);
    struct shares_second second = shares_second_ago(shares, noon_ms + (uint64_t)2 * S, 2);
    assert_int_equal(second.entries, 3);
    assert_int_equal(second.precertificates, 1);
    assert_int_equal(second.unique, 2);
    assert_int_equal(shares_second_ago(shares, noon_ms + (uint64_t)2 * S, 1).entries, 0);
    assert_int_equal(shares_second_ago(shares, noon_ms + (uint64_t)2 * S, 0).entries, 1);
    for (size_t i = 0; i < 3; i++)
        built_entry_free(&built[i]);
    shares_destroy(shares);
}

static void a_day_ends_at_midnight(void **state)
{
    (void)state;
    struct made_entry made;
    struct shares *shares = shares_create(noon_ms);
    make_entry(&made, &ordinary);
    shares_add(shares, &made.entry, 1, 1, noon_ms + S);
    assert_int_equal(shares_today(shares, noon_ms + (uint64_t)2 * S).entries, 1);
    assert_int_equal(shares_today(shares, noon_ms + (uint64_t)2 * S).from_ms, noon_ms);
    uint64_t midnight_ms = noon_ms + UINT64_C(43200) * S;
    assert_int_equal(shares_today(shares, midnight_ms + 5).entries, 0);
    assert_int_equal(shares_today(shares, midnight_ms + 5).from_ms, midnight_ms);
    shares_add(shares, &made.entry, 1, 1, midnight_ms + 7);
    assert_int_equal(shares_today(shares, midnight_ms + 9).entries, 1);
    assert_int_equal(shares_today(shares, midnight_ms + 9).from_ms, midnight_ms);
    shares_destroy(shares);
}

static void minutes_pass(void **state)
{
    (void)state;
    struct made_entry made;
    struct shares_total *total = malloc(sizeof *total);
    struct shares *shares = shares_create(noon_ms);
    make_entry(&made, &ordinary);
    for (uint64_t minute = 0; minute < SHARES_MINUTES; minute++)
        shares_add(shares, &made.entry, 1, 1, noon_ms + minute * MINUTE);
    for (uint64_t minute = 0; minute <= SHARES_MINUTES; minute++) {
        shares_sum(shares, noon_ms + (SHARES_MINUTES - 1 + minute) * MINUTE, total);
        assert_int_equal(total->entries, SHARES_MINUTES - minute);
        assert_int_equal(total->values[SHARE_KEYS].items[0].count, total->entries);
    }
    /* A clock that was set back counts on where it was. */
    shares_add(shares, &made.entry, 1, 1, noon_ms);
    shares_sum(shares, noon_ms + (uint64_t)(SHARES_MINUTES - 1) * MINUTE, total);
    assert_int_equal(total->entries, SHARES_MINUTES + 1);
    shares_destroy(shares);
    free(total);
}

/* Half of them of each of two operators' kinds of log, in turn. */
static void looks_at_some_of_many(void **state)
{
    (void)state;
    enum {
        MANY = 20000
    };
    struct made_entry tiled, rfc6962;
    struct made parts = ordinary;
    struct shares_total *total = malloc(sizeof *total);
    struct shares *shares = shares_create(noon_ms);
    make_entry(&tiled, &parts);
    parts.type = "rfc6962";
    make_entry(&rfc6962, &parts);
    for (size_t i = 0; i < MANY; i++)
        shares_add(shares, i % 2 ? &tiled.entry : &rfc6962.entry, 1, 1, noon_ms);
    shares_sum(shares, noon_ms, total);
    assert_int_equal(total->entries, MANY);
    assert_in_range(total->looked_at, 500, MANY / 8);
    const struct top_values *values = &total->values[SHARE_LOG_KINDS];
    assert_int_equal(values->count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_in_range(values->items[i].count, MANY / 2 - MANY / 10, MANY / 2 + MANY / 10);
    assert_int_equal(shares_second_ago(shares, noon_ms, 0).unique, MANY);
    shares_destroy(shares);
    free(total);
}

static void is_bounded_against_strangers(void **state)
{
    (void)state;
    struct shares *shares = shares_create(noon_ms);
    struct share_answer *answer = share_answer_create(shares);
    char name[128];
    for (unsigned i = 0; i < 3000; i++) {
        struct made_entry made;
        struct made parts = ordinary;
        (void)snprintf(name, sizeof name, "\"\\u0001\\u0002%090u<script>\"", i);
        parts.organization = name;
        make_entry(&made, &parts);
        shares_add(shares, &made.entry, 1, 1, noon_ms);
        assert_in_range(share_answer_get(answer, noon_ms + (uint64_t)i * S).size, 1, 256 * 1024);
    }
    share_answer_destroy(answer);
    shares_destroy(shares);
}

static void answers_once_a_second(void **state)
{
    (void)state;
    struct made_entry made;
    struct shares *shares = shares_create(noon_ms);
    struct share_answer *answer = share_answer_create(shares);
    make_entry(&made, &ordinary);
    shares_add(shares, &made.entry, 1, 1, noon_ms);
    struct bytes text = share_answer_get(answer, noon_ms + S);
    cJSON *json = cJSON_ParseWithLength((const char *)text.data, text.size);
    assert_non_null(json);
    assert_int_equal(cJSON_GetObjectItem(json, "entries")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(json, "looked_at")->valueint, 1);
    const cJSON *rates = cJSON_GetObjectItem(json, "per_second");
    const cJSON *rate = cJSON_GetObjectItem(rates, "entries");
    uint64_t noon_s = noon_ms / S;
    assert_int_equal(cJSON_GetArraySize(rate), SHARES_SECONDS - 1);
    assert_int_equal(cJSON_GetArrayItem(rate, SHARES_SECONDS - 2)->valueint, 1);
    assert_true(cJSON_GetObjectItem(rates, "newest")->valuedouble == (double)noon_s);
    const cJSON *shares_json = cJSON_GetObjectItem(json, "shares");
    assert_int_equal(cJSON_GetArraySize(shares_json), SHARE_KINDS);
    const cJSON *key = cJSON_GetArrayItem(cJSON_GetObjectItem(shares_json, "keys"), 0);
    assert_string_equal(cJSON_GetObjectItem(key, "value")->valuestring, "ec P-256");
    assert_int_equal(cJSON_GetObjectItem(key, "entries")->valueint, 1);
    cJSON_Delete(json);
    shares_add(shares, &made.entry, 1, 1, noon_ms + S);
    size_t size = text.size;
    assert_int_equal(share_answer_get(answer, noon_ms + S + 999).size, size);
    text = share_answer_get(answer, noon_ms + (uint64_t)2 * S);
    json = cJSON_ParseWithLength((const char *)text.data, text.size);
    assert_int_equal(cJSON_GetObjectItem(json, "entries")->valueint, 2);
    cJSON_Delete(json);
    share_answer_destroy(answer);
    shares_destroy(shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_share),
        cmocka_unit_test(tells_lifetimes_apart),
        cmocka_unit_test(tells_keys_domains_and_levels_apart),
        cmocka_unit_test(reads_what_ingest_writes),
        cmocka_unit_test(counts_seconds_and_what_is_unique),
        cmocka_unit_test(a_day_ends_at_midnight),
        cmocka_unit_test(minutes_pass),
        cmocka_unit_test(looks_at_some_of_many),
        cmocka_unit_test(is_bounded_against_strangers),
        cmocka_unit_test(answers_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
