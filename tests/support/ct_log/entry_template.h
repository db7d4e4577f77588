/*
 * One of the templates that all made-up entries are stamped from: a log entry in every form that it
 * is served in.
 */
#ifndef CT_LOG_ENTRY_TEMPLATE_H
#define CT_LOG_ENTRY_TEMPLATE_H

#include "tests/support/ct_log/stamp.h"
#include "tests/support/ct_log/stamped_gzip.h"
#include "tests/support/ct_log/stamped_text.h"

struct made_certificate;

struct entry_template {
    struct stamped_bytes tile;  /* 00 00 and the TileLeaf: begins with the MerkleTreeLeaf */
    size_t leaf_size;           /* of the MerkleTreeLeaf: RFC 6962's leaf_input */
    struct stamped_bytes extra; /* RFC 6962's extra_data */
    size_t chain_offset;        /* of the chain's size in it */
    struct stamped_text leaf_text;
    struct stamped_text extra_text;
    struct stamped_gzip gzip; /* of the TileLeaf */
};

enum {
    /* The MerkleTreeLeaf's version and leaf_type, which a TileLeaf is without. */
    ENTRY_TEMPLATE_TILE_BEGIN = 2
};

/* Uses the certificate only during the call. */
void entry_template_init(struct entry_template *entry_template,
                         const struct made_certificate *certificate);
void entry_template_clear(struct entry_template *entry_template);

#endif
