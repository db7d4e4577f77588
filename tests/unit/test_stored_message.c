/* Whatever the writer of the stored message puts into it, each of its readers finds again: over the
 * collected certificates, real and hostile, and over what is cut off them, below a log whose texts
 * try to look like members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/message/message_go.h"
#include "shared/message/message_view.h"
#include "shared/x509/certificate.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/corpus.h"

enum {
    LIMIT = 64 << 20
};

static const struct message_source sources[] = {
    { .name = "Log",
      .url = "https://log.example/2026/",
      .operator_name = "Op",
      .log_id_base64 = "bG9n" },
    { .name = "a\",\"source\":{\"name\":\"b\n",
      .url = "https://x/\\\",\"issuer\":{\"C\":/",
      .operator_name = "\\",
      .log_id_base64 = "",
      .is_tiled = true },
};

struct bench {
    struct certificate *certificate;
    struct buffer json, other;
    size_t visited;
};

static void setup_bench(struct bench *bench)
{
    *bench = (struct bench){ .certificate = certificate_create() };
    buffer_init(&bench->json, LIMIT);
    buffer_init(&bench->other, LIMIT);
}

static void clear_bench(struct bench *bench)
{
    certificate_destroy(bench->certificate);
    buffer_free(&bench->json);
    buffer_free(&bench->other);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!value)
        fail_msg("no %s", name);
    return value;
}

/* `found` is still escaped; NULL data stands for null. */
static void expect_text(struct bytes found, const cJSON *value)
{
    if (cJSON_IsNull(value)) {
        assert_null(found.data);
        return;
    }
    assert_non_null(found.data);
    uint8_t *text = malloc(found.size + 1);
    assert_non_null(text);
    size_t size = message_view_unescape(text, found);
    /* cJSON's text ends at a NUL of the name. */
    size_t known = strlen(value->valuestring);
    assert_true(size == known || (size > known && text[known] == '\0'));
    assert_memory_equal(text, value->valuestring, known);
    free(text);
}

static void expect_views(struct bench *bench, const struct message_entry *entry, const cJSON *data)
{
    struct bytes json = buffer_bytes(&bench->json);
    struct message_source_view source;
    struct message_issuer_view issuer;
    struct message_fingerprints fingerprints;
    const cJSON *written = member(data, "source");
    const cJSON *name = member(member(data, "leaf_cert"), "issuer");
    assert_int_equal(message_view_is_precertificate(json), entry->is_precertificate);
    assert_true(message_view_source(json, &source));
    expect_text(source.name, member(written, "name"));
    expect_text(source.url, member(written, "url"));
    expect_text(source.operator_name, member(written, "operator"));
    assert_true(message_view_issuer(json, &issuer));
    expect_text(issuer.common_name, member(name, "CN"));
    expect_text(issuer.organization, member(name, "O"));
    bool is_there = cJSON_IsString(member(member(data, "leaf_cert"), "sha256"));
    assert_int_equal(message_view_fingerprints(json, &fingerprints), is_there);
    /* An entry without a certificate has none. */
    if (!is_there)
        return;
    assert_memory_equal(fingerprints.sha1, certificate_sha1(bench->certificate), SHA1_SIZE);
    assert_memory_equal(fingerprints.sha256, certificate_sha256(bench->certificate), SHA256_SIZE);
}

static cJSON *parse(const struct buffer *text)
{
    assert_false(text->failed);
    cJSON *parsed = cJSON_ParseWithLength((const char *)text->data, text->size);
    assert_non_null(parsed);
    return parsed;
}

static void expect_same_member(const cJSON *copy, const cJSON *original, const char *name)
{
    if (!cJSON_Compare(member(copy, name), member(original, name), true))
        fail_msg("%s differs", name);
}

/* The lite and the full message hold every member of the stored one, the full one as_der. */
static void expect_splices(struct bench *bench, const cJSON *stored, struct bytes der)
{
    const struct message_envelope envelope = { .id = bytes_of_string("1-0") };
    buffer_clear(&bench->other);
    assert_true(message_splice_lite(&bench->other, buffer_bytes(&bench->json), &envelope));
    cJSON *lite = parse(&bench->other);
    expect_same_member(lite, stored, "data");
    assert_string_equal(member(lite, "id")->valuestring, "1-0");
    cJSON_Delete(lite);
    buffer_clear(&bench->other);
    assert_true(
        message_splice_full(&bench->other, buffer_bytes(&bench->json), &envelope, der, NULL, 0));
    cJSON *full = parse(&bench->other);
    cJSON *leaf = cJSON_GetObjectItem(cJSON_GetObjectItem(full, "data"), "leaf_cert");
    assert_true(cJSON_IsString(member(leaf, "as_der")));
    cJSON_DeleteItemFromObject(leaf, "as_der");
    expect_same_member(cJSON_GetObjectItem(full, "data"), member(stored, "data"), "leaf_cert");
    cJSON_Delete(full);
}

static void expect_go(struct bench *bench, const cJSON *data)
{
    buffer_clear(&bench->other);
    assert_true(
        message_go_write_lite(&bench->other, buffer_bytes(&bench->json), bench->certificate));
    cJSON *go = parse(&bench->other);
    const cJSON *copy = member(go, "data");
    static const char *const of_data[] = { "cert_index", "cert_link", "seen" };
    static const char *const of_source[] = { "name", "type", "timestamp" };
    for (size_t i = 0; i < sizeof of_data / sizeof *of_data; i++)
        expect_same_member(copy, data, of_data[i]);
    for (size_t i = 0; i < sizeof of_source / sizeof *of_source; i++)
        expect_same_member(member(copy, "source"), member(data, "source"), of_source[i]);
    cJSON_Delete(go);
}

/* What ingest keeps of an issuer: its own DER comes out of it again. */
static void expect_issuer(struct bench *bench, struct bytes der)
{
    struct buffer found;
    struct certificate *issuer = certificate_create();
    buffer_init(&found, LIMIT);
    buffer_clear(&bench->json);
    certificate_json_write(&bench->json, bench->certificate, CERTIFICATE_DIALECT_CERTSTREAM, true);
    buffer_clear(&bench->other);
    bool good = message_go_write_issuer(&bench->other, buffer_bytes(&bench->json), issuer, &found);
    /* An empty one is the object of nobody. */
    assert_int_equal(good, der.size > 0);
    if (good)
        assert_true(bytes_equal(buffer_bytes(&found), der));
    buffer_free(&found);
    certificate_destroy(issuer);
}

static void expect_found_again(struct bench *bench, struct bytes der)
{
    bench->visited++;
    (void)certificate_parse(bench->certificate, der);
    struct message_entry entry = {
        .source = &sources[bench->visited % 2],
        .index = bench->visited % 3 ? bench->visited : UINT64_MAX,
        .timestamp_ms = 1700000000000 + bench->visited,
        .seen_ms = 1700000001250,
        .is_precertificate = bench->visited % 5 == 0,
        .chain = (enum message_chain)(bench->visited % 3),
    };
    buffer_clear(&bench->json);
    message_write(&bench->json, &entry, bench->certificate);
    cJSON *stored = parse(&bench->json);
    expect_views(bench, &entry, member(stored, "data"));
    expect_splices(bench, stored, der);
    expect_go(bench, member(stored, "data"));
    cJSON_Delete(stored);
    expect_issuer(bench, der);
}

static void visit_certificate(const char *name, struct bytes content, void *context)
{
    (void)name;
    expect_found_again(context, content);
}

static void of_collected_certificates(void **state)
{
    (void)state;
    static const char *const folders[] = { "certs/real", "certs/issuers", "certs/hostile",
                                           "certs/hostile-generated" };
    if (!corpus_folder())
        skip();
    struct bench bench;
    setup_bench(&bench);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_true(corpus_visit_files(folders[i], ".der", visit_certificate, &bench) > 0);
    print_message("%zu certificates\n", bench.visited);
    clear_bench(&bench);
}

static void of_made_certificates_and_what_is_cut_off_them(void **state)
{
    (void)state;
    struct buffer der, name;
    struct bench bench;
    setup_bench(&bench);
    buffer_init(&der, LIMIT);
    buffer_init(&name, LIMIT);
    build_ordinary_certificate(&der, 1, 3);
    for (size_t size = 0; size <= der.size; size++)
        expect_found_again(&bench, bytes_of(der.data, size));
    build_attribute(&name, "2.5.4.3", 0x0c, bytes_of_string("\",\"sha1\":\"00\\"));
    build_attribute(&name, "2.5.4.10", 0x0c, bytes_of_string(",\"issuer\":{\"C\":null,\"CN\":"));
    const struct certificate_parts parts = { .issuer = buffer_bytes(&name),
                                             .subject = buffer_bytes(&name) };
    buffer_clear(&der);
    build_certificate(&der, &parts);
    expect_found_again(&bench, buffer_bytes(&der));
    buffer_free(&der);
    buffer_free(&name);
    clear_bench(&bench);
}

static void expect_same_keys(const cJSON *one, const cJSON *other)
{
    for (const cJSON *each = one->child; each; each = each->next)
        (void)member(other, each->string);
    assert_int_equal(cJSON_GetArraySize(one), cJSON_GetArraySize(other));
}

/* The object of nulls has the members that the writer gives to a certificate, and no other. */
static void of_a_missing_issuer(void **state)
{
    (void)state;
    struct buffer der;
    struct bench bench;
    setup_bench(&bench);
    buffer_init(&der, LIMIT);
    build_ordinary_certificate(&der, 1, 3);
    assert_true(certificate_parse(bench.certificate, buffer_bytes(&der)));
    certificate_json_write(&bench.json, bench.certificate, CERTIFICATE_DIALECT_CERTSTREAM, true);
    certificate_json_write_missing(&bench.other, certificate_sha256(bench.certificate));
    cJSON *written = parse(&bench.json), *missing = parse(&bench.other);
    expect_same_keys(written, missing);
    expect_same_keys(member(written, "subject"), member(missing, "subject"));
    expect_same_keys(member(written, "issuer"), member(missing, "issuer"));
    expect_same_member(missing, written, "sha256");
    cJSON_Delete(written);
    cJSON_Delete(missing);
    buffer_free(&der);
    clear_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_collected_certificates),
        cmocka_unit_test(of_made_certificates_and_what_is_cut_off_them),
        cmocka_unit_test(of_a_missing_issuer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
