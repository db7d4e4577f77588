#include "tests/e2e/stream_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/bytes.h"
#include "shared/message/message.h"
#include "shared/redis/contract.h"
#include "shared/redis/stream_id.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    /* A few MB per reply. */
    PAGE = 500,
    /* Reading 100,000 entries under sanitizers on a busy machine takes no longer. */
    COMPLETE_MS = 120000,
};

static const char *const field_names[] = { CONTRACT_FIELD_JSON, CONTRACT_FIELD_DOMAINS,
                                           CONTRACT_FIELD_DER,  CONTRACT_FIELD_CHAIN,
                                           CONTRACT_FIELD_LOG,  CONTRACT_FIELD_INDEX };

enum {
    JSON,
    DOMAINS,
    DER,
    CHAIN,
    LOG,
    INDEX,
    FIELDS
};

static struct bytes find_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return bytes_of(fields->element[i + 1]->str, fields->element[i + 1]->len);
    fail_msg("an entry without the field %s", name);
    return (struct bytes){ 0 };
}

static struct stream_check_log *find_log(struct stream_check *check, struct bytes id,
                                         uint64_t index)
{
    for (size_t i = 0; i < check->count; i++)
        if (bytes_equal_string(id, check->logs[i].id))
            return &check->logs[i];
    assert_true(check->count < STREAM_CHECK_LOGS);
    assert_int_equal(id.size, CONTRACT_LOG_ID_HEX);
    struct stream_check_log *log = &check->logs[check->count++];
    memcpy(log->id, id.data, id.size);
    log->first = log->next = index;
    return log;
}

/* What the fields have in common with the message proves that they belong together. */
static void check_form(const struct bytes *fields, uint64_t index)
{
    static const char prefix[] = MESSAGE_UPDATE_PREFIX;
    char member[64];
    (void)snprintf(member, sizeof member, "\"cert_index\":%llu,", (unsigned long long)index);
    if (fields[JSON].size < sizeof prefix ||
        memcmp(fields[JSON].data, prefix, sizeof prefix - 1) != 0 ||
        memcmp(fields[JSON].data + fields[JSON].size - 3, "}}}", 3) != 0 ||
        !memmem(fields[JSON].data, fields[JSON].size, member, strlen(member)))
        fail_msg("index %llu: not its message: %.*s", (unsigned long long)index,
                 (int)fields[JSON].size, (const char *)fields[JSON].data);
    assert_true(fields[DER].size > 0);
    assert_int_equal(fields[DOMAINS].data[0], '[');
    if (!memmem(fields[JSON].data, fields[JSON].size, fields[DOMAINS].data, fields[DOMAINS].size))
        fail_msg("index %llu: domains and all_domains differ", (unsigned long long)index);
}

void stream_check_take(struct stream_check *check, struct bytes log_id, uint64_t index,
                       const char *id)
{
    struct stream_check_log *log = find_log(check, log_id, index);
    if (index != log->next)
        fail_msg("log %.8s: index %llu comes where %llu has to (stream id %s)", log->id,
                 (unsigned long long)index, (unsigned long long)log->next, id);
    log->next++;
    check->entries++;
}

void stream_check_take_entry(struct stream_check *check, const redisReply *entry)
{
    struct bytes fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = find_field(entry->element[1], field_names[i]);
    uint64_t index = strtoull((const char *)fields[INDEX].data, NULL, 10);
    stream_check_take(check, fields[LOG], index, entry->element[0]->str);
    check_form(fields, index);
}

static const char *prefix_of(const struct stream_check *check)
{
    return check->prefix ? check->prefix : CONTRACT_PREFIX;
}

/* What Redis counts: what was ever added, and what of that has left the stream. */
struct stream_counts {
    uint64_t added, gone;
};

static struct stream_counts count_stream(const struct stream_check *check,
                                         struct redis_server *redis)
{
    redisReply *reply = redis_server_ask(redis, "XINFO STREAM %s:stream", prefix_of(check));
    uint64_t added = 0, length = 0;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const char *name = reply->element[i]->str;
        if (strcmp(name, "entries-added") == 0)
            added = (uint64_t)reply->element[i + 1]->integer;
        if (strcmp(name, "length") == 0)
            length = (uint64_t)reply->element[i + 1]->integer;
    }
    freeReplyObject(reply);
    return (struct stream_counts){ added, added > length ? added - length : 0 };
}

void stream_check_expect_all_read(const struct stream_check *check, struct redis_server *redis)
{
    assert_int_equal(count_stream(check, redis).added, check->entries);
}

static struct stream_check_mark *mark_at(struct stream_check *check, size_t number)
{
    return &check->marks[number % STREAM_CHECK_MARKS];
}

static void set_mark(struct stream_check *check)
{
    if (!check->marks)
        return;
    uint64_t marked = check->mark_count ? mark_at(check, check->mark_count - 1)->entries : 0;
    if (check->entries == marked)
        return;
    struct stream_check_mark *mark = mark_at(check, check->mark_count++);
    mark->count = check->count;
    mark->entries = check->entries;
    memcpy(mark->last_id, check->last_id, sizeof mark->last_id);
    for (size_t i = 0; i < check->count; i++)
        mark->next[i] = check->logs[i].next;
}

static bool is_packed(const struct stream_check *check, struct redis_server *redis, const char *id)
{
    struct stream_id packed = { 0 }, wanted = { 0 };
    redisReply *reply = redis_server_command(redis, "GET %s:packed", prefix_of(check));
    bool has_packed = reply->type == REDIS_REPLY_STRING &&
                      stream_id_parse(&packed, bytes_of(reply->str, reply->len));
    freeReplyObject(reply);
    assert_true(stream_id_parse(&wanted, bytes_of_string(id)));
    return has_packed && stream_id_compare(wanted, packed) <= 0;
}

static bool has_entry(const struct stream_check *check, struct redis_server *redis, const char *id)
{
    redisReply *reply =
        redis_server_command(redis, "XRANGE %s:stream %s %s", prefix_of(check), id, id);
    bool has = reply->elements == 1;
    freeReplyObject(reply);
    return has || is_packed(check, redis, id);
}

uint64_t stream_check_step_back(struct stream_check *check, struct redis_server *redis)
{
    assert_non_null(check->marks);
    uint64_t before = check->entries;
    size_t oldest =
        check->mark_count > STREAM_CHECK_MARKS ? check->mark_count - STREAM_CHECK_MARKS : 0;
    while (*check->last_id && !has_entry(check, redis, check->last_id)) {
        struct stream_check_mark start = { .count = 0 };
        if (check->mark_count == oldest && oldest)
            fail_msg("Redis has lost more than a crash takes away: not even %s is there",
                     check->last_id);
        const struct stream_check_mark *mark =
            check->mark_count ? mark_at(check, --check->mark_count) : &start;
        check->count = mark->count;
        check->entries = mark->entries;
        memcpy(check->last_id, mark->last_id, sizeof check->last_id);
        for (size_t i = 0; i < mark->count; i++)
            check->logs[i].next = mark->next[i];
    }
    set_mark(check);
    return before - check->entries;
}

/* Who begins in the middle misses what was gone by then, and nobody anything after that. */
static void expect_none_gone_unread(struct stream_check *check, struct redis_server *redis)
{
    uint64_t gone = count_stream(check, redis).gone;
    if (!*check->last_id)
        check->before = gone;
    if (gone > check->before + check->entries)
        fail_msg("the test was too slow, or retention too short: %llu entries have left the stream "
                 "and only %llu of them were read",
                 (unsigned long long)(gone - check->before), (unsigned long long)check->entries);
}

void stream_check_read(struct stream_check *check, struct redis_server *redis)
{
    size_t count = PAGE;
    while (count == PAGE) {
        redisReply *page = redis_server_command(redis, "XRANGE %s:stream %s%s + COUNT %d",
                                                prefix_of(check), *check->last_id ? "(" : "",
                                                *check->last_id ? check->last_id : "-", PAGE);
        count = page->elements;
        expect_none_gone_unread(check, redis);
        for (size_t i = 0; i < count; i++)
            stream_check_take_entry(check, page->element[i]);
        if (count)
            (void)snprintf(check->last_id, sizeof check->last_id, "%s",
                           page->element[count - 1]->element[0]->str);
        set_mark(check);
        freeReplyObject(page);
    }
}

static void check_position(struct redis_server *redis, const struct stream_check *check,
                           const struct stream_check_log *log)
{
    redisReply *reply =
        redis_server_command(redis, "HGET %s:log:%s next", prefix_of(check), log->id);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(strtoull(reply->str, NULL, 10), log->next);
    freeReplyObject(reply);
}

void stream_check_expect(struct stream_check *check, struct redis_server *redis, size_t logs,
                         uint64_t first, uint64_t next)
{
    uint64_t wanted = logs * (next - first);
    struct deadline deadline = deadline_after(COMPLETE_MS, "the stream to be complete");
    while ((uint64_t)redis_server_integer(redis, "XLEN %s:stream", prefix_of(check)) < wanted) {
        if (deadline_has_passed(&deadline))
            print_error("%lld of %llu entries\n",
                        redis_server_integer(redis, "XLEN %s:stream", prefix_of(check)),
                        (unsigned long long)wanted);
        deadline_wait(&deadline);
    }
    stream_check_read(check, redis);
    assert_int_equal(check->count, logs);
    for (size_t i = 0; i < logs; i++) {
        assert_int_equal(check->logs[i].first, first);
        assert_int_equal(check->logs[i].next, next);
        check_position(redis, check, &check->logs[i]);
    }
}
