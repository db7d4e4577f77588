#include "ingest/ingest_shard.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "ingest/history/packer.h"
#include "ingest/ingest_settings.h"
#include "ingest/lists/log_lists.h"
#include "ingest/logs/followed_log.h"
#include "ingest/logs/issuer_download.h"
#include "ingest/logs/leases.h"
#include "ingest/make/pipeline.h"
#include "ingest/store/lease.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/report_fields.h"

enum {
    REDIS_TIMEOUT_MS = 10 * 1000,
    REPORT_MS = 2000,
    /* The counters of a process that is gone vanish after this. */
    COUNTERS_EXPIRE_MS = 15 * 1000,
};

static void on_redis_up(struct redis_link *link, void *context)
{
    struct ingest_shard *shard = context;
    (void)link;
    say_info("redis is there", "instance=%s%s%s", shard->surroundings->instance,
             shard->number ? " prefix=" : "", shard->number ? shard->contract->prefix : "");
    shard->surroundings->on_up(shard->surroundings->context, shard);
}

void ingest_shard_begin(struct ingest_shard *shard)
{
    if (shard->is_right)
        return;
    shard->is_right = true;
    issuer_set_forget_stamps(pipeline_issuers(shard->pipeline));
    leases_hurry(shard->leases);
    shard->report_at_ms = 0;
}

static void on_redis_down(struct redis_link *link, const char *reason, void *context)
{
    struct ingest_shard *shard = context;
    (void)link;
    say_warning("redis is away", "reason=%s%s%s", say_quoted(reason),
                shard->number ? " prefix=" : "", shard->number ? shard->contract->prefix : "");
    shard->is_right = false;
    shard->redis_drops++;
    publisher_on_down(shard->publisher);
    packer_on_down(shard->packer);
    log_set_disown(&shard->logs);
}

static void on_batch(void *context, const struct batch *batch, enum batch_result result,
                     const char *error)
{
    struct ingest_shard *shard = context;
    bool is_refused = result == BATCH_FAILED && redis_refusal_of(error) == REDIS_REFUSAL_CONDITION;
    if (is_refused || result == BATCH_DONE)
        redis_writes_note(&shard->writes, REDIS_WRITES_ENTRIES, is_refused ? error : NULL);
    pipeline_limit_issuers(shard->pipeline, publisher_issuers_are_full(shard->publisher));
    followed_log_on_batch(batch->owner, batch, result, error, clock_monotonic_ms());
}

/* Limits are those of all shards together. */
static uint64_t part_of(const struct ingest_settings *settings, int64_t all)
{
    uint64_t shards = (uint64_t)settings->shards;
    return ((uint64_t)all + shards - 1) / shards;
}

static struct retention_limits retention_of(const struct ingest_settings *settings)
{
    return (struct retention_limits){
        .entries = part_of(settings, settings->retain_entries),
        .age_ms = (uint64_t)settings->retain_age_ms,
        .bytes = part_of(settings, settings->retain_bytes),
        .shards = (unsigned)settings->shards,
    };
}

static void create_redis(struct ingest_shard *shard)
{
    struct redis_address address;
    ingest_settings_address(shard->surroundings->settings, &address);
    const struct redis_link_options link = {
        .address = &address,
        .key = shard->contract->stream,
        .client_name = "certstream-ingest",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .writes = true,
        .events = { .on_up = on_redis_up, .on_down = on_redis_down, .context = shard },
    };
    shard->link = redis_link_create(&link);
    const struct publisher_options publisher = {
        .contract = shard->contract,
        .link = shard->link,
        .retention = retention_of(shard->surroundings->settings),
        .on_result = on_batch,
        .context = shard,
    };
    shard->publisher = publisher_create(&publisher);
}

/* What is kept for less time than it stays plain is never packed. */
static bool packs_history(const struct ingest_settings *settings)
{
    return strcmp(settings->history, "on") == 0 &&
           (!settings->retain_age_ms || settings->retain_age_ms > settings->plain_age_ms);
}

static void create_packer(struct ingest_shard *shard)
{
    const struct ingest_settings *settings = shard->surroundings->settings;
    const struct packer_options options = {
        .contract = shard->contract,
        .link = shard->link,
        .instance = shard->surroundings->instance,
        .packs = packs_history(settings),
        .pack = { .plain_ms = (uint64_t)settings->plain_age_ms,
                  .plain_bytes = part_of(settings, settings->plain_bytes),
                  .hold_ms = (uint64_t)settings->group_hold_ms,
                  .hold_bytes = part_of(settings, settings->group_hold_bytes) },
        .retention = retention_of(settings),
    };
    shard->packer = packer_create(&options);
}

static void create_followers(struct ingest_shard *shard)
{
    const struct ingest_surroundings *surroundings = shard->surroundings;
    const struct issuer_download_options issuers = {
        .http = surroundings->http,
        .operators = surroundings->operators,
        .pipeline = shard->pipeline,
        .stats = &shard->stats,
        .link = shard->link,
        .contract = shard->contract,
    };
    shard->issuers = issuer_download_create(&issuers);
    const struct lease_holder holder = { shard->link, shard->contract->ingests,
                                         surroundings->instance };
    shard->leases = leases_create(&holder, &shard->logs, &shard->writes, surroundings->on_leases,
                                  surroundings->context);
    shard->services = (struct log_services){
        .contract = shard->contract,
        .instance = surroundings->instance,
        .policies = surroundings->policies,
        .http = surroundings->http,
        .operators = surroundings->operators,
        .link = shard->link,
        .pipeline = shard->pipeline,
        .publisher = shard->publisher,
        .issuers = shard->issuers,
        .memory = surroundings->memory,
        .stats = &shard->stats,
        .settings = surroundings->log_settings,
        .stuck_ms = (uint64_t)surroundings->settings->stuck_age_ms,
        .on_quarantine = surroundings->on_quarantine,
        .context = surroundings->context,
    };
}

void ingest_shard_init(struct ingest_shard *shard, unsigned number, const struct contract *contract,
                       const struct ingest_surroundings *surroundings)
{
    *shard = (struct ingest_shard){ .surroundings = surroundings,
                                    .contract = contract,
                                    .number = number };
    contract_ingest_key(contract, shard->key, surroundings->instance);
    create_redis(shard);
    create_packer(shard);
    shard->pipeline = pipeline_create();
    create_followers(shard);
}

void ingest_shard_disconnect(struct ingest_shard *shard)
{
    redis_link_destroy(shard->link);
}

void ingest_shard_clear(struct ingest_shard *shard)
{
    log_set_clear(&shard->logs);
    publisher_destroy(shard->publisher);
    packer_destroy(shard->packer);
    issuer_download_destroy(shard->issuers);
    pipeline_destroy(shard->pipeline);
    leases_destroy(shard->leases);
}

void ingest_shard_apply(struct ingest_shard *shard, const struct roster *roster, uint64_t now_ms)
{
    log_set_apply(&shard->logs, roster, &shard->services, now_ms);
    leases_hurry(shard->leases);
}

static bool is_owned(const struct followed_log *log)
{
    return log->follower.state != FOLLOWER_UNOWNED;
}

static bool is_in_quarantine(const struct followed_log *log)
{
    return log->quarantine != MISMATCH_NONE;
}

static bool is_stuck(const struct followed_log *log)
{
    return log->is_stuck;
}

static bool has_old_head(const struct followed_log *log)
{
    return log->has_old_head;
}

static size_t count_logs(const struct ingest_shard *shard,
                         bool (*is_such)(const struct followed_log *))
{
    size_t count = 0;
    for (size_t i = 0; i < shard->logs.count; i++)
        count += is_such(shard->logs.logs[i]);
    return count;
}

struct counter {
    enum ingest_field field;
    uint64_t value;
};

enum {
    HISTORY_COUNTERS = 13
};

static void collect_history(const struct packer_stats *history, uint64_t *values)
{
    const struct counter counters[] = {
        { INGEST_FIELD_HISTORY_LEADER, history->is_leader },
        { INGEST_FIELD_HISTORY_BYTES, history->history_bytes },
        { INGEST_FIELD_HISTORY_ENTRIES, history->history_entries },
        { INGEST_FIELD_HISTORY_OLDEST_MS, history->oldest_ms },
        { INGEST_FIELD_HISTORY_LAG_MS, history->lag_ms },
        { INGEST_FIELD_PACKED_BLOCKS, history->blocks },
        { INGEST_FIELD_PACKED_ENTRIES, history->entries },
        { INGEST_FIELD_PACKED_RECORDS, history->records },
        { INGEST_FIELD_PACKED_VERBATIM, history->verbatim },
        { INGEST_FIELD_PACKED_BYTES, history->bytes },
        { INGEST_FIELD_PACKED_ABANDONED, history->abandoned },
        { INGEST_FIELD_PACKED_LEFT_OUT, history->left_out },
        { INGEST_FIELD_GROUP_HOLDS_ENDED, history->holds_ended },
    };
    static_assert(sizeof counters / sizeof *counters == HISTORY_COUNTERS, "as many");
    for (size_t i = 0; i < HISTORY_COUNTERS; i++)
        values[counters[i].field] = counters[i].value;
}

/* The counters of this process as they are now, by enum ingest_field. */
static void collect_counters(const struct ingest_shard *shard, uint64_t *values)
{
    const struct follow_stats *stats = &shard->stats;
    const struct pipeline_stats *pipeline = pipeline_stats(shard->pipeline);
    const struct publisher_stats *publisher = publisher_stats(shard->publisher);
    const struct retention_memory *memory = publisher_memory(shard->publisher);
    const uint64_t shards = (uint64_t)shard->surroundings->settings->shards;
    const struct log_lists_stats lists =
        log_lists_stats(shard->surroundings->lists, clock_monotonic_ms());
    const struct counter counters[] = {
        { INGEST_FIELD_STARTED_MS, shard->surroundings->started_ms },
        { INGEST_FIELD_UPDATED_MS, clock_realtime_ms() },
        { INGEST_FIELD_LOGS, shard->logs.count },
        { INGEST_FIELD_LOGS_OWNED, count_logs(shard, is_owned) },
        { INGEST_FIELD_LOGS_QUARANTINED, count_logs(shard, is_in_quarantine) },
        { INGEST_FIELD_REQUESTS, stats->requests },
        { INGEST_FIELD_REQUEST_FAILURES, stats->request_failures },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_2XX, stats->statuses[2] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_3XX, stats->statuses[3] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_4XX, stats->statuses[4] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_429, stats->status_429 },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_5XX, stats->statuses[5] },
        { INGEST_FIELD_HTTP_UNREACHABLE_TOTAL, stats->unreachable },
        { INGEST_FIELD_BYTES_TOTAL, stats->bytes },
        { INGEST_FIELD_HOLD_BYTES, held_memory_bytes(shard->surroundings->memory) },
        { INGEST_FIELD_OVERSIZE_TOTAL, stats->oversize },
        { INGEST_FIELD_HEADS, stats->heads },
        { INGEST_FIELD_STALE_STH_TOTAL, stats->stale_heads },
        { INGEST_FIELD_FUTURE_STH_TOTAL, stats->future_heads },
        { INGEST_FIELD_ROOTS_REPRODUCED, stats->roots_reproduced },
        { INGEST_FIELD_ROOTS_DIFFERENT, stats->roots_different },
        { INGEST_FIELD_WINDOWS, stats->windows },
        { INGEST_FIELD_WINDOW_VERIFY_MS_TOTAL, stats->window_verify_ms },
        { INGEST_FIELD_PROOFS, stats->proofs },
        { INGEST_FIELD_MISMATCH_TOTAL_TRANSIENT, stats->mismatches_transient },
        { INGEST_FIELD_MISMATCH_TOTAL_ENTRIES, stats->mismatches[MISMATCH_ENTRIES] },
        { INGEST_FIELD_MISMATCH_TOTAL_FORK, stats->mismatches[MISMATCH_FORK] },
        { INGEST_FIELD_MISMATCH_TOTAL_EQUIVOCATION, stats->mismatches[MISMATCH_EQUIVOCATION] },
        { INGEST_FIELD_MISMATCH_TOTAL_FINAL_HEAD, stats->mismatches[MISMATCH_FINAL_HEAD] },
        { INGEST_FIELD_MISMATCH_TOTAL_UNEXPLAINED, stats->mismatches[MISMATCH_UNEXPLAINED] },
        { INGEST_FIELD_ENTRIES, pipeline->entries },
        { INGEST_FIELD_PRECERTIFICATES, pipeline->precertificates },
        { INGEST_FIELD_MALFORMED_ENTRIES, pipeline->malformed_entries },
        { INGEST_FIELD_PARSE_FAIL_TOTAL, pipeline->parse_errors },
        { INGEST_FIELD_CHAIN_UNBOUND_TOTAL, pipeline->unbound },
        { INGEST_FIELD_CHAIN_UNCHECKED_TOTAL, pipeline->unchecked },
        { INGEST_FIELD_ISSUERS, pipeline->issuers },
        { INGEST_FIELD_APPENDS, publisher->appends },
        { INGEST_FIELD_APPENDED_ENTRIES, publisher->entries },
        { INGEST_FIELD_APPENDS_REFUSED, publisher->refused },
        { INGEST_FIELD_APPENDS_FAILED, publisher->failed },
        { INGEST_FIELD_LOGS_FOLLOWED, lists.followed },
        { INGEST_FIELD_LOGS_DRAINED, lists.drained },
        { INGEST_FIELD_LIST_READS, lists.sources.reads },
        { INGEST_FIELD_LIST_UNCHANGED, lists.sources.unchanged },
        { INGEST_FIELD_LIST_FAILURES, lists.sources.failures },
        { INGEST_FIELD_LIST_BAD_SIGNATURES, lists.sources.bad_signatures },
        { INGEST_FIELD_LIST_HELD, lists.sources.held },
        { INGEST_FIELD_LIST_READ_AGE_S, lists.read_age_s },
        { INGEST_FIELD_LIST_TIMESTAMP_AGE_S, lists.timestamp_age_s },
        { INGEST_FIELD_LOGS_STUCK, count_logs(shard, is_stuck) },
        { INGEST_FIELD_STUCK_TOTAL, stats->stuck },
        { INGEST_FIELD_LOGS_HEAD_OLD, count_logs(shard, has_old_head) },
        { INGEST_FIELD_LISTS_STALE, lists.stale },
        { INGEST_FIELD_MISPLACED_ENTRIES, stats->misplaced },
        { INGEST_FIELD_REDIS_DROPS, shard->redis_drops },
        { INGEST_FIELD_REDIS_USED_BYTES, memory->used * shards },
        { INGEST_FIELD_REDIS_MAX_BYTES, memory->maximum * shards },
        { INGEST_FIELD_STREAM_BYTES, memory->stream_bytes },
        { INGEST_FIELD_STREAM_ENTRIES, memory->stream_entries },
    };
    const size_t count = sizeof counters / sizeof *counters;
    static_assert(sizeof counters / sizeof *counters + HISTORY_COUNTERS == INGEST_FIELDS,
                  "each is counted");
    for (size_t i = 0; i < count; i++)
        values[counters[i].field] = counters[i].value;
    collect_history(packer_stats(shard->packer), values);
}

static void send_report(struct ingest_shard *shard, uint64_t now_ms)
{
    publisher_keep_limits(shard->publisher, now_ms);
    shard->report_at_ms = now_ms + REPORT_MS;
    log_set_report(&shard->logs, now_ms);
    uint64_t values[INGEST_FIELDS];
    char texts[INGEST_FIELDS][24];
    struct hash_field fields[INGEST_FIELDS];
    collect_counters(shard, values);
    for (size_t i = 0; i < INGEST_FIELDS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%" PRIu64, values[i]);
        fields[i] = (struct hash_field){ bytes_of_string(ingest_fields[i].name),
                                         bytes_of_string(texts[i]) };
    }
    publisher_set_fields(shard->publisher, shard->key, fields, INGEST_FIELDS, COUNTERS_EXPIRE_MS);
}

size_t ingest_shard_owned(const struct ingest_shard *shard)
{
    return count_logs(shard, is_owned);
}

static uint64_t report(struct ingest_shard *shard, uint64_t now_ms)
{
    if (now_ms >= shard->report_at_ms)
        send_report(shard, now_ms);
    return shard->report_at_ms;
}

static uint64_t earlier_work(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t keep_history(struct ingest_shard *shard, uint64_t now_ms)
{
    uint64_t appended = publisher_stats(shard->publisher)->bytes;
    uint64_t again_ms = packer_work(shard->packer, appended, now_ms);
    const struct packer_pressure *pressure = packer_pressure(shard->packer);
    publisher_set_history(shard->publisher, pressure->has_history, pressure->keeps_stream,
                          pressure->is_behind);
    return again_ms;
}

/* Everybody's work: each says when there is more as it goes, and nobody says it again elsewhere. */
uint64_t ingest_shard_work(struct ingest_shard *shard, uint64_t now_ms)
{
    uint64_t again_ms = shard->is_right ? leases_work(shard->leases, now_ms) : UINT64_MAX;
    /* First, because entries wait for issuers: where an operator is asked little, logs would leave
     * them nothing. */
    again_ms = earlier_work(again_ms, issuer_download_work(shard->issuers, now_ms));
    again_ms = earlier_work(again_ms, log_set_work(&shard->logs, now_ms));
    if (!shard->is_right)
        return again_ms;
    again_ms = earlier_work(again_ms, keep_history(shard, now_ms));
    return earlier_work(again_ms, report(shard, now_ms));
}

bool ingest_shard_is_idle(const struct ingest_shard *shard)
{
    return !redis_link_is_up(shard->link) ||
           (publisher_is_idle(shard->publisher) && redis_link_pending(shard->link) == 0);
}

/* Where Redis holds another deployment nothing is this process's. */
void ingest_shard_give_back(struct ingest_shard *shard)
{
    if (!shard->is_right)
        return;
    leases_give_back(shard->leases);
    packer_give_back(shard->packer);
    (void)redis_link_send_strings(shard->link, NULL, NULL, "DEL", shard->key, (char *)NULL);
}
