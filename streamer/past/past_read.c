#include "streamer/past/past_read.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/reply_arena.h"

enum {
    /* Nearly every head is shorter; where one is not, it is asked for as large as heads may be. */
    HEAD_GUESS = 16 * 1024,
    /* Index, stream and blocks are of different moments: so often it begins anew. More is Redis
     * contradicting itself. */
    ROUNDS_MAX = 8,
    /* Head, rows, heads of earlier blocks and frames come one after the other. Where a cache is so
     * small that they drive each other out, a single entry is asked for, and then no more. */
    FETCHES_FEW = 8,
    FETCHES_MAX = 32,
    COUNT_SIZE = 24,
    BOUND_SIZE = STREAM_ID_TEXT_SIZE + 1,
};

/* The replies of a read of the stream, and of the index, in the order of the commands. */
enum {
    PLAIN_STATE,
    PLAIN_ENTRIES,
    PLAIN_NEWEST, /* the newest block */
    INDEX_STATE = 0,
    INDEX_BLOCK,  /* the first block that ends at the place or behind it */
    INDEX_BEFORE, /* the one before */
    TRANSACTION_REPLIES,
    /* Without a transaction the stream's state is asked for again at the end. */
    PLAIN_STATE_AFTER = TRANSACTION_REPLIES,
    PLAIN_SINGLES,
    INDEX_SINGLES = TRANSACTION_REPLIES,
    SINGLES_MAX = PLAIN_SINGLES,
};

#define PAST_READ_MARK CONTEXT_MARK('P', 'A', 'S', 'T')

#define PART_READ_MARK CONTEXT_MARK('P', 'A', 'R', 'T')

/* A part of a block on its way. */
struct part_read {
    uint32_t mark; /* PART_READ_MARK */
    struct past_read *read;
    struct block_place place;
    size_t asked; /* bytes */
};

struct past {
    const struct contract *contract;
    struct packed_source source;
    struct history_block newest;       /* as it was read last */
    struct stream_id unknown, damaged; /* blocks of which that was said */
    struct past_stats stats;
};

struct past_read {
    uint32_t mark; /* PAST_READ_MARK */
    struct past *past;
    past_read_on_page on_page;
    void *context;
    struct redis_link *link;
    struct packed_request request; /* of history, if it comes to that */
    unsigned rounds, fetches;
    /* Of a read without a transaction: what has come of it, held. */
    struct redisReply *singles[SINGLES_MAX];
    size_t single_count;
    /* While the parts of a block are fetched: */
    struct part_read parts[PACKED_PAGE_PARTS_MAX];
    size_t part_count; /* on their way */
    bool is_gone;      /* one of them was not there */
    bool is_lost;      /* nor a round later: it is lost */
};

static void send_plain(struct past_read *read);
static void send_index(struct past_read *read);

struct past *past_create(const struct contract *contract, size_t cache_bytes)
{
    struct past *past = memory_allocate_zeroed(1, sizeof *past);
    past->contract = contract;
    past->source.cache = block_cache_create(cache_bytes);
    past->source.renderer = entry_renderer_create();
    return past;
}

void past_destroy(struct past *past)
{
    if (!past)
        return;
    block_cache_destroy(past->source.cache);
    entry_renderer_destroy(past->source.renderer);
    free(past);
}

void past_forget(struct past *past)
{
    block_cache_clear(past->source.cache);
    past->newest = (struct history_block){ 0 };
}

void past_note_newest(struct past *past, const struct history_block *newest)
{
    past->newest = *newest;
}

struct stream_id past_unknown(const struct past *past)
{
    return past->unknown;
}

const struct past_stats *past_stats(const struct past *past)
{
    return &past->stats;
}

const struct block_cache_stats *past_cache_stats(const struct past *past)
{
    return block_cache_stats(past->source.cache);
}

struct past_read *past_read_create(struct past *past, past_read_on_page on_page, void *context)
{
    struct past_read *read = memory_allocate_zeroed(1, sizeof *read);
    read->mark = PAST_READ_MARK;
    read->past = past;
    read->on_page = on_page;
    read->context = context;
    for (size_t i = 0; i < PACKED_PAGE_PARTS_MAX; i++) {
        read->parts[i].mark = PART_READ_MARK;
        read->parts[i].read = read;
    }
    return read;
}

static void drop_singles(struct past_read *read)
{
    for (size_t i = 0; i < read->single_count; i++)
        reply_arena_release(read->singles[i]);
    read->single_count = 0;
}

void past_read_destroy(struct past_read *read)
{
    if (!read)
        return;
    drop_singles(read);
    free(read);
}

static void end_read(struct past_read *read, struct stream_page *page, const char *reason)
{
    drop_singles(read);
    read->on_page(read, page, reason, read->context);
}

/* NULL: the link went away. */
static void fail_read(struct past_read *read, const struct redisReply *reply)
{
    const char *reason = NULL;
    if (reply)
        reason = reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply";
    end_read(read, NULL, reason);
}

/* What is asked for begins with the entries after this id, forwards, or ends with it. */
static struct stream_id place_of(const struct past_read *read)
{
    struct stream_id place = read->request.bounds.place.id;
    return read->request.bounds.is_backward ? stream_id_before(place) : place;
}

/* True if something of what is asked for is in history. */
static bool is_packed(const struct past_read *read, const struct history_block *newest)
{
    int order = stream_id_compare(place_of(read), newest->last);
    return history_block_is_there(newest) &&
           (read->request.bounds.is_backward ? order <= 0 : order < 0);
}

static void take_plain(struct past_read *read, struct redisReply *whole,
                       struct redisReply *const *replies)
{
    struct history_block newest;
    if (!history_block_read(&newest, replies[PLAIN_NEWEST])) {
        fail_read(read, replies[PLAIN_NEWEST]);
        return;
    }
    past_note_newest(read->past, &newest);
    if (is_packed(read, &newest)) {
        send_index(read);
        return;
    }
    struct stream_page *page = stream_page_create(
        whole, replies[PLAIN_ENTRIES], replies[PLAIN_STATE], &newest, &read->request.bounds);
    if (page)
        end_read(read, page, NULL);
    else
        fail_read(read, replies[PLAIN_ENTRIES]);
}

static void make_packed_page(struct past_read *read);

/* The block that has what is asked for, or of which it is the nearest. */
static void take_index(struct past_read *read, struct redisReply *const *replies)
{
    bool is_backward = read->request.bounds.is_backward;
    if (!stream_state_read(&read->request.state, replies[INDEX_STATE]) ||
        !history_block_read(&read->request.block, replies[INDEX_BLOCK]) ||
        !history_block_read(&read->request.before, replies[INDEX_BEFORE])) {
        fail_read(read, replies[INDEX_BLOCK]);
        return;
    }
    bool is_beyond = !history_block_is_there(&read->request.block) ||
                     stream_id_compare(read->request.block.first, place_of(read)) > 0;
    if (is_backward && is_beyond)
        read->request.block = read->request.before;
    if (history_block_is_there(&read->request.block))
        make_packed_page(read);
    else if (is_backward)
        end_read(read, packed_page_create_begin(&read->request.state, &read->request.bounds), NULL);
    else
        send_plain(read);
}

/* What is done with the replies, all of one moment or, where Redis takes no transaction, of moments
 * in the order of the commands. */
typedef void (*take_replies)(struct past_read *read, struct redisReply *whole);

static void take_plain_transaction(struct past_read *read, struct redisReply *whole)
{
    take_plain(read, whole, whole->element);
}

static void take_index_transaction(struct past_read *read, struct redisReply *whole)
{
    take_index(read, whole->element);
}

static bool send_state(struct past_read *read, redis_link_on_reply on_reply)
{
    return redis_link_send_strings(read->link, on_reply, read, "XINFO", "STREAM",
                                   read->past->contract->stream, NULL);
}

static bool send_entries(struct past_read *read, redis_link_on_reply on_reply)
{
    const char *key = read->past->contract->stream;
    char bound[BOUND_SIZE] = "(";
    char count[COUNT_SIZE];
    (void)stream_id_format(bound + 1, read->request.bounds.place.id);
    (void)snprintf(count, sizeof count, "%zu", read->request.bounds.limit);
    return read->request.bounds.is_backward
               ? redis_link_send_strings(read->link, on_reply, read, "XREVRANGE", key, bound, "-",
                                         "COUNT", count, NULL)
               : redis_link_send_strings(read->link, on_reply, read, "XRANGE", key, bound, "+",
                                         "COUNT", count, NULL);
}

static bool send_newest(struct past_read *read, redis_link_on_reply on_reply)
{
    return redis_link_send_strings(read->link, on_reply, read, "XREVRANGE",
                                   read->past->contract->history, "+", "-", "COUNT", "1", NULL);
}

static bool send_block(struct past_read *read, redis_link_on_reply on_reply)
{
    char bound[BOUND_SIZE] = "(";
    (void)stream_id_format(bound + 1, place_of(read));
    return redis_link_send_strings(
        read->link, on_reply, read, "XRANGE", read->past->contract->history,
        read->request.bounds.is_backward ? bound + 1 : bound, "+", "COUNT", "1", NULL);
}

static bool send_block_before(struct past_read *read, redis_link_on_reply on_reply)
{
    char bound[BOUND_SIZE] = "(";
    (void)stream_id_format(bound + 1, place_of(read));
    return redis_link_send_strings(
        read->link, on_reply, read, "XREVRANGE", read->past->contract->history,
        read->request.bounds.is_backward ? bound : bound + 1, "-", "COUNT", "1", NULL);
}

typedef bool (*send_command)(struct past_read *read, redis_link_on_reply on_reply);

/* Whether history was written between two commands shows in what is read last; so that is the index
 * where the stream is wanted, and behind it the state, which shows whether the stream was trimmed.
 * Nothing else matters where the index is. */
static const send_command plain_commands[PLAIN_SINGLES] = { send_state, send_entries, send_newest,
                                                            send_state };
static const send_command index_commands[INDEX_SINGLES] = { send_state, send_block,
                                                            send_block_before };

static bool send_all(struct past_read *read, const send_command *commands, size_t count,
                     redis_link_on_reply on_each, redis_link_on_reply on_last)
{
    bool is_sent = true;
    for (size_t i = 0; i < count && is_sent; i++)
        is_sent = commands[i](read, i + 1 < count ? on_each : on_last);
    return is_sent;
}

static void on_single_reply(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct past_read *read = context_of(context, PAST_READ_MARK);
    if (reply)
        read->singles[read->single_count++] = reply_arena_hold(reply);
}

/* The replies held so far and the last one, `count` together; NULL if the link went away meanwhile.
 */
static struct redisReply *const *take_last(struct past_read *read, struct redisReply *reply,
                                           size_t count)
{
    if (!reply || read->single_count != count - 1)
        return NULL;
    on_single_reply(read->link, reply, read);
    return read->singles;
}

/* What was trimmed between the two may be missing in the entries without being a gap of the first.
 * Of a reply that is no state the first alone is judged. */
static bool is_trimmed_between(const struct redisReply *before, const struct redisReply *after)
{
    struct stream_state earlier;
    struct stream_state later;
    return stream_state_read(&earlier, before) && stream_state_read(&later, after) &&
           stream_id_compare(earlier.first, later.first) != 0;
}

static void on_last_plain_single(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct past_read *read = context_of(context, PAST_READ_MARK);
    struct redisReply *const *replies = take_last(read, reply, PLAIN_SINGLES);
    if (!replies)
        fail_read(read, NULL);
    else if (is_trimmed_between(replies[PLAIN_STATE], replies[PLAIN_STATE_AFTER]))
        send_plain(read);
    else
        take_plain(read, replies[PLAIN_ENTRIES], replies);
}

static void on_last_index_single(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct past_read *read = context_of(context, PAST_READ_MARK);
    struct redisReply *const *replies = take_last(read, reply, INDEX_SINGLES);
    if (replies)
        take_index(read, replies);
    else
        fail_read(read, NULL);
}

/* A Redis that is full takes no transaction, not even one that only reads. */
static void on_transaction(struct past_read *read, struct redisReply *reply,
                           const send_command *commands, size_t singles,
                           redis_link_on_reply on_last, take_replies take)
{
    if (reply && stream_state_is_discarded(reply)) {
        drop_singles(read);
        if (!send_all(read, commands, singles, on_single_reply, on_last))
            fail_read(read, NULL);
    } else if (reply && reply->type == REDIS_REPLY_ARRAY &&
               reply->elements == TRANSACTION_REPLIES) {
        take(read, reply);
    } else {
        fail_read(read, reply);
    }
}

static void on_plain(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct past_read *read = context_of(context, PAST_READ_MARK);
    on_transaction(read, reply, plain_commands, PLAIN_SINGLES, on_last_plain_single,
                   take_plain_transaction);
}

static void on_index(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct past_read *read = context_of(context, PAST_READ_MARK);
    on_transaction(read, reply, index_commands, INDEX_SINGLES, on_last_index_single,
                   take_index_transaction);
}

static bool send_transaction(struct past_read *read, const send_command *commands,
                             redis_link_on_reply on_exec)
{
    return redis_link_send_strings(read->link, NULL, NULL, "MULTI", NULL) &&
           send_all(read, commands, TRANSACTION_REPLIES, NULL, NULL) &&
           redis_link_send_strings(read->link, on_exec, read, "EXEC", NULL);
}

/* Begins a round. */
static void send_round(struct past_read *read, const send_command *commands,
                       redis_link_on_reply on_exec)
{
    drop_singles(read);
    if (read->rounds++ == ROUNDS_MAX)
        end_read(read, NULL, "stream and history contradict each other");
    else if (!send_transaction(read, commands, on_exec))
        fail_read(read, NULL);
}

static void send_plain(struct past_read *read)
{
    send_round(read, plain_commands, on_plain);
}

static void send_index(struct past_read *read)
{
    send_round(read, index_commands, on_index);
}

static void say_lost(struct past *past, struct stream_id block, enum block_result result)
{
    struct stream_id *said = result == BLOCK_UNKNOWN ? &past->unknown : &past->damaged;
    if (stream_id_compare(*said, block) == 0)
        return;
    *said = block;
    say_warning(result == BLOCK_UNKNOWN ? "a block of history is of an unknown format"
                                        : "a block of history is damaged",
                "block=%" PRIu64 "-%" PRIu64, block.ms, block.sequence);
}

static void finish_page(struct past_read *read, struct stream_page *page)
{
    struct past_stats *stats = &read->past->stats;
    stats->packed_pages++;
    stats->packed_entries += page->count;
    stats->lost_entries = read->past->source.lost;
    if (read->request.block.format != BLOCK_FORMAT)
        say_lost(read->past, read->request.block.last, BLOCK_UNKNOWN);
    end_read(read, page, NULL);
}

/* Where a part lies: of a head a guess. */
static struct block_part part_at(struct past *past, struct block_place place)
{
    const struct block_head *head;
    struct block_part part = { .size = HEAD_GUESS };
    if (place.part == BLOCK_HEAD_PART)
        return part;
    enum block_find found = block_cache_find_head(past->source.cache, place.block, &head);
    assert(found == BLOCK_PART_FOUND);
    return place.part == BLOCK_ROWS_PART ? head->rows
                                         : block_head_frame(head, place.part - BLOCK_FIRST_FRAME);
}

static void on_part(struct redis_link *link, struct redisReply *reply, void *context);

static bool send_part(struct part_read *part, size_t offset, size_t size)
{
    struct past_read *read = part->read;
    char key[CONTRACT_KEY_SIZE];
    char first[COUNT_SIZE];
    char last[COUNT_SIZE];
    contract_block_key(read->past->contract, key, part->place.block);
    (void)snprintf(first, sizeof first, "%zu", offset);
    (void)snprintf(last, sizeof last, "%zu", offset + size - 1);
    part->asked = size;
    read->past->stats.fetched_parts++;
    return redis_link_send_strings(read->link, on_part, part, "GETRANGE", key, first, last, NULL);
}

static void fetch_parts(struct past_read *read, const struct packed_parts *wanted)
{
    read->is_gone = false;
    read->part_count = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        struct block_part where = part_at(read->past, wanted->places[i]);
        struct part_read *part = &read->parts[read->part_count];
        part->place = wanted->places[i];
        read->part_count += send_part(part, where.offset, where.size);
    }
    if (read->part_count == 0)
        fail_read(read, NULL);
}

/* True if a head did not fit, and is asked for again. */
static bool ask_for_larger(struct part_read *part, struct bytes packed)
{
    return part->place.part == BLOCK_HEAD_PART && part->asked == HEAD_GUESS &&
           packed.size == HEAD_GUESS && send_part(part, 0, BLOCK_HEAD_MAX);
}

/* True if the part is still on its way. */
static bool take_block_part(struct part_read *part, struct bytes packed)
{
    struct past_read *read = part->read;
    struct past *past = read->past;
    past->stats.fetched_bytes += packed.size;
    if (packed.size == 0) {
        read->is_gone = true;
        if (read->is_lost)
            block_cache_put_lost(past->source.cache, part->place);
        return false;
    }
    enum block_result result = block_cache_put(past->source.cache, part->place, packed);
    if (result == BLOCK_GOOD)
        return false;
    if (ask_for_larger(part, packed))
        return true;
    say_lost(past, part->place.block, result);
    return false;
}

/* All are there. Of a block that has gone the index tells what came in its place; if it is in the
 * index still, it is lost. */
static void go_on_reading(struct past_read *read)
{
    if (read->is_gone && !read->is_lost) {
        read->is_lost = true;
        send_index(read);
        return;
    }
    make_packed_page(read);
}

static void on_part(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct part_read *part = context_of(context, PART_READ_MARK);
    struct past_read *read = part->read;
    bool is_text = reply && reply->type == REDIS_REPLY_STRING;
    if (is_text && take_block_part(part, bytes_of(reply->str, reply->len)))
        return;
    read->part_count--;
    if (!is_text)
        read->link = NULL;
    if (read->part_count > 0)
        return;
    if (read->link)
        go_on_reading(read);
    else
        fail_read(read, reply);
}

static void make_packed_page(struct past_read *read)
{
    struct packed_parts parts;
    struct stream_page *page = packed_page_create(&read->past->source, &read->request, &parts);
    if (++read->fetches == FETCHES_FEW)
        read->request.bounds.limit = 1;
    if (page)
        finish_page(read, page);
    else if (read->fetches < FETCHES_MAX)
        fetch_parts(read, &parts);
    else
        end_read(read, NULL, "the parts of a block of history do not stay in the cache");
}

bool past_read_start(struct past_read *read, struct redis_link *link,
                     const struct stream_page_bounds *bounds, unsigned wanted)
{
    const send_command *commands = plain_commands;
    read->link = link;
    read->request.bounds = *bounds;
    read->request.wanted = wanted;
    read->rounds = 1;
    read->fetches = 0;
    read->is_lost = false;
    if (is_packed(read, &read->past->newest))
        commands = index_commands;
    return send_transaction(read, commands, commands == plain_commands ? on_plain : on_index);
}
