#include "ingest/log_list.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "shared/base64.h"
#include "shared/hex.h"
#include "shared/json_reader.h"
#include "shared/memory.h"

enum {
    /* A P-256 key has 91 bytes, an RSA-4096 key 550. */
    KEY_SIZE_MAX = 1024,
    URL_SIZE_MAX = 512,
    TEXT_SIZE_MAX = 256,
};

struct parse {
    struct log_list *list;
    struct digest *sha256;
    bool allow_http;
};

static enum ct_log_state read_state(const cJSON *log, struct ct_log *out)
{
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(log, "state");
    for (enum ct_log_state each = CT_LOG_PENDING; each <= CT_LOG_REJECTED; each++) {
        const cJSON *detail = cJSON_GetObjectItemCaseSensitive(state, ct_log_state_name(each));
        if (!detail)
            continue;
        const cJSON *final = cJSON_GetObjectItemCaseSensitive(detail, "final_tree_head");
        out->has_final_size =
            each == CT_LOG_READONLY && json_read_unsigned(final, "tree_size", &out->final_size);
        out->has_final_root =
            out->has_final_size &&
            json_read_base64(final, "sha256_root_hash", out->final_root.bytes, SHA256_SIZE);
        return each;
    }
    return CT_LOG_STATE_NONE;
}

/* Printable ASCII without what could end a URL inside a line or a request. */
static bool is_url_text(const char *url)
{
    for (; *url; url++)
        if (*url <= 0x20 || *url >= 0x7f || strchr("\"<>\\^`{|}?#", *url))
            return false;
    return true;
}

static char *read_url(const struct parse *parse, const cJSON *log, const char *name)
{
    const char *url = json_read_string(log, name);
    if (!url || strlen(url) > URL_SIZE_MAX || !is_url_text(url))
        return NULL;
    bool is_https = strncmp(url, "https://", 8) == 0 && url[8];
    bool is_http = strncmp(url, "http://", 7) == 0 && url[7];
    if (!is_https && !(is_http && parse->allow_http))
        return NULL;
    size_t size = strlen(url);
    char *copy = memory_allocate(size + 2);
    memcpy(copy, url, size);
    if (copy[size - 1] != '/')
        copy[size++] = '/';
    copy[size] = '\0';
    return copy;
}

/* The log id must be the SHA-256 of the key: whoever made the list wrong about that made it wrong. */
static bool read_identity(const struct parse *parse, const cJSON *log, struct ct_log *out)
{
    const char *key = json_read_string(log, "key");
    struct buffer der;
    buffer_init(&der, KEY_SIZE_MAX);
    uint8_t hash[SHA256_SIZE];
    bool good = key && base64_decode(&der, bytes_of_string(key)) &&
                json_read_base64(log, "log_id", out->id, sizeof out->id);
    if (good)
        digest_bytes(parse->sha256, hash, buffer_bytes(&der));
    buffer_free(&der);
    if (!good || memcmp(hash, out->id, sizeof hash) != 0)
        return false;
    hex_encode(out->id_hex, bytes_of(out->id, sizeof out->id));
    out->id_base64 = memory_copy_string(json_read_string(log, "log_id"));
    out->key_base64 = memory_copy_string(key);
    return true;
}

static char *read_text(const char *text)
{
    if (!text)
        text = "";
    size_t size = strlen(text);
    return memory_copy_text(text, size < TEXT_SIZE_MAX ? size : TEXT_SIZE_MAX);
}

static void add(const struct parse *parse, struct ct_log *log)
{
    struct log_list *list = parse->list;
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->logs[i].id, log->id, sizeof log->id) != 0)
            continue;
        bool replaces = log->kind == CT_LOG_TILED && list->logs[i].kind == CT_LOG_RFC6962;
        struct ct_log unwanted = replaces ? list->logs[i] : *log;
        if (replaces)
            list->logs[i] = *log;
        ct_log_clear(&unwanted);
        return;
    }
    list->logs = memory_resize(list->logs, list->count + 1, sizeof *list->logs);
    list->logs[list->count++] = *log;
}

static void read_log(const struct parse *parse, const cJSON *log, const char *operator_name,
                     enum ct_log_kind kind)
{
    struct ct_log read = { .kind = kind };
    if (parse->list->count == LOG_LIST_LOGS_MAX || !read_identity(parse, log, &read)) {
        parse->list->refused++;
        return;
    }
    read.url = read_url(parse, log, kind == CT_LOG_TILED ? "monitoring_url" : "url");
    if (!read.url) {
        parse->list->refused++;
        ct_log_clear(&read);
        return;
    }
    read.state = read_state(log, &read);
    read.lists = memory_copy_string("");
    read.description = read_text(json_read_string(log, "description"));
    read.operator_name = read_text(operator_name);
    add(parse, &read);
}

static void read_logs(const struct parse *parse, const cJSON *operator, const char * name,
                      enum ct_log_kind kind)
{
    const cJSON *log;
    cJSON_ArrayForEach(log, cJSON_GetObjectItemCaseSensitive(operator, name))
        read_log(parse, log, json_read_string(operator, "name"), kind);
}

const char *log_list_parse(struct log_list *list, struct bytes text, bool allow_http)
{
    cJSON *root = cJSON_ParseWithLength((const char *)text.data, text.size);
    if (!root)
        return "not JSON";
    const cJSON *operators = cJSON_GetObjectItemCaseSensitive(root, "operators");
    if (!cJSON_IsArray(operators)) {
        cJSON_Delete(root);
        return "no array of operators: not a log list of the v3 schema";
    }
    struct parse parse = { list, digest_create(DIGEST_SHA256), allow_http };
    const cJSON *operator;
    cJSON_ArrayForEach(operator, operators)
    {
        read_logs(&parse, operator, "logs", CT_LOG_RFC6962);
        read_logs(&parse, operator, "tiled_logs", CT_LOG_TILED);
    }
    digest_destroy(parse.sha256);
    cJSON_Delete(root);
    return NULL;
}

const struct ct_log *log_list_find(const struct log_list *list, const uint8_t *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->logs[i].id, id, SHA256_SIZE) == 0)
            return &list->logs[i];
    return NULL;
}

void log_list_clear(struct log_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        ct_log_clear(&list->logs[i]);
    free(list->logs);
    *list = (struct log_list){ 0 };
}
