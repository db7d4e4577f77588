#include "ingest/ingest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/http/http_client.h"
#include "ingest/http/operator_budget.h"
#include "ingest/ingest_settings.h"
#include "ingest/ingest_shard.h"
#include "ingest/lists/log_list.h"
#include "ingest/lists/log_lists.h"
#include "ingest/logs/followed_log.h"
#include "ingest/logs/log_settings.h"
#include "ingest/quarantine_hook.h"
#include "ingest/store/deployment.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/notify.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"

enum {
    /* The longest sleep: a signal ends the wait, but may come just before it begins. */
    WAIT_MAX_MS = 500,
    /* A stop takes no longer: for what was appended when the signal came, and for the leases to be
     * given back. */
    STOP_MS = 3500,
    CONNECTIONS_MAX = 256,
    /* Signals that come faster are one: lists are read over the network. */
    RELOAD_MS = 1000,
    /* How soon it is noticed that Redis was emptied, or holds another deployment now; and how soon
     * what could not be read or written of that is tried again. */
    RECORD_MS = 10 * 1000,
    RECORD_RETRY_MS = 2 * 1000,
};

static_assert((int)SHARDS_MAX <= (int)HTTP_CLIENT_OTHERS_MAX, "each shard's Redis is waited for");

struct ingest {
    const struct ingest_settings *settings;
    unsigned shard_count;
    struct contract *contracts; /* of each shard */
    struct ingest_shard *shards;
    struct ingest_surroundings surroundings;
    struct deployment *deployment;
    struct roster waiting; /* what is to be followed and has no shard yet */
    char instance[CONTRACT_INSTANCE_MAX + 1];
    struct follower_policy policies[CT_LOG_KINDS];
    struct http_client *http;
    struct operator_budgets *operators;
    struct log_lists *lists;
    struct held_memory memory;
    struct log_settings_table *log_settings;
    struct quarantine_hook hook;
    uint64_t started_ms;   /* realtime */
    uint64_t reload_at_ms; /* not before, whatever signals come */
    uint64_t record_at_ms;
    bool is_known; /* the first shard was right once */
    bool is_wrong; /* Redis holds another deployment than the settings say */
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

static size_t count_known(const struct ingest *ingest)
{
    size_t count = 0;
    for (unsigned i = 0; i < ingest->shard_count; i++)
        count += ingest->shards[i].logs.count;
    return count;
}

static size_t count_followed(void *context)
{
    const struct ingest *ingest = context;
    return count_known(ingest) + ingest->waiting.count;
}

static const struct ct_log *followed(void *context, size_t i)
{
    const struct ingest *ingest = context;
    for (unsigned shard = 0; shard < ingest->shard_count; shard++) {
        const struct log_set *logs = &ingest->shards[shard].logs;
        if (i < logs->count)
            return &logs->logs[i]->ct_log;
        i -= logs->count;
    }
    return &ingest->waiting.entries[i].ct_log;
}

static void on_remembered(void *context, unsigned shard, const uint8_t *id)
{
    struct ingest *ingest = context;
    deployment_note(ingest->deployment, id, shard);
}

/* Those of the roster that are in the shard; views of it. */
static void apply_to_shard(struct ingest *ingest, const struct roster *roster, unsigned shard)
{
    struct roster part = { 0 };
    part.entries = memory_allocate_zeroed(roster->count + 1, sizeof *part.entries);
    for (size_t i = 0; i < roster->count; i++) {
        unsigned place;
        if (deployment_find(ingest->deployment, roster->entries[i].ct_log.id, &place) &&
            place == shard)
            part.entries[part.count++] = roster->entries[i];
    }
    ingest_shard_apply(&ingest->shards[shard], &part, clock_monotonic_ms());
    free(part.entries);
}

/* Follows what has a shard, and answers the rest: what is to be followed and has none. */
static struct roster apply_settled(struct ingest *ingest, const struct roster *roster)
{
    struct roster rest = { 0 };
    unsigned place;
    for (unsigned i = 0; i < ingest->shard_count; i++)
        apply_to_shard(ingest, roster, i);
    rest.entries = memory_allocate_zeroed(roster->count + 1, sizeof *rest.entries);
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];
        if (entry->verdict == ROSTER_SKIPPED ||
            deployment_find(ingest->deployment, entry->ct_log.id, &place))
            continue;
        rest.entries[rest.count] = *entry;
        rest.entries[rest.count++].ct_log = ct_log_copy(&entry->ct_log);
    }
    return rest;
}

static void ask_for_record(struct ingest *ingest, unsigned shard)
{
    struct redis_link *link = ingest->shards[shard].link;
    if (redis_link_is_up(link))
        deployment_ask(ingest->deployment, shard, link);
}

/* What was to be followed and waited for its shard is in the new roster too, if it still is. */
static void spread_logs(struct ingest *ingest, const struct roster *roster)
{
    struct roster rest = apply_settled(ingest, roster);
    roster_clear(&ingest->waiting);
    ingest->waiting = rest;
    for (size_t i = 0; i < rest.count; i++)
        deployment_want(ingest->deployment, rest.entries[i].ct_log.id);
    if (rest.count)
        ask_for_record(ingest, 0);
}

/* Without Redis the lists are only printed. */
static void on_roster(void *context, const struct roster *roster)
{
    struct ingest *ingest = context;
    if (ingest->shard_count == 1)
        ingest_shard_apply(&ingest->shards[0], roster, clock_monotonic_ms());
    else if (ingest->shard_count)
        spread_logs(ingest, roster);
}

static void on_settled(void *context)
{
    struct ingest *ingest = context;
    if (!ingest->waiting.count)
        return;
    /* What has come since was asked for when it came. */
    struct roster rest = apply_settled(ingest, &ingest->waiting);
    roster_clear(&ingest->waiting);
    ingest->waiting = rest;
}

static void on_right(void *context, unsigned number)
{
    struct ingest *ingest = context;
    struct ingest_shard *shard = &ingest->shards[number];
    ingest_shard_begin(shard);
    log_lists_on_redis_up(ingest->lists, number, shard->link, shard->contract);
    if (number == 0 && !ingest->is_known)
        for (unsigned i = 1; i < ingest->shard_count; i++)
            ask_for_record(ingest, i);
    ingest->is_known |= number == 0;
}

static void on_wrong(void *context, const char *reason)
{
    struct ingest *ingest = context;
    if (!ingest->is_wrong)
        say_error("nothing is written here", "reason=%s prefix=%s", say_quoted(reason),
                  ingest->settings->prefix);
    ingest->is_wrong = true;
}

static void on_shard_up(void *context, struct ingest_shard *shard)
{
    struct ingest *ingest = context;
    /* The others are asked when it is known that the first is right: nothing is written beside a
     * deployment that is another one. */
    if (shard->number == 0 || ingest->is_known)
        ask_for_record(ingest, shard->number);
}

static void on_leases(void *context)
{
    const struct ingest *ingest = context;
    const struct log_set *sets[SHARDS_MAX];
    for (unsigned i = 0; i < ingest->shard_count; i++)
        sets[i] = &ingest->shards[i].logs;
    log_set_share_operators(sets, ingest->shard_count);
}

static void on_quarantine(void *context, const struct ct_log *ct_log, const char *class)
{
    struct ingest *ingest = context;
    quarantine_hook_start(&ingest->hook, ct_log->id_hex, class, ct_log->description,
                          clock_monotonic_ms());
}

static void describe_surroundings(struct ingest *ingest)
{
    ingest->surroundings = (struct ingest_surroundings){
        .settings = ingest->settings,
        .instance = ingest->instance,
        .policies = ingest->policies,
        .http = ingest->http,
        .operators = ingest->operators,
        .memory = &ingest->memory,
        .log_settings = ingest->log_settings,
        .started_ms = ingest->started_ms,
        .on_up = on_shard_up,
        .on_leases = on_leases,
        .on_quarantine = on_quarantine,
        .context = ingest,
    };
}

/* Following needs these. */
static void create_parts(struct ingest *ingest)
{
    unsigned count = (unsigned)ingest->settings->shards;
    const struct deployment_events events = { on_right, on_wrong, on_settled, ingest };
    ingest->log_settings = log_settings_create(ingest->settings->log_settings);
    ingest->hook.program = ingest->settings->on_quarantine;
    describe_surroundings(ingest);
    ingest->shards = memory_allocate_zeroed(count, sizeof *ingest->shards);
    for (unsigned i = 0; i < count; i++)
        ingest_shard_init(&ingest->shards[i], i, &ingest->contracts[i], &ingest->surroundings);
    ingest->shard_count = count;
    ingest->deployment = deployment_create(ingest->contracts, count, &events);
}

/* Has to come after create_parts, where there is a Redis. */
static void create_lists(struct ingest *ingest)
{
    const struct ingest_settings *settings = ingest->settings;
    const struct log_lists_options options = {
        .reading = { .http = ingest->http,
                     .link = ingest->shards ? ingest->shards[0].link : NULL,
                     .contract = &ingest->contracts[0],
                     .refresh_ms = (uint64_t)settings->list_refresh_ms,
                     .key_file = settings->log_list_key,
                     .key_hash = settings->log_list_key_hash },
        .names = settings->log_lists,
        .ignored_ids = settings->ignored_logs,
        .follow_pending = settings->follow_pending,
        .brake_percent = (unsigned)settings->list_brake,
        .events = { count_followed, followed, on_remembered, on_roster, ingest },
    };
    ingest->surroundings.lists = ingest->lists = log_lists_create(&options);
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

static void name_shards(struct ingest *ingest)
{
    char prefixes[SHARDS_MAX][CONTRACT_PREFIX_MAX + 1];
    unsigned count = (unsigned)ingest->settings->shards;
    bool good = deployment_name(prefixes, ingest->settings->prefix, count);
    assert(good);
    ingest->contracts = memory_allocate_zeroed(count, sizeof *ingest->contracts);
    for (unsigned i = 0; i < count; i++) {
        good = contract_init(&ingest->contracts[i], prefixes[i]);
        assert(good);
    }
}

static void init(struct ingest *ingest, const struct ingest_settings *settings)
{
    *ingest = (struct ingest){ .settings = settings };
    name_shards(ingest);
    name_instance(ingest);
    for (int kind = 0; kind < CT_LOG_KINDS; kind++)
        ingest_settings_policy(settings, (enum ct_log_kind)kind, &ingest->policies[kind]);
    ingest->started_ms = clock_realtime_ms();
    ingest->operators = operator_budgets_create(ingest->started_ms);
    create_http(ingest);
}

/* Connections first: nothing calls back into what is freed later. */
static void clear_ingest(struct ingest *ingest)
{
    for (unsigned i = 0; i < ingest->shard_count; i++)
        ingest_shard_disconnect(&ingest->shards[i]);
    http_client_destroy(ingest->http);
    for (unsigned i = 0; i < ingest->shard_count; i++)
        ingest_shard_clear(&ingest->shards[i]);
    free(ingest->shards);
    operator_budgets_destroy(ingest->operators);
    log_lists_destroy(ingest->lists);
    deployment_destroy(ingest->deployment);
    roster_clear(&ingest->waiting);
    log_settings_destroy(ingest->log_settings);
    free(ingest->contracts);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `again_ms`: when there is work again. */
static int time_to_wait(const struct ingest *ingest, uint64_t again_ms, uint64_t now_ms)
{
    uint64_t deadline_ms = earlier(again_ms, now_ms + WAIT_MAX_MS);
    for (unsigned i = 0; i < ingest->shard_count; i++)
        deadline_ms = earlier(deadline_ms, redis_link_deadline_ms(ingest->shards[i].link));
    deadline_ms = earlier(deadline_ms, notify_deadline_ms(ingest->notify));
    return deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0;
}

/* Whether Redis holds what the settings say. */
static uint64_t watch_record(struct ingest *ingest, uint64_t now_ms)
{
    if (now_ms < ingest->record_at_ms)
        return ingest->record_at_ms;
    bool are_right = !ingest->waiting.count;
    for (unsigned i = 0; i < ingest->shard_count; i++) {
        are_right = are_right && ingest->shards[i].is_right;
        if (i == 0 || ingest->is_known)
            ask_for_record(ingest, i);
    }
    ingest->record_at_ms = now_ms + (are_right ? RECORD_MS : RECORD_RETRY_MS);
    return ingest->record_at_ms;
}

/* Everybody's work. When there is more: each says it as it goes, and nobody says it again
 * elsewhere. */
static uint64_t work(struct ingest *ingest, uint64_t now_ms)
{
    uint64_t again_ms = log_lists_work(ingest->lists, now_ms);
    for (unsigned i = 0; i < ingest->shard_count; i++)
        again_ms = earlier(again_ms, ingest_shard_work(&ingest->shards[i], now_ms));
    again_ms = earlier(again_ms, watch_record(ingest, now_ms));
    return earlier(again_ms, quarantine_hook_work(&ingest->hook, now_ms));
}

/* The first shard whose Redis is away, or NULL. */
static const struct ingest_shard *find_away(const struct ingest *ingest)
{
    for (unsigned i = 0; i < ingest->shard_count; i++)
        if (!redis_link_is_up(ingest->shards[i].link))
            return &ingest->shards[i];
    return NULL;
}

/* Tells systemctl status, and the watchdog: a loop that hangs says nothing. */
static void tell_manager(struct ingest *ingest, uint64_t now_ms)
{
    const struct ingest_shard *away = find_away(ingest);
    size_t owned = 0;
    for (unsigned i = 0; i < ingest->shard_count; i++)
        owned += ingest_shard_owned(&ingest->shards[i]);
    if (!away)
        notify_status(ingest->notify, "follows %zu logs", owned);
    else
        notify_status(ingest->notify, "Redis is away: %s", redis_link_reason(away->link));
    notify_turn(ingest->notify, now_ms);
}

static void wait_for_something(struct ingest *ingest, int timeout_ms)
{
    struct pollfd redis[SHARDS_MAX];
    for (unsigned i = 0; i < ingest->shard_count; i++)
        redis[i] = (struct pollfd){ .fd = redis_link_descriptor(ingest->shards[i].link),
                                    .events = redis_link_interest(ingest->shards[i].link) };
    http_client_wait(ingest->http, redis, ingest->shard_count, timeout_ms);
    http_client_perform(ingest->http);
    uint64_t now_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < ingest->shard_count; i++)
        redis_link_service(ingest->shards[i].link, redis[i].revents, now_ms);
}

/* One turn of the loop: wait, hear what has arrived, do what is to be done. When there is work
 * again. */
static uint64_t turn(struct ingest *ingest, uint64_t again_ms)
{
    wait_for_something(ingest, time_to_wait(ingest, again_ms, clock_monotonic_ms()));
    uint64_t now_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < ingest->shard_count; i++)
        redis_link_tick(ingest->shards[i].link, now_ms);
    again_ms = work(ingest, now_ms);
    tell_manager(ingest, now_ms);
    return again_ms;
}

static bool is_idle(const struct ingest *ingest)
{
    for (unsigned i = 0; i < ingest->shard_count; i++)
        if (!ingest_shard_is_idle(&ingest->shards[i]))
            return false;
    return true;
}

/* What is on its way to Redis gets there; nothing more is asked of the logs. */
static void finish_ingest(struct ingest *ingest, uint64_t end_ms)
{
    for (uint64_t now_ms = clock_monotonic_ms(); now_ms < end_ms && !is_idle(ingest);
         now_ms = clock_monotonic_ms())
        wait_for_something(ingest, (int)(earlier(end_ms, now_ms + WAIT_MAX_MS) - now_ms));
}

static void stop_in_order(struct ingest *ingest)
{
    uint64_t end_ms = clock_monotonic_ms() + STOP_MS;
    say_info("stopping", "instance=%s", ingest->instance);
    notify_stopping(ingest->notify);
    finish_ingest(ingest, end_ms);
    for (unsigned i = 0; i < ingest->shard_count; i++)
        ingest_shard_give_back(&ingest->shards[i]);
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
    while (!signals->stop && !ingest.is_wrong) {
        again_ms = turn(&ingest, again_ms);
        heed(&ingest, signals);
    }
    stop_in_order(&ingest);
    clear_ingest(&ingest);
    notify_destroy(ingest.notify);
    return ingest.is_wrong ? EXIT_FAILURE : EXIT_SUCCESS;
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
            http_client_wait(ingest.http, NULL, 0, WAIT_MAX_MS);
        http_client_perform(ingest.http);
    }
    log_lists_print(ingest.lists);
    int result = log_lists_are_loaded(ingest.lists) ? EXIT_SUCCESS : EXIT_FAILURE;
    clear_ingest(&ingest);
    return result;
}
