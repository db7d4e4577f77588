/* The newest entry of a log: of a block's rows, and of an entry's fields as they stand in the
 * stream. Pure. */
#ifndef INGEST_HISTORY_BLOCK_SEARCH_H
#define INGEST_HISTORY_BLOCK_SEARCH_H

#include "shared/history/entry_renderer.h"

enum log_found {
    LOG_FOUND_NOTHING,
    LOG_FOUND_ENTRY,
    LOG_FOUND_CONTROL, /* what lies before it says nothing of where the log stood */
    LOG_FOUND_RECORD,  /* only of rows: whose entry it is stands in its record */
};

/* What an entry with these fields says of the log; `index` is set if it is an entry of it. */
enum log_found block_search_fields(const struct history_fields *fields, const char *log_id_hex,
                                   uint64_t *index);

/* From a block's last row back. */
struct block_search {
    const char *log_id_hex;
    size_t row; /* this one and those behind it have been looked at */
};

struct block_search block_search_begin(const struct block_rows *rows, const char *log_id_hex);

/* The next row that may be the log's. With LOG_FOUND_ENTRY it is, and `entry` has its index; with
 * LOG_FOUND_RECORD whoever has rendered it asks block_search_fields, and goes on here if it is
 * nothing. */
enum log_found block_search_next(struct block_search *search, const struct block_rows *rows,
                                 struct history_entry *entry);

#endif
