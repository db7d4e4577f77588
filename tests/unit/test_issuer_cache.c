#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "streamer/stream/issuer_cache.h"

enum {
    KEY_SIZE = 32,
    MANY = 3000,
};

/* Keys whose first bytes are alike, so that they share slots. */
static void make_key(uint8_t *key, uint32_t number)
{
    memset(key, 0, KEY_SIZE);
    key[0] = (uint8_t)(number % 4);
    memcpy(key + 20, &number, sizeof number);
}

static void finds_what_was_put_however_many(void **state)
{
    (void)state;
    struct issuer_cache *issuers = issuer_cache_create(1 << 20);
    uint8_t key[KEY_SIZE];
    struct bytes found;
    for (uint32_t i = 0; i < MANY; i++) {
        make_key(key, i);
        assert_false(issuer_cache_find(issuers, key, 1, &found));
        issuer_cache_put(issuers, key, bytes_of(&i, sizeof i));
    }
    assert_int_equal(issuer_cache_count(issuers), MANY);
    assert_int_equal(issuer_cache_bytes(issuers), MANY * sizeof(uint32_t));
    for (uint32_t i = 0; i < MANY; i++) {
        make_key(key, i);
        assert_true(issuer_cache_find(issuers, key, 1, &found));
        assert_true(bytes_equal(found, bytes_of(&i, sizeof i)));
    }
    issuer_cache_destroy(issuers);
}

static void the_last_object_put_counts(void **state)
{
    (void)state;
    struct issuer_cache *issuers = issuer_cache_create(1 << 20);
    uint8_t key[KEY_SIZE] = { 1 };
    struct bytes found;
    issuer_cache_put(issuers, key, bytes_of_string("{\"long\":1}"));
    issuer_cache_put(issuers, key, bytes_of_string("{}"));
    assert_true(issuer_cache_find(issuers, key, 1, &found));
    assert_true(bytes_equal_string(found, "{}"));
    assert_int_equal(issuer_cache_count(issuers), 1);
    assert_int_equal(issuer_cache_bytes(issuers), 2);
    issuer_cache_destroy(issuers);
}

static void forgets_when_trimmed_above_its_limit_and_only_then(void **state)
{
    (void)state;
    struct issuer_cache *issuers = issuer_cache_create(10);
    uint8_t key[KEY_SIZE] = { 1 };
    uint8_t other[KEY_SIZE] = { 2 };
    struct bytes found;
    issuer_cache_put(issuers, key, bytes_of_string("0123456789"));
    issuer_cache_trim(issuers);
    assert_true(issuer_cache_find(issuers, key, 1, &found));
    issuer_cache_put(issuers, other, bytes_of_string("x"));
    assert_true(issuer_cache_find(issuers, key, 1, &found));
    issuer_cache_trim(issuers);
    assert_false(issuer_cache_find(issuers, key, 1, &found));
    assert_false(issuer_cache_find(issuers, other, 1, &found));
    assert_int_equal(issuer_cache_bytes(issuers), 0);
    issuer_cache_destroy(issuers);
}

static void an_absent_issuer_has_every_key_and_its_fingerprint(void **state)
{
    (void)state;
    static const char *const nulls[] = { "not_before",          "not_after", "serial_number",
                                         "fingerprint",         "sha1",      "is_ca",
                                         "signature_algorithm", "as_der" };
    struct issuer_cache *issuers = issuer_cache_create(1 << 20);
    uint8_t key[KEY_SIZE] = { 0x00, 0xab, 0xff };
    struct bytes found;
    issuer_cache_put_absent(issuers, key, 100);
    assert_true(issuer_cache_find(issuers, key, 99, &found));
    cJSON *object = cJSON_ParseWithLength((const char *)found.data, found.size);
    assert_non_null(object);
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        assert_true(cJSON_IsNull(cJSON_GetObjectItem(object, nulls[i])));
    const char *sha256 = cJSON_GetStringValue(cJSON_GetObjectItem(object, "sha256"));
    assert_int_equal(strlen(sha256), 3 * KEY_SIZE - 1);
    assert_memory_equal(sha256, "00:AB:FF:00:", 12);
    cJSON *subject = cJSON_GetObjectItem(object, "subject");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(subject, "aggregated")));
    assert_true(cJSON_IsArray(cJSON_GetObjectItem(object, "all_domains")));
    cJSON_Delete(object);
    issuer_cache_destroy(issuers);
}

static void an_absent_issuer_is_asked_for_again(void **state)
{
    (void)state;
    struct issuer_cache *issuers = issuer_cache_create(1 << 20);
    uint8_t key[KEY_SIZE] = { 1 };
    struct bytes found;
    issuer_cache_put_absent(issuers, key, 100);
    assert_false(issuer_cache_find(issuers, key, 100, &found));
    issuer_cache_put(issuers, key, bytes_of_string("{}"));
    assert_true(issuer_cache_find(issuers, key, 100, &found));
    assert_int_equal(issuer_cache_count(issuers), 1);
    issuer_cache_destroy(issuers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_however_many),
        cmocka_unit_test(the_last_object_put_counts),
        cmocka_unit_test(forgets_when_trimmed_above_its_limit_and_only_then),
        cmocka_unit_test(an_absent_issuer_has_every_key_and_its_fingerprint),
        cmocka_unit_test(an_absent_issuer_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
