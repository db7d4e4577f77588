/*
 * States in order of travel: DOWN → SEEKING (where does the stream end?) → READING ⇄ FETCHING (issuers). Losing the
 * connection leads back to DOWN; what was read last is kept.
 */
#include "streamer/stream_reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/redis_link.h"
#include "streamer/issuer_fetch.h"
#include "streamer/issuers.h"
#include "streamer/stream_entry.h"

enum {
    /* Entries of one reply: enough that catching up costs few round trips, and with 10 KB each no more than 5 MB. */
    READ_COUNT = 500,
};

/* A connection that waits for entries is heard from at least this often. */
#define BLOCK_MS "5000"

enum reader_state {
    READER_DOWN,
    READER_SEEKING,
    READER_READING,
    READER_FETCHING,
};

struct stream_reader {
    const struct contract *contract;
    struct issuers *issuers;
    struct stream_reader_events events;
    struct stream_reader_stats stats;
    struct issuer_fetch *fetch;
    struct redis_link *link;
    enum reader_state state;
    bool has_position;
    struct stream_id last_id;
    size_t
        read_count; /* of the next XREAD: after a fetch no more than the reply had that asked for it */
    struct stream_entry entries[READ_COUNT];
};

static void read_on(struct stream_reader *reader);

static void fail(struct stream_reader *reader, const struct redisReply *reply, const char *command)
{
    reader->state = READER_DOWN;
    if (!reply)
        return;
    const char *reason = reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply";
    log_warning("reading the stream failed", "command=%s reason=%s", command, log_quoted(reason));
    redis_link_drop(reader->link, reason);
}

/* After a reconnect Redis may hold less than was read (a failover, a restore): then its ids would stay below ours for
 * long, and reading from ours would find nothing. */
static void take_position(struct stream_reader *reader, struct stream_id newest)
{
    if (!reader->has_position) {
        reader->has_position = true;
        reader->last_id = newest;
        return;
    }
    if (stream_id_compare(newest, reader->last_id) >= 0)
        return;
    reader->stats.rollbacks++;
    log_warning("Redis has lost entries that were read",
                "newest=%" PRIu64 "-%" PRIu64 " read=%" PRIu64 "-%" PRIu64, newest.ms,
                newest.sequence, reader->last_id.ms, reader->last_id.sequence);
    reader->last_id = newest;
}

static void on_newest(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        fail(reader, reply, "XREVRANGE");
        return;
    }
    struct stream_entry newest = { 0 };
    if (reply->elements > 0)
        (void)stream_entry_read(&newest, reply->element[0]);
    take_position(reader, newest.id);
    read_on(reader);
}

static void seek(struct stream_reader *reader)
{
    bool sent = redis_link_send_strings(reader->link, on_newest, reader, "XREVRANGE",
                                        reader->contract->stream, "+", "-", "COUNT", "1", NULL);
    reader->state = sent ? READER_SEEKING : READER_DOWN;
}

/* Decodes the good ones; answers how many. `last` becomes the id of the last of all. */
static size_t decode(struct stream_reader *reader, const struct redisReply *entries,
                     struct stream_id *last)
{
    size_t count = 0;
    for (size_t i = 0; i < entries->elements && count < READ_COUNT; i++) {
        struct stream_entry *entry = &reader->entries[count];
        bool good = stream_entry_read(entry, entries->element[i]);
        if (stream_id_compare(entry->id, *last) > 0)
            *last = entry->id;
        count += good;
    }
    return count;
}

static void take_entries(struct stream_reader *reader, const struct redisReply *entries)
{
    struct stream_id last = reader->last_id;
    size_t count = decode(reader, entries, &last);
    uint64_t now_ms = clock_monotonic_ms();
    bool fetching = reader->events.needs_issuers(reader->events.context) &&
                    issuer_fetch_start(reader->fetch, reader->link, reader->entries, count, now_ms);
    if (fetching) {
        reader->stats.issuer_rounds++;
        reader->read_count = entries->elements;
        reader->state = READER_FETCHING;
        return;
    }
    reader->stats.replies++;
    reader->stats.entries += count;
    reader->stats.malformed += entries->elements - count;
    reader->last_id = last;
    reader->read_count = READ_COUNT;
    if (count > 0)
        reader->events.on_entries(reader->entries, count, now_ms, reader->events.context);
    issuers_trim(reader->issuers);
    read_on(reader);
}

static void on_read(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context;
    const struct redisReply *entries = stream_entries_of_read(reply);
    bool nothing_came = reply && reply->type == REDIS_REPLY_NIL;
    if (!entries && !nothing_came) {
        fail(reader, reply, "XREAD");
        return;
    }
    if (entries)
        take_entries(reader, entries);
    else
        read_on(reader);
}

static void read_on(struct stream_reader *reader)
{
    char id[STREAM_ID_TEXT_SIZE];
    char count[24];
    (void)stream_id_format(id, reader->last_id);
    (void)snprintf(count, sizeof count, "%zu", reader->read_count);
    bool sent =
        redis_link_send_strings(reader->link, on_read, reader, "XREAD", "COUNT", count, "BLOCK",
                                BLOCK_MS, "STREAMS", reader->contract->stream, id, NULL);
    reader->state = sent ? READER_READING : READER_DOWN;
}

static void on_fetched(bool fetched, void *context)
{
    struct stream_reader *reader = context;
    assert(reader->state == READER_FETCHING);
    if (fetched)
        read_on(reader);
    else
        reader->state = READER_DOWN;
}

struct stream_reader *stream_reader_create(const struct contract *contract, struct issuers *issuers,
                                           const struct stream_reader_events *events)
{
    struct stream_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    reader->contract = contract;
    reader->issuers = issuers;
    reader->events = *events;
    reader->read_count = READ_COUNT;
    reader->fetch = issuer_fetch_create(contract, issuers, on_fetched, reader);
    return reader;
}

void stream_reader_destroy(struct stream_reader *reader)
{
    if (!reader)
        return;
    issuer_fetch_destroy(reader->fetch);
    free(reader);
}

void stream_reader_start(struct stream_reader *reader, struct redis_link *link)
{
    assert(reader->state == READER_DOWN);
    reader->link = link;
    seek(reader);
}

struct stream_id stream_reader_last_id(const struct stream_reader *reader)
{
    return reader->last_id;
}

bool stream_reader_is_reading(const struct stream_reader *reader)
{
    return reader->state == READER_READING || reader->state == READER_FETCHING;
}

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader)
{
    return &reader->stats;
}
