/*
 * The collected certificates, entries and expectations that tests compare with where they are at
 * hand: the folder that the variable CERTSTREAM_CORPUS names, else the one beside the checkout.
 * They are no part of the project.
 */
#ifndef TESTS_UNIT_CORPUS_H
#define TESTS_UNIT_CORPUS_H

#include "shared/base/buffer.h"

typedef void (*corpus_visit)(const char *name, struct bytes content, void *context);

/* The folder, or NULL, said once on standard error. Then a test calls skip(). */
const char *corpus_folder(void);

/* Visits each file of `subfolder` whose name ends in `suffix`; returns how many. */
size_t corpus_visit_files(const char *subfolder, const char *suffix, corpus_visit visit,
                          void *context);

/* The content of one file, as a buffer that the caller frees; fails the test if it cannot be
 * read. */
struct buffer corpus_read(const char *name);

/* Visits each line, without its newline. */
void corpus_visit_lines(struct bytes text, corpus_visit visit, void *context);

#endif
