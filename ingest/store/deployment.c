#include "ingest/store/deployment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "ingest/store/shard_plan.h"
#include "shared/base/context.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/shard_tags.h"

enum {
    NUMBER_SIZE = 24,
    /* EVAL, script, how many keys, keys; shards, shard, whether a record is made. */
    FIXED_ARGUMENTS = 9,
};

#define DEPLOYMENT_MARK CONTEXT_MARK('D', 'P', 'L', 'Y')

struct placed_log {
    uint8_t id[SHA256_SIZE];
    char id_hex[CONTRACT_LOG_ID_HEX + 1];
    int shard; /* or SHARD_PLAN_NONE */
    bool is_settled;
};

struct deployment {
    uint32_t mark; /* DEPLOYMENT_MARK */
    const struct contract *contracts;
    unsigned shards;
    struct deployment_events events;
    struct placed_log *logs;
    size_t count;
    bool was_right[SHARDS_MAX]; /* its record was there once */
    bool has_failed;            /* said last */
    char reason[DEPLOYMENT_REASON_SIZE];
};

/* A question that is out: logs may be added meanwhile. */
struct deployment_question {
    struct deployment *deployment;
    unsigned shard;
    size_t count;
};

/* KEYS: P:deployment, P:logs, P:stream. ARGV: how many shards, which one this is, the prefixes of
 * all, whether a record is made where there are logs without one; then of each log its id and the
 * shard that it is to have if it has none. Answers what is recorded: how many shards, which one, 1
 * if the prefixes are these, the shard of each log. A full Redis refuses only what has to be
 * written. */
static const char script[] =
    "local key, shards = KEYS[1], tonumber(ARGV[1]) "
    "local known = redis.call('HGET', key, '" CONTRACT_DEPLOYMENT_SHARDS "') "
    "local exists = redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 "
    "if not known and exists and ARGV[3 + shards] == '0' then return {'1', '0', 0} end "
    "if not known then "
    "  redis.call('HSET', key, '" CONTRACT_DEPLOYMENT_SHARDS "', ARGV[1], "
    "             '" CONTRACT_DEPLOYMENT_SHARD "', ARGV[2]) "
    "  for i = 1, shards do "
    "    redis.call('HSET', key, '" CONTRACT_DEPLOYMENT_PREFIX "' .. (i - 1), ARGV[2 + i]) "
    "  end "
    "  known = ARGV[1] "
    "end "
    "local same = 1 "
    "for i = 1, shards do "
    "  if redis.call('HGET', key, '" CONTRACT_DEPLOYMENT_PREFIX "' .. (i - 1)) ~= ARGV[2 + i] then "
    "    same = 0 "
    "  end "
    "end "
    "local shard = redis.call('HGET', key, '" CONTRACT_DEPLOYMENT_SHARD "') "
    "local answer = {known, shard or '', same} "
    "if known ~= ARGV[1] or shard ~= ARGV[2] or same == 0 then return answer end "
    "for i = 4 + shards, #ARGV, 2 do "
    "  local field = '" CONTRACT_DEPLOYMENT_LOG "' .. ARGV[i] "
    "  local placed = redis.call('HGET', key, field) "
    "  if not placed then "
    "    placed = ARGV[i + 1] "
    "    redis.call('HSET', key, field, placed) "
    "  end "
    "  answer[#answer + 1] = placed "
    "end "
    "return answer";

enum {
    ANSWER_SHARDS,
    ANSWER_SHARD,
    ANSWER_SAME,
    ANSWER_LOGS,
};

bool deployment_name(char (*prefixes)[CONTRACT_PREFIX_MAX + 1], const char *prefix, unsigned shards)
{
    char words[SHARDS_MAX][SHARD_WORD_SIZE] = { "" };
    assert(shards >= 1 && shards <= SHARDS_MAX);
    (void)snprintf(prefixes[0], CONTRACT_PREFIX_MAX + 1, "%s", prefix);
    for (unsigned i = 1; i < shards; i++)
        if (!shard_tags_choose(words[i], prefix, (const char(*)[SHARD_WORD_SIZE])words, i) ||
            !shard_tags_prefix(prefixes[i], CONTRACT_PREFIX_MAX + 1, prefix, words[i]))
            return false;
    return true;
}

struct deployment *deployment_create(const struct contract *contracts, unsigned shards,
                                     const struct deployment_events *events)
{
    struct deployment *deployment = memory_allocate_zeroed(1, sizeof *deployment);
    *deployment = (struct deployment){
        .mark = DEPLOYMENT_MARK,
        .contracts = contracts,
        .shards = shards,
        .events = *events,
    };
    return deployment;
}

void deployment_destroy(struct deployment *deployment)
{
    if (!deployment)
        return;
    free(deployment->logs);
    free(deployment);
}

static struct placed_log *find(const struct deployment *deployment, const uint8_t *id)
{
    for (size_t i = 0; i < deployment->count; i++)
        if (memcmp(deployment->logs[i].id, id, SHA256_SIZE) == 0)
            return &deployment->logs[i];
    return NULL;
}

/* NULL: there are too many. */
static struct placed_log *find_or_add(struct deployment *deployment, const uint8_t *id)
{
    struct placed_log *log = find(deployment, id);
    if (log || deployment->count == DEPLOYMENT_LOGS_MAX)
        return log;
    deployment->logs =
        memory_resize(deployment->logs, deployment->count + 1, sizeof *deployment->logs);
    log = &deployment->logs[deployment->count++];
    *log = (struct placed_log){ .shard = SHARD_PLAN_NONE };
    memcpy(log->id, id, SHA256_SIZE);
    hex_encode(log->id_hex, bytes_of(id, SHA256_SIZE));
    return log;
}

void deployment_note(struct deployment *deployment, const uint8_t *id, unsigned shard)
{
    struct placed_log *log = find_or_add(deployment, id);
    if (log && !log->is_settled)
        log->shard = (int)shard;
}

void deployment_want(struct deployment *deployment, const uint8_t *id)
{
    (void)find_or_add(deployment, id);
}

bool deployment_find(const struct deployment *deployment, const uint8_t *id, unsigned *shard)
{
    const struct placed_log *log = find(deployment, id);
    if (!log || !log->is_settled)
        return false;
    *shard = (unsigned)log->shard;
    return true;
}

static void place_logs(struct deployment *deployment)
{
    struct shard_plan_log *plan = memory_allocate_zeroed(deployment->count + 1, sizeof *plan);
    for (size_t i = 0; i < deployment->count; i++)
        plan[i].shard = deployment->logs[i].shard;
    shard_plan_place(plan, deployment->count, deployment->shards);
    for (size_t i = 0; i < deployment->count; i++)
        deployment->logs[i].shard = plan[i].shard;
    free(plan);
}

static void refuse(struct deployment *deployment, const char *reason)
{
    deployment->events.on_wrong(deployment->events.context, reason);
}

static void refuse_shards(struct deployment *deployment, const char *shards)
{
    (void)snprintf(deployment->reason, sizeof deployment->reason,
                   "this deployment has --shards %.8s, and that cannot be changed to %u", shards,
                   deployment->shards);
    refuse(deployment, deployment->reason);
}

static bool is_number(const redisReply *reply, uint64_t wanted)
{
    uint64_t number;
    return reply->type == REDIS_REPLY_STRING &&
           decimal_parse(&number, bytes_of(reply->str, (size_t)reply->len)) && number == wanted;
}

/* False: the record has it elsewhere than this process has read of it, which cannot be mended while
 * it runs. */
static bool settle(struct placed_log *log, const redisReply *reply, unsigned shards)
{
    uint64_t shard;
    if (reply->type != REDIS_REPLY_STRING ||
        !decimal_parse(&shard, bytes_of(reply->str, (size_t)reply->len)) || shard >= shards)
        return false;
    bool is_other = log->is_settled && log->shard != (int)shard;
    log->shard = (int)shard;
    log->is_settled = true;
    return !is_other;
}

static void settle_logs(struct deployment *deployment, const redisReply *reply, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!settle(&deployment->logs[i], reply->element[ANSWER_LOGS + i], deployment->shards)) {
            refuse(deployment, "a log has come to another shard: it begins anew");
            return;
        }
    deployment->events.on_settled(deployment->events.context);
}

static void take_record(struct deployment *deployment, const redisReply *reply,
                        const struct deployment_question *question)
{
    if (!is_number(reply->element[ANSWER_SHARDS], deployment->shards)) {
        const redisReply *shards = reply->element[ANSWER_SHARDS];
        refuse_shards(deployment, shards->type == REDIS_REPLY_STRING ? shards->str : "?");
    } else if (!is_number(reply->element[ANSWER_SHARD], question->shard) ||
               reply->element[ANSWER_SAME]->integer != 1 ||
               (question->shard == 0 && reply->elements != ANSWER_LOGS + question->count)) {
        refuse(deployment, "these keys are another deployment's: the prefix is one of its shards");
    } else {
        deployment->was_right[question->shard] = true;
        deployment->events.on_right(deployment->events.context, question->shard);
        if (question->shard == 0)
            settle_logs(deployment, reply, question->count);
    }
}

/* It is asked again: a full Redis refuses to write the record. */
static void note_failure(struct deployment *deployment, const redisReply *reply)
{
    if (!deployment->has_failed)
        say_warning("the record of the shards cannot be had", "error=%s",
                    say_quoted(reply->type == REDIS_REPLY_ERROR ? reply->str : "makes no sense"));
    deployment->has_failed = true;
}

static void on_record(struct redis_link *link, redisReply *reply, void *context)
{
    struct deployment_question question = *(struct deployment_question *)context;
    struct deployment *deployment = question.deployment;
    (void)link;
    free(context);
    if (!reply)
        return;
    /* One of another deployment says nothing of logs. */
    bool is_record =
        reply->type == REDIS_REPLY_ARRAY &&
        (reply->elements == ANSWER_LOGS || reply->elements == ANSWER_LOGS + question.count);
    if (!is_record) {
        note_failure(deployment, reply);
        return;
    }
    deployment->has_failed = false;
    take_record(deployment, reply, &question);
}

/* Where there is one shard there is no record, and nothing is written. Who may not ask has none. */
static void on_single(struct redis_link *link, redisReply *reply, void *context)
{
    struct deployment *deployment = context_of(context, DEPLOYMENT_MARK);
    (void)link;
    if (reply && reply->type == REDIS_REPLY_STRING)
        refuse_shards(deployment, reply->str);
    else if (reply)
        deployment->events.on_right(deployment->events.context, 0);
}

static void ask_single(struct deployment *deployment, struct redis_link *link)
{
    (void)redis_link_send_strings(link, on_single, deployment, "HGET",
                                  deployment->contracts[0].deployment, CONTRACT_DEPLOYMENT_SHARDS,
                                  (char *)NULL);
}

static void send_question(const struct deployment_question *asked, struct redis_link *link)
{
    const struct deployment *deployment = asked->deployment;
    const struct contract *contract = &deployment->contracts[asked->shard];
    size_t most = FIXED_ARGUMENTS + deployment->shards + 2 * asked->count, at = 0;
    const char **words = memory_allocate_zeroed(most, sizeof *words);
    size_t *sizes = memory_allocate_zeroed(most, sizeof *sizes);
    char numbers[SHARDS_MAX + 1][NUMBER_SIZE];
    for (unsigned i = 0; i <= deployment->shards; i++)
        (void)snprintf(numbers[i], NUMBER_SIZE, "%u", i);
    words[at++] = "EVAL";
    words[at++] = script;
    words[at++] = "3";
    words[at++] = contract->deployment;
    words[at++] = contract->logs;
    words[at++] = contract->stream;
    words[at++] = numbers[deployment->shards];
    words[at++] = numbers[asked->shard];
    for (unsigned i = 0; i < deployment->shards; i++)
        words[at++] = deployment->contracts[i].prefix;
    words[at++] = deployment->was_right[asked->shard] ? "1" : "0";
    for (size_t i = 0; i < asked->count; i++) {
        words[at++] = deployment->logs[i].id_hex;
        words[at++] = numbers[deployment->logs[i].shard];
    }
    for (size_t i = 0; i < at; i++)
        sizes[i] = strlen(words[i]);
    struct deployment_question *question = memory_allocate(sizeof *question);
    *question = *asked;
    if (!redis_link_send(link, on_record, question, at, words, sizes))
        free(question);
    free(sizes);
    free(words);
}

void deployment_ask(struct deployment *deployment, unsigned shard, struct redis_link *link)
{
    if (deployment->shards == 1) {
        ask_single(deployment, link);
        return;
    }
    struct deployment_question question = { deployment, shard, 0 };
    if (shard == 0) {
        place_logs(deployment);
        question.count = deployment->count;
    }
    send_question(&question, link);
}
