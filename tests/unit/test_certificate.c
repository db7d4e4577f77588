/* Certificates made for the purpose, and what the messages say of them: every field of
 * shared/README.md, "Certificate object". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"
#include "shared/x509/der.h"
#include "tests/unit/certificate_builder.h"

enum {
    LIMIT = 64 << 20,
    VALUE_SIZE = 1024
};

/* Everything a test needs; `json` is what the last rendering wrote, with a NUL behind it. */
struct bench {
    struct certificate *certificate;
    struct buffer der;
    struct buffer
        pieces; /* issuer, subject, validity or extensions on their way into the certificate */
    struct buffer json;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bench->certificate = certificate_create();
    buffer_init(&bench->der, LIMIT);
    buffer_init(&bench->pieces, LIMIT);
    buffer_init(&bench->json, LIMIT);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    certificate_destroy(bench->certificate);
    buffer_free(&bench->der);
    buffer_free(&bench->pieces);
    buffer_free(&bench->json);
    free(bench);
    return 0;
}

static bool parse(struct bench *bench, const struct certificate_parts *parts)
{
    buffer_clear(&bench->der);
    build_certificate(&bench->der, parts);
    return certificate_parse(bench->certificate, buffer_bytes(&bench->der));
}

static const char *render(struct bench *bench, enum certificate_dialect dialect, bool as_der)
{
    buffer_clear(&bench->json);
    certificate_json_write(&bench->json, bench->certificate, dialect, as_der);
    buffer_append_byte(&bench->json, 0);
    cJSON *parsed = cJSON_Parse((const char *)bench->json.data);
    assert_non_null(parsed);
    cJSON_Delete(parsed);
    return (const char *)bench->json.data;
}

static void expect_member(struct bench *bench, enum certificate_dialect dialect, const char *member)
{
    const char *json = render(bench, dialect, false);
    if (!strstr(json, member))
        fail_msg("%s\nis not in\n%s", member, json);
}

struct extension_row {
    const char *id;
    const char *value; /* hex */
    const char *certstream;
    const char *go;
    bool unreadable;
};

/* clang-format off */
static const struct extension_row extension_rows[] = {
    /* Every kind of name. */
    { "2.5.29.17", "3081aa8209612e6578616d706c65820b2a2e622e6578616d706c65810b6d40612e6578616d706c65861268747470733a2f2f612e6578616d706c"
                   "652f8704c0000201871020010db80000000000000000000000018705313233343588022a03a013060a2b060104018237140203a0050c03754061"
                   "a00906022a03a003020101a300a500a4283026310b30090603550406130258583117300a060355040a0c03412f42300906035504030c02c3a9",
      "{\"subjectAltName\":\"DNS:a.example, DNS:*.b.example, email:m@a.example, URI:https://a.example/, IP Address:192.0.2.1, "
      "IP Address:2001:DB8:0:0:0:0:0:1, IP Address:<invalid length=5>, Registered ID:1.2.3, othername: UPN::u@a, "
      "othername: 1.2.3::<unsupported>, X400Name:<unsupported>, EdiPartyName:<unsupported>, "
      "DirName:/C=XX/O=A\\\\/B+CN=\\\\xC3\\\\xA9\"}",
      "{\"subjectAltName\":\"DNS:a.example, DNS:*.b.example, email:m@a.example, IP Address:192.0.2.1, IP Address:2001:db8::1\"}", false },
    /* Addresses as RFC 5952 writes them: ::, ::1, 1::, 1:0:2:3:4:5:6:7, the first of equal runs, an
     * IPv4 address mapped. */
    { "2.5.29.17", "306c871000000000000000000000000000000000871000000000000000000000000000000001871000010000000000000000000000000000871000010000000200030004000500060007871000010000000000020000000000030004871000000000000000000000ffffc0000201",
      "{\"subjectAltName\":\"IP Address:0:0:0:0:0:0:0:0, IP Address:0:0:0:0:0:0:0:1, IP Address:1:0:0:0:0:0:0:0, IP Address:1:0:2:3:4:5:6:7, IP Address:1:0:0:2:0:0:3:4, IP Address:0:0:0:0:0:FFFF:C000:201\"}",
      "{\"subjectAltName\":\"IP Address:::, IP Address:::1, IP Address:1::, IP Address:1:0:2:3:4:5:6:7, IP Address:1::2:0:0:3:4, IP Address:192.0.2.1\"}", false },
    { "2.5.29.17", "300782056100620a22", "{\"subjectAltName\":\"DNS:a\\u0000b\\n\\\"\"}", "{\"subjectAltName\":\"DNS:a\\u0000b\\n\\\"\"}", false },
    { "2.5.29.17", "3000", "{\"subjectAltName\":\"<EMPTY>\\n\"}", "{\"subjectAltName\":\"\"}", false },
    { "2.5.29.17", "0500", "{\"subjectAltName\":null}", "{\"subjectAltName\":\"\"}", true },
    { "2.5.29.17", "30058201618209", "{\"subjectAltName\":\"DNS:a\"}", "{\"subjectAltName\":\"DNS:a\"}", true },
    { "2.5.29.17", "300382016100", "{\"subjectAltName\":\"DNS:a\"}", "{\"subjectAltName\":\"DNS:a\"}", false },
    { "2.5.29.18", "300b8209692e6578616d706c65", "{\"issuerAltName\":\"DNS:i.example\"}", "{}", false },
    { "2.5.29.35", "30048002aabb", "{\"authorityKeyIdentifier\":\"keyid:AA:BB\\n\"}", "{\"authorityKeyIdentifier\":\"keyid:aa:bb\"}", false },
    { "2.5.29.35", "301b8002aabba111a40f300d310b300906035504030c02434182020099",
      "{\"authorityKeyIdentifier\":\"keyid:AA:BB\\nDirName:/CN=CA\\nserial:99\\n\"}", "{\"authorityKeyIdentifier\":\"keyid:aa:bb\"}", false },
    { "2.5.29.14", "040201ab", "{\"subjectKeyIdentifier\":\"01:AB\"}", "{\"subjectKeyIdentifier\":\"keyid:01:ab\"}", false },
    { "2.5.29.15", "030205a0", "{\"keyUsage\":\"Digital Signature, Key Encipherment\"}", "{\"keyUsage\":\"Digital Signature, Key Encipherment\"}", false },
    { "2.5.29.15", "030307ff80",
      "{\"keyUsage\":\"Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign, CRL Sign, Encipher Only, Decipher Only\"}",
      "{\"keyUsage\":\"Digital Signature, Content Commitment, Key Encipherment, Data Encipherment, Key Agreement, Certificate Signing, CRL Signing, Encipher Only, Decipher Only\"}", false },
    { "2.5.29.15", "03020780", "{\"keyUsage\":\"Digital Signature\"}", "{\"keyUsage\":\"Digital Signature\"}", false },
    { "2.5.29.15", "0400", "{\"keyUsage\":null}", "{\"keyUsage\":\"\"}", true },
    { "2.5.29.37", "301f06082b0601050507030106082b0601050507030206092b06010401868d1f01",
      "{\"extendedKeyUsage\":\"TLS Web Server Authentication, TLS Web Client Authentication, 1.3.6.1.4.1.99999.1\"}", "{}", false },
    /* What is no purpose is left out, and so is its separator. */
    { "2.5.29.37", "301706082b060105050703010c017806082b06010505070302",
      "{\"extendedKeyUsage\":\"TLS Web Server Authentication, TLS Web Client Authentication\"}", "{}", true },
    { "2.5.29.37", "300d06082b060105050703010c0178", "{\"extendedKeyUsage\":\"TLS Web Server Authentication\"}", "{}", true },
    { "2.5.29.37", "300d0c017806082b06010505070301", "{\"extendedKeyUsage\":\"TLS Web Server Authentication\"}", "{}", true },
    { "2.5.29.17", "3005820161cf00", "{\"subjectAltName\":\"DNS:a\"}", "{\"subjectAltName\":\"DNS:a\"}", true },
    /* Strings in pieces (BER), one of them nested. */
    { "2.5.29.17", "3018a20c040161240704022e6204016387010081056162404fc1",
      "{\"subjectAltName\":\"DNS:a.bc, IP Address:<invalid length=1>, email:ab@O\xef\xbf\xbd\"}", "{\"subjectAltName\":\"email:ab@O\\ufffd\"}", false },
    { "2.5.29.14", "2406040101040102", "{\"subjectKeyIdentifier\":\"01:02\"}", "{\"subjectKeyIdentifier\":\"keyid:\"}", false },
    { "2.5.29.35", "3008a0060401aa0401bb", "{\"authorityKeyIdentifier\":\"keyid:AA:BB\\n\"}", "{\"authorityKeyIdentifier\":\"keyid:\"}", false },
    { "2.5.29.19", "30060101ff020100", "{\"basicConstraints\":\"CA:TRUE, pathlen:0\"}", "{\"basicConstraints\":\"CA:TRUE\"}", false },
    { "2.5.29.19", "3000", "{\"basicConstraints\":\"CA:FALSE\"}", "{\"basicConstraints\":\"CA:FALSE\"}", false },
    { "1.3.6.1.5.5.7.1.1", "302e301506082b060105050730018609687474703a2f2f6f2f301506082b060105050730028609687474703a2f2f632f",
      "{\"authorityInfoAccess\":\"OCSP - URI:http://o/\\nCA Issuers - URI:http://c/\\n\"}", "{\"authorityInfoAccess\":\"URI:http://c/, URI:http://o/\"}", false },
    { "2.5.29.32", "305e3008060667810c0102013052060b2b0601040182df130101013043301606082b06010505070201160a687474703a2f2f637073302106082b060105050702023015300d0c034f726730060201010201021e04004800e9300606022a030500",
      "{\"certificatePolicies\":\"Policy: 2.23.140.1.2.1\\nPolicy: 1.3.6.1.4.1.44947.1.1.1\\n  CPS: http://cps\\n  User Notice:\\n    Organization: Org\\n    Numbers: 1, 2\\n"
      "    Explicit Text: H\xc3\xa9\\n    Unknown Qualifier: 1.2.3\\n\"}",
      "{\"certificatePolicies\":\"Policy: 2.23.140.1.2.1\\nPolicy: 1.3.6.1.4.1.44947.1.1.1\\n\"}", false },
    { "2.5.29.32", "300830060604551d2000", "{\"certificatePolicies\":\"Policy: X509v3 Any Policy\\n\"}", "{\"certificatePolicies\":\"Policy: 2.5.29.32.0\\n\"}", false },
    { "2.5.29.31", "3056301ca01aa018860a687474703a2f2f782f31860a687474703a2f2f782f323036a010a10e300c06035504030c05612c20226281020106a21ea41c301a310b3009060355040613025858310b300906035504030c024341",
      "{\"crlDistributionPoints\":\"\\nFull Name:\\n  URI:http://x/1\\n  URI:http://x/2\\n\\nRelative Name:\\n  CN = \\\"a, \\\\\\\"b\\\"\\nReasons:\\n  Cessation Of Operation, Certificate Hold\\nCRL Issuer:\\n  DirName:C = XX, CN = CA\\n\"}",
      "{}", false },
    { "1.3.6.1.4.1.11129.2.4.3", "0500", "{\"ctlPoisonByte\":true}", "{\"ctlPoisonByte\":true}", false },
    { "1.3.6.1.4.1.11129.2.4.2", "04050003fbfffe", "{\"ctlSignedCertificateTimestamp\":\"BAUAA_v__g==\"}", "{}", false },
    { "1.3.6.1.4.1.311.21.7", "0500", "{\"extra\":[\"1.3.6.1.4.1.311.21.7\"]}", "{}", false },
};
/* clang-format on */

static void expect_extensions(struct bench *bench, enum certificate_dialect dialect,
                              const char *expected)
{
    char member[4 * VALUE_SIZE];
    (void)snprintf(member, sizeof member, "\"extensions\":%s,\"fingerprint\"", expected);
    expect_member(bench, dialect, member);
}

static void add_hex_extension(struct buffer *out, const char *id, const char *hex)
{
    uint8_t value[VALUE_SIZE];
    size_t size = strlen(hex) / 2;
    assert_true(size <= sizeof value && hex_decode(value, size, bytes_of_string(hex)));
    build_extension(out, id, bytes_of(value, size));
}

static void writes_the_text_of_every_extension(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof extension_rows / sizeof *extension_rows; i++) {
        const struct extension_row *row = &extension_rows[i];
        buffer_clear(&bench->pieces);
        add_hex_extension(&bench->pieces, row->id, row->value);
        bool readable =
            parse(bench, &(struct certificate_parts){ .extensions = buffer_bytes(&bench->pieces) });
        if (readable == row->unreadable)
            fail_msg("%s %s: parse error %d", row->id, row->value, !readable);
        expect_extensions(bench, CERTIFICATE_DIALECT_CERTSTREAM, row->certstream);
        expect_extensions(bench, CERTIFICATE_DIALECT_GO, row->go);
    }
}

static void unites_several_extensions_of_one_kind(void **state)
{
    struct bench *bench = *state;
    buffer_clear(&bench->pieces);
    add_hex_extension(&bench->pieces, "2.5.29.17", "3003820161");
    add_hex_extension(&bench->pieces, "2.5.29.14", "040101");
    add_hex_extension(&bench->pieces, "2.5.29.17", "3006820162820161");
    assert_true(
        parse(bench, &(struct certificate_parts){ .extensions = buffer_bytes(&bench->pieces) }));
    expect_extensions(
        bench, CERTIFICATE_DIALECT_CERTSTREAM,
        "{\"subjectAltName\":\"DNS:a, DNS:b, DNS:a\",\"subjectKeyIdentifier\":\"01\"}");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "\"all_domains\":[\"a\",\"b\",\"subject.example\"]");
    expect_member(bench, CERTIFICATE_DIALECT_GO,
                  "\"all_domains\":[\"a\",\"b\",\"a\",\"subject.example\"]");
}

/* A separator is not written before nothing. */
static void ends_no_text_in_a_separator(void **state)
{
    struct bench *bench = *state;
    buffer_clear(&bench->pieces);
    add_hex_extension(&bench->pieces, "2.5.29.17", "3003820161");
    add_hex_extension(&bench->pieces, "2.5.29.17", "0500");
    add_hex_extension(&bench->pieces, "2.5.29.37", "300a06082b06010505070301");
    add_hex_extension(&bench->pieces, "2.5.29.37", "30030c0178");
    assert_false(
        parse(bench, &(struct certificate_parts){ .extensions = buffer_bytes(&bench->pieces) }));
    expect_extensions(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                      "{\"extendedKeyUsage\":\"TLS Web Server Authentication\","
                      "\"subjectAltName\":\"DNS:a\"}");
}

/* The value of an extension as a constructed OCTET STRING: DNS:a.b in two pieces. */
static void reads_an_extension_in_pieces(void **state)
{
    static const uint8_t extension[] = {
        0x30, 0x12, 0x06, 0x03, 0x55, 0x1d, 0x11, 0x24, 0x0b, 0x04,
        0x03, 0x30, 0x05, 0x82, 0x04, 0x04, 0x03, 'a',  '.',  'b'
    };
    struct bench *bench = *state;
    assert_true(parse(
        bench, &(struct certificate_parts){ .extensions = bytes_of(extension, sizeof extension) }));
    expect_extensions(bench, CERTIFICATE_DIALECT_CERTSTREAM, "{\"subjectAltName\":\"DNS:a.b\"}");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "\"all_domains\":[\"a.b\",\"subject.example\"]");
}

static void lists_every_common_name(void **state)
{
    static const uint8_t in_pieces[] = { 4, 2, 't', 'h', 4, 6, 'i', 'r', 'd', '.', 'e', 'x' };
    struct bench *bench = *state;
    buffer_clear(&bench->pieces);
    build_attribute(&bench->pieces, "2.5.4.3", DER_UTF8_STRING, bytes_of_string("first.ex"));
    build_attribute(&bench->pieces, "2.5.4.10", DER_UTF8_STRING, bytes_of_string("X"));
    build_attribute(&bench->pieces, "2.5.4.3", DER_BMP_STRING, bytes_of("\0s\0e\0c", 6));
    build_attribute(&bench->pieces, "2.5.4.3", DER_UTF8_STRING | DER_CONSTRUCTED,
                    bytes_of(in_pieces, sizeof in_pieces));
    build_attribute(&bench->pieces, "2.5.4.3", DER_UTF8_STRING, bytes_of_string("first.ex"));
    build_attribute(&bench->pieces, "2.5.4.3", DER_T61_STRING, bytes_of_string("\xe9"));
    assert_true(
        parse(bench, &(struct certificate_parts){ .subject = buffer_bytes(&bench->pieces) }));
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "{\"all_domains\":[\"first.ex\",\"sec\",\"third.ex\",\"\xc3\xa9\"],");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, "\"CN\":\"\xc3\xa9\"");
    expect_member(bench, CERTIFICATE_DIALECT_GO, "{\"all_domains\":[\"\\ufffd\"],");
}

static void lists_the_addresses_of_a_certificate(void **state)
{
    struct bench *bench = *state;
    buffer_clear(&bench->pieces);
    add_hex_extension(
        &bench->pieces, "2.5.29.17",
        "30438704c0000201871020010db80000000000000000000000018704c00002018705010203040587"
        "1000000000000000000000ffffc0000201a7080402c633040264078700");
    (void)parse(bench, &(struct certificate_parts){ .extensions = buffer_bytes(&bench->pieces) });
    expect_member(
        bench, CERTIFICATE_DIALECT_CERTSTREAM,
        ",\"all_ips\":[\"192.0.2.1\",\"2001:db8::1\",\"::ffff:192.0.2.1\",\"198.51.100.7\"],");
}

struct name_row {
    const char *what;
    const char *attributes[6]; /* identifier and UTF-8 value in turn */
    const char *certstream;
    const char *go;
};

static const struct name_row name_rows[] = {
    { "nothing",
      { 0 },
      "\"subject\":{\"C\":null,\"CN\":null,\"L\":null,\"O\":null,\"OU\":null,\"ST\":null,"
      "\"emailAddress\":null,"
      "\"email_address\":null,\"aggregated\":\"/\"}",
      "\"subject\":{\"C\":null,\"CN\":\"\",\"L\":null,\"O\":null,\"OU\":null,\"ST\":null,"
      "\"aggregated\":\"/CN=\","
      "\"email_address\":null}" },
    { "a repeated attribute",
      { "2.5.4.11", "one", "2.5.4.11", "two", "2.5.4.6", "XX" },
      "{\"C\":\"XX\",\"CN\":null,\"L\":null,\"O\":null,\"OU\":\"two\",\"ST\":null,\"emailAddress\":"
      "null,"
      "\"email_address\":null,\"aggregated\":\"/C=XX/OU=two\"}",
      "{\"C\":\"XX\",\"CN\":\"\",\"L\":null,\"O\":null,\"OU\":\"one,two\",\"ST\":null,"
      "\"aggregated\":\"/C=XX/CN=/OU=one,two\",\"email_address\":null}" },
    { "an address of electronic mail, a state, an unknown attribute",
      { "1.2.840.113549.1.9.1", "a@b", "2.5.4.8", "\"State\"", "2.5.4.9", "street" },
      "\"ST\":\"\\\"State\\\"\",\"emailAddress\":\"a@b\",\"email_address\":\"a@b\","
      "\"aggregated\":\"/ST=\\\"State\\\"/emailAddress=a@b\"}",
      "\"ST\":\"\\\"State\\\"\",\"aggregated\":\"/CN=/ST=\\\"State\\\"\",\"email_address\":null}" },
    { "an empty value",
      { "2.5.4.3", "", "2.5.4.7", "place" },
      "{\"C\":null,\"CN\":\"\",\"L\":\"place\",\"O\":null,\"OU\":null,\"ST\":null,\"emailAddress\":"
      "null,"
      "\"email_address\":null,\"aggregated\":\"/CN=/L=place\"}",
      "\"aggregated\":\"/CN=/L=place\"" },
};

static void writes_names(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof name_rows / sizeof *name_rows; i++) {
        const struct name_row *row = &name_rows[i];
        buffer_clear(&bench->pieces);
        for (size_t at = 0; at < 6 && row->attributes[at]; at += 2)
            build_attribute(&bench->pieces, row->attributes[at], DER_UTF8_STRING,
                            bytes_of_string(row->attributes[at + 1]));
        struct bytes name = bench->pieces.size ? buffer_bytes(&bench->pieces) : bytes_of("", 0);
        assert_true(parse(bench, &(struct certificate_parts){ .subject = name, .issuer = name }));
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, row->certstream);
        expect_member(bench, CERTIFICATE_DIALECT_GO, row->go);
    }
}

struct domain_row {
    uint8_t tag;
    const char *common_name;
    size_t size;
    const char *extension; /* id and value, or NULL */
    const char *value;
    const char *certstream;
    const char *go;
};

#define TEXT(literal) literal, sizeof(literal) - 1
#define BOTH(literal) literal, literal

static const struct domain_row domain_rows[] = {
    { DER_UTF8_STRING, TEXT("a"), NULL, NULL, BOTH("[\"a\"]") },
    { DER_UTF8_STRING, TEXT("a"), "2.5.29.17", "3006820162820161", BOTH("[\"b\",\"a\"]") },
    { DER_UTF8_STRING, TEXT("c"), "2.5.29.17", "3006820162820161", BOTH("[\"b\",\"a\",\"c\"]") },
    { DER_UTF8_STRING, TEXT("c"), "2.5.29.17", "3006820162820162", "[\"b\",\"c\"]",
      "[\"b\",\"b\",\"c\"]" },
    { DER_UTF8_STRING, TEXT(""), "2.5.29.17", "3000", BOTH("[]") },
    { DER_UTF8_STRING, TEXT("a CA"), "2.5.29.19", "30030101ff", BOTH("[]") },
    { DER_UTF8_STRING, TEXT("no CA"), "2.5.29.19", "3000", BOTH("[\"no CA\"]") },
    { DER_UTF8_STRING, TEXT("a\0b"), NULL, NULL, BOTH("[\"a\\u0000b\"]") },
    { DER_BMP_STRING, TEXT("\0b"), "2.5.29.17", "3003820162", BOTH("[\"b\"]") },
    { DER_BMP_STRING, TEXT("\x20\x28"), NULL, NULL, "[\"\xe2\x80\xa8\"]", "[\"\\u2028\"]" },
    { DER_T61_STRING, TEXT("\xe9"), NULL, NULL, "[\"\xc3\xa9\"]", "[\"\\ufffd\"]" },
    { DER_UNIVERSAL_STRING, TEXT("\0\0\0a"), NULL, NULL, "[\"a\"]", "[]" },
    { DER_UTF8_STRING, TEXT("\x7f\xff"), NULL, NULL, "[\"\\u007f\xef\xbf\xbd\"]",
      "[\"\x7f\\ufffd\"]" },
};

static void expect_domains(struct bench *bench, enum certificate_dialect dialect,
                           const char *expected)
{
    buffer_clear(&bench->json);
    certificate_json_write_domains(&bench->json, bench->certificate, dialect);
    if (!bytes_equal_string(buffer_bytes(&bench->json), expected))
        fail_msg("%s: %.*s", expected, (int)bench->json.size, (const char *)bench->json.data);
    char member[256];
    (void)snprintf(member, sizeof member, "{\"all_domains\":%s,", expected);
    expect_member(bench, dialect, member);
}

static void lists_the_names_of_a_certificate(void **state)
{
    struct bench *bench = *state;
    struct buffer extensions;
    buffer_init(&extensions, LIMIT);
    for (size_t i = 0; i < sizeof domain_rows / sizeof *domain_rows; i++) {
        const struct domain_row *row = &domain_rows[i];
        struct certificate_parts parts = { 0 };
        buffer_clear(&bench->pieces);
        build_attribute(&bench->pieces, "2.5.4.3", row->tag, bytes_of(row->common_name, row->size));
        parts.subject = buffer_bytes(&bench->pieces);
        buffer_clear(&extensions);
        if (row->extension) {
            add_hex_extension(&extensions, row->extension, row->value);
            parts.extensions = buffer_bytes(&extensions);
        }
        assert_true(parse(bench, &parts));
        expect_domains(bench, CERTIFICATE_DIALECT_CERTSTREAM, row->certstream);
        expect_domains(bench, CERTIFICATE_DIALECT_GO, row->go);
    }
    buffer_free(&extensions);
}

static void reads_thousands_of_names(void **state)
{
    struct bench *bench = *state;
    enum {
        COUNT = 20000
    };
    buffer_clear(&bench->der);
    build_ordinary_certificate(&bench->der, 1, COUNT);
    assert_true(certificate_parse(bench->certificate, buffer_bytes(&bench->der)));
    cJSON *parsed = cJSON_Parse(render(bench, CERTIFICATE_DIALECT_CERTSTREAM, false));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(parsed, "all_domains")), COUNT);
    cJSON_Delete(parsed);
}

struct serial_row {
    const char *content;
    size_t size;
    const char *expected;
    bool unreadable;
};

static const struct serial_row serial_rows[] = {
    { TEXT("\x01"), "\"01\"", false },
    { TEXT("\x00\xab\xcd"), "\"ABCD\"", false },
    { TEXT("\x0f\xff"), "\"0FFF\"", false },
    { TEXT("\x00"), "\"00\"", false },
    { TEXT("\xff"), "\"-01\"", false },
    { TEXT("0123456789012345678901234567890123456789"),
      "\"30313233343536373839303132333435363738393031323334353637383930313233343536373839\"",
      false },
    { TEXT(""), "null", true },
};

static void writes_serial_numbers(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof serial_rows / sizeof *serial_rows; i++) {
        const struct serial_row *row = &serial_rows[i];
        struct certificate_parts parts = { .serial = bytes_of(row->content, row->size) };
        assert_int_equal(parse(bench, &parts), !row->unreadable);
        char member[128];
        (void)snprintf(member, sizeof member, "\"serial_number\":%s,", row->expected);
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, member);
        expect_member(bench, CERTIFICATE_DIALECT_GO, member);
    }
}

struct algorithm_row {
    const char *id;
    const char *certstream;
    const char *go;
};

static const struct algorithm_row algorithm_rows[] = {
    { "1.2.840.113549.1.1.11", "\"sha256, rsa\"", "\"sha256, rsa\"" },
    { "1.2.840.113549.1.1.5", "\"sha1, rsa\"", "\"sha1, rsa\"" },
    { "1.2.840.10045.4.3.2", "\"sha256, ecdsa\"", "\"ecdsa, sha256\"" },
    { "1.2.840.10045.4.3.3", "\"sha384, ecdsa\"", "\"ecdsa, sha384\"" },
    { "1.3.101.112", "\"ed25519\"", "\"ed25519\"" },
    { "1.2.840.113549.1.1.10", "\"sha1, rsa-pss\"", "\"unknown\"" },
    { "1.3.101.113", "\"ed448\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.10", "\"sha3-256, ecdsa\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.16", "\"sha3-512, rsa\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.17", "\"ml-dsa-44\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.19", "\"ml-dsa-87\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.20", "\"slh-dsa-sha2-128s\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.31", "\"slh-dsa-shake-256f\"", "\"unknown\"" },
    { "2.16.840.1.101.3.4.3.32", "\"2.16.840.1.101.3.4.3.32\"", "\"unknown\"" },
};

static void names_signature_algorithms(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof algorithm_rows / sizeof *algorithm_rows; i++) {
        const struct algorithm_row *row = &algorithm_rows[i];
        buffer_clear(&bench->pieces);
        build_algorithm(&bench->pieces, row->id);
        assert_true(
            parse(bench, &(struct certificate_parts){ .algorithm = buffer_bytes(&bench->pieces) }));
        char member[128];
        (void)snprintf(member, sizeof member, "\"signature_algorithm\":%s,", row->certstream);
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, member);
        (void)snprintf(member, sizeof member, "\"signature_algorithm\":%s,", row->go);
        expect_member(bench, CERTIFICATE_DIALECT_GO, member);
    }
}

static void names_the_hash_of_a_pss_signature(void **state)
{
    struct bench *bench = *state;
    static const char pss[] = "301c06092a864886f70d01010a300fa00d300b0609608648016503040201";
    uint8_t algorithm[sizeof pss / 2];
    assert_true(hex_decode(algorithm, sizeof algorithm, bytes_of_string(pss)));
    assert_true(parse(
        bench, &(struct certificate_parts){ .algorithm = bytes_of(algorithm, sizeof algorithm) }));
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "\"signature_algorithm\":\"sha256, rsa-pss\"");
}

struct key_row {
    const char *info; /* hex */
    const char *expected;
};

static const struct key_row key_rows[] = {
    { "301e300d06092a864886f70d0101010500030d00300a020300c0010203010001",
      "{\"type\":\"rsa\",\"bits\":16," },
    { "3018301306072a8648ce3d020106082a8648ce3d030107030100",
      "{\"type\":\"ec\",\"curve\":\"P-256\"," },
    { "3015301006072a8648ce3d020106052b81040023030100", "{\"type\":\"ec\",\"curve\":\"P-521\"," },
    { "3012300d06072a8648ce3d020106022a03030100", "{\"type\":\"ec\",\"curve\":\"1.2.3\"," },
    { "3010300b06072a8648ce3d02013000030100", "{\"type\":\"ec\",\"curve\":null," },
    { "300a300506032b6571030100", "{\"type\":\"ed448\",\"spki_sha256\":\"" },
    { "3010300b0609608648016503040312030100", "{\"type\":\"ml-dsa-65\",\"spki_sha256\":\"" },
    { "3009300406022a03030100", "{\"type\":\"1.2.3\",\"spki_sha256\":\"" },
    { "0500", "null" },
    { "3000", "null" },
};

static void shows_the_public_key(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof key_rows / sizeof *key_rows; i++) {
        const struct key_row *row = &key_rows[i];
        uint8_t info[VALUE_SIZE];
        size_t size = strlen(row->info) / 2;
        assert_true(hex_decode(info, size, bytes_of_string(row->info)));
        bool readable =
            parse(bench, &(struct certificate_parts){ .public_key_info = bytes_of(info, size) });
        assert_int_equal(readable, strcmp(row->expected, "null") != 0);
        char member[128];
        (void)snprintf(member, sizeof member, ",\"public_key\":%s", row->expected);
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, member);
    }
}

static void append_tbs_digest(struct bench *bench, const char *extensions, char *out, size_t size)
{
    uint8_t content[VALUE_SIZE];
    size_t content_size = strlen(extensions) / 2;
    assert_true(hex_decode(content, content_size, bytes_of_string(extensions)));
    assert_true(
        parse(bench, &(struct certificate_parts){ .extensions = bytes_of(content, content_size) }));
    const char *json = render(bench, CERTIFICATE_DIALECT_CERTSTREAM, false);
    const char *digest = strstr(json, ",\"tbs_sha256\":\"");
    assert_non_null(digest);
    (void)snprintf(out, size, "%s", digest);
    assert_null(strstr(render(bench, CERTIFICATE_DIALECT_GO, false), "tbs_sha256"));
}

#define POISON "3013060a2b06010401d6790204030101ff04020500"
#define SCTS   "3012060a2b06010401d67902040204040402abcd"
#define NAME   "300c0603551d1104053003820161"
#define USAGE  "300b0603551d0f0404030205a0"

/* The extensions of a precertificate and of its certificate. */
static const char *const pairs[][2] = {
    { NAME POISON USAGE, NAME USAGE SCTS },
    { POISON NAME USAGE, SCTS NAME USAGE },
    { POISON, SCTS },
    { NAME POISON POISON USAGE POISON, SCTS NAME SCTS SCTS USAGE },
};

static void has_one_tbs_digest_for_a_precertificate_and_its_certificate(void **state)
{
    enum {
        DIGEST_SIZE = 128
    };
    struct bench *bench = *state;
    char first[DIGEST_SIZE], precertificate[DIGEST_SIZE], certificate[DIGEST_SIZE];
    append_tbs_digest(bench, NAME USAGE, first, sizeof first);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        append_tbs_digest(bench, pairs[i][0], precertificate, sizeof precertificate);
        append_tbs_digest(bench, pairs[i][1], certificate, sizeof certificate);
        assert_string_equal(precertificate, certificate);
        assert_int_equal(strcmp(certificate, first) == 0, i != 2);
    }
    /* Without those two it is the TBSCertificate's own. */
    append_tbs_digest(bench, NAME USAGE, first, sizeof first);
    uint8_t sha256[SHA256_SIZE];
    struct digest *digest = digest_create(DIGEST_SHA256);
    digest_bytes(digest, sha256, certificate_tbs(bench->certificate));
    digest_destroy(digest);
    assert_memory_equal(certificate_tbs_sha256(bench->certificate), sha256, sizeof sha256);
}

struct validity_row {
    uint8_t tag;
    const char *not_before;
    const char *not_after;
    const char *expected;
    bool unreadable;
};

static const struct validity_row validity_rows[] = {
    { DER_UTC_TIME, "500101000000Z", "491231235959Z",
      "\"not_after\":2524607999,\"not_before\":-631152000,", false },
    { DER_GENERALIZED_TIME, "20260101000000Z", "99991231235959Z",
      "\"not_after\":253402300799,\"not_before\":1767225600,", false },
    { DER_UTC_TIME, "hello", "260101000000Z", "\"not_after\":1767225600,\"not_before\":null,",
      true },
    { DER_UTF8_STRING, "260101000000Z", "260101000000Z", "\"not_after\":null,\"not_before\":null,",
      true },
};

static void writes_times(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof validity_rows / sizeof *validity_rows; i++) {
        const struct validity_row *row = &validity_rows[i];
        buffer_clear(&bench->pieces);
        der_write_string(&bench->pieces, row->tag, row->not_before);
        der_write_string(&bench->pieces, row->tag, row->not_after);
        bool readable =
            parse(bench, &(struct certificate_parts){ .validity = buffer_bytes(&bench->pieces) });
        assert_int_equal(readable, !row->unreadable);
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, row->expected);
        expect_member(bench, CERTIFICATE_DIALECT_GO, row->expected);
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, "\"serial_number\":\"0123AB\"");
    }
}

static void has_the_fingerprints_of_the_whole_der(void **state)
{
    struct bench *bench = *state;
    assert_true(parse(bench, &(struct certificate_parts){ .serial = { 0 } }));
    uint8_t sha256[SHA256_SIZE], sha1[SHA1_SIZE];
    struct digest *digest = digest_create(DIGEST_SHA256);
    digest_bytes(digest, sha256, buffer_bytes(&bench->der));
    digest_destroy(digest);
    digest = digest_create(DIGEST_SHA1);
    digest_bytes(digest, sha1, buffer_bytes(&bench->der));
    digest_destroy(digest);
    assert_memory_equal(certificate_sha256(bench->certificate), sha256, sizeof sha256);
    assert_memory_equal(certificate_sha1(bench->certificate), sha1, sizeof sha1);
    char member[512];
    size_t size = (size_t)snprintf(member, sizeof member, "\"sha1\":\"");
    for (size_t i = 0; i < sizeof sha1; i++)
        size +=
            (size_t)snprintf(member + size, sizeof member - size, "%s%02X", i ? ":" : "", sha1[i]);
    size += (size_t)snprintf(member + size, sizeof member - size, "\",\"sha256\":\"");
    for (size_t i = 0; i < sizeof sha256; i++)
        size += (size_t)snprintf(member + size, sizeof member - size, "%s%02X", i ? ":" : "",
                                 sha256[i]);
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, member);
    expect_member(bench, CERTIFICATE_DIALECT_GO, member);
}

static void keeps_as_der_last_so_that_a_splice_can_add_it(void **state)
{
    struct bench *bench = *state;
    assert_true(parse(bench, &(struct certificate_parts){ .serial = { 0 } }));
    const char *json = render(bench, CERTIFICATE_DIALECT_CERTSTREAM, false);
    assert_null(strstr(json, "as_der"));
    size_t size = strlen(json);
    char *lite = malloc(size + 1);
    memcpy(lite, json, size + 1);
    json = render(bench, CERTIFICATE_DIALECT_CERTSTREAM, true);
    assert_memory_equal(json, lite, size - 1);
    assert_memory_equal(json + size - 1, ",\"as_der\":\"MII", 14);
    free(lite);
    assert_non_null(strstr(render(bench, CERTIFICATE_DIALECT_GO, true), "],\"as_der\":\"MII"));
}

/* Whatever part is missing, the message is whole: valid JSON with every key, and the fingerprints
 * are right. */
static void reads_what_there_is_of_a_truncated_certificate(void **state)
{
    struct bench *bench = *state;
    struct buffer whole;
    buffer_init(&whole, LIMIT);
    build_ordinary_certificate(&whole, 7, 2);
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of its own, so that a sanitizer sees every byte that is read behind the end. */
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, whole.data, size);
        assert_false(certificate_parse(bench->certificate, bytes_of(copy, size)));
        assert_non_null(certificate_parse_error(bench->certificate));
        expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, "\"serial_number\":");
        (void)render(bench, CERTIFICATE_DIALECT_GO, true);
        free(copy);
    }
    assert_true(certificate_parse(bench->certificate, buffer_bytes(&whole)));
    buffer_free(&whole);
}

static void says_what_is_wrong_and_shows_the_rest(void **state)
{
    struct bench *bench = *state;
    struct buffer der;
    buffer_init(&der, LIMIT);
    build_ordinary_certificate(&der, 3, 1);
    buffer_append_byte(&der, 0);
    assert_false(certificate_parse(bench->certificate, buffer_bytes(&der)));
    assert_string_equal(certificate_parse_error(bench->certificate),
                        "there are bytes after the certificate");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "{\"all_domains\":[\"host-0.customer-3.example\"]");
    assert_false(certificate_parse(bench->certificate, bytes_of_string("garbage")));
    assert_string_equal(certificate_parse_error(bench->certificate), "not a certificate");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM,
                  "{\"all_domains\":[],\"all_ips\":[],\"extensions\":{},\"fingerprint\":\"");
    expect_member(
        bench, CERTIFICATE_DIALECT_CERTSTREAM,
        "\"not_after\":null,\"not_before\":null,\"public_key\":null,\"serial_number\":null,");
    expect_member(bench, CERTIFICATE_DIALECT_CERTSTREAM, "\"signature_algorithm\":null,");
    buffer_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_text_of_every_extension),
        cmocka_unit_test(unites_several_extensions_of_one_kind),
        cmocka_unit_test(ends_no_text_in_a_separator),
        cmocka_unit_test(reads_an_extension_in_pieces),
        cmocka_unit_test(lists_every_common_name),
        cmocka_unit_test(lists_the_addresses_of_a_certificate),
        cmocka_unit_test(writes_names),
        cmocka_unit_test(lists_the_names_of_a_certificate),
        cmocka_unit_test(reads_thousands_of_names),
        cmocka_unit_test(writes_serial_numbers),
        cmocka_unit_test(names_signature_algorithms),
        cmocka_unit_test(names_the_hash_of_a_pss_signature),
        cmocka_unit_test(shows_the_public_key),
        cmocka_unit_test(has_one_tbs_digest_for_a_precertificate_and_its_certificate),
        cmocka_unit_test(writes_times),
        cmocka_unit_test(has_the_fingerprints_of_the_whole_der),
        cmocka_unit_test(keeps_as_der_last_so_that_a_splice_can_add_it),
        cmocka_unit_test(reads_what_there_is_of_a_truncated_certificate),
        cmocka_unit_test(says_what_is_wrong_and_shows_the_rest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
