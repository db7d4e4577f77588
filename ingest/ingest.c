#include "ingest/ingest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/follow/followed_log.h"
#include "ingest/follow/issuer_download.h"
#include "ingest/follow/leases.h"
#include "ingest/follow/log_set.h"
#include "ingest/follow/log_settings.h"
#include "ingest/follow/redis_writes.h"
#include "ingest/history/packer.h"
#include "ingest/http/http_client.h"
#include "ingest/http/operator_budget.h"
#include "ingest/ingest_settings.h"
#include "ingest/lists/log_list.h"
#include "ingest/lists/log_lists.h"
#include "ingest/make/pipeline.h"
#include "ingest/quarantine_hook.h"
#include "ingest/store/lease.h"
#include "shared/base/clock.h"
#include "shared/base/notify.h"
#include "shared/base/say.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/report_fields.h"

enum {
    REDIS_TIMEOUT_MS = 10 * 1000,
    REPORT_MS = 2000,
    /* The counters of a process that is gone vanish after this. */
    COUNTERS_EXPIRE_MS = 15 * 1000,
    /* The longest sleep: a signal ends the wait, but may come just before it begins. */
    WAIT_MAX_MS = 500,
    /* A stop takes no longer: for what was appended when the signal came, and for the leases to be
     * given back. */
    STOP_MS = 3500,
    CONNECTIONS_MAX = 256,
    /* Signals that come faster are one: lists are read over the network. */
    RELOAD_MS = 1000,
};

struct ingest {
    const struct ingest_settings *settings;
    struct contract contract;
    char instance[CONTRACT_INSTANCE_MAX + 1];
    char key[CONTRACT_KEY_SIZE]; /* of the instance's counters */
    struct follower_policy policies[CT_LOG_KINDS];
    struct http_client *http;
    struct operator_budgets *operators;
    struct redis_link *link;
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct packer *packer;
    struct issuer_download *issuers;
    struct log_lists *lists;
    struct leases *leases;
    struct held_memory memory;
    struct log_services services;
    struct log_set logs;
    struct redis_writes writes;
    struct log_settings_table *log_settings;
    struct quarantine_hook hook;
    struct follow_stats stats;
    uint64_t started_ms; /* realtime */
    uint64_t redis_drops;
    uint64_t report_at_ms;
    uint64_t reload_at_ms; /* not before, whatever signals come */
    struct notify *notify;
};

static void create_http(struct ingest *ingest)
{
    char user_agent[512];
    const char *contact = ingest->settings->contact;
    (void)snprintf(user_agent, sizeof user_agent, "certstream-ingest/%s%s%s%s", CERTSTREAM_VERSION,
                   *contact ? " (" : "", contact, *contact ? ")" : "");
    const struct http_client_options options = { user_agent, CONNECTIONS_MAX, 0 };
    ingest->http = http_client_create(&options);
}

static size_t count_followed(void *context)
{
    const struct ingest *ingest = context;
    return ingest->logs.count;
}

static const struct ct_log *followed(void *context, size_t i)
{
    const struct ingest *ingest = context;
    return &ingest->logs.logs[i]->ct_log;
}

/* Without Redis the lists are only printed. */
static void on_roster(void *context, const struct roster *roster)
{
    struct ingest *ingest = context;
    if (!ingest->link)
        return;
    log_set_apply(&ingest->logs, roster, &ingest->services, clock_monotonic_ms());
    leases_hurry(ingest->leases);
}

static void on_redis_up(struct redis_link *link, void *context)
{
    struct ingest *ingest = context;
    (void)link;
    say_info("redis is there", "instance=%s", ingest->instance);
    issuer_set_forget_stamps(pipeline_issuers(ingest->pipeline));
    log_lists_on_redis_up(ingest->lists);
    leases_hurry(ingest->leases);
    ingest->report_at_ms = 0;
}

static void on_redis_down(struct redis_link *link, const char *reason, void *context)
{
    struct ingest *ingest = context;
    (void)link;
    say_warning("redis is away", "reason=%s", say_quoted(reason));
    ingest->redis_drops++;
    publisher_on_down(ingest->publisher);
    packer_on_down(ingest->packer);
    log_set_disown(&ingest->logs);
}

static void on_batch(void *context, const struct batch *batch, enum batch_result result,
                     const char *error)
{
    struct ingest *ingest = context;
    bool is_refused = result == BATCH_FAILED && redis_refusal_of(error) == REDIS_REFUSAL_CONDITION;
    if (is_refused || result == BATCH_DONE)
        redis_writes_note(&ingest->writes, REDIS_WRITES_ENTRIES, is_refused ? error : NULL);
    pipeline_limit_issuers(ingest->pipeline, publisher_issuers_are_full(ingest->publisher));
    followed_log_on_batch(batch->owner, batch, result, error, clock_monotonic_ms());
}

static struct retention_limits retention_of(const struct ingest_settings *settings)
{
    return (struct retention_limits){
        .entries = (uint64_t)settings->retain_entries,
        .age_ms = (uint64_t)settings->retain_age_ms,
        .bytes = (uint64_t)settings->retain_bytes,
    };
}

static void create_redis(struct ingest *ingest)
{
    struct redis_address address;
    ingest_settings_address(ingest->settings, &address);
    const struct redis_link_options link = {
        .address = &address,
        .key = ingest->contract.stream,
        .client_name = "certstream-ingest",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .writes = true,
        .events = { .on_up = on_redis_up, .on_down = on_redis_down, .context = ingest },
    };
    ingest->link = redis_link_create(&link);
    const struct publisher_options publisher = {
        .contract = &ingest->contract,
        .link = ingest->link,
        .retention = retention_of(ingest->settings),
        .on_result = on_batch,
        .context = ingest,
    };
    ingest->publisher = publisher_create(&publisher);
}

/* What is kept for less time than it stays plain is never packed. */
static bool packs_history(const struct ingest_settings *settings)
{
    return strcmp(settings->history, "on") == 0 &&
           (!settings->retain_age_ms || settings->retain_age_ms > settings->plain_age_ms);
}

static void create_packer(struct ingest *ingest)
{
    const struct ingest_settings *settings = ingest->settings;
    const struct packer_options options = {
        .contract = &ingest->contract,
        .link = ingest->link,
        .instance = ingest->instance,
        .packs = packs_history(settings),
        .pack = { .plain_ms = (uint64_t)settings->plain_age_ms,
                  .plain_bytes = (uint64_t)settings->plain_bytes,
                  .hold_ms = (uint64_t)settings->group_hold_ms,
                  .hold_bytes = (uint64_t)settings->group_hold_bytes },
        .retention = retention_of(settings),
    };
    ingest->packer = packer_create(&options);
}

static void on_quarantine(void *context, const struct ct_log *ct_log, const char *class)
{
    struct ingest *ingest = context;
    quarantine_hook_start(&ingest->hook, ct_log->id_hex, class, ct_log->description,
                          clock_monotonic_ms());
}

/* Following needs these. */
static void create_parts(struct ingest *ingest)
{
    create_redis(ingest);
    create_packer(ingest);
    ingest->pipeline = pipeline_create();
    const struct issuer_download_options issuers = {
        .http = ingest->http,
        .operators = ingest->operators,
        .pipeline = ingest->pipeline,
        .stats = &ingest->stats,
        .link = ingest->link,
        .contract = &ingest->contract,
    };
    ingest->issuers = issuer_download_create(&issuers);
    const struct lease_holder holder = { ingest->link, ingest->contract.ingests, ingest->instance };
    ingest->leases = leases_create(&holder, &ingest->logs, &ingest->writes);
    ingest->log_settings = log_settings_create(ingest->settings->log_settings);
    ingest->services = (struct log_services){
        .contract = &ingest->contract,
        .instance = ingest->instance,
        .policies = ingest->policies,
        .http = ingest->http,
        .operators = ingest->operators,
        .link = ingest->link,
        .pipeline = ingest->pipeline,
        .publisher = ingest->publisher,
        .issuers = ingest->issuers,
        .memory = &ingest->memory,
        .stats = &ingest->stats,
        .settings = ingest->log_settings,
        .stuck_ms = (uint64_t)ingest->settings->stuck_age_ms,
        .on_quarantine = on_quarantine,
        .context = ingest,
    };
    ingest->hook.program = ingest->settings->on_quarantine;
}

/* Has to come after create_parts, where there is a Redis. */
static void create_lists(struct ingest *ingest)
{
    const struct ingest_settings *settings = ingest->settings;
    const struct log_lists_options options = {
        .reading = { .http = ingest->http,
                     .link = ingest->link,
                     .contract = &ingest->contract,
                     .refresh_ms = (uint64_t)settings->list_refresh_ms,
                     .key_file = settings->log_list_key,
                     .key_hash = settings->log_list_key_hash },
        .names = settings->log_lists,
        .ignored_ids = settings->ignored_logs,
        .follow_pending = settings->follow_pending,
        .brake_percent = (unsigned)settings->list_brake,
        .events = { count_followed, followed, on_roster, ingest },
    };
    ingest->lists = log_lists_create(&options);
}

static void name_instance(struct ingest *ingest)
{
    char host[CONTRACT_INSTANCE_MAX - 11] = "";
    if (*ingest->settings->instance) {
        (void)snprintf(ingest->instance, sizeof ingest->instance, "%s", ingest->settings->instance);
        return;
    }
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(ingest->instance, sizeof ingest->instance, "%s-%d", host, (int)getpid());
}

static void init(struct ingest *ingest, const struct ingest_settings *settings)
{
    *ingest = (struct ingest){ .settings = settings };
    bool good = contract_init(&ingest->contract, settings->prefix);
    assert(good);
    name_instance(ingest);
    contract_ingest_key(&ingest->contract, ingest->key, ingest->instance);
    for (int kind = 0; kind < CT_LOG_KINDS; kind++)
        ingest_settings_policy(settings, (enum ct_log_kind)kind, &ingest->policies[kind]);
    ingest->started_ms = clock_realtime_ms();
    ingest->operators = operator_budgets_create(ingest->started_ms);
    create_http(ingest);
}

/* Connections first: nothing calls back into what is freed later. */
static void clear_ingest(struct ingest *ingest)
{
    redis_link_destroy(ingest->link);
    http_client_destroy(ingest->http);
    log_set_clear(&ingest->logs);
    operator_budgets_destroy(ingest->operators);
    publisher_destroy(ingest->publisher);
    packer_destroy(ingest->packer);
    issuer_download_destroy(ingest->issuers);
    pipeline_destroy(ingest->pipeline);
    log_lists_destroy(ingest->lists);
    log_settings_destroy(ingest->log_settings);
    leases_destroy(ingest->leases);
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

static size_t count_logs(const struct ingest *ingest, bool (*is_such)(const struct followed_log *))
{
    size_t count = 0;
    for (size_t i = 0; i < ingest->logs.count; i++)
        count += is_such(ingest->logs.logs[i]);
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
static void collect_counters(const struct ingest *ingest, uint64_t *values)
{
    const struct follow_stats *stats = &ingest->stats;
    const struct pipeline_stats *pipeline = pipeline_stats(ingest->pipeline);
    const struct publisher_stats *publisher = publisher_stats(ingest->publisher);
    const struct retention_memory *memory = publisher_memory(ingest->publisher);
    const struct log_lists_stats lists = log_lists_stats(ingest->lists, clock_monotonic_ms());
    const struct counter counters[] = {
        { INGEST_FIELD_STARTED_MS, ingest->started_ms },
        { INGEST_FIELD_UPDATED_MS, clock_realtime_ms() },
        { INGEST_FIELD_LOGS, ingest->logs.count },
        { INGEST_FIELD_LOGS_OWNED, count_logs(ingest, is_owned) },
        { INGEST_FIELD_LOGS_QUARANTINED, count_logs(ingest, is_in_quarantine) },
        { INGEST_FIELD_REQUESTS, stats->requests },
        { INGEST_FIELD_REQUEST_FAILURES, stats->request_failures },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_2XX, stats->statuses[2] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_3XX, stats->statuses[3] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_4XX, stats->statuses[4] },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_429, stats->status_429 },
        { INGEST_FIELD_HTTP_STATUS_TOTAL_5XX, stats->statuses[5] },
        { INGEST_FIELD_HTTP_UNREACHABLE_TOTAL, stats->unreachable },
        { INGEST_FIELD_BYTES_TOTAL, stats->bytes },
        { INGEST_FIELD_HOLD_BYTES, held_memory_bytes(&ingest->memory) },
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
        { INGEST_FIELD_LOGS_STUCK, count_logs(ingest, is_stuck) },
        { INGEST_FIELD_STUCK_TOTAL, stats->stuck },
        { INGEST_FIELD_LOGS_HEAD_OLD, count_logs(ingest, has_old_head) },
        { INGEST_FIELD_LISTS_STALE, lists.stale },
        { INGEST_FIELD_MISPLACED_ENTRIES, stats->misplaced },
        { INGEST_FIELD_REDIS_DROPS, ingest->redis_drops },
        { INGEST_FIELD_REDIS_USED_BYTES, memory->used },
        { INGEST_FIELD_REDIS_MAX_BYTES, memory->maximum },
        { INGEST_FIELD_STREAM_BYTES, memory->stream_bytes },
        { INGEST_FIELD_STREAM_ENTRIES, memory->stream_entries },
    };
    const size_t count = sizeof counters / sizeof *counters;
    static_assert(sizeof counters / sizeof *counters + HISTORY_COUNTERS == INGEST_FIELDS,
                  "each is counted");
    for (size_t i = 0; i < count; i++)
        values[counters[i].field] = counters[i].value;
    collect_history(packer_stats(ingest->packer), values);
}

static void send_report(struct ingest *ingest, uint64_t now_ms)
{
    publisher_keep_limits(ingest->publisher, now_ms);
    ingest->report_at_ms = now_ms + REPORT_MS;
    log_set_report(&ingest->logs, now_ms);
    uint64_t values[INGEST_FIELDS];
    char texts[INGEST_FIELDS][24];
    struct hash_field fields[INGEST_FIELDS];
    collect_counters(ingest, values);
    for (size_t i = 0; i < INGEST_FIELDS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%" PRIu64, values[i]);
        fields[i] = (struct hash_field){ bytes_of_string(ingest_fields[i].name),
                                         bytes_of_string(texts[i]) };
    }
    publisher_set_fields(ingest->publisher, ingest->key, fields, INGEST_FIELDS, COUNTERS_EXPIRE_MS);
}

static uint64_t report(struct ingest *ingest, uint64_t now_ms)
{
    if (!redis_link_is_up(ingest->link))
        return UINT64_MAX;
    if (now_ms >= ingest->report_at_ms)
        send_report(ingest, now_ms);
    return ingest->report_at_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `again_ms`: when there is work again. */
static int time_to_wait(const struct ingest *ingest, uint64_t again_ms, uint64_t now_ms)
{
    uint64_t deadline_ms = earlier(again_ms, now_ms + WAIT_MAX_MS);
    deadline_ms = earlier(deadline_ms, redis_link_deadline_ms(ingest->link));
    deadline_ms = earlier(deadline_ms, notify_deadline_ms(ingest->notify));
    return deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0;
}

static uint64_t keep_history(struct ingest *ingest, uint64_t now_ms)
{
    uint64_t appended = publisher_stats(ingest->publisher)->bytes;
    uint64_t again_ms = packer_work(ingest->packer, appended, now_ms);
    const struct packer_pressure *pressure = packer_pressure(ingest->packer);
    publisher_set_history(ingest->publisher, pressure->has_history, pressure->keeps_stream,
                          pressure->is_behind);
    return again_ms;
}

/* Everybody's work. When there is more: each says it as it goes, and nobody says it again
 * elsewhere. */
static uint64_t work(struct ingest *ingest, uint64_t now_ms)
{
    uint64_t again_ms = log_lists_work(ingest->lists, now_ms);
    again_ms = earlier(again_ms, leases_work(ingest->leases, now_ms));
    /* First, because entries wait for issuers: where an operator is asked little, logs would leave
     * them nothing. */
    again_ms = earlier(again_ms, issuer_download_work(ingest->issuers, now_ms));
    again_ms = earlier(again_ms, log_set_work(&ingest->logs, now_ms));
    again_ms = earlier(again_ms, quarantine_hook_work(&ingest->hook, now_ms));
    again_ms = earlier(again_ms, keep_history(ingest, now_ms));
    return earlier(again_ms, report(ingest, now_ms));
}

/* Tells systemctl status, and the watchdog: a loop that hangs says nothing. */
static void tell_manager(struct ingest *ingest, uint64_t now_ms)
{
    if (redis_link_is_up(ingest->link))
        notify_status(ingest->notify, "follows %zu logs", count_logs(ingest, is_owned));
    else
        notify_status(ingest->notify, "Redis is away: %s", redis_link_reason(ingest->link));
    notify_turn(ingest->notify, now_ms);
}

/* One turn of the loop: wait, hear what has arrived, do what is to be done. When there is work
 * again. */
static uint64_t turn(struct ingest *ingest, uint64_t again_ms)
{
    int descriptor = redis_link_descriptor(ingest->link);
    short interest = redis_link_interest(ingest->link);
    int timeout_ms = time_to_wait(ingest, again_ms, clock_monotonic_ms());
    short ready = http_client_wait(ingest->http, descriptor, interest, timeout_ms);
    http_client_perform(ingest->http);
    uint64_t now_ms = clock_monotonic_ms();
    redis_link_service(ingest->link, ready, now_ms);
    redis_link_tick(ingest->link, now_ms);
    again_ms = work(ingest, now_ms);
    tell_manager(ingest, now_ms);
    return again_ms;
}

/* What is on its way to Redis gets there; nothing more is asked of the logs. */
static void finish_ingest(struct ingest *ingest, uint64_t end_ms)
{
    for (uint64_t now_ms = clock_monotonic_ms(); now_ms < end_ms && redis_link_is_up(ingest->link);
         now_ms = clock_monotonic_ms()) {
        if (publisher_is_idle(ingest->publisher) && redis_link_pending(ingest->link) == 0)
            break;
        short ready = http_client_wait(ingest->http, redis_link_descriptor(ingest->link),
                                       redis_link_interest(ingest->link),
                                       (int)(earlier(end_ms, now_ms + WAIT_MAX_MS) - now_ms));
        http_client_perform(ingest->http);
        redis_link_service(ingest->link, ready, clock_monotonic_ms());
    }
}

static void stop_in_order(struct ingest *ingest)
{
    uint64_t end_ms = clock_monotonic_ms() + STOP_MS;
    say_info("stopping", "instance=%s", ingest->instance);
    notify_stopping(ingest->notify);
    finish_ingest(ingest, end_ms);
    leases_give_back(ingest->leases);
    packer_give_back(ingest->packer);
    (void)redis_link_send_strings(ingest->link, NULL, NULL, "DEL", ingest->key, (char *)NULL);
    finish_ingest(ingest, end_ms);
}

static void heed(struct ingest *ingest, struct ingest_signals *signals)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (!signals->reload || now_ms < ingest->reload_at_ms)
        return;
    ingest->reload_at_ms = now_ms + RELOAD_MS;
    signals->reload = 0;
    say_info("the log lists are read anew", "reason=SIGHUP");
    log_lists_hurry(ingest->lists);
}

int ingest_run(const struct ingest_settings *settings, struct ingest_signals *signals)
{
    struct ingest ingest;
    init(&ingest, settings);
    create_parts(&ingest);
    create_lists(&ingest);
    if (!*settings->contact)
        say_warning("no contact is set: logs may slow this client down", "setting=--contact");
    ingest.notify = notify_create();
    notify_ready(ingest.notify);
    (void)printf("certstream-ingest ready\n");
    (void)fflush(stdout);
    uint64_t again_ms = 0;
    while (!signals->stop) {
        again_ms = turn(&ingest, again_ms);
        heed(&ingest, signals);
    }
    stop_in_order(&ingest);
    clear_ingest(&ingest);
    notify_destroy(ingest.notify);
    return EXIT_SUCCESS;
}

int ingest_list_logs(const struct ingest_settings *settings)
{
    struct ingest ingest;
    init(&ingest, settings);
    create_lists(&ingest);
    for (;;) {
        (void)log_lists_work(ingest.lists, clock_monotonic_ms());
        if (log_lists_are_settled(ingest.lists))
            break;
        if (http_client_in_flight(ingest.http))
            (void)http_client_wait(ingest.http, -1, 0, WAIT_MAX_MS);
        http_client_perform(ingest.http);
    }
    log_lists_print(ingest.lists);
    int result = log_lists_are_loaded(ingest.lists) ? EXIT_SUCCESS : EXIT_FAILURE;
    clear_ingest(&ingest);
    return result;
}
