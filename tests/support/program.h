/*
 * A program under test, or one that a test needs: started with its output in files of the harness's
 * folder, waited for until it says that it is ready, killed and started again as often as a test
 * likes. It dies with the test.
 */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct harness;
struct program;

struct program_options {
    /* Names its output: <name>.out and <name>.err in the harness's folder. A restart appends.
     * Copied, as are the rest. */
    const char *name;
    const char *const *arguments; /* its path (or a name in PATH) first, NULL last */
    /* How its first line on standard output begins when it is ready; NULL: not waited for. */
    const char *ready;
    /* "NAME=value" to add to its environment, NULL last; or NULL. */
    const char *const *environment;
    /* It runs under CERTSTREAM_WRAPPER, and is held to exit with 0 within 10 s of a SIGTERM. */
    bool is_daemon;
};

/* Starts it and waits until it is ready, else fails the test with what it said. Owned by the
 * harness. */
struct program *program_start(struct harness *harness, const struct program_options *options);
/* Starts it again, after program_kill or program_wait. */
void program_restart(struct program *program);

/* Fails the test unless it runs. */
void program_signal(struct program *program, int signal);
/* SIGKILL, and reaps it. */
void program_kill(struct program *program);
/* Waits for its end: its exit code, or 128 + signal as a shell has it. Fails the test when the time
 * has passed. */
int program_wait(struct program *program, int timeout_ms);
/* SIGTERM, then program_wait. */
int program_stop(struct program *program);

/* Processor time of its latest start so far, all of it. Fails the test unless it runs. */
double program_cpu_seconds(const struct program *program);

struct program_cpu {
    double own_s;    /* in its own code and its libraries' */
    double system_s; /* in the kernel, on its behalf */
};

/* The same, parted as the kernel's clock ticks found it: of less than a second roughly. */
struct program_cpu program_cpu(const struct program *program);
const char *program_name(const struct program *program);
bool program_is_daemon(const struct program *program);
bool program_is_running(struct program *program);
pid_t program_pid(const struct program *program);
/* The rest of the first line after `ready`, without its newline; of the latest start. */
const char *program_ready_text(const struct program *program);
/* The number after the last colon of that: the port of "listening on http://127.0.0.1:4000". */
int program_port(const struct program *program);

/* All it has written so far, with a NUL at the end, over all starts; free() it. Cut at 16 MiB. */
char *program_output(const struct program *program);
char *program_errors(const struct program *program);
/* Waits until that stands in what it has written to standard error. */
void program_wait_for_errors(const struct program *program, const char *text);

/* The harness's side. */
struct program *program_next(const struct program *program);
/* Ends it if it still runs, and frees it. False, after saying why, if a daemon did not end well or
 * a sanitizer spoke. */
bool program_end(struct program *program);

#endif
