#include "tests/support/ct_log/entry_template.h"

#include <assert.h>

#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/made_authority.h"
#include "tests/support/ct_log/made_certificate.h"

enum {
    /* A precertificate, its body and two issuers. */
    ENTRY_MAX = 4 * MADE_CERTIFICATE_MAX,
    CHAIN_LENGTH = 2,
};

static void append_marked(struct stamped_bytes *stamped, const struct buffer *der)
{
    big_endian_append(&stamped->bytes, der->size, 3);
    stamped_bytes_append_marked(stamped, buffer_bytes(der));
}

static void append_place(struct stamped_bytes *stamped, enum stamp_kind kind)
{
    stamped_bytes_add_place(stamped, stamped->bytes.size, kind);
    big_endian_append(&stamped->bytes, 0, stamp_size(kind));
}

/* MerkleTreeLeaf (RFC 6962 section 3.4) with the one extension of static-ct-api. */
static void append_leaf(struct stamped_bytes *stamped, const struct made_certificate *certificate)
{
    struct buffer *out = &stamped->bytes;
    big_endian_append(out, 0, 1);
    big_endian_append(out, 0, 1);
    append_place(stamped, STAMP_TIMESTAMP);
    big_endian_append(out, certificate->is_precertificate, 2);
    if (certificate->is_precertificate)
        buffer_append(out, certificate->authority->key_hash, 32);
    append_marked(stamped,
                  certificate->is_precertificate ? &certificate->body : &certificate->certificate);
    big_endian_append(out, 3 + stamp_size(STAMP_INDEX), 2);
    big_endian_append(out, 0, 1);
    big_endian_append(out, stamp_size(STAMP_INDEX), 2);
    append_place(stamped, STAMP_INDEX);
}

static void append_tile_rest(struct stamped_bytes *stamped,
                             const struct made_certificate *certificate)
{
    if (certificate->is_precertificate)
        append_marked(stamped, &certificate->certificate);
    big_endian_append(&stamped->bytes, sizeof certificate->authority->fingerprints, 2);
    buffer_append(&stamped->bytes, certificate->authority->fingerprints,
                  sizeof certificate->authority->fingerprints);
}

/* PrecertChainEntry or the chain of an X509ChainEntry (RFC 6962 section 3.1). */
static void append_extra(struct entry_template *entry_template,
                         const struct made_certificate *certificate)
{
    struct stamped_bytes *stamped = &entry_template->extra;
    const struct buffer *chain[CHAIN_LENGTH] = { &certificate->authority->certificate,
                                                 &certificate->authority->root };
    if (certificate->is_precertificate)
        append_marked(stamped, &certificate->certificate);
    entry_template->chain_offset = stamped->bytes.size;
    big_endian_append(&stamped->bytes, 3 + chain[0]->size + 3 + chain[1]->size, 3);
    for (size_t i = 0; i < CHAIN_LENGTH; i++) {
        big_endian_append(&stamped->bytes, chain[i]->size, 3);
        buffer_append_bytes(&stamped->bytes, buffer_bytes(chain[i]));
    }
}

void entry_template_init(struct entry_template *entry_template,
                         const struct made_certificate *certificate)
{
    stamped_bytes_init(&entry_template->tile, ENTRY_MAX);
    stamped_bytes_init(&entry_template->extra, ENTRY_MAX);
    append_leaf(&entry_template->tile, certificate);
    entry_template->leaf_size = entry_template->tile.bytes.size;
    append_tile_rest(&entry_template->tile, certificate);
    append_extra(entry_template, certificate);
    assert(!entry_template->tile.bytes.failed && !entry_template->extra.bytes.failed);
    stamped_text_init(&entry_template->leaf_text, &entry_template->tile, entry_template->leaf_size);
    stamped_text_init(&entry_template->extra_text, &entry_template->extra,
                      entry_template->extra.bytes.size);
    stamped_gzip_init(&entry_template->gzip, &entry_template->tile, ENTRY_TEMPLATE_TILE_BEGIN);
}

void entry_template_clear(struct entry_template *entry_template)
{
    stamped_bytes_clear(&entry_template->tile);
    stamped_bytes_clear(&entry_template->extra);
    stamped_text_clear(&entry_template->leaf_text);
    stamped_text_clear(&entry_template->extra_text);
    stamped_gzip_clear(&entry_template->gzip);
}
