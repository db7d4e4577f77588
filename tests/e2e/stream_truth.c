#include "tests/e2e/stream_truth.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "tests/support/http_get.h"
#include "tests/support/program.h"
#include "tests/support/redis_server.h"

enum {
    LOGS_MAX = 16,
    PATH_SIZE = 128,
    LEAF_MAX = 1 << 24,
    /* Bounds the entries, from the log and from Redis. */
    PAGE = 256,
    /* Version and type stand before it in a leaf. */
    TIMESTAMP_OFFSET = 2,
    TIMESTAMP_SIZE = 8,
};

/* Both views of a log are views of one tree. */
struct truth {
    char ids[2][CONTRACT_LOG_ID_HEX + 1];
    uint64_t *timestamps;
    uint64_t count;
};

/* Freed with cJSON_Delete. */
static cJSON *get_json(const struct program *ct_log, const char *path)
{
    struct http_answer answer = http_get_local(program_port(ct_log), path);
    if (answer.status != 200)
        fail_msg("%s was answered with %ld", path, answer.status);
    cJSON *json = cJSON_Parse(http_answer_text(&answer));
    assert_non_null(json);
    http_answer_free(&answer);
    return json;
}

static const cJSON *first_of(const cJSON *object, const char *name)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, name), 0);
}

static void write_id(char *out, const cJSON *log)
{
    uint8_t id[CONTRACT_LOG_ID_HEX / 2];
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(log, "log_id");
    assert_non_null(text);
    assert_true(base64_decode_exactly(id, sizeof id, bytes_of_string(text->valuestring)));
    hex_encode(out, bytes_of(id, sizeof id));
}

void stream_truth_ids(const struct program *ct_log, char *rfc6962, char *tiled)
{
    cJSON *list = get_json(ct_log, "/log_list.json");
    const cJSON *owner = first_of(list, "operators");
    write_id(rfc6962, first_of(owner, "logs"));
    write_id(tiled, first_of(owner, "tiled_logs"));
    cJSON_Delete(list);
}

static uint64_t read_timestamp(const cJSON *entry)
{
    struct buffer leaf;
    uint64_t timestamp_ms = 0;
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(entry, "leaf_input");
    buffer_init(&leaf, LEAF_MAX);
    assert_true(base64_decode(&leaf, bytes_of_string(text->valuestring)));
    for (size_t i = 0; i < TIMESTAMP_SIZE; i++)
        timestamp_ms = timestamp_ms << 8 | leaf.data[TIMESTAMP_OFFSET + i];
    buffer_free(&leaf);
    return timestamp_ms;
}

/* One page; how many entries it had. */
static uint64_t add_page(struct truth *truth, const struct program *ct_log)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "/rfc6962/ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64,
                   truth->count, truth->count + PAGE - 1);
    cJSON *page = get_json(ct_log, path);
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(page, "entries");
    uint64_t count = (uint64_t)cJSON_GetArraySize(entries);
    const cJSON *entry = entries->child;
    truth->timestamps =
        memory_resize(truth->timestamps, (size_t)(truth->count + count), sizeof *truth->timestamps);
    for (uint64_t i = 0; i < count; i++, entry = entry->next)
        truth->timestamps[truth->count + i] = read_timestamp(entry);
    truth->count += count;
    cJSON_Delete(page);
    return count;
}

static struct truth read_truth(const struct program *ct_log)
{
    struct truth truth = { 0 };
    stream_truth_ids(ct_log, truth.ids[0], truth.ids[1]);
    cJSON *sth = get_json(ct_log, "/rfc6962/ct/v1/get-sth");
    double size = cJSON_GetObjectItemCaseSensitive(sth, "tree_size")->valuedouble;
    cJSON_Delete(sth);
    while ((double)truth.count < size)
        assert_true(add_page(&truth, ct_log) > 0);
    return truth;
}

static const redisReply *find_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    fail_msg("an entry without the field %s", name);
    return NULL;
}

static void check_entry(const redisReply *fields, const struct truth *truths, size_t count)
{
    const char *id = find_field(fields, CONTRACT_FIELD_LOG)->str;
    uint64_t index = strtoull(find_field(fields, CONTRACT_FIELD_INDEX)->str, NULL, 10);
    const char *json = find_field(fields, CONTRACT_FIELD_JSON)->str;
    char member[64];
    for (size_t i = 0; i < count; i++) {
        const struct truth *truth = &truths[i];
        if (strcmp(id, truth->ids[0]) != 0 && strcmp(id, truth->ids[1]) != 0)
            continue;
        assert_true(index < truth->count);
        uint64_t timestamp_ms = truth->timestamps[index];
        (void)snprintf(member, sizeof member, ",\"submission_timestamp\":%" PRIu64 ".%03u,",
                       timestamp_ms / 1000, (unsigned)(timestamp_ms % 1000));
        if (!strstr(json, member))
            fail_msg("log %.8s, index %" PRIu64 ": not what the log signed, which has %s: %.200s",
                     id, index, member, json);
        return;
    }
    fail_msg("an entry of log %s, which is none of these", id);
}

void stream_truth_expect(struct redis_server *redis, const struct program *const *ct_logs,
                         size_t count)
{
    struct truth truths[LOGS_MAX];
    char last[64] = "-";
    size_t entries = PAGE;
    assert_in_range(count, 1, LOGS_MAX);
    for (size_t i = 0; i < count; i++)
        truths[i] = read_truth(ct_logs[i]);
    while (entries == PAGE) {
        redisReply *page = redis_server_command(redis, "XRANGE %s:stream %s + COUNT %d",
                                                CONTRACT_PREFIX, last, PAGE);
        entries = page->elements;
        for (size_t i = 0; i < entries; i++)
            check_entry(page->element[i]->element[1], truths, count);
        if (entries)
            (void)snprintf(last, sizeof last, "(%s", page->element[entries - 1]->element[0]->str);
        freeReplyObject(page);
    }
    for (size_t i = 0; i < count; i++)
        free(truths[i].timestamps);
}
