/*
 * What a log is to be confronted with: two heads that contradict each other, or a head that its
 * entries do not lead to. Kept in the stream P:evidence (redis/README.md) with all that is needed
 * to show it to others: heads with their signatures, the frontier they are measured by, and what
 * the log served, verbatim.
 */
#ifndef INGEST_STORE_EVIDENCE_H
#define INGEST_STORE_EVIDENCE_H

#include "ingest/store/log_position.h"

struct ct_log;
struct contract;
struct redis_link;

enum mismatch_class {
    MISMATCH_NONE,
    /* The signed tree extends what was released, but the log serves other entries. */
    MISMATCH_ENTRIES,
    MISMATCH_FORK,         /* the signed tree does not extend what was released */
    MISMATCH_EQUIVOCATION, /* two signed roots for one size */
    MISMATCH_FINAL_HEAD,   /* a read-only log does not end where the log list says */
    MISMATCH_UNEXPLAINED,  /* the log did not answer what would tell */
    MISMATCH_CLASSES,
};

const char *mismatch_class_name(enum mismatch_class class);
/* MISMATCH_NONE if it is no name of one. */
enum mismatch_class mismatch_class_of(struct bytes name);

/* All borrowed for the call. */
struct evidence {
    enum mismatch_class class;
    const struct ct_log *ct_log;
    const struct log_position *released; /* what was proven before */
    const struct signed_head *head;      /* what contradicts it */
    struct bytes head_text;              /* as served */
    const struct signed_head
        *other; /* the other head, of an equivocation or a final head; else NULL */
    /* What the entries that were served lead to; size 0: not computed. */
    struct merkle_tree computed;
};

/* False if Redis cannot be written to now. */
bool evidence_send(const struct evidence *evidence, const struct contract *contract,
                   struct redis_link *link);

#endif
