#include "tests/support/ct_log/made_entries.h"

#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/memory.h"
#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/entry_template.h"
#include "tests/support/ct_log/made_authority.h"
#include "tests/support/ct_log/made_certificate.h"
#include "tests/support/seeded_random.h"

enum {
    /* Enough that every shape occurs, few enough to be made in a third of a second and to stay in
     * the cache. */
    TEMPLATE_COUNT = 1024,
    ISSUER_COUNT = 2 * MADE_AUTHORITY_COUNT,
};

struct made_entries {
    struct made_authority authorities[MADE_AUTHORITY_COUNT];
    struct entry_issuer issuers[ISSUER_COUNT];
    struct entry_template templates[TEMPLATE_COUNT];
    uint64_t stamp_key;
    uint64_t template_key;
};

static void make_template(struct made_entries *made, const char *seed, size_t number, uint64_t now)
{
    struct made_certificate certificate;
    made_certificate_init(&certificate, made->authorities, seed, number, now);
    entry_template_init(&made->templates[number], &certificate);
    made_certificate_clear(&certificate);
}

static void make_issuer(struct made_entries *made, size_t number)
{
    const struct made_authority *authority = &made->authorities[number / 2];
    struct entry_issuer *issuer = &made->issuers[number];
    issuer->is_root = number % 2 == 1;
    issuer->der = buffer_bytes(issuer->is_root ? &authority->root : &authority->certificate);
    memcpy(issuer->fingerprint, authority->fingerprints[number % 2], sizeof issuer->fingerprint);
}

struct made_entries *made_entries_create(const char *seed, uint64_t start_ms)
{
    struct made_entries *made = memory_allocate_zeroed(1, sizeof *made);
    struct seeded_random random = seeded_random_of(seed, "entries", 0);
    made->stamp_key = seeded_random_next(&random);
    made->template_key = seeded_random_next(&random);
    for (size_t i = 0; i < MADE_AUTHORITY_COUNT; i++)
        made_authority_init(&made->authorities[i], seed, i, start_ms / 1000);
    for (size_t i = 0; i < ISSUER_COUNT; i++)
        make_issuer(made, i);
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        make_template(made, seed, i, start_ms / 1000);
    return made;
}

void made_entries_destroy(struct made_entries *made)
{
    if (!made)
        return;
    for (size_t i = 0; i < MADE_AUTHORITY_COUNT; i++)
        made_authority_clear(&made->authorities[i]);
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        entry_template_clear(&made->templates[i]);
    free(made);
}

static const struct entry_template *template_of(const struct made_entries *made, uint64_t index)
{
    return &made->templates[seeded_random_mix(made->template_key + index) % TEMPLATE_COUNT];
}

static struct stamp stamp_at(const struct made_entries *made, const struct entry_position *position)
{
    struct stamp stamp = stamp_of(made->stamp_key, position->index, position->timestamp_ms);
    if (position->index_error)
        big_endian_write(stamp.values[STAMP_INDEX], position->index + position->index_error,
                         stamp_size(STAMP_INDEX));
    return stamp;
}

void made_entries_write_leaf(const struct made_entries *made, const struct entry_position *position,
                             struct buffer *out)
{
    const struct entry_template *entry = template_of(made, position->index);
    struct stamp stamp = stamp_at(made, position);
    stamped_bytes_write(out, &entry->tile, entry->leaf_size, &stamp);
}

/* Chains are the last thing in extra_data and in a TileLeaf: they are made longer by what is
 * appended. */
static void append_junk(const struct entry_position *position, size_t size, size_t head_size,
                        struct buffer *out)
{
    struct seeded_random random = seeded_random_of("junk", "chain", position->index);
    for (uint64_t i = 0; i < position->junk; i++) {
        big_endian_append(out, size, head_size);
        uint8_t *room = buffer_reserve(out, size);
        if (!room)
            return;
        seeded_random_fill(&random, room, size);
        out->size += size;
    }
}

static void write_junk_members(const struct made_entries *made,
                               const struct entry_position *position, struct buffer *out)
{
    const struct entry_template *entry = template_of(made, position->index);
    struct stamp stamp = stamp_at(made, position);
    struct buffer extra;
    buffer_init(&extra, out->limit);
    stamped_bytes_write(&extra, &entry->extra, entry->extra.bytes.size, &stamp);
    size_t chain_size = extra.size - entry->chain_offset - 3;
    append_junk(position, (size_t)position->junk_size, 3, &extra);
    big_endian_write(extra.data + entry->chain_offset,
                     chain_size + position->junk * (3 + position->junk_size), 3);
    base64_encode(out, buffer_bytes(&extra));
    buffer_free(&extra);
}

void made_entries_write_members(const struct made_entries *made,
                                const struct entry_position *position, struct buffer *out)
{
    const struct entry_template *entry = template_of(made, position->index);
    struct stamp stamp = stamp_at(made, position);
    buffer_append_string(out, "\"leaf_input\":\"");
    stamped_text_write(out, &entry->leaf_text, &stamp);
    buffer_append_string(out, "\",\"extra_data\":\"");
    if (position->has_bad_extra)
        buffer_append_string(out, "AAAA");
    else if (position->junk)
        write_junk_members(made, position, out);
    else
        stamped_text_write(out, &entry->extra_text, &stamp);
    buffer_append_byte(out, '"');
}

static void write_plain(const struct made_entries *made, const struct entry_position *position,
                        struct buffer *out)
{
    const struct entry_template *entry = template_of(made, position->index);
    struct stamp stamp = stamp_at(made, position);
    /* Written whole, and its first two bytes written over: they are the MerkleTreeLeaf's. */
    size_t begin = out->size;
    stamped_bytes_write(out, &entry->tile, entry->tile.bytes.size, &stamp);
    if (out->failed)
        return;
    memmove(out->data + begin, out->data + begin + ENTRY_TEMPLATE_TILE_BEGIN,
            out->size - begin - ENTRY_TEMPLATE_TILE_BEGIN);
    out->size -= ENTRY_TEMPLATE_TILE_BEGIN;
    if (!position->junk)
        return;
    size_t known = sizeof made->authorities->fingerprints;
    big_endian_write(out->data + out->size - known - 2, known + position->junk * ENTRIES_HASH_SIZE,
                     2);
    append_junk(position, ENTRIES_HASH_SIZE, 0, out);
}

static void write_junk_tile(const struct made_entries *made, const struct entry_position *positions,
                            size_t count, struct buffer *out)
{
    struct buffer plain;
    buffer_init(&plain, out->limit);
    for (size_t i = 0; i < count; i++)
        write_plain(made, &positions[i], &plain);
    gzip_write(out, buffer_bytes(&plain));
    buffer_free(&plain);
}

void made_entries_write_tile(const struct made_entries *made,
                             const struct entry_position *positions, size_t count, bool as_gzip,
                             struct buffer *out)
{
    if (!as_gzip) {
        for (size_t i = 0; i < count; i++)
            write_plain(made, &positions[i], out);
        return;
    }
    if (count && positions->junk) {
        write_junk_tile(made, positions, count, out);
        return;
    }
    struct gzip_stream stream = gzip_stream_begin(out);
    for (size_t i = 0; i < count; i++) {
        struct stamp stamp = stamp_at(made, &positions[i]);
        gzip_stream_write(&stream, &template_of(made, positions[i].index)->gzip, &stamp);
    }
    gzip_stream_end(&stream);
}

const struct entry_issuer *made_entries_issuers(const struct made_entries *made, size_t *count)
{
    *count = ISSUER_COUNT;
    return made->issuers;
}
