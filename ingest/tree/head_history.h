/*
 * The signed heads that a log has shown lately, as far as this process knows: a log that signs
 * another root for a size that it signed before equivocates, and the two heads are the proof. Pure.
 */
#ifndef INGEST_TREE_HEAD_HISTORY_H
#define INGEST_TREE_HEAD_HISTORY_H

#include "ingest/tree/signed_head.h"

enum {
    /* Some minutes of a busy log, hours of an idle one. */
    HEAD_HISTORY_SIZE = 32,
};

struct head_history {
    struct signed_head heads[HEAD_HISTORY_SIZE];
    size_t next;
    size_t count;
};

/* Remembers the head. True if it is new and another root was signed for its size before: *other is
 * then that head. */
bool head_history_add(struct head_history *history, const struct signed_head *head,
                      struct signed_head *other);

#endif
