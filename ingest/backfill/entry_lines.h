/* Entries as JSON lines: the messages that clients get, without the id that only a stream gives. */
#ifndef INGEST_BACKFILL_ENTRY_LINES_H
#define INGEST_BACKFILL_ENTRY_LINES_H

#include "ingest/make/issuer_set.h"
#include "ingest/store/batch.h"

struct entry_lines;

/* `issuers` is borrowed. */
struct entry_lines *entry_lines_create(const struct issuer_set *issuers, bool is_full);
void entry_lines_destroy(struct entry_lines *lines);

/* Writes the entries of a batch to standard output. False, with errno, if that fails: EPIPE when
 * nobody reads any more. */
bool entry_lines_write(struct entry_lines *lines, const struct batch *batch);

#endif
