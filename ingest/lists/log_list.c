#include "ingest/lists/log_list.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "ingest/ct/log_protocol.h"
#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/json/json_reader.h"
#include "shared/x509/asn1_time.h"

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

/* The schema has one state per log; of several the one by which the log lives longest counts. */
static void read_state(const cJSON *log, struct ct_log *out)
{
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(log, "state");
    for (enum ct_log_state each = CT_LOG_PENDING; each <= CT_LOG_REJECTED; each++) {
        const struct ct_log other = { .state = each };
        if (cJSON_GetObjectItemCaseSensitive(state, ct_log_state_name(each)) &&
            ct_log_is_preferred(&other, &(struct ct_log){ .state = out->state }))
            out->state = each;
    }
    if (out->state != CT_LOG_READONLY)
        return;
    const cJSON *final = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(state, "readonly"), "final_tree_head");
    out->has_final_size = json_read_unsigned(final, "tree_size", &out->final_size);
    out->has_final_root =
        out->has_final_size &&
        json_read_base64(final, "sha256_root_hash", out->final_root.bytes, SHA256_SIZE);
}

/* The hours and minutes of a zone: "+01:30". */
static bool read_offset(const char *text, int64_t *out_seconds)
{
    const char *forms[] = { "+dd:dd", "-dd:dd" };
    bool is_behind = text[0] == '-';
    const char *form = forms[is_behind];
    for (size_t i = 0; i <= strlen(form); i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    int64_t hours = (text[1] - '0') * 10 + (text[2] - '0');
    int64_t minutes = (text[4] - '0') * 10 + (text[5] - '0');
    *out_seconds = (is_behind ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

/* What stands behind the seconds: a fraction, which is cut off, and the zone. */
static bool read_zone(const char *text, int64_t *out_seconds)
{
    if (text[0] == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (!digits)
            return false;
        text += 1 + digits;
    }
    *out_seconds = 0;
    return strcmp(text, "Z") == 0 || strcmp(text, "z") == 0 || read_offset(text, out_seconds);
}

/* The digits of "2026-05-29T13:42:48"; false if it has not this form. */
/* NOLINTNEXTLINE(readability-function-size): toupper is a macro of many branches */
static bool take_digits(const char *text, char *digits)
{
    static const char separators[] = "    -  -  T  :  :  ";
    for (size_t i = 0; i < sizeof separators - 1; i++) {
        if (separators[i] == ' ')
            *digits++ = text[i];
        else if (toupper((unsigned char)text[i]) != separators[i])
            return false;
    }
    return true;
}

/* RFC 3339: "2026-05-29T13:42:48Z" is a GeneralizedTime without its separators. False for times
 * before 1970 as well. */
static bool read_time(const char *text, uint64_t *out_ms)
{
    enum {
        GENERALIZED_TIME = 0x18,
        SIZE = sizeof "2026-05-29T13:42:48" - 1,
    };
    char digits[] = "20260529134248Z";
    int64_t seconds, offset;
    if (!text || strlen(text) <= SIZE || !read_zone(text + SIZE, &offset) ||
        !take_digits(text, digits))
        return false;
    if (!asn1_time_read(&seconds, GENERALIZED_TIME, bytes_of_string(digits)) || seconds < offset)
        return false;
    *out_ms = (uint64_t)(seconds - offset) * 1000;
    return true;
}

/* False if there is one and it makes no sense. */
static bool read_interval(const cJSON *log, struct ct_log *out)
{
    const cJSON *interval = cJSON_GetObjectItemCaseSensitive(log, "temporal_interval");
    if (!interval || cJSON_IsNull(interval))
        return true;
    out->has_interval =
        read_time(json_read_string(interval, "start_inclusive"), &out->interval_start_ms) &&
        read_time(json_read_string(interval, "end_exclusive"), &out->interval_end_ms) &&
        out->interval_start_ms < out->interval_end_ms;
    return out->has_interval;
}

static bool is_for_tests(const cJSON *log)
{
    const char *type = json_read_string(log, "log_type");
    return type && (strcmp(type, "test") == 0 || strcmp(type, "monitoring_only") == 0);
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

/* The log id must be the SHA-256 of the key: whoever made the list wrong about that made it
 * wrong. */
static bool read_log_identity(const struct parse *parse, const cJSON *log, struct ct_log *out)
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

static void add_log(const struct parse *parse, struct ct_log *log)
{
    struct log_list *list = parse->list;
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->logs[i].id, log->id, sizeof log->id) != 0)
            continue;
        bool replaces = ct_log_is_preferred(log, &list->logs[i]);
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
    if (parse->list->count == LOG_LIST_LOGS_MAX || !read_log_identity(parse, log, &read)) {
        parse->list->refused++;
        return;
    }
    read.url = read_url(parse, log, log_protocol_of(kind)->url_member);
    if (!read.url || !read_interval(log, &read)) {
        parse->list->refused++;
        ct_log_clear(&read);
        return;
    }
    read_state(log, &read);
    (void)json_read_unsigned(log, "mmd", &read.mmd_s);
    read.is_test = is_for_tests(log);
    read.lists = memory_copy_string("");
    read.list_versions = memory_copy_string("");
    read.description = read_text(json_read_string(log, "description"));
    read.operator_name = read_text(operator_name);
    add_log(parse, &read);
}

static void read_logs(const struct parse *parse, const cJSON *operator, enum ct_log_kind kind)
{
    const char *name = log_protocol_of(kind)->list_member;
    const cJSON *log;
    cJSON_ArrayForEach(log, cJSON_GetObjectItemCaseSensitive(operator, name))
        read_log(parse, log, json_read_string(operator, "name"), kind);
}

static void read_operators(const struct parse *parse, const cJSON *operators)
{
    const cJSON *operator;
    cJSON_ArrayForEach(operator, operators)
    {
        for (int kind = 0; kind < CT_LOG_KINDS; kind++)
            if (log_protocol_of((enum ct_log_kind)kind)->list_member)
                read_logs(parse, operator,(enum ct_log_kind) kind);
    }
}

/* Chrome's version is a text, Apple's a number. */
static void read_version(const cJSON *root, struct log_list *list)
{
    const char *text = json_read_string(root, "version");
    uint64_t number;
    if (text)
        (void)snprintf(list->version, sizeof list->version, "%s", text);
    else if (json_read_unsigned(root, "version", &number))
        (void)snprintf(list->version, sizeof list->version, "%" PRIu64, number);
    for (char *at = list->version; *at; at++)
        if (*at <= 0x20 || *at >= 0x7f)
            *at = '?';
    (void)read_time(json_read_string(root, "log_list_timestamp"), &list->timestamp_ms);
}

/* The whole text, or NULL: JSON with something behind it is not what was meant. */
static cJSON *read_json(struct bytes text)
{
    const char *start = (const char *)text.data, *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(start, text.size, &end, false);
    size_t size = root ? (size_t)(end - start) : 0;
    while (root && size < text.size && start[size] && strchr(" \t\r\n", start[size]))
        size++;
    if (root && size == text.size)
        return root;
    cJSON_Delete(root);
    return NULL;
}

const char *log_list_parse(struct log_list *list, struct bytes text, bool allow_http)
{
    cJSON *root = read_json(text);
    if (!root)
        return "not JSON";
    const cJSON *operators = cJSON_GetObjectItemCaseSensitive(root, "operators");
    bool is_single = !operators && json_read_string(root, "log_id");
    if (!cJSON_IsArray(operators) && !is_single) {
        cJSON_Delete(root);
        return "no array of operators: not a log list of the v3 schema";
    }
    struct parse parse = { list, digest_create(DIGEST_SHA256), allow_http };
    if (is_single)
        read_log(&parse, root, "",
                 json_read_string(root, "monitoring_url") ? CT_LOG_TILED : CT_LOG_RFC6962);
    else
        read_operators(&parse, operators);
    read_version(root, list);
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
