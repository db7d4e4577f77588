#include "shared/base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *block, size_t size)
{
    if (!block) {
        (void)fprintf(stderr, "out of memory: %zu bytes\n", size);
        abort();
    }
    return block;
}

static size_t product(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        (void)fprintf(stderr, "out of memory: %zu times %zu bytes\n", count, size);
        abort();
    }
    return count * size;
}

void *memory_allocate(size_t size)
{
    return check(malloc(size ? size : 1), size);
}

void *memory_allocate_zeroed(size_t count, size_t size)
{
    size_t total = product(count, size);
    return check(calloc(1, total ? total : 1), total);
}

void *memory_resize(void *block, size_t count, size_t size)
{
    size_t total = product(count, size);
    return check(realloc(block, total ? total : 1), total);
}

char *memory_copy_text(const char *text, size_t size)
{
    char *copy = memory_allocate(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *memory_copy_string(const char *text)
{
    return memory_copy_text(text, strlen(text));
}

size_t memory_used(void)
{
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

/* Elsewhere than with glibc the names are missing, and memory is kept as that library likes. */
void memory_keep_freed(void)
{
#ifdef __GLIBC__
    enum {
        BLOCK_MAX = 32 * 1024 * 1024 /* the largest that glibc takes */
    };
    (void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_MAX);
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_MAX);
#endif
}
