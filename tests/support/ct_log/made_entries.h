/*
 * Entries made up from a seed. A pool of templates is made at start; each entry is one of them with
 * its own timestamp, serial number, names and index stamped in. Of the entries themselves nothing
 * is kept.
 */
#ifndef CT_LOG_MADE_ENTRIES_H
#define CT_LOG_MADE_ENTRIES_H

#include "tests/support/ct_log/entries.h"

struct made_entries;

struct made_entries *made_entries_create(const char *seed, uint64_t start_ms);
void made_entries_destroy(struct made_entries *made);

/* These do what entries.h says. */
void made_entries_write_leaf(const struct made_entries *made, const struct entry_position *position,
                             struct buffer *out);
void made_entries_write_members(const struct made_entries *made,
                                const struct entry_position *position, struct buffer *out);
void made_entries_write_tile(const struct made_entries *made,
                             const struct entry_position *positions, size_t count, bool as_gzip,
                             struct buffer *out);
const struct entry_issuer *made_entries_issuers(const struct made_entries *made, size_t *count);

#endif
