/*
 * The states are passed through in this order: DOWN → SEEKING (where does the stream end?) →
 * READING ⇄ GATHERING, FETCHING (issuers). Losing the connection leads back to DOWN; what was read
 * last is kept.
 *
 * Entries are always read in one transaction with the state of the stream. When there are none,
 * XREAD BLOCK waits for the next one, but only as a bell: what it answers is read again. For
 * between its answer and our reading it, as long as this process is stopped or its machine is busy,
 * the stream may be trimmed.
 */
#include "streamer/stream/stream_reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/reply_arena.h"
#include "streamer/stream/history_block.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/issuer_lookup.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_state.h"

enum {
    /* Entries of one reply: enough that catching up costs few round trips. For larger replies Redis
     * takes new memory each time: with 500 twice as many page faults for an entry. */
    READ_COUNT = 128,
    /* Appends come in runs, of logs whose heads come in the same moment and of one log that has
     * many: who reads them one by one costs Redis, and himself, some microseconds more for each
     * entry. So much later an entry is read at most. */
    GATHER_MS = 10,
    /* If so many take longer than that, which costly filters can do, fewer are asked for: others
     * wait meanwhile. */
    READ_COUNT_MIN = 25,
    BATCH_US = 10000,
};

/* A connection that waits for entries is heard from at least this often. */
#define BLOCK_MS "5000"

enum reader_state {
    READER_DOWN,
    READER_SEEKING,
    READER_READING,
    READER_GATHERING, /* there is something, and soon there will be more */
    READER_FETCHING,
};

#define STREAM_READER_MARK CONTEXT_MARK('S', 'R', 'D', 'R')

struct stream_reader {
    uint32_t mark; /* STREAM_READER_MARK */
    const struct contract *contract;
    struct issuer_cache *issuers;
    struct recent_entries *recent;
    struct stream_reader_events events;
    struct stream_reader_stats stats;
    struct issuer_lookup *fetch;
    struct redis_link *link;
    enum reader_state state;
    bool has_position;
    bool is_at_entry;   /* `last` is an entry that was read, and not only a place */
    bool is_fork_noted; /* who comes back is placed by it already */
    bool is_forked;     /* another history is gone through, from `fork` on as far as it is known; */
    struct stream_id fork, lost; /* of the other one entries were read up to `lost` */
    bool is_probing; /* the read under way looks for that entry too: the first of a connection, and
                      * one that was put off */
    struct redisReply *plain_state, *plain_read; /* held: of a read without a transaction */
    struct stream_id first;                      /* of the stream */
    struct stream_id begin;                      /* all that came after it was read, up to `last` */
    struct stream_position last;
    struct gap gap; /* while it is asked where its entries are */
    /* How much the next XREAD asks for: after a fetch no more than the reply had that made us
     * fetch. */
    size_t read_count;
    size_t batch_count; /* and otherwise */
    struct stream_entry entries[READ_COUNT];
    uint64_t ordinals[READ_COUNT];
};

/* The replies to the transaction. */
enum {
    READ_STATE,
    READ_ENTRIES,
    READ_REPLIES,
    READ_PROBE = READ_REPLIES, /* is_probing */
};

static void read_on(struct stream_reader *reader);
static void stand_at_end(struct stream_reader *reader, const struct stream_state *state);

static void fail_read(struct stream_reader *reader, const struct redisReply *reply,
                      const char *command)
{
    reader->state = READER_DOWN;
    if (!reply)
        return;
    const char *reason = reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply";
    say_warning("reading the stream failed", "command=%s reason=%s", command, say_quoted(reason));
    redis_link_drop(reader->link, reason);
}

static void begin_at(struct stream_reader *reader, struct stream_position position)
{
    reader->is_at_entry = false;
    reader->begin = position.id;
    reader->has_position = true;
    reader->last = position;
    reader->events.on_break(position, reader->events.context);
}

static struct stream_id lower(struct stream_id a, struct stream_id b)
{
    return stream_id_compare(a, b) < 0 ? a : b;
}

/* Up to where a history that is not the one read so far may be the same: where the window of what
 * was read begins, which knows what of it was. */
static struct stream_id find_common(const struct stream_reader *reader,
                                    const struct stream_state *state)
{
    struct stream_id window;
    bool is_full = recent_entries_begin(reader->recent, &window);
    struct stream_id from = is_full ? stream_id_before(window) : reader->begin;
    return lower(from, lower(reader->last.id, state->last));
}

static void set_back(struct stream_reader *reader, const struct stream_state *state)
{
    struct stream_id common = find_common(reader, state);
    struct stream_id begin = state->length ? stream_id_before(state->first) : state->last;
    struct stream_id restart = stream_id_compare(common, begin) < 0 ? begin : common;
    reader->stats.rollbacks++;
    say_warning("Redis has lost entries that were read",
                "newest=%" PRIu64 "-%" PRIu64 " read=%" PRIu64 "-%" PRIu64, state->last.ms,
                state->last.sequence, reader->last.id.ms, reader->last.id.sequence);
    if (!reader->is_forked || stream_id_compare(reader->lost, reader->last.id) < 0)
        reader->lost = reader->last.id;
    reader->last = stream_state_position(state, restart);
    /* What it has trimmed meanwhile is no loss. */
    reader->fork = stream_state_is_whole(state) ? common : restart;
    recent_entries_note_loss(reader->recent, reader->fork);
    reader->is_forked = true;
    reader->is_fork_noted = false;
    reader->is_at_entry = false;
    reader->events.on_loss(state->last, reader->events.context);
}

/* The entry read last is looked for and not there, though it is neither trimmed nor deleted; or
 * another one has its id. */
static bool is_other_history(const struct stream_reader *reader, const struct stream_state *state,
                             const struct redisReply *probe)
{
    struct stream_entry entry;
    if (probe->type != REDIS_REPLY_ARRAY)
        return false;
    if (probe->elements > 0)
        return stream_entry_read(&entry, probe->element[0]) &&
               !recent_entries_has(reader->recent, entry.log, entry.index, entry.id);
    return state->length > 0 && stream_id_compare(state->first, reader->last.id) <= 0 &&
           stream_id_compare(state->last_deleted, reader->last.id) < 0;
}

static bool has_lost_entries(const struct stream_reader *reader, const struct stream_state *state,
                             const struct redisReply *probe)
{
    uint64_t ordinal = stream_state_last_ordinal(state);
    return stream_id_compare(state->last, reader->last.id) < 0 ||
           (ordinal && ordinal < reader->last.ordinal) ||
           (probe && is_other_history(reader, state, probe));
}

/* How many of the gap's entries are not in history either, as far as they can be counted. */
static uint64_t count_missed(const struct stream_reader *reader, const struct history_block *newest)
{
    const struct gap *gap = &reader->gap;
    uint64_t behind_history = history_block_ordinal(newest, newest->count);
    uint64_t behind_gap = reader->last.ordinal + gap->missed + 1;
    if (!gap->is_counted || !behind_history || behind_history <= reader->last.ordinal)
        return gap->missed;
    return behind_gap > behind_history ? behind_gap - behind_history : 0;
}

/* What of it is in history is missed by nobody who reads the past. */
static void tell_of_gap(struct stream_reader *reader, const struct history_block *newest)
{
    bool is_packed = stream_id_compare(newest->last, reader->last.id) > 0;
    uint64_t missed = count_missed(reader, newest);
    reader->stats.packed_breaks += is_packed;
    reader->stats.missed += missed;
    if (is_packed)
        say_info("entries were packed before they were read", "entries=%" PRIu64,
                 reader->gap.missed - missed);
    if (!is_packed || missed > 0)
        say_warning("Redis has trimmed entries before they were read", "missed=%" PRIu64, missed);
}

static void pass_over(struct stream_reader *reader, const struct gap *gap)
{
    bool is_known = gap->is_counted && reader->last.ordinal;
    begin_at(reader, (struct stream_position){ gap->to,
                                               is_known ? reader->last.ordinal + gap->missed : 0 });
}

/* True if what was read along with the state is what comes next. */
static bool take_state(struct stream_reader *reader, const struct stream_state *state,
                       const struct redisReply *probe)
{
    reader->first = state->length ? state->first
                                  : (struct stream_id){ state->last.ms, state->last.sequence + 1 };
    if (!reader->has_position) {
        begin_at(reader, stream_state_end(state));
        return false;
    }
    if (has_lost_entries(reader, state, probe)) {
        set_back(reader, state);
        return false;
    }
    return true;
}

/* What was found in a reply. */
struct decoded {
    size_t count; /* the good ones */
    size_t controls;
    size_t malformed;
    struct stream_position last; /* of all */
};

static struct decoded decode_batch(struct stream_reader *reader, const struct redisReply *entries)
{
    struct decoded decoded = { .last = reader->last };
    for (size_t i = 0; i < entries->elements && decoded.count < READ_COUNT; i++) {
        struct stream_entry *entry = &reader->entries[decoded.count];
        bool is_good = stream_entry_read(entry, entries->element[i]);
        if (stream_id_compare(entry->id, decoded.last.id) > 0)
            decoded.last.id = entry->id;
        decoded.last.ordinal += decoded.last.ordinal > 0;
        reader->ordinals[decoded.count] = decoded.last.ordinal;
        decoded.count += is_good;
        decoded.controls += entry->is_control;
        if (entry->is_control)
            recent_entries_forget_log(reader->recent, entry->log);
        decoded.malformed += !is_good && !entry->is_control;
    }
    return decoded;
}

/* The entries that are new come to the front, in their order; answers how many, and the last of
 * those that were read under another id, or zero. What was read already is met again only where
 * another history of Redis is gone through from its fork. */
static size_t keep_back_repeats(struct stream_reader *reader, size_t count,
                                struct stream_id *repeat)
{
    size_t fresh = 0;
    *repeat = (struct stream_id){ 0 };
    for (size_t i = 0; i < count; i++) {
        const struct stream_entry *entry = &reader->entries[i];
        enum recent_answer answer =
            recent_entries_add(reader->recent, entry->log, entry->index, entry->id);
        reader->stats.entries += answer != RECENT_KNOWN;
        reader->stats.repeats += answer == RECENT_REPEAT;
        if (answer == RECENT_REPEAT)
            *repeat = entry->id;
        if (answer == RECENT_KNOWN)
            reader->fork = entry->id;
        if (answer != RECENT_NEW)
            continue;
        reader->entries[fresh] = *entry;
        reader->ordinals[fresh++] = reader->ordinals[i];
    }
    return fresh;
}

static void note_fork(struct stream_reader *reader)
{
    if (reader->is_fork_noted)
        return;
    reader->is_fork_noted = true;
    recent_entries_note_fork(reader->recent, reader->fork, reader->lost);
    reader->events.on_branch(reader->fork, reader->events.context);
}

/* In processor time: on a busy machine smaller batches would only be more work. */
static void note_batch_time(struct stream_reader *reader, uint64_t taken_us)
{
    if (taken_us > BATCH_US)
        reader->batch_count /= 2;
    else if (taken_us < BATCH_US / 2)
        reader->batch_count *= 2;
    if (reader->batch_count > READ_COUNT)
        reader->batch_count = READ_COUNT;
    if (reader->batch_count < READ_COUNT_MIN)
        reader->batch_count = READ_COUNT_MIN;
    reader->read_count = reader->batch_count;
}

/* `state`: of the stream when they were read. */
static void take_entries(struct stream_reader *reader, const struct stream_state *state,
                         const struct redisReply *entries)
{
    uint64_t start_us = clock_processor_us();
    struct decoded decoded = decode_batch(reader, entries);
    /* Redis lost what was read, and between two reads got others with higher ids. */
    if (!stream_state_has_place(state, &decoded.last)) {
        set_back(reader, state);
        read_on(reader);
        return;
    }
    uint64_t now_ms = clock_monotonic_ms();
    bool fetching =
        reader->events.needs_issuers(reader->events.context) &&
        issuer_lookup_start(reader->fetch, reader->link, reader->entries, decoded.count, now_ms);
    if (fetching) {
        reader->stats.issuer_rounds++;
        reader->read_count = entries->elements;
        reader->state = READER_FETCHING;
        return;
    }
    reader->stats.replies++;
    reader->stats.malformed += decoded.malformed;
    reader->stats.controls += decoded.controls;
    reader->is_at_entry |= decoded.count > 0;
    reader->last = decoded.last;
    struct stream_id repeat;
    size_t fresh = keep_back_repeats(reader, decoded.count, &repeat);
    bool has_repeats = stream_id_compare(repeat, (struct stream_id){ 0 }) > 0;
    bool are_all = entries->elements < reader->read_count;
    /* Who is told of them may come back at once. */
    if ((fresh > 0 || has_repeats) && reader->is_forked)
        note_fork(reader);
    if (has_repeats)
        reader->events.on_repeat(repeat, reader->events.context);
    if (fresh > 0)
        reader->events.on_entries(reader->entries, reader->ordinals, fresh, now_ms,
                                  reader->events.context);
    issuer_cache_trim(reader->issuers);
    note_batch_time(reader, clock_processor_us() - start_us);
    if (are_all && !reader->is_forked)
        stand_at_end(reader, state);
    else
        read_on(reader);
}

static void on_bell(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    if (reply && reply->type == REDIS_REPLY_NIL) {
        read_on(reader);
    } else if (reply && stream_entries_of_read(reply)) {
        reader->state = READER_GATHERING;
        reader->events.on_gather(GATHER_MS, reader->events.context);
    } else {
        fail_read(reader, reply, "XREAD");
    }
}

void stream_reader_end_gathering(struct stream_reader *reader)
{
    if (reader->state != READER_GATHERING)
        return;
    /* In the meantime Redis may have lost entries and got as many again. */
    reader->is_probing = reader->is_at_entry;
    read_on(reader);
}

static void wait_for_entries(struct stream_reader *reader)
{
    char id[STREAM_ID_TEXT_SIZE];
    (void)stream_id_format(id, reader->last.id);
    bool sent =
        redis_link_send_strings(reader->link, on_bell, reader, "XREAD", "COUNT", "1", "BLOCK",
                                BLOCK_MS, "STREAMS", reader->contract->stream, id, NULL);
    reader->state = sent ? READER_READING : READER_DOWN;
}

/* There is nothing more: so the place has the number of the last entry there ever was. */
static void stand_at_end(struct stream_reader *reader, const struct stream_state *state)
{
    if (!reader->last.ordinal)
        reader->last.ordinal = stream_state_last_ordinal(state);
    if (reader->is_forked) {
        reader->is_forked = false;
        note_fork(reader);
        reader->is_fork_noted = false;
        reader->events.on_fork(reader->fork, reader->lost, reader->events.context);
    }
    wait_for_entries(reader);
}

static void on_newest_block(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    struct history_block newest;
    if (!history_block_read(&newest, reply)) {
        fail_read(reader, reply, "XREVRANGE");
        return;
    }
    tell_of_gap(reader, &newest);
    pass_over(reader, &reader->gap);
    read_on(reader);
}

/* What is not in the stream any more may have been packed. */
static void ask_for_history(struct stream_reader *reader)
{
    bool sent = redis_link_send_strings(reader->link, on_newest_block, reader, "XREVRANGE",
                                        reader->contract->history, "+", "-", "COUNT", "1", NULL);
    reader->state = sent ? READER_READING : READER_DOWN;
}

/* `read` is the reply to XREAD. */
static void take_read(struct stream_reader *reader, const struct stream_state *state,
                      const struct redisReply *read, const struct redisReply *probe)
{
    const struct redisReply *entries = stream_entries_of_read(read);
    if (stream_state_is_missing(state) && redis_link_may_lack_keys(reader->link)) {
        reader->state = READER_DOWN;
        redis_link_drop(reader->link, "the stream has left this replica");
        return;
    }
    reader->is_probing = false;
    if (!take_state(reader, state, probe))
        read_on(reader);
    else if (stream_state_gap(state, &reader->last, &reader->gap))
        ask_for_history(reader);
    else if (entries)
        take_entries(reader, state, entries);
    else
        stand_at_end(reader, state);
}

static void drop_plain(struct stream_reader *reader)
{
    reply_arena_release(reader->plain_state);
    reply_arena_release(reader->plain_read);
    reader->plain_state = reader->plain_read = NULL;
}

static void on_plain_state(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    drop_plain(reader);
    reader->plain_state = reply ? reply_arena_hold(reply) : NULL;
}

static void on_plain_read(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    reader->plain_read = reply ? reply_arena_hold(reply) : NULL;
}

/* What was trimmed between the two states may be missing in what was read without being a gap of
 * the first. */
static void on_plain_state_after(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    const struct redisReply *read = reader->plain_read;
    struct stream_state state;
    struct stream_state after;
    bool is_good =
        reply && read && (read->type == REDIS_REPLY_NIL || stream_entries_of_read(read)) &&
        stream_state_read(&state, reader->plain_state) && stream_state_read(&after, reply);
    if (!is_good)
        fail_read(reader, reply ? read : NULL, "XREAD");
    else if (stream_id_compare(state.first, after.first) != 0)
        read_on(reader);
    else
        take_read(reader, &state, read, NULL);
    drop_plain(reader);
}

static bool send_read(struct stream_reader *reader, redis_link_on_reply on_reply)
{
    char id[STREAM_ID_TEXT_SIZE];
    char count[24];
    (void)stream_id_format(id, reader->last.id);
    (void)snprintf(count, sizeof count, "%zu", reader->has_position ? reader->read_count : 1);
    return redis_link_send_strings(reader->link, on_reply, reader, "XREAD", "COUNT", count,
                                   "STREAMS", reader->contract->stream, id, NULL);
}

/* A Redis that is full takes no transaction, not even one that only reads. Then nothing is appended
 * either, but trimmed it may be: the state of the moment before counts if it is that of the moment
 * after. */
static void read_plainly(struct stream_reader *reader)
{
    bool sent = redis_link_send_strings(reader->link, on_plain_state, reader, "XINFO", "STREAM",
                                        reader->contract->stream, NULL) &&
                send_read(reader, on_plain_read) &&
                redis_link_send_strings(reader->link, on_plain_state_after, reader, "XINFO",
                                        "STREAM", reader->contract->stream, NULL);
    if (!sent)
        reader->state = READER_DOWN;
}

static void on_read(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    struct stream_state state;
    size_t replies = READ_REPLIES + (size_t)reader->is_probing;
    if (reply && stream_state_is_discarded(reply))
        read_plainly(reader);
    else if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != replies ||
             !stream_state_read(&state, reply->element[READ_STATE]))
        fail_read(reader, reply, "XINFO");
    else
        take_read(reader, &state, reply->element[READ_ENTRIES],
                  reader->is_probing ? reply->element[READ_PROBE] : NULL);
}

/* What is new, and the state of the stream at the same moment. */
static void read_on(struct stream_reader *reader)
{
    struct redis_link *link = reader->link;
    const char *key = reader->contract->stream;
    char id[STREAM_ID_TEXT_SIZE];
    (void)stream_id_format(id, reader->last.id);
    bool sent = redis_link_send_strings(link, NULL, NULL, "MULTI", NULL) &&
                redis_link_send_strings(link, NULL, NULL, "XINFO", "STREAM", key, NULL) &&
                send_read(reader, NULL) &&
                (!reader->is_probing ||
                 redis_link_send_strings(link, NULL, NULL, "XRANGE", key, id, id, NULL)) &&
                redis_link_send_strings(link, on_read, reader, "EXEC", NULL);
    reader->state = !sent ? READER_DOWN : reader->has_position ? READER_READING : READER_SEEKING;
}

static void on_issuers_fetched(bool fetched, void *context)
{
    struct stream_reader *reader = context_of(context, STREAM_READER_MARK);
    assert(reader->state == READER_FETCHING);
    if (fetched)
        read_on(reader);
    else
        reader->state = READER_DOWN;
}

struct stream_reader *stream_reader_create(const struct contract *contract,
                                           struct issuer_cache *issuers,
                                           struct recent_entries *recent,
                                           const struct stream_reader_events *events)
{
    struct stream_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    reader->mark = STREAM_READER_MARK;
    reader->contract = contract;
    reader->issuers = issuers;
    reader->recent = recent;
    reader->events = *events;
    reader->read_count = reader->batch_count = READ_COUNT;
    reader->fetch = issuer_lookup_create(contract, issuers, on_issuers_fetched, reader);
    return reader;
}

void stream_reader_destroy(struct stream_reader *reader)
{
    if (!reader)
        return;
    issuer_lookup_destroy(reader->fetch);
    drop_plain(reader);
    free(reader);
}

void stream_reader_start(struct stream_reader *reader, struct redis_link *link)
{
    assert(reader->state == READER_DOWN || reader->state == READER_GATHERING);
    reader->link = link;
    reader->is_probing = reader->is_at_entry;
    read_on(reader);
}

struct stream_id stream_reader_last_id(const struct stream_reader *reader)
{
    return reader->last.id;
}

struct stream_position stream_reader_position(const struct stream_reader *reader)
{
    return reader->last;
}

struct stream_id stream_reader_first_id(const struct stream_reader *reader)
{
    return reader->first;
}

bool stream_reader_is_reading(const struct stream_reader *reader)
{
    return reader->state == READER_READING || reader->state == READER_GATHERING ||
           reader->state == READER_FETCHING;
}

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader)
{
    return &reader->stats;
}
