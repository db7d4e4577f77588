/* The inputs of the corpus's expectations: inputs_*.txt, one entry of a log or one certificate per
 * line. */
#ifndef TESTS_UNIT_GOLDEN_INPUT_H
#define TESTS_UNIT_GOLDEN_INPUT_H

#include "shared/base/buffer.h"

enum {
    GOLDEN_CHAIN_MAX = 8
};

struct golden_input {
    struct buffer decoded[2];
    struct bytes der; /* certificate or precertificate; views into `decoded`, as the chain */
    struct bytes chain[GOLDEN_CHAIN_MAX];
    size_t chain_count;
};

/* Reads the next line off `lines`; fails the test if there is none. Freed with
 * golden_input_free. */
void golden_input_read_next(struct golden_input *input, struct bytes *lines);
void golden_input_free(struct golden_input *input);

#endif
