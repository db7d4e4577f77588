#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/ct/rfc6962.h"
#include "shared/base/hex.h"

enum {
    TEXT_MAX = 1 << 24
};

/* An x509_entry whose certificate is "abc", with an empty chain. */
#define LEAF  "AAAAAAGLz+VoewAAAAADYWJjAAA="
#define ENTRY "{\"leaf_input\":\"" LEAF "\",\"extra_data\":\"AAAA\"}"

/* What an answer says that comes in two pieces, or byte by byte (SIZE_MAX). */
static size_t count_entries(const char *body, size_t cut, bool *opened, bool *at_end)
{
    struct rfc6962_text text;
    struct rfc6962_page page;
    struct entry entry;
    size_t count = 0, size = strlen(body);
    rfc6962_text_init(&text, TEXT_MAX);
    if (cut <= size) {
        rfc6962_text_add(&text, bytes_of(body, cut));
        rfc6962_text_add(&text, bytes_of(body + cut, size - cut));
    }
    for (size_t at = 0; cut > size && at < size; at++)
        rfc6962_text_add(&text, bytes_of(body + at, 1));
    *opened = rfc6962_page_open(&page, &text);
    while (*opened && rfc6962_page_next(&page, &entry)) {
        assert_null(entry.malformed);
        assert_true(bytes_equal_string(entry.certificate, "abc"));
        assert_int_equal(entry.timestamp_ms, 1700000000123);
        count++;
    }
    *at_end = !page.left;
    rfc6962_page_clear(&page);
    rfc6962_text_free(&text);
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
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 0; cut <= strlen(rows[i].body) + 1; cut++) {
            bool opened, at_end;
            size_t count = count_entries(rows[i].body, cut, &opened, &at_end);
            if (opened != rows[i].opens || count != rows[i].count ||
                at_end != rows[i].reaches_the_end)
                fail_msg("row %zu cut at %zu: opened %d, %zu entries, at end %d", i, cut, opened,
                         count, at_end);
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
    struct rfc6962_text text;
    struct rfc6962_page page;
    rfc6962_text_init(&text, TEXT_MAX);
    rfc6962_text_add(&text, bytes_of_string("{\"entries\":[0"));
    for (unsigned i = 0; i < 1000000; i++)
        rfc6962_text_add(&text, bytes_of_string(",0"));
    rfc6962_text_add(&text, bytes_of_string("]}"));
    assert_false(rfc6962_page_open(&page, &text));
    rfc6962_page_clear(&page);
    rfc6962_text_free(&text);
}

/* A plain answer takes the memory of its values, any other that of its text, and none more than was
 * allowed. */
static void holds_no_more_than_it_may(void **state)
{
    (void)state;
    static const char *const entries[] = { ENTRY, "{\"x\":0," };
    for (size_t i = 0; i < 2; i++) {
        struct rfc6962_text text;
        struct rfc6962_page page;
        rfc6962_text_init(&text, 4096);
        rfc6962_text_add(&text, bytes_of_string("{\"entries\":["));
        for (unsigned count = 0; count < 1000; count++) {
            rfc6962_text_add(&text, bytes_of_string(entries[i]));
            rfc6962_text_add(&text, bytes_of_string(","));
            assert_true(rfc6962_text_size(&text) <= (size_t)2 * 4096);
        }
        assert_false(rfc6962_page_open(&page, &text));
        rfc6962_page_clear(&page);
        rfc6962_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(refuses_a_body_of_nothing_but_values),
        cmocka_unit_test(holds_no_more_than_it_may),
        cmocka_unit_test(reads_an_entry_and_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
