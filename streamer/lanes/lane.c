#include "streamer/lanes/lane.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/lanes/ring_file.h"

enum {
    /* The smallest messages in number, those of domains-only, are about this long, so the index
     * seldom fills before the ring does; when it does, the oldest messages are dropped all the
     * same. */
    BYTES_PER_RECORD = 128,
};

struct lane_record {
    uint64_t start; /* offset of the frame's first byte, counted from the lane's beginning */
    struct stream_position position;
};

struct lane {
    struct ring_file *file;
    struct ring ring;
    uint64_t end; /* offset after the last frame; ring.data[end % ring.size] is written next */
    uint64_t first;
    uint64_t next;
    uint64_t ascending;     /* from this number on ids ascend */
    struct stream_id floor; /* all that came after it is held, from `first` or `ascending` on */
    struct stream_id last;  /* of the newest message */
    struct lane_record *records; /* message n is at n % record_count */
    size_t record_count;
};

struct lane *lane_create(struct ring_file *file, size_t size, struct stream_id after)
{
    struct lane *lane = memory_allocate_zeroed(1, sizeof *lane);
    lane->file = file;
    lane->ring = ring_map(file, size);
    lane->record_count = lane->ring.size / BYTES_PER_RECORD;
    lane->records = memory_allocate_zeroed(lane->record_count, sizeof *lane->records);
    lane->floor = after;
    lane->last = after;
    return lane;
}

void lane_destroy(struct lane *lane)
{
    if (!lane)
        return;
    ring_unmap(lane->file, lane->ring);
    free(lane->records);
    free(lane);
}

uint64_t lane_first(const struct lane *lane)
{
    return lane->first;
}

uint64_t lane_next(const struct lane *lane)
{
    return lane->next;
}

static struct lane_record *record_of(const struct lane *lane, uint64_t number)
{
    return &lane->records[number % lane->record_count];
}

/* Where message `number` starts, which is where the one before it ends. */
static uint64_t start_of(const struct lane *lane, uint64_t number)
{
    assert(number >= lane->first && number <= lane->next);
    return number == lane->next ? lane->end : record_of(lane, number)->start;
}

static void drop_oldest(struct lane *lane, size_t frame_size)
{
    while (lane->first < lane->next &&
           (lane->end + frame_size - start_of(lane, lane->first) > lane->ring.size ||
            lane->next - lane->first == lane->record_count)) {
        if (lane->first >= lane->ascending)
            lane->floor = record_of(lane, lane->first)->position.id;
        lane->first++;
    }
}

static void note_order(struct lane *lane, struct stream_id id)
{
    if (stream_id_compare(id, lane->last) <= 0) {
        lane->ascending = lane->next;
        lane->floor = stream_id_before(id);
    }
    lane->last = id;
}

bool lane_append(struct lane *lane, struct stream_position position, struct bytes frame)
{
    assert(frame.size > 0);
    note_order(lane, position.id);
    if (frame.size > lane->ring.size) {
        lane->first = ++lane->next;
        lane->floor = position.id;
        return false;
    }
    drop_oldest(lane, frame.size);
    memcpy(lane->ring.data + lane->end % lane->ring.size, frame.data, frame.size);
    *record_of(lane, lane->next) = (struct lane_record){ .start = lane->end, .position = position };
    lane->next++;
    lane->end += frame.size;
    return true;
}

void lane_break(struct lane *lane, struct stream_id id)
{
    lane->first = ++lane->next;
    lane->ascending = lane->next;
    lane->floor = id;
    lane->last = id;
}

void lane_branch(struct lane *lane, struct stream_id fork)
{
    lane->ascending = lane->next;
    lane->floor = fork;
    lane->last = fork;
}

void lane_pass_over(struct lane *lane, struct stream_id id)
{
    if (stream_id_compare(lane->floor, id) < 0)
        lane->floor = id;
}

/* How many messages from `number` on fit into `limit` bytes; at least one. */
static uint64_t count_within(const struct lane *lane, uint64_t number, size_t limit)
{
    uint64_t start = start_of(lane, number);
    uint64_t fits = 1;
    uint64_t too_many = lane->next - number + 1;
    if (lane->end - start <= limit)
        return lane->next - number;
    while (too_many - fits > 1) {
        uint64_t middle = fits + (too_many - fits) / 2;
        if (start_of(lane, number + middle) - start <= limit)
            fits = middle;
        else
            too_many = middle;
    }
    return fits;
}

bool lane_read(const struct lane *lane, uint64_t number, size_t limit, struct lane_slice *slice)
{
    assert(number >= lane->first && number <= lane->next);
    if (number == lane->next)
        return false;
    uint64_t start = start_of(lane, number);
    uint64_t count = count_within(lane, number, limit);
    *slice = (struct lane_slice){
        .data = lane->ring.data + start % lane->ring.size,
        .size = (size_t)(start_of(lane, number + count) - start),
        .next = number + count,
        .last = record_of(lane, number + count - 1)->position,
    };
    return true;
}

bool lane_find(const struct lane *lane, struct stream_id id, uint64_t *number)
{
    if (stream_id_compare(id, lane->floor) < 0)
        return false;
    uint64_t low = lane->first > lane->ascending ? lane->first : lane->ascending;
    uint64_t high = lane->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (stream_id_compare(record_of(lane, middle)->position.id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    *number = low;
    return true;
}

size_t lane_memory(const struct lane *lane)
{
    return lane->ring.size + lane->record_count * sizeof *lane->records;
}

uint64_t lane_bytes_after(const struct lane *lane, uint64_t number)
{
    return lane->end - start_of(lane, number);
}
