#include "ingest/lists/log_lists.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/lists/log_table.h"
#include "ingest/store/remembered_log.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/shard_id.h"

enum {
    /* Chrome's list is signed anew about daily. One that stands still is frozen: Chrome's team says
     * it will serve such lists, with logs whose keys are public, to clients it does not know
     * (ingest/README.md, "Log lists"). */
    STALE_MS = 7 * 86400 * 1000,
    /* A list that could not be read for so long may lack logs as well. */
    LIST_UNREAD_MS = 86400 * 1000,
    HELD_TEXT_SIZE = 96,
    NAME_MAX = 32,
};

static const char *const default_lists[] = { "chrome", "apple" };

/* They are passed through in this order. */
enum memory_state {
    MEMORY_UNASKED,
    MEMORY_ASKED,
    MEMORY_READ,
};

#define MEMORY_MARK CONTEXT_MARK('L', 'M', 'E', 'M')

/* What was followed of one shard. */
struct memory {
    uint32_t mark; /* MEMORY_MARK */
    enum memory_state state;
    unsigned shard;
    struct log_lists *lists;
    const struct contract *contract;
    size_t outstanding; /* logs asked for */
};

#define LOG_LISTS_MARK CONTEXT_MARK('L', 'L', 'S', 'T')

struct log_lists {
    uint32_t mark; /* LOG_LISTS_MARK */
    struct log_lists_options options;
    struct list_source *sources;
    size_t count;
    uint8_t (*ignored)[SHA256_SIZE];
    size_t ignored_count;

    /* What Redis says was followed, until the first roster has taken it over. */
    struct memory memories[SHARDS_MAX];
    struct log_list remembered;
    struct digest *sha256;

    size_t followed;
    size_t drained;
    bool *was_stale; /* by source */
    char held[HELD_TEXT_SIZE];
};

static struct roster_policy policy_of(const struct log_lists *lists)
{
    return (struct roster_policy){
        .follows_pending = lists->options.follow_pending,
        .ignored = (const uint8_t(*)[SHA256_SIZE])lists->ignored,
        .ignored_count = lists->ignored_count,
        .brake_percent = lists->options.brake_percent,
    };
}

static bool is_among(const struct ct_log *const *logs, size_t count, const uint8_t *id)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(logs[i]->id, id, SHA256_SIZE) == 0)
            return true;
    return false;
}

/* What is followed, and what an earlier process followed. */
static size_t collect_known(const struct log_lists *lists, const struct ct_log **known)
{
    const struct log_lists_events *events = &lists->options.events;
    size_t followed = events->count_followed(events->context), count = followed;
    for (size_t i = 0; i < followed; i++)
        known[i] = events->followed(events->context, i);
    for (size_t i = 0; i < lists->remembered.count; i++) {
        const struct ct_log *remembered = &lists->remembered.logs[i];
        if (!is_among(known, followed, remembered->id))
            known[count++] = remembered;
    }
    return count;
}

/* The roster as it is, or with `candidate` in place of what `changing` has. */
static void decide(const struct log_lists *lists, const struct list_source *changing,
                   const struct log_list *candidate, struct roster *roster)
{
    const struct log_lists_events *events = &lists->options.events;
    size_t known_max = events->count_followed(events->context) + lists->remembered.count;
    struct roster_list *listed = memory_allocate_zeroed(lists->count, sizeof *listed);
    const struct ct_log **known =
        memory_allocate_zeroed(known_max + 1, sizeof(const struct ct_log *));
    for (size_t i = 0; i < lists->count; i++) {
        const struct list_source *source = &lists->sources[i];
        const struct log_list *loaded = source->is_loaded ? &source->list : NULL;
        listed[i] = (struct roster_list){
            .list = source == changing ? candidate : loaded,
            .name = source->name,
            .is_public = source->is_public,
        };
    }
    const struct roster_input input = {
        .lists = listed,
        .list_count = lists->count,
        .known = known,
        .known_count = collect_known(lists, known),
        .policy = policy_of(lists),
        .now_ms = clock_realtime_ms(),
    };
    roster_decide(roster, &input);
    free(listed);
    free(known);
}

static const char *on_candidate(void *context, const struct list_source *source,
                                const struct log_list *candidate)
{
    struct log_lists *lists = context_of(context, LOG_LISTS_MARK);
    struct roster roster;
    decide(lists, source, candidate, &roster);
    (void)snprintf(lists->held, sizeof lists->held, "it would stop %zu of %zu logs (--list-brake)",
                   roster.stopped, roster.known);
    bool is_braked = roster.is_braked;
    roster_clear(&roster);
    return is_braked ? lists->held : NULL;
}

static void on_change(void *context)
{
    struct log_lists *lists = context_of(context, LOG_LISTS_MARK);
    struct roster roster;
    decide(lists, NULL, NULL, &roster);
    lists->followed = roster.followed;
    lists->drained = roster.drained;
    lists->options.events.on_roster(lists->options.events.context, &roster);
    roster_clear(&roster);
    log_list_clear(&lists->remembered);
}

static void read_ignored(struct log_lists *lists)
{
    const struct setting_list *named = &lists->options.ignored_ids;
    lists->ignored_count = named->count;
    lists->ignored = memory_allocate_zeroed(named->count + 1, sizeof *lists->ignored);
    for (size_t i = 0; i < named->count; i++)
        (void)ct_log_read_id(named->items[i], lists->ignored[i]);
}

struct log_lists *log_lists_create(const struct log_lists_options *options)
{
    struct log_lists *lists = memory_allocate_zeroed(1, sizeof *lists);
    lists->mark = LOG_LISTS_MARK;
    const struct setting_list *named = &options->names;
    const struct list_events events = { on_candidate, on_change, lists };
    const char *const *names = named->count ? (const char *const *)named->items : default_lists;
    size_t count = named->count ? named->count : sizeof default_lists / sizeof *default_lists;
    lists->options = *options;
    for (unsigned i = 0; i < SHARDS_MAX; i++)
        lists->memories[i] = (struct memory){ .mark = MEMORY_MARK, .shard = i, .lists = lists };
    lists->count = count;
    lists->sources = memory_allocate_zeroed(lists->count, sizeof *lists->sources);
    lists->was_stale = memory_allocate_zeroed(lists->count, sizeof *lists->was_stale);
    for (size_t i = 0; i < count; i++)
        list_source_init(&lists->sources[i], &lists->options.reading, names[i], &events);
    lists->sha256 = digest_create(DIGEST_SHA256);
    read_ignored(lists);
    return lists;
}

void log_lists_destroy(struct log_lists *lists)
{
    if (!lists)
        return;
    for (size_t i = 0; i < lists->count; i++)
        list_source_clear(&lists->sources[i]);
    free(lists->sources);
    free(lists->was_stale);
    free(lists->ignored);
    log_list_clear(&lists->remembered);
    digest_destroy(lists->sha256);
    free(lists);
}

#define RECOLLECTION_MARK CONTEXT_MARK('R', 'C', 'L', 'L')

/* One log's hash that is on its way. */
struct recollection {
    uint32_t mark; /* RECOLLECTION_MARK */
    struct memory *memory;
    char id_hex[CONTRACT_LOG_ID_HEX + 1];
};

/* Some may be there already, when the connection was lost halfway. */
static bool is_remembered(const struct log_list *remembered, const uint8_t *id)
{
    for (size_t i = 0; i < remembered->count; i++)
        if (memcmp(remembered->logs[i].id, id, SHA256_SIZE) == 0)
            return true;
    return false;
}

static void remember(const struct memory *memory, const char *id_hex, const redisReply *reply)
{
    struct bytes values[REMEMBERED_LOG_READ_FIELDS] = { { NULL, 0 } };
    struct log_lists *lists = memory->lists;
    struct log_list *remembered = &lists->remembered;
    struct ct_log ct_log;
    for (size_t i = 0; i < REMEMBERED_LOG_READ_FIELDS && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            values[i] = bytes_of(reply->element[i]->str, (size_t)reply->element[i]->len);
    if (remembered->count == LOG_LIST_LOGS_MAX ||
        !remembered_log_read(&ct_log, id_hex, values, lists->sha256))
        return;
    if (is_remembered(remembered, ct_log.id)) {
        ct_log_clear(&ct_log);
        return;
    }
    remembered->logs =
        memory_resize(remembered->logs, remembered->count + 1, sizeof *remembered->logs);
    remembered->logs[remembered->count++] = ct_log;
    if (lists->options.events.on_remembered)
        lists->options.events.on_remembered(lists->options.events.context, memory->shard,
                                            ct_log.id);
}

/* What was followed is followed on at once, whatever becomes of the lists. */
static void end_remembering(struct memory *memory)
{
    memory->state = MEMORY_READ;
    on_change(memory->lists);
}

static void on_log(struct redis_link *link, redisReply *reply, void *context)
{
    struct recollection *recollection = context_of(context, RECOLLECTION_MARK);
    struct memory *memory = recollection->memory;
    (void)link;
    memory->outstanding--;
    if (!reply)
        memory->state = MEMORY_UNASKED;
    else if (reply->type == REDIS_REPLY_ARRAY)
        remember(memory, recollection->id_hex, reply);
    if (memory->state == MEMORY_ASKED && memory->outstanding == 0)
        end_remembering(memory);
    free(recollection);
}

static void ask_for_log(struct memory *memory, struct redis_link *link, const redisReply *id)
{
    char key[CONTRACT_KEY_SIZE];
    const char *arguments[2 + REMEMBERED_LOG_READ_FIELDS] = { "HMGET", key };
    size_t sizes[2 + REMEMBERED_LOG_READ_FIELDS] = { 5 };
    if (id->type != REDIS_REPLY_STRING || id->len != CONTRACT_LOG_ID_HEX)
        return;
    struct recollection *recollection = memory_allocate_zeroed(1, sizeof *recollection);
    recollection->mark = RECOLLECTION_MARK;
    recollection->memory = memory;
    memcpy(recollection->id_hex, id->str, CONTRACT_LOG_ID_HEX);
    contract_log_key(memory->contract, key, recollection->id_hex);
    sizes[1] = strlen(key);
    for (size_t i = 0; i < REMEMBERED_LOG_READ_FIELDS; i++) {
        arguments[2 + i] = remembered_log_name(i);
        sizes[2 + i] = strlen(remembered_log_name(i));
    }
    if (redis_link_send(link, on_log, recollection, 2 + REMEMBERED_LOG_READ_FIELDS, arguments,
                        sizes))
        memory->outstanding++;
    else
        free(recollection);
}

static void on_ids(struct redis_link *link, redisReply *reply, void *context)
{
    struct memory *memory = context_of(context, MEMORY_MARK);
    if (!reply) {
        memory->state = MEMORY_UNASKED;
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR)
        say_warning("cannot read which logs were followed", "error=%s", say_quoted(reply->str));
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        ask_for_log(memory, link, reply->element[i]);
    if (memory->outstanding == 0)
        end_remembering(memory);
}

void log_lists_on_redis_up(struct log_lists *lists, unsigned shard, struct redis_link *link,
                           const struct contract *contract)
{
    struct memory *memory = &lists->memories[shard];
    if (memory->state != MEMORY_UNASKED || memory->outstanding)
        return;
    memory->contract = contract;
    if (redis_link_send_strings(link, on_ids, memory, "SMEMBERS", contract->logs, (char *)NULL))
        memory->state = MEMORY_ASKED;
}

static bool is_ready(const struct log_lists *lists)
{
    return !lists->options.reading.link || lists->memories[0].state == MEMORY_READ;
}

static bool is_stale(const struct list_source *source)
{
    uint64_t now_ms = clock_realtime_ms();
    return source->is_loaded && source->is_signed && source->list.timestamp_ms &&
           source->list.timestamp_ms < now_ms &&
           now_ms - source->list.timestamp_ms > (uint64_t)STALE_MS;
}

/* Says it when a list becomes stale, and when it is so no longer. */
static void watch_age(struct log_lists *lists, size_t i)
{
    const struct list_source *source = &lists->sources[i];
    bool is = is_stale(source);
    if (is && !lists->was_stale[i])
        say_warning("a log list is old: frozen, or its publisher does not know us",
                    "list=%s version=%s days=%llu", say_quoted(source->address),
                    say_quoted(source->list.version),
                    (unsigned long long)((clock_realtime_ms() - source->list.timestamp_ms) /
                                         (UINT64_C(86400) * 1000)));
    if (!is && lists->was_stale[i])
        say_info("a log list is fresh again", "list=%s", say_quoted(source->address));
    lists->was_stale[i] = is;
}

uint64_t log_lists_work(struct log_lists *lists, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    for (size_t i = 0; is_ready(lists) && i < lists->count; i++) {
        uint64_t at_ms = list_source_work(&lists->sources[i], now_ms);
        again_ms = at_ms < again_ms ? at_ms : again_ms;
        watch_age(lists, i);
    }
    return again_ms;
}

void log_lists_hurry(struct log_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++)
        lists->sources[i].due_at_ms = 0;
}

static void add_stats(struct list_stats *sum, const struct list_stats *stats)
{
    sum->reads += stats->reads;
    sum->unchanged += stats->unchanged;
    sum->failures += stats->failures;
    sum->bad_signatures += stats->bad_signatures;
    sum->held += stats->held;
}

struct log_lists_stats log_lists_stats(const struct log_lists *lists, uint64_t now_ms)
{
    struct log_lists_stats stats = { .followed = lists->followed, .drained = lists->drained };
    uint64_t realtime_ms = clock_realtime_ms();
    for (size_t i = 0; i < lists->count; i++) {
        const struct list_source *source = &lists->sources[i];
        add_stats(&stats.sources, &source->stats);
        if (!source->is_loaded)
            continue;
        uint64_t read_s = now_ms > source->read_at_ms ? (now_ms - source->read_at_ms) / 1000 : 0;
        uint64_t made_ms = source->is_signed ? source->list.timestamp_ms : 0;
        uint64_t made_s = made_ms && realtime_ms > made_ms ? (realtime_ms - made_ms) / 1000 : 0;
        stats.stale += is_stale(source) || read_s * 1000 > LIST_UNREAD_MS;
        stats.read_age_s = read_s > stats.read_age_s ? read_s : stats.read_age_s;
        stats.timestamp_age_s = made_s > stats.timestamp_age_s ? made_s : stats.timestamp_age_s;
    }
    return stats;
}

bool log_lists_are_settled(const struct log_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++)
        if (!lists->sources[i].is_loaded && !lists->sources[i].failure)
            return false;
    return true;
}

bool log_lists_are_loaded(const struct log_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++)
        if (!lists->sources[i].is_loaded)
            return false;
    return true;
}

void log_lists_print(const struct log_lists *lists)
{
    struct roster roster;
    decide(lists, NULL, NULL, &roster);
    for (size_t i = 0; i < lists->count; i++)
        log_table_print_list(lists->sources[i].name,
                             lists->sources[i].is_loaded ? &lists->sources[i].list : NULL,
                             lists->sources[i].is_signed);
    log_table_print(&roster);
    roster_clear(&roster);
}
