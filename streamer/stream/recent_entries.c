#include "streamer/stream/recent_entries.h"

#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    LOG_HEX = 64,
    NO_LOG = RECENT_LOGS_MAX,
};

struct recent_log {
    char id[LOG_HEX];
    bool is_taken;
    uint64_t low;  /* what is below is not in the window */
    uint64_t next; /* nor what is from here on */
};

struct recent_entry {
    size_t log; /* NO_LOG: forgotten */
    uint64_t index;
    struct stream_id id;
};

struct repeat {
    struct stream_id id, original;
};

/* Rings: what is added last overwrites what was added first. */
struct recent_entries {
    struct recent_log logs[RECENT_LOGS_MAX]; /* by their ids, which are hashes; open addressing */
    size_t log_count;
    struct recent_entry entries[RECENT_ENTRIES_MAX];
    size_t next_entry;
    struct repeat repeats[RECENT_REPEATS_MAX];
    size_t repeat_count, next_repeat;
};

struct recent_entries *recent_entries_create(void)
{
    struct recent_entries *recent = memory_allocate_zeroed(1, sizeof *recent);
    for (size_t i = 0; i < RECENT_ENTRIES_MAX; i++)
        recent->entries[i].log = NO_LOG;
    return recent;
}

void recent_entries_destroy(struct recent_entries *recent)
{
    free(recent);
}

/* Its place, or a free one; NO_LOG if there is none. A quarter stays free, so that searches are
 * short. */
static size_t place_of(const struct recent_entries *recent, struct bytes log)
{
    uint64_t digits;
    if (log.size != LOG_HEX)
        return NO_LOG;
    memcpy(&digits, log.data, sizeof digits);
    /* The lower bits of hex digits are much the same. */
    size_t at = (size_t)(digits * UINT64_C(0x9e3779b97f4a7c15) >> 54);
    for (at %= RECENT_LOGS_MAX; recent->logs[at].is_taken; at = (at + 1) % RECENT_LOGS_MAX)
        if (memcmp(recent->logs[at].id, log.data, LOG_HEX) == 0)
            return at;
    return recent->log_count < RECENT_LOGS_MAX * 3 / 4 ? at : NO_LOG;
}

static struct recent_entry *find_entry(struct recent_entries *recent, size_t log, uint64_t index)
{
    for (size_t i = 0; i < RECENT_ENTRIES_MAX; i++) {
        struct recent_entry *entry = &recent->entries[i];
        if (entry->log == log && entry->index == index)
            return entry;
    }
    return NULL;
}

static void remember_repeat(struct recent_entries *recent, struct stream_id id,
                            struct stream_id original)
{
    struct stream_id first = original;
    /* Lost twice: what counts is when it was read first. */
    (void)recent_entries_original(recent, original, &first);
    recent->repeats[recent->next_repeat] = (struct repeat){ id, first };
    recent->next_repeat = (recent->next_repeat + 1) % RECENT_REPEATS_MAX;
    recent->repeat_count += recent->repeat_count < RECENT_REPEATS_MAX;
}

static void append_entry(struct recent_entries *recent, size_t place, uint64_t index,
                         struct stream_id id)
{
    struct recent_entry *entry = &recent->entries[recent->next_entry];
    if (entry->log != NO_LOG && entry->index >= recent->logs[entry->log].low)
        recent->logs[entry->log].low = entry->index + 1;
    *entry = (struct recent_entry){ place, index, id };
    recent->next_entry = (recent->next_entry + 1) % RECENT_ENTRIES_MAX;
}

bool recent_entries_add(struct recent_entries *recent, struct bytes log, uint64_t index,
                        struct stream_id id)
{
    size_t place = place_of(recent, log);
    if (place == NO_LOG)
        return false;
    struct recent_log *known = &recent->logs[place];
    if (!known->is_taken) {
        *known = (struct recent_log){ .is_taken = true, .low = index, .next = index };
        memcpy(known->id, log.data, LOG_HEX);
        recent->log_count++;
    }
    bool is_in_range = index >= known->low && index < known->next;
    struct recent_entry *before = is_in_range ? find_entry(recent, place, index) : NULL;
    if (before) {
        remember_repeat(recent, id, before->id);
        before->id = id;
        return true;
    }
    append_entry(recent, place, index, id);
    if (index < known->low)
        known->low = index;
    if (index >= known->next)
        known->next = index + 1;
    return false;
}

void recent_entries_forget_log(struct recent_entries *recent, struct bytes log)
{
    size_t place = place_of(recent, log);
    if (place == NO_LOG || !recent->logs[place].is_taken)
        return;
    for (size_t i = 0; i < RECENT_ENTRIES_MAX; i++)
        if (recent->entries[i].log == place)
            recent->entries[i].log = NO_LOG;
    recent->logs[place].low = recent->logs[place].next = 0;
}

bool recent_entries_original(const struct recent_entries *recent, struct stream_id id,
                             struct stream_id *original)
{
    for (size_t i = 0; i < recent->repeat_count; i++) {
        if (stream_id_compare(recent->repeats[i].id, id) != 0)
            continue;
        *original = recent->repeats[i].original;
        return true;
    }
    return false;
}
