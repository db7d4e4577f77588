#include "streamer/lanes/ring_file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/memory.h"

enum {
    BLOCK_SIZE = 512, /* of stat(2) */
};

struct ring_file {
    int descriptor;
    uint64_t end; /* only grows: what is behind has no pages, and 2^63 bytes last */
};

static void abort_without_memory(size_t size)
{
    (void)fprintf(stderr, "no memory for a ring of %zu bytes\n", size);
    abort();
}

struct ring_file *ring_file_create(void)
{
    struct ring_file *file = memory_allocate_zeroed(1, sizeof *file);
    file->descriptor = memfd_create("rings", MFD_CLOEXEC);
    if (file->descriptor < 0) {
        perror("no descriptor for the memory of lanes");
        abort();
    }
    return file;
}

void ring_file_destroy(struct ring_file *file)
{
    if (!file)
        return;
    (void)close(file->descriptor);
    free(file);
}

size_t ring_file_bytes(const struct ring_file *file)
{
    struct stat status = { 0 };
    (void)fstat(file->descriptor, &status);
    return (size_t)status.st_blocks * BLOCK_SIZE;
}

static void *map_or_abort(void *address, size_t size, int flags, int descriptor, uint64_t place)
{
    int protection = descriptor < 0 ? PROT_NONE : PROT_READ | PROT_WRITE;
    void *mapped = mmap(address, size, protection, flags, descriptor, (off_t)place);
    if (mapped == MAP_FAILED)
        abort_without_memory(size);
    return mapped;
}

/* The address range is reserved first, so that the two views are neighbours. */
struct ring ring_map(struct ring_file *file, size_t size)
{
    assert(size > 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct ring ring = { .size = (size + page - 1) / page * page, .place = file->end };
    file->end += ring.size;
    if (ftruncate(file->descriptor, (off_t)file->end) != 0)
        abort_without_memory(size);
    ring.data =
        map_or_abort(NULL, 2 * ring.size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (size_t view = 0; view < 2; view++)
        (void)map_or_abort(ring.data + view * ring.size, ring.size, MAP_SHARED | MAP_FIXED,
                           file->descriptor, ring.place);
    return ring;
}

void ring_unmap(struct ring_file *file, struct ring ring)
{
    (void)munmap(ring.data, 2 * ring.size);
    /* Its pages go back to the kernel. That fails at most for want of memory, and then they wait
     * for the end. */
    (void)fallocate(file->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)ring.place,
                    (off_t)ring.size);
}
