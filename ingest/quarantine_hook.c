#include "ingest/quarantine_hook.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "shared/process/say.h"

enum {
    /* How soon the end of one is noticed. */
    LOOK_MS = 1000,
};

/* It reads nothing, and prints to where ingest does. */
static int spawn_detached(pid_t *process, char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int result = posix_spawn(process, arguments[0], &actions, &attributes, arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return result;
}

void quarantine_hook_start(struct quarantine_hook *hook, const char *log_id, const char *class,
                           const char *log_name, uint64_t now_ms)
{
    size_t place = 0;
    if (!*hook->program)
        return;
    while (place < QUARANTINE_HOOKS_MAX && hook->running[place])
        place++;
    if (place == QUARANTINE_HOOKS_MAX) {
        say_warning("the program for a quarantine is not started: too many are running", "log=%s",
                    log_id);
        return;
    }
    /* posix_spawn takes them as not const, and leaves them as they are. */
    const char *arguments[] = { hook->program, log_id, class, log_name, NULL };
    char *copies[sizeof arguments / sizeof *arguments];
    memcpy(copies, arguments, sizeof copies);
    int error = spawn_detached(&hook->running[place], copies);
    hook->started_at_ms[place] = now_ms;
    if (!error)
        return;
    hook->running[place] = 0;
    say_error("the program for a quarantine cannot be started", "program=%s error=%s",
              say_quoted(hook->program), strerror(error));
}

static void look_after(struct quarantine_hook *hook, size_t place, uint64_t now_ms)
{
    int status = 0;
    pid_t process = hook->running[place];
    if (waitpid(process, &status, WNOHANG) != 0) {
        hook->running[place] = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            say_warning("the program for a quarantine has failed", "status=%d", status);
    } else if (now_ms >= hook->started_at_ms[place] + QUARANTINE_HOOK_MS) {
        (void)kill(-process, SIGKILL);
    }
}

uint64_t quarantine_hook_work(struct quarantine_hook *hook, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    for (size_t place = 0; place < QUARANTINE_HOOKS_MAX; place++) {
        if (hook->running[place])
            look_after(hook, place, now_ms);
        if (hook->running[place])
            again_ms = now_ms + LOOK_MS;
    }
    return again_ms;
}
