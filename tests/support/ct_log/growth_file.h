/*
 * The state of a local CT log in a file: seed and growth. With it a log that is started again is
 * the same log.
 */
#ifndef CT_LOG_GROWTH_FILE_H
#define CT_LOG_GROWTH_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct growth;

enum growth_file_result {
    GROWTH_FILE_READ,
    GROWTH_FILE_ABSENT,
    GROWTH_FILE_WRONG, /* not such a file, or another seed's */
};

/* Replaces the start time and steps of an initialized growth by those in the file, and says which
 * size it had reached. */
enum growth_file_result growth_file_read(struct growth *growth, uint64_t *reached, const char *path,
                                         const char *seed);

/* Writes beside the file and renames, so that it is always whole. False if that failed. */
bool growth_file_write(const struct growth *growth, uint64_t reached, const char *path,
                       const char *seed);

#endif
