/* What this process uses of the machine. */
#ifndef STREAMER_HTTP_PROCESS_USAGE_H
#define STREAMER_HTTP_PROCESS_USAGE_H

#include <stddef.h>
#include <stdint.h>

struct process_usage {
    uint64_t start_ms;       /* since 1970; 0: not known */
    uint64_t cpu_ms;         /* user and system, since then */
    uint64_t resident_bytes; /* 0: not known */
    uint64_t virtual_bytes;
    uint64_t descriptors; /* open now */
    uint64_t descriptors_max;
};

void process_usage_read(struct process_usage *usage);

#endif
