#include "ingest/admin_order.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

enum {
    ANSWER_MS = 10 * 1000,
    POLL_MS = 50,
    REDIS_TIMEOUT_MS = 5 * 1000,
    NUMBER_SIZE = 24,
};

/* The position, if it is to move, and the record of it, in one step. The epoch tells the process
 * that follows the log. */
static const char script[] =
    "local next = redis.call('HGET', KEYS[1], 'next') "
    "if not next then return redis.error_reply('no such log is known') end "
    "local epoch = string.format('%d', (redis.call('HGET', KEYS[1], 'epoch') or 0) + 1) "
    "local to = ARGV[3] ~= '' and ARGV[3] or next "
    "redis.call('HSET', KEYS[1], 'epoch', epoch) "
    "if ARGV[1] == 'rebase' then "
    "redis.call('HSET', KEYS[1], 'next', to, 'frontier', 'unknown', 'verified_size', 0, "
    "'sth_size', 0, "
    "'sth_timestamp', 0, 'sth_root', string.rep('0', 64), 'sth_signature', '') end "
    "redis.call('XADD', KEYS[2], '*', 'control', '{\"operation\":\"' .. ARGV[1] .. '\",\"log\":\"' "
    ".. ARGV[2] .. "
    "'\",\"from\":' .. next .. ',\"to\":' .. to .. ',\"epoch\":' .. epoch .. ',\"time\":' .. "
    "ARGV[5] .. "
    "',\"reason\":' .. cjson.encode(ARGV[4]) .. '}', 'log', ARGV[2]) "
    "return next";

struct order {
    const char *operation;
    char log_id[CONTRACT_LOG_ID_HEX + 1];
    char index[NUMBER_SIZE]; /* "": none */
};

struct run {
    const struct ingest_settings *settings;
    const struct order *order;
    struct contract contract; /* of the shard that has the log */
    bool is_done;
    int result;
};

static bool is_log_id(const char *text, size_t size)
{
    uint8_t id[SHA256_SIZE];
    for (size_t i = 0; i < size; i++)
        if (text[i] >= 'A' && text[i] <= 'F')
            return false;
    return size == CONTRACT_LOG_ID_HEX && hex_decode(id, sizeof id, bytes_of(text, size));
}

const char *admin_order_check_release(const char *text)
{
    bool good = !*text || is_log_id(text, strlen(text));
    return good ? NULL : "a log id has 64 lower-case hex digits";
}

const char *admin_order_check_rebase(const char *text)
{
    size_t id_size = strcspn(text, "=");
    uint64_t index;
    bool good = !*text || (is_log_id(text, id_size) && text[id_size] == '=' &&
                           decimal_parse(&index, bytes_of_string(text + id_size + 1)));
    return good ? NULL : "a log id of 64 lower-case hex digits, =, and the index to go on from";
}

static void read_order(struct order *order, const struct ingest_settings *settings)
{
    bool moves = *settings->rebase;
    const char *text = moves ? settings->rebase : settings->release;
    *order = (struct order){ .operation = moves ? "rebase" : "release" };
    memcpy(order->log_id, text, CONTRACT_LOG_ID_HEX);
    if (moves)
        (void)snprintf(order->index, sizeof order->index, "%s", text + CONTRACT_LOG_ID_HEX + 1);
}

static void on_answer(struct redis_link *link, redisReply *reply, void *context)
{
    struct run *run = context;
    (void)link;
    run->is_done = true;
    if (!reply || reply->type != REDIS_REPLY_STRING) {
        (void)fprintf(
            stderr, "certstream-ingest: %s\n",
            say_quoted(reply && reply->type == REDIS_REPLY_ERROR ? reply->str : "no answer"));
        return;
    }
    (void)printf("%s of log %s: it stood at %s%s%s\n", run->order->operation, run->order->log_id,
                 reply->str, *run->order->index ? " and goes on from " : "", run->order->index);
    run->result = EXIT_SUCCESS;
}

static void on_up(struct redis_link *link, void *context)
{
    struct run *run = context;
    char key[CONTRACT_KEY_SIZE], time[NUMBER_SIZE];
    contract_log_key(&run->contract, key, run->order->log_id);
    (void)snprintf(time, sizeof time, "%" PRIu64, clock_realtime_ms());
    (void)redis_link_send_strings(link, on_answer, run, "EVAL", script, "2", key,
                                  run->contract.stream, run->order->operation, run->order->log_id,
                                  run->order->index, run->settings->reason, time, (char *)NULL);
}

static void wait_for_answer(struct redis_link *link, struct run *run)
{
    uint64_t end_ms = clock_monotonic_ms() + ANSWER_MS;
    for (uint64_t now_ms = 0; !run->is_done && now_ms < end_ms;)
        now_ms = redis_link_turn(link, POLL_MS);
    if (!run->is_done)
        (void)fprintf(stderr, "certstream-ingest: Redis does not answer: %s\n",
                      redis_link_reason(link));
}

/* What is asked of the shard that has the contract's keys, as soon as its Redis is there. */
static bool ask_shard(struct run *run, void (*on_shard_up)(struct redis_link *link, void *context))
{
    struct redis_address address;
    ingest_settings_address(run->settings, &address);
    const struct redis_link_options options = {
        .address = &address,
        .key = run->contract.stream,
        .client_name = "certstream-order",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .writes = true,
        .events = { .on_up = on_shard_up, .context = run },
    };
    struct redis_link *link = redis_link_create(&options);
    run->is_done = false;
    wait_for_answer(link, run);
    bool is_done = run->is_done;
    run->is_done = true;
    redis_link_destroy(link);
    return is_done;
}

static void on_prefix(struct redis_link *link, redisReply *reply, void *context)
{
    struct run *run = context;
    (void)link;
    if (!reply)
        return;
    run->is_done = true;
    struct contract contract;
    if (reply->type == REDIS_REPLY_STRING && contract_init(&contract, reply->str))
        run->contract = contract;
}

/* Without a record of the log it is in the only shard, or not known at all. */
static void on_shard(struct redis_link *link, redisReply *reply, void *context)
{
    struct run *run = context;
    char field[NUMBER_SIZE + sizeof CONTRACT_DEPLOYMENT_PREFIX];
    if (!reply)
        return;
    run->is_done = reply->type != REDIS_REPLY_STRING;
    if (run->is_done)
        return;
    (void)snprintf(field, sizeof field, "%s%.8s", CONTRACT_DEPLOYMENT_PREFIX, reply->str);
    (void)redis_link_send_strings(link, on_prefix, run, "HGET", run->contract.deployment, field,
                                  (char *)NULL);
}

static void on_first_up(struct redis_link *link, void *context)
{
    struct run *run = context;
    char field[CONTRACT_LOG_ID_HEX + sizeof CONTRACT_DEPLOYMENT_LOG];
    (void)snprintf(field, sizeof field, "%s%s", CONTRACT_DEPLOYMENT_LOG, run->order->log_id);
    (void)redis_link_send_strings(link, on_shard, run, "HGET", run->contract.deployment, field,
                                  (char *)NULL);
}

int admin_order_run(const struct ingest_settings *settings)
{
    struct order order;
    struct run run = { .settings = settings, .order = &order, .result = EXIT_FAILURE };
    read_order(&order, settings);
    bool good = contract_init(&run.contract, settings->prefix);
    assert(good);
    if (ask_shard(&run, on_first_up))
        (void)ask_shard(&run, on_up);
    return run.result;
}
