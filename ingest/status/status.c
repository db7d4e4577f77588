#include "ingest/status/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_link.h"

enum {
    ANSWER_MS = 10 * 1000,
    REDIS_TIMEOUT_MS = 5 * 1000,
    POLL_MS = 50,
    /* A log is reported on every 2 s: one whose report is older is followed by nobody. */
    REPORT_AGE_MS = 15 * 1000,
    /* Entries may be missing for so long before anybody is to look. */
    LAG_MS = 60 * 1000,
};

#define READING_MARK CONTEXT_MARK('S', 'T', 'A', 'T')

struct reading {
    uint32_t mark; /* READING_MARK */
    struct status *status;
    const struct contract *contract;
    unsigned shard;
    bool is_begun;
};

/* A hash that was asked for. */
struct question {
    struct reading *reading;
    size_t index;
};

unsigned long long status_number(const char *text)
{
    uint64_t number;
    return text && decimal_parse(&number, bytes_of_string(text)) ? number : 0;
}

static void take_fields(char **texts, const struct report_field *fields, size_t count,
                        const redisReply *reply)
{
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        for (size_t j = 0; j < count; j++)
            if (!texts[j] && strcmp(fields[j].name, name->str) == 0)
                texts[j] = memory_copy_text(value->str, (size_t)value->len);
    }
}

static void on_log_hash(struct redis_link *link, redisReply *reply, void *context)
{
    struct question question = *(struct question *)context;
    free(context);
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ARRAY)
        take_fields(question.reading->status->logs[question.index].texts, log_fields, LOG_FIELDS,
                    reply);
}

static void on_ingest_hash(struct redis_link *link, redisReply *reply, void *context)
{
    struct question question = *(struct question *)context;
    free(context);
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ARRAY)
        take_fields(question.reading->status->ingests[question.index].texts, ingest_fields,
                    INGEST_FIELDS, reply);
}

static void ask_for_hash(struct reading *reading, struct redis_link *link, size_t index,
                         const char *key, redis_link_on_reply on_reply)
{
    struct question *question = memory_allocate(sizeof *question);
    *question = (struct question){ reading, index };
    if (!redis_link_send_strings(link, on_reply, question, "HGETALL", key, (char *)NULL))
        free(question);
}

static bool is_name(const redisReply *reply, size_t size_max)
{
    return reply->type == REDIS_REPLY_STRING && (size_t)reply->len <= size_max &&
           strlen(reply->str) == (size_t)reply->len;
}

static void on_log_ids(struct redis_link *link, redisReply *reply, void *context)
{
    struct reading *reading = context_of(context, READING_MARK);
    struct status *status = reading->status;
    size_t count = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    if (count > STATUS_LOGS_MAX - status->log_count)
        count = STATUS_LOGS_MAX - status->log_count;
    status->logs = memory_resize(status->logs, status->log_count + count + 1, sizeof *status->logs);
    for (size_t i = 0; i < count; i++) {
        char key[CONTRACT_KEY_SIZE];
        uint8_t id[CONTRACT_LOG_ID_HEX / 2];
        if (!is_name(reply->element[i], CONTRACT_LOG_ID_HEX) ||
            !hex_decode(id, sizeof id, bytes_of_string(reply->element[i]->str)))
            continue;
        contract_log_key(reading->contract, key, reply->element[i]->str);
        status->logs[status->log_count] = (struct status_log){ .shard = reading->shard };
        (void)snprintf(status->logs[status->log_count].id, STATUS_NAME_SIZE, "%s",
                       reply->element[i]->str);
        ask_for_hash(reading, link, status->log_count++, key, on_log_hash);
    }
}

static void on_ingest_names(struct redis_link *link, redisReply *reply, void *context)
{
    struct reading *reading = context_of(context, READING_MARK);
    struct status *status = reading->status;
    size_t count = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    status->ingests =
        memory_resize(status->ingests, status->ingest_count + count + 1, sizeof *status->ingests);
    for (size_t i = 0; i < count; i++) {
        char key[CONTRACT_KEY_SIZE];
        if (!is_name(reply->element[i], CONTRACT_INSTANCE_MAX))
            continue;
        contract_ingest_key(reading->contract, key, reply->element[i]->str);
        status->ingests[status->ingest_count] = (struct status_ingest){ .shard = reading->shard };
        (void)snprintf(status->ingests[status->ingest_count].name, STATUS_NAME_SIZE, "%s",
                       reply->element[i]->str);
        ask_for_hash(reading, link, status->ingest_count++, key, on_ingest_hash);
    }
}

static void on_length(struct redis_link *link, redisReply *reply, void *context)
{
    struct reading *reading = context_of(context, READING_MARK);
    (void)link;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer <= 0)
        return;
    reading->status->shards[reading->shard].entries = (unsigned long long)reply->integer;
    reading->status->entries += (unsigned long long)reply->integer;
}

/* The record of a deployment with several shards: its fields are few beside the logs'. */
static void on_deployment(struct redis_link *link, redisReply *reply, void *context)
{
    struct status *status = ((struct reading *)context_of(context, READING_MARK))->status;
    static const char name[] = CONTRACT_DEPLOYMENT_PREFIX;
    (void)link;
    for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements;
         i += 2) {
        const redisReply *field = reply->element[i], *value = reply->element[i + 1];
        uint64_t shard;
        if (!is_name(field, sizeof name + 2) || !is_name(value, CONTRACT_PREFIX_MAX) ||
            strncmp(field->str, name, sizeof name - 1) != 0 ||
            !decimal_parse(&shard, bytes_of_string(field->str + sizeof name - 1)) ||
            shard >= SHARDS_MAX)
            continue;
        (void)snprintf(status->shards[shard].prefix, sizeof status->shards[shard].prefix, "%s",
                       value->str);
        if (shard >= status->shard_count)
            status->shard_count = (size_t)shard + 1;
    }
}

/* Not everybody may ask Redis for its clients: then streamers are not seen. */
static void on_clients(struct redis_link *link, redisReply *reply, void *context)
{
    static const char name[] = " name=certstream-reader ";
    struct status *status = ((struct reading *)context_of(context, READING_MARK))->status;
    (void)link;
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    for (const char *at = strstr(reply->str, name); at; at = strstr(at + 1, name)) {
        const char *age = strstr(at, " age=");
        if (!age)
            return;
        status->streamer_ages_s = memory_resize(status->streamer_ages_s, status->streamer_count + 1,
                                                sizeof *status->streamer_ages_s);
        status->streamer_ages_s[status->streamer_count++] =
            strtoull(age + strlen(" age="), NULL, 10);
    }
}

static void on_status_up(struct redis_link *link, void *context)
{
    struct reading *reading = context_of(context, READING_MARK);
    const struct contract *contract = reading->contract;
    if (reading->is_begun)
        return;
    reading->is_begun = true;
    char now[32];
    (void)snprintf(now, sizeof now, "%llu", (unsigned long long)clock_realtime_ms());
    (void)redis_link_send_strings(link, on_length, reading, "XLEN", contract->stream, (char *)NULL);
    if (reading->shard == 0) {
        (void)redis_link_send_strings(link, on_deployment, reading, "HGETALL", contract->deployment,
                                      (char *)NULL);
        (void)redis_link_send_strings(link, on_clients, reading, "CLIENT", "LIST", (char *)NULL);
    }
    (void)redis_link_send_strings(link, on_log_ids, reading, "SMEMBERS", contract->logs,
                                  (char *)NULL);
    (void)redis_link_send_strings(link, on_ingest_names, reading, "ZRANGE", contract->ingests, now,
                                  "+inf", "BYSCORE", (char *)NULL);
}

static const char *log_text(const struct status_log *log, enum log_field field)
{
    return log->texts[field] ? log->texts[field] : "";
}

/* Trouble first, then by name. */
static int compare_logs(const void *a, const void *b)
{
    const struct status_log *first = a, *second = b;
    unsigned long long now_ms = clock_realtime_ms();
    int order =
        (status_log_trouble(second, now_ms) != NULL) - (status_log_trouble(first, now_ms) != NULL);
    return order ? order
                 : strcmp(log_text(first, LOG_FIELD_DESCRIPTION),
                          log_text(second, LOG_FIELD_DESCRIPTION));
}

static void read_shard(struct status *status, const struct redis_address *address,
                       const struct contract *contract, unsigned shard)
{
    struct reading reading = {
        .mark = READING_MARK, .status = status, .contract = contract, .shard = shard
    };
    const struct redis_link_options options = {
        .address = address,
        .key = contract->stream,
        .client_name = "certstream-status",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .events = { .on_up = on_status_up, .context = &reading },
    };
    struct redis_link *link = redis_link_create(&options);
    uint64_t now_ms = clock_monotonic_ms(), end_ms = now_ms + ANSWER_MS;
    for (bool is_done = false; !is_done && now_ms < end_ms;) {
        now_ms = redis_link_turn(link, POLL_MS);
        is_done = reading.is_begun && redis_link_pending(link) == 0;
        if (is_done || now_ms >= end_ms)
            (void)snprintf(status->reason, sizeof status->reason, "%s",
                           is_done ? "" : redis_link_reason(link));
    }
    if (!reading.is_begun && !*status->reason)
        (void)snprintf(status->reason, sizeof status->reason, "no answer");
    redis_link_destroy(link);
}

/* A prefix that is none of the first shard has its own shard alone. */
void status_read(struct status *status, const struct redis_address *address,
                 const struct contract *contract)
{
    *status = (struct status){ .shard_count = 1 };
    read_shard(status, address, contract, 0);
    if (strcmp(status->shards[0].prefix, contract->prefix) != 0)
        status->shard_count = 1;
    for (unsigned shard = 1; shard < status->shard_count && !*status->reason; shard++) {
        struct contract other;
        if (contract_init(&other, status->shards[shard].prefix))
            read_shard(status, address, &other, shard);
    }
    if (status->log_count)
        qsort(status->logs, status->log_count, sizeof *status->logs, compare_logs);
}

void status_clear(struct status *status)
{
    for (size_t i = 0; i < status->log_count; i++)
        for (size_t field = 0; field < LOG_FIELDS; field++)
            free(status->logs[i].texts[field]);
    for (size_t i = 0; i < status->ingest_count; i++)
        for (size_t field = 0; field < INGEST_FIELDS; field++)
            free(status->ingests[i].texts[field]);
    free(status->logs);
    free(status->ingests);
    free(status->streamer_ages_s);
    *status = (struct status){ 0 };
}

const char *status_log_trouble(const struct status_log *log, unsigned long long now_ms)
{
    unsigned long long updated_ms = status_number(log->texts[LOG_FIELD_UPDATED]);
    const char *state = log_text(log, LOG_FIELD_STATE);
    if (*log_text(log, LOG_FIELD_QUARANTINE))
        return "quarantined";
    if (strcmp(state, "left alone") == 0)
        return "left alone";
    if (strcmp(state, "finished") == 0)
        return NULL;
    if (!updated_ms || now_ms > updated_ms + REPORT_AGE_MS)
        return "not followed";
    if (status_number(log->texts[LOG_FIELD_STUCK]))
        return "stuck";
    if (status_number(log->texts[LOG_FIELD_HEAD_OLD]))
        return "old head";
    bool is_behind = status_number(log->texts[LOG_FIELD_LAG_ENTRIES]) > 0 &&
                     status_number(log->texts[LOG_FIELD_LAG_MS]) > LAG_MS;
    return is_behind ? "behind" : NULL;
}

enum status_verdict status_judge(const struct status *status, unsigned long long now_ms)
{
    if (*status->reason || status->ingest_count == 0)
        return STATUS_DOWN;
    for (size_t i = 0; i < status->log_count; i++)
        if (status_log_trouble(&status->logs[i], now_ms))
            return STATUS_BEHIND;
    return STATUS_WELL;
}
