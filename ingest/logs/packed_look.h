/*
 * A look for the newest entry of a log in packed history (redis/README.md, "P:block"), from the
 * newest block back: of each block its head, its rows, and the records of those rows that are kept
 * as they were, where one of them may be the log's.
 */
#ifndef INGEST_LOGS_PACKED_LOOK_H
#define INGEST_LOGS_PACKED_LOOK_H

#include "ingest/history/block_search.h"

struct contract;
struct redis_link;

enum packed_look_end {
    PACKED_LOOK_DONE,    /* `found`, with `index` */
    PACKED_LOOK_REFUSED, /* Redis has answered something else: to be tried again */
    PACKED_LOOK_DOWN,    /* the link is, or it ends */
};

/* Called once. A block that cannot be read counts as LOG_FOUND_CONTROL: nobody knows what it has.
 * LOG_FOUND_RECORD does not come. */
typedef void (*packed_look_done)(void *context, enum packed_look_end end, enum log_found found,
                                 uint64_t index);

/* False if it could not be sent: then `done` is not called. The contract lives as long as the
 * link; the id is copied. */
bool packed_look_begin(struct redis_link *link, const struct contract *contract,
                       const char *log_id_hex, packed_look_done done, void *context);

#endif
