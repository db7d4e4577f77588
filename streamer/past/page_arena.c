#include "streamer/past/page_arena.h"

#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* Below what malloc would map, so that its memory stays with the process. */
    CHUNK_SIZE = 64 * 1024
};

struct page_chunk {
    struct page_chunk *next;
    size_t size, used;
    uint8_t memory[];
};

void page_arena_free(struct page_arena *arena)
{
    for (struct page_chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *arena = (struct page_arena){ 0 };
}

static void add_page_chunk(struct page_arena *arena, size_t wanted)
{
    size_t size = wanted > CHUNK_SIZE ? wanted : CHUNK_SIZE;
    struct page_chunk *chunk = memory_allocate(sizeof *chunk + size);
    *chunk = (struct page_chunk){ .next = arena->chunks, .size = size };
    arena->chunks = chunk;
    arena->bytes += sizeof *chunk + size;
}

struct bytes page_arena_copy(struct page_arena *arena, struct bytes text)
{
    if (!text.data)
        return (struct bytes){ 0 };
    if (!arena->chunks || arena->chunks->size - arena->chunks->used < text.size)
        add_page_chunk(arena, text.size);
    uint8_t *memory = arena->chunks->memory + arena->chunks->used;
    memcpy(memory, text.data, text.size);
    arena->chunks->used += text.size;
    return bytes_of(memory, text.size);
}
