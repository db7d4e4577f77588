#include "streamer/http/process_usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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
    usage->cpu_ms = milliseconds(times.ru_utime) + milliseconds(times.ru_stime);
    usage->descriptors_max = limit.rlim_cur;
    usage->descriptors = count_descriptors();
    read_memory(usage);
}
