/* Certificates that OpenSSL signs for the purpose: which of them belongs to which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ingest/ct/chain_link.h"
#include "shared/x509/certificate.h"

struct made {
    unsigned char *der;
    struct certificate *parsed;
    struct chain_certificate view;
};

/* What stands in the two key identifiers; NULL: the extension is not there. */
struct made_parts {
    const char *subject, *issuer;
    const char *subject_key_id, *authority_key_id;
    EVP_PKEY *key, *issuer_key;
};

static void set_name(X509_NAME *name, const char *text)
{
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
}

static void add_key_ids(X509 *x509, const struct made_parts *parts)
{
    if (parts->subject_key_id) {
        ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(id, (const unsigned char *)parts->subject_key_id, -1);
        X509_add1_ext_i2d(x509, NID_subject_key_identifier, id, 0, 0);
        ASN1_OCTET_STRING_free(id);
    }
    if (parts->authority_key_id) {
        AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
        id->keyid = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(id->keyid, (const unsigned char *)parts->authority_key_id, -1);
        X509_add1_ext_i2d(x509, NID_authority_key_identifier, id, 0, 0);
        AUTHORITY_KEYID_free(id);
    }
}

static struct made make(const struct made_parts *parts)
{
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 5);
    set_name(X509_get_subject_name(x509), parts->subject);
    set_name(X509_get_issuer_name(x509), parts->issuer);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, parts->key);
    add_key_ids(x509, parts);
    assert_true(X509_sign(x509, parts->issuer_key, EVP_sha256()) > 0);
    struct made made = { .parsed = certificate_create() };
    int size = i2d_X509(x509, &made.der);
    X509_free(x509);
    assert_true(size > 0);
    struct bytes der = bytes_of(made.der, (size_t)size);
    assert_true(certificate_parse(made.parsed, der));
    chain_certificate_read(&made.view, made.parsed, der);
    return made;
}

static void clear(struct made *made)
{
    OPENSSL_free(made->der);
    certificate_destroy(made->parsed);
}

struct link_row {
    const char *named, *named_key;     /* by the certificate */
    const char *subject, *subject_key; /* of the issuer */
    enum chain_link expected;
};

static const struct link_row link_rows[] = {
    { "CA", "key", "CA", "key", CHAIN_LINK_BOUND },  { "CA", NULL, "CA", "key", CHAIN_LINK_OPEN },
    { "CA", "key", "CA", NULL, CHAIN_LINK_OPEN },    { "CA", NULL, "CA", NULL, CHAIN_LINK_OPEN },
    { "CA", "key", "CA", "yek", CHAIN_LINK_OPEN },   { "CA", "key", "CB", "key", CHAIN_LINK_OPEN },
    { "CA", "key", "CB", "yek", CHAIN_LINK_BROKEN }, { "CA", NULL, "CB", NULL, CHAIN_LINK_BROKEN },
};

static void names_and_key_identifiers_bind(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t i = 0; i < sizeof link_rows / sizeof *link_rows; i++) {
        const struct link_row *row = &link_rows[i];
        struct made leaf =
            make(&(struct made_parts){ "leaf", row->named, "leaf key", row->named_key, key, key });
        struct made issuer =
            make(&(struct made_parts){ row->subject, "root", row->subject_key, NULL, key, key });
        assert_int_equal(chain_link_check(&leaf.view, &issuer.view), row->expected);
        assert_true(leaf.view.has_key && issuer.view.has_key);
        clear(&leaf);
        clear(&issuer);
    }
    EVP_PKEY_free(key);
}

static void a_signature_binds_what_they_leave_open(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = { EVP_EC_gen("P-256"), EVP_RSA_gen(2048), EVP_EC_gen("P-384") };
    for (size_t i = 0; i < 2; i++) {
        struct made leaf = make(&(struct made_parts){ "leaf", "CA", NULL, NULL, keys[2], keys[i] });
        struct made issuer = make(&(struct made_parts){ "CA", "CA", NULL, NULL, keys[i], keys[i] });
        struct made other = make(&(struct made_parts){ "CA", "CA", NULL, NULL, keys[2], keys[2] });
        assert_true(chain_link_is_signed(&leaf.view, &issuer.view));
        assert_true(chain_link_is_signed(&issuer.view, &issuer.view));
        assert_false(chain_link_is_signed(&leaf.view, &other.view));
        clear(&leaf);
        clear(&issuer);
        clear(&other);
    }
    for (size_t i = 0; i < 3; i++)
        EVP_PKEY_free(keys[i]);
}

static void what_cannot_be_read_binds_nothing(void **state)
{
    (void)state;
    struct certificate *parsed = certificate_create();
    struct chain_certificate nothing, garbage;
    (void)certificate_parse(parsed, (struct bytes){ 0 });
    chain_certificate_read(&nothing, parsed, (struct bytes){ 0 });
    (void)certificate_parse(parsed, bytes_of_string("garbage"));
    chain_certificate_read(&garbage, parsed, bytes_of_string("garbage"));
    assert_int_equal(chain_link_check(&nothing, &garbage), CHAIN_LINK_BROKEN);
    assert_int_equal(chain_link_check(&nothing, &nothing), CHAIN_LINK_BROKEN);
    assert_false(chain_link_is_signed(&nothing, &garbage));
    assert_false(chain_link_is_signed(&garbage, &nothing));
    assert_false(nothing.has_key || garbage.has_key);
    certificate_destroy(parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_key_identifiers_bind),
        cmocka_unit_test(a_signature_binds_what_they_leave_open),
        cmocka_unit_test(what_cannot_be_read_binds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
