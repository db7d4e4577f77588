#include "tests/support/rest.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/support/harness.h"
#include "tests/support/program.h"

enum {
    DAEMONS_MAX = 32,
    /* Long against a turn of a loop, short against the tests. */
    LOOK_MS = 200,
    /* A twentieth: ten times what a daemon at rest was seen to use, and less than what is left to
     * one that spins where ten others want each processor. */
    BUSY_US = LOOK_MS * 1000 / 20,
    /* What a test began may have to be ended first: thousands of connections, the rest of a page.
     */
    PATIENCE_MS = 10000,
};

struct look {
    struct program *daemons[DAEMONS_MAX];
    struct pollfd ends[DAEMONS_MAX];
    double seconds[DAEMONS_MAX]; /* of processor time, when the look began */
    nfds_t count;
};

static void begin(struct look *look, struct program *programs)
{
    look->count = 0;
    look->count = 0;
    for (struct program *program = programs; program; program = program_next(program)) {
        if (!program_is_daemon(program) || !program_is_running(program))
            continue;
        int end = pidfd_open(program_pid(program), 0);
        if (end < 0 || look->count == DAEMONS_MAX)
            fail_msg("cannot watch %d daemons: %s", (int)look->count + 1, strerror(errno));
        look->daemons[look->count] = program;
        look->ends[look->count] = (struct pollfd){ .fd = end, .events = POLLIN };
        look->seconds[look->count++] = program_cpu_seconds(program);
    }
}

/* Leaves the daemons alone for the time of a look; less only if one ends. */
static void watch(struct look *look)
{
    uint64_t end_ms = clock_monotonic_ms() + LOOK_MS;
    uint64_t now_ms;
    while ((now_ms = clock_monotonic_ms()) < end_ms)
        if (poll(look->ends, look->count, (int)(end_ms - now_ms)) > 0)
            break;
}

/* The busiest daemon that used too much; NULL: none did. */
static const struct program *end(struct look *look, double *seconds)
{
    const struct program *busiest = NULL;
    double most = BUSY_US / 1e6 * harness_slowdown();
    for (nfds_t i = 0; i < look->count; i++) {
        (void)close(look->ends[i].fd);
        if (!program_is_running(look->daemons[i]))
            continue;
        double used = program_cpu_seconds(look->daemons[i]) - look->seconds[i];
        if (used <= most)
            continue;
        busiest = look->daemons[i];
        most = *seconds = used;
    }
    return busiest;
}

bool rest_is_reached(struct program *programs)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, "rest");
    for (;;) {
        struct look look;
        double seconds = 0;
        begin(&look, programs);
        if (look.count == 0)
            return true;
        watch(&look);
        const struct program *busiest = end(&look, &seconds);
        if (!busiest)
            return true;
        if (!deadline_has_passed(&deadline))
            continue;
        print_error("%s does not come to rest: %.0f ms of processor time in %d ms\n",
                    program_name(busiest), seconds * 1e3, LOOK_MS);
        return false;
    }
}
