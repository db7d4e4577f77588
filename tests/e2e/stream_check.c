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

static void check_entry(struct stream_check *check, const redisReply *entry)
{
    struct bytes fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = find_field(entry->element[1], field_names[i]);
    uint64_t index = strtoull((const char *)fields[INDEX].data, NULL, 10);
    struct stream_check_log *log = find_log(check, fields[LOG], index);
    if (index != log->next)
        fail_msg("log %.8s: index %llu comes where %llu has to (stream id %s)", log->id,
                 (unsigned long long)index, (unsigned long long)log->next, entry->element[0]->str);
    check_form(fields, index);
    log->next++;
    check->entries++;
}

static const char *prefix_of(const struct stream_check *check)
{
    return check->prefix ? check->prefix : CONTRACT_PREFIX;
}

void stream_check_read(struct stream_check *check, struct redis_server *redis)
{
    size_t count = PAGE;
    while (count == PAGE) {
        redisReply *page = redis_server_command(redis, "XRANGE %s:stream %s%s + COUNT %d",
                                                prefix_of(check), *check->last_id ? "(" : "",
                                                *check->last_id ? check->last_id : "-", PAGE);
        count = page->elements;
        for (size_t i = 0; i < count; i++)
            check_entry(check, page->element[i]);
        if (count)
            (void)snprintf(check->last_id, sizeof check->last_id, "%s",
                           page->element[count - 1]->element[0]->str);
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
