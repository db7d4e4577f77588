/*
 * One entry of a log, as views into what the log answered: the MerkleTreeLeaf of RFC 6962 section
 * 3.4 with its extra data, or the TileLeaf of c2sp.org/static-ct-api. An entry that cannot be read
 * is still an entry: it has an index and a leaf hash, and `malformed` says why the rest is missing.
 * Pure.
 */
#ifndef INGEST_CT_ENTRY_H
#define INGEST_CT_ENTRY_H

#include "ingest/tree/merkle.h"

struct buffer;
struct reader;

enum {
    /* Bounds the body of a data tile. The specification's theoretical maximum is 8 GB; a full tile
     * is 0.4 MB of real entries. */
    ENTRY_TILE_BODY_MAX = 64 * 1024 * 1024,
};

struct entry {
    const char *malformed; /* a constant text, or NULL */
    /* The same of what the log serves beside the leaf and does not prove: then the submitted
     * precertificate and the chain are missing, and what the leaf says is there. */
    const char *malformed_extra;
    uint64_t timestamp_ms;
    bool is_precertificate;
    /* What is logged: the certificate, or the submitted precertificate (which the log does not
     * authenticate). */
    struct bytes certificate;
    /* A precertificate's leaf has these, and so the log authenticates them. */
    struct bytes issuer_key_hash;
    struct bytes tbs;
    /* RFC 6962: certificates with three-byte lengths. Tiled: SHA-256 fingerprints in a row. Issuer
     * first. */
    struct bytes chain;
    struct bytes extensions; /* of the leaf */
    bool has_fingerprints;
    /* The leaf input, in pieces that are hashed one after the other. */
    struct bytes leaf_pieces[2];
};

/* Reads an entry of get-entries. Never fails: see `malformed`. */
void entry_read_rfc6962(struct entry *entry, struct bytes leaf_input, struct bytes extra_data);

/* Reads the next TileLeaf. False when the tile cannot be read on: where the next leaf starts is
 * then unknown. */
bool entry_read_tile_leaf(struct entry *entry, struct reader *tile);

/* Makes the leaf one without extensions, as the tree of a log may have it whose tiles have them.
 * `body` is the tile that it was read from, and is changed. */
void entry_empty_extensions(struct entry *entry, struct buffer *body);

/* Whether the leaf of a tile stands where its leaf_index extension says (static-ct-api, "SCT
 * Extensions"). True also of a leaf without one, as archives of RFC 6962 logs have them; false if
 * there are several. */
bool entry_is_at(const struct entry *entry, uint64_t index);

/* The next certificate of an RFC 6962 chain, taken off `chain`; false at its end or when the rest
 * is malformed. */
bool entry_next_chain_certificate(struct bytes *chain, struct bytes *certificate);

#endif
