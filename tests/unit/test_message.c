#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/message/message_go.h"
#include "shared/x509/certificate.h"
#include "tests/unit/certificate_builder.h"

enum {
    LIMIT = 16 << 20
};

static const struct message_source rfc6962_source = { "The \"Log\"", "https://log.example/2026/",
                                                      "Operator", "bG9n", false };
static const struct message_source tiled_source = { "Tiles", "https://tiles.example/2026/",
                                                    "Operator", "dGlsZQ==", true };

struct bench {
    struct certificate *certificate;
    struct buffer der;
    struct buffer leaf; /* the certificate's object */
    struct buffer json; /* the stored message */
    struct buffer out;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bench->certificate = certificate_create();
    buffer_init(&bench->der, LIMIT);
    buffer_init(&bench->leaf, LIMIT);
    buffer_init(&bench->json, LIMIT);
    buffer_init(&bench->out, LIMIT);
    build_ordinary_certificate(&bench->der, 5, 2);
    assert_true(certificate_parse(bench->certificate, buffer_bytes(&bench->der)));
    certificate_json_write(&bench->leaf, bench->certificate, CERTIFICATE_DIALECT_CERTSTREAM, false);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    certificate_destroy(bench->certificate);
    buffer_free(&bench->der);
    buffer_free(&bench->leaf);
    buffer_free(&bench->json);
    buffer_free(&bench->out);
    free(bench);
    return 0;
}

static struct message_entry entry_of(const struct message_source *source)
{
    return (struct message_entry){
        .source = source, .index = 70000, .timestamp_ms = 1700000000000, .seen_ms = 1700000001250
    };
}

static void write_stored(struct bench *bench, const struct message_entry *entry)
{
    buffer_clear(&bench->json);
    message_write(&bench->json, entry, bench->certificate);
}

static void expect(const struct buffer *out, const char *start, struct bytes middle,
                   const char *end)
{
    struct buffer expected;
    buffer_init(&expected, LIMIT);
    buffer_append_string(&expected, start);
    buffer_append_bytes(&expected, middle);
    buffer_append_string(&expected, end);
    if (!expected.data || !bytes_equal(buffer_bytes(out), buffer_bytes(&expected)))
        fail_msg("expected %.*s\ngot %.*s", (int)expected.size, (const char *)expected.data,
                 (int)out->size, (const char *)out->data);
    buffer_free(&expected);
    cJSON *parsed = cJSON_ParseWithLength((const char *)out->data, out->size);
    assert_non_null(parsed);
    cJSON_Delete(parsed);
}

static void writes_the_stored_message_of_an_rfc6962_log(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    expect(&bench->json,
           "{\"message_type\":\"certificate_update\",\"data\":{\"update_type\":\"X509LogEntry\","
           "\"cert_index\":70000,"
           "\"cert_link\":\"https://log.example/2026/ct/v1/get-entries?start=70000&end=70000\","
           "\"seen\":1700000001.250,\"submission_timestamp\":1700000000.000,\"source\":{\"name\":"
           "\"The \\\"Log\\\"\","
           "\"url\":\"https://log.example/2026/"
           "\",\"operator\":\"Operator\",\"log_id\":\"bG9n\",\"type\":\"rfc6962\","
           "\"timestamp\":1700000000.000,\"chain_bound\":null},\"leaf_cert\":",
           buffer_bytes(&bench->leaf), "}}");
}

static void writes_the_stored_message_of_a_tiled_log(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&tiled_source);
    entry.is_precertificate = true;
    entry.parse_error = "the leaf cannot be read";
    write_stored(bench, &entry);
    expect(&bench->json,
           "{\"message_type\":\"certificate_update\",\"data\":{\"update_type\":\"PrecertLogEntry\","
           "\"cert_index\":70000,"
           "\"cert_link\":\"https://tiles.example/2026/tile/data/273\",\"seen\":1700000001.250,"
           "\"submission_timestamp\":1700000000.000,\"source\":{\"name\":\"Tiles\",\"url\":"
           "\"https://tiles.example/2026/"
           "\",\"operator\":\"Operator\",\"log_id\":\"dGlsZQ==\",\"type\":\"tiled\","
           "\"timestamp\":1700000000.000,\"chain_bound\":null},\"parse_error\":\"the leaf cannot "
           "be read\",\"leaf_cert\":",
           buffer_bytes(&bench->leaf), "}}");
}

static void says_whether_the_chain_is_that_of_the_entry(void **state)
{
    static const char *const values[] = { [MESSAGE_CHAIN_UNCHECKED] = "null",
                                          [MESSAGE_CHAIN_BOUND] = "true",
                                          [MESSAGE_CHAIN_UNBOUND] = "false" };
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    for (enum message_chain chain = 0; chain <= MESSAGE_CHAIN_UNBOUND; chain++) {
        char mark[128];
        entry.chain = chain;
        write_stored(bench, &entry);
        (void)snprintf(
            mark, sizeof mark,
            ",\"timestamp\":1700000000.000,\"chain_bound\":%s},\"leaf_cert\":", values[chain]);
        assert_non_null(memmem(bench->json.data, bench->json.size, mark, strlen(mark)));
        buffer_clear(&bench->out);
        assert_true(
            message_go_write_lite(&bench->out, buffer_bytes(&bench->json), bench->certificate));
        assert_null(memmem(bench->out.data, bench->out.size, "chain_bound", 11));
    }
}

static void tells_the_parse_error_of_a_certificate(void **state)
{
    struct bench *bench = *state;
    struct certificate *certificate = certificate_create();
    struct message_entry entry = entry_of(&tiled_source);
    (void)certificate_parse(certificate, bytes_of("\x30\x03", 2));
    buffer_clear(&bench->json);
    message_write(&bench->json, &entry, certificate);
    buffer_append_byte(&bench->json, 0);
    assert_non_null(strstr((const char *)bench->json.data,
                           "},\"parse_error\":\"not a certificate\",\"leaf_cert\":{"));
    certificate_destroy(certificate);
}

static void splices_the_lite_message(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    buffer_clear(&bench->out);
    struct message_envelope envelope = { .id = bytes_of_string("17-0") };
    assert_true(message_splice_lite(&bench->out, buffer_bytes(&bench->json), &envelope));
    size_t prefix = sizeof MESSAGE_UPDATE_PREFIX - 1;
    expect(&bench->out, MESSAGE_UPDATE_PREFIX "\"id\":\"17-0\",",
           bytes_of(bench->json.data + prefix, bench->json.size - prefix), "");
}

static void splices_the_full_message(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    struct buffer full;
    buffer_init(&full, LIMIT);
    certificate_json_write(&full, bench->certificate, CERTIFICATE_DIALECT_CERTSTREAM, true);
    const struct bytes issuers[] = { bytes_of_string("{\"first\":1}"),
                                     bytes_of_string("{\"second\":2}") };
    const char *const chains[] = { "[]}}", "[{\"first\":1}]}}",
                                   "[{\"first\":1},{\"second\":2}]}}" };
    struct message_envelope envelope = { .id = bytes_of_string("17-1") };
    for (size_t count = 0; count <= 2; count++) {
        buffer_clear(&bench->out);
        assert_true(message_splice_full(&bench->out, buffer_bytes(&bench->json), &envelope,
                                        buffer_bytes(&bench->der), issuers, count));
        buffer_append_byte(&bench->out, 0);
        char *leaf = strstr((char *)bench->out.data, "\"leaf_cert\":");
        assert_non_null(leaf);
        leaf += strlen("\"leaf_cert\":");
        assert_memory_equal(leaf, full.data, full.size);
        assert_memory_equal(leaf + full.size, ",\"chain\":", 9);
        assert_string_equal(leaf + full.size + 9, chains[count]);
        bench->out.size--;
        expect(&bench->out, "", buffer_bytes(&bench->out), "");
    }
    buffer_free(&full);
}

static void refuses_to_splice_what_is_not_a_stored_message(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    struct bytes json = buffer_bytes(&bench->json);
    const struct bytes wrong[] = { { 0 },
                                   bytes_of_string("{}"),
                                   bytes_of(json.data + 1, json.size - 1),
                                   bytes_of(json.data, json.size - 2),
                                   bytes_of_string(MESSAGE_UPDATE_PREFIX),
                                   bytes_of_string(
                                       "{\"message_type\":\"certificate_updatE\",}}}") };
    buffer_clear(&bench->out);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct message_envelope envelope = { .id = bytes_of_string("1-1") };
        assert_false(message_splice_lite(&bench->out, wrong[i], &envelope));
        assert_false(message_splice_full(&bench->out, wrong[i], &envelope,
                                         buffer_bytes(&bench->der), NULL, 0));
    }
    assert_int_equal(bench->out.size, 0);
}

static void splices_the_domains_and_writes_the_heartbeat(void **state)
{
    struct bench *bench = *state;
    buffer_clear(&bench->out);
    message_splice_domains(&bench->out, bytes_of_string("[\"a\",\"b\"]"), bytes_of_string("17-2"));
    expect(&bench->out, "{\"message_type\":\"dns_entries\",\"id\":\"17-2\",\"data\":",
           bytes_of_string("[\"a\",\"b\"]"), "}");
    buffer_clear(&bench->out);
    message_write_heartbeat(&bench->out, 1509613330632);
    expect(&bench->out, "{\"message_type\":\"heartbeat\",\"timestamp\":1509613330.632}",
           (struct bytes){ 0 }, "");
}

static void writes_the_go_messages(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    struct buffer leaf;
    buffer_init(&leaf, LIMIT);
    certificate_json_write(&leaf, bench->certificate, CERTIFICATE_DIALECT_GO, false);
    static const char start[] =
        "{\"data\":{\"cert_index\":70000,\"cert_link\":"
        "\"https://log.example/2026/ct/v1/get-entries?start=70000&end=70000\"";
    static const char end[] =
        ",\"seen\":1700000001.25,\"source\":{\"name\":\"The \\\"Log\\\"\",\"url\":"
        "\"https://log.example/2026\",\"timestamp\":1700000000,\"type\":\"rfc6962\"},"
        "\"update_type\":\"X509LogEntry\"},\"message_type\":\"certificate_update\"}\n";
    char expected_start[256];
    buffer_clear(&bench->out);
    assert_true(message_go_write_lite(&bench->out, buffer_bytes(&bench->json), bench->certificate));
    (void)snprintf(expected_start, sizeof expected_start, "%s,\"leaf_cert\":", start);
    expect(&bench->out, expected_start, buffer_bytes(&leaf), end);
    buffer_clear(&leaf);
    certificate_json_write(&leaf, bench->certificate, CERTIFICATE_DIALECT_GO, true);
    const struct bytes issuers[] = { bytes_of_string("{\"i\":1}"), bytes_of_string("{\"i\":2}") };
    buffer_clear(&bench->out);
    assert_true(message_go_write_full(&bench->out, buffer_bytes(&bench->json), bench->certificate,
                                      issuers, 2));
    (void)snprintf(expected_start, sizeof expected_start,
                   "%s,\"chain\":[{\"i\":1},{\"i\":2}],\"leaf_cert\":", start);
    expect(&bench->out, expected_start, buffer_bytes(&leaf), end);
    buffer_clear(&bench->out);
    assert_true(message_go_write_full(&bench->out, buffer_bytes(&bench->json), bench->certificate,
                                      NULL, 0));
    (void)snprintf(expected_start, sizeof expected_start, "%s,\"leaf_cert\":", start);
    expect(&bench->out, expected_start, buffer_bytes(&leaf), end);
    buffer_free(&leaf);
}

static void turns_a_stored_issuer_into_the_go_dialect(void **state)
{
    struct bench *bench = *state;
    struct buffer expected, der;
    buffer_init(&expected, LIMIT);
    buffer_init(&der, LIMIT);
    struct certificate *room = certificate_create();
    certificate_json_write(&expected, bench->certificate, CERTIFICATE_DIALECT_GO, true);
    buffer_clear(&bench->json);
    certificate_json_write(&bench->json, bench->certificate, CERTIFICATE_DIALECT_CERTSTREAM, true);
    struct bytes object = buffer_bytes(&bench->json);
    buffer_clear(&bench->out);
    assert_true(message_go_write_issuer(&bench->out, object, room, &der));
    assert_true(bytes_equal(buffer_bytes(&bench->out), buffer_bytes(&expected)));
    assert_true(bytes_equal(buffer_bytes(&der), buffer_bytes(&bench->der)));
    buffer_clear(&bench->out);
    for (size_t size = 0; size < object.size; size++)
        assert_false(message_go_write_issuer(&bench->out, bytes_of(object.data, size), room, &der));
    assert_false(message_go_write_issuer(&bench->out, buffer_bytes(&bench->leaf), room, &der));
    assert_false(message_go_write_issuer(&bench->out, bytes_of_string("{\"a\":1,\"as_der\":\"!\"}"),
                                         room, &der));
    assert_int_equal(bench->out.size, 0);
    certificate_destroy(room);
    buffer_free(&expected);
    buffer_free(&der);
}

static void escapes_markup_in_the_go_domains_only(void **state)
{
    struct bench *bench = *state;
    struct buffer subject, der;
    buffer_init(&subject, LIMIT);
    buffer_init(&der, LIMIT);
    build_attribute(&subject, "2.5.4.3", 0x0c, bytes_of_string("<a&b>"));
    build_certificate(&der, &(struct certificate_parts){ .subject = buffer_bytes(&subject) });
    struct certificate *certificate = certificate_create();
    assert_true(certificate_parse(certificate, buffer_bytes(&der)));
    buffer_clear(&bench->out);
    message_go_write_domains(&bench->out, certificate);
    expect(&bench->out, "{\"data\":[\"\\u003ca\\u0026b\\u003e\"],\"message_type\":\"dns_entries\"}",
           (struct bytes){ 0 }, "");
    buffer_clear(&bench->out);
    certificate_json_write(&bench->out, certificate, CERTIFICATE_DIALECT_GO, false);
    assert_non_null(memmem(bench->out.data, bench->out.size, "[\"<a&b>\"]", 9));
    certificate_destroy(certificate);
    buffer_free(&subject);
    buffer_free(&der);
}

static void refuses_to_make_go_messages_of_anything_else(void **state)
{
    struct bench *bench = *state;
    struct message_entry entry = entry_of(&rfc6962_source);
    write_stored(bench, &entry);
    buffer_clear(&bench->out);
    /* Up to here it is read. */
    const uint8_t *end = memmem(bench->json.data, bench->json.size, ",\"chain_bound\"", 14);
    assert_non_null(end);
    for (size_t size = 0; size <= (size_t)(end - bench->json.data); size++)
        assert_false(message_go_write_lite(&bench->out, bytes_of(bench->json.data, size),
                                           bench->certificate));
    assert_int_equal(bench->out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_stored_message_of_an_rfc6962_log),
        cmocka_unit_test(writes_the_stored_message_of_a_tiled_log),
        cmocka_unit_test(says_whether_the_chain_is_that_of_the_entry),
        cmocka_unit_test(tells_the_parse_error_of_a_certificate),
        cmocka_unit_test(splices_the_lite_message),
        cmocka_unit_test(splices_the_full_message),
        cmocka_unit_test(refuses_to_splice_what_is_not_a_stored_message),
        cmocka_unit_test(splices_the_domains_and_writes_the_heartbeat),
        cmocka_unit_test(writes_the_go_messages),
        cmocka_unit_test(turns_a_stored_issuer_into_the_go_dialect),
        cmocka_unit_test(escapes_markup_in_the_go_domains_only),
        cmocka_unit_test(refuses_to_make_go_messages_of_anything_else),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
