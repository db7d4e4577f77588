/* Entries of the stream as ingest writes them, and history read back: for tests of packed
 * history. */
#ifndef TESTS_UNIT_HISTORY_BOOK_H
#define TESTS_UNIT_HISTORY_BOOK_H

#include "shared/history/entry_renderer.h"

struct certificate;

enum {
    PLAIN_FIELDS = 7
};

/* The fields of one entry, owned. */
struct plain_entry {
    struct certificate *certificate;
    struct buffer texts[PLAIN_FIELDS];
    struct history_field fields[PLAIN_FIELDS];
};

void plain_entry_init(struct plain_entry *plain);
void plain_entry_free(struct plain_entry *plain);
/* As ingest writes it. `entry` has what the message has besides `der`. The fields live until the
 * next call. */
struct history_fields plain_entry_write(struct plain_entry *plain,
                                        const struct history_entry *entry, struct bytes der);

/* A block that is open: rows, frames, and what renders them. */
struct open_block;

/* NULL if any of it is damaged. `bytes` have to stay. */
struct open_block *open_block_create(struct bytes bytes);
void open_block_destroy(struct open_block *block);
size_t open_block_count(const struct open_block *block);
const struct block_head *open_block_head(const struct open_block *block);
void open_block_entry(const struct open_block *block, size_t row, struct history_entry *entry);
struct bytes open_block_record(const struct open_block *block, uint32_t record);

#endif
