#include "ingest/store/publisher.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/report_fields.h"

enum {
    /* Of all shards: enough for several logs to work ahead of Redis, little beside the bodies they
     * are made from. */
    QUEUE_BYTES_MAX = 16 * 1024 * 1024,
    /* Transactions sent and not answered: one being executed, one in the socket. */
    EXECUTING_MAX = 2,
    SET_FIELDS_MAX = 96,
    SET_TEXT_MAX = 16 * 1024,
    /* The states of all logs, several times over; more wait only when Redis hangs, and are old news
     * by then. */
    SETS_MAX = 1024,
    NUMBER_SIZE = 24,
    /* While nothing is appended. */
    KEEP_MS = 10 * 1000,
    ERROR_SIZE = 160,
};

/* An HSET that waits until no fence is up. */
struct set {
    struct set *next;
    char key[CONTRACT_KEY_SIZE];
    uint64_t expire_ms;
    struct hash_field fields[SET_FIELDS_MAX]; /* views into text */
    size_t count;
    struct buffer text;
};

#define PUBLISHER_MARK CONTEXT_MARK('P', 'U', 'B', 'L')

struct publisher {
    uint32_t mark; /* PUBLISHER_MARK */
    struct publisher_options options;
    struct publisher_stats stats;
    struct batch *first; /* queue */
    struct batch **last;
    struct batch *checking; /* a run whose fence is being read */
    size_t executing;
    size_t queued_bytes;
    struct set *first_set; /* queue */
    struct set **last_set;
    size_t set_count;
    struct buffer position_text;
    struct retention *retention;
    uint64_t keep_at_ms;     /* publisher_keep_limits' next turn */
    uint64_t stream_entries; /* when the last fence was read */
    char error[ERROR_SIZE];
    char refusal[ERROR_SIZE]; /* of the first command of the transaction that was refused, or "" */
    bool is_history_behind;
    bool has_stream_error; /* what stands at the stream's key cannot be appended to */
};

struct publisher *publisher_create(const struct publisher_options *options)
{
    struct publisher *publisher = memory_allocate_zeroed(1, sizeof *publisher);
    publisher->mark = PUBLISHER_MARK;
    publisher->options = *options;
    publisher->last = &publisher->first;
    publisher->last_set = &publisher->first_set;
    publisher->retention = retention_create(options->link, options->contract, &options->retention);
    buffer_init(&publisher->position_text, LOG_POSITION_TEXT_MAX);
    return publisher;
}

static struct batch *take_first(struct publisher *publisher)
{
    struct batch *batch = publisher->first;
    publisher->first = batch->next;
    if (!publisher->first)
        publisher->last = &publisher->first;
    batch->next = NULL;
    return batch;
}

/* Whether one transaction may add both, of which the first batch alone has a fence. */
static bool goes_on(const struct batch *batch, const struct batch *next)
{
    return next->owner == batch->owner && next->generation == batch->generation && !next->creates &&
           next->expected_next == batch->position.next;
}

/* A run: batches of one log in a row that are one transaction together. Logs with small pages make
 * small batches. */
static struct batch *take_run(struct publisher *publisher)
{
    struct batch *run = take_first(publisher), *last = run;
    size_t entries = run->entry_count, bytes = run->arena.size;
    while (publisher->first && goes_on(last, publisher->first)) {
        entries += publisher->first->entry_count;
        bytes += publisher->first->arena.size;
        if (entries > BATCH_ENTRIES_MAX || bytes > BATCH_BYTES_FULL)
            break;
        last->next = take_first(publisher);
        last = last->next;
    }
    return run;
}

static void drop(struct publisher *publisher, struct batch *batch)
{
    publisher->queued_bytes -= batch->arena.size;
    batch_destroy(batch);
}

static struct set *take_set(struct publisher *publisher)
{
    struct set *set = publisher->first_set;
    publisher->first_set = set->next;
    if (!publisher->first_set)
        publisher->last_set = &publisher->first_set;
    publisher->set_count--;
    return set;
}

static void set_destroy(struct set *set)
{
    buffer_free(&set->text);
    free(set);
}

void publisher_destroy(struct publisher *publisher)
{
    if (!publisher)
        return;
    assert(!publisher->checking && publisher->executing == 0);
    while (publisher->first)
        drop(publisher, take_first(publisher));
    while (publisher->first_set)
        set_destroy(take_set(publisher));
    buffer_free(&publisher->position_text);
    retention_destroy(publisher->retention);
    free(publisher);
}

static void keep_error(struct publisher *publisher, const char *error)
{
    (void)snprintf(publisher->error, sizeof publisher->error, "%s", error);
    for (char *at = publisher->error; *at; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '"')
            *at = '?';
}

static void finish_run(struct publisher *publisher, struct batch *run, enum batch_result result,
                       const char *error)
{
    keep_error(publisher, error);
    publisher->stats.appends += result == BATCH_DONE;
    publisher->stats.refused += result == BATCH_REFUSED;
    publisher->stats.failed += result == BATCH_FAILED;
    if (result == BATCH_FAILED)
        retention_on_refusal(publisher->retention);
    for (struct batch *batch = run, *next; batch; batch = next) {
        next = batch->next;
        publisher->stats.entries += result == BATCH_DONE ? batch->entry_count : 0;
        publisher->options.on_result(publisher->options.context, batch, result, publisher->error);
        drop(publisher, batch);
    }
}

static void pump(struct publisher *publisher);

/* The transaction happened if EXEC answers an array without an error in it. */
static enum batch_result judge_exec(const redisReply *reply, const char **error)
{
    *error = "";
    if (reply->type == REDIS_REPLY_NIL)
        return BATCH_REFUSED;
    if (reply->type == REDIS_REPLY_ERROR)
        *error = reply->str;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            *error = reply->element[i]->str;
    return reply->type == REDIS_REPLY_ARRAY && !**error ? BATCH_DONE : BATCH_FAILED;
}

/* hiredis hands back one context: the run carries its publisher in a pair that lives as long as
 * the transaction. */
struct execution {
    struct publisher *publisher;
    struct batch *run;
};

static void on_exec(struct redis_link *link, redisReply *reply, void *context)
{
    (void)link;
    struct execution execution = *(struct execution *)context;
    free(context);
    execution.publisher->executing--;
    struct publisher *publisher = execution.publisher;
    const char *error = "the connection went away";
    enum batch_result result = reply ? judge_exec(reply, &error) : BATCH_FAILED;
    /* EXECABORT says that a command was refused, not why. */
    char refusal[ERROR_SIZE];
    memcpy(refusal, publisher->refusal, sizeof refusal);
    publisher->refusal[0] = '\0';
    finish_run(publisher, execution.run, result, reply && *error && *refusal ? refusal : error);
    pump(publisher);
}

/* A command of a transaction was put off until EXEC, or refused: Redis is full, or only to be
 * read. */
static void on_queued(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context_of(context, PUBLISHER_MARK);
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ERROR && !*publisher->refusal)
        (void)snprintf(publisher->refusal, sizeof publisher->refusal, "%s", reply->str);
}

/* Of an issuer that is not sent along only a stamp that is there is renewed. */
static void send_stamp(struct publisher *publisher, struct bytes fingerprint, bool is_sent)
{
    char now[NUMBER_SIZE];
    int size = snprintf(now, sizeof now, "%" PRIu64, retention_redis_ms(publisher->retention));
    const char *key = publisher->options.contract->issuers_named;
    const char *arguments[] = { "ZADD", key, "XX", now, (const char *)fingerprint.data };
    const size_t sizes[] = { 4, strlen(key), 2, (size_t)size, fingerprint.size };
    const char *without[] = { "ZADD", key, now, (const char *)fingerprint.data };
    const size_t without_sizes[] = { 4, strlen(key), (size_t)size, fingerprint.size };
    (void)redis_link_send(publisher->options.link, on_queued, publisher, is_sent ? 4 : 5,
                          is_sent ? without : arguments, is_sent ? without_sizes : sizes);
}

/* An entry that is no certificate: what became of the log. */
static void send_control(struct publisher *publisher, const struct batch *batch)
{
    const char *stream = publisher->options.contract->stream;
    const char *arguments[] = { "XADD",
                                stream,
                                "*",
                                CONTRACT_FIELD_CONTROL,
                                (const char *)batch->control.data,
                                CONTRACT_FIELD_LOG,
                                batch->log_id_hex };
    const size_t sizes[] = { 4,
                             strlen(stream),
                             1,
                             strlen(CONTRACT_FIELD_CONTROL),
                             batch->control.size,
                             strlen(CONTRACT_FIELD_LOG),
                             strlen(batch->log_id_hex) };
    (void)redis_link_send(publisher->options.link, on_queued, publisher, 7, arguments, sizes);
}

static void send_issuer(struct publisher *publisher, const struct batch *batch, size_t issuer)
{
    struct bytes fingerprint = batch_issuer_fingerprint(batch, issuer);
    struct bytes json = batch_issuer_json(batch, issuer);
    const char *key = publisher->options.contract->issuers;
    const char *arguments[] = { "HSETNX", key, (const char *)fingerprint.data,
                                (const char *)json.data };
    const size_t sizes[] = { 6, strlen(key), fingerprint.size, json.size };
    if (json.size)
        (void)redis_link_send(publisher->options.link, on_queued, publisher, 4, arguments, sizes);
    send_stamp(publisher, fingerprint, json.size > 0);
}

static void send_fields(struct publisher *publisher, redis_link_on_reply on_reply, const char *key,
                        const struct hash_field *fields, size_t count)
{
    const char *arguments[2 + 2 * SET_FIELDS_MAX] = { "HSET", key };
    size_t sizes[2 + 2 * SET_FIELDS_MAX] = { 4, strlen(key) };
    assert(count <= SET_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        arguments[2 + 2 * i] = (const char *)fields[i].name.data;
        sizes[2 + 2 * i] = fields[i].name.size;
        arguments[3 + 2 * i] = (const char *)fields[i].value.data;
        sizes[3 + 2 * i] = fields[i].value.size;
    }
    (void)redis_link_send(publisher->options.link, on_reply, publisher, 2 + 2 * count, arguments,
                          sizes);
}

static void send_batch(struct publisher *publisher, const struct batch *batch)
{
    for (size_t i = 0; i < batch->issuer_count; i++)
        send_issuer(publisher, batch, i);
    if (batch->control.size)
        send_control(publisher, batch);
    for (size_t i = 0; i < batch->entry_count; i++)
        (void)redis_link_send_command(publisher->options.link, on_queued, publisher,
                                      batch_command(batch, i));
    retention_on_append(publisher->retention, batch->arena.size);
    publisher->stats.bytes += batch->arena.size;
}

static size_t count_bytes(const struct batch *run)
{
    size_t bytes = 0;
    for (const struct batch *batch = run; batch; batch = batch->next)
        bytes += batch->arena.size;
    return bytes;
}

static void execute(struct publisher *publisher, struct batch *run)
{
    struct redis_link *link = publisher->options.link;
    struct hash_field fields[LOG_POSITION_FIELDS];
    const struct batch *last = run;
    redis_link_make_room(link, count_bytes(run));
    (void)redis_link_send_strings(link, NULL, NULL, "MULTI", (char *)NULL);
    for (const struct batch *batch = run; batch; batch = batch->next) {
        send_batch(publisher, batch);
        last = batch;
    }
    log_position_write(&last->position, fields, &publisher->position_text);
    send_fields(publisher, on_queued, last->log_key, fields, LOG_POSITION_FIELDS);
    struct execution *execution = memory_allocate(sizeof *execution);
    *execution = (struct execution){ publisher, run };
    publisher->executing++;
    bool sent = redis_link_send_strings(link, on_exec, execution, "EXEC", (char *)NULL);
    assert(sent);
}

static bool fence_holds(const struct batch *batch, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return batch->creates;
    uint64_t next;
    return reply->type == REDIS_REPLY_STRING && !batch->creates &&
           decimal_parse(&next, bytes_of(reply->str, (size_t)reply->len)) &&
           next == batch->expected_next;
}

/* Redis carries a transaction on after an error in it: what would fail is found out before. */
static void on_stream(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context_of(context, PUBLISHER_MARK);
    (void)link;
    publisher->has_stream_error = reply && reply->type == REDIS_REPLY_ERROR;
    if (publisher->has_stream_error)
        keep_error(publisher, reply->str);
    bool is_length = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    publisher->stream_entries = is_length ? (uint64_t)reply->integer : 0;
}

static void on_fence(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context_of(context, PUBLISHER_MARK);
    struct batch *run = publisher->checking;
    assert(run);
    publisher->checking = NULL;
    if (!reply) {
        finish_run(publisher, run, BATCH_FAILED, "the connection went away");
        return;
    }
    if (publisher->has_stream_error) {
        char error[ERROR_SIZE];
        memcpy(error, publisher->error, sizeof error);
        (void)redis_link_send_strings(link, NULL, NULL, "UNWATCH", (char *)NULL);
        finish_run(publisher, run, BATCH_FAILED, error);
    } else if (fence_holds(run, reply)) {
        retention_trim(publisher->retention, publisher->stream_entries, clock_monotonic_ms());
        execute(publisher, run);
    } else {
        (void)redis_link_send_strings(link, NULL, NULL, "UNWATCH", (char *)NULL);
        bool is_error = reply->type == REDIS_REPLY_ERROR;
        finish_run(publisher, run, is_error ? BATCH_FAILED : BATCH_REFUSED,
                   is_error ? reply->str : "");
    }
    pump(publisher);
}

static void send_sets(struct publisher *publisher)
{
    struct redis_link *link = publisher->options.link;
    while (publisher->first_set) {
        struct set *set = take_set(publisher);
        char expire[NUMBER_SIZE];
        send_fields(publisher, NULL, set->key, set->fields, set->count);
        (void)snprintf(expire, sizeof expire, "%" PRIu64, set->expire_ms);
        if (set->expire_ms)
            (void)redis_link_send_strings(link, NULL, NULL, "PEXPIRE", set->key, expire,
                                          (char *)NULL);
        set_destroy(set);
    }
}

/* Reads the fence of the next run, if there is one and nothing else stands at that point. */
static void pump(struct publisher *publisher)
{
    struct redis_link *link = publisher->options.link;
    if (publisher->checking || !redis_link_is_up(link))
        return;
    send_sets(publisher);
    if (publisher->executing >= EXECUTING_MAX || !publisher->first)
        return;
    const struct batch *batch = publisher->checking = take_run(publisher);
    retention_ask(publisher->retention, clock_monotonic_ms());
    (void)redis_link_send_strings(link, NULL, NULL, "WATCH", batch->log_key, (char *)NULL);
    (void)redis_link_send_strings(link, on_stream, publisher, "XLEN",
                                  publisher->options.contract->stream, (char *)NULL);
    bool sent = redis_link_send_strings(link, on_fence, publisher, "HGET", batch->log_key,
                                        log_fields[LOG_FIELD_NEXT].name, (char *)NULL);
    assert(sent || !publisher->checking);
}

void publisher_submit(struct publisher *publisher, struct batch *batch)
{
    batch->next = NULL;
    *publisher->last = batch;
    publisher->last = &batch->next;
    publisher->queued_bytes += batch->arena.size;
    pump(publisher);
}

bool publisher_has_room(const struct publisher *publisher)
{
    size_t most = QUEUE_BYTES_MAX / retention_shards(&publisher->options.retention);
    return publisher->queued_bytes < most && !publisher->is_history_behind;
}

void publisher_set_history(struct publisher *publisher, bool has_blocks, bool keeps_stream,
                           bool is_behind)
{
    retention_set_history(publisher->retention, has_blocks, keeps_stream);
    publisher->is_history_behind = is_behind;
}

void publisher_cancel(struct publisher *publisher, const void *owner)
{
    struct batch **link = &publisher->first;
    while (*link) {
        struct batch *batch = *link;
        if (batch->owner != owner) {
            link = &batch->next;
            continue;
        }
        *link = batch->next;
        drop(publisher, batch);
    }
    publisher->last = link;
}

bool publisher_is_idle(const struct publisher *publisher)
{
    return !publisher->first && !publisher->checking && !publisher->executing;
}

void publisher_set_fields(struct publisher *publisher, const char *key,
                          const struct hash_field *fields, size_t count, uint64_t expire_ms)
{
    assert(count <= SET_FIELDS_MAX && strlen(key) < CONTRACT_KEY_SIZE);
    if (publisher->set_count == SETS_MAX || !redis_link_is_up(publisher->options.link))
        return;
    struct set *set = memory_allocate_zeroed(1, sizeof *set);
    memcpy(set->key, key, strlen(key) + 1);
    set->expire_ms = expire_ms;
    set->count = count;
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += fields[i].name.size + fields[i].value.size;
    assert(total <= SET_TEXT_MAX);
    buffer_init(&set->text, SET_TEXT_MAX);
    /* All at once, so that the views stay where they are. */
    (void)buffer_reserve(&set->text, total);
    for (size_t i = 0; i < count; i++) {
        size_t start = set->text.size;
        buffer_append_bytes(&set->text, fields[i].name);
        buffer_append_bytes(&set->text, fields[i].value);
        set->fields[i].name = bytes_of(set->text.data + start, fields[i].name.size);
        set->fields[i].value =
            bytes_of(set->text.data + start + fields[i].name.size, fields[i].value.size);
    }
    *publisher->last_set = set;
    publisher->last_set = &set->next;
    publisher->set_count++;
    pump(publisher);
}

void publisher_hand_out(struct publisher *publisher)
{
    assert(!publisher->options.link);
    while (publisher->first)
        finish_run(publisher, take_first(publisher), BATCH_DONE, "");
}

void publisher_on_down(struct publisher *publisher)
{
    while (publisher->first_set)
        set_destroy(take_set(publisher));
    while (publisher->first)
        finish_run(publisher, take_first(publisher), BATCH_FAILED, "the connection went away");
}

void publisher_keep_limits(struct publisher *publisher, uint64_t now_ms)
{
    if (!publisher_is_idle(publisher) || !redis_link_is_up(publisher->options.link) ||
        now_ms < publisher->keep_at_ms)
        return;
    publisher->keep_at_ms = now_ms + KEEP_MS;
    retention_ask(publisher->retention, now_ms);
}

const struct retention_memory *publisher_memory(const struct publisher *publisher)
{
    return retention_memory(publisher->retention);
}

bool publisher_issuers_are_full(const struct publisher *publisher)
{
    return retention_issuers_are_full(publisher->retention);
}

const struct publisher_stats *publisher_stats(const struct publisher *publisher)
{
    return &publisher->stats;
}
