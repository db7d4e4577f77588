/*
 * Allocation that does not fail: out of memory aborts with the size asked for, so that no caller
 * has a branch that is never tested. What is allocated here is freed with free().
 */
#ifndef SHARED_BASE_MEMORY_H
#define SHARED_BASE_MEMORY_H

#include <stddef.h>

enum {
    MEMORY_KEPT_MAX = 64 * 1024 * 1024
};

void *memory_allocate(size_t size);
/* Zeroed; aborts also when count * size overflows. */
void *memory_allocate_zeroed(size_t count, size_t size);
/* Does what realloc(3) of count * size bytes does; `block` may be NULL. Aborts when the product
 * overflows. */
void *memory_resize(void *block, size_t count, size_t size);
/* A NUL-terminated copy of `size` bytes of `text`. */
char *memory_copy_text(const char *text, size_t size);
char *memory_copy_string(const char *text);

/* From here on what is freed stays with the process, up to MEMORY_KEPT_MAX: pages that the kernel
 * takes back and gives again cost more than what is written to them. For daemons whose large blocks
 * come and go all the time, and are bounded by themselves. */
void memory_keep_freed(void);
/* Bytes that are allocated and not freed; 0 if the C library does not say. */
size_t memory_used(void);

#endif
