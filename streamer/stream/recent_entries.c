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

void recent_entries_note_fork(struct recent_entries *recent, struct stream_id fork,
                              struct stream_id last)
{
    recent->forks[recent->next_fork] = (struct fork){ fork, last };
    recent->next_fork = (recent->next_fork + 1) % RECENT_FORKS_MAX;
}

/* Of several the lowest: what it had of the later ones is found among the repeats. */
struct stream_id recent_entries_place(const struct recent_entries *recent, struct stream_id id)
{
    struct stream_id place = id;
    for (size_t i = 0; i < RECENT_FORKS_MAX; i++) {
        const struct fork *fork = &recent->forks[i];
        bool is_lost =
            stream_id_compare(id, fork->fork) > 0 && stream_id_compare(id, fork->last) <= 0;
        if (is_lost && stream_id_compare(fork->fork, place) < 0)
            place = fork->fork;
    }
    return place;
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
