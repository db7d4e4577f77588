/*
 * Where Redis last had a log, as far as this process knows: read with the position, told after each
 * append, and with each round of leases of the logs that other processes follow as well. It is for
 * a Redis that loses the log (log_restore.h). Pure.
 */
#ifndef INGEST_FOLLOW_LAST_POSITION_H
#define INGEST_FOLLOW_LAST_POSITION_H

#include "ingest/store/log_position.h"

struct last_position {
    bool is_known;
    uint64_t
        from; /* where it stood when this process first knew of it, or what was lost was said */
    struct log_position position; /* without a frontier where only its index was told */
};

void last_position_keep(struct last_position *last, const struct log_position *position);
/* Only this is told; `next` 0 says nothing. */
void last_position_hear(struct last_position *last, uint64_t next, uint64_t epoch);
/* The stream says what was lost. */
void last_position_on_said(struct last_position *last);

#endif
