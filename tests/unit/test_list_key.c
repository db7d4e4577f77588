/* The signatures beside Chrome's real lists, and every way to spoil them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/lists/list_signature.h"
#include "shared/base/buffer.h"
#include "shared/base/hex.h"
#include "tests/unit/corpus.h"

/* SHA-256 of the SubjectPublicKeyInfo of the key that Google publishes. */
static const char pin_text[] = "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85";
static const char newest[] = "loglists/google/log_list-v85.92-2026-05-29";

static struct list_key *make_key(void)
{
    uint8_t pin[SHA256_SIZE];
    assert_true(hex_decode(pin, sizeof pin, bytes_of_string(pin_text)));
    struct buffer pem = corpus_read("loglists/google/log_list_pubkey.pem");
    const char *wrong = NULL;
    struct list_key *key = list_key_create(buffer_bytes(&pem), pin, &wrong);
    buffer_free(&pem);
    assert_non_null(key);
    return key;
}

static struct buffer read_beside(const char *name, const char *ending)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%.256s.%.8s", name, ending);
    return corpus_read(path);
}

static void check_history(const char *name, struct bytes signature, void *context)
{
    char path[256];
    (void)snprintf(path, sizeof path, "loglists/google/history/%.128s", name);
    path[strlen(path) - strlen(".sig")] = '\0';
    struct buffer text = read_beside(path, "json");
    if (!list_key_has_signed(context, buffer_bytes(&text), signature))
        fail_msg("%s is not signed", name);
    /* Each signature is of its own list only. */
    text.data[text.size / 2] ^= 1;
    assert_false(list_key_has_signed(context, buffer_bytes(&text), signature));
    buffer_free(&text);
}

static void every_signed_list_of_the_corpus_verifies(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct list_key *key = make_key();
    size_t count = corpus_visit_files("loglists/google/history", ".sig", check_history, key);
    assert_true(count >= 10);
    print_message("%zu signatures of Chrome's list\n", count);
    list_key_destroy(key);
}

static void refuses_anything_changed(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct list_key *key = make_key();
    struct buffer text = read_beside(newest, "json"), signature = read_beside(newest, "sig");
    struct bytes whole = buffer_bytes(&signature);
    assert_true(list_key_has_signed(key, buffer_bytes(&text), whole));
    for (size_t i = 0; i < signature.size; i += 37) {
        signature.data[i] ^= 0x10;
        assert_false(list_key_has_signed(key, buffer_bytes(&text), whole));
        signature.data[i] ^= 0x10;
    }
    assert_false(list_key_has_signed(key, buffer_bytes(&text), bytes_of(whole.data, 511)));
    assert_false(list_key_has_signed(key, buffer_bytes(&text), bytes_of(NULL, 0)));
    assert_false(list_key_has_signed(key, bytes_of(text.data, text.size - 1), whole));
    buffer_append_byte(&text, '\n');
    assert_false(list_key_has_signed(key, buffer_bytes(&text), whole));
    buffer_append_byte(&signature, 0);
    text.size--;
    assert_false(list_key_has_signed(key, buffer_bytes(&text), buffer_bytes(&signature)));
    buffer_free(&text);
    buffer_free(&signature);
    list_key_destroy(key);
}

/* log_list.sig of these is of another text or key, or twice as long. */
static void refuses_the_broken_variants(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct list_key *key = make_key();
    static const char *const texts[] = { "log_list_too_big", "log_list_incomplete",
                                         "log_list_no_operator_name", "log_list_tiled_logs" };
    static const char *const signatures[] = { "log_list_too_big", "log_list" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t j = 0; j < sizeof signatures / sizeof *signatures; j++) {
            char name[128];
            (void)snprintf(name, sizeof name, "loglists/test-variants/%s", texts[i]);
            struct buffer text = read_beside(name, "json");
            (void)snprintf(name, sizeof name, "loglists/test-variants/%s", signatures[j]);
            struct buffer signature = read_beside(name, "sig");
            assert_false(list_key_has_signed(key, buffer_bytes(&text), buffer_bytes(&signature)));
            buffer_free(&text);
            buffer_free(&signature);
        }
    list_key_destroy(key);
}

static void expect_refused(const char *pem, const uint8_t *pin, const char *expected)
{
    const char *wrong = NULL;
    assert_null(list_key_create(bytes_of_string(pem), pin, &wrong));
    assert_string_equal(wrong, expected);
}

static void takes_only_the_pinned_key(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    uint8_t pin[SHA256_SIZE] = { 0 };
    struct buffer pem = corpus_read("loglists/google/log_list_pubkey.pem");
    const char *wrong = NULL;
    assert_null(list_key_create(buffer_bytes(&pem), pin, &wrong));
    assert_string_equal(wrong, "the key is not the pinned one");
    /* The operator's own key file is trusted as it is. */
    struct list_key *key = list_key_create(buffer_bytes(&pem), NULL, &wrong);
    assert_non_null(key);
    list_key_destroy(key);
    buffer_free(&pem);
}

static void refuses_what_is_no_key(void **state)
{
    (void)state;
    static const char p256[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESYlKFDLLFmA9JScaiaNnqlU8oWDy\n"
                               "txIYMfswHy9Esg0aiX+WnP/yj4O0ViEHtLwbmOQeSWBGkIu9YK9CLeer+g==\n"
                               "-----END PUBLIC KEY-----\n";
    expect_refused("", NULL, "the key is no PEM");
    expect_refused("<html>", NULL, "the key is no PEM");
    expect_refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", NULL,
                   "the key is no RSA key of 2048 to 8192 bits");
    expect_refused(p256, NULL, "the key is no RSA key of 2048 to 8192 bits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signed_list_of_the_corpus_verifies),
        cmocka_unit_test(refuses_anything_changed),
        cmocka_unit_test(refuses_the_broken_variants),
        cmocka_unit_test(takes_only_the_pinned_key),
        cmocka_unit_test(refuses_what_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
