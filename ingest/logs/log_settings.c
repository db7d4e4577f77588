#include "ingest/logs/log_settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "ingest/ct/ct_log.h"
#include "ingest/follow/follower.h"
#include "shared/base/buffer.h"
#include "shared/base/memory.h"

enum {
    FILE_MAX = 1024 * 1024,
    PER_SECOND_MAX = 10000,
    AT_ONCE_MAX = 1000,
    PAGE_MAX = 100000,
};

struct log_settings_table {
    cJSON *root; /* NULL: nothing is said */
};

static bool is_number(const cJSON *item, double most)
{
    return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble <= most;
}

static bool is_text(const cJSON *item)
{
    return cJSON_IsString(item) && *item->valuestring;
}

static const char *check_member(const cJSON *item)
{
    struct follower_policy policy;
    const char *name = item->string;
    if (strcmp(name, "requests_per_second") == 0)
        return is_number(item, PER_SECOND_MAX) ? NULL : "requests_per_second: not above 0";
    if (strcmp(name, "at_once") == 0)
        return is_number(item, AT_ONCE_MAX) && item->valuedouble >= 1 ? NULL
                                                                      : "at_once: not from 1 on";
    if (strcmp(name, "page") == 0)
        return is_number(item, PAGE_MAX) && item->valuedouble >= 1 ? NULL : "page: not from 1 on";
    if (strcmp(name, "keep_alive") == 0)
        return cJSON_IsBool(item) ? NULL : "keep_alive: neither true nor false";
    if (strcmp(name, "start") == 0)
        return is_text(item) && follower_policy_set_start(&policy, item->valuestring)
                   ? NULL
                   : "start: neither head, nor an index, nor -N, as a text";
    if (strcmp(name, "ca_file") == 0 || strcmp(name, "source_address") == 0 ||
        strcmp(name, "proxy") == 0)
        return is_text(item) ? NULL : "ca_file, source_address, proxy: not a text";
    return "a member that means nothing here";
}

/* An object of objects of members. */
static const char *check_group(const cJSON *group, bool is_of_logs)
{
    const cJSON *row, *member;
    uint8_t id[SHA256_SIZE];
    if (!cJSON_IsObject(group))
        return "operators, logs: not an object";
    cJSON_ArrayForEach(row, group)
    {
        if (is_of_logs && !ct_log_read_id(row->string, id))
            return "logs: a name that is no log id, hex or base64";
        if (!cJSON_IsObject(row))
            return "operators, logs: what is in them is not an object";
        cJSON_ArrayForEach(member, row)
        {
            const char *wrong = check_member(member);
            if (wrong)
                return wrong;
        }
    }
    return NULL;
}

static const char *check_root(const cJSON *root)
{
    const cJSON *group;
    if (!cJSON_IsObject(root))
        return "not a JSON object";
    cJSON_ArrayForEach(group, root)
    {
        bool is_of_logs = strcmp(group->string, "logs") == 0;
        if (!is_of_logs && strcmp(group->string, "operators") != 0)
            return "neither operators nor logs";
        const char *wrong = check_group(group, is_of_logs);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static cJSON *read_json(const char *path)
{
    struct buffer text;
    char block[4096];
    size_t size;
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    buffer_init(&text, FILE_MAX);
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        buffer_append(&text, block, size);
    (void)fclose(file);
    cJSON *root = text.failed ? NULL : cJSON_ParseWithLength((const char *)text.data, text.size);
    buffer_free(&text);
    return root;
}

const char *log_settings_check(const char *path)
{
    if (!*path)
        return NULL;
    cJSON *root = read_json(path);
    const char *wrong = root ? check_root(root) : "it cannot be read, or is not JSON";
    cJSON_Delete(root);
    return wrong;
}

struct log_settings_table *log_settings_create(const char *path)
{
    struct log_settings_table *table = memory_allocate_zeroed(1, sizeof *table);
    table->root = *path ? read_json(path) : NULL;
    return table;
}

void log_settings_destroy(struct log_settings_table *table)
{
    if (table)
        cJSON_Delete(table->root);
    free(table);
}

/* The row of a log, by its id however it is spelt. */
static const cJSON *find_log(const cJSON *logs, const uint8_t *id)
{
    const cJSON *row;
    uint8_t row_id[SHA256_SIZE];
    cJSON_ArrayForEach(row, logs) if (ct_log_read_id(row->string, row_id) &&
                                      memcmp(row_id, id, SHA256_SIZE) == 0) return row;
    return NULL;
}

/* What a row says counts from now on. */
static void apply_row(struct log_settings *settings, const cJSON *row)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, row)
    {
        const char *name = member->string;
        if (strcmp(name, "requests_per_second") == 0)
            settings->per_second = member->valuedouble;
        else if (strcmp(name, "at_once") == 0)
            settings->at_once = (unsigned)member->valuedouble;
        else if (strcmp(name, "page") == 0)
            settings->page = (uint64_t)member->valuedouble;
        else if (strcmp(name, "keep_alive") == 0)
            settings->closes_connections = !cJSON_IsTrue(member);
        else if (strcmp(name, "start") == 0)
            settings->start = member->valuestring;
        else if (strcmp(name, "ca_file") == 0)
            settings->ca_file = member->valuestring;
        else if (strcmp(name, "source_address") == 0)
            settings->source_address = member->valuestring;
        else if (strcmp(name, "proxy") == 0)
            settings->proxy = member->valuestring;
    }
}

struct log_settings log_settings_of(const struct log_settings_table *table,
                                    const struct ct_log *ct_log)
{
    struct log_settings settings = { 0 };
    const cJSON *operators = cJSON_GetObjectItemCaseSensitive(table->root, "operators");
    const cJSON *log = find_log(cJSON_GetObjectItemCaseSensitive(table->root, "logs"), ct_log->id);
    apply_row(&settings, cJSON_GetObjectItemCaseSensitive(operators, ct_log->operator_name));
    apply_row(&settings, log);
    settings.has_own_budget =
        cJSON_HasObjectItem(log, "requests_per_second") || cJSON_HasObjectItem(log, "at_once");
    return settings;
}
