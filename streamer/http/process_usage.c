#include "streamer/http/process_usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shared/process/clock.h"

enum {
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
};

static uint64_t milliseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_usec / 1000;
}

/* The first two numbers of /proc/self/statm: pages of address space, and of them those in
 * memory. */
static void read_memory(struct process_usage *usage)
{
    char text[128];
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fgets(text, sizeof text, file)) {
        char *rest = text;
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        usage->virtual_bytes = strtoull(rest, &rest, 10) * page;
        usage->resident_bytes = strtoull(rest, &rest, 10) * page;
    }
    (void)fclose(file);
}

/* The process' start, which the kernel counts from its own, in ticks (proc(5), field 22). */
static uint64_t read_start_ms(void)
{
    enum {
        FIELDS_BEFORE = 20, /* between the name, which may hold anything, and it */
    };
    char text[1024];
    struct timespec now = { 0 };
    uint64_t start_ms = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    const char *at = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    for (int field = 0; at && field < FIELDS_BEFORE; field++)
        at = strchr(at + 1, ' ');
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    uint64_t up_ms = (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
    if (at)
        start_ms = clock_realtime_ms() - up_ms +
                   strtoull(at, NULL, 10) * MS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    (void)fclose(file);
    return start_ms;
}

static uint64_t count_descriptors(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count > 0 ? count - 1 : 0;
}

void process_usage_read(struct process_usage *usage)
{
    struct rusage times = { 0 };
    struct rlimit limit = { 0 };
    *usage = (struct process_usage){ 0 };
    (void)getrusage(RUSAGE_SELF, &times);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    usage->start_ms = read_start_ms();
    usage->cpu_ms = milliseconds(times.ru_utime) + milliseconds(times.ru_stime);
    usage->descriptors_max = limit.rlim_cur;
    usage->descriptors = count_descriptors();
    read_memory(usage);
}
