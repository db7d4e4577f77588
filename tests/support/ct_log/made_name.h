/*
 * Made-up DNS names of one certificate, as people register and use them: an apex and its www,
 * hosts, wildcards, A-labels, long machine-made names, and now and then many domains at once. Each
 * carries MADE_NAME_MARK in one label.
 */
#ifndef CT_LOG_MADE_NAME_H
#define CT_LOG_MADE_NAME_H

#include <stddef.h>

#include "tests/support/ct_log/made_certificate.h"

struct seeded_random;

/* Writes 1 to MADE_NAMES_MAX different names of up to MADE_NAME_SIZE bytes, NUL included; returns
 * how many. */
size_t made_name_write_all(char (*names)[MADE_NAME_SIZE], struct seeded_random *random);

#endif
