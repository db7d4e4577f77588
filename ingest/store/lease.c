#include "ingest/store/lease.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/decimal.h"
#include "shared/base/memory.h"

/*
 * KEYS: P:ingests, then of each log its lease and its hash. ARGV: the instance, the milliseconds of
 * a lease, and a letter of actions[] for each log. Answers the names of who is alive, then of each
 * log its owner or '', and the epoch and the next index of its position, or '' twice if it has
 * none. P:ingests has the time at which each instance's sign of life expires, by Redis' own
 * clock.
 */
static const char round_script[] =
    "local time = redis.call('TIME') "
    "local now = time[1] * 1000 + math.floor(time[2] / 1000) "
    "redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1]) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now)) "
    "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
    "local answer = {redis.call('ZRANGE', KEYS[1], 0, -1)} "
    "for i = 2, #KEYS, 2 do "
    "  local action = string.sub(ARGV[3], i / 2, i / 2) "
    "  local owner = redis.call('GET', KEYS[i]) "
    "  if owner == ARGV[1] and action == 'g' then "
    "    redis.call('DEL', KEYS[i]) "
    "    owner = false "
    "  elseif owner == ARGV[1] or (not owner and action == 't') then "
    "    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2]) "
    "    owner = ARGV[1] "
    "  end "
    "  local position = redis.call('HMGET', KEYS[i + 1], 'next', 'epoch') "
    "  answer[#answer + 1] = owner or '' "
    "  answer[#answer + 1] = position[1] and (position[2] or '0') or '' "
    "  answer[#answer + 1] = position[1] or '' "
    "end "
    "return answer";

static const char farewell_script[] = "redis.call('ZREM', KEYS[1], ARGV[1]) "
                                      "for i = 2, #KEYS, 2 do "
                                      "  if redis.call('GET', KEYS[i]) == ARGV[1] then "
                                      "    redis.call('DEL', KEYS[i]) "
                                      "  end "
                                      "end "
                                      "return 1";

static const char actions[] = {
    [LEASE_RENEW] = 'r',
    [LEASE_TAKE] = 't',
    [LEASE_GIVE_BACK] = 'g',
};

enum {
    /* EVAL, script, number of keys; instance, duration, actions. */
    FIXED_ARGUMENTS = 6,
    NUMBER_SIZE = 16,
};

static bool send_script(const struct lease_holder *holder, const char *script,
                        const struct lease_request *requests, size_t count,
                        redis_link_on_reply on_reply, void *context)
{
    assert(count <= LEASE_LOGS_MAX);
    size_t arguments_max = FIXED_ARGUMENTS + 1 + 2 * count, at = 0;
    const char **arguments = memory_allocate_zeroed(arguments_max, sizeof *arguments);
    size_t *sizes = memory_allocate_zeroed(arguments_max, sizeof *sizes);
    char *letters = memory_allocate_zeroed(count + 1, 1);
    char key_count[NUMBER_SIZE], duration[NUMBER_SIZE];
    (void)snprintf(key_count, sizeof key_count, "%zu", 1 + 2 * count);
    (void)snprintf(duration, sizeof duration, "%d", LEASE_MS);
    arguments[at++] = "EVAL";
    arguments[at++] = script;
    arguments[at++] = key_count;
    arguments[at++] = holder->ingests_key;
    for (size_t i = 0; i < count; i++) {
        arguments[at++] = requests[i].lease_key;
        arguments[at++] = requests[i].log_key;
        letters[i] = actions[requests[i].action];
    }
    arguments[at++] = holder->instance;
    arguments[at++] = duration;
    arguments[at++] = letters;
    for (size_t i = 0; i < at; i++)
        sizes[i] = strlen(arguments[i]);
    bool sent = redis_link_send(holder->link, on_reply, context, at, arguments, sizes);
    free(letters);
    free(sizes);
    free(arguments);
    return sent;
}

bool lease_send_round(const struct lease_holder *holder, const struct lease_request *requests,
                      size_t count, redis_link_on_reply on_reply, void *context)
{
    return send_script(holder, round_script, requests, count, on_reply, context);
}

bool lease_send_farewell(const struct lease_holder *holder, const struct lease_request *requests,
                         size_t count)
{
    return send_script(holder, farewell_script, requests, count, NULL, NULL);
}

/* This instance is counted with also when there are more than can be. */
static bool read_instances(struct lease_round *round, const redisReply *names, const char *instance)
{
    round->self = LEASE_PLAN_NOBODY;
    for (size_t i = 0; i < names->elements; i++) {
        const redisReply *name = names->element[i];
        if (name->type != REDIS_REPLY_STRING)
            return false;
        bool is_self = strcmp(name->str, instance) == 0;
        size_t number = round->instance_count;
        if (number == LEASE_PLAN_INSTANCES_MAX && !is_self)
            continue;
        number -= number == LEASE_PLAN_INSTANCES_MAX;
        round->instances[number] = name->str;
        round->instance_count = number + 1;
        if (is_self)
            round->self = number;
    }
    return round->self != LEASE_PLAN_NOBODY;
}

bool lease_round_read(struct lease_round *round, const struct redisReply *reply,
                      const char *instance, size_t count)
{
    *round = (struct lease_round){ .reply = reply };
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 + 3 * count ||
        reply->element[0]->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 1; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return read_instances(round, reply->element[0], instance);
}

struct lease lease_round_log(const struct lease_round *round, size_t index)
{
    const redisReply *owner = round->reply->element[1 + 3 * index];
    const redisReply *epoch = round->reply->element[2 + 3 * index];
    const redisReply *next = round->reply->element[3 + 3 * index];
    struct lease lease = { .owner = LEASE_PLAN_NOBODY, .is_free = owner->len == 0 };
    lease.has_position = epoch->len > 0;
    /* One that is no number stands in a position that makes no sense, which is found out when it is
     * loaded. */
    if (!decimal_parse(&lease.epoch, bytes_of(epoch->str, (size_t)epoch->len)))
        lease.epoch = 0;
    if (!decimal_parse(&lease.next, bytes_of(next->str, (size_t)next->len)))
        lease.next = 0;
    for (size_t i = 0; i < round->instance_count; i++)
        if (strcmp(round->instances[i], owner->str) == 0)
            lease.owner = i;
    return lease;
}
