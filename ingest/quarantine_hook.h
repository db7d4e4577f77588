/*
 * --on-quarantine PROGRAM: started once for each log that comes into quarantine, with the log's id,
 * the class of what it did and the log's name as arguments. It has no terminal, is never waited
 * for, and is killed if it takes too long; so many run at once and no more.
 */
#ifndef INGEST_QUARANTINE_HOOK_H
#define INGEST_QUARANTINE_HOOK_H

#include <stdint.h>
#include <sys/types.h>

enum {
    QUARANTINE_HOOKS_MAX = 4,
    QUARANTINE_HOOK_MS = 60 * 1000,
};

struct quarantine_hook {
    const char *program; /* borrowed; "": none */
    pid_t running[QUARANTINE_HOOKS_MAX];
    uint64_t started_at_ms[QUARANTINE_HOOKS_MAX];
};

void quarantine_hook_start(struct quarantine_hook *hook, const char *log_id, const char *class,
                           const char *log_name, uint64_t now_ms);

/* Takes leave of those that have ended. When it is to be called again; UINT64_MAX: after the next
 * start. */
uint64_t quarantine_hook_work(struct quarantine_hook *hook, uint64_t now_ms);

#endif
