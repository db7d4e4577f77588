/* What a log shows of its entries, as faults bend it. */
#ifndef CT_LOG_BENT_ENTRY_H
#define CT_LOG_BENT_ENTRY_H

#include "tests/support/ct_log/entries.h"

struct ct_log;
struct distortion;

/* How many entries the front end that answers knows of. */
uint64_t bent_size(const struct ct_log *log, const struct distortion *distortion);

/* Entry `index` as it is served; `first` is the one that a fault bends if it names none. */
struct entry_position bent_entry_at(const struct ct_log *log, const struct distortion *distortion,
                                    uint64_t index, uint64_t first);

#endif
