/*
 * Our certificate object beside what EasySSL, the original server's parser, printed for the same
 * inputs. The table names every difference that is left, and why it is intended; any other fails
 * the test, and so does a row that nothing needs any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"
#include "tests/unit/corpus.h"
#include "tests/unit/golden_input.h"

enum {
    LIMIT = 64 << 20,
    EXPECTED_INPUTS = 76,
    REFUSED_BY_EASYSSL = 4,
    PATH_SIZE = 128
};

enum difference_kind {
    DIFFERENCE_OTHER,
    DIFFERENCE_ADDED, /* it has no such key */
    DIFFERENCE_ORDER, /* it has the same items in another order */
};

struct difference {
    const char *path;
    enum difference_kind kind;
    const char *reason;
};

static const struct difference differences[] = {
    { "all_domains", DIFFERENCE_OTHER,
      "it sorts the names and reads no BMPString; the original documents the certificate's order" },
    { "extensions.authorityInfoAccess", DIFFERENCE_OTHER,
      "it reverses the list and loses methods it does not know" },
    { "extensions.authorityKeyIdentifier", DIFFERENCE_OTHER,
      "it leaves out issuer and serial number" },
    { "extensions.certificatePolicies", DIFFERENCE_OTHER,
      "it ends without newline and loses all policies but one" },
    { "extensions.crlDistributionPoints", DIFFERENCE_OTHER,
      "its layout is not the documented one, and it loses points" },
    { "extensions.extendedKeyUsage", DIFFERENCE_OTHER,
      "its purposes are spelt otherwise than documented, and unknown ones are lost" },
    { "extensions.extra", DIFFERENCE_ORDER, "it reverses the list" },
    { "extensions.issuerAltName", DIFFERENCE_OTHER,
      "it reverses the list and spells `email` otherwise" },
    { "extensions.keyUsage", DIFFERENCE_OTHER, "it spells two usages otherwise than documented" },
    { "extensions.subjectAltName", DIFFERENCE_OTHER,
      "it reverses the list and spells some kinds of names otherwise" },
    { "all_ips", DIFFERENCE_ADDED, "newer than EasySSL" },
    { "tbs_sha256", DIFFERENCE_ADDED, "newer than EasySSL" },
    { "is_ca", DIFFERENCE_ADDED, "newer than EasySSL" },
    { "sha1", DIFFERENCE_ADDED, "newer than EasySSL" },
    { "sha256", DIFFERENCE_ADDED, "newer than EasySSL" },
    { "issuer.email_address", DIFFERENCE_ADDED,
      "the key of the other dialect, for clients that know that one" },
    { "subject.email_address", DIFFERENCE_ADDED,
      "the key of the other dialect, for clients that know that one" },
    { "issuer.CN", DIFFERENCE_OTHER, "it reads no BMPString" },
    { "issuer.aggregated", DIFFERENCE_OTHER, "it reads no BMPString" },
    { "subject.CN", DIFFERENCE_OTHER, "it reads no BMPString" },
    { "subject.aggregated", DIFFERENCE_OTHER, "it reads no BMPString" },
    { "not_after", DIFFERENCE_OTHER,
      "it says no_expiration for the year 9999; the field is a number" },
    { "serial_number", DIFFERENCE_OTHER,
      "it drops a leading zero; ours has an even number of digits" },
    { "signature_algorithm", DIFFERENCE_OTHER,
      "it says sha for SHA-1, and knows fewer algorithms" },
};

enum {
    DIFFERENCE_COUNT = sizeof differences / sizeof *differences
};

struct easyssl {
    struct certificate *certificate;
    struct buffer inputs;
    struct bytes next_input;
    size_t used[DIFFERENCE_COUNT];
    size_t compared;
    size_t refused;
    size_t unexpected;
};

static size_t find_difference(const char *path)
{
    size_t at = 0;
    while (at < DIFFERENCE_COUNT && strcmp(differences[at].path, path) != 0)
        at++;
    return at;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The items of an array of strings, sorted; freed by the caller, the texts are borrowed. */
static const char **sorted_items(const cJSON *value, size_t *count)
{
    const char **items = calloc(1024, sizeof *items);
    assert_non_null(items);
    *count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, value) items[(*count)++] = item->valuestring;
    qsort(items, *count, sizeof *items, compare_texts);
    return items;
}

static bool has_same_items(const cJSON *ours, const cJSON *theirs)
{
    size_t our_count, their_count;
    const char **our_items = sorted_items(ours, &our_count);
    const char **their_items = sorted_items(theirs, &their_count);
    bool same = our_count == their_count;
    for (size_t i = 0; same && i < our_count; i++)
        same = strcmp(our_items[i], their_items[i]) == 0;
    free(our_items);
    free(their_items);
    return same;
}

static bool is_of_kind(enum difference_kind kind, const cJSON *ours, const cJSON *theirs)
{
    switch (kind) {
    case DIFFERENCE_OTHER: return ours && theirs;
    case DIFFERENCE_ADDED: return ours && !theirs;
    case DIFFERENCE_ORDER: return ours && theirs && has_same_items(ours, theirs);
    }
    return false;
}

static void compare_values(struct easyssl *easyssl, const char *path, const cJSON *ours,
                           const cJSON *theirs)
{
    if (ours && theirs && cJSON_Compare(ours, theirs, true))
        return;
    size_t at = find_difference(path);
    if (at < DIFFERENCE_COUNT && is_of_kind(differences[at].kind, ours, theirs)) {
        easyssl->used[at]++;
        return;
    }
    easyssl->unexpected++;
    char *our_text = ours ? cJSON_PrintUnformatted(ours) : NULL;
    char *their_text = theirs ? cJSON_PrintUnformatted(theirs) : NULL;
    (void)fprintf(stderr, "%s\n  ours   %s\n  theirs %s\n", path, our_text ? our_text : "missing",
                  their_text ? their_text : "missing");
    cJSON_free(our_text);
    cJSON_free(their_text);
}

/* Members of both, those of the inner objects under "outer.inner". */
static void compare_members(struct easyssl *easyssl, const char *outer, const cJSON *ours,
                            const cJSON *theirs)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, ours)
    {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s%s", outer, item->string);
        const cJSON *other = cJSON_GetObjectItem(theirs, item->string);
        if (!cJSON_IsObject(item))
            compare_values(easyssl, path, item, other);
    }
    cJSON_ArrayForEach(item, theirs)
    {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s%s", outer, item->string);
        if (strcmp(path, "as_der") != 0 && !cJSON_HasObjectItem(ours, item->string))
            compare_values(easyssl, path, NULL, item);
    }
}

static void compare_certificates(struct easyssl *easyssl, const cJSON *ours, const cJSON *theirs)
{
    static const char *const inner[] = { "extensions", "subject", "issuer" };
    compare_members(easyssl, "", ours, theirs);
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        char outer[PATH_SIZE];
        (void)snprintf(outer, sizeof outer, "%s.", inner[i]);
        const cJSON *our_object = cJSON_GetObjectItem(ours, inner[i]);
        const cJSON *their_object = cJSON_GetObjectItem(theirs, inner[i]);
        assert_true(cJSON_IsObject(our_object) && cJSON_IsObject(their_object));
        compare_members(easyssl, outer, our_object, their_object);
    }
}

static void visit_expectation(const char *name, struct bytes line, void *context)
{
    (void)name;
    struct easyssl *easyssl = context;
    struct golden_input input;
    golden_input_read_next(&input, &easyssl->next_input);
    cJSON *expectation = cJSON_ParseWithLength((const char *)line.data, line.size);
    const cJSON *theirs = cJSON_GetObjectItem(expectation, "result");
    assert_non_null(theirs);
    if (cJSON_HasObjectItem(theirs, "leaf_cert"))
        theirs = cJSON_GetObjectItem(theirs, "leaf_cert");
    struct buffer json;
    buffer_init(&json, LIMIT);
    assert_true(certificate_parse(easyssl->certificate, input.der));
    certificate_json_write(&json, easyssl->certificate, CERTIFICATE_DIALECT_CERTSTREAM, false);
    cJSON *ours = cJSON_ParseWithLength((const char *)json.data, json.size);
    easyssl->compared++;
    if (cJSON_HasObjectItem(theirs, "error"))
        easyssl->refused++;
    else
        compare_certificates(easyssl, ours, theirs);
    cJSON_Delete(ours);
    cJSON_Delete(expectation);
    buffer_free(&json);
    golden_input_free(&input);
}

static void compare_files(struct easyssl *easyssl, const char *inputs, const char *expectations)
{
    easyssl->inputs = corpus_read(inputs);
    easyssl->next_input = buffer_bytes(&easyssl->inputs);
    struct buffer lines = corpus_read(expectations);
    corpus_visit_lines(buffer_bytes(&lines), visit_expectation, easyssl);
    buffer_free(&lines);
    buffer_free(&easyssl->inputs);
}

static void differs_from_easyssl_only_where_it_departs_from_its_documentation(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct easyssl easyssl = { .certificate = certificate_create() };
    compare_files(&easyssl, "golden/inputs_fixtures.txt", "golden/easyssl_fixtures.jsonl");
    compare_files(&easyssl, "golden/inputs_crafted.txt", "golden/easyssl_crafted.jsonl");
    certificate_destroy(easyssl.certificate);
    for (size_t i = 0; i < DIFFERENCE_COUNT; i++) {
        print_message("%3zu %s: %s\n", easyssl.used[i], differences[i].path, differences[i].reason);
        assert_true(easyssl.used[i] > 0);
    }
    assert_int_equal(easyssl.compared, EXPECTED_INPUTS);
    /* Certificates without extensions, with RSA-PSS, and with a distribution point that is no
     * URI. */
    assert_int_equal(easyssl.refused, REFUSED_BY_EASYSSL);
    assert_int_equal(easyssl.unexpected, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differs_from_easyssl_only_where_it_departs_from_its_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
