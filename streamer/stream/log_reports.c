/*
 * Three rounds of questions: the logs known, the hash of each, and the hash of each process that
 * owns one. What was known stays until all answers are there.
 */
#include "streamer/stream/log_reports.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/bytes.h"
#include "shared/base/context.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_link.h"
#include "streamer/stream/lag_history.h"

enum {
    FRESH_MS = 3000,
    /* There are some hundred logs in the world, and few processes follow them. */
    LOGS_MAX = 1024,
    INGESTS_MAX = 64,
    INGEST_VALUES_MAX = 128,
    /* Bounds a text; no description, address or error is longer. */
    VALUE_MAX = 1024,
    LOG_ID_SIZE = CONTRACT_LOG_ID_HEX / 2,
};

struct report_set {
    struct log_report logs[LOGS_MAX];
    size_t log_count;
    struct ingest_report ingests[INGESTS_MAX];
    size_t ingest_count;
};

#define LOG_REPORTS_MARK CONTEXT_MARK('L', 'R', 'E', 'P')

struct log_reports {
    uint32_t mark; /* LOG_REPORTS_MARK */
    const struct contract *contract;
    struct redis_link *link;
    struct report_set *known;
    struct report_set *coming; /* fills while Redis is asked */
    struct lag_history *lags;
    size_t pending;  /* replies that have not come */
    size_t answered; /* ingest hashes that have come, in the order asked for */
    bool failed;     /* one of them was none */
    uint64_t asked_at_ms;
};

static void clear_reports(struct report_set *set)
{
    for (size_t i = 0; i < set->log_count; i++)
        for (size_t field = 0; field < LOG_FIELDS_TOLD; field++)
            free(set->logs[i].values[field]);
    for (size_t i = 0; i < set->ingest_count; i++) {
        struct ingest_report *ingest = &set->ingests[i];
        for (size_t j = 0; j < ingest->count; j++) {
            free(ingest->values[j].name);
            free(ingest->values[j].value);
        }
        free(ingest->values);
        free(ingest->instance);
    }
    set->log_count = set->ingest_count = 0;
}

static const char *description_of(const struct log_report *report)
{
    const char *description = report->values[LOG_FIELD_DESCRIPTION];
    return description ? description : "";
}

static int compare_reports(const void *left, const void *right)
{
    const struct log_report *a = left;
    const struct log_report *b = right;
    int order = strcmp(description_of(a), description_of(b));
    return order ? order : strcmp(a->id, b->id);
}

static void note_lags(struct log_reports *reports)
{
    uint64_t now_ms = clock_realtime_ms();
    for (size_t i = 0; i < reports->known->log_count; i++) {
        const struct log_report *log = &reports->known->logs[i];
        uint64_t entries, ms;
        if (log_report_number(log, LOG_FIELD_LAG_ENTRIES, &entries) &&
            log_report_number(log, LOG_FIELD_LAG_MS, &ms))
            lag_history_add(reports->lags, log->id, entries, ms, now_ms);
    }
}

/* What was known stays when the connection broke in between. */
static void finish_round(struct log_reports *reports)
{
    if (!reports->failed) {
        struct report_set *known = reports->known;
        reports->known = reports->coming;
        reports->coming = known;
        qsort(reports->known->logs, reports->known->log_count, sizeof *reports->known->logs,
              compare_reports);
        note_lags(reports);
    }
    clear_reports(reports->coming);
}

static char *copy_value(const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING)
        return NULL;
    return memory_copy_text(reply->str, reply->len < VALUE_MAX ? reply->len : VALUE_MAX);
}

static void take_ingest(struct ingest_report *ingest, const struct redisReply *reply)
{
    size_t count =
        reply->elements / 2 < INGEST_VALUES_MAX ? reply->elements / 2 : INGEST_VALUES_MAX;
    ingest->values = memory_allocate_zeroed(count + 1, sizeof *ingest->values);
    for (size_t i = 0; i < count; i++) {
        struct ingest_value value = { copy_value(reply->element[2 * i]),
                                      copy_value(reply->element[2 * i + 1]) };
        if (value.name && value.value) {
            ingest->values[ingest->count++] = value;
            continue;
        }
        free(value.name);
        free(value.value);
    }
}

static void on_ingest(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct log_reports *reports = context_of(context, LOG_REPORTS_MARK);
    struct ingest_report *ingest = &reports->coming->ingests[reports->answered++];
    if (!reply)
        reports->failed = true;
    else if (reply->type == REDIS_REPLY_ARRAY)
        take_ingest(ingest, reply);
    if (--reports->pending == 0)
        finish_round(reports);
}

static bool is_listed(const struct report_set *set, const char *instance)
{
    for (size_t i = 0; i < set->ingest_count; i++)
        if (strcmp(set->ingests[i].instance, instance) == 0)
            return true;
    return false;
}

static void ask_for_ingest(struct log_reports *reports, const char *instance)
{
    struct report_set *coming = reports->coming;
    char key[CONTRACT_KEY_SIZE];
    if (!instance || !*instance || strlen(instance) > CONTRACT_INSTANCE_MAX ||
        is_listed(coming, instance) || coming->ingest_count == INGESTS_MAX)
        return;
    contract_ingest_key(reports->contract, key, instance);
    if (!redis_link_send_strings(reports->link, on_ingest, reports, "HGETALL", key, NULL))
        return;
    coming->ingests[coming->ingest_count++] =
        (struct ingest_report){ .instance = memory_copy_string(instance) };
    reports->pending++;
}

/* Every log has answered. */
static void ask_for_ingests(struct log_reports *reports)
{
    struct report_set *coming = reports->coming;
    reports->answered = 0;
    for (size_t i = 0; i < coming->log_count && !reports->failed; i++)
        ask_for_ingest(reports, coming->logs[i].values[LOG_FIELD_OWNER]);
    if (reports->pending == 0)
        finish_round(reports);
}

static void take_log_field(struct log_report *report, const struct redisReply *name,
                           const struct redisReply *value)
{
    if (name->type != REDIS_REPLY_STRING)
        return;
    for (size_t field = 0; field < LOG_FIELDS_TOLD; field++)
        if (!report->values[field] &&
            bytes_equal_string(bytes_of(name->str, name->len), log_fields[field].name))
            report->values[field] = copy_value(value);
}

/* The log's id went out with the question; the hashes come in the order asked for. */
static void on_log(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct log_reports *reports = context_of(context, LOG_REPORTS_MARK);
    struct log_report *report = &reports->coming->logs[reports->answered++];
    if (!reply)
        reports->failed = true;
    for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
        take_log_field(report, reply->element[i], reply->element[i + 1]);
    if (--reports->pending == 0)
        ask_for_ingests(reports);
}

static void ask_for_log(struct log_reports *reports, const struct redisReply *id)
{
    struct report_set *coming = reports->coming;
    uint8_t binary[LOG_ID_SIZE];
    char key[CONTRACT_KEY_SIZE];
    if (id->type != REDIS_REPLY_STRING || coming->log_count == LOGS_MAX ||
        !hex_decode(binary, sizeof binary, bytes_of(id->str, id->len)))
        return;
    contract_log_key(reports->contract, key, id->str);
    if (!redis_link_send_strings(reports->link, on_log, reports, "HGETALL", key, NULL))
        return;
    struct log_report *report = &coming->logs[coming->log_count++];
    *report = (struct log_report){ 0 };
    memcpy(report->id, id->str, CONTRACT_LOG_ID_HEX);
    reports->pending++;
}

static void on_logs(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct log_reports *reports = context_of(context, LOG_REPORTS_MARK);
    reports->failed = !reply || reply->type != REDIS_REPLY_ARRAY;
    reports->answered = 0;
    for (size_t i = 0; !reports->failed && i < reply->elements; i++)
        ask_for_log(reports, reply->element[i]);
    if (--reports->pending == 0)
        finish_round(reports);
}

struct log_reports *log_reports_create(const struct contract *contract, struct redis_link *link)
{
    struct log_reports *reports = memory_allocate_zeroed(1, sizeof *reports);
    reports->mark = LOG_REPORTS_MARK;
    reports->contract = contract;
    reports->link = link;
    reports->known = memory_allocate_zeroed(1, sizeof *reports->known);
    reports->coming = memory_allocate_zeroed(1, sizeof *reports->coming);
    reports->lags = lag_history_create();
    return reports;
}

void log_reports_destroy(struct log_reports *reports)
{
    if (!reports)
        return;
    assert(reports->pending == 0);
    clear_reports(reports->known);
    clear_reports(reports->coming);
    lag_history_destroy(reports->lags);
    free(reports->known);
    free(reports->coming);
    free(reports);
}

void log_reports_refresh(struct log_reports *reports, uint64_t now_ms)
{
    bool fresh = reports->asked_at_ms && now_ms - reports->asked_at_ms < FRESH_MS;
    if (fresh || reports->pending > 0)
        return;
    if (redis_link_send_strings(reports->link, on_logs, reports, "SMEMBERS",
                                reports->contract->logs, NULL)) {
        reports->asked_at_ms = now_ms;
        reports->pending = 1;
    }
}

const struct log_report *log_reports_logs(const struct log_reports *reports, size_t *count)
{
    *count = reports->known->log_count;
    return reports->known->logs;
}

const struct ingest_report *log_reports_ingests(const struct log_reports *reports, size_t *count)
{
    *count = reports->known->ingest_count;
    return reports->known->ingests;
}

const struct lag_history *log_reports_lags(const struct log_reports *reports)
{
    return reports->lags;
}

bool log_report_number(const struct log_report *report, enum log_field field, uint64_t *number)
{
    const char *value = report->values[field];
    return value && decimal_parse(number, bytes_of_string(value));
}

const char *log_report_quarantine(const struct log_report *report)
{
    const char *reason = report->values[LOG_FIELD_QUARANTINE];
    return reason && *reason && strcmp(reason, "0") != 0 ? reason : NULL;
}
