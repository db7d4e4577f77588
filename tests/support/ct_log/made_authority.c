#include "tests/support/ct_log/made_authority.h"

#include <assert.h>

#include <openssl/evp.h>

#include "tests/support/ct_log/der_writer.h"
#include "tests/support/ct_log/made_extension.h"
#include "tests/support/seeded_random.h"

enum {
    NAME_MAX_SIZE = 256,
    SPKI_MAX = 1024,
    SERIAL_SIZE = 16,
};

static const uint64_t year_seconds = UINT64_C(365) * 86400;

struct description {
    const char *country;
    const char *organization;
    const char *root_name;
    const char *name;
    const char *host;
    const char *policy;
    enum made_key root_key;
    enum made_key key;
    bool has_ocsp;
};

static const struct description descriptions[MADE_AUTHORITY_COUNT] = {
    { "US", "Open Harbour Encryption", "OHE Root X1", "R12", "r12.ohe.example", NULL,
      MADE_KEY_RSA_4096, MADE_KEY_RSA_2048, false },
    { "US", "Open Harbour Encryption", "OHE Root X2", "E7", "e7.ohe.example", NULL, MADE_KEY_P384,
      MADE_KEY_P384, false },
    { "AT", "ZeroFee GmbH", "ZeroFee Root R46", "ZeroFee ECC Domain Secure Site CA",
      "zerofee.example", "1.3.6.1.4.1.6449.1.2.2.78", MADE_KEY_P384, MADE_KEY_P256, true },
    { "US", "Granite Trust Services", "GTS Root R1", "WR3", "pki.granite.example",
      "1.3.6.1.4.1.11129.2.5.3", MADE_KEY_RSA_4096, MADE_KEY_RSA_2048, true },
    { "US", "Digital Seal Inc", "Digital Seal Global Root G2",
      "Digital Seal Global G2 TLS RSA SHA256 2020 CA1", "digitalseal.example",
      "2.16.840.1.114412.1.1", MADE_KEY_RSA_2048, MADE_KEY_RSA_2048, true },
    { "DE", "Prüfstein Zertifikate AG", "Prüfstein Root 2022", "Prüfstein TLS 4",
      "pruefstein.example", "1.3.6.1.4.1.22234.2.5.2", MADE_KEY_P384, MADE_KEY_P256, true },
};

static void write_name(struct buffer *out, const struct description *of, const char *common_name)
{
    size_t name = der_begin(out, DER_SEQUENCE);
    der_write_attribute(out, "2.5.4.6", DER_PRINTABLE_STRING, of->country);
    der_write_attribute(out, "2.5.4.10", DER_UTF8_STRING, of->organization);
    der_write_attribute(out, "2.5.4.3", DER_UTF8_STRING, common_name);
    der_end(out, name);
}

/* One CA certificate in the making: who signs it, and whose it is. */
struct issue {
    struct bytes issuer_name;
    struct bytes issuer_key_id;
    enum made_key issuer_key;
    struct bytes name;
    struct bytes key_id;
    struct bytes key_info;
    bool is_root;
};

static void write_extensions(struct buffer *out, const struct issue *issue,
                             const struct description *of)
{
    size_t context = der_begin(out, DER_CONTEXT_CONSTRUCTED + 3);
    size_t extensions = der_begin(out, DER_SEQUENCE);
    made_extension_write_key_usage(out, MADE_USAGE_DIGITAL_SIGNATURE | MADE_USAGE_CERTIFICATE_SIGN |
                                            MADE_USAGE_CRL_SIGN);
    made_extension_write_basic_constraints(out, true, !issue->is_root);
    made_extension_write_subject_key_id(out, issue->key_id);
    if (!issue->is_root) {
        made_extension_write_extended_key_usage(out, true);
        made_extension_write_authority_key_id(out, issue->issuer_key_id);
        made_extension_write_authority_info(out, of->host, false);
        made_extension_write_policies(out, "2.23.140.1.2.1", NULL, of->host);
        made_extension_write_crl_point(out, of->host, 1);
    }
    der_end(out, extensions);
    der_end(out, context);
}

static void write_body(struct buffer *out, const struct issue *issue, const struct description *of,
                       uint64_t now, struct seeded_random *random)
{
    static const uint8_t version_3[] = { 2 };
    uint8_t serial[SERIAL_SIZE];
    size_t body = der_begin(out, DER_SEQUENCE);
    size_t version = der_begin(out, DER_CONTEXT_CONSTRUCTED);
    der_write(out, DER_INTEGER, bytes_of(version_3, sizeof version_3));
    der_end(out, version);
    seeded_random_fill(random, serial, sizeof serial);
    der_write_unsigned(out, bytes_of(serial, sizeof serial));
    made_key_write_signature_algorithm(out, issue->issuer_key);
    buffer_append_bytes(out, issue->issuer_name);
    size_t validity = der_begin(out, DER_SEQUENCE);
    der_write_time(out, now - 2 * year_seconds);
    der_write_time(out, now + (issue->is_root ? 25 : 3) * year_seconds);
    der_end(out, validity);
    buffer_append_bytes(out, issue->name);
    buffer_append_bytes(out, issue->key_info);
    write_extensions(out, issue, of);
    der_end(out, body);
}

static void write_certificate(struct buffer *out, const struct issue *issue,
                              const struct description *of, uint64_t now,
                              struct seeded_random *random)
{
    size_t certificate = der_begin(out, DER_SEQUENCE);
    write_body(out, issue, of, now, random);
    made_key_write_signature_algorithm(out, issue->issuer_key);
    made_key_write_signature(out, issue->issuer_key, random);
    der_end(out, certificate);
}

static void digest(struct bytes bytes, const EVP_MD *algorithm, uint8_t *out)
{
    bool made = EVP_Digest(bytes.data, bytes.size, out, NULL, algorithm, NULL) == 1;
    assert(made);
    (void)made;
}

/* Any 20 bytes that are the key's own will do as its id (RFC 5280 section 4.2.1.2). */
static void make_key(struct buffer *key_info, enum made_key key, uint8_t *hash, uint8_t *key_id,
                     struct seeded_random *random)
{
    buffer_init(key_info, SPKI_MAX);
    made_key_write(key_info, key, random);
    digest(buffer_bytes(key_info), EVP_sha256(), hash);
    memcpy(key_id, hash, MADE_KEY_ID_SIZE);
}

static void make_certificates(struct made_authority *authority, const struct description *of,
                              uint64_t now, struct seeded_random *random)
{
    struct buffer root_name, root_info, info;
    uint8_t root_hash[32], root_key_id[MADE_KEY_ID_SIZE];
    buffer_init(&root_name, NAME_MAX_SIZE);
    write_name(&root_name, of, of->root_name);
    make_key(&root_info, of->root_key, root_hash, root_key_id, random);
    make_key(&info, of->key, authority->key_hash, authority->key_id, random);
    const struct issue root = {
        .issuer_name = buffer_bytes(&root_name),
        .issuer_key = of->root_key,
        .name = buffer_bytes(&root_name),
        .key_id = bytes_of(root_key_id, sizeof root_key_id),
        .key_info = buffer_bytes(&root_info),
        .is_root = true,
    };
    const struct issue intermediate = {
        .issuer_name = root.name,
        .issuer_key_id = root.key_id,
        .issuer_key = of->root_key,
        .name = buffer_bytes(&authority->name),
        .key_id = bytes_of(authority->key_id, sizeof authority->key_id),
        .key_info = buffer_bytes(&info),
    };
    write_certificate(&authority->root, &root, of, now, random);
    write_certificate(&authority->certificate, &intermediate, of, now, random);
    buffer_free(&info);
    buffer_free(&root_info);
    buffer_free(&root_name);
}

void made_authority_init(struct made_authority *authority, const char *seed, size_t number,
                         uint64_t now)
{
    assert(number < MADE_AUTHORITY_COUNT);
    const struct description *of = &descriptions[number];
    struct seeded_random random = seeded_random_of(seed, "authority", number);
    *authority = (struct made_authority){
        .host = of->host, .policy = of->policy, .has_ocsp = of->has_ocsp, .key = of->key
    };
    buffer_init(&authority->name, NAME_MAX_SIZE);
    buffer_init(&authority->certificate, MADE_CERTIFICATE_MAX);
    buffer_init(&authority->root, MADE_CERTIFICATE_MAX);
    write_name(&authority->name, of, of->name);
    make_certificates(authority, of, now, &random);
    digest(buffer_bytes(&authority->certificate), EVP_sha256(), authority->fingerprints[0]);
    digest(buffer_bytes(&authority->root), EVP_sha256(), authority->fingerprints[1]);
}

void made_authority_clear(struct made_authority *authority)
{
    buffer_free(&authority->name);
    buffer_free(&authority->certificate);
    buffer_free(&authority->root);
}
