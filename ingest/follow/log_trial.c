#include "ingest/follow/log_trial.h"

static struct trial acquit(enum trial_verdict verdict)
{
    return (struct trial){ verdict, MISMATCH_NONE };
}

static struct trial convict(enum mismatch_class class)
{
    return (struct trial){ TRIAL_GUILTY, class };
}

bool log_trial_has_root(const struct merkle_frontier *frontier, const struct merkle_hash *root,
                        struct digest *sha256)
{
    struct merkle_hash own;
    merkle_frontier_root(sha256, frontier, &own);
    return memcmp(&own, root, sizeof own) == 0;
}

struct trial log_trial_of_head(const struct log_position *released, const struct signed_head *head,
                               const struct signed_head *other, struct digest *sha256)
{
    if (!released->has_frontier)
        return acquit(TRIAL_IN_ORDER);
    bool is_at_end = head->size == released->next;
    bool is_right = is_at_end && log_trial_has_root(&released->frontier, &head->root, sha256);
    if (other)
        return convict(MISMATCH_EQUIVOCATION);
    if (!is_at_end)
        return acquit(TRIAL_IN_ORDER);
    if (is_right)
        return acquit(TRIAL_RIGHT);
    /* Both were signed if the released one was, and not only proven to be part of a larger tree. */
    return convict(released->head.size == head->size ? MISMATCH_EQUIVOCATION : MISMATCH_FORK);
}

struct trial log_trial_of_window(unsigned mismatches, const struct log_position *released,
                                 const struct signed_head *head, enum log_proof_state proof)
{
    if (mismatches < LOG_TRIAL_WINDOWS)
        return acquit(TRIAL_TRANSIENT);
    /* Any tree extends the empty one; then it is the entries that are wrong. */
    bool extends = released->next == 0 || released->next >= head->size || proof == LOG_PROOF_SHOWN;
    if (extends)
        return convict(MISMATCH_ENTRIES);
    return proof == LOG_PROOF_ASKS ? acquit(TRIAL_UNDECIDED) : convict(MISMATCH_FORK);
}

struct trial log_trial_of_end(const struct log_position *released, const struct ct_log *ct_log,
                              struct digest *sha256)
{
    bool can_tell =
        ct_log->has_final_root && released->has_frontier && released->next == ct_log->final_size;
    if (!can_tell)
        return acquit(TRIAL_IN_ORDER);
    return log_trial_has_root(&released->frontier, &ct_log->final_root, sha256)
               ? acquit(TRIAL_RIGHT)
               : convict(MISMATCH_FINAL_HEAD);
}
