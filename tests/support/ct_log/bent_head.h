/* The tree head that a log hands out, as faults bend it. */
#ifndef CT_LOG_BENT_HEAD_H
#define CT_LOG_BENT_HEAD_H

#include "tests/support/ct_log/tree_head.h"

struct ct_log;
struct distortion;

struct tree_head bent_head_of(struct ct_log *log, const struct distortion *distortion,
                              uint64_t now_ms);

#endif
