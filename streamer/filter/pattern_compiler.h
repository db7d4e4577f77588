/*
 * Compiles pattern sets aside, in a thread that does nothing else: it is given a job and gives it
 * back, and shares no other state with anybody. Of strangers' patterns some take Vectorscan long to
 * compile, much memory, or long to search for; so those of each filter are first tried alone, and
 * only those that are good go into the common set.
 */
#ifndef STREAMER_FILTER_PATTERN_COMPILER_H
#define STREAMER_FILTER_PATTERN_COMPILER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern_compiler;
struct pattern_set;

/* The patterns of one filter: all of them go into the set, or none. */
struct pattern_group {
    size_t first, count;     /* of the job's expressions */
    bool is_simple;          /* texts without operators: good, whatever they are */
    bool is_tried;           /* an earlier job has found them good */
    bool is_good;            /* the answer; of those tried before it stays true */
    atomic_bool is_unwanted; /* pattern_compiler_give_up; then it is in no set */
    uint64_t tried_us;       /* the answer: what compiling them alone took */
};

struct pattern_job {
    char **expressions;
    size_t *same;   /* of each expression the number of the first that is the same text */
    size_t *in_set; /* the answer, of those of good groups: the number of the pattern in the set */
    size_t count;
    size_t set_count; /* the answer: how many patterns are in the set */
    struct pattern_group *groups;
    size_t group_count;
    struct pattern_set *set; /* the answer; NULL if no group is good */
    uint64_t took_ms;        /* the answer: of the thread's own time */
};

/* With memory of the given number of expressions and groups, to be filled in. Each expression is
 * taken for another one until `same` says otherwise. */
struct pattern_job *pattern_job_create(size_t count, size_t group_count);
/* Frees the expressions, too, and the set if it is still there. NULL is fine. */
void pattern_job_destroy(struct pattern_job *job);

/* The thread begins with the first job. Aborts if there is no descriptor for it. */
struct pattern_compiler *pattern_compiler_create(void);
/* Waits for the thread to end what it compiles just now. NULL is fine. */
void pattern_compiler_destroy(struct pattern_compiler *compiler);

/* Readable when a job is done; stays the compiler's. */
int pattern_compiler_descriptor(const struct pattern_compiler *compiler);

/* From the start of a job until it is taken. */
bool pattern_compiler_is_busy(const struct pattern_compiler *compiler);
/* Hands over the job; it must not be busy. False, and the job stays the caller's, if there is no
 * thread to be had. */
bool pattern_compiler_start(struct pattern_compiler *compiler, struct pattern_job *job);
/* Nobody waits for this group of the job under way any more; what is not done for it yet will not
 * be. */
void pattern_compiler_give_up(struct pattern_compiler *compiler, size_t group);
/* The job that is done, to be destroyed; NULL if there is none (yet). */
struct pattern_job *pattern_compiler_take(struct pattern_compiler *compiler);

#endif
