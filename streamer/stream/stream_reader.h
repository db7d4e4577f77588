/*
 * Follows the Redis stream from its end: always from the last id seen, also after the connection
 * was lost. Each read says too what became of the stream as a whole, so it is noticed when Redis
 * has trimmed what was yet to be read, or was set back; after a reconnect the entry read last is
 * looked for as well, because another Redis may hold another history that got further. While full
 * messages are wanted, a reply that names unknown issuers is dropped, the issuers are fetched, and
 * the same is read again: nothing has moved on meanwhile, so no reply needs to be kept.
 */
#ifndef STREAMER_STREAM_STREAM_READER_H
#define STREAMER_STREAM_STREAM_READER_H

#include "shared/redis/stream_id.h"

struct contract;
struct issuer_cache;
struct recent_entries;
struct redis_link;
struct stream_entry;
struct stream_reader;

struct stream_reader_events {
    /* New entries in order, each with its ordinal (struct stream_position); views for the call.
     * With them, if issuers are needed, all their issuers are in the cache. */
    void (*on_entries)(const struct stream_entry *entries, const uint64_t *ordinals, size_t count,
                       uint64_t now_ms, void *context);
    bool (*needs_issuers)(void *context);
    /* Wants stream_reader_end_gathering called in so many milliseconds; one that comes late or in
     * vain does no harm. */
    void (*on_gather)(uint64_t after_ms, void *context);
    /* What comes next does not follow what was read before: it begins behind `after`. At the start;
     * and when entries were trimmed before they could be read. */
    void (*on_break)(struct stream_position after, void *context);
    /* Entries that were read before came again, under new ids, because Redis had lost them; they
     * are not among those of on_entries. `id` is the highest of them. */
    void (*on_repeat)(struct stream_id id, void *context);
    /* Redis lost entries that were read (a restore, a failover, a flush) and ends at `end` now.
     * What it has of late that was not read comes next, also under ids below those that were. */
    void (*on_loss)(struct stream_id end, void *context);
    /* The first new entry of that comes next; it follows `fork`. */
    void (*on_branch)(struct stream_id fork, void *context);
    /* All of that was read: what was lost is what came after `fork`, up to `lost`. */
    void (*on_fork)(struct stream_id fork, struct stream_id lost, void *context);
    void *context;
};

struct stream_reader_stats {
    uint64_t replies;
    uint64_t entries;
    uint64_t malformed;     /* entries not of the contract's form, passed over */
    uint64_t issuer_rounds; /* replies that were read again because of unknown issuers */
    uint64_t controls;      /* records of what an administrator did, passed over */
    uint64_t rollbacks;     /* Redis came back with less than had been read */
    uint64_t repeats;       /* entries that came again after it, kept back */
    uint64_t missed; /* entries trimmed before they were read, as far as they can be counted */
    uint64_t packed_breaks; /* times that entries were packed into history before they were read */
};

/* `contract`, `issuers` and `recent` are borrowed as long as the reader exists. */
struct stream_reader *stream_reader_create(const struct contract *contract,
                                           struct issuer_cache *issuers,
                                           struct recent_entries *recent,
                                           const struct stream_reader_events *events);
/* Has to be called after its link is gone. NULL is fine. */
void stream_reader_destroy(struct stream_reader *reader);

/* The link can be used; when it goes down, pending callbacks tell the reader. */
void stream_reader_start(struct stream_reader *reader, struct redis_link *link);

/* Has to be called when on_gather's time is over. */
void stream_reader_end_gathering(struct stream_reader *reader);

/* The newest entry read, or the stream's newest when reading began; zero before that. */
struct stream_id stream_reader_last_id(const struct stream_reader *reader);
struct stream_position stream_reader_position(const struct stream_reader *reader);
/* The stream's first entry, when it was read last; behind its last one if it had none. */
struct stream_id stream_reader_first_id(const struct stream_reader *reader);
/* True when the reader knows the stream's end and is reading. */
bool stream_reader_is_reading(const struct stream_reader *reader);
const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader);

#endif
