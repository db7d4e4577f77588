#include "ingest/history/block_search.h"

#include "shared/base/decimal.h"
#include "shared/redis/contract.h"

enum log_found block_search_fields(const struct history_fields *fields, const char *log_id_hex,
                                   uint64_t *index)
{
    if (!bytes_equal_string(history_fields_find(fields, CONTRACT_FIELD_LOG), log_id_hex))
        return LOG_FOUND_NOTHING;
    return decimal_parse(index, history_fields_find(fields, CONTRACT_FIELD_INDEX))
               ? LOG_FOUND_ENTRY
               : LOG_FOUND_CONTROL;
}

struct block_search block_search_begin(const struct block_rows *rows, const char *log_id_hex)
{
    return (struct block_search){ .log_id_hex = log_id_hex, .row = block_rows_count(rows) };
}

enum log_found block_search_next(struct block_search *search, const struct block_rows *rows,
                                 struct history_entry *entry)
{
    while (search->row) {
        block_rows_entry(rows, --search->row, entry);
        if (entry->is_verbatim)
            return LOG_FOUND_RECORD;
        if (strcmp(entry->source->log_id_hex, search->log_id_hex) == 0)
            return LOG_FOUND_ENTRY;
    }
    return LOG_FOUND_NOTHING;
}
