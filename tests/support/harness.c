#include "tests/support/harness.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/support/program.h"
#include "tests/support/rest.h"

enum {
    /* Short against what is waited for, long against the work of looking. */
    PAUSE_MS = 5,
    WRAPPER_SLOWDOWN = 10,
    LEFTOVER_MS = 5000,
};

static void make_folder(struct harness *harness)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(harness->folder, sizeof harness->folder, "%s/certstream-XXXXXX",
                          parent ? parent : "/tmp");
    if (length < 0 || (size_t)length >= sizeof harness->folder)
        fail_msg("TMPDIR is too long for Unix sockets below it: %s", parent);
    if (!mkdtemp(harness->folder))
        fail_msg("cannot make %s: %s", harness->folder, strerror(errno));
}

struct harness *harness_create(void)
{
    struct harness *harness = memory_allocate_zeroed(1, sizeof *harness);
    /* What a program leaves running becomes a child of this process, where harness_destroy finds
     * it. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    make_folder(harness);
    harness->random = seeded_random_of_run();
    print_message("folder %s\n", harness->folder);
    return harness;
}

static int remove_path(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void harness_remove_folder(const char *folder)
{
    if (nftw(folder, remove_path, 16, FTW_DEPTH | FTW_PHYS) != 0)
        print_error("cannot remove %s: %s\n", folder, strerror(errno));
}

static void kill_children(void)
{
    char line[4096] = "";
    FILE *list = fopen("/proc/thread-self/children", "re");
    if (!list || !fgets(line, sizeof line, list))
        line[0] = '\0';
    if (list)
        (void)fclose(list);
    char *next = line;
    for (long pid; (pid = strtol(next, &next, 10)) > 0;)
        (void)kill((pid_t)pid, SIGKILL);
}

/* True when nothing is left that a program had started; what ends with its parent is given a
 * moment. */
static bool end_children(void)
{
    struct deadline deadline = deadline_after(LEFTOVER_MS, "the programs' children");
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && !deadline_has_passed(&deadline))
        if (pid == 0)
            harness_pause(PAUSE_MS);
    if (pid < 0)
        return true;
    print_error("processes were left running\n");
    for (; waitpid(-1, NULL, WNOHANG) >= 0; harness_pause(PAUSE_MS))
        kill_children();
    return false;
}

void harness_expect_work(struct harness *harness, const char *reason)
{
    print_message("not held to rest at its end: %s\n", reason);
    harness->busy = reason;
}

int harness_destroy(struct harness *harness)
{
    if (!harness)
        return 0;
    bool is_well = harness->busy || rest_is_reached(harness->programs);
    while (harness->programs) {
        struct program *program = harness->programs;
        harness->programs = program_next(program);
        is_well = program_end(program) && is_well;
    }
    is_well = end_children() && is_well;
    if (!is_well || getenv("CERTSTREAM_KEEP"))
        print_message("kept %s\n", harness->folder);
    else
        harness_remove_folder(harness->folder);
    free(harness);
    return is_well ? 0 : -1;
}

static void join_path(char *path, const char *folder, const char *name)
{
    int length = snprintf(path, HARNESS_PATH_SIZE, "%s/%s", folder, name);
    if (length < 0 || length >= HARNESS_PATH_SIZE)
        fail_msg("path too long: %s/%s", folder, name);
}

void harness_path(const struct harness *harness, char *path, const char *name)
{
    join_path(path, harness->folder, name);
}

void harness_corpus_path(char *path, const char *name)
{
    const char *folder = getenv("CERTSTREAM_CORPUS");
    join_path(path, folder ? folder : CERTSTREAM_CORPUS_DEFAULT, name);
    if (access(path, R_OK) == 0)
        return;
    print_message("skipped: the corpus is not here (%s); CERTSTREAM_CORPUS names its folder\n",
                  path);
    skip();
}

uint64_t harness_random(struct harness *harness, uint64_t below)
{
    return seeded_random_below(&harness->random, below);
}

uint64_t harness_setting(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    if (!text)
        return otherwise;
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end)
        fail_msg("%s=%s is not a number", variable, text);
    return value;
}

void harness_skip_without(const char *what)
{
    print_message("SKIPPED: there is no %s here\n", what);
    skip();
    abort(); /* skip() does not say that it does not return */
}

void harness_skip_unless(const char *command, const char *what)
{
    char quiet[512];
    int length = snprintf(quiet, sizeof quiet, "{ %s; } >/dev/null 2>&1", command);
    if (length < 0 || (size_t)length >= sizeof quiet)
        abort();
    if (system(quiet) != 0) // NOLINT(cert-env33-c): a constant of the test
        harness_skip_without(what);
}

uint64_t harness_number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at) {
        fail_msg("no %s in %.300s", name, text);
        return 0;
    }
    return strtoull(at + strlen(name), NULL, 10);
}

void harness_pause(uint64_t milliseconds)
{
    struct timespec time = { .tv_sec = (time_t)(milliseconds / 1000),
                             .tv_nsec = (long)(milliseconds % 1000) * 1000000 };
    (void)nanosleep(&time, NULL);
}

bool harness_figures_are_the_daemons(void)
{
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    return !getenv("CERTSTREAM_WRAPPER");
#endif
}

unsigned harness_slowdown(void)
{
    return getenv("CERTSTREAM_WRAPPER") ? WRAPPER_SLOWDOWN : 1;
}

struct deadline deadline_after(uint64_t milliseconds, const char *what)
{
    return (struct deadline){ clock_monotonic_ms() + milliseconds * harness_slowdown(), what };
}

bool deadline_has_passed(const struct deadline *deadline)
{
    return clock_monotonic_ms() >= deadline->end_ms;
}

int deadline_remaining_ms(const struct deadline *deadline)
{
    uint64_t now_ms = clock_monotonic_ms();
    return now_ms < deadline->end_ms ? (int)(deadline->end_ms - now_ms) : 0;
}

void deadline_wait(const struct deadline *deadline)
{
    if (deadline_has_passed(deadline))
        fail_msg("waited in vain for %s", deadline->what);
    harness_pause(PAUSE_MS);
}
