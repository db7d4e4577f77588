/* What is counted over all logs that a process follows; since it was started. */
#ifndef INGEST_FOLLOW_FOLLOW_STATS_H
#define INGEST_FOLLOW_FOLLOW_STATS_H

#include "ingest/store/evidence.h"

struct follow_stats {
    uint64_t requests;
    uint64_t request_failures;
    uint64_t bytes;
    uint64_t heads;
    uint64_t roots_reproduced;
    uint64_t roots_different;
    uint64_t windows;
    /* From the first entry of a window to its release, over all windows. */
    uint64_t window_verify_ms;
    uint64_t proofs; /* that released a window before its head */
    uint64_t mismatches[MISMATCH_CLASSES];
    uint64_t mismatches_transient;
    uint64_t stale_heads;
    uint64_t future_heads;
    uint64_t oversize;
    uint64_t misplaced;   /* entries that say another index than the tree has them at */
    uint64_t statuses[6]; /* by hundreds; 429 apart */
    uint64_t status_429;
    uint64_t unreachable;
    uint64_t stuck; /* logs that began to wait for the same thing for too long */
};

#endif
