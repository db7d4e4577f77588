/*
 * What distinguishes one made-up entry from the others that share its template: a few values of
 * fixed size, and the places where they stand in the template's bytes.
 */
#ifndef CT_LOG_STAMP_H
#define CT_LOG_STAMP_H

#include "shared/base/buffer.h"

enum stamp_kind {
    STAMP_TIMESTAMP, /* the entry's, in its leaf */
    STAMP_SERIAL,    /* the last eight bytes of the serial number */
    STAMP_NAME,      /* eight letters and digits in each name */
    STAMP_INDEX,     /* the leaf_index extension (static-ct-api), 40 bits */
    STAMP_KINDS,
};

enum {
    STAMP_SIZE_MAX = 8
};

struct stamp {
    uint8_t values[STAMP_KINDS][STAMP_SIZE_MAX];
};

/* Bytes of a value of this kind. */
static inline size_t stamp_size(enum stamp_kind kind)
{
    return kind == STAMP_INDEX ? 5 : 8;
}

/* The stamp of entry `index`, below 2^40; `key` tells one log's entries from another's. No two
 * indexes share a serial or a name. */
struct stamp stamp_of(uint64_t key, uint64_t index, uint64_t timestamp_ms);

struct stamp_place {
    uint32_t offset;
    enum stamp_kind kind;
};

/* Bytes with places to be stamped, in order and apart from each other. */
struct stamped_bytes {
    struct buffer bytes;
    struct stamp_place *places;
    size_t place_count;
};

void stamped_bytes_init(struct stamped_bytes *stamped, size_t limit);
void stamped_bytes_clear(struct stamped_bytes *stamped);

/* The next place, which must lie behind the last one and inside the bytes by the time they are
 * written. */
void stamped_bytes_add_place(struct stamped_bytes *stamped, size_t offset, enum stamp_kind kind);

/* Appends `der` and a place for each mark of made_certificate.h in it. */
void stamped_bytes_append_marked(struct stamped_bytes *stamped, struct bytes der);

/* Appends the first `size` bytes, stamped. No place may lie across that end. */
void stamped_bytes_write(struct buffer *out, const struct stamped_bytes *stamped, size_t size,
                         const struct stamp *stamp);

#endif
