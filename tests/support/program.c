#include "tests/support/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "tests/support/harness.h"

enum {
    ARGUMENTS_MAX = 64,
    /* A first line is an address; redis-server's first lines are not waited for. */
    READY_SIZE = 256,
    /* On a machine where others want every processor a start can take half a minute. */
    READY_MS = 120000,
    /* What is asked of daemons; others, such as a Redis that writes its file, take the time they
     * need. */
    STOP_MS = 10000,
    END_MS = 60000,
    ERRORS_MS = 60000,
    /* More than any test makes a daemon say, less than what would hide a flood. */
    OUTPUT_MAX = 16 << 20,
    TAIL_SIZE = 2000,
    EXIT_NOT_STARTED = 127,
    /* Between the name and the processor times of /proc/<pid>/stat. */
    PROC_WORDS = 11,
};

struct program {
    struct program *next;
    char *name;
    char *arguments[ARGUMENTS_MAX + 1];
    char *environment[ARGUMENTS_MAX + 1];
    char *ready;
    bool is_daemon;
    pid_t pid; /* 0: not running */
    int exit_code;
    off_t output_start; /* where the latest start's output begins */
    char output_path[HARNESS_PATH_SIZE];
    char error_path[HARNESS_PATH_SIZE];
    char ready_text[READY_SIZE];
};

static size_t copy_strings(char **to, size_t count, const char *const *from)
{
    for (; *from; from++) {
        if (count == ARGUMENTS_MAX)
            fail_msg("more than %d arguments", ARGUMENTS_MAX);
        to[count++] = memory_copy_string(*from);
    }
    return count;
}

/* The wrapper's words are separated by blanks; it has no quoting. */
static size_t copy_wrapper(char **to)
{
    const char *text = getenv("CERTSTREAM_WRAPPER");
    size_t count = 0;
    while (text && *text && count < ARGUMENTS_MAX) {
        size_t size = strcspn(text, " ");
        if (size)
            to[count++] = memory_copy_text(text, size);
        text += size + strspn(text + size, " ");
    }
    return count;
}

static struct program *create(struct harness *harness, const struct program_options *options)
{
    struct program *program = memory_allocate_zeroed(1, sizeof *program);
    program->name = memory_copy_string(options->name);
    program->ready = options->ready ? memory_copy_string(options->ready) : NULL;
    program->is_daemon = options->is_daemon;
    size_t count = options->is_daemon ? copy_wrapper(program->arguments) : 0;
    (void)copy_strings(program->arguments, count, options->arguments);
    if (options->environment)
        (void)copy_strings(program->environment, 0, options->environment);
    char file[HARNESS_PATH_SIZE];
    (void)snprintf(file, sizeof file, "%s.out", options->name);
    harness_path(harness, program->output_path, file);
    (void)snprintf(file, sizeof file, "%s.err", options->name);
    harness_path(harness, program->error_path, file);
    program->next = harness->programs;
    harness->programs = program;
    return program;
}

static char *read_file(const char *path, off_t from)
{
    struct buffer text;
    buffer_init(&text, OUTPUT_MAX);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0;
    while (file >= 0 && OUTPUT_MAX - 1 > text.size) {
        uint8_t *room = buffer_reserve(&text, 4096);
        if (!room || (size = pread(file, room, 4096, from + (off_t)text.size)) <= 0)
            break;
        text.size += (size_t)size;
    }
    if (file >= 0)
        (void)close(file);
    char *copy = memory_copy_text(text.size ? (const char *)text.data : "", text.size);
    buffer_free(&text);
    return copy;
}

static const char *tail(const char *text)
{
    size_t size = strlen(text);
    return size > TAIL_SIZE ? text + size - TAIL_SIZE : text;
}

static void redirect(const char *path, int descriptor)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || dup2(file, descriptor) < 0)
        _exit(EXIT_NOT_STARTED);
}

static void run(struct program *program, pid_t parent)
{
    redirect("/dev/null", STDIN_FILENO);
    redirect(program->output_path, STDOUT_FILENO);
    redirect(program->error_path, STDERR_FILENO);
    /* A group of its own, which a Ctrl-C for the test does not reach. */
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_NOT_STARTED);
    for (char **variable = program->environment; *variable; variable++)
        (void)putenv(*variable);
    (void)execvp(program->arguments[0], program->arguments);
    (void)fprintf(stderr, "cannot start %s: %s\n", program->arguments[0], strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

static void fork_program(struct program *program)
{
    int file = open(program->output_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(file >= 0);
    program->output_start = lseek(file, 0, SEEK_END);
    (void)close(file);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        fail_msg("cannot fork: %s", strerror(errno));
    if (pid == 0)
        run(program, parent);
    program->pid = pid;
}

/* True when the first line is there and begins as it should. */
static bool read_ready_text(struct program *program)
{
    char *text = read_file(program->output_path, program->output_start);
    char *end = strchr(text, '\n');
    bool is_ready = false;
    if (end && strncmp(text, program->ready, strlen(program->ready)) == 0) {
        *end = '\0';
        (void)snprintf(program->ready_text, sizeof program->ready_text, "%s",
                       text + strlen(program->ready));
        is_ready = true;
    }
    free(text);
    return is_ready;
}

static void wait_until_ready(struct program *program)
{
    struct deadline deadline = deadline_after(READY_MS, program->name);
    while (!read_ready_text(program)) {
        if (program_is_running(program) && !deadline_has_passed(&deadline)) {
            deadline_wait(&deadline);
            continue;
        }
        if (read_ready_text(program))
            return;
        char *errors = program_errors(program);
        print_error("%s\n", tail(errors));
        free(errors);
        fail_msg("%s %s before it said \"%s\"", program->name,
                 program->pid ? "took too long" : "ended", program->ready);
    }
}

struct program *program_start(struct harness *harness, const struct program_options *options)
{
    struct program *program = create(harness, options);
    program_restart(program);
    return program;
}

void program_restart(struct program *program)
{
    assert_int_equal(program->pid, 0);
    fork_program(program);
    if (program->ready)
        wait_until_ready(program);
}

double program_cpu_seconds(const struct program *program)
{
    clockid_t clock;
    struct timespec time;
    int error = clock_getcpuclockid(program->pid, &clock);
    if (error != 0 || clock_gettime(clock, &time) != 0)
        fail_msg("%s has no processor time: %s", program->name, strerror(error ? error : errno));
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Behind the name, which ends with the last bracket, the 12th and the 13th (proc(5)). */
/* Behind so many words. */
static const char *skip_words(const char *text, unsigned count)
{
    while (count--) {
        text += strspn(text, " ");
        text += strcspn(text, " ");
    }
    return text;
}

static void read_ticks(const struct program *program, double *own, double *system)
{
    char path[64], line[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)program->pid);
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, sizeof line, file);
    if (file)
        (void)fclose(file);
    const char *at = is_read ? strrchr(line, ')') : NULL;
    if (!at)
        fail_msg("%s has no processor time", program->name);
    /* Fields 14 and 15 of proc(5), counted from the one before its state, which ends in the
     * parenthesis. */
    const char *own_text = skip_words(at + 1, PROC_WORDS);
    char *end;
    *own = (double)strtoull(own_text, &end, 10);
    *system = (double)strtoull(end, NULL, 10);
}

struct program_cpu program_cpu(const struct program *program)
{
    double own, system;
    double all_s = program_cpu_seconds(program);
    read_ticks(program, &own, &system);
    double share = own + system > 0 ? own / (own + system) : 1;
    return (struct program_cpu){ .own_s = all_s * share, .system_s = all_s * (1 - share) };
}

const char *program_name(const struct program *program)
{
    return program->name;
}

bool program_is_daemon(const struct program *program)
{
    return program->is_daemon;
}

/* Reaps it if it has ended. */
bool program_is_running(struct program *program)
{
    if (!program->pid)
        return false;
    int status = 0;
    pid_t pid = waitpid(program->pid, &status, WNOHANG);
    if (pid == 0)
        return true;
    program->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    program->pid = 0;
    return false;
}

void program_signal(struct program *program, int signal)
{
    if (!program_is_running(program))
        fail_msg("%s has ended by itself (exit code %d)", program->name, program->exit_code);
    assert_int_equal(kill(program->pid, signal), 0);
}

void program_kill(struct program *program)
{
    program_signal(program, SIGKILL);
    (void)program_wait(program, END_MS);
}

int program_wait(struct program *program, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, program->name);
    while (program_is_running(program))
        deadline_wait(&deadline);
    return program->exit_code;
}

int program_stop(struct program *program)
{
    program_signal(program, SIGTERM);
    return program_wait(program, program->is_daemon ? STOP_MS : END_MS);
}

pid_t program_pid(const struct program *program)
{
    return program->pid;
}

const char *program_ready_text(const struct program *program)
{
    return program->ready_text;
}

int program_port(const struct program *program)
{
    const char *colon = strrchr(program->ready_text, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (port <= 0 || port > UINT16_MAX)
        fail_msg("%s names no port: %s", program->name, program->ready_text);
    return (int)port;
}

char *program_output(const struct program *program)
{
    return read_file(program->output_path, 0);
}

char *program_errors(const struct program *program)
{
    return read_file(program->error_path, 0);
}

void program_wait_for_errors(const struct program *program, const char *text)
{
    struct deadline deadline = deadline_after(ERRORS_MS, text);
    for (;;) {
        char *errors = program_errors(program);
        bool is_there = strstr(errors, text) != NULL;
        free(errors);
        if (is_there)
            return;
        deadline_wait(&deadline);
    }
}

struct program *program_next(const struct program *program)
{
    return program->next;
}

/* Not by deadline_wait: a teardown goes on with the next program whatever this one does. */
static bool end_process(struct program *program)
{
    int patience_ms = program->is_daemon ? STOP_MS : END_MS;
    struct deadline deadline = deadline_after((uint64_t)patience_ms, program->name);
    /* The order matters: LeakSanitizer stops the ending process with SIGSTOP, which a late SIGCONT
     * would swallow. */
    (void)kill(program->pid, SIGCONT);
    (void)kill(program->pid, SIGTERM);
    while (program_is_running(program) && !deadline_has_passed(&deadline))
        harness_pause(5);
    if (!program->pid)
        return true;
    (void)kill(program->pid, SIGKILL);
    (void)waitpid(program->pid, NULL, 0);
    program->pid = 0;
    print_error("%s did not end within %d s of SIGTERM\n", program->name, patience_ms / 1000);
    return false;
}

static bool has_sanitizer_report(const struct program *program)
{
    static const char *const signs[] = { "ERROR: AddressSanitizer",
                                         "runtime error:", "LeakSanitizer",
                                         "ERROR: UndefinedBehaviorSanitizer" };
    char *errors = program_errors(program);
    const char *report = NULL;
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !report; i++)
        report = strstr(errors, signs[i]);
    if (report)
        print_error("%s: %.*s\n", program->name, TAIL_SIZE, report);
    free(errors);
    return report != NULL;
}

static void destroy(struct program *program)
{
    for (char **argument = program->arguments; *argument; argument++)
        free(*argument);
    for (char **variable = program->environment; *variable; variable++)
        free(*variable);
    free(program->ready);
    free(program->name);
    free(program);
}

bool program_end(struct program *program)
{
    bool is_well = true;
    if (program_is_running(program)) {
        is_well = end_process(program);
        if (is_well && program->is_daemon && program->exit_code != 0) {
            print_error("%s ended with exit code %d\n", program->name, program->exit_code);
            is_well = false;
        }
    }
    is_well = !has_sanitizer_report(program) && is_well;
    destroy(program);
    return is_well;
}
