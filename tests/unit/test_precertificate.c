#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "ingest/ct/entry.h"
#include "ingest/ct/precertificate.h"
#include "shared/base/base64.h"
#include "shared/x509/certificate.h"
#include "shared/x509/der.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/corpus.h"

enum {
    LIMIT = 64 << 20
};

#define POISON        "1.3.6.1.4.1.11129.2.4.3"
#define AUTHORITY_KEY "2.5.29.35"

static const uint8_t null_value[] = { DER_NULL, 0 };
static const uint8_t key_id[] = { DER_SEQUENCE, 4, DER_CONTEXT, 2, 7, 7 };
static const uint8_t other_key_id[] = { DER_SEQUENCE, 4, DER_CONTEXT, 2, 8, 8 };

/* What the two sides of an entry are made of. */
struct side {
    const char *issuer;
    const uint8_t *authority_key;
    const char *name;
    bool poisoned;
    const char *serial;
};

static const struct side proven_side = { "CA", key_id, "a.example", false, "7" };

static struct buffer build_side(const struct side *side)
{
    struct buffer issuer, extensions, certificate, name;
    buffer_init(&issuer, LIMIT);
    buffer_init(&extensions, LIMIT);
    buffer_init(&certificate, LIMIT);
    buffer_init(&name, LIMIT);
    build_attribute(&issuer, "2.5.4.3", DER_UTF8_STRING, bytes_of_string(side->issuer));
    build_extension(&extensions, AUTHORITY_KEY, bytes_of(side->authority_key, sizeof key_id));
    if (side->poisoned)
        build_extension(&extensions, POISON, bytes_of(null_value, sizeof null_value));
    size_t names = der_begin(&name, DER_SEQUENCE);
    der_write_string(&name, DER_CONTEXT | 2, side->name);
    der_end(&name, names);
    build_extension(&extensions, "2.5.29.17", buffer_bytes(&name));
    build_certificate(&certificate,
                      &(struct certificate_parts){ .serial = bytes_of_string(side->serial),
                                                   .issuer = buffer_bytes(&issuer),
                                                   .extensions = buffer_bytes(&extensions) });
    buffer_free(&issuer);
    buffer_free(&extensions);
    buffer_free(&name);
    return certificate;
}

static struct bytes tbs_of(const struct buffer *certificate)
{
    struct reader outer = reader_of(buffer_bytes(certificate));
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    struct der_element tbs = { 0 };
    assert_true(der_next(&inside, &tbs));
    return tbs.whole;
}

struct binding_row {
    const char *what;
    struct side claimed;
    struct precertificate_issuer issuers[2];
    size_t issuer_count;
    enum precertificate_binding expected;
};

/* The entry's issuer_key_hash begins with 1. */
static const struct binding_row binding_rows[] = {
    { "the precertificate of the TBS",
      { "CA", key_id, "a.example", true, "7" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_BOUND },
    { "one without poison",
      { "CA", key_id, "a.example", false, "7" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_BOUND },
    { "another name",
      { "CA", key_id, "b.example", true, "7" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_DIFFERS },
    { "another serial number",
      { "CA", key_id, "a.example", true, "8" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_DIFFERS },
    { "another issuer",
      { "CB", key_id, "a.example", true, "7" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_DIFFERS },
    { "another authority key",
      { "CA", other_key_id, "a.example", true, "7" },
      { { { 1 }, false } },
      1,
      PRECERTIFICATE_DIFFERS },
    { "another chain",
      { "CA", key_id, "a.example", true, "7" },
      { { { 2 }, false } },
      1,
      PRECERTIFICATE_OTHER_ISSUER },
    { "no chain",
      { "CA", key_id, "a.example", true, "7" },
      { { { 0 }, false } },
      0,
      PRECERTIFICATE_WITHOUT_ISSUER },
    { "a signing certificate in between",
      { "Signer", other_key_id, "a.example", true, "7" },
      { { { 9 }, true }, { { 1 }, false } },
      2,
      PRECERTIFICATE_BOUND_BY_SIGNER },
    { "a signing certificate that has changed nothing",
      { "CA", key_id, "a.example", true, "7" },
      { { { 9 }, true }, { { 1 }, false } },
      2,
      PRECERTIFICATE_BOUND },
    { "a signing certificate, another name",
      { "Signer", other_key_id, "b.example", true, "7" },
      { { { 9 }, true }, { { 1 }, false } },
      2,
      PRECERTIFICATE_DIFFERS },
    { "a signing certificate of another issuer",
      { "Signer", other_key_id, "a.example", true, "7" },
      { { { 1 }, true }, { { 2 }, false } },
      2,
      PRECERTIFICATE_OTHER_ISSUER },
    { "a signing certificate alone",
      { "Signer", other_key_id, "a.example", true, "7" },
      { { { 1 }, true } },
      1,
      PRECERTIFICATE_WITHOUT_ISSUER },
};

static void tells_what_belongs_to_the_proven_certificate(void **state)
{
    (void)state;
    static const uint8_t key_hash[SHA256_SIZE] = { 1 };
    struct buffer proven = build_side(&proven_side);
    for (size_t i = 0; i < sizeof binding_rows / sizeof *binding_rows; i++) {
        const struct binding_row *row = &binding_rows[i];
        struct buffer claimed = build_side(&row->claimed);
        struct precertificate precertificate = { tbs_of(&proven), key_hash,
                                                 buffer_bytes(&claimed) };
        enum precertificate_binding binding =
            precertificate_check(&precertificate, row->issuers, row->issuer_count);
        if (binding != row->expected)
            fail_msg("%s: %s", row->what, precertificate_binding_name(binding));
        buffer_free(&claimed);
    }
    buffer_free(&proven);
}

static void refuses_every_truncated_precertificate(void **state)
{
    (void)state;
    static const uint8_t key_hash[SHA256_SIZE] = { 1 };
    static const struct precertificate_issuer issuer = { { 1 }, false };
    static const struct side claimed_side = { "CA", key_id, "a.example", true, "7" };
    struct buffer proven = build_side(&proven_side);
    struct buffer claimed = build_side(&claimed_side);
    for (size_t size = 0; size < claimed.size; size++) {
        struct precertificate precertificate = { tbs_of(&proven), key_hash,
                                                 bytes_of(claimed.data, size) };
        assert_int_equal(precertificate_check(&precertificate, &issuer, 1),
                         PRECERTIFICATE_UNREADABLE);
    }
    struct bytes tbs = tbs_of(&proven);
    for (size_t size = 0; size < tbs.size; size++) {
        struct precertificate precertificate = { bytes_of(tbs.data, size), key_hash,
                                                 buffer_bytes(&claimed) };
        assert_int_not_equal(precertificate_check(&precertificate, &issuer, 1),
                             PRECERTIFICATE_BOUND);
    }
    buffer_free(&proven);
    buffer_free(&claimed);
}

static void wraps_a_proven_certificate_so_that_it_can_be_read(void **state)
{
    (void)state;
    struct buffer proven = build_side(&proven_side);
    struct buffer wrapped;
    buffer_init(&wrapped, LIMIT);
    precertificate_wrap(&wrapped, tbs_of(&proven));
    struct certificate *certificate = certificate_create();
    assert_true(certificate_parse(certificate, buffer_bytes(&wrapped)));
    assert_true(bytes_equal(certificate_tbs(certificate), tbs_of(&proven)));
    /* What cannot be read is wrapped all the same, and said to be unreadable. */
    buffer_clear(&wrapped);
    precertificate_wrap(&wrapped, bytes_of(proven.data, 3));
    assert_int_equal(wrapped.size, 6 + 3 + 2 + 3);
    assert_false(certificate_parse(certificate, buffer_bytes(&wrapped)));
    certificate_destroy(certificate);
    buffer_free(&wrapped);
    buffer_free(&proven);
}

static void knows_a_signing_certificate_by_its_purpose(void **state)
{
    (void)state;
    static const char *const purposes[] = { "1.3.6.1.5.5.7.3.1", "1.3.6.1.4.1.11129.2.4.4" };
    struct certificate *certificate = certificate_create();
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    for (size_t i = 0; i < 2; i++) {
        struct buffer value, extensions, der;
        buffer_init(&value, LIMIT);
        buffer_init(&extensions, LIMIT);
        buffer_init(&der, LIMIT);
        size_t list = der_begin(&value, DER_SEQUENCE);
        der_write_object(&value, purposes[i]);
        der_end(&value, list);
        build_extension(&extensions, "2.5.29.37", buffer_bytes(&value));
        build_certificate(&der,
                          &(struct certificate_parts){ .extensions = buffer_bytes(&extensions) });
        struct precertificate_issuer issuer;
        uint8_t key_hash[SHA256_SIZE];
        assert_true(certificate_parse(certificate, buffer_bytes(&der)));
        assert_true(precertificate_issuer_read(&issuer, certificate));
        assert_int_equal(issuer.is_signer, i);
        digest_bytes(sha256, key_hash, certificate_public_key_info(certificate));
        assert_memory_equal(issuer.key_hash, key_hash, sizeof key_hash);
        buffer_free(&value);
        buffer_free(&extensions);
        buffer_free(&der);
    }
    (void)certificate_parse(certificate, (struct bytes){ 0 });
    assert_false(precertificate_issuer_read(&(struct precertificate_issuer){ .is_signer = false },
                                            certificate));
    certificate_destroy(certificate);
    digest_destroy(sha256);
}

struct tally {
    struct certificate *certificate;
    struct digest *sha256;
    size_t bound;
    size_t others;
};

static void check_entry(struct tally *tally, struct bytes leaf_input, struct bytes extra_data)
{
    struct entry entry;
    entry_read_rfc6962(&entry, leaf_input, extra_data);
    assert_null(entry.malformed);
    if (!entry.is_precertificate)
        return;
    struct precertificate_issuer issuers[2];
    size_t count = 0;
    struct bytes chain = entry.chain, issuer;
    while (count < 2 && entry_next_chain_certificate(&chain, &issuer)) {
        (void)certificate_parse(tally->certificate, issuer);
        assert_true(precertificate_issuer_read(&issuers[count++], tally->certificate));
    }
    struct precertificate precertificate = { entry.tbs, entry.issuer_key_hash.data,
                                             entry.certificate };
    enum precertificate_binding binding = precertificate_check(&precertificate, issuers, count);
    bool bound = binding == PRECERTIFICATE_BOUND || binding == PRECERTIFICATE_BOUND_BY_SIGNER;
    tally->bound += bound;
    tally->others += !bound;
}

static void visit_entries(const char *name, struct bytes content, void *context)
{
    (void)name;
    cJSON *parsed = cJSON_ParseWithLength((const char *)content.data, content.size);
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(parsed, "entries"))
    {
        struct buffer leaf_input, extra_data;
        buffer_init(&leaf_input, LIMIT);
        buffer_init(&extra_data, LIMIT);
        const char *leaf = cJSON_GetObjectItem(item, "leaf_input")->valuestring;
        const char *extra = cJSON_GetObjectItem(item, "extra_data")->valuestring;
        assert_true(base64_decode(&leaf_input, bytes_of_string(leaf)));
        assert_true(base64_decode(&extra_data, bytes_of_string(extra)));
        check_entry(context, buffer_bytes(&leaf_input), buffer_bytes(&extra_data));
        buffer_free(&leaf_input);
        buffer_free(&extra_data);
    }
    cJSON_Delete(parsed);
}

static void binds_every_real_precertificate(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct tally tally = { certificate_create(), digest_create(DIGEST_SHA256), 0, 0 };
    (void)corpus_visit_files("entries/real", ".json", visit_entries, &tally);
    (void)corpus_visit_files("entries/derived", ".json", visit_entries, &tally);
    print_message("%zu precertificates\n", tally.bound);
    assert_true(tally.bound > 0);
    assert_int_equal(tally.others, 0);
    certificate_destroy(tally.certificate);
    digest_destroy(tally.sha256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_belongs_to_the_proven_certificate),
        cmocka_unit_test(refuses_every_truncated_precertificate),
        cmocka_unit_test(wraps_a_proven_certificate_so_that_it_can_be_read),
        cmocka_unit_test(knows_a_signing_certificate_by_its_purpose),
        cmocka_unit_test(binds_every_real_precertificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
