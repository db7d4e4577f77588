/*
 * Entries read from get-entries bodies (RFC 6962 section 4.6): real ones, or hostile ones. They are
 * kept as they are, also when they cannot be parsed; then there is no static-ct-api view of them.
 */
#ifndef CT_LOG_GIVEN_ENTRIES_H
#define CT_LOG_GIVEN_ENTRIES_H

#include "tests/support/ct_log/entries.h"

struct given_entries;

/* These do what entries.h says. */
struct given_entries *given_entries_load(const char *path);
void given_entries_destroy(struct given_entries *given);
uint64_t given_entries_count(const struct given_entries *given);
bool given_entries_are_tiled(const struct given_entries *given);
uint64_t given_entries_timestamp(const struct given_entries *given, uint64_t index);
void given_entries_write_leaf(const struct given_entries *given,
                              const struct entry_position *position, struct buffer *out);
void given_entries_write_members(const struct given_entries *given,
                                 const struct entry_position *position, struct buffer *out);
void given_entries_write_tile(const struct given_entries *given,
                              const struct entry_position *positions, size_t count, bool as_gzip,
                              struct buffer *out);
const struct entry_issuer *given_entries_issuers(const struct given_entries *given, size_t *count);

#endif
