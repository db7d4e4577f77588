/*
 * The entries of the local CT log, in every form that a log serves them in: made up from a seed, or
 * given in files.
 */
#ifndef CT_LOG_ENTRIES_H
#define CT_LOG_ENTRIES_H

#include "shared/base/buffer.h"

enum {
    ENTRIES_HASH_SIZE = 32,
    /* Entries of tiles are written together: index and timestamp of a whole tile are handed over at
     * once. */
    ENTRIES_TILE_WIDTH = 256,
};

/* Made-up entries have no end but the 40 bits of the leaf_index extension. */
#define ENTRIES_MADE_COUNT (UINT64_C(1) << 40)

/* Which entry, and what it is served with: the log's to decide, so that faults can bend it. */
struct entry_position {
    uint64_t index;
    uint64_t timestamp_ms;
    uint64_t index_error; /* its leaf_index extension says so much more */
    bool has_bad_extra;   /* of a made-up one: its extra_data cannot be read */
    /* What a made-up entry's chain ends with, and nothing proves: so many certificates that are
     * none, of so many bytes each; or in a tile their fingerprints. */
    uint64_t junk;
    uint64_t junk_size;
};

struct entry_issuer {
    uint8_t fingerprint[ENTRIES_HASH_SIZE];
    struct bytes der;
    bool is_root; /* the last of a chain */
};

struct entries;

/* Entries that are a pure function of seed and start time; certificates are valid around it. */
struct entries *entries_make(const char *seed, uint64_t start_ms);
/* Entries of get-entries bodies: a file, or all get-entries*.json files of a folder in the order of
 * their names. NULL if nothing can be read there; the reason has been said on standard error. */
struct entries *entries_read(const char *path);
void entries_destroy(struct entries *entries);

uint64_t entries_count(const struct entries *entries);
/* Whether a static-ct-api view is possible: every leaf says its own index. */
bool entries_are_tiled(const struct entries *entries);
/* A given entry's own timestamp, or `made_ms` for a made-up one. */
uint64_t entries_timestamp(const struct entries *entries, uint64_t index, uint64_t made_ms);

/* Appends the MerkleTreeLeaf: RFC 6962's leaf_input. */
void entries_write_leaf(const struct entries *entries, const struct entry_position *position,
                        struct buffer *out);
/* Appends `"leaf_input":"…","extra_data":"…"`. */
void entries_write_members(const struct entries *entries, const struct entry_position *position,
                           struct buffer *out);
/* Appends a data tile (static-ct-api) of `count` entries, at most ENTRIES_TILE_WIDTH. */
void entries_write_tile(const struct entries *entries, const struct entry_position *positions,
                        size_t count, bool as_gzip, struct buffer *out);

/* All issuers, alive as long as the entries. */
const struct entry_issuer *entries_issuers(const struct entries *entries, size_t *count);

#endif
