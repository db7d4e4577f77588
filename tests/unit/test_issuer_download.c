/* Issuers that tiled logs name: asked for once, within each log's share, and not for ever. HTTP is
 * made up; the link to Redis too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "ingest/ct/ct_log.h"
#include "ingest/follow/follow_stats.h"
#include "ingest/http/operator_budget.h"
#include "ingest/logs/issuer_download.h"
#include "ingest/make/pipeline.h"
#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "tests/unit/made_http.h"

enum {
    LOGS = 12,
    DER_SIZE = 64,
    TEXT_SIZE = 512,
    SECOND_MS = 1000,
};

/* Stands in the place of shared/redis/redis_link: one question waits at most. */
struct redis_link {
    bool is_up;
    redis_link_on_reply on_reply;
    void *context;
    size_t asked_count; /* issuers of the question that waits */
};

bool redis_link_is_up(const struct redis_link *link)
{
    return link && link->is_up;
}

bool redis_link_send(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                     size_t count, const char *const *arguments, const size_t *sizes)
{
    assert_true(link->is_up);
    assert_null(link->on_reply);
    assert_string_equal(arguments[0], "HMGET");
    assert_int_equal(sizes[2], 2 * SHA256_SIZE);
    link->on_reply = on_reply;
    link->context = context;
    link->asked_count = count - 2;
    return true;
}

struct world {
    struct http_client http;
    struct redis_link link;
    struct contract contract;
    struct follow_stats stats;
    struct operator_budgets *operators;
    struct pipeline *pipeline;
    struct issuer_download *download;
    struct ct_log logs[LOGS]; /* each with an operator of its own */
    char urls[LOGS][TEXT_SIZE];
    uint64_t now_ms;
};

/* An issuer, as far as anybody looks: bytes and their hash. */
struct issuer {
    uint8_t der[DER_SIZE];
    uint8_t fingerprint[SHA256_SIZE];
};

static struct issuer issuer_of(const struct world *world, uint32_t number)
{
    struct issuer issuer;
    memset(issuer.der, 7, DER_SIZE);
    memcpy(issuer.der, &number, sizeof number);
    digest_bytes(pipeline_sha256(world->pipeline), issuer.fingerprint,
                 bytes_of(issuer.der, DER_SIZE));
    return issuer;
}

static void begin(struct world *world, struct redis_link *link)
{
    const struct issuer_download_options options = {
        .http = &world->http,
        .operators = world->operators,
        .pipeline = world->pipeline,
        .stats = &world->stats,
        .link = link,
        .contract = &world->contract,
    };
    issuer_download_destroy(world->download);
    world->download = issuer_download_create(&options);
}

static int setup(void **state)
{
    struct world *world = memory_allocate_zeroed(1, sizeof *world);
    assert_true(contract_init(&world->contract, "{test}"));
    world->operators = operator_budgets_create(1);
    world->pipeline = pipeline_create();
    for (size_t i = 0; i < LOGS; i++) {
        (void)snprintf(world->urls[i], TEXT_SIZE, "https://log%zu.test/", i);
        world->logs[i] = (struct ct_log){ .url = world->urls[i], .operator_name = world->urls[i] };
    }
    world->now_ms = clock_monotonic_ms();
    begin(world, NULL);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    made_http_stop(&world->http);
    issuer_download_destroy(world->download);
    pipeline_destroy(world->pipeline);
    operator_budgets_destroy(world->operators);
    free(world);
    return 0;
}

static bool want(struct world *world, size_t log, uint32_t number)
{
    const struct issuer issuer = issuer_of(world, number);
    return issuer_download_want(world->download, &world->logs[log], &world->logs[log],
                                issuer.fingerprint, world->now_ms);
}

static void work(struct world *world)
{
    (void)issuer_download_work(world->download, world->now_ms);
}

static void answer_with_issuer(struct world *world, uint32_t number)
{
    const struct issuer issuer = issuer_of(world, number);
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(hex, bytes_of(issuer.fingerprint, SHA256_SIZE));
    made_http_answer(&world->http, made_http_find(&world->http, hex), 200,
                     bytes_of(issuer.der, DER_SIZE));
}

static void is_fetched_once_and_known_from_then_on(void **state)
{
    struct world *world = *state;
    assert_false(want(world, 0, 1));
    assert_false(want(world, 0, 1));
    work(world);
    work(world);
    assert_int_equal(world->http.asked, 1);
    answer_with_issuer(world, 1);
    assert_true(want(world, 0, 1));
    work(world);
    assert_int_equal(world->http.asked, 1);
    assert_int_equal(world->stats.request_failures, 0);
}

/* Two logs have asked for the same issuer; the second answer brings nothing that is not known, and
 * that is no reason to ask once more. */
static void two_logs_that_name_one_issuer_ask_for_it_once_each(void **state)
{
    struct world *world = *state;
    assert_false(want(world, 0, 1));
    assert_false(want(world, 1, 1));
    work(world);
    assert_int_equal(world->http.asked, 2);
    for (size_t i = 0; i < 2; i++) {
        answer_with_issuer(world, 1);
        for (unsigned turn = 0; turn < 3; turn++)
            work(world);
    }
    assert_int_equal(world->http.asked, 2);
    world->now_ms += (uint64_t)2 * SECOND_MS;
    work(world);
    assert_int_equal(world->http.asked, 2);
}

static void each_log_asks_for_two_at_a_time_and_all_for_sixteen(void **state)
{
    struct world *world = *state;
    for (size_t log = 0; log < LOGS; log++)
        for (uint32_t i = 0; i < 5; i++)
            assert_false(want(world, log, (uint32_t)log * 5 + i));
    work(world);
    assert_int_equal(world->http.count, ISSUER_REQUESTS_MAX);
    for (size_t log = 0; log < LOGS; log++)
        assert_true(made_http_count(&world->http, world->urls[log]) <= ISSUER_LOG_REQUESTS_MAX);
}

/* Fingerprints of nothing cost the log that names them, and nobody else. */
static void what_one_log_names_does_not_keep_another_waiting(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < ISSUER_WANTED_MAX; i++)
        assert_false(want(world, 0, i));
    assert_true(want(world, 0, ISSUER_WANTED_MAX));
    assert_false(want(world, 1, 1 << 20));
    work(world);
    assert_int_equal(made_http_count(&world->http, world->urls[1]), 1);
    answer_with_issuer(world, 1 << 20);
    assert_true(want(world, 1, 1 << 20));
}

static void entries_wait_for_a_while_and_then_go_on_without(void **state)
{
    struct world *world = *state;
    assert_false(want(world, 0, 1));
    world->now_ms += ISSUER_WAIT_MS - 1;
    assert_false(want(world, 0, 1));
    world->now_ms += 1;
    assert_true(want(world, 0, 1));
}

static void bytes_that_are_not_the_issuer_are_asked_for_again_later(void **state)
{
    struct world *world = *state;
    uint64_t pause_ms = ISSUER_RETRY_MS;
    assert_false(want(world, 0, 1));
    for (size_t asked = 1; asked < 4; asked++, pause_ms *= 2) {
        work(world);
        assert_int_equal(world->http.asked, asked);
        uint64_t before_ms = clock_monotonic_ms();
        made_http_answer(&world->http, 0, 200, bytes_of_string("something else"));
        uint64_t after_ms = clock_monotonic_ms();
        assert_int_equal(world->stats.request_failures, asked);
        (void)issuer_download_work(world->download, before_ms + pause_ms - 1);
        assert_int_equal(world->http.asked, asked);
        world->now_ms = after_ms + pause_ms;
    }
    assert_false(want(world, 0, 1));
}

static void a_pause_that_the_log_asks_for_is_kept(void **state)
{
    struct world *world = *state;
    const struct http_response later = { .result = HTTP_ANSWERED,
                                         .status = 404,
                                         .retry_after_ms = (uint64_t)60 * SECOND_MS };
    assert_false(want(world, 0, 1));
    work(world);
    made_http_answer_with(&world->http, 0, later, (struct bytes){ 0 });
    uint64_t after_ms = clock_monotonic_ms();
    uint64_t again_ms = issuer_download_work(world->download, after_ms + (uint64_t)59 * SECOND_MS);
    assert_int_equal(world->http.asked, 1);
    assert_in_range(again_ms, world->now_ms + (uint64_t)60 * SECOND_MS,
                    after_ms + (uint64_t)60 * SECOND_MS);
    (void)issuer_download_work(world->download, again_ms);
    assert_int_equal(world->http.asked, 2);
}

static void what_does_not_come_for_an_hour_is_forgotten(void **state)
{
    struct world *world = *state;
    assert_false(want(world, 0, 1));
    work(world);
    made_http_answer(&world->http, 0, 404, (struct bytes){ 0 });
    world->now_ms += ISSUER_FORGET_MS;
    work(world);
    assert_int_equal(world->http.asked, 1);
    assert_false(want(world, 0, 1));
    work(world);
    assert_int_equal(world->http.asked, 2);
}

static void reply_of_redis(struct world *world, struct redisReply *reply)
{
    redis_link_on_reply on_reply = world->link.on_reply;
    assert_non_null(on_reply);
    world->link.on_reply = NULL;
    on_reply(&world->link, reply, world->link.context);
}

/* An array of the objects of these issuers, or of nothing where there is no text. */
static void redis_has(struct world *world, char *const *objects, size_t count)
{
    redisReply *elements = memory_allocate_zeroed(count, sizeof *elements);
    redisReply **pointers = memory_allocate_zeroed(count, sizeof(redisReply *));
    for (size_t i = 0; i < count; i++) {
        elements[i].type = objects[i] ? REDIS_REPLY_STRING : REDIS_REPLY_NIL;
        elements[i].str = objects[i];
        elements[i].len = objects[i] ? strlen(objects[i]) : 0;
        pointers[i] = &elements[i];
    }
    redisReply reply = { .type = REDIS_REPLY_ARRAY, .elements = count, .element = pointers };
    reply_of_redis(world, &reply);
    free(pointers);
    free(elements);
}

static void is_looked_up_in_redis_before_the_log_is_asked(void **state)
{
    struct world *world = *state;
    const struct issuer known = issuer_of(world, 1);
    struct buffer object;
    begin(world, &world->link);
    world->link.is_up = true;
    buffer_init(&object, TEXT_SIZE);
    buffer_append_string(&object, "{\"as_der\":\"");
    base64_encode(&object, bytes_of(known.der, DER_SIZE));
    buffer_append_string(&object, "\"}");
    buffer_append_byte(&object, '\0');
    assert_false(want(world, 0, 1));
    assert_false(want(world, 0, 2));
    work(world);
    assert_int_equal(world->link.asked_count, 2);
    assert_int_equal(world->http.asked, 0);
    redis_has(world, (char *const[]){ (char *)object.data, NULL }, 2);
    work(world);
    assert_true(want(world, 0, 1));
    assert_int_equal(world->http.asked, 1);
    answer_with_issuer(world, 2);
    assert_true(want(world, 0, 2));
    buffer_free(&object);
}

static void is_looked_up_again_if_redis_went_away(void **state)
{
    struct world *world = *state;
    begin(world, &world->link);
    assert_false(want(world, 0, 1));
    work(world);
    assert_null(world->link.on_reply);
    world->link.is_up = true;
    work(world);
    reply_of_redis(world, NULL);
    work(world);
    assert_int_equal(world->http.asked, 0);
    redis_has(world, (char *const[]){ NULL }, 1);
    work(world);
    assert_int_equal(world->http.asked, 1);
}

/* A value that was tampered with is no issuer, and the log has the right one. */
static void what_redis_has_must_be_the_issuer(void **state)
{
    struct world *world = *state;
    char wrong[] = "{\"as_der\":\"AAAA\"}", broken[] = "{";
    begin(world, &world->link);
    world->link.is_up = true;
    assert_false(want(world, 0, 1));
    assert_false(want(world, 0, 2));
    work(world);
    redis_has(world, (char *const[]){ wrong, broken }, 2);
    work(world);
    assert_int_equal(world->http.asked, 2);
    assert_false(want(world, 0, 1));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(is_fetched_once_and_known_from_then_on),
        IN_WORLD(two_logs_that_name_one_issuer_ask_for_it_once_each),
        IN_WORLD(each_log_asks_for_two_at_a_time_and_all_for_sixteen),
        IN_WORLD(what_one_log_names_does_not_keep_another_waiting),
        IN_WORLD(entries_wait_for_a_while_and_then_go_on_without),
        IN_WORLD(bytes_that_are_not_the_issuer_are_asked_for_again_later),
        IN_WORLD(a_pause_that_the_log_asks_for_is_kept),
        IN_WORLD(what_does_not_come_for_an_hour_is_forgotten),
        IN_WORLD(is_looked_up_in_redis_before_the_log_is_asked),
        IN_WORLD(is_looked_up_again_if_redis_went_away),
        IN_WORLD(what_redis_has_must_be_the_issuer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
