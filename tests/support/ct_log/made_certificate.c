#include "tests/support/ct_log/made_certificate.h"

#include <assert.h>

#include <openssl/evp.h>

#include "tests/support/ct_log/der_writer.h"
#include "tests/support/ct_log/made_authority.h"
#include "tests/support/ct_log/made_extension.h"
#include "tests/support/ct_log/made_key.h"
#include "tests/support/ct_log/made_name.h"
#include "tests/support/seeded_random.h"

enum {
    SPKI_MAX = 1024,
    SERIAL_HEAD_MAX = 10,
    /* X.520's ub-common-name: longer names stand in the SAN only. */
    COMMON_NAME_MAX = 64,
    PERCENT_PRECERTIFICATES = 60,
};

static const uint64_t day_seconds = 86400;

/* Everything that is drawn, once: the body of a precertificate is written with and without
 * poison. */
struct shape {
    const struct made_authority *authority;
    char names[MADE_NAMES_MAX][MADE_NAME_SIZE];
    size_t name_count;
    uint8_t serial_head[SERIAL_HEAD_MAX];
    size_t serial_head_size;
    uint64_t not_before;
    uint64_t not_after;
    enum made_key key;
    struct buffer key_info;
    uint8_t key_id[MADE_KEY_ID_SIZE];
    struct seeded_random timestamps;
    unsigned crl_number;
    bool has_common_name;
    bool has_organization;
    bool also_client;
    bool has_crl_point;
};

/* The last extension of a body. */
enum ending {
    ENDING_NONE,
    ENDING_POISON,
    ENDING_TIMESTAMPS,
};

static bool draw_percent(struct seeded_random *random, unsigned percent)
{
    return seeded_random_below(random, 100) < percent;
}

static void draw_key(struct shape *shape, struct seeded_random *random)
{
    uint8_t digest[32];
    unsigned percent = (unsigned)seeded_random_below(random, 100);
    shape->key = percent < 48   ? MADE_KEY_P256
                 : percent < 53 ? MADE_KEY_P384
                 : percent < 96 ? MADE_KEY_RSA_2048
                                : MADE_KEY_RSA_4096;
    buffer_init(&shape->key_info, SPKI_MAX);
    made_key_write(&shape->key_info, shape->key, random);
    (void)EVP_Digest(shape->key_info.data, shape->key_info.size, digest, NULL, EVP_sha256(), NULL);
    memcpy(shape->key_id, digest, sizeof shape->key_id);
}

static void draw_shape(struct shape *shape, const struct made_authority *authorities,
                       struct seeded_random *random, uint64_t now)
{
    static const uint64_t days[] = { 90, 90, 90, 90, 64, 47, 45, 6 };
    *shape = (struct shape){ 0 };
    shape->authority = &authorities[seeded_random_below(random, MADE_AUTHORITY_COUNT)];
    shape->name_count = made_name_write_all(shape->names, random);
    shape->serial_head_size = 4 + seeded_random_below(random, SERIAL_HEAD_MAX - 4 + 1);
    seeded_random_fill(random, shape->serial_head, shape->serial_head_size);
    shape->serial_head[0] = (uint8_t)(1 + seeded_random_below(random, 0x7f));
    shape->not_before = now - 3600 - seeded_random_below(random, day_seconds);
    shape->not_after = shape->not_before +
                       days[seeded_random_below(random, sizeof days / sizeof *days)] * day_seconds -
                       1;
    draw_key(shape, random);
    shape->has_common_name =
        strlen(shape->names[0]) <= COMMON_NAME_MAX && !draw_percent(random, 20);
    shape->has_organization = draw_percent(random, 8);
    shape->also_client = draw_percent(random, 50);
    shape->has_crl_point = draw_percent(random, 85);
    shape->crl_number = (unsigned)seeded_random_below(random, 128);
    shape->timestamps = seeded_random_of("timestamps", "", seeded_random_next(random));
}

static void write_subject(struct buffer *out, const struct shape *shape)
{
    size_t name = der_begin(out, DER_SEQUENCE);
    if (shape->has_organization) {
        der_write_attribute(out, "2.5.4.6", DER_PRINTABLE_STRING, "DE");
        der_write_attribute(out, "2.5.4.8", DER_UTF8_STRING, "Baden-Württemberg");
        der_write_attribute(out, "2.5.4.7", DER_UTF8_STRING, "Göppingen");
        der_write_attribute(out, "2.5.4.10", DER_UTF8_STRING, "Nordwind & Söhne GmbH");
    }
    if (shape->has_common_name)
        der_write_attribute(out, "2.5.4.3", DER_UTF8_STRING, shape->names[0]);
    der_end(out, name);
}

static void write_extensions(struct buffer *out, const struct shape *shape, enum ending ending)
{
    const struct made_authority *authority = shape->authority;
    const char *names[MADE_NAMES_MAX];
    for (size_t i = 0; i < shape->name_count; i++)
        names[i] = shape->names[i];
    bool is_rsa = shape->key == MADE_KEY_RSA_2048 || shape->key == MADE_KEY_RSA_4096;
    bool has_subject = shape->has_common_name || shape->has_organization;
    size_t context = der_begin(out, DER_CONTEXT_CONSTRUCTED + 3);
    size_t extensions = der_begin(out, DER_SEQUENCE);
    made_extension_write_key_usage(out, MADE_USAGE_DIGITAL_SIGNATURE |
                                            (is_rsa ? MADE_USAGE_KEY_ENCIPHERMENT : 0));
    made_extension_write_extended_key_usage(out, shape->also_client);
    made_extension_write_basic_constraints(out, false, false);
    made_extension_write_subject_key_id(out, bytes_of(shape->key_id, sizeof shape->key_id));
    made_extension_write_authority_key_id(out, bytes_of(authority->key_id, MADE_KEY_ID_SIZE));
    made_extension_write_authority_info(out, authority->host, authority->has_ocsp);
    /* RFC 5280 section 4.2.1.6: the names are critical when the subject is empty. */
    made_extension_write_names(out, names, shape->name_count, !has_subject);
    made_extension_write_policies(out,
                                  shape->has_organization ? "2.23.140.1.2.2" : "2.23.140.1.2.1",
                                  authority->policy, authority->host);
    if (shape->has_crl_point)
        made_extension_write_crl_point(out, authority->host, shape->crl_number);
    struct seeded_random timestamps = shape->timestamps;
    if (ending == ENDING_TIMESTAMPS)
        made_extension_write_timestamps(out, &timestamps, 2, shape->not_before * 1000);
    if (ending == ENDING_POISON)
        made_extension_write_poison(out);
    der_end(out, extensions);
    der_end(out, context);
}

static void write_body(struct buffer *out, const struct shape *shape, enum ending ending)
{
    static const uint8_t version_3[] = { 2 };
    size_t body = der_begin(out, DER_SEQUENCE);
    size_t version = der_begin(out, DER_CONTEXT_CONSTRUCTED);
    der_write(out, DER_INTEGER, bytes_of(version_3, sizeof version_3));
    der_end(out, version);
    size_t serial = der_begin(out, DER_INTEGER);
    buffer_append(out, shape->serial_head, shape->serial_head_size);
    buffer_append(out, MADE_SERIAL_MARK, MADE_MARK_SIZE);
    der_end(out, serial);
    made_key_write_signature_algorithm(out, shape->authority->key);
    buffer_append_bytes(out, buffer_bytes(&shape->authority->name));
    size_t validity = der_begin(out, DER_SEQUENCE);
    der_write_time(out, shape->not_before);
    der_write_time(out, shape->not_after);
    der_end(out, validity);
    write_subject(out, shape);
    buffer_append_bytes(out, buffer_bytes(&shape->key_info));
    write_extensions(out, shape, ending);
    der_end(out, body);
}

void made_certificate_init(struct made_certificate *certificate,
                           const struct made_authority *authorities, const char *seed,
                           uint64_t number, uint64_t now)
{
    struct seeded_random random = seeded_random_of(seed, "certificate", number);
    struct shape shape;
    draw_shape(&shape, authorities, &random, now);
    certificate->is_precertificate = draw_percent(&random, PERCENT_PRECERTIFICATES);
    buffer_init(&certificate->certificate, MADE_CERTIFICATE_MAX);
    buffer_init(&certificate->body, MADE_CERTIFICATE_MAX);
    struct buffer *out = &certificate->certificate;
    size_t whole = der_begin(out, DER_SEQUENCE);
    write_body(out, &shape, certificate->is_precertificate ? ENDING_POISON : ENDING_TIMESTAMPS);
    made_key_write_signature_algorithm(out, shape.authority->key);
    made_key_write_signature(out, shape.authority->key, &random);
    der_end(out, whole);
    if (certificate->is_precertificate)
        write_body(&certificate->body, &shape, ENDING_NONE);
    assert(!out->failed && !certificate->body.failed);
    certificate->authority = shape.authority;
    buffer_free(&shape.key_info);
}

void made_certificate_clear(struct made_certificate *certificate)
{
    buffer_free(&certificate->certificate);
    buffer_free(&certificate->body);
}
