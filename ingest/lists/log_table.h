/* What --list-logs prints: the lists, a row per log, and a line that sums up. */
#ifndef INGEST_LISTS_LOG_TABLE_H
#define INGEST_LISTS_LOG_TABLE_H

#include "ingest/lists/roster.h"

/* One line about a list; `list` is NULL if it could not be read. */
void log_table_print_list(const char *name, const struct log_list *list, bool is_signed);
void log_table_print(const struct roster *roster);

#endif
