/* Leaves of RFC 6962 section 3.4 and of static-ct-api tiles, well-formed and cut at every
 * length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/ct/entry.h"
#include "shared/base/buffer.h"
#include "shared/base/reader.h"

static void append_integer(struct buffer *out, uint64_t value, size_t width)
{
    while (width--)
        buffer_append_byte(out, (uint8_t)(value >> (8 * width)));
}

static void append_vector(struct buffer *out, const char *text, size_t width)
{
    append_integer(out, strlen(text), width);
    buffer_append_string(out, text);
}

static void append_timestamped_entry(struct buffer *out, bool is_precertificate)
{
    append_integer(out, 1700000000123, 8);
    append_integer(out, is_precertificate, 2);
    if (is_precertificate)
        buffer_append_string(out, "0123456789abcdef0123456789abcdef");
    append_vector(out, is_precertificate ? "the TBS" : "the certificate", 3);
    append_vector(out, "ext", 2);
}

static void make_leaf(struct buffer *out, bool is_precertificate)
{
    append_integer(out, 0, 2);
    append_timestamped_entry(out, is_precertificate);
}

static void make_extra(struct buffer *out, bool is_precertificate)
{
    if (is_precertificate)
        append_vector(out, "the precertificate", 3);
    append_integer(out, 3 + 6 + 3 + 4, 3);
    append_vector(out, "issuer", 3);
    append_vector(out, "root", 3);
}

static void reads_certificates_and_precertificates(void **state)
{
    (void)state;
    for (unsigned is_precertificate = 0; is_precertificate < 2; is_precertificate++) {
        struct buffer leaf, extra;
        struct entry entry;
        buffer_init(&leaf, 1024);
        buffer_init(&extra, 1024);
        make_leaf(&leaf, is_precertificate);
        make_extra(&extra, is_precertificate);
        entry_read_rfc6962(&entry, buffer_bytes(&leaf), buffer_bytes(&extra));
        assert_null(entry.malformed);
        assert_int_equal(entry.timestamp_ms, 1700000000123);
        assert_int_equal(entry.is_precertificate, is_precertificate);
        assert_true(bytes_equal_string(entry.certificate, is_precertificate ? "the precertificate"
                                                                            : "the certificate"));
        if (is_precertificate)
            assert_true(bytes_equal_string(entry.tbs, "the TBS"));
        assert_int_equal(entry.leaf_pieces[0].size, leaf.size);
        struct bytes certificate;
        assert_true(entry_next_chain_certificate(&entry.chain, &certificate));
        assert_true(bytes_equal_string(certificate, "issuer"));
        assert_true(entry_next_chain_certificate(&entry.chain, &certificate));
        assert_true(bytes_equal_string(certificate, "root"));
        assert_false(entry_next_chain_certificate(&entry.chain, &certificate));
        buffer_free(&leaf);
        buffer_free(&extra);
    }
}

static void a_cut_or_lengthened_leaf_is_malformed_but_still_an_entry(void **state)
{
    (void)state;
    for (unsigned is_precertificate = 0; is_precertificate < 2; is_precertificate++) {
        struct buffer leaf, extra;
        struct entry entry;
        buffer_init(&leaf, 1024);
        buffer_init(&extra, 1024);
        make_leaf(&leaf, is_precertificate);
        make_extra(&extra, is_precertificate);
        for (size_t size = 0; size < leaf.size; size++) {
            entry_read_rfc6962(&entry, bytes_of(leaf.data, size), buffer_bytes(&extra));
            assert_non_null(entry.malformed);
            assert_int_equal(entry.leaf_pieces[0].size, size);
        }
        for (size_t size = 0; size < extra.size; size++) {
            entry_read_rfc6962(&entry, buffer_bytes(&leaf), bytes_of(extra.data, size));
            assert_null(entry.malformed);
            assert_non_null(entry.malformed_extra);
            assert_int_equal(entry.timestamp_ms, 1700000000123);
        }
        buffer_append_byte(&leaf, 0);
        entry_read_rfc6962(&entry, buffer_bytes(&leaf), buffer_bytes(&extra));
        assert_non_null(entry.malformed);
        buffer_free(&leaf);
        buffer_free(&extra);
    }
}

static void unknown_types_are_malformed(void **state)
{
    (void)state;
    for (size_t at = 0; at < 12; at++) {
        struct buffer leaf;
        struct entry entry;
        buffer_init(&leaf, 1024);
        make_leaf(&leaf, false);
        leaf.data[at] = 9;
        entry_read_rfc6962(&entry, buffer_bytes(&leaf), bytes_of("\0\0\0", 3));
        /* The eight bytes of the timestamp may be anything. */
        assert_int_equal(entry.malformed != NULL, at < 2 || at >= 10);
        buffer_free(&leaf);
    }
}

static void an_empty_chain_is_fine(void **state)
{
    (void)state;
    struct buffer leaf;
    struct entry entry;
    buffer_init(&leaf, 1024);
    make_leaf(&leaf, false);
    entry_read_rfc6962(&entry, buffer_bytes(&leaf), bytes_of("\0\0\0", 3));
    assert_null(entry.malformed);
    assert_int_equal(entry.chain.size, 0);
    buffer_free(&leaf);
}

static void make_tile_leaf(struct buffer *out, bool is_precertificate)
{
    append_timestamped_entry(out, is_precertificate);
    if (is_precertificate)
        append_vector(out, "the precertificate", 3);
    append_vector(out, "0123456789abcdef0123456789abcdefFEDCBA9876543210FEDCBA9876543210", 2);
}

static void reads_a_tile_to_its_end(void **state)
{
    (void)state;
    struct buffer tile;
    struct entry entry;
    buffer_init(&tile, 4096);
    for (unsigned i = 0; i < 5; i++)
        make_tile_leaf(&tile, i % 2);
    struct reader reader = reader_of(buffer_bytes(&tile));
    for (unsigned i = 0; i < 5; i++) {
        assert_true(entry_read_tile_leaf(&entry, &reader));
        assert_int_equal(entry.is_precertificate, i % 2);
        assert_true(bytes_equal_string(entry.certificate,
                                       i % 2 ? "the precertificate" : "the certificate"));
        assert_int_equal(entry.chain.size, 2 * SHA256_SIZE);
        assert_true(entry.has_fingerprints);
        /* The leaf input is two zero bytes and the TimestampedEntry: what make_leaf makes. */
        struct buffer leaf;
        buffer_init(&leaf, 1024);
        make_leaf(&leaf, i % 2);
        assert_int_equal(entry.leaf_pieces[0].size + entry.leaf_pieces[1].size, leaf.size);
        assert_memory_equal(entry.leaf_pieces[0].data, leaf.data, 2);
        assert_memory_equal(entry.leaf_pieces[1].data, leaf.data + 2, leaf.size - 2);
        buffer_free(&leaf);
    }
    assert_true(reader_finished(&reader));
    buffer_free(&tile);
}

static void a_tile_cut_anywhere_ends_there(void **state)
{
    (void)state;
    struct buffer tile;
    buffer_init(&tile, 4096);
    make_tile_leaf(&tile, true);
    for (size_t size = 0; size < tile.size; size++) {
        struct reader reader = reader_of(bytes_of(tile.data, size));
        struct entry entry;
        assert_false(entry_read_tile_leaf(&entry, &reader));
    }
    buffer_free(&tile);
}

static void fingerprints_come_whole(void **state)
{
    (void)state;
    struct buffer tile;
    struct entry entry;
    buffer_init(&tile, 4096);
    append_timestamped_entry(&tile, false);
    append_vector(&tile, "31 bytes are no fingerprint at.", 2);
    struct reader reader = reader_of(buffer_bytes(&tile));
    assert_false(entry_read_tile_leaf(&entry, &reader));
    buffer_free(&tile);
}

/* c2sp.org/static-ct-api, "SCT Extensions". */
static void a_leaf_says_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *extensions;
        size_t size;
        uint64_t index;
        bool is_at;
    } rows[] = {
        { "\0\0\5\0\0\0\1\x2c", 8, 300, true },
        { "\0\0\5\0\0\0\1\x2c", 8, 301, false },
        { "\0\0\5\xff\xff\xff\xff\xff", 8, UINT64_C(0xffffffffff), true },
        /* None, as in archives; an unknown one before and after; several; too short, too long, cut
         * off. */
        { "", 0, 300, true },
        { "\7\0\1x\0\0\5\0\0\0\1\x2c\7\0\0", 15, 300, true },
        { "\0\0\5\0\0\0\1\x2c\0\0\5\0\0\0\1\x2c", 16, 300, false },
        { "\0\0\4\0\0\1\x2c", 7, 300, false },
        { "\0\0\6\0\0\0\0\1\x2c", 9, 300, false },
        { "\0\0\5\0\0\0\1", 7, 300, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct entry entry = { .extensions = bytes_of(rows[i].extensions, rows[i].size) };
        if (entry_is_at(&entry, rows[i].index) != rows[i].is_at)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_says_where_it_stands),
        cmocka_unit_test(reads_certificates_and_precertificates),
        cmocka_unit_test(a_cut_or_lengthened_leaf_is_malformed_but_still_an_entry),
        cmocka_unit_test(unknown_types_are_malformed),
        cmocka_unit_test(an_empty_chain_is_fine),
        cmocka_unit_test(reads_a_tile_to_its_end),
        cmocka_unit_test(a_tile_cut_anywhere_ends_there),
        cmocka_unit_test(fingerprints_come_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
