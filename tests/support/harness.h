/*
 * What every end-to-end test stands on: a folder of its own, random numbers from a printed seed,
 * waiting with a deadline, and an end that leaves nothing running. Whatever goes wrong in here
 * fails the running cmocka test.
 *
 *     static int setup(void **state)      { *state = harness_create(); return 0; }
 *     static int teardown(void **state)   { return harness_destroy(*state); }
 *
 * Variables: CERTSTREAM_SEED repeats a run; CERTSTREAM_KEEP keeps the folder; CERTSTREAM_WRAPPER is
 * put in front of every daemon ("valgrind -q --error-exitcode=99 --leak-check=full") and makes
 * deadlines ten times as long.
 */
#ifndef TESTS_SUPPORT_HARNESS_H
#define TESTS_SUPPORT_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/seeded_random.h"

struct program;

enum {
    /* A Unix socket's path has 107 characters; TMPDIR is refused if it does not leave room. */
    HARNESS_FOLDER_SIZE = 72,
    HARNESS_PATH_SIZE = 256,
};

struct harness {
    char folder[HARNESS_FOLDER_SIZE];
    struct program *programs; /* newest first */
    struct seeded_random random;
    const char *busy; /* why daemons may still work at the end; NULL: they may not */
};

/* Makes the folder and prints the seed. */
struct harness *harness_create(void);

/* One at a time. Checks that the daemons that still run have come to rest (rest.h), ends all
 * programs, newest first, checks what they left (program_end; processes), removes the folder if all
 * was well and frees the harness. For a teardown: 0, or -1 after saying what was wrong. NULL is
 * fine. */
int harness_destroy(struct harness *harness) __attribute__((warn_unused_result));

/* For a test at whose end daemons have something to do, or cannot rest yet; `reason` is a literal,
 * and is printed. */
void harness_expect_work(struct harness *harness, const char *reason);

/* How many times longer everything may take and cost under CERTSTREAM_WRAPPER; 1 without. */
unsigned harness_slowdown(void);
/* False if the daemons run under a sanitizer or valgrind, which keeps what is freed and works for
 * itself: their memory and CPU time then say nothing of them. */
bool harness_figures_are_the_daemons(void);

/* Removes a folder and all in it. */
void harness_remove_folder(const char *folder);

/* Writes folder/name to `path`, of HARNESS_PATH_SIZE bytes. */
void harness_path(const struct harness *harness, char *path, const char *name);

/* Writes the path of a file or folder of the shared corpus to `path`, of HARNESS_PATH_SIZE bytes.
 * Skips the test, with a message, where the corpus is not there. */
void harness_corpus_path(char *path, const char *name);

/* Evenly 0 … below - 1. */
uint64_t harness_random(struct harness *harness, uint64_t below);

/* A number from the environment, for the size of a run. */
uint64_t harness_setting(const char *variable, uint64_t otherwise);

/* Skips the running test, loudly, unless this shell command succeeds: `what` is not on the machine.
 * The command is a constant of the test. */
void harness_skip_unless(const char *command, const char *what);
/* Skips it for want of `what`. */
_Noreturn void harness_skip_without(const char *what);

/* The number that follows `name` in the text; fails the test if it is not there. */
uint64_t harness_number_after(const char *text, const char *name);

/* Chooses the moment of a fault; never waits for something. */
void harness_pause(uint64_t milliseconds);

/*
 * Waiting:
 *     struct deadline deadline = deadline_after(5000, "1,000 entries in the stream");
 *     while (stream_length(redis) < 1000)
 *         deadline_wait(&deadline);
 */
struct deadline {
    uint64_t end_ms;
    const char *what;
};

struct deadline deadline_after(uint64_t milliseconds, const char *what);
bool deadline_has_passed(const struct deadline *deadline);
/* Milliseconds left, for poll(2). */
int deadline_remaining_ms(const struct deadline *deadline);
/* A few milliseconds' pause; fails the test, naming what did not come, once the deadline has
 * passed. */
void deadline_wait(const struct deadline *deadline);

#endif
