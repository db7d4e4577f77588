#include "streamer/stream/recent_entries.h"

#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    LOG_HEX = 64,
    NO_LOG = RECENT_LOGS_MAX,
    /* Of both tables; so that a chain is an entry long. */
    ENTRY_BUCKET_BITS = 16,
    REPEAT_BUCKET_BITS = 14,
};

struct recent_log {
    char id[LOG_HEX];
    bool is_taken;
};

/* Places in rings; 0: none, else one more than the place, so that zeroed memory is empty. */
struct recent_entry {
    size_t log; /* NO_LOG: forgotten, or never there */
    uint64_t index;
    struct stream_id id;
    uint32_t bucket, next; /* in the chain */
};

struct repeat {
    struct stream_id id, original;
    uint32_t bucket, next;
};

struct fork {
    struct stream_id fork, last;
    bool is_healed; /* of one that is not the latest */
};

/* Rings: what is added last overwrites what was added first. */
struct recent_entries {
    struct recent_log logs[RECENT_LOGS_MAX]; /* by their ids, which are hashes; open addressing */
    size_t log_count;
    struct recent_entry entries[RECENT_ENTRIES_MAX];
    uint32_t entry_heads[1 << ENTRY_BUCKET_BITS];
    size_t next_entry, entry_count;
    struct repeat repeats[RECENT_REPEATS_MAX];
    uint32_t repeat_heads[1 << REPEAT_BUCKET_BITS];
    size_t next_repeat, repeat_count;
    struct fork forks[RECENT_FORKS_MAX];
    size_t next_fork;
    /* What the latest loss took and has not come again, the highest first: it comes again from the
     * lowest on, so that little moves. After `lost_from` none is left out. */
    struct stream_id lost[RECENT_ENTRIES_MAX];
    size_t lost_count;
    struct stream_id lost_from;
};

struct recent_entries *recent_entries_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct recent_entries));
}

void recent_entries_destroy(struct recent_entries *recent)
{
    free(recent);
}

static uint32_t spread(uint64_t value, unsigned bits)
{
    return (uint32_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

/* Its place, or a free one; NO_LOG if there is none. A quarter stays free, so that searches are
 * short. */
static size_t place_of_log(const struct recent_entries *recent, struct bytes log)
{
    uint64_t digits;
    if (log.size != LOG_HEX)
        return NO_LOG;
    memcpy(&digits, log.data, sizeof digits);
    /* Of hex digits the lower bits are much the same. */
    size_t at = spread(digits, 10);
    for (at %= RECENT_LOGS_MAX; recent->logs[at].is_taken; at = (at + 1) % RECENT_LOGS_MAX)
        if (memcmp(recent->logs[at].id, log.data, LOG_HEX) == 0)
            return at;
    return recent->log_count < RECENT_LOGS_MAX * 3 / 4 ? at : NO_LOG;
}

static uint32_t bucket_of_entry(size_t log, uint64_t index)
{
    return spread(index * RECENT_LOGS_MAX + log, ENTRY_BUCKET_BITS);
}

static uint32_t bucket_of_id(struct stream_id id)
{
    return spread(id.ms ^ id.sequence << 40, REPEAT_BUCKET_BITS);
}

/* One more than its place; 0 if it is not there. */
static uint32_t find_entry(const struct recent_entries *recent, size_t log, uint64_t index)
{
    uint32_t at = recent->entry_heads[bucket_of_entry(log, index)];
    while (at && (recent->entries[at - 1].log != log || recent->entries[at - 1].index != index))
        at = recent->entries[at - 1].next;
    return at;
}

static void unlink_repeat(struct recent_entries *recent, size_t place)
{
    uint32_t *at = &recent->repeat_heads[recent->repeats[place].bucket];
    while (*at != place + 1)
        at = &recent->repeats[*at - 1].next;
    *at = recent->repeats[place].next;
}

static void remember_repeat(struct recent_entries *recent, struct stream_id id,
                            struct stream_id original)
{
    struct stream_id first = original;
    size_t place = recent->next_repeat;
    /* Lost twice: what counts is when it was read first. */
    (void)recent_entries_original(recent, original, &first);
    if (recent->repeat_count == RECENT_REPEATS_MAX)
        unlink_repeat(recent, place);
    else
        recent->repeat_count++;
    uint32_t bucket = bucket_of_id(id);
    recent->repeats[place] = (struct repeat){ id, first, bucket, recent->repeat_heads[bucket] };
    recent->repeat_heads[bucket] = (uint32_t)place + 1;
    recent->next_repeat = (place + 1) % RECENT_REPEATS_MAX;
}

static void unlink_entry(struct recent_entries *recent, size_t place)
{
    uint32_t *at = &recent->entry_heads[recent->entries[place].bucket];
    while (*at != place + 1)
        at = &recent->entries[*at - 1].next;
    *at = recent->entries[place].next;
}

static void append_entry(struct recent_entries *recent, size_t log, uint64_t index,
                         struct stream_id id)
{
    size_t place = recent->next_entry;
    if (recent->entry_count == RECENT_ENTRIES_MAX)
        unlink_entry(recent, place);
    else
        recent->entry_count++;
    uint32_t bucket = bucket_of_entry(log, index);
    recent->entries[place] =
        (struct recent_entry){ log, index, id, bucket, recent->entry_heads[bucket] };
    recent->entry_heads[bucket] = (uint32_t)place + 1;
    recent->next_entry = (place + 1) % RECENT_ENTRIES_MAX;
}

/* How many of those that are lost come after `id`. */
static size_t count_lost(const struct recent_entries *recent, struct stream_id id)
{
    size_t low = 0;
    size_t high = recent->lost_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream_id_compare(recent->lost[middle], id) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void find_again(struct recent_entries *recent, struct stream_id id)
{
    size_t place = count_lost(recent, id);
    if (place == recent->lost_count || stream_id_compare(recent->lost[place], id) != 0)
        return;
    recent->lost_count--;
    memmove(&recent->lost[place], &recent->lost[place + 1],
            (recent->lost_count - place) * sizeof *recent->lost);
}

enum recent_answer recent_entries_add(struct recent_entries *recent, struct bytes log,
                                      uint64_t index, struct stream_id id)
{
    size_t place = place_of_log(recent, log);
    if (place == NO_LOG)
        return RECENT_NEW;
    struct recent_log *known = &recent->logs[place];
    if (!known->is_taken) {
        *known = (struct recent_log){ .is_taken = true };
        memcpy(known->id, log.data, LOG_HEX);
        recent->log_count++;
    }
    uint32_t at = find_entry(recent, place, index);
    if (!at) {
        append_entry(recent, place, index, id);
        return RECENT_NEW;
    }
    struct recent_entry *before = &recent->entries[at - 1];
    find_again(recent, before->id);
    if (stream_id_compare(before->id, id) == 0)
        return RECENT_KNOWN;
    remember_repeat(recent, id, before->id);
    before->id = id;
    return RECENT_REPEAT;
}

bool recent_entries_has(const struct recent_entries *recent, struct bytes log, uint64_t index,
                        struct stream_id id)
{
    size_t place = place_of_log(recent, log);
    uint32_t at = place == NO_LOG ? 0 : find_entry(recent, place, index);
    return place == NO_LOG || (at && stream_id_compare(recent->entries[at - 1].id, id) == 0);
}

static int compare_downwards(const void *a, const void *b)
{
    return stream_id_compare(*(const struct stream_id *)b, *(const struct stream_id *)a);
}

/* The latest, and then the others, the oldest last; zeros where there are no more. */
static size_t place_of_fork(const struct recent_entries *recent, size_t age)
{
    return (recent->next_fork + RECENT_FORKS_MAX - 1 - age) % RECENT_FORKS_MAX;
}

/* All that was lost has come again, and so, surely, what nobody had read. */
static bool is_healed(const struct recent_entries *recent, const struct fork *fork)
{
    if (fork != &recent->forks[place_of_fork(recent, 0)])
        return fork->is_healed;
    return recent->lost_count == 0 && stream_id_compare(recent->lost_from, fork->fork) <= 0;
}

void recent_entries_note_loss(struct recent_entries *recent, struct stream_id from)
{
    struct stream_id begin;
    bool is_full = recent_entries_begin(recent, &begin);
    struct fork *before = &recent->forks[place_of_fork(recent, 0)];
    before->is_healed = is_healed(recent, before);
    recent->lost_from = from;
    if (is_full && stream_id_compare(from, stream_id_before(begin)) < 0)
        recent->lost_from = stream_id_before(begin);
    recent->lost_count = 0;
    for (size_t i = 0; i < recent->entry_count; i++)
        if (stream_id_compare(recent->entries[i].id, from) > 0)
            recent->lost[recent->lost_count++] = recent->entries[i].id;
    qsort(recent->lost, recent->lost_count, sizeof *recent->lost, compare_downwards);
}

void recent_entries_note_fork(struct recent_entries *recent, struct stream_id fork,
                              struct stream_id last)
{
    recent->forks[recent->next_fork] = (struct fork){ fork, last, false };
    recent->next_fork = (recent->next_fork + 1) % RECENT_FORKS_MAX;
}

static bool is_in_fork(const struct fork *fork, struct stream_id id)
{
    return stream_id_compare(id, fork->fork) > 0 && stream_id_compare(id, fork->last) <= 0;
}

/* Of several the lowest: what it had of the later ones is found among the repeats. */
struct stream_id recent_entries_place(const struct recent_entries *recent, struct stream_id id)
{
    struct stream_id place = id;
    for (size_t i = 0; i < RECENT_FORKS_MAX; i++) {
        const struct fork *fork = &recent->forks[i];
        if (is_in_fork(fork, id) && stream_id_compare(fork->fork, place) < 0)
            place = fork->fork;
    }
    return place;
}

/* The latest fork that `after` stands in; else the latest there is. */
static const struct fork *find_fork(const struct recent_entries *recent, struct stream_id after)
{
    for (size_t age = 0; age < RECENT_FORKS_MAX; age++)
        if (is_in_fork(&recent->forks[place_of_fork(recent, age)], after))
            return &recent->forks[place_of_fork(recent, age)];
    return &recent->forks[place_of_fork(recent, 0)];
}

bool recent_entries_find_lost(const struct recent_entries *recent, struct stream_id after,
                              struct gap *gap)
{
    const struct fork *fork = find_fork(recent, after);
    bool is_within = is_in_fork(fork, after);
    bool is_latest = fork == &recent->forks[place_of_fork(recent, 0)];
    struct stream_id from = is_within ? after : fork->fork;
    bool may_miss = is_latest && stream_id_compare(after, fork->last) < 0;
    size_t missed = may_miss ? count_lost(recent, from) : 0;
    *gap = (struct gap){
        .from = from,
        .to = fork->last,
        .is_counted = missed > 0 && stream_id_compare(from, recent->lost_from) >= 0,
        .reason = GAP_TRIMMED,
    };
    gap->missed = gap->is_counted ? missed : 0;
    return missed > 0 || (is_within && !is_healed(recent, fork));
}

bool recent_entries_begin(const struct recent_entries *recent, struct stream_id *id)
{
    for (size_t i = 0; i < recent->entry_count; i++)
        if (i == 0 || stream_id_compare(recent->entries[i].id, *id) < 0)
            *id = recent->entries[i].id;
    return recent->entry_count == RECENT_ENTRIES_MAX;
}

void recent_entries_forget_log(struct recent_entries *recent, struct bytes log)
{
    size_t place = place_of_log(recent, log);
    if (place == NO_LOG || !recent->logs[place].is_taken)
        return;
    for (size_t i = 0; i < recent->entry_count; i++)
        if (recent->entries[i].log == place)
            recent->entries[i].log = NO_LOG;
}

bool recent_entries_original(const struct recent_entries *recent, struct stream_id id,
                             struct stream_id *original)
{
    uint32_t at = recent->repeat_heads[bucket_of_id(id)];
    for (; at; at = recent->repeats[at - 1].next) {
        if (stream_id_compare(recent->repeats[at - 1].id, id) != 0)
            continue;
        *original = recent->repeats[at - 1].original;
        return true;
    }
    return false;
}
