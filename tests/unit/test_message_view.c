#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/message/message_view.h"
#include "shared/x509/certificate.h"
#include "shared/x509/certificate_fields.h"
#include "tests/unit/entry_builder.h"

static void finds_what_ingest_wrote(void **state)
{
    (void)state;
    struct built_entry built;
    struct message_source_view source;
    struct message_issuer_view issuer;
    struct message_fingerprints fingerprints;
    /* Everything that strangers name tries to look like a key. */
    const struct entry_parts parts = {
        .log_description = "a\",\"source\":{\"name\":\"b",
        .log_url = "https://x/\\\",\"issuer\":{\"C\":",
        .operator_name = "\\",
        .issuer_common_name = ",\"sha1\":\"",
        .issuer_organization = "\",\"subject\":\\",
        .names = { bytes_of_string(",\"issuer\":{\"C\":null,\"CN\":"),
                   bytes_of_string("\",\"sha1\":\"00:11") },
    };
    build_entry(&built, &parts);
    struct certificate *certificate = certificate_create();
    assert_true(certificate_parse(certificate, built.entry.der));
    assert_false(message_view_is_precertificate(built.entry.json));
    assert_true(message_view_source(built.entry.json, &source));
    assert_true(bytes_equal_string(source.name, "a\\\",\\\"source\\\":{\\\"name\\\":\\\"b"));
    assert_true(bytes_equal_string(source.url, "https://x/\\\\\\\",\\\"issuer\\\":{\\\"C\\\":"));
    assert_true(bytes_equal_string(source.operator_name, "\\\\"));
    assert_true(message_view_issuer(built.entry.json, &issuer));
    assert_true(bytes_equal_string(issuer.common_name, ",\\\"sha1\\\":\\\""));
    assert_true(bytes_equal_string(issuer.organization, "\\\",\\\"subject\\\":\\\\"));
    assert_true(message_view_fingerprints(built.entry.json, &fingerprints));
    assert_memory_equal(fingerprints.sha1, certificate->sha1, SHA1_SIZE);
    assert_memory_equal(fingerprints.sha256, certificate->sha256, SHA256_SIZE);
    certificate_destroy(certificate);
    built_entry_free(&built);
}

/* `{` in a subject, and a key that looks like one, are in its values. */
static void a_subject_with_braces_hides_nothing(void **state)
{
    (void)state;
    static const char head[] = ",\"sha1\":\"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:"
                               "12:13\",\"sha256\":\"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:"
                               "0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\"";
    static const char tail[] = ",\"subject\":{\"CN\":\"{,\\\"subject\\\":{{\"}}}}";
    static const char *const algorithms[] = { ",\"signature_algorithm\":\"sha256, rsa\"",
                                              ",\"signature_algorithm\":null",
                                              ",\"signature_algorithm\":\"\"" };
    struct message_fingerprints fingerprints;
    char json[1024];
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        (void)snprintf(json, sizeof json, "%s%s%s", head, algorithms[i], tail);
        assert_true(message_view_fingerprints(bytes_of_string(json), &fingerprints));
        for (unsigned byte = 0; byte < SHA256_SIZE; byte++) {
            assert_int_equal(fingerprints.sha256[byte], byte);
            assert_int_equal(fingerprints.sha1[byte % SHA1_SIZE], byte % SHA1_SIZE);
        }
        json[sizeof ",\"sha1\":\"00" - 1] = '.';
        assert_false(message_view_fingerprints(bytes_of_string(json), &fingerprints));
    }
}

static void finds_nothing_in_what_is_cut_off(void **state)
{
    (void)state;
    struct built_entry built;
    struct message_source_view source;
    struct message_issuer_view issuer;
    struct message_fingerprints fingerprints;
    const struct entry_parts parts = { .is_precertificate = true };
    build_entry(&built, &parts);
    struct bytes json = built.entry.json;
    size_t found = 0;
    for (size_t size = 0; size <= json.size; size++) {
        struct bytes part = bytes_of(json.data, size);
        found += message_view_source(part, &source);
        found += message_view_issuer(part, &issuer);
        found += message_view_fingerprints(part, &fingerprints);
    }
    assert_in_range(found, 1, 3 * json.size - 1);
    assert_true(message_view_is_precertificate(json));
    assert_false(message_view_is_precertificate(bytes_of(json.data, 40)));
    assert_false(message_view_source(bytes_of(NULL, 0), &source));
    built_entry_free(&built);
}

static void an_issuer_without_a_name_has_none(void **state)
{
    (void)state;
    struct message_issuer_view issuer;
    struct bytes json = bytes_of_string(
        "{\"x\":1,\"issuer\":{\"C\":null,\"CN\":null,\"L\":\"\",\"O\":null,\"OU\":null}}");
    assert_true(message_view_issuer(json, &issuer));
    assert_null(issuer.common_name.data);
    assert_null(issuer.organization.data);
}

static void escapes_are_undone(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } cases[] = {
        { "plain", "plain" },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
        { "\\u0041\\u00fc\\u20ac", "A\xc3\xbc\xe2\x82\xac" },
        { "\\u001f", "\x1f" },
        { "\\u00g0", "\\u00g0" },
        { "\\u00", "\\u00" },
        { "\\x\\", "\\x\\" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[64];
        size_t size = message_view_unescape(out, bytes_of_string(cases[i].text));
        assert_true(bytes_equal_string(bytes_of(out, size), cases[i].plain));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_ingest_wrote),
        cmocka_unit_test(a_subject_with_braces_hides_nothing),
        cmocka_unit_test(finds_nothing_in_what_is_cut_off),
        cmocka_unit_test(an_issuer_without_a_name_has_none),
        cmocka_unit_test(escapes_are_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
