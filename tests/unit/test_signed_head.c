#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/tree/signed_head.h"
#include "shared/base/base64.h"

#define ROOT_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define DASH        "\xe2\x80\x94 "

static struct digest *sha256;
static uint8_t log_id[SHA256_SIZE];

static int setup(void **state)
{
    (void)state;
    sha256 = digest_create(DIGEST_SHA256);
    memset(log_id, 0x5a, sizeof log_id);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    digest_destroy(sha256);
    return 0;
}

static void reads_an_sth(void **state)
{
    (void)state;
    struct signed_head head;
    static const char body[] =
        "{\"tree_size\":4354630060,\"timestamp\":1779274000123,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"BAMAAzEyMw==\"}";
    assert_true(signed_head_read_sth(&head, bytes_of_string(body)));
    assert_int_equal(head.size, 4354630060);
    assert_int_equal(head.timestamp_ms, 1779274000123);
    assert_int_equal(head.root.bytes[31], 31);
    assert_int_equal(head.signature_size, 7);
    assert_memory_equal(head.signature,
                        "\x04\x03\0\x03"
                        "123",
                        7);
}

static void refuses_what_is_no_sth(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{}",
        "<html>",
        "{\"tree_size\":-1,\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"BAMA\"}",
        "{\"tree_size\":1.5,\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"BAMA\"}",
        "{\"tree_size\":1e300,\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"BAMA\"}",
        "{\"tree_size\":\"1\",\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"BAMA\"}",
        "{\"tree_size\":1,\"timestamp\":1,\"sha256_root_hash\":\"AAEC\",\"tree_head_signature\":"
        "\"BAMA\"}",
        "{\"tree_size\":1,\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64 "\"}",
        "{\"tree_size\":1,\"timestamp\":1,\"sha256_root_hash\":\"" ROOT_BASE64
        "\",\"tree_head_signature\":\"*\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct signed_head head;
        if (signed_head_read_sth(&head, bytes_of_string(wrong[i])))
            fail_msg("accepted %s", wrong[i]);
    }
}

/* The text of a signature line of this log under `origin`: key id, timestamp, signature "sig". */
static void append_signature(struct buffer *note, const char *origin)
{
    uint8_t hash[SHA256_SIZE];
    const struct bytes pieces[] = { bytes_of_string(origin), bytes_of("\n\x05", 2),
                                    bytes_of(log_id, sizeof log_id) };
    digest_pieces(sha256, hash, pieces, 3);
    struct buffer blob;
    buffer_init(&blob, 64);
    buffer_append(&blob, hash, 4);
    buffer_append(&blob, "\0\0\x01\x9b\x71\xb4\x4c\0", 8);
    buffer_append_string(&blob, "\x04\x03sig");
    buffer_append_format(note, DASH "%s ", origin);
    base64_encode(note, buffer_bytes(&blob));
    buffer_append_byte(note, '\n');
    buffer_free(&blob);
}

static bool read_note(struct signed_head *head, const char *before, const char *origin,
                      const char *after)
{
    struct buffer note;
    buffer_init(&note, 4096);
    buffer_append_string(&note, before);
    if (origin)
        append_signature(&note, origin);
    buffer_append_string(&note, after);
    bool good = signed_head_read_checkpoint(head, buffer_bytes(&note), log_id, sha256);
    buffer_free(&note);
    return good;
}

static void reads_a_checkpoint_among_other_signatures(void **state)
{
    (void)state;
    struct signed_head head;
    static const char *const befores[] = {
        "log.example/2026h2\n300\n" ROOT_BASE64 "\n\n",
        "log.example/2026h2\n300\n" ROOT_BASE64 "\nan extension\nanother\n\n",
        "log.example/2026h2\n300\n" ROOT_BASE64 "\n\n" DASH "witness.example AAAAAAECAwQ=\n",
        "log.example/2026h2\n300\n" ROOT_BASE64 "\n\n" DASH
        "log.example/2026h2 AAAAAAECAwQFBgcICQ==\n",
    };
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        assert_true(read_note(&head, befores[i], "log.example/2026h2", DASH "w AAAA\n"));
        assert_int_equal(head.size, 300);
        assert_int_equal(head.timestamp_ms, UINT64_C(0x19b71b44c00));
        assert_memory_equal(head.signature, "\x04\x03sig", 5);
        assert_int_equal(head.signature_size, 5);
    }
}

static void refuses_what_is_no_checkpoint_of_this_log(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *origin;
    } wrong[] = {
        { "", NULL },
        { "log.example\n300\n" ROOT_BASE64 "\n\n", NULL },
        { "log.example\n300\n" ROOT_BASE64 "\n\n", "other.example" },
        { "log.example\n0300\n" ROOT_BASE64 "\n\n", "log.example" },
        { "log.example\n-1\n" ROOT_BASE64 "\n\n", "log.example" },
        { "log.example\n281474976710656\n" ROOT_BASE64 "\n\n", "log.example" },
        { "log.example\n300\nAAEC\n\n", "log.example" },
        { "log.example\n300\n" ROOT_BASE64 "\n", "log.example" },
        { "\n300\n" ROOT_BASE64 "\n\n", "" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct signed_head head;
        if (read_note(&head, wrong[i].before, wrong[i].origin, ""))
            fail_msg("accepted row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_sth),
        cmocka_unit_test(refuses_what_is_no_sth),
        cmocka_unit_test(reads_a_checkpoint_among_other_signatures),
        cmocka_unit_test(refuses_what_is_no_checkpoint_of_this_log),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
