/* A Redis stream id: milliseconds, and a number within the millisecond. Text form
 * "1700000000000-0". */
#ifndef SHARED_REDIS_STREAM_ID_H
#define SHARED_REDIS_STREAM_ID_H

#include "shared/base/bytes.h"

struct stream_id {
    uint64_t ms;
    uint64_t sequence;
};

/* A place in the stream: behind an entry, by its id; and how many entries were ever added (Redis'
 * entries-added) up to it, plus one, so that what lies between two places can be counted also when
 * it is trimmed. 0: not known. */
struct stream_position {
    struct stream_id id;
    uint64_t ordinal;
};

enum {
    /* Two numbers of 20 digits, the dash and a NUL. */
    STREAM_ID_TEXT_SIZE = 42
};

/* False unless `text` is two decimal numbers below 2^64 joined by a dash. */
bool stream_id_parse(struct stream_id *id, struct bytes text);
/* Writes the text form and a NUL to `text`, of STREAM_ID_TEXT_SIZE bytes; answers a view of it. */
struct bytes stream_id_format(char *text, struct stream_id id);
/* Below, at or above zero, as a comes before, is or comes after b. */
int stream_id_compare(struct stream_id a, struct stream_id b);
/* The last id that comes before; of zero, zero. */
struct stream_id stream_id_before(struct stream_id id);
/* The first id that comes after; of the last there is, that one. */
struct stream_id stream_id_after(struct stream_id id);

#endif
