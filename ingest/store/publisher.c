#include "ingest/store/publisher.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/clock.h"
#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/redis/redis_link.h"

enum {
    /* Enough for several logs to work ahead of Redis, little beside the bodies they are made from. */
    QUEUE_BYTES_MAX = 16 * 1024 * 1024,
    /* Transactions sent and not answered: one being executed, one in the socket. */
    EXECUTING_MAX = 2,
    XADD_ARGUMENTS = 3 + 2 * APPEND_FIELDS,
    SET_FIELDS_MAX = 64,
    SET_TEXT_MAX = 16 * 1024,
    /* The states of all logs, several times over; more wait only when Redis hangs, and are old news by then. */
    SETS_MAX = 1024,
    NUMBER_SIZE = 24,
    ERROR_SIZE = 160,
};

/* An HSET that waits until no fence is up. */
struct set {
    struct set *next;
    char key[CONTRACT_KEY_SIZE];
    uint64_t expire_ms;
    struct checkpoint_field fields[SET_FIELDS_MAX]; /* views into text */
    size_t count;
    struct buffer text;
};

struct publisher {
    struct publisher_options options;
    struct publisher_stats stats;
    struct append *first; /* queue */
    struct append **last;
    struct append *checking; /* its fence is being read */
    size_t executing;
    size_t queued_bytes;
    struct set *first_set; /* queue */
    struct set **last_set;
    size_t set_count;
    struct buffer checkpoint_text;
    char error[ERROR_SIZE];
    char refusal[ERROR_SIZE]; /* of the first command of the transaction that was refused, or "" */
    bool has_stream_error;    /* what stands at the stream's key cannot be appended to */
};

struct publisher *publisher_create(const struct publisher_options *options)
{
    struct publisher *publisher = memory_allocate_zeroed(1, sizeof *publisher);
    publisher->options = *options;
    publisher->last = &publisher->first;
    publisher->last_set = &publisher->first_set;
    buffer_init(&publisher->checkpoint_text, CHECKPOINT_TEXT_MAX);
    return publisher;
}

static struct append *take_first(struct publisher *publisher)
{
    struct append *append = publisher->first;
    publisher->first = append->next;
    if (!publisher->first)
        publisher->last = &publisher->first;
    append->next = NULL;
    return append;
}

static void drop(struct publisher *publisher, struct append *append)
{
    publisher->queued_bytes -= append->arena.size;
    append_destroy(append);
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
    buffer_free(&publisher->checkpoint_text);
    free(publisher);
}

static void keep_error(struct publisher *publisher, const char *error)
{
    (void)snprintf(publisher->error, sizeof publisher->error, "%s", error);
    for (char *at = publisher->error; *at; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '"')
            *at = '?';
}

static void finish(struct publisher *publisher, struct append *append, enum append_result result,
                   const char *error)
{
    keep_error(publisher, error);
    publisher->stats.appends += result == APPEND_DONE;
    publisher->stats.entries += result == APPEND_DONE ? append->entry_count : 0;
    publisher->stats.refused += result == APPEND_REFUSED;
    publisher->stats.failed += result == APPEND_FAILED;
    publisher->options.on_result(publisher->options.context, append, result, publisher->error);
    drop(publisher, append);
}

static void pump(struct publisher *publisher);

/* The transaction happened if EXEC answers an array without an error in it. */
static enum append_result judge_exec(const redisReply *reply, const char **error)
{
    *error = "";
    if (reply->type == REDIS_REPLY_NIL)
        return APPEND_REFUSED;
    if (reply->type == REDIS_REPLY_ERROR)
        *error = reply->str;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            *error = reply->element[i]->str;
    return reply->type == REDIS_REPLY_ARRAY && !**error ? APPEND_DONE : APPEND_FAILED;
}

/* hiredis hands back one context: the append carries its publisher in a pair that lives as long as the transaction. */
struct execution {
    struct publisher *publisher;
    struct append *append;
};

static void on_exec(struct redis_link *link, redisReply *reply, void *context)
{
    (void)link;
    struct execution execution = *(struct execution *)context;
    free(context);
    execution.publisher->executing--;
    struct publisher *publisher = execution.publisher;
    const char *error = "the connection went away";
    enum append_result result = reply ? judge_exec(reply, &error) : APPEND_FAILED;
    /* EXECABORT says that a command was refused, not why. */
    char refusal[ERROR_SIZE];
    memcpy(refusal, publisher->refusal, sizeof refusal);
    publisher->refusal[0] = '\0';
    finish(publisher, execution.append, result, reply && *error && *refusal ? refusal : error);
    pump(publisher);
}

/* A command of a transaction was put off until EXEC, or refused: Redis is full, or only to be read. */
static void on_queued(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context;
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ERROR && !*publisher->refusal)
        (void)snprintf(publisher->refusal, sizeof publisher->refusal, "%s", reply->str);
}

static void send_entry(struct publisher *publisher, const struct append *append, size_t entry)
{
    static const char *const names[APPEND_FIELDS] = {
        [APPEND_JSON] = CONTRACT_FIELD_JSON, [APPEND_DOMAINS] = CONTRACT_FIELD_DOMAINS,
        [APPEND_DER] = CONTRACT_FIELD_DER,   [APPEND_CHAIN] = CONTRACT_FIELD_CHAIN,
        [APPEND_LOG] = CONTRACT_FIELD_LOG,   [APPEND_INDEX] = CONTRACT_FIELD_INDEX,
    };
    const char *arguments[XADD_ARGUMENTS] = { "XADD", publisher->options.contract->stream, "*" };
    size_t sizes[XADD_ARGUMENTS] = { 4, strlen(publisher->options.contract->stream), 1 };
    for (unsigned field = 0; field < APPEND_FIELDS; field++) {
        struct bytes value = append_field(append, entry, field);
        arguments[3 + 2 * field] = names[field];
        sizes[3 + 2 * field] = strlen(names[field]);
        arguments[4 + 2 * field] = (const char *)value.data;
        sizes[4 + 2 * field] = value.size;
    }
    (void)redis_link_send(publisher->options.link, on_queued, publisher, XADD_ARGUMENTS, arguments,
                          sizes);
}

static void send_issuer(struct publisher *publisher, const struct append *append, size_t issuer)
{
    struct bytes fingerprint = append_issuer_fingerprint(append, issuer);
    struct bytes json = append_issuer_json(append, issuer);
    const char *key = publisher->options.contract->issuers;
    const char *arguments[] = { "HSETNX", key, (const char *)fingerprint.data,
                                (const char *)json.data };
    const size_t sizes[] = { 6, strlen(key), fingerprint.size, json.size };
    (void)redis_link_send(publisher->options.link, NULL, NULL, 4, arguments, sizes);
}

static void send_fields(struct publisher *publisher, redis_link_on_reply on_reply, const char *key,
                        const struct checkpoint_field *fields, size_t count)
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

static void send_trim(struct publisher *publisher)
{
    struct redis_link *link = publisher->options.link;
    const char *stream = publisher->options.contract->stream;
    char limit[NUMBER_SIZE];
    if (publisher->options.retain_entries) {
        (void)snprintf(limit, sizeof limit, "%" PRIu64, publisher->options.retain_entries);
        (void)redis_link_send_strings(link, NULL, NULL, "XTRIM", stream, "MAXLEN", "~", limit,
                                      (char *)NULL);
    }
    if (publisher->options.retain_age_ms) {
        uint64_t now_ms = clock_realtime_ms();
        uint64_t age_ms = publisher->options.retain_age_ms;
        (void)snprintf(limit, sizeof limit, "%" PRIu64, now_ms > age_ms ? now_ms - age_ms : 0);
        (void)redis_link_send_strings(link, NULL, NULL, "XTRIM", stream, "MINID", "~", limit,
                                      (char *)NULL);
    }
}

static void execute(struct publisher *publisher, struct append *append)
{
    struct redis_link *link = publisher->options.link;
    struct checkpoint_field fields[CHECKPOINT_FIELDS];
    checkpoint_write(&append->checkpoint, fields, &publisher->checkpoint_text);
    (void)redis_link_send_strings(link, NULL, NULL, "MULTI", (char *)NULL);
    for (size_t i = 0; i < append->issuer_count; i++)
        send_issuer(publisher, append, i);
    for (size_t i = 0; i < append->entry_count; i++)
        send_entry(publisher, append, i);
    send_fields(publisher, on_queued, append->log_key, fields, CHECKPOINT_FIELDS);
    if (append->entry_count)
        send_trim(publisher);
    struct execution *execution = memory_allocate(sizeof *execution);
    *execution = (struct execution){ publisher, append };
    publisher->executing++;
    bool sent = redis_link_send_strings(link, on_exec, execution, "EXEC", (char *)NULL);
    assert(sent);
}

static bool fence_holds(const struct append *append, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return append->creates;
    uint64_t next;
    return reply->type == REDIS_REPLY_STRING && !append->creates &&
           decimal_parse(&next, bytes_of(reply->str, (size_t)reply->len)) &&
           next == append->expected_next;
}

/* Redis carries a transaction on after an error in it: what would fail is found out before. */
static void on_stream(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context;
    (void)link;
    publisher->has_stream_error = reply && reply->type == REDIS_REPLY_ERROR;
    if (publisher->has_stream_error)
        keep_error(publisher, reply->str);
}

static void on_fence(struct redis_link *link, redisReply *reply, void *context)
{
    struct publisher *publisher = context;
    struct append *append = publisher->checking;
    assert(append);
    publisher->checking = NULL;
    if (!reply) {
        finish(publisher, append, APPEND_FAILED, "the connection went away");
        return;
    }
    if (publisher->has_stream_error) {
        char error[ERROR_SIZE];
        memcpy(error, publisher->error, sizeof error);
        (void)redis_link_send_strings(link, NULL, NULL, "UNWATCH", (char *)NULL);
        finish(publisher, append, APPEND_FAILED, error);
    } else if (fence_holds(append, reply)) {
        execute(publisher, append);
    } else {
        (void)redis_link_send_strings(link, NULL, NULL, "UNWATCH", (char *)NULL);
        bool is_error = reply->type == REDIS_REPLY_ERROR;
        finish(publisher, append, is_error ? APPEND_FAILED : APPEND_REFUSED,
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

/* Reads the fence of the next append, if there is one and nothing else stands at that point. */
static void pump(struct publisher *publisher)
{
    struct redis_link *link = publisher->options.link;
    if (publisher->checking || !redis_link_is_up(link))
        return;
    send_sets(publisher);
    if (publisher->executing >= EXECUTING_MAX || !publisher->first)
        return;
    struct append *append = take_first(publisher);
    publisher->checking = append;
    (void)redis_link_send_strings(link, NULL, NULL, "WATCH", append->log_key, (char *)NULL);
    (void)redis_link_send_strings(link, on_stream, publisher, "XLEN",
                                  publisher->options.contract->stream, (char *)NULL);
    bool sent = redis_link_send_strings(link, on_fence, publisher, "HGET", append->log_key, "next",
                                        (char *)NULL);
    assert(sent || !publisher->checking);
}

void publisher_submit(struct publisher *publisher, struct append *append)
{
    append->next = NULL;
    *publisher->last = append;
    publisher->last = &append->next;
    publisher->queued_bytes += append->arena.size;
    pump(publisher);
}

bool publisher_has_room(const struct publisher *publisher)
{
    return publisher->queued_bytes < QUEUE_BYTES_MAX;
}

void publisher_cancel(struct publisher *publisher, const void *owner)
{
    struct append **link = &publisher->first;
    while (*link) {
        struct append *append = *link;
        if (append->owner != owner) {
            link = &append->next;
            continue;
        }
        *link = append->next;
        drop(publisher, append);
    }
    publisher->last = link;
}

bool publisher_is_idle(const struct publisher *publisher)
{
    return !publisher->first && !publisher->checking && !publisher->executing;
}

void publisher_set_fields(struct publisher *publisher, const char *key,
                          const struct checkpoint_field *fields, size_t count, uint64_t expire_ms)
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

void publisher_on_down(struct publisher *publisher)
{
    while (publisher->first_set)
        set_destroy(take_set(publisher));
    while (publisher->first)
        finish(publisher, take_first(publisher), APPEND_FAILED, "the connection went away");
}

const struct publisher_stats *publisher_stats(const struct publisher *publisher)
{
    return &publisher->stats;
}
