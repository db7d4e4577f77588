#include "tests/unit/log_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/logs/issuer_download.h"
#include "ingest/logs/log_settings.h"
#include "ingest/make/pipeline.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"

enum {
    POLL_MS = 60 * 1000,
    QUARANTINE_MS = 300 * 1000,
    OWNED_MS = 3600 * 1000,
    STUCK_MS = 3600 * 1000,
};

static void on_batch(void *context, const struct batch *batch, enum batch_result result,
                     const char *error)
{
    struct log_world *world = context;
    if (batch->owner == world->log) {
        assert_true(batch->creates || batch->expected_next == world->published);
        assert_int_equal(batch->position.next, batch->expected_next + batch->entry_count);
        world->published = batch->position.next;
    }
    followed_log_on_batch(batch->owner, batch, result, error, clock_monotonic_ms());
}

static void on_quarantine(void *context, const struct ct_log *ct_log, const char *class)
{
    struct log_world *world = context;
    (void)ct_log;
    world->quarantine = class;
}

static void make_world_policies(struct log_world *world)
{
    for (int kind = 0; kind < CT_LOG_KINDS; kind++) {
        const struct log_protocol *protocol = log_protocol_of((enum ct_log_kind)kind);
        world->policies[kind] = (struct follower_policy){
            .poll_ms = POLL_MS,
            .poll_max_ms = POLL_MS,
            .page_max = protocol->page_max,
            .has_tiles = protocol->has_partial_tiles,
            .verifies = true,
            .quarantine_ms = QUARANTINE_MS,
            .start = FOLLOWER_START_INDEX,
        };
    }
}

static void read_list(struct log_world *world)
{
    struct http_reply reply = site_get(world->site, "/log_list.json");
    assert_null(log_list_parse(&world->list, buffer_bytes(&reply.body), true));
    buffer_free(&reply.body);
}

static void create_services(struct log_world *world)
{
    const struct publisher_options publisher = { .contract = &world->contract,
                                                 .retention = { .bytes = INT64_MAX },
                                                 .on_result = on_batch,
                                                 .context = world };
    world->publisher = publisher_create(&publisher);
    const struct issuer_download_options issuers = { .http = &world->http,
                                                     .operators = world->operators,
                                                     .pipeline = world->pipeline,
                                                     .stats = &world->stats,
                                                     .contract = &world->contract };
    world->issuers = issuer_download_create(&issuers);
    world->services = (struct log_services){
        .contract = &world->contract,
        .instance = "a test",
        .policies = world->policies,
        .http = &world->http,
        .operators = world->operators,
        .pipeline = world->pipeline,
        .publisher = world->publisher,
        .issuers = world->issuers,
        .memory = &world->memory,
        .stats = &world->stats,
        .settings = world->settings,
        .stuck_ms = STUCK_MS,
        .on_quarantine = on_quarantine,
        .context = world,
    };
}

struct log_world *log_world_create(struct options options)
{
    struct log_world *world = memory_allocate_zeroed(1, sizeof *world);
    assert_true(contract_init(&world->contract, "{test}"));
    world->site = site_create(options);
    world->operators = operator_budgets_create(1);
    world->pipeline = pipeline_create();
    world->settings = log_settings_create("");
    make_world_policies(world);
    create_services(world);
    read_list(world);
    return world;
}

void log_world_destroy(struct log_world *world)
{
    made_http_stop(&world->http);
    if (world->log)
        followed_log_destroy(world->log);
    issuer_download_destroy(world->issuers);
    publisher_destroy(world->publisher);
    pipeline_destroy(world->pipeline);
    operator_budgets_destroy(world->operators);
    log_settings_destroy(world->settings);
    log_list_clear(&world->list);
    site_destroy(world->site);
    free(world);
}

struct followed_log *log_world_follow(struct log_world *world, enum ct_log_kind kind)
{
    uint64_t now_ms = clock_monotonic_ms();
    size_t i = 0;
    while (i < world->list.count && world->list.logs[i].kind != kind)
        i++;
    assert_true(i < world->list.count && !world->log);
    struct ct_log description = ct_log_copy(&world->list.logs[i]);
    world->log = followed_log_create(&world->services, &description, now_ms);
    followed_log_own(world->log, &(struct lease){ 0 }, now_ms + OWNED_MS, now_ms);
    return world->log;
}

static uint64_t retry_after_of(const struct http_reply *reply)
{
    const char *found = strstr(reply->headers, "Retry-After: ");
    return found ? strtoull(found + strlen("Retry-After: "), NULL, 10) * 1000 : 0;
}

void log_world_answer(struct log_world *world, size_t number)
{
    const char *url = world->http.waiting[number].url;
    const char *path = strchr(strstr(url, "://") + 3, '/');
    struct http_reply reply = site_get(world->site, path);
    struct http_response response = { .result = HTTP_ANSWERED,
                                      .status = reply.status,
                                      .retry_after_ms = retry_after_of(&reply) };
    if (reply.closes_unanswered || reply.is_cut)
        response.result = HTTP_UNREACHABLE;
    else if (reply.body.size > world->http.waiting[number].body_max)
        response.result = HTTP_TOO_LARGE;
    made_http_answer_with(&world->http, number, response, buffer_bytes(&reply.body));
    buffer_free(&reply.body);
}

uint64_t log_world_turn(struct log_world *world)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t log_ms = followed_log_work(world->log, now_ms);
    uint64_t issuers_ms = issuer_download_work(world->issuers, now_ms);
    publisher_hand_out(world->publisher);
    return issuers_ms < log_ms ? issuers_ms : log_ms;
}

void log_world_run(struct log_world *world, unsigned turns)
{
    for (unsigned turn = 0; turn < turns; turn++) {
        uint64_t at_ms = log_world_turn(world);
        if (!world->http.count && at_ms > clock_monotonic_ms())
            return;
        while (world->http.count)
            log_world_answer(world, 0);
    }
}
