#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/make/issuer_set.h"

static void make_fingerprint(uint8_t *fingerprint, uint32_t number)
{
    memset(fingerprint, 0, SHA256_SIZE);
    memcpy(fingerprint + 20, &number, sizeof number);
}

static void knows_what_was_added_until_it_is_cleared(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    uint8_t fingerprint[SHA256_SIZE];
    /* All begin with the same bytes, so all fall onto one place. */
    for (uint32_t i = 0; i < 500; i++) {
        make_fingerprint(fingerprint, i);
        assert_null(issuer_set_find(set, fingerprint));
        issuer_set_add(set, fingerprint, NULL);
        issuer_set_add(set, fingerprint, NULL);
        assert_non_null(issuer_set_find(set, fingerprint));
    }
    issuer_set_clear(set);
    for (uint32_t i = 0; i < 500; i++) {
        make_fingerprint(fingerprint, i);
        assert_null(issuer_set_find(set, fingerprint));
    }
    issuer_set_destroy(set);
}

static void keeps_what_is_known_of_an_issuer(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    const struct precertificate_issuer issuer = { .key_hash = { 1, 2, 3 }, .is_signer = true };
    uint8_t with_key[SHA256_SIZE] = { 7 }, without_key[SHA256_SIZE] = { 8 };
    issuer_set_add(set, with_key, &issuer);
    issuer_set_add(set, without_key, NULL);
    const struct known_issuer *known = issuer_set_find(set, with_key);
    assert_true(known->has_key && known->issuer.is_signer);
    assert_memory_equal(known->issuer.key_hash, issuer.key_hash, SHA256_SIZE);
    assert_false(issuer_set_find(set, without_key)->has_key);
    issuer_set_destroy(set);
}

static void starts_anew_when_it_is_full(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    uint8_t fingerprint[SHA256_SIZE];
    for (uint32_t i = 0; i <= ISSUER_SET_MAX; i++) {
        digest_bytes(sha256, fingerprint, bytes_of(&i, sizeof i));
        issuer_set_add(set, fingerprint, NULL);
        assert_non_null(issuer_set_find(set, fingerprint));
    }
    uint32_t first = 0;
    digest_bytes(sha256, fingerprint, bytes_of(&first, sizeof first));
    assert_null(issuer_set_find(set, fingerprint));
    digest_destroy(sha256);
    issuer_set_destroy(set);
}

static void a_remembered_fingerprint_is_that_of_the_whole_certificate(void **state)
{
    (void)state;
    struct issuer_set *set = issuer_set_create();
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    uint8_t der[100];
    memset(der, 7, sizeof der);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t size = 0; size < sizeof der; size++) {
            uint8_t expected[SHA256_SIZE], fingerprint[SHA256_SIZE];
            /* Equal tails: what differs stands at the front. */
            der[0] = (uint8_t)size;
            digest_bytes(sha256, expected, bytes_of(der, size));
            issuer_set_fingerprint(set, bytes_of(der, size), fingerprint);
            assert_memory_equal(fingerprint, expected, SHA256_SIZE);
        }
    }
    digest_destroy(sha256);
    issuer_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_added_until_it_is_cleared),
        cmocka_unit_test(keeps_what_is_known_of_an_issuer),
        cmocka_unit_test(starts_anew_when_it_is_full),
        cmocka_unit_test(a_remembered_fingerprint_is_that_of_the_whole_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
