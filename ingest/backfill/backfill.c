#include "ingest/backfill/backfill.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "ingest/backfill/entry_lines.h"
#include "ingest/backfill/log_choice.h"
#include "ingest/http/http_client.h"
#include "ingest/ingest_settings.h"
#include "ingest/lists/log_lists.h"
#include "ingest/logs/followed_log.h"
#include "ingest/logs/issuer_download.h"
#include "ingest/logs/log_settings.h"
#include "ingest/make/pipeline.h"
#include "shared/base/context.h"
#include "shared/process/clock.h"
#include "shared/process/progress.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"

enum {
    EXIT_UNKNOWN_LOG = 2,
    REDIS_TIMEOUT_MS = 10 * 1000,
    REDIS_WAIT_MS = 10 * 1000,
    CONNECTIONS_MAX = 16,
    WAIT_MAX_MS = 200,
    STUCK_MS = 600 * 1000,
    QUARANTINE_MS = 300 * 1000,
};

#define BACKFILL_MARK CONTEXT_MARK('B', 'A', 'C', 'K')

struct backfill {
    uint32_t mark; /* BACKFILL_MARK */
    const struct backfill_settings *settings;
    const struct backfill_range *range;
    const volatile int *stop;
    struct contract contract;
    struct follower_policy policies[CT_LOG_KINDS];
    struct http_client *http;
    struct operator_budgets *operators;
    struct redis_link *link; /* NULL: to standard output */
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct issuer_download *issuers;
    struct log_lists *lists;
    struct held_memory memory;
    struct follow_stats stats;
    struct log_settings_table *log_settings;
    struct log_services services;
    struct entry_lines *lines;
    struct followed_log *log; /* NULL until it is chosen */
    struct progress progress;
    bool has_progress;
    bool is_over;
    int code;
};

static void end_backfill(struct backfill *backfill, int code)
{
    if (!backfill->is_over)
        backfill->code = code;
    backfill->is_over = true;
}

static void __attribute__((format(printf, 3, 4)))
fail_backfill(struct backfill *backfill, int code, const char *format, ...)
{
    va_list arguments;
    if (backfill->is_over)
        return;
    if (backfill->has_progress && backfill->progress.is_shown)
        (void)fputc('\n', stderr);
    (void)fputs("certstream-backfill: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    end_backfill(backfill, code);
}

static void on_backfill_batch(void *context, const struct batch *batch, enum batch_result result,
                              const char *error)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    if (!backfill->link && !backfill->is_over && !entry_lines_write(backfill->lines, batch)) {
        if (errno == EPIPE)
            end_backfill(backfill, EXIT_SUCCESS);
        else
            fail_backfill(backfill, EXIT_FAILURE, "standard output: %s", strerror(errno));
    }
    followed_log_on_batch(batch->owner, batch, result, error, clock_monotonic_ms());
}

static void on_backfill_quarantine(void *context, const struct ct_log *ct_log, const char *class)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    fail_backfill(backfill, EXIT_FAILURE,
                  "log %s contradicts what it signed (%s): what is not proven is left out",
                  say_quoted(ct_log->description), class);
}

/* Nobody else follows it under this prefix: the fence keeps a second backfill from doubling what
 * this one writes. */
static void own_log(struct backfill *backfill)
{
    const struct lease lease = { .is_free = true };
    followed_log_own(backfill->log, &lease, UINT64_MAX, clock_monotonic_ms());
}

/* Where ingest is at work, or was, is a live stream. */
static void on_checked(struct redis_link *link, redisReply *reply, void *context)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    (void)link;
    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_INTEGER)
        fail_backfill(backfill, EXIT_FAILURE, "Redis: %s",
                      say_quoted(reply->type == REDIS_REPLY_ERROR ? reply->str : "no number"));
    else if (reply->integer)
        fail_backfill(backfill, EXIT_FAILURE, "%s is the prefix of a live stream",
                      say_quoted(backfill->settings->into));
    else if (backfill->log)
        own_log(backfill);
}

static void check_prefix_is_free(struct backfill *backfill)
{
    (void)redis_link_send_strings(backfill->link, on_checked, backfill, "EXISTS",
                                  backfill->contract.ingests, backfill->contract.log_lists,
                                  (char *)NULL);
}

static void on_backfill_up(struct redis_link *link, void *context)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    (void)link;
    issuer_set_forget_stamps(pipeline_issuers(backfill->pipeline));
    if (backfill->log)
        check_prefix_is_free(backfill);
}

static void on_backfill_down(struct redis_link *link, const char *reason, void *context)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    (void)link;
    (void)reason;
    publisher_on_down(backfill->publisher);
    if (backfill->log)
        followed_log_disown(backfill->log);
}

static void create_backfill_redis(struct backfill *backfill)
{
    struct redis_address address;
    if (!*backfill->settings->into)
        return;
    const char *wrong = redis_address_parse(&address, backfill->settings->redis);
    assert(!wrong);
    const struct redis_link_options options = {
        .address = &address,
        .key = backfill->contract.stream,
        .client_name = "certstream-backfill",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .writes = true,
        .events = { .on_up = on_backfill_up, .on_down = on_backfill_down, .context = backfill },
    };
    backfill->link = redis_link_create(&options);
}

static void create_backfill_http(struct backfill *backfill)
{
    char user_agent[512];
    const char *contact = backfill->settings->contact;
    (void)snprintf(user_agent, sizeof user_agent, "certstream-ingest/%s%s%s%s", CERTSTREAM_VERSION,
                   *contact ? " (" : "", contact, *contact ? ")" : "");
    const struct http_client_options options = { user_agent, CONNECTIONS_MAX, 0 };
    backfill->http = http_client_create(&options);
}

static void set_policies(struct backfill *backfill)
{
    for (int kind = 0; kind < CT_LOG_KINDS; kind++) {
        const struct log_protocol *protocol = log_protocol_of((enum ct_log_kind)kind);
        backfill->policies[kind] = (struct follower_policy){
            .poll_ms = protocol->poll_ms,
            .poll_max_ms = protocol->poll_ms,
            .page_max = protocol->page_max,
            .has_tiles = protocol->has_partial_tiles,
            .verifies = true,
            .quarantine_ms = QUARANTINE_MS,
            .start = FOLLOWER_START_INDEX,
            .start_value = backfill->range->from,
            .end = backfill->range->end,
        };
    }
}

static void create_backfill_parts(struct backfill *backfill)
{
    backfill->operators = operator_budgets_create(clock_realtime_ms());
    create_backfill_http(backfill);
    create_backfill_redis(backfill);
    backfill->pipeline = pipeline_create();
    backfill->lines =
        entry_lines_create(pipeline_issuers(backfill->pipeline), backfill->settings->full);
    /* Nothing is trimmed: whoever asked for these entries wants all of them. */
    const struct publisher_options publisher = {
        .contract = &backfill->contract,
        .link = backfill->link,
        .retention = { .bytes = INT64_MAX },
        .on_result = on_backfill_batch,
        .context = backfill,
    };
    backfill->publisher = publisher_create(&publisher);
    const struct issuer_download_options issuers = {
        .http = backfill->http,
        .operators = backfill->operators,
        .pipeline = backfill->pipeline,
        .stats = &backfill->stats,
        .link = backfill->link,
        .contract = &backfill->contract,
    };
    backfill->issuers = issuer_download_create(&issuers);
    backfill->log_settings = log_settings_create(backfill->settings->log_settings);
    backfill->services = (struct log_services){
        .settings = backfill->log_settings,
        .contract = &backfill->contract,
        .instance = "certstream-backfill",
        .policies = backfill->policies,
        .http = backfill->http,
        .operators = backfill->operators,
        .link = backfill->link,
        .pipeline = backfill->pipeline,
        .publisher = backfill->publisher,
        .issuers = backfill->issuers,
        .memory = &backfill->memory,
        .stats = &backfill->stats,
        .stuck_ms = STUCK_MS,
        .on_quarantine = on_backfill_quarantine,
        .context = backfill,
    };
}

static void begin_log(struct backfill *backfill, const struct ct_log *chosen)
{
    struct ct_log description = ct_log_copy(chosen);
    backfill->log = followed_log_create(&backfill->services, &description, clock_monotonic_ms());
    /* FROM counts before what the log's settings say of a start. */
    for (int kind = 0; kind < CT_LOG_KINDS; kind++) {
        backfill->log->policies[kind].start = FOLLOWER_START_INDEX;
        backfill->log->policies[kind].start_value = backfill->range->from;
    }
    if (backfill->log->is_left_alone)
        fail_backfill(backfill, EXIT_FAILURE, "the log's key cannot be used");
    else if (!backfill->link)
        own_log(backfill);
    else if (redis_link_is_up(backfill->link))
        check_prefix_is_free(backfill);
}

static size_t count_none(void *context)
{
    (void)context;
    return 0;
}

static const struct ct_log *none_followed(void *context, size_t i)
{
    (void)context;
    (void)i;
    return NULL;
}

/* Lists come one after the other: the first that has the log will do. */
static void on_backfill_roster(void *context, const struct roster *roster)
{
    struct backfill *backfill = context_of(context, BACKFILL_MARK);
    const struct ct_log *chosen = NULL;
    if (backfill->log || backfill->is_over)
        return;
    switch (log_choice_make(roster, backfill->range->log, &chosen)) {
    case LOG_CHOICE_ONE: begin_log(backfill, chosen); return;
    case LOG_CHOICE_SEVERAL:
        fail_backfill(backfill, EXIT_UNKNOWN_LOG,
                      "several logs fit, one of them is %s; certstream-ingest --list-logs has all",
                      say_quoted(chosen->description));
        return;
    case LOG_CHOICE_NONE: return;
    }
}

static void create_backfill_lists(struct backfill *backfill)
{
    const struct backfill_settings *settings = backfill->settings;
    const struct log_lists_options options = {
        .reading = { .http = backfill->http,
                     .contract = &backfill->contract,
                     .refresh_ms = INT64_C(3600) * 1000,
                     .key_file = settings->log_list_key,
                     .key_hash = settings->log_list_key_hash },
        .names = settings->log_lists,
        .brake_percent = 100,
        .events = { .count_followed = count_none,
                    .followed = none_followed,
                    .on_roster = on_backfill_roster,
                    .context = backfill },
    };
    backfill->lists = log_lists_create(&options);
}

/* The head says where the end is, and whether there is such a range. */
static void settle_end(struct backfill *backfill)
{
    const struct follower *follower = &backfill->log->follower;
    struct follower_policy *policy = &backfill->log->policies[backfill->log->ct_log.kind];
    if (!follower->has_head)
        return;
    if (policy->end == UINT64_MAX)
        policy->end = follower->head.size;
    if (policy->end > follower->head.size || backfill->range->from >= follower->head.size)
        fail_backfill(backfill, EXIT_FAILURE, "the log has %" PRIu64 " entries, the first is 0",
                      follower->head.size);
}

static void show_backfill(struct backfill *backfill, uint64_t now_ms)
{
    const struct follower *follower = &backfill->log->follower;
    uint64_t from = backfill->range->from, end = follower->policy->end;
    uint64_t durable = follower->book.durable;
    if (!follower->has_position || end == UINT64_MAX)
        return;
    if (durable < from) {
        fail_backfill(backfill, EXIT_FAILURE,
                      "under this prefix the log stands at %" PRIu64 ", which is before FROM",
                      durable);
        return;
    }
    if (!backfill->has_progress && durable > from)
        (void)fprintf(stderr, "certstream-backfill: going on at %" PRIu64 "\n", durable);
    if (!backfill->has_progress)
        progress_begin(&backfill->progress, durable - from, end - from, now_ms);
    backfill->has_progress = true;
    progress_show(&backfill->progress, durable - from, now_ms);
    if (follower->state == FOLLOWER_FINISHED && publisher_is_idle(backfill->publisher) &&
        (!backfill->link || redis_link_pending(backfill->link) == 0)) {
        progress_end(&backfill->progress, durable - from, now_ms);
        end_backfill(backfill, EXIT_SUCCESS);
    }
}

static uint64_t find_log(struct backfill *backfill, uint64_t now_ms)
{
    uint64_t again_ms = log_lists_work(backfill->lists, now_ms);
    if (backfill->log || !log_lists_are_settled(backfill->lists))
        return again_ms;
    if (log_lists_are_loaded(backfill->lists))
        fail_backfill(backfill, EXIT_UNKNOWN_LOG,
                      "no log list has %s; certstream-ingest --list-logs has all",
                      say_quoted(backfill->range->log));
    else
        fail_backfill(backfill, EXIT_FAILURE, "not every log list can be read, and none has %s",
                      say_quoted(backfill->range->log));
    return again_ms;
}

static uint64_t work_backfill(struct backfill *backfill, uint64_t now_ms)
{
    if (!backfill->log)
        return find_log(backfill, now_ms);
    uint64_t again_ms = issuer_download_work(backfill->issuers, now_ms);
    uint64_t at_ms = followed_log_work(backfill->log, now_ms);
    settle_end(backfill);
    if (!backfill->link && !publisher_is_idle(backfill->publisher)) {
        publisher_hand_out(backfill->publisher);
        at_ms = now_ms;
    }
    if (!backfill->is_over)
        show_backfill(backfill, now_ms);
    return at_ms < again_ms ? at_ms : again_ms;
}

static void turn_backfill(struct backfill *backfill, uint64_t *again_ms)
{
    struct redis_link *link = backfill->link;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t wait_ms = *again_ms > now_ms ? *again_ms - now_ms : 0;
    struct pollfd redis = { .fd = -1 };
    if (link)
        redis = (struct pollfd){ .fd = redis_link_descriptor(link),
                                 .events = redis_link_interest(link) };
    http_client_wait(backfill->http, &redis, 1,
                     (int)(wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS));
    http_client_perform(backfill->http);
    now_ms = clock_monotonic_ms();
    if (link) {
        redis_link_service(link, redis.revents, now_ms);
        redis_link_tick(link, now_ms);
    }
    *again_ms = work_backfill(backfill, now_ms);
}

static void watch_redis(struct backfill *backfill, uint64_t begun_ms)
{
    bool is_late = clock_monotonic_ms() - begun_ms > REDIS_WAIT_MS;
    if (backfill->link && !backfill->has_progress && is_late && !redis_link_is_up(backfill->link))
        fail_backfill(backfill, EXIT_FAILURE, "Redis does not answer: %s",
                      redis_link_reason(backfill->link));
}

/* Connections first: nothing calls back into what is freed later. */
static void clear_backfill(struct backfill *backfill)
{
    redis_link_destroy(backfill->link);
    http_client_destroy(backfill->http);
    if (backfill->log)
        followed_log_destroy(backfill->log);
    operator_budgets_destroy(backfill->operators);
    publisher_destroy(backfill->publisher);
    issuer_download_destroy(backfill->issuers);
    entry_lines_destroy(backfill->lines);
    pipeline_destroy(backfill->pipeline);
    log_lists_destroy(backfill->lists);
    log_settings_destroy(backfill->log_settings);
}

int backfill_run(const struct backfill_settings *settings, const struct backfill_range *range,
                 const volatile int *stop)
{
    struct backfill backfill = {
        .mark = BACKFILL_MARK,
        .settings = settings,
        .range = range,
        .stop = stop,
        .code = EXIT_FAILURE,
    };
    bool good = contract_init(&backfill.contract, *settings->into ? settings->into : "backfill");
    assert(good);
    uint64_t again_ms = 0, begun_ms = clock_monotonic_ms();
    set_policies(&backfill);
    create_backfill_parts(&backfill);
    create_backfill_lists(&backfill);
    while (!backfill.is_over && !*stop) {
        turn_backfill(&backfill, &again_ms);
        watch_redis(&backfill, begun_ms);
    }
    if (!backfill.is_over)
        fail_backfill(&backfill, EXIT_FAILURE, "stopped");
    clear_backfill(&backfill);
    return backfill.code;
}
