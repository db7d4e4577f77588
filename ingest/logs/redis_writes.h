/* What Redis refuses to take although it is there: each change is said once, for all logs. */
#ifndef INGEST_LOGS_REDIS_WRITES_H
#define INGEST_LOGS_REDIS_WRITES_H

#include <stdbool.h>

enum redis_write {
    REDIS_WRITES_LEASES,
    REDIS_WRITES_ENTRIES,
    REDIS_WRITES /* how many */
};

struct redis_writes {
    bool is_refused[REDIS_WRITES]; /* as said last */
};

/* Redis is full or unwilling (`error`, from outside), or it is no longer (NULL). */
void redis_writes_note(struct redis_writes *writes, enum redis_write write, const char *error);

#endif
