/*
 * The certificate parser against OpenSSL: of every certificate of the corpus that d2i_X509 accepts,
 * and of many damaged copies of them, each field and each extension's text are the same. Where the
 * two differ on purpose, is_exception says where and why.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/message/certificate_value.h"
#include "shared/message/signature_algorithm.h"
#include "shared/x509/certificate.h"
#include "shared/x509/certificate_fields.h"
#include "shared/x509/der.h"
#include "shared/x509/general_name.h"
#include "shared/x509/object_id.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/corpus.h"

enum {
    TEXT_LIMIT = 256 << 20,
    SHOWN_DIFFERENCES = 40,
    MUTATIONS_PER_CERTIFICATE = 3
};

struct comparison {
    struct certificate *certificate;
    const char *name;
    X509 *x509;
    struct buffer ours;
    struct buffer theirs;
    size_t compared;
    size_t differences;
    size_t exceptions;
    struct seeded_random random;
};

static void set_up(struct comparison *comparison)
{
    *comparison = (struct comparison){ .certificate = certificate_create() };
    buffer_init(&comparison->ours, TEXT_LIMIT);
    buffer_init(&comparison->theirs, TEXT_LIMIT);
}

static void tear_down(struct comparison *comparison)
{
    certificate_destroy(comparison->certificate);
    buffer_free(&comparison->ours);
    buffer_free(&comparison->theirs);
}

static void show(struct bytes text)
{
    for (size_t i = 0; i < text.size && i < 600; i++) {
        uint8_t byte = text.data[i];
        (void)fprintf(stderr, byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x", byte);
    }
    (void)fputc('\n', stderr);
}

static bool are_equal(const struct comparison *comparison)
{
    struct bytes ours = buffer_bytes(&comparison->ours);
    struct bytes theirs = buffer_bytes(&comparison->theirs);
    if (!ours.data || !theirs.data)
        return ours.size == theirs.size;
    return bytes_equal(ours, theirs);
}

static void compare(struct comparison *comparison, const char *what)
{
    struct bytes ours = buffer_bytes(&comparison->ours);
    struct bytes theirs = buffer_bytes(&comparison->theirs);
    comparison->compared++;
    if (are_equal(comparison))
        return;
    if (comparison->differences++ >= SHOWN_DIFFERENCES)
        return;
    (void)fprintf(stderr, "%s: %s differs\n  ours   ", comparison->name, what);
    show(ours);
    (void)fprintf(stderr, "  theirs ");
    show(theirs);
}

static void start(struct comparison *comparison)
{
    buffer_clear(&comparison->ours);
    buffer_clear(&comparison->theirs);
}

static void compare_serial(struct comparison *comparison)
{
    start(comparison);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(comparison->x509), NULL);
    char *hex = BN_bn2hex(number);
    const char *digits = hex[0] == '-' ? hex + 1 : hex;
    buffer_append_format(&comparison->theirs, "\"%s%s%s\"", hex[0] == '-' ? "-" : "",
                         strcmp(digits, "0") ? "" : "0", digits);
    OPENSSL_free(hex);
    BN_free(number);
    certificate_value_append_serial(&comparison->ours, comparison->certificate->serial);
    compare(comparison, "serial number");
}

static void compare_time(struct comparison *comparison, struct certificate_time ours,
                         const ASN1_TIME *theirs)
{
    start(comparison);
    struct tm broken_down = { 0 };
    if (ASN1_TIME_to_tm(theirs, &broken_down))
        buffer_append_format(&comparison->theirs, "%" PRId64, (int64_t)timegm(&broken_down));
    else
        buffer_append_string(&comparison->theirs, "null");
    certificate_value_append_time(&comparison->ours, ours);
    compare(comparison, "time");
}

static const int attribute_nids[NAME_ATTRIBUTE_COUNT] = {
    [NAME_C] = NID_countryName,
    [NAME_CN] = NID_commonName,
    [NAME_L] = NID_localityName,
    [NAME_O] = NID_organizationName,
    [NAME_OU] = NID_organizationalUnitName,
    [NAME_ST] = NID_stateOrProvinceName,
    [NAME_EMAIL] = NID_pkcs9_emailAddress,
};

static bool has_high_byte(const ASN1_STRING *string)
{
    for (int i = 0; i < ASN1_STRING_length(string); i++)
        if (ASN1_STRING_get0_data(string)[i] >= 0x80)
            return true;
    return false;
}

/* OpenSSL reads every type of one byte per character but UTF8String as Latin-1, where we keep the
 * bytes and make them valid when they are printed; and it gives up on a BMPString with surrogates
 * and on types that are no text. */
static bool is_text_exception(const ASN1_STRING *string, int converted_size)
{
    int type = ASN1_STRING_type(string);
    bool is_wide = type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING;
    return converted_size < 0 || (type != V_ASN1_UTF8STRING && type != V_ASN1_T61STRING &&
                                  !is_wide && has_high_byte(string));
}

static const ASN1_STRING *last_value(X509_NAME *name, int nid)
{
    int last = -1;
    for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(name, nid, at))
        last = at;
    return last < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last));
}

static void compare_attribute(struct comparison *comparison, enum name_attribute attribute,
                              struct asn1_text ours, const ASN1_STRING *theirs)
{
    start(comparison);
    if (theirs) {
        unsigned char *text = NULL;
        int size = ASN1_STRING_to_UTF8(&text, theirs);
        bool is_exception = is_text_exception(theirs, size);
        buffer_append_byte(&comparison->theirs, '=');
        if (!is_exception)
            buffer_append(&comparison->theirs, text, (size_t)size);
        OPENSSL_free(text);
        if (is_exception)
            return;
    }
    if (ours.value.data) {
        buffer_append_byte(&comparison->ours, '=');
        asn1_text_append(&comparison->ours, ours);
    }
    compare(comparison, name_attribute_key(attribute));
}

static void compare_name(struct comparison *comparison, const struct certificate_name *ours,
                         X509_NAME *theirs)
{
    for (enum name_attribute attribute = 0; attribute < NAME_ATTRIBUTE_COUNT; attribute++)
        compare_attribute(comparison, attribute, ours->attributes[attribute],
                          last_value(theirs, attribute_nids[attribute]));
}

static void remove_newlines(struct buffer *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->size; i++)
        if (text->data[i] != '\n')
            text->data[kept++] = text->data[i];
    text->size = kept;
}

static void end_with_newline(struct buffer *text)
{
    if (text->size && text->data[text->size - 1] != '\n')
        buffer_append_byte(text, '\n');
}

/* From OpenSSL's text to ours (shared/README.md, "Extensions"): a newline stands behind each line
 * and one before each distribution point, and a key identifier has its label, which OpenSSL leaves
 * out when the identifier stands alone. */
static void append_laid_out(struct buffer *out, enum certificate_extension_kind kind,
                            struct bytes text)
{
    static const char *const labels[] = {
        "keyid:",     "DirName:",    "serial:",        "DNS:",      "URI:",         "email:",
        "othername:", "IP Address:", "Registered ID:", "X400Name:", "EdiPartyName:"
    };
    bool labelled = false;
    switch ((int)kind) {
    case EXTENSION_AUTHORITY_KEY_IDENTIFIER:
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
            labelled = labelled || (text.size >= strlen(labels[i]) &&
                                    !memcmp(text.data, labels[i], strlen(labels[i])));
        if (text.size && !labelled && text.data[0] != '<')
            buffer_append_string(out, "keyid:");
        buffer_append_bytes(out, text);
        end_with_newline(out);
        break;
    case EXTENSION_CRL_DISTRIBUTION_POINTS:
        buffer_append_bytes(out, text);
        end_with_newline(out);
        remove_newlines(out);
        break;
    case EXTENSION_CERTIFICATE_POLICIES:
    case EXTENSION_AUTHORITY_INFO_ACCESS:
        buffer_append_bytes(out, text);
        end_with_newline(out);
        break;
    default: buffer_append_bytes(out, text);
    }
}

static bool append_printed(struct buffer *out, X509_EXTENSION *extension,
                           enum certificate_extension_kind kind)
{
    BIO *text = BIO_new(BIO_s_mem());
    bool printed = X509V3_EXT_print(text, extension, X509V3_EXT_DEFAULT, 0) == 1;
    char *data = NULL;
    long size = BIO_get_mem_data(text, &data);
    if (printed)
        append_laid_out(out, kind, bytes_of(data, (size_t)size));
    BIO_free(text);
    return printed;
}

static struct bytes id_of(X509_EXTENSION *extension)
{
    const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
    return bytes_of(OBJ_get0_data(object), OBJ_length(object));
}

/* OpenSSL prints what is not printable in a distribution point's name as dots; we keep it, to be
 * escaped. */
static void make_dots(struct buffer *text)
{
    for (size_t i = 0; i < text->size; i++) {
        uint8_t byte = text->data[i];
        if (byte > '~' || (byte < ' ' && byte != '\r' && byte != '\n'))
            text->data[i] = '.';
    }
}

/* True if OpenSSL has another name than we for an object that the value mentions. Our table has
 * only what certificates use; OpenSSL's grows with each version. */
static bool mentions_unlisted_object(struct bytes value)
{
    for (size_t i = 0; i + 2 < value.size; i++) {
        size_t size = value.data[i + 1];
        if (value.data[i] != DER_OBJECT_ID || !size || size > value.size - i - 2)
            continue;
        const unsigned char *at = value.data + i;
        ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)size + 2);
        int nid = object ? OBJ_obj2nid(object) : NID_undef;
        ASN1_OBJECT_free(object);
        const struct object_id_name *known = object_id_find(bytes_of(value.data + i + 2, size));
        if (nid != NID_undef && (!known || strcmp(known->long_name, OBJ_nid2ln(nid)) != 0))
            return true;
    }
    return false;
}

/* Where the texts may differ, and why ours is as it is. */
static bool is_exception(struct comparison *comparison, enum certificate_extension_kind kind,
                         struct bytes value, bool readable)
{
    struct bytes ours = buffer_bytes(&comparison->ours);
    struct bytes theirs = buffer_bytes(&comparison->theirs);
    /* We read the bytes as far as they make sense, and say in parse_error that this is not all;
     * OpenSSL knows more BER (strings in pieces, identifiers of several octets). */
    if (!readable)
        return true;
    /* OpenSSL cuts a notice off at the first NUL, so it never shows a BMPString; we read it by its
     * type. */
    if (kind == EXTENSION_CERTIFICATE_POLICIES && memchr(value.data, 0, value.size))
        return true;
    /* OpenSSL has 256 bytes for a directory name and 80 for an object identifier, and cuts off the
     * rest. */
    if (ours.size > theirs.size && theirs.size >= 79)
        return true;
    /* An empty key identifier has its label with us, as every other has. */
    if (kind == EXTENSION_AUTHORITY_KEY_IDENTIFIER && !theirs.size)
        return true;
    /* In the names of distribution points OpenSSL converts Latin-1 and prints what is no string in
     * hex. */
    if (kind == EXTENSION_CRL_DISTRIBUTION_POINTS && ours.data &&
        memmem(ours.data, ours.size, "DirName:", 8) && memchr(ours.data, '\\', ours.size))
        return true;
    return mentions_unlisted_object(value);
}

static void compare_extension(struct comparison *comparison, X509_EXTENSION *extension)
{
    enum certificate_extension_kind kind = certificate_extension_kind_of(id_of(extension));
    if (kind == EXTENSION_KIND_COUNT || kind == EXTENSION_POISON || kind == EXTENSION_SCT_LIST)
        return;
    start(comparison);
    if (!append_printed(&comparison->theirs, extension, kind))
        return;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    struct bytes bytes = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    bool readable = certificate_extension_append(&comparison->ours, kind, bytes, true);
    if (kind == EXTENSION_CRL_DISTRIBUTION_POINTS) {
        remove_newlines(&comparison->ours);
        make_dots(&comparison->ours);
    }
    if (are_equal(comparison) || !is_exception(comparison, kind, bytes, readable))
        compare(comparison, certificate_extension_key(kind));
    else
        comparison->exceptions++;
}

static void compare_extensions(struct comparison *comparison)
{
    size_t count = (size_t)X509_get_ext_count(comparison->x509);
    start(comparison);
    buffer_append_unsigned(&comparison->ours, comparison->certificate->extension_count);
    buffer_append_unsigned(&comparison->theirs, count);
    if (!certificate_parse_error(comparison->certificate))
        compare(comparison, "number of extensions");
    for (size_t i = 0; i < count; i++)
        compare_extension(comparison, X509_get_ext(comparison->x509, (int)i));
}

/* "sha256, rsa" from what OpenSSL says about the algorithm; false where our messages have no
 * name of this form. */
static bool append_algorithm(struct buffer *out, const X509 *x509)
{
    static const int digests[] = { NID_md2,    NID_md5,    NID_sha1,  NID_sha224,
                                   NID_sha256, NID_sha384, NID_sha512 };
    static const char *const digest_names[] = { "md2",    "md5",    "sha1",  "sha224",
                                                "sha256", "sha384", "sha512" };
    int digest = NID_undef, key = NID_undef;
    int nid = X509_get_signature_nid(x509);
    if (nid == NID_ED25519) {
        buffer_append_string(out, "ed25519");
        return true;
    }
    if (nid == NID_rsassaPss || !OBJ_find_sigid_algs(nid, &digest, &key))
        return false;
    const char *key_name = key == NID_rsaEncryption          ? "rsa"
                           : key == NID_X9_62_id_ecPublicKey ? "ecdsa"
                           : key == NID_dsa                  ? "dsa"
                                                             : NULL;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (digests[i] == digest && key_name)
            buffer_append_format(out, "%s, %s", digest_names[i], key_name);
    return out->size > 0;
}

static void compare_algorithm(struct comparison *comparison)
{
    start(comparison);
    struct bytes algorithm = comparison->certificate->signature_algorithm;
    (void)signature_algorithm_append(&comparison->ours, algorithm, CERTIFICATE_DIALECT_CERTSTREAM);
    if (append_algorithm(&comparison->theirs, comparison->x509))
        compare(comparison, "signature algorithm");
}

static void append_line(struct buffer *out, struct bytes text)
{
    buffer_append_bytes(out, text);
    buffer_append_byte(out, '\n');
}

static void append_once(struct buffer *out, const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        bool seen = name->type != GEN_DNS;
        for (int j = 0; j < i && !seen; j++) {
            const GENERAL_NAME *other = sk_GENERAL_NAME_value(names, j);
            seen =
                other->type == GEN_DNS && ASN1_STRING_cmp(other->d.dNSName, name->d.dNSName) == 0;
        }
        if (!seen)
            append_line(out, bytes_of(ASN1_STRING_get0_data(name->d.dNSName),
                                      (size_t)ASN1_STRING_length(name->d.dNSName)));
    }
}

static bool has_line(const struct buffer *lines, struct bytes line)
{
    struct bytes rest = buffer_bytes(lines);
    while (rest.data && rest.size) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = (size_t)(end - rest.data);
        if (bytes_equal(bytes_of(rest.data, size), line))
            return true;
        rest = bytes_of(end + 1, rest.size - size - 1);
    }
    return false;
}

static bool is_authority(const X509 *x509)
{
    BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(x509, NID_basic_constraints, NULL, NULL);
    bool is_ca = constraints && constraints->ca;
    BASIC_CONSTRAINTS_free(constraints);
    return is_ca;
}

/* The name of a key in our messages, from what OpenSSL made of it; false where OpenSSL cannot
 * tell, or where the key is none of the common ones. */
static bool append_key(struct buffer *out, EVP_PKEY *key)
{
    char curve[80];
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: buffer_append_format(out, "rsa %d", EVP_PKEY_get_bits(key)); return true;
    case EVP_PKEY_EC:
        if (!EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL))
            return false;
        buffer_append_format(out, "ec %s", curve);
        return true;
    case EVP_PKEY_ED25519: buffer_append_string(out, "ed25519"); return true;
    case EVP_PKEY_ED448: buffer_append_string(out, "ed448"); return true;
    default: return false;
    }
}

static void append_our_key(struct buffer *out, const struct public_key *key)
{
    static const char *const names[][2] = { { "P-256", "prime256v1" },
                                            { "P-384", "secp384r1" },
                                            { "P-521", "secp521r1" },
                                            { "P-224", "secp224r1" },
                                            { "P-192", "prime192v1" } };
    const char *curve = key->curve_name;
    for (size_t i = 0; curve && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], curve) == 0)
            curve = names[i][1];
    buffer_append_string(out, !key->type                          ? "unknown"
                              : strcmp(key->type, "rsa-pss") == 0 ? "rsa"
                                                                  : key->type);
    if (key->bits)
        buffer_append_format(out, " %" PRIu64, key->bits);
    if (public_key_is_on_curve(key))
        buffer_append_format(out, " %s", curve ? curve : "unknown");
}

/* OpenSSL finds the name of a curve also where its parameters are spelled out, and knows more
 * curves. */
static void compare_key(struct comparison *comparison)
{
    const struct public_key *ours = &comparison->certificate->public_key;
    EVP_PKEY *key = X509_get0_pubkey(comparison->x509);
    start(comparison);
    bool is_exception =
        (public_key_is_on_curve(ours) && !ours->curve_name) || !ours->algorithm.data;
    if (!key || is_exception || !append_key(&comparison->theirs, key))
        return;
    append_our_key(&comparison->ours, ours);
    compare(comparison, "public key");
}

static void append_hash(struct buffer *out, const unsigned char *data, size_t size)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_size = 0;
    assert_int_equal(EVP_Digest(data, size, hash, &hash_size, EVP_sha256(), NULL), 1);
    buffer_append(out, hash, hash_size);
}

static void compare_key_hash(struct comparison *comparison)
{
    start(comparison);
    unsigned char *info = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(comparison->x509), &info);
    /* OpenSSL hashes what it would write, we hash what stands there. */
    struct bytes ours = comparison->certificate->public_key_info;
    if (size >= 0 && bytes_equal(ours, bytes_of(info, (size_t)size))) {
        append_hash(&comparison->theirs, info, (size_t)size);
        buffer_append(&comparison->ours, comparison->certificate->public_key_sha256, SHA256_SIZE);
        compare(comparison, "hash of the public key");
    }
    OPENSSL_free(info);
}

static bool is_minimal(const X509 *x509, struct bytes tbs)
{
    unsigned char *encoded = NULL;
    X509 *copy = X509_dup(x509);
    int size = copy ? i2d_re_X509_tbs(copy, &encoded) : -1;
    bool minimal = size >= 0 && bytes_equal(tbs, bytes_of(encoded, (size_t)size));
    OPENSSL_free(encoded);
    X509_free(copy);
    return minimal;
}

static void remove_extensions(X509 *x509, const char *dotted)
{
    ASN1_OBJECT *object = OBJ_txt2obj(dotted, 1);
    for (int at = X509_get_ext_by_OBJ(x509, object, -1); at >= 0;
         at = X509_get_ext_by_OBJ(x509, object, -1))
        X509_EXTENSION_free(X509_delete_ext(x509, at));
    ASN1_OBJECT_free(object);
}

/* Where OpenSSL would write the certificate as it is: it does not know how to keep odd encodings.
 */
static void compare_tbs_hash(struct comparison *comparison)
{
    start(comparison);
    const uint8_t *ours = certificate_tbs_sha256(comparison->certificate);
    if (!is_minimal(comparison->x509, certificate_tbs(comparison->certificate)) || !ours)
        return;
    X509 *copy = X509_dup(comparison->x509);
    remove_extensions(copy, "1.3.6.1.4.1.11129.2.4.2");
    remove_extensions(copy, "1.3.6.1.4.1.11129.2.4.3");
    unsigned char *encoded = NULL;
    int size = i2d_re_X509_tbs(copy, &encoded);
    /* Of an empty list of extensions OpenSSL writes the empty list; we leave it out, as what is
     * left where the poison or the SCTs stood alone. */
    if (size > 0 && (X509_get_ext_count(copy) > 0 || !X509_get0_extensions(comparison->x509))) {
        append_hash(&comparison->theirs, encoded, (size_t)size);
        buffer_append(&comparison->ours, ours, SHA256_SIZE);
        compare(comparison, "hash of the TBSCertificate");
    }
    OPENSSL_free(encoded);
    X509_free(copy);
}

static bool is_seen(const GENERAL_NAMES *names, int before, const ASN1_OCTET_STRING *address)
{
    for (int i = 0; i < before; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_IPADD && ASN1_STRING_cmp(name->d.iPAddress, address) == 0)
            return true;
    }
    return false;
}

static void compare_addresses(struct comparison *comparison)
{
    start(comparison);
    GENERAL_NAMES *names = X509_get_ext_d2i(comparison->x509, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_IPADD || is_seen(names, i, name->d.iPAddress))
            continue;
        int size = ASN1_STRING_length(name->d.iPAddress);
        if (size == 4 || size == 16)
            buffer_append(&comparison->theirs, ASN1_STRING_get0_data(name->d.iPAddress),
                          (size_t)size);
    }
    const struct name_set *addresses = &comparison->certificate->addresses;
    for (size_t i = 0; i < addresses->count; i++)
        buffer_append_bytes(&comparison->ours, addresses->names[i]);
    if (names && !certificate_parse_error(comparison->certificate))
        compare(comparison, "addresses");
    GENERAL_NAMES_free(names);
}

/* The last one is compared elsewhere, and so is the conversion. */
static void append_common_names(struct buffer *out, X509_NAME *subject)
{
    for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
        const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        struct buffer text;
        buffer_init(&text, TEXT_LIMIT);
        asn1_text_append(&text, (struct asn1_text){ (uint8_t)ASN1_STRING_type(value),
                                                    bytes_of(ASN1_STRING_get0_data(value),
                                                             (size_t)ASN1_STRING_length(value)) });
        if (text.size && !has_line(out, buffer_bytes(&text)))
            append_line(out, buffer_bytes(&text));
        buffer_free(&text);
    }
}

/* Of certificates that we read in part only, and
 * of those with more names than a test should search one by one, the list is not compared. */
static void compare_domains(struct comparison *comparison)
{
    start(comparison);
    GENERAL_NAMES *names = X509_get_ext_d2i(comparison->x509, NID_subject_alt_name, NULL, NULL);
    if (!names || certificate_parse_error(comparison->certificate) ||
        sk_GENERAL_NAME_num(names) > 2000) {
        GENERAL_NAMES_free(names);
        return;
    }
    append_once(&comparison->theirs, names);
    GENERAL_NAMES_free(names);
    if (!is_authority(comparison->x509))
        append_common_names(&comparison->theirs, X509_get_subject_name(comparison->x509));
    const struct name_set *domains = &comparison->certificate->domains;
    for (size_t i = 0; i < domains->count; i++)
        append_line(&comparison->ours, domains->names[i]);
    compare(comparison, "names");
}

static void compare_certificate(struct comparison *comparison, struct bytes der)
{
    const unsigned char *at = der.data;
    comparison->x509 = d2i_X509(NULL, &at, (long)der.size);
    ERR_clear_error();
    bool parsed = certificate_parse(comparison->certificate, der);
    (void)parsed;
    /* A long identifier in front is read by OpenSSL and refused by us, with a parse_error. */
    if (!comparison->x509 || der.data[0] != DER_SEQUENCE) {
        X509_free(comparison->x509);
        return;
    }
    struct certificate *certificate = comparison->certificate;
    compare_serial(comparison);
    compare_time(comparison, certificate->not_before, X509_get0_notBefore(comparison->x509));
    compare_time(comparison, certificate->not_after, X509_get0_notAfter(comparison->x509));
    compare_name(comparison, &certificate->subject_name, X509_get_subject_name(comparison->x509));
    compare_name(comparison, &certificate->issuer_name, X509_get_issuer_name(comparison->x509));
    compare_extensions(comparison);
    compare_algorithm(comparison);
    compare_domains(comparison);
    compare_key(comparison);
    compare_key_hash(comparison);
    compare_tbs_hash(comparison);
    compare_addresses(comparison);
    X509_free(comparison->x509);
    ERR_clear_error();
}

static void visit_certificate(const char *name, struct bytes content, void *context)
{
    struct comparison *comparison = context;
    comparison->name = name;
    compare_certificate(comparison, content);
}

static const char *const folders[] = {
    "certs/real",    "certs/staging",           "certs/issuers",
    "certs/hostile", "certs/hostile-generated", "certs/synthetic"
};

static void reads_every_certificate_of_the_corpus_as_openssl_does(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct comparison comparison;
    set_up(&comparison);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_true(corpus_visit_files(folders[i], ".der", visit_certificate, &comparison) > 0);
    print_message("%zu values compared, %zu exceptions\n", comparison.compared,
                  comparison.exceptions);
    assert_int_equal(comparison.differences, 0);
    /* The exceptions are few, and nearly all in certificates that fuzzers made. */
    assert_true(comparison.exceptions * 1000 < comparison.compared);
    tear_down(&comparison);
}

/* Damage that keeps most of a certificate readable: a byte or two, another value or one bit
 * flipped. */
static void damage(struct bytes der, uint8_t *copy, struct seeded_random *random)
{
    memcpy(copy, der.data, der.size);
    for (uint64_t left = 1 + seeded_random_next(random) % 2; left > 0; left--) {
        size_t at = seeded_random_next(random) % der.size;
        uint64_t value = seeded_random_next(random);
        uint64_t damaged = value & 0x100 ? value : copy[at] ^ UINT64_C(1) << value % 8;
        copy[at] = (uint8_t)(damaged & 0xff);
    }
}

static void visit_damaged(const char *name, struct bytes content, void *context)
{
    struct comparison *comparison = context;
    comparison->name = name;
    uint8_t *copy = malloc(content.size);
    assert_non_null(copy);
    for (int i = 0; i < MUTATIONS_PER_CERTIFICATE; i++) {
        damage(content, copy, &comparison->random);
        compare_certificate(comparison, bytes_of(copy, content.size));
    }
    free(copy);
}

static void reads_damaged_certificates_as_openssl_does(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct comparison comparison;
    set_up(&comparison);
    comparison.random = seeded_random_of_run();
    (void)corpus_visit_files("certs/real", ".der", visit_damaged, &comparison);
    (void)corpus_visit_files("certs/issuers", ".der", visit_damaged, &comparison);
    print_message("%zu values compared, %zu exceptions\n", comparison.compared,
                  comparison.exceptions);
    assert_true(comparison.compared > 0);
    assert_int_equal(comparison.differences, 0);
    tear_down(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_certificate_of_the_corpus_as_openssl_does),
        cmocka_unit_test(reads_damaged_certificates_as_openssl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
