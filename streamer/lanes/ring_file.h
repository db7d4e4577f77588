/*
 * The memory of all lanes' rings: one descriptor without a name, opened at the start, so that a new
 * lane needs none. Clients may have taken the last one by then.
 */
#ifndef STREAMER_LANES_RING_FILE_H
#define STREAMER_LANES_RING_FILE_H

#include <stddef.h>
#include <stdint.h>

struct ring_file;

/* `size` bytes, which are whole pages, mapped twice in a row. */
struct ring {
    uint8_t *data;
    size_t size;
    uint64_t place; /* in the file */
};

/* Aborts if there is no descriptor for it. */
struct ring_file *ring_file_create(void);
/* All rings are unmapped. NULL is fine. */
void ring_file_destroy(struct ring_file *file);

/* What all rings have taken so far of the memory that they may take. */
size_t ring_file_bytes(const struct ring_file *file);

/* At least `size` bytes, zeroed. Aborts if the memory cannot be mapped. */
struct ring ring_map(struct ring_file *file, size_t size);
void ring_unmap(struct ring_file *file, struct ring ring);

#endif
