/*
 * How far long work has come, on standard error: on a terminal one line that is written over (a
 * bar, the rate, the time left), else a plain line now and then.
 */
#ifndef SHARED_PROCESS_PROGRESS_H
#define SHARED_PROCESS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/process/terminal.h"

struct progress {
    struct terminal terminal;
    uint64_t first; /* done before this run */
    uint64_t total;
    uint64_t begun_ms;
    uint64_t shown_ms;
    bool is_shown; /* a line stands there that is not ended */
};

/* `done` of `total` are done already. Times are monotonic. */
void progress_begin(struct progress *progress, uint64_t done, uint64_t total, uint64_t now_ms);
/* To be called as often as anything happens. */
void progress_show(struct progress *progress, uint64_t done, uint64_t now_ms);
/* Shows the last state, and ends the line. */
void progress_end(struct progress *progress, uint64_t done, uint64_t now_ms);

/* Appends what is shown of this state, without what moves the cursor. Pure. More than `total` is
 * taken for all. */
void progress_append_line(struct buffer *out, const struct progress *progress, uint64_t done,
                          uint64_t now_ms);

#endif
