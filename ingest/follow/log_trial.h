/*
 * Judges what a log has signed and served. Heads, history, frontiers and roots in; a verdict out.
 * Nothing is done here and nothing is remembered: pure.
 *
 *   a head              signs what is released  →  right; it confirms the log
 *                       another root for what is released, or for a size it signed before  →
 *                                                  equivocation if the other head is at hand, a fork
 *                       otherwise               →  in order
 *   a window            leads to the head's root → right; else the entries are fetched again:
 *                                                  transient, until they were wrong often enough
 *   a persistent one    the head extends what is released → the entries are wrong; else a fork;
 *                                                  the log does not say → unexplained
 *   the end             another root than the log list has → final head
 */
#ifndef INGEST_FOLLOW_LOG_TRIAL_H
#define INGEST_FOLLOW_LOG_TRIAL_H

#include "ingest/ct/log_proof.h"
#include "ingest/store/evidence.h"
#include "ingest/store/log_position.h"

/* Windows in a row that are not proven before the log is quarantined: front ends disagree, and bits
 * flip on the way. */
enum {
    LOG_TRIAL_WINDOWS = 3
};

enum trial_verdict {
    TRIAL_IN_ORDER,
    TRIAL_RIGHT,
    TRIAL_TRANSIENT,
    TRIAL_UNDECIDED, /* a proof has to be asked for */
    TRIAL_GUILTY,    /* of `class` */
};

struct trial {
    enum trial_verdict verdict;
    enum mismatch_class class;
};

/* A head, against what is released and against `other`, the head that the log signed before for the
 * same size with another root; NULL: none. */
struct trial log_trial_of_head(const struct log_position *released, const struct signed_head *head,
                               const struct signed_head *other, struct digest *sha256);

/* Whether a frontier is that of a head of its size. */
bool log_trial_has_root(const struct merkle_frontier *frontier, const struct merkle_hash *root,
                        struct digest *sha256);

/* A window that is not what a head signs: for the `mismatches`th time in a row, or while the log is
 * in quarantine. `proof`: what asking whether the head extends what is released has led to. */
struct trial log_trial_of_window(unsigned mismatches, const struct log_position *released,
                                 const struct signed_head *head, enum log_proof_state proof);

/* A read-only log that was read to its end. */
struct trial log_trial_of_end(const struct log_position *released, const struct ct_log *ct_log,
                              struct digest *sha256);

#endif
