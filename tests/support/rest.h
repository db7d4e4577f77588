/*
 * Whether daemons cost nothing when nobody wants anything of them: a loop that spins looks well
 * from outside, while it takes a core.
 */
#ifndef TESTS_SUPPORT_REST_H
#define TESTS_SUPPORT_REST_H

#include <stdbool.h>

struct program;

/* Waits until the daemons among `programs`, and all behind it, use no processor time to speak of.
 * False, after saying which one, if they do not within ten seconds. Processor time, not wall time:
 * what else the machine does makes no daemon use more. */
bool rest_is_reached(struct program *programs);

#endif
