#include "streamer/filter/pattern_compiler.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "streamer/filter/pattern_set.h"

#define NOT_IN_SET SIZE_MAX

enum {
    /* What the patterns of one filter may take when they are compiled alone, and searched for in a
     * name of the sample on average. Ordinary ones take 0.3 to 5 ms, 1 to 10 KB and 0.02 to
     * 0.1 us. */
    GOOD_COMPILE_US = 20000,
    GOOD_BYTES = 64 * 1024,
    GOOD_SEARCH_NS = 400,
    SEARCH_ROUNDS = 8, /* the quickest counts: the others were disturbed */
    /* Of all groups in a set, so that a set is compiled within seconds. A thousand
     * ordinary regexes take three. */
    SET_COMPILE_US = 10000000,
    NICE = 10,
    NS_PER_US = 1000,
    US_PER_MS = 1000,
};

struct pattern_compiler {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    struct pattern_job *job; /* the mutex guards this one and what follows */
    bool is_done;
    atomic_bool is_stopping;
    int descriptor;
    bool has_thread; /* from here on the loop's own */
    bool is_busy;
};

struct pattern_job *pattern_job_create(size_t count, size_t group_count)
{
    struct pattern_job *job = memory_allocate_zeroed(1, sizeof *job);
    job->count = count;
    job->group_count = group_count;
    job->expressions = memory_allocate_zeroed(count + 1, sizeof *job->expressions);
    job->same = memory_allocate_zeroed(count + 1, sizeof *job->same);
    job->in_set = memory_allocate_zeroed(count + 1, sizeof *job->in_set);
    for (size_t i = 0; i < count; i++) {
        job->same[i] = i;
        job->in_set[i] = NOT_IN_SET;
    }
    job->groups = memory_allocate_zeroed(group_count + 1, sizeof *job->groups);
    return job;
}

void pattern_job_destroy(struct pattern_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->count; i++)
        free(job->expressions[i]);
    pattern_set_destroy(job->set);
    free(job->expressions);
    free(job->same);
    free(job->in_set);
    free(job->groups);
    free(job);
}

static uint64_t thread_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / NS_PER_US;
}

static uint64_t thread_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void ignore_match(size_t pattern, void *context)
{
    (void)pattern;
    (void)context;
}

/* Nanoseconds for a name: over some as certificates have them, and one as monotonous as may be. */
static uint64_t time_search(const struct pattern_set *set)
{
    static const char *const names[] = {
        "www.example.com",
        "mail.smaller-company.co.uk",
        "*.api-gateway.eu-west-1.cloud.example.net",
        "7f3a9c1e5b2d4680.device.iot.example.org",
        "login-secure-account-update-0123456789.customer-service.example.io",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaa",
    };
    enum {
        COUNT = sizeof names / sizeof *names
    };
    struct pattern_scratch *scratch = pattern_scratch_create();
    uint64_t best_ns = UINT64_MAX;
    pattern_scratch_fit(scratch, set);
    for (size_t round = 0; round < SEARCH_ROUNDS; round++) {
        uint64_t start_ns = thread_ns();
        for (size_t i = 0; i < COUNT; i++)
            pattern_set_search(set, scratch, bytes_of_string(names[i]), ignore_match, NULL);
        uint64_t taken_ns = (thread_ns() - start_ns) / COUNT;
        if (taken_ns < best_ns)
            best_ns = taken_ns;
    }
    pattern_scratch_destroy(scratch);
    return best_ns;
}

static const char *const *expressions_of(const struct pattern_job *job, size_t first)
{
    return (const char *const *)(job->expressions + first);
}

static void try_group(const struct pattern_job *job, struct pattern_group *group)
{
    uint64_t start_us = thread_us();
    struct pattern_set *set = pattern_set_compile(expressions_of(job, group->first), group->count);
    group->tried_us = thread_us() - start_us;
    group->is_good = set && group->tried_us <= GOOD_COMPILE_US &&
                     pattern_set_bytes(set) <= GOOD_BYTES && time_search(set) <= GOOD_SEARCH_NS;
    pattern_set_destroy(set);
}

static void try_groups(struct pattern_compiler *compiler, struct pattern_job *job)
{
    uint64_t total_us = 0;
    for (size_t i = 0; i < job->group_count && !compiler->is_stopping; i++) {
        struct pattern_group *group = &job->groups[i];
        if (group->is_unwanted)
            group->is_good = false;
        else if (group->is_simple || group->is_tried)
            group->is_good = true;
        else
            try_group(job, group);
        total_us += group->is_good ? group->tried_us : 0;
        if (total_us > SET_COMPILE_US)
            group->is_good = false;
    }
}

/* What several filters ask for is in the set once. */
static void choose(struct pattern_job *job, size_t number, const char **chosen)
{
    size_t *in_set = &job->in_set[job->same[number]];
    if (*in_set == NOT_IN_SET) {
        chosen[job->set_count] = job->expressions[number];
        *in_set = job->set_count++;
    }
    job->in_set[number] = *in_set;
}

/* Those of the good groups, in order. */
static void compile_set(struct pattern_job *job)
{
    const char **chosen = memory_allocate_zeroed(job->count + 1, sizeof *chosen);
    for (size_t i = 0; i < job->group_count; i++) {
        struct pattern_group *group = &job->groups[i];
        group->is_good = group->is_good && !group->is_unwanted;
        for (size_t j = 0; group->is_good && j < group->count; j++)
            choose(job, group->first + j, chosen);
    }
    job->set = job->set_count ? pattern_set_compile(chosen, job->set_count) : NULL;
    for (size_t i = 0; i < job->group_count && !job->set; i++)
        job->groups[i].is_good = false;
    free(chosen);
}

static void run_job(struct pattern_compiler *compiler, struct pattern_job *job)
{
    uint64_t start_us = thread_us();
    try_groups(compiler, job);
    if (!compiler->is_stopping)
        compile_set(job);
    job->took_ms = (thread_us() - start_us) / US_PER_MS;
}

static struct pattern_job *wait_for_job(struct pattern_compiler *compiler)
{
    (void)pthread_mutex_lock(&compiler->mutex);
    while (!compiler->is_stopping && (!compiler->job || compiler->is_done))
        (void)pthread_cond_wait(&compiler->changed, &compiler->mutex);
    struct pattern_job *job = compiler->is_stopping ? NULL : compiler->job;
    (void)pthread_mutex_unlock(&compiler->mutex);
    return job;
}

static void hand_back(struct pattern_compiler *compiler)
{
    (void)pthread_mutex_lock(&compiler->mutex);
    compiler->is_done = true;
    (void)pthread_mutex_unlock(&compiler->mutex);
    (void)eventfd_write(compiler->descriptor, 1);
}

static void *compile_jobs(void *context)
{
    struct pattern_compiler *compiler = context;
    struct pattern_job *job;
    /* Of this thread alone, as Linux has it: the loop comes first. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    while ((job = wait_for_job(compiler))) {
        run_job(compiler, job);
        hand_back(compiler);
    }
    return NULL;
}

struct pattern_compiler *pattern_compiler_create(void)
{
    struct pattern_compiler *compiler = memory_allocate_zeroed(1, sizeof *compiler);
    (void)pthread_mutex_init(&compiler->mutex, NULL);
    (void)pthread_cond_init(&compiler->changed, NULL);
    compiler->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (compiler->descriptor < 0) {
        perror("no descriptor for the compiler of patterns");
        abort();
    }
    return compiler;
}

void pattern_compiler_destroy(struct pattern_compiler *compiler)
{
    if (!compiler)
        return;
    (void)pthread_mutex_lock(&compiler->mutex);
    compiler->is_stopping = true;
    (void)pthread_cond_signal(&compiler->changed);
    (void)pthread_mutex_unlock(&compiler->mutex);
    if (compiler->has_thread)
        (void)pthread_join(compiler->thread, NULL);
    pattern_job_destroy(compiler->job);
    (void)pthread_cond_destroy(&compiler->changed);
    (void)pthread_mutex_destroy(&compiler->mutex);
    (void)close(compiler->descriptor);
    free(compiler);
}

int pattern_compiler_descriptor(const struct pattern_compiler *compiler)
{
    return compiler->descriptor;
}

bool pattern_compiler_is_busy(const struct pattern_compiler *compiler)
{
    return compiler->is_busy;
}

/* Signals are the loop's. */
static bool start_thread(struct pattern_compiler *compiler)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    compiler->has_thread = pthread_create(&compiler->thread, NULL, compile_jobs, compiler) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return compiler->has_thread;
}

bool pattern_compiler_start(struct pattern_compiler *compiler, struct pattern_job *job)
{
    assert(!compiler->is_busy && job->count > 0);
    if (!compiler->has_thread && !start_thread(compiler))
        return false;
    (void)pthread_mutex_lock(&compiler->mutex);
    compiler->job = job;
    compiler->is_busy = true;
    (void)pthread_cond_signal(&compiler->changed);
    (void)pthread_mutex_unlock(&compiler->mutex);
    return true;
}

void pattern_compiler_give_up(struct pattern_compiler *compiler, size_t group)
{
    /* The job stays where it is until it is taken, and only this is written meanwhile. */
    assert(compiler->is_busy && group < compiler->job->group_count);
    compiler->job->groups[group].is_unwanted = true;
}

struct pattern_job *pattern_compiler_take(struct pattern_compiler *compiler)
{
    eventfd_t count;
    struct pattern_job *job = NULL;
    (void)eventfd_read(compiler->descriptor, &count);
    (void)pthread_mutex_lock(&compiler->mutex);
    if (compiler->is_done) {
        job = compiler->job;
        compiler->job = NULL;
        compiler->is_done = compiler->is_busy = false;
    }
    (void)pthread_mutex_unlock(&compiler->mutex);
    return job;
}
