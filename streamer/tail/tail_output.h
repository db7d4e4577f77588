/*
 * Where rows go: line by line to a terminal, in blocks to a pipe, but never kept back for long.
 * Who reads it may leave at any time, which ends the program and is no failure.
 */
#ifndef STREAMER_TAIL_TAIL_OUTPUT_H
#define STREAMER_TAIL_TAIL_OUTPUT_H

#include "shared/base/buffer.h"

enum tail_output_result {
    TAIL_OUTPUT_GOOD,
    TAIL_OUTPUT_LEFT,   /* nobody reads any more */
    TAIL_OUTPUT_FAILED, /* errno says why: a full disk */
};

struct tail_output {
    struct buffer rows; /* rows are appended here, then comes tail_output_add */
    int descriptor;     /* borrowed */
    bool is_terminal;
};

void tail_output_init(struct tail_output *output, int descriptor);
void tail_output_clear(struct tail_output *output);

/* Rows were appended: writes them if it is time. */
enum tail_output_result tail_output_add(struct tail_output *output);
/* Writes what there is. Waits as long as the reader takes. */
enum tail_output_result tail_output_flush(struct tail_output *output);
/* Whether somebody still reads, without writing. */
enum tail_output_result tail_output_look(const struct tail_output *output);

#endif
