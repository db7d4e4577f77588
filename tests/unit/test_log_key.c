/* A real head (DigiCert Yeti2018, public) and every way to spoil it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/tree/log_key.h"
#include "shared/base/base64.h"

static const char key_text[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESYlKFDLLFmA9JScaiaNnqlU8oWDytxIYMfswHy9Esg0aiX+W"
    "nP/yj4O0ViEHtLwbmOQeSWBGkIu9YK9CLeer+g==";
static const char sth_text[] =
    "{\"tree_size\":90785920,\"timestamp\":1588741228371,"
    "\"sha256_root_hash\":\"l+XrWXWRyp4SmATORgTfz4CcYS/VlE7CeTuWI0FAk3o=\",\"tree_head_signature\":"
    "\"BAMASDBGAiEAnaHGuwnyyHWvrfgEn3qtl1j2heMzocku6ZAItYD75m8CIQCpotlpH5GEPEfMMzky72BCuIl14FB65t5S"
    "WZ91vgTQOg==\"}";

static struct log_key *make_key(void)
{
    struct buffer der;
    buffer_init(&der, 256);
    assert_true(base64_decode(&der, bytes_of_string(key_text)));
    struct log_key *key = log_key_create(buffer_bytes(&der));
    buffer_free(&der);
    assert_non_null(key);
    return key;
}

static void accepts_a_head_that_the_log_signed(void **state)
{
    (void)state;
    struct log_key *key = make_key();
    struct signed_head head;
    assert_true(signed_head_read_sth(&head, bytes_of_string(sth_text)));
    assert_true(log_key_has_signed(key, &head));
    log_key_destroy(key);
}

static void refuses_a_head_with_anything_changed(void **state)
{
    (void)state;
    struct log_key *key = make_key();
    struct signed_head good, head;
    assert_true(signed_head_read_sth(&good, bytes_of_string(sth_text)));
    head = good;
    head.size++;
    assert_false(log_key_has_signed(key, &head));
    head = good;
    head.timestamp_ms--;
    assert_false(log_key_has_signed(key, &head));
    head = good;
    head.root.bytes[31] ^= 1;
    assert_false(log_key_has_signed(key, &head));
    for (size_t i = 0; i < good.signature_size; i++) {
        head = good;
        head.signature[i] ^= 1;
        assert_false(log_key_has_signed(key, &head));
        head = good;
        head.signature_size = i;
        assert_false(log_key_has_signed(key, &head));
    }
    head = good;
    head.signature[head.signature_size++] = 0;
    assert_false(log_key_has_signed(key, &head));
    log_key_destroy(key);
}

static void refuses_what_is_no_key_of_a_log(void **state)
{
    (void)state;
    assert_null(log_key_create((struct bytes){ 0 }));
    assert_null(log_key_create(bytes_of_string("not a key")));
    struct buffer der;
    buffer_init(&der, 256);
    assert_true(base64_decode(&der, bytes_of_string(key_text)));
    buffer_append_byte(&der, 0);
    assert_null(log_key_create(buffer_bytes(&der)));
    buffer_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_head_that_the_log_signed),
        cmocka_unit_test(refuses_a_head_with_anything_changed),
        cmocka_unit_test(refuses_what_is_no_key_of_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
