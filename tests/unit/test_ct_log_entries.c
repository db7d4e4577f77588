/* Made-up entries, judged by OpenSSL, zlib and base64: none of the code that makes them. */
#define ZLIB_CONST /* lets zlib's input be const */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "tests/support/ct_log/entries.h"

enum {
    /* All templates occur. */
    ENTRIES = 6000,
    BUFFER_MAX = 64 * 1024 * 1024,
    NAME_SIZE = 256,
    /* A serial number's hash and the names' of each entry. */
    HASHES = 2 * ENTRIES,
    PLAIN_TILE_MAX = 4 * 1024 * 1024,
    FIRST_TILES = 5 * ENTRIES_TILE_WIDTH,
};

static const char seed[] = "entries test";
static const uint64_t start_ms = UINT64_C(1795000000000);

static struct entries *entries;

static int setup(void **state)
{
    (void)state;
    entries = entries_make(seed, start_ms);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    entries_destroy(entries);
    return 0;
}

/* An entry taken apart (RFC 6962 sections 3.1 and 3.4). Views into `leaf` and `extra`. */
struct parts {
    struct buffer leaf;
    struct buffer extra;
    uint64_t timestamp_ms;
    bool is_precertificate;
    struct bytes issuer_key_hash;
    struct bytes certificate; /* or precertificate */
    struct bytes body;        /* TBSCertificate in the leaf of a precertificate */
    struct bytes chain[2];
    struct bytes extensions;
};

static void read_leaf(struct parts *parts)
{
    struct reader reader = reader_of(buffer_bytes(&parts->leaf));
    assert_int_equal(reader_integer(&reader, 2), 0);
    parts->timestamp_ms = reader_integer(&reader, 8);
    parts->is_precertificate = reader_integer(&reader, 2) == 1;
    if (parts->is_precertificate)
        parts->issuer_key_hash = reader_take(&reader, 32);
    parts->body = reader_vector(&reader, 3);
    parts->extensions = reader_vector(&reader, 2);
    assert_true(reader_finished(&reader));
}

static void read_extra(struct parts *parts)
{
    struct reader reader = reader_of(buffer_bytes(&parts->extra));
    parts->certificate = parts->is_precertificate ? reader_vector(&reader, 3) : parts->body;
    struct reader chain = reader_of(reader_vector(&reader, 3));
    assert_true(reader_finished(&reader));
    parts->chain[0] = reader_vector(&chain, 3);
    parts->chain[1] = reader_vector(&chain, 3);
    assert_true(reader_finished(&chain));
}

static void decode(struct buffer *out, const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsString(member));
    buffer_init(out, BUFFER_MAX);
    assert_true(base64_decode(out, bytes_of_string(member->valuestring)));
}

static void parts_init(struct parts *parts, const struct entries *of,
                       struct entry_position position)
{
    struct buffer text;
    buffer_init(&text, BUFFER_MAX);
    buffer_append_byte(&text, '{');
    entries_write_members(of, &position, &text);
    buffer_append_byte(&text, '}');
    cJSON *object = cJSON_ParseWithLength((const char *)text.data, text.size);
    assert_non_null(object);
    *parts = (struct parts){ 0 };
    decode(&parts->leaf, object, "leaf_input");
    decode(&parts->extra, object, "extra_data");
    cJSON_Delete(object);
    buffer_free(&text);
    read_leaf(parts);
    read_extra(parts);
}

static void parts_clear(struct parts *parts)
{
    buffer_free(&parts->leaf);
    buffer_free(&parts->extra);
}

static X509 *parse(struct bytes der)
{
    const unsigned char *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    assert_non_null(certificate);
    assert_ptr_equal(at, der.data + der.size);
    return certificate;
}

static bool is_host_name(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.*", text[i]))
            return false;
    return size > 4;
}

/* All names in the SAN, each followed by a newline; counts them. */
static size_t list_names(X509 *certificate, struct buffer *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    assert_non_null(names);
    int count = sk_GENERAL_NAME_num(names);
    for (int i = 0; i < count; i++) {
        int type;
        const ASN1_STRING *name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        assert_int_equal(type, GEN_DNS);
        const unsigned char *text = ASN1_STRING_get0_data(name);
        size_t size = (size_t)ASN1_STRING_length(name);
        assert_true(is_host_name(text, size));
        buffer_append(out, text, size);
        buffer_append_byte(out, '\n');
    }
    GENERAL_NAMES_free(names);
    return (size_t)count;
}

static void check_names(X509 *certificate)
{
    struct buffer names;
    char common_name[NAME_SIZE];
    buffer_init(&names, BUFFER_MAX);
    size_t count = list_names(certificate, &names);
    assert_in_range(count, 1, 100);
    int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                         common_name, sizeof common_name);
    if (size > 0)
        assert_true(names.size > (size_t)size &&
                    memcmp(names.data, common_name, (size_t)size) == 0);
    buffer_free(&names);
}

static void every_certificate_parses_and_has_its_names(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct parts parts;
        parts_init(&parts, entries,
                   (struct entry_position){ .index = i, .timestamp_ms = start_ms + i });
        assert_int_equal(parts.timestamp_ms, start_ms + i);
        X509 *certificate = parse(parts.certificate);
        check_names(certificate);
        assert_non_null(X509_get0_pubkey(certificate));
        assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
        assert_false(ASN1_INTEGER_get(X509_get0_serialNumber(certificate)) == 0);
        X509_free(certificate);
        parts_clear(&parts);
    }
}

static void every_leaf_says_its_index(void **state)
{
    static const uint64_t indexes[] = { 0, 1, 255, 256, 65535, 16777216, (UINT64_C(1) << 40) - 1 };
    (void)state;
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        struct parts parts;
        parts_init(&parts, entries,
                   (struct entry_position){ .index = indexes[i], .timestamp_ms = start_ms });
        struct reader reader = reader_of(parts.extensions);
        assert_int_equal(reader_integer(&reader, 1), 0);
        assert_int_equal(reader_integer(&reader, 2), 5);
        assert_int_equal(reader_integer(&reader, 5), indexes[i]);
        assert_true(reader_finished(&reader));
        parts_clear(&parts);
    }
}

/* The TBSCertificate without its poison, as OpenSSL encodes it again. */
static void remove_poison(X509 *certificate, struct buffer *out)
{
    unsigned char *body = NULL;
    int at = X509_get_ext_by_NID(certificate, NID_ct_precert_poison, -1);
    assert_true(at >= 0);
    X509_EXTENSION_free(X509_delete_ext(certificate, at));
    int size = i2d_re_X509_tbs(certificate, &body);
    assert_true(size > 0);
    buffer_append(out, body, (size_t)size);
    OPENSSL_free(body);
}

static void a_precertificate_is_its_body_with_poison(void **state)
{
    size_t seen = 0;
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct parts parts;
        parts_init(&parts, entries,
                   (struct entry_position){ .index = i, .timestamp_ms = start_ms });
        if (parts.is_precertificate) {
            struct buffer body;
            X509 *certificate = parse(parts.certificate);
            buffer_init(&body, BUFFER_MAX);
            remove_poison(certificate, &body);
            assert_true(bytes_equal(buffer_bytes(&body), parts.body));
            buffer_free(&body);
            X509_free(certificate);
            seen++;
        }
        parts_clear(&parts);
    }
    assert_in_range(seen, ENTRIES / 2, ENTRIES * 7 / 10);
}

static void check_issuer(X509 *certificate, X509 *issuer)
{
    assert_int_equal(
        X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)), 0);
    const ASN1_OCTET_STRING *of_issuer = X509_get0_subject_key_id(issuer);
    const ASN1_OCTET_STRING *named = X509_get0_authority_key_id(certificate);
    assert_non_null(of_issuer);
    assert_non_null(named);
    assert_int_equal(ASN1_OCTET_STRING_cmp(of_issuer, named), 0);
    assert_true(X509_check_ca(issuer) > 0);
}

static void check_key_hash(X509 *issuer, struct bytes expected)
{
    unsigned char *info = NULL;
    uint8_t hash[EVP_MAX_MD_SIZE];
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &info);
    assert_true(size > 0);
    assert_int_equal(EVP_Digest(info, (size_t)size, hash, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(hash, expected.data, expected.size);
    OPENSSL_free(info);
}

static void chains_lead_from_the_certificate_to_a_root(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 300; i++) {
        struct parts parts;
        parts_init(&parts, entries,
                   (struct entry_position){ .index = i, .timestamp_ms = start_ms });
        X509 *certificate = parse(parts.certificate);
        X509 *intermediate = parse(parts.chain[0]);
        X509 *root = parse(parts.chain[1]);
        check_issuer(certificate, intermediate);
        check_issuer(intermediate, root);
        assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(root), X509_get_subject_name(root)), 0);
        if (parts.is_precertificate)
            check_key_hash(intermediate, parts.issuer_key_hash);
        X509_free(root);
        X509_free(intermediate);
        X509_free(certificate);
        parts_clear(&parts);
    }
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, ENTRIES_HASH_SIZE);
}

static void no_two_entries_share_serial_or_names(void **state)
{
    (void)state;
    uint8_t(*hashes)[ENTRIES_HASH_SIZE] = memory_allocate_zeroed(HASHES, sizeof *hashes);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct parts parts;
        struct buffer names;
        parts_init(&parts, entries,
                   (struct entry_position){ .index = i, .timestamp_ms = start_ms });
        X509 *certificate = parse(parts.certificate);
        const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
        buffer_init(&names, BUFFER_MAX);
        (void)list_names(certificate, &names);
        assert_int_equal(
            EVP_Digest(names.data, names.size, hashes[2 * i], NULL, EVP_sha256(), NULL), 1);
        assert_int_equal(EVP_Digest(ASN1_STRING_get0_data(serial),
                                    (size_t)ASN1_STRING_length(serial), hashes[2 * i + 1], NULL,
                                    EVP_sha256(), NULL),
                         1);
        buffer_free(&names);
        X509_free(certificate);
        parts_clear(&parts);
    }
    qsort(hashes, HASHES, sizeof *hashes, compare_hashes);
    for (size_t i = 1; i < HASHES; i++)
        assert_memory_not_equal(hashes[i - 1], hashes[i], ENTRIES_HASH_SIZE);
    free(hashes);
}

static void every_form_of_the_leaf_is_the_same(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct parts parts;
        struct buffer leaf;
        struct entry_position position = { .index = i, .timestamp_ms = start_ms + 7 * i };
        parts_init(&parts, entries, position);
        buffer_init(&leaf, BUFFER_MAX);
        entries_write_leaf(entries, &position, &leaf);
        assert_true(bytes_equal(buffer_bytes(&leaf), buffer_bytes(&parts.leaf)));
        buffer_free(&leaf);
        parts_clear(&parts);
    }
}

static struct buffer tile_of(const struct entries *of, uint64_t first, size_t count, bool as_gzip)
{
    struct entry_position positions[ENTRIES_TILE_WIDTH];
    struct buffer tile;
    buffer_init(&tile, BUFFER_MAX);
    for (size_t i = 0; i < count; i++)
        positions[i] =
            (struct entry_position){ .index = first + i, .timestamp_ms = start_ms + first + i };
    entries_write_tile(of, positions, count, as_gzip, &tile);
    return tile;
}

static struct buffer gunzip(struct bytes packed)
{
    struct buffer plain;
    z_stream stream = { 0 };
    buffer_init(&plain, BUFFER_MAX);
    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    stream.next_in = packed.data;
    stream.avail_in = (uInt)packed.size;
    stream.next_out = buffer_reserve(&plain, PLAIN_TILE_MAX);
    stream.avail_out = PLAIN_TILE_MAX;
    /* The end is reached only if checksum and length are right. */
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    plain.size = stream.total_out;
    (void)inflateEnd(&stream);
    return plain;
}

static void the_gzip_form_of_a_tile_is_the_tile(void **state)
{
    static const size_t counts[] = { 1, 2, 17, 255, 256 };
    (void)state;
    for (uint64_t first = 0; first < ENTRIES; first += ENTRIES_TILE_WIDTH) {
        size_t count = counts[first / ENTRIES_TILE_WIDTH % (sizeof counts / sizeof *counts)];
        struct buffer plain = tile_of(entries, first, count, false);
        struct buffer packed = tile_of(entries, first, count, true);
        struct buffer unpacked = gunzip(buffer_bytes(&packed));
        assert_true(packed.size < plain.size);
        assert_true(bytes_equal(buffer_bytes(&unpacked), buffer_bytes(&plain)));
        buffer_free(&unpacked);
        buffer_free(&packed);
        buffer_free(&plain);
    }
}

static struct bytes issuer_named(struct bytes fingerprint)
{
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(entries, &count);
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(bytes_of(issuers[i].fingerprint, ENTRIES_HASH_SIZE), fingerprint))
            return issuers[i].der;
    return (struct bytes){ 0 };
}

/* One TileLeaf (static-ct-api) against the same entry in its RFC 6962 form. */
static void check_tile_leaf(struct reader *reader, uint64_t index)
{
    struct parts parts;
    parts_init(&parts, entries,
               (struct entry_position){ .index = index, .timestamp_ms = start_ms + index });
    struct bytes leaf = reader_take(reader, parts.leaf.size - 2);
    assert_true(bytes_equal(leaf, bytes_of(parts.leaf.data + 2, parts.leaf.size - 2)));
    if (parts.is_precertificate)
        assert_true(bytes_equal(reader_vector(reader, 3), parts.certificate));
    struct reader fingerprints = reader_of(reader_vector(reader, 2));
    for (size_t i = 0; i < 2; i++)
        assert_true(bytes_equal(issuer_named(reader_take(&fingerprints, 32)), parts.chain[i]));
    assert_true(reader_finished(&fingerprints));
    parts_clear(&parts);
}

static void tile_and_get_entries_hold_the_same(void **state)
{
    (void)state;
    struct buffer tile = tile_of(entries, 512, 256, false);
    struct reader reader = reader_of(buffer_bytes(&tile));
    for (uint64_t i = 512; i < 768; i++)
        check_tile_leaf(&reader, i);
    assert_true(reader_finished(&reader));
    buffer_free(&tile);
}

static void hash_of_first_tiles(const struct entries *of, uint8_t *out)
{
    struct buffer all;
    buffer_init(&all, BUFFER_MAX);
    for (uint64_t first = 0; first < FIRST_TILES; first += ENTRIES_TILE_WIDTH) {
        struct buffer tile = tile_of(of, first, ENTRIES_TILE_WIDTH, false);
        buffer_append_bytes(&all, buffer_bytes(&tile));
        buffer_free(&tile);
    }
    assert_int_equal(EVP_Digest(all.data, all.size, out, NULL, EVP_sha256(), NULL), 1);
    buffer_free(&all);
}

static void seed_and_start_decide_every_byte(void **state)
{
    uint8_t ours[32], again[32], other_seed[32], other_start[32];
    struct entries *same = entries_make(seed, start_ms);
    struct entries *seeded = entries_make("another", start_ms);
    struct entries *started = entries_make(seed, start_ms + 86400000);
    (void)state;
    hash_of_first_tiles(entries, ours);
    hash_of_first_tiles(same, again);
    hash_of_first_tiles(seeded, other_seed);
    hash_of_first_tiles(started, other_start);
    assert_memory_equal(ours, again, sizeof ours);
    assert_memory_not_equal(ours, other_seed, sizeof ours);
    assert_memory_not_equal(ours, other_start, sizeof ours);
    entries_destroy(started);
    entries_destroy(seeded);
    entries_destroy(same);
}

/* A change of this value is a change of every log that anybody has a state file of. */
static void the_bytes_are_those_of_every_other_machine(void **state)
{
    static const char expected[] =
        "5f080f54954f64e0ad84942bea57a8a1578b5d19ce39bc9ea7820556bb9c3ed2";
    uint8_t ours[32];
    char text[2 * sizeof ours + 1];
    (void)state;
    hash_of_first_tiles(entries, ours);
    hex_encode(text, bytes_of(ours, sizeof ours));
    assert_string_equal(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_certificate_parses_and_has_its_names),
        cmocka_unit_test(every_leaf_says_its_index),
        cmocka_unit_test(a_precertificate_is_its_body_with_poison),
        cmocka_unit_test(chains_lead_from_the_certificate_to_a_root),
        cmocka_unit_test(no_two_entries_share_serial_or_names),
        cmocka_unit_test(every_form_of_the_leaf_is_the_same),
        cmocka_unit_test(the_gzip_form_of_a_tile_is_the_tile),
        cmocka_unit_test(tile_and_get_entries_hold_the_same),
        cmocka_unit_test(seed_and_start_decide_every_byte),
        cmocka_unit_test(the_bytes_are_those_of_every_other_machine),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
