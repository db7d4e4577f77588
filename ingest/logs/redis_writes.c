#include "ingest/logs/redis_writes.h"

#include <stddef.h>

#include "shared/process/say.h"

void redis_writes_note(struct redis_writes *writes, enum redis_write write, const char *error)
{
    static const char *const names[REDIS_WRITES] = { "leases", "entries" };
    bool is_refused = error != NULL;
    if (is_refused && !writes->is_refused[write])
        say_error("Redis does not take writes", "what=%s reason=%s", names[write],
                  say_quoted(error));
    if (!is_refused && writes->is_refused[write])
        say_info("Redis takes writes again", "what=%s", names[write]);
    writes->is_refused[write] = is_refused;
}
