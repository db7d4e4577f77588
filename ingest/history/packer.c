#include "ingest/history/packer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>
#include <openssl/rand.h>

#include "ingest/history/entry_packer.h"
#include "ingest/history/history_index.h"
#include "ingest/history/history_replies.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/history/block_head.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/redis_refusal.h"

enum {
    LOOK_MS = 1000,
    /* Or after so much was appended: a small Redis is full within a second. */
    LOOK_BYTES = 2 * 1024 * 1024,
    /* Or where too much is plain, and a group was waited for. */
    LOOK_AGAIN_MS = 100,
    LEASE_MS = 6000,
    LEASE_RENEW_MS = 1500,
    /* 64 entries are a third of a megabyte: they keep Redis for 0.1 ms and this process for one. */
    PIECE_ENTRIES = 64,
    INDEX_PAGE = 1000,
    /* A certificate comes to all logs that get it within minutes. */
    GENERATION_MS = 10 * 60 * 1000,
    /* And what goes at once, when there is no room, is no more than so much of all. */
    GENERATION_PART = 8,
    UNLINK_MAX = 256,
    /* After so long without a block the stream is trimmed by its bytes, as without packing. */
    STALL_MS = 30 * 1000,
    NUMBER_SIZE = 24,
};

enum packer_state {
    PACKER_AWAY,    /* not the lease's holder */
    PACKER_LOADING, /* reads the index */
    PACKER_READY,
    PACKER_READING,
    PACKER_STORING,
};

#define PACKER_MARK CONTEXT_MARK('P', 'A', 'C', 'K')

struct packer {
    uint32_t mark; /* PACKER_MARK */
    struct packer_options options;
    enum packer_state state;
    struct entry_packer *entries;
    struct history_index index;
    struct stream_id packed; /* P:packed; 0-0: none */
    struct stream_id read;   /* of the last entry that was read */
    struct stream_id asked;  /* what it was when the piece on its way was asked for */
    uint64_t first_ordinal;  /* of the first plain entry; 0: not known */
    struct stream_id first_id;
    struct pack_view view;
    struct pack_plan plan;
    struct retention_memory memory;
    struct packer_stats stats;
    struct packer_pressure pressure;
    uint64_t lease_at_ms, look_at_ms, now_ms;
    uint64_t looked_bytes; /* appended by this process until then */
    bool is_leasing, is_looking;
    uint64_t moved_ms; /* when P:packed was last seen to move, or nothing was due; 0: never */
    struct stream_id moved_packed;
    size_t groups_asked;
    struct stream_id storing; /* the block that is on its way */
    size_t storing_size;
    bool is_refused; /* Redis does not say what the stream has: its user may not ask */
    bool is_hold_said;
    bool has_failed; /* said last */
};

/* KEYS: the lease. ARGV: the instance, ms. */
static const char lease_script[] = "local owner = redis.call('GET', KEYS[1]) "
                                   "if not owner or owner == ARGV[1] then "
                                   "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
                                   "  return 1 "
                                   "end "
                                   "return 0";

static const char give_back_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                                       "  redis.call('DEL', KEYS[1]) "
                                       "end "
                                       "return 1";

/* KEYS: P:packed, P:history, P:stream, the block. ARGV: what P:packed was or '', the block, its
 * last id, the id behind that, its first id, count, ordinal, generation, size, format. XADD comes
 * first: it is what Redis may refuse, and then nothing has happened. */
static const char store_script[] =
    "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'moved' end "
    "local first = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1] "
    "if not first or first[1] ~= ARGV[5] then return 'trimmed' end "
    "redis.call('XADD', KEYS[2], ARGV[3], '" CONTRACT_BLOCK_FIRST "', ARGV[5], "
    "'" CONTRACT_BLOCK_COUNT "', ARGV[6], '" CONTRACT_BLOCK_ORDINAL "', ARGV[7], "
    "'" CONTRACT_BLOCK_GENERATION "', ARGV[8], '" CONTRACT_BLOCK_SIZE "', ARGV[9], "
    "'" CONTRACT_BLOCK_FORMAT "', ARGV[10]) "
    "redis.call('SET', KEYS[4], ARGV[2]) "
    "redis.call('SET', KEYS[1], ARGV[3]) "
    "redis.call('XTRIM', KEYS[3], 'MINID', '=', ARGV[4]) "
    "return 'stored'";

struct packer *packer_create(const struct packer_options *options)
{
    struct packer *packer = memory_allocate_zeroed(1, sizeof *packer);
    uint8_t seed[ENTRY_PACKER_SEED_SIZE];
    if (RAND_bytes(seed, sizeof seed) != 1)
        abort();
    packer->mark = PACKER_MARK;
    packer->options = *options;
    packer->entries = entry_packer_create(ENTRY_PACKER_LEVEL, seed);
    return packer;
}

void packer_destroy(struct packer *packer)
{
    if (!packer)
        return;
    entry_packer_destroy(packer->entries);
    history_index_free(&packer->index);
    free(packer);
}

/* What was begun is forgotten, and with it the generation. */
static void abandon(struct packer *packer)
{
    entry_packer_begin_generation(packer->entries);
    packer->read = packer->packed;
}

static void leave(struct packer *packer)
{
    packer->state = PACKER_AWAY;
    packer->stats.is_leader = false;
    packer->stats.history_bytes = packer->stats.history_entries = packer->stats.oldest_ms = 0;
    packer->stats.lag_ms = 0;
    history_index_clear(&packer->index);
    abandon(packer);
}

static void take_index(struct packer *packer)
{
    const struct history_index *index = &packer->index;
    packer->stats.history_bytes = index->size;
    packer->stats.history_entries = index->entries;
    packer->stats.oldest_ms = index->count ? history_index_block(index, 0)->first.ms : 0;
    packer->memory.history_bytes = index->size;
}

static void on_index(struct redis_link *link, redisReply *reply, void *context);

static void load_index(struct packer *packer)
{
    char from[STREAM_ID_TEXT_SIZE + 1] = "-", page[NUMBER_SIZE];
    const struct history_index *index = &packer->index;
    if (index->count) {
        from[0] = '(';
        (void)stream_id_format(from + 1, history_index_block(index, index->count - 1)->last);
    }
    (void)snprintf(page, sizeof page, "%d", INDEX_PAGE);
    packer->state = PACKER_LOADING;
    (void)redis_link_send_strings(packer->options.link, on_index, packer, "XRANGE",
                                  packer->options.contract->history, from, "+", "COUNT", page,
                                  (char *)NULL);
}

static void on_index(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    if (!reply || packer->state != PACKER_LOADING)
        return;
    size_t count = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < count; i++) {
        struct history_block block;
        if (history_reply_block(&block, reply->element[i]))
            history_index_add(&packer->index, &block);
    }
    if (count == INDEX_PAGE && packer->index.count) {
        load_index(packer);
        return;
    }
    packer->state = PACKER_READY;
    packer->look_at_ms = 0;
    take_index(packer);
    say_info("history is packed here", "blocks=%zu entries=%" PRIu64 " bytes=%" PRIu64,
             packer->index.count, packer->index.entries, packer->index.size);
}

static void on_lease(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    packer->is_leasing = false;
    if (!reply || reply->type != REDIS_REPLY_INTEGER)
        return;
    packer->stats.is_leader = reply->integer == 1;
    if (!packer->stats.is_leader && packer->state != PACKER_AWAY)
        leave(packer);
    if (packer->stats.is_leader && packer->state == PACKER_AWAY) {
        history_index_clear(&packer->index);
        load_index(packer);
    }
}

static void send_lease(struct packer *packer)
{
    char ms[NUMBER_SIZE];
    (void)snprintf(ms, sizeof ms, "%d", LEASE_MS);
    packer->is_leasing = redis_link_send_strings(
        packer->options.link, on_lease, packer, "EVAL", lease_script, "1",
        packer->options.contract->history_lease, packer->options.instance, ms, (char *)NULL);
}

/* The oldest generation goes, its blocks first: killed in between, it is done again. */
static void drop_generation(struct packer *packer)
{
    struct redis_link *link = packer->options.link;
    const struct contract *contract = packer->options.contract;
    size_t count = history_index_oldest(&packer->index);
    struct stream_id last = history_index_block(&packer->index, count - 1)->last;
    struct stream_id generation = history_index_block(&packer->index, 0)->generation;
    char behind[STREAM_ID_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        char key[CONTRACT_KEY_SIZE];
        contract_block_key(contract, key, history_index_block(&packer->index, i)->last);
        (void)redis_link_send_strings(link, NULL, NULL, "UNLINK", key, (char *)NULL);
    }
    (void)stream_id_format(behind, stream_id_after(last));
    (void)redis_link_send_strings(link, NULL, NULL, "XTRIM", contract->history, "MINID", "=",
                                  behind, (char *)NULL);
    /* What is being made may name what has gone. */
    if (entry_packer_count(packer->entries) && packer->state != PACKER_STORING &&
        stream_id_compare(entry_packer_generation(packer->entries), generation) == 0)
        abandon(packer);
    history_index_drop(&packer->index, count);
    take_index(packer);
}

static bool is_generation_too_old(const struct packer *packer)
{
    const struct retention_limits *limits = &packer->options.retention;
    size_t count = history_index_oldest(&packer->index);
    uint64_t last_ms = history_index_block(&packer->index, count - 1)->last.ms;
    bool is_old = limits->age_ms && packer->view.redis_ms > limits->age_ms &&
                  last_ms < packer->view.redis_ms - limits->age_ms;
    uint64_t entries = packer->index.entries + packer->view.length;
    uint64_t oldest = 0;
    for (size_t i = 0; i < count; i++)
        oldest += history_index_block(&packer->index, i)->count;
    return is_old || (limits->entries && entries > limits->entries + oldest);
}

/* A block that is on its way may be of the oldest generation: then it is waited for. */
static void keep_limits(struct packer *packer)
{
    if (packer->state == PACKER_AWAY || packer->state == PACKER_LOADING ||
        packer->state == PACKER_STORING)
        return;
    while (packer->index.count && is_generation_too_old(packer))
        drop_generation(packer);
    uint64_t excess = retention_excess(&packer->options.retention, &packer->memory);
    while (packer->index.count && excess) {
        uint64_t before = packer->index.size;
        drop_generation(packer);
        uint64_t gone = before - packer->index.size;
        excess = excess > gone ? excess - gone : 0;
    }
}

static void send_piece(struct packer *packer);

static void say_failure(struct packer *packer, const char *why)
{
    if (!packer->has_failed)
        say_warning("a block of history was not stored", "reason=%s", say_quoted(why));
    packer->has_failed = true;
}

static void take_stored_block(struct packer *packer)
{
    struct entry_packer *entries = packer->entries;
    const struct history_block block = {
        .first = entry_packer_first(entries),
        .last = entry_packer_last(entries),
        .generation = entry_packer_generation(entries),
        .size = packer->storing_size,
        .count = entry_packer_count(entries),
    };
    history_index_add(&packer->index, &block);
    packer->packed = packer->read = block.last;
    packer->first_ordinal += packer->first_ordinal ? block.count : 0;
    packer->first_id = (struct stream_id){ 0 };
    packer->plan.count -= block.count < packer->plan.count ? block.count : packer->plan.count;
    if (packer->plan.is_pressed && !packer->plan.count) {
        packer->plan.is_pressed = false;
        packer->look_at_ms = 0;
    }
    packer->stats.blocks++;
    packer->stats.bytes += block.size;
    packer->stats.entries += block.count;
    packer->has_failed = false;
    entry_packer_commit(entries);
    take_index(packer);
}

/* A generation ends by its age, by its bytes, and when it names as much as it may. */
static bool is_generation_at_its_end(const struct packer *packer)
{
    struct stream_id generation = entry_packer_generation(packer->entries);
    uint64_t room = packer->view.maximum ? packer->view.maximum : RETENTION_BYTES_DEFAULT;
    return entry_packer_generation_is_full(packer->entries) ||
           packer->packed.ms - generation.ms > GENERATION_MS ||
           history_index_newest_size(&packer->index) > room / GENERATION_PART;
}

static void on_stored(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    if (!reply || packer->state != PACKER_STORING)
        return;
    packer->state = PACKER_READY;
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_ERROR;
    if (!is_text || strcmp(reply->str, "stored") != 0) {
        /* Somebody else packs, or trims, or Redis is full: what is there now is read anew. */
        packer->stats.abandoned++;
        say_failure(packer, is_text ? reply->str : "an odd reply");
        leave(packer);
        packer->lease_at_ms = packer->now_ms + LOOK_MS;
        return;
    }
    take_stored_block(packer);
    if (is_generation_at_its_end(packer))
        entry_packer_begin_generation(packer->entries);
    keep_limits(packer);
    send_piece(packer);
}

/* The ordinal of the block's first entry is known if that was the stream's first when its numbers
 * were asked for, or what was before it has been packed since then. */
static uint64_t ordinal_of_block(const struct packer *packer)
{
    bool is_known = packer->first_id.ms == 0 ||
                    stream_id_compare(packer->first_id, entry_packer_first(packer->entries)) == 0;
    return is_known ? packer->first_ordinal : 0;
}

static void store(struct packer *packer)
{
    enum {
        WORDS = 17
    };
    const struct contract *contract = packer->options.contract;
    struct entry_packer *entries = packer->entries;
    uint64_t ordinal = ordinal_of_block(packer);
    struct bytes block = entry_packer_finish(entries, ordinal);
    char key[CONTRACT_KEY_SIZE], numbers[4][NUMBER_SIZE], ids[5][STREAM_ID_TEXT_SIZE] = { "" };
    contract_block_key(contract, key, entry_packer_last(entries));
    if (packer->packed.ms)
        (void)stream_id_format(ids[0], packer->packed);
    (void)stream_id_format(ids[1], entry_packer_last(entries));
    (void)stream_id_format(ids[2], stream_id_after(entry_packer_last(entries)));
    (void)stream_id_format(ids[3], entry_packer_first(entries));
    (void)stream_id_format(ids[4], entry_packer_generation(entries));
    (void)snprintf(numbers[0], NUMBER_SIZE, "%zu", entry_packer_count(entries));
    (void)snprintf(numbers[1], NUMBER_SIZE, "%" PRIu64, ordinal);
    (void)snprintf(numbers[2], NUMBER_SIZE, "%zu", block.size);
    (void)snprintf(numbers[3], NUMBER_SIZE, "%d", BLOCK_FORMAT);
    const char *words[WORDS] = { "EVAL",
                                 store_script,
                                 "4",
                                 contract->packed,
                                 contract->history,
                                 contract->stream,
                                 key,
                                 ids[0],
                                 (const char *)block.data,
                                 ids[1],
                                 ids[2],
                                 ids[3],
                                 numbers[0],
                                 numbers[1],
                                 ids[4],
                                 numbers[2],
                                 numbers[3] };
    size_t sizes[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        sizes[i] = words[i] == (const char *)block.data ? block.size : strlen(words[i]);
    packer->storing_size = block.size;
    packer->state = PACKER_STORING;
    (void)redis_link_send(packer->options.link, on_stored, packer, WORDS, words, sizes);
}

/* Entries of the stream that are due are in the block; it is finished if it has enough of them, or
 * waits for more. */
static bool is_block_due(const struct packer *packer)
{
    if (!entry_packer_count(packer->entries))
        return false;
    uint64_t age_ms = packer->options.pack.plain_ms + BLOCK_AGE_MS;
    return entry_packer_is_full(packer->entries) || packer->plan.is_pressed ||
           packer->plan.is_hold_ended ||
           entry_packer_first(packer->entries).ms + age_ms < packer->view.redis_ms;
}

static void take_piece(struct packer *packer, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        struct stream_id id;
        struct history_fields fields;
        if (!history_reply_entry(&id, &fields, reply->element[i]))
            continue;
        if (!entry_packer_add(packer->entries, id, &fields))
            packer->stats.left_out++;
        packer->read = id;
        free((void *)(uintptr_t)fields.fields); /* NOLINT(performance-no-int-to-ptr) */
        if (entry_packer_is_full(packer->entries))
            return;
    }
}

static void on_piece(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    if (!reply || packer->state != PACKER_READING)
        return;
    packer->state = PACKER_READY;
    if (reply->type != REDIS_REPLY_ARRAY) {
        say_failure(packer, reply->type == REDIS_REPLY_ERROR ? reply->str : "an odd reply");
        return;
    }
    /* The block was abandoned meanwhile. */
    if (stream_id_compare(packer->asked, packer->read) != 0) {
        send_piece(packer);
        return;
    }
    take_piece(packer, reply);
    bool is_last = reply->elements < PIECE_ENTRIES;
    if (entry_packer_is_full(packer->entries) || (is_last && is_block_due(packer)))
        store(packer);
    else if (!is_last)
        send_piece(packer);
}

/* Up to where the next piece may reach, exclusive. */
static struct stream_id bound_of_piece(const struct packer *packer)
{
    const struct pack_plan *plan = &packer->plan;
    struct stream_id bound = plan->before;
    size_t taken = entry_packer_count(packer->entries);
    if (plan->count > taken)
        bound = (struct stream_id){ UINT64_MAX, UINT64_MAX };
    if (plan->is_held && stream_id_compare(packer->view.wanted, bound) < 0)
        bound = packer->view.wanted;
    return bound;
}

/* Reads on, if there is more to be packed. */
static void send_piece(struct packer *packer)
{
    struct stream_id bound = bound_of_piece(packer);
    if (packer->state != PACKER_READY || !packer->options.packs)
        return;
    if (stream_id_compare(packer->read, bound) >= 0 || !bound.ms) {
        if (is_block_due(packer))
            store(packer);
        return;
    }
    char from[STREAM_ID_TEXT_SIZE + 1] = "(", to[STREAM_ID_TEXT_SIZE + 1] = "(", count[NUMBER_SIZE];
    (void)stream_id_format(from + 1, packer->read);
    (void)stream_id_format(to + 1, bound);
    (void)snprintf(count, sizeof count, "%d", PIECE_ENTRIES);
    packer->state = PACKER_READING;
    packer->asked = packer->read;
    (void)redis_link_send_strings(packer->options.link, on_piece, packer, "XRANGE",
                                  packer->options.contract->stream, from, to, "COUNT", count,
                                  (char *)NULL);
}

static void on_clock(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    packer->view.redis_ms = reply ? history_reply_time(reply) : 0;
}

static void on_memory(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    if (reply)
        (void)retention_read_info(&packer->memory, history_reply_text(reply),
                                  &packer->options.retention);
    uint64_t bytes = packer->options.retention.bytes;
    packer->view.maximum = packer->memory.maximum;
    if (bytes && (bytes < packer->view.maximum || !packer->view.maximum))
        packer->view.maximum = bytes;
}

static void on_stream_bytes(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    packer->view.stream_bytes = packer->memory.stream_bytes = history_reply_number(reply);
}

static void on_issuer_bytes(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    packer->memory.issuer_bytes = history_reply_number(reply);
}

static void on_blocks(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    if (reply)
        packer->pressure.has_history = history_reply_number(reply) > 0;
}

static void on_stream_read(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    struct stream_numbers numbers;
    packer->view.length = 0;
    bool is_refused = reply && reply->type == REDIS_REPLY_ERROR &&
                      redis_refusal_of(reply->str) == REDIS_REFUSAL_CONDITION;
    if (is_refused && !packer->is_refused && packer->options.packs)
        say_warning("history cannot be packed", "reason=%s", say_quoted(reply->str));
    packer->is_refused = is_refused;
    if (!reply || !history_reply_stream(&numbers, reply))
        return;
    packer->view.length = packer->memory.stream_entries = numbers.length;
    packer->view.first = packer->first_id = numbers.first;
    packer->first_ordinal = numbers.added ? numbers.added - numbers.length + 1 : 0;
}

static void note_wanted(struct packer *packer, struct stream_id wanted)
{
    if (!packer->view.has_group || stream_id_compare(wanted, packer->view.wanted) < 0)
        packer->view.wanted = wanted;
    packer->view.has_group = true;
}

static void finish_look(struct packer *packer);

static void on_pending(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    struct stream_id oldest;
    (void)link;
    packer->groups_asked--;
    if (reply && history_reply_pending(&oldest, reply))
        note_wanted(packer, oldest);
    if (reply && !packer->groups_asked)
        finish_look(packer);
}

static void on_groups(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    packer->view.has_group = false;
    packer->groups_asked = 0;
    size_t count = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < count; i++) {
        struct group_numbers group;
        if (!history_reply_group(&group, reply->element[i]))
            continue;
        note_wanted(packer, stream_id_after(group.delivered));
        const char *words[] = { "XPENDING", packer->options.contract->stream,
                                (const char *)group.name.data };
        const size_t sizes[] = { 8, strlen(words[1]), group.name.size };
        if (group.pending &&
            redis_link_send(packer->options.link, on_pending, packer, 3, words, sizes))
            packer->groups_asked++;
    }
    if (reply && !packer->groups_asked)
        finish_look(packer);
}

static void on_packed(struct redis_link *link, redisReply *reply, void *context)
{
    struct packer *packer = context_of(context, PACKER_MARK);
    (void)link;
    struct stream_id packed = { 0 };
    if (!reply)
        return;
    (void)stream_id_parse(&packed, history_reply_text(reply));
    if (stream_id_compare(packed, packer->moved_packed) != 0)
        packer->moved_ms = packer->now_ms;
    packer->moved_packed = packed;
    bool is_waiting = packer->state == PACKER_AWAY || packer->state == PACKER_LOADING;
    if (!is_waiting && packer->state != PACKER_STORING &&
        stream_id_compare(packed, packer->packed) != 0) {
        /* Somebody else has packed, or Redis lost what it had. */
        leave(packer);
        packer->lease_at_ms = 0;
        is_waiting = true;
    }
    if (is_waiting)
        packer->packed = packer->read = packed;
}

/* All that is asked for at once; the last answer but those of groups is on_groups'. */
static void look(struct packer *packer)
{
    struct redis_link *link = packer->options.link;
    const struct contract *contract = packer->options.contract;
    packer->is_looking = true;
    (void)redis_link_send_strings(link, on_clock, packer, "TIME", (char *)NULL);
    (void)redis_link_send_strings(link, on_memory, packer, "INFO", "memory", (char *)NULL);
    (void)redis_link_send_strings(link, on_stream_bytes, packer, "MEMORY", "USAGE",
                                  contract->stream, (char *)NULL);
    (void)redis_link_send_strings(link, on_issuer_bytes, packer, "MEMORY", "USAGE",
                                  contract->issuers, (char *)NULL);
    (void)redis_link_send_strings(link, on_blocks, packer, "XLEN", contract->history, (char *)NULL);
    (void)redis_link_send_strings(link, on_packed, packer, "GET", contract->packed, (char *)NULL);
    (void)redis_link_send_strings(link, on_stream_read, packer, "XINFO", "STREAM", contract->stream,
                                  (char *)NULL);
    (void)redis_link_send_strings(link, on_groups, packer, "XINFO", "GROUPS", contract->stream,
                                  (char *)NULL);
}

static void say_hold(struct packer *packer)
{
    bool is_ended = packer->plan.is_hold_ended;
    if (is_ended && !packer->is_hold_said) {
        char wanted[STREAM_ID_TEXT_SIZE];
        packer->stats.holds_ended++;
        (void)stream_id_format(wanted, packer->view.wanted);
        say_warning("a consumer group is too far behind: history is packed without it",
                    "first=%s setting=--group-hold", wanted);
    }
    packer->is_hold_said = is_ended;
}

static void judge_pressure(struct packer *packer)
{
    struct packer_pressure *pressure = &packer->pressure;
    const struct pack_plan *plan = &packer->plan;
    if (!plan->is_pressed || plan->is_held || !packer->moved_ms)
        packer->moved_ms = packer->now_ms;
    bool is_stalled = packer->now_ms - packer->moved_ms >= STALL_MS;
    pressure->keeps_stream = packer->options.packs && !is_stalled && !packer->is_refused;
    pressure->is_behind = pressure->keeps_stream && packer->view.stream_bytes > plan->ceiling_bytes;
}

static void finish_look(struct packer *packer)
{
    packer->is_looking = false;
    if (!packer->view.redis_ms)
        return;
    pack_plan_make(&packer->plan, &packer->options.pack, &packer->view);
    judge_pressure(packer);
    if (packer->state == PACKER_AWAY || packer->state == PACKER_LOADING)
        return;
    uint64_t plain_ms = packer->options.pack.plain_ms + BLOCK_AGE_MS;
    uint64_t age_ms = packer->view.length && packer->view.redis_ms > packer->view.first.ms
                          ? packer->view.redis_ms - packer->view.first.ms
                          : 0;
    packer->stats.lag_ms = packer->options.packs && age_ms > plain_ms ? age_ms - plain_ms : 0;
    if (packer->plan.is_pressed)
        packer->look_at_ms = packer->now_ms + LOOK_AGAIN_MS;
    say_hold(packer);
    keep_limits(packer);
    send_piece(packer);
}

uint64_t packer_work(struct packer *packer, uint64_t appended_bytes, uint64_t now_ms)
{
    if (!redis_link_is_up(packer->options.link))
        return UINT64_MAX;
    packer->now_ms = now_ms;
    if (!packer->is_leasing && now_ms >= packer->lease_at_ms) {
        packer->lease_at_ms = now_ms + LEASE_RENEW_MS;
        send_lease(packer);
    }
    bool is_due =
        now_ms >= packer->look_at_ms || appended_bytes - packer->looked_bytes >= LOOK_BYTES;
    if (!packer->is_looking && is_due) {
        packer->look_at_ms = now_ms + LOOK_MS;
        packer->looked_bytes = appended_bytes;
        look(packer);
    }
    const struct entry_packer_stats *entries = entry_packer_stats(packer->entries);
    packer->stats.records = entries->records;
    packer->stats.verbatim = entries->verbatim;
    return packer->lease_at_ms < packer->look_at_ms ? packer->lease_at_ms : packer->look_at_ms;
}

void packer_on_down(struct packer *packer)
{
    leave(packer);
    packer->is_leasing = packer->is_looking = false;
    packer->groups_asked = 0;
    packer->lease_at_ms = packer->look_at_ms = 0;
}

void packer_give_back(struct packer *packer)
{
    if (packer->stats.is_leader)
        (void)redis_link_send_strings(packer->options.link, NULL, NULL, "EVAL", give_back_script,
                                      "1", packer->options.contract->history_lease,
                                      packer->options.instance, (char *)NULL);
}

const struct packer_pressure *packer_pressure(const struct packer *packer)
{
    return &packer->pressure;
}

const struct packer_stats *packer_stats(const struct packer *packer)
{
    return &packer->stats;
}
