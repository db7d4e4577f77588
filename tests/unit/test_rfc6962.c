#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/ct/rfc6962.h"
#include "shared/base/hex.h"

/* An x509_entry whose certificate is "abc", with an empty chain. */
#define LEAF  "AAAAAAGLz+VoewAAAAADYWJjAAA="
#define ENTRY "{\"leaf_input\":\"" LEAF "\",\"extra_data\":\"AAAA\"}"

static size_t count_entries(const char *body, bool *opened, bool *at_end)
{
    struct rfc6962_page page;
    struct entry entry;
    size_t count = 0;
    *opened = rfc6962_page_open(&page, bytes_of_string(body));
    while (*opened && rfc6962_page_next(&page, &entry)) {
        assert_null(entry.malformed);
        assert_true(bytes_equal_string(entry.certificate, "abc"));
        assert_int_equal(entry.timestamp_ms, 1700000000123);
        count++;
    }
    *at_end = !page.left;
    rfc6962_page_clear(&page);
    return count;
}

static void reads_pages(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool opens;
        size_t count;
        bool reaches_the_end;
    } rows[] = {
        { "{\"entries\":[" ENTRY "]}", true, 1, true },
        { "{\"entries\":[" ENTRY "," ENTRY "," ENTRY "]}", true, 3, true },
        { " { \"other\" : 1, \"entries\" : [ " ENTRY " ] } ", true, 1, true },
        { "{\"entries\":[{\"extra_data\":\"AAAA\",\"x\":null,\"leaf_input\":\"" LEAF "\"}]}", true,
          1, true },
        { "{\"entries\":[{\"leaf_input\":\"\\u0041AAAAAGLz+VoewAAAAADYWJjAAA=\",\"extra_data\":"
          "\"AAAA\"}]}",
          true, 1, true },
        { "{\"entries\":[]}", true, 0, true },
        { "{\"entries\":[" ENTRY "]}x", true, 1, true },
        { "{\"entries\":[" ENTRY ",]}", false, 0, true },
        { "{\"entries\":[" ENTRY "],\"x\":[]}\n", true, 1, true },
        { "\n{\t\"entries\" :\r[ " ENTRY "\n, " ENTRY " ] }\n", true, 2, true },
        { "{\"entries\":[{\"leaf_input\":\"" LEAF "\",\"extra_data\":\"A\\u0041AA\"}]}", true, 1,
          true },
        { "{\"entries\":[{\"leaf_input\":\"" LEAF "\",\"extra_data\":\"AAAA\",\"x\":1}]}", true, 1,
          true },
        { "{\"entries\":[" ENTRY ",{\"leaf_input\":\"*\",\"extra_data\":\"AAAA\"}," ENTRY "]}",
          true, 1, false },
        { "{\"entries\":[" ENTRY ",{\"leaf_input\":\"" LEAF "\"}]}", true, 1, false },
        { "{\"entries\":[1]}", true, 0, false },
        { "{\"entries\":null}", false, 0, true },
        { "{}", false, 0, true },
        { "[]", false, 0, true },
        { "", false, 0, true },
        { "<html>503</html>", false, 0, true },
        { "{\"entries\":[" ENTRY, false, 0, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool opened, at_end;
        size_t count = count_entries(rows[i].body, &opened, &at_end);
        if (opened != rows[i].opens || count != rows[i].count || at_end != rows[i].reaches_the_end)
            fail_msg("row %zu: opened %d, %zu entries, at end %d", i, opened, count, at_end);
    }
}

static void reads_an_entry_and_proof(void **state)
{
    (void)state;
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    struct merkle_hash leaf;
    struct merkle_path path;
    char hex[2 * SHA256_SIZE + 1];
    /* Leaf 1 is the byte 0x00, its sibling the empty leaf. */
    static const char two[] = "{\"leaf_input\":\"AA==\",\"extra_data\":\"\","
                              "\"audit_path\":[\"bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\"]}";
    assert_true(rfc6962_read_entry_and_proof(&leaf, &path, bytes_of_string(two), sha256));
    hex_encode(hex, bytes_of(leaf.bytes, SHA256_SIZE));
    assert_string_equal(hex, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
    assert_int_equal(path.length, 1);
    /* A tree of one leaf: an empty, null or missing path. */
    static const char *const one[] = {
        "{\"leaf_input\":\"\",\"audit_path\":[]}",
        "{\"leaf_input\":\"\",\"audit_path\":null}",
        "{\"leaf_input\":\"\"}",
    };
    for (size_t i = 0; i < 3; i++) {
        assert_true(rfc6962_read_entry_and_proof(&leaf, &path, bytes_of_string(one[i]), sha256));
        assert_int_equal(path.length, 0);
    }
    assert_false(rfc6962_read_entry_and_proof(&leaf, &path, bytes_of_string("not JSON"), sha256));
    assert_false(rfc6962_read_entry_and_proof(&leaf, &path, bytes_of_string("{}"), sha256));
    digest_destroy(sha256);
}

static void refuses_a_body_of_nothing_but_values(void **state)
{
    (void)state;
    struct buffer body;
    struct rfc6962_page page;
    buffer_init(&body, 1 << 24);
    buffer_append_string(&body, "{\"entries\":[0");
    for (unsigned i = 0; i < 1000000; i++)
        buffer_append_string(&body, ",0");
    buffer_append_string(&body, "]}");
    assert_false(rfc6962_page_open(&page, buffer_bytes(&body)));
    rfc6962_page_clear(&page);
    buffer_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(refuses_a_body_of_nothing_but_values),
        cmocka_unit_test(reads_an_entry_and_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
