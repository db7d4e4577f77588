#include "ingest/lists/list_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"

enum {
    FIELD_SIZE = LIST_ADDRESS_SIZE + 16,
};

static const struct {
    const char *name;
    const char *address;
    bool is_signed;
} public_lists[] = {
    { "chrome", "https://www.gstatic.com/ct/log_list/v3/log_list.json", true },
    { "chrome-all", "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json", true },
    { "apple", "https://valid.apple.com/ct/log_list/current_log_list.json", false },
};

static void find_address(struct list_source *source, const char *name)
{
    static const char prefix[] = "signed:";
    source->is_signed = strncmp(name, prefix, sizeof prefix - 1) == 0;
    source->address = source->is_signed ? name + sizeof prefix - 1 : name;
    for (size_t i = 0; i < sizeof public_lists / sizeof *public_lists; i++) {
        if (strcmp(name, public_lists[i].name) != 0 &&
            strcmp(source->address, public_lists[i].address) != 0)
            continue;
        source->name = public_lists[i].name;
        source->address = public_lists[i].address;
        source->is_public = true;
        source->is_signed = public_lists[i].is_signed;
    }
}

void list_source_init(struct list_source *source, const struct list_reading *reading,
                      const char *name, const struct list_events *events)
{
    *source = (struct list_source){
        .mark = LIST_SOURCE_MARK,
        .reading = reading,
        .events = *events,
        .name = name,
        .back_off_ms = LIST_RETRY_MS,
        .jitter = jitter_of(clock_realtime_ms() ^ (uint64_t)(uintptr_t)source << 16),
    };
    buffer_init(&source->text, LOG_LIST_SIZE_MAX);
    buffer_init(&source->pem, LIST_KEY_PEM_MAX);
    find_address(source, name);
}

void list_source_clear(struct list_source *source)
{
    log_list_clear(&source->list);
    list_key_destroy(source->key);
    buffer_free(&source->text);
    buffer_free(&source->pem);
}

/* The refresh interval, give or take a fifth, so that the processes of the world do not ask at the
 * same time. */
static uint64_t next_interval_ms(struct list_source *source)
{
    uint64_t interval_ms = source->reading->refresh_ms;
    return interval_ms - interval_ms / 5 + jitter_below(&source->jitter, interval_ms * 2 / 5 + 1);
}

static void fail_until(struct list_source *source, enum list_failure failure, const char *why,
                       uint64_t due_at_ms)
{
    static const char *const events[] = {
        [LIST_FINE] = "",
        [LIST_UNREACHABLE] = "log list cannot be read",
        [LIST_MALFORMED] = "log list makes no sense",
        [LIST_UNSIGNED] = "log list is not signed as it should be",
        [LIST_HELD] = "log list is held",
    };
    if (failure > source->failure) {
        say_warning(events[failure], "list=%s error=%s", say_quoted(source->address),
                    say_quoted(why));
        source->failure = failure;
    }
    source->stats.failures++;
    source->step = LIST_IDLE;
    source->due_at_ms = due_at_ms;
}

static void fail_list(struct list_source *source, enum list_failure failure, const char *why)
{
    fail_until(source, failure, why, clock_monotonic_ms() + source->back_off_ms);
    source->back_off_ms =
        source->back_off_ms * 2 > LIST_RETRY_MAX_MS ? LIST_RETRY_MAX_MS : source->back_off_ms * 2;
}

/* What is wrong will be right at the next reading, or not for long. */
static void fail_until_next(struct list_source *source, enum list_failure failure, const char *why,
                            uint64_t delay_ms)
{
    uint64_t interval_ms = next_interval_ms(source);
    fail_until(source, failure, why,
               clock_monotonic_ms() + (delay_ms < interval_ms ? delay_ms : interval_ms));
}

static void succeed(struct list_source *source)
{
    if (source->failure)
        say_info("log list is read again", "list=%s", say_quoted(source->address));
    source->failure = LIST_FINE;
    source->step = LIST_IDLE;
    source->back_off_ms = LIST_RETRY_MS;
    source->read_at_ms = clock_monotonic_ms();
    source->due_at_ms = source->read_at_ms + next_interval_ms(source);
}

/* The text is a list, and is believed: NULL; else why not, and `is_held` if it is a list all the
 * same. */
static const char *take_list(struct list_source *source, struct bytes text, bool *is_held)
{
    struct log_list list = { 0 };
    const char *wrong = log_list_parse(&list, text, !source->is_public);
    if (!wrong && list.count == 0)
        wrong = "no log of it can be used";
    *is_held = false;
    if (!wrong) {
        wrong = source->events.on_candidate(source->events.context, source, &list);
        *is_held = wrong != NULL;
    }
    if (wrong) {
        log_list_clear(&list);
        return wrong;
    }
    log_list_clear(&source->list);
    source->list = list;
    source->is_loaded = true;
    return NULL;
}

/* The copy keeps what is needed to check it again. */
static void keep_copy(const struct list_source *source, struct bytes text, struct bytes signature)
{
    struct redis_link *link = source->reading->link;
    char signature_field[FIELD_SIZE], key_field[FIELD_SIZE];
    if (!link)
        return;
    (void)snprintf(signature_field, sizeof signature_field, "%s signature", source->address);
    (void)snprintf(key_field, sizeof key_field, "%s key", source->address);
    const char *key = source->reading->contract->log_lists;
    const char *arguments[] = { "HSET",          key,
                                source->address, (const char *)text.data,
                                signature_field, (const char *)signature.data,
                                key_field,       (const char *)source->pem.data };
    const size_t sizes[] = { 4,
                             strlen(key),
                             strlen(source->address),
                             text.size,
                             strlen(signature_field),
                             signature.size,
                             strlen(key_field),
                             source->pem.size };
    (void)redis_link_send(link, NULL, NULL, source->is_signed ? 8 : 4, arguments, sizes);
}

static void judge(struct list_source *source, struct bytes text, struct bytes signature)
{
    bool is_held;
    const char *wrong = take_list(source, text, &is_held);
    source->stats.held += is_held;
    if (wrong && is_held)
        fail_until_next(source, LIST_HELD, wrong, UINT64_MAX);
    else if (wrong)
        fail_list(source, LIST_MALFORMED, wrong);
    if (wrong)
        return;
    source->stats.reads++;
    memcpy(source->etag, source->text_etag, sizeof source->etag);
    succeed(source);
    if (source->list.refused > source->told_refused)
        say_warning("a log list describes logs wrongly, or without https", "list=%s logs=%zu",
                    say_quoted(source->address), source->list.refused);
    source->told_refused = source->list.refused;
    keep_copy(source, text, signature);
    source->events.on_change(source->events.context);
}

/* NULL, or why the PEM that is there is no key for this list. */
static const char *make_key(struct list_source *source)
{
    const struct list_reading *reading = source->reading;
    uint8_t pin[SHA256_SIZE];
    const char *wrong = NULL;
    bool is_pinned =
        hex_decode(pin, sizeof pin, bytes_of_string(reading->key_hash)) && !*reading->key_file;
    source->key = list_key_create(buffer_bytes(&source->pem), is_pinned ? pin : NULL, &wrong);
    return wrong;
}

static enum list_step on_text(struct list_source *source, struct bytes text)
{
    if (!source->is_signed) {
        judge(source, text, bytes_of(NULL, 0));
        return LIST_IDLE;
    }
    buffer_clear(&source->text);
    buffer_append_bytes(&source->text, text);
    return source->key ? LIST_SIGNATURE : LIST_KEY;
}

static enum list_step on_key(struct list_source *source, struct bytes pem)
{
    buffer_clear(&source->pem);
    buffer_append_bytes(&source->pem, pem);
    const char *wrong = make_key(source);
    if (!wrong)
        return LIST_SIGNATURE;
    fail_list(source, LIST_UNSIGNED, wrong);
    return LIST_IDLE;
}

static enum list_step on_signature(struct list_source *source, struct bytes signature)
{
    if (list_key_has_signed(source->key, buffer_bytes(&source->text), signature)) {
        judge(source, buffer_bytes(&source->text), signature);
    } else {
        source->stats.bad_signatures++;
        fail_until_next(source, LIST_UNSIGNED, "its signature is not of this list",
                        LIST_SIGNATURE_RETRY_MS);
    }
    buffer_free(&source->text);
    return LIST_IDLE;
}

/* What is to be fetched next. */
static enum list_step on_content(struct list_source *source, struct bytes content)
{
    switch (source->step) {
    case LIST_IDLE: break;
    case LIST_TEXT: return on_text(source, content);
    case LIST_KEY: return on_key(source, content);
    case LIST_SIGNATURE: return on_signature(source, content);
    }
    return LIST_IDLE;
}

static void fetch(struct list_source *source, enum list_step step);

static void on_list_response(void *context, const struct http_response *response)
{
    struct list_source *source = context_of(context, LIST_SOURCE_MARK);
    char why[64];
    if (response->result == HTTP_STOPPED)
        return;
    if (response->result == HTTP_ANSWERED && response->status == 200) {
        if (source->step == LIST_TEXT)
            (void)snprintf(source->text_etag, sizeof source->text_etag, "%s", response->etag);
        fetch(source, on_content(source, buffer_bytes(response->body)));
        return;
    }
    if (response->status == 304 && source->step == LIST_TEXT && *source->etag) {
        source->stats.unchanged++;
        succeed(source);
        return;
    }
    (void)snprintf(why, sizeof why, "HTTP status %ld", response->status);
    fail_list(source, LIST_UNREACHABLE, response->error ? response->error : why);
}

static void ask_for_list(struct list_source *source, const char *url, size_t size_max)
{
    http_client_get(source->reading->http,
                    &(struct http_get){
                        .url = url,
                        .etag = source->step == LIST_TEXT ? source->etag : NULL,
                        .body_max = size_max,
                        .on_response = on_list_response,
                        .context = source,
                    });
}

/* Reads a file of less than `size_max` bytes into `content`, which the caller frees in any case;
 * NULL, or why not. */
static const char *read_list_file(struct buffer *content, const char *path, size_t size_max)
{
    buffer_init(content, size_max);
    FILE *file = fopen(path, "re");
    if (!file)
        return strerror(errno);
    uint8_t *room = buffer_reserve(content, size_max);
    content->size = fread(room, 1, size_max, file);
    const char *wrong = ferror(file) ? "cannot be read" : !feof(file) ? "too large" : NULL;
    (void)fclose(file);
    return wrong;
}

static bool is_url(const char *address)
{
    return strncmp(address, "https://", 8) == 0 || strncmp(address, "http://", 7) == 0;
}

/* Where the thing is: beside the list. */
static void find_part(const struct list_source *source, enum list_step step, struct buffer *address)
{
    struct bytes list = bytes_of_string(source->address);
    const char *key_file = source->reading->key_file;
    size_t folder_size = list.size;
    while (folder_size && list.data[folder_size - 1] != '/')
        folder_size--;
    bool is_json = list.size > 5 && memcmp(list.data + list.size - 5, ".json", 5) == 0;
    if (step == LIST_KEY && *key_file) {
        buffer_append_string(address, key_file);
    } else if (step == LIST_KEY) {
        buffer_append(address, list.data, folder_size);
        buffer_append_string(address, "log_list_pubkey.pem");
    } else if (step == LIST_SIGNATURE) {
        buffer_append(address, list.data, is_json ? list.size - 5 : list.size);
        buffer_append_string(address, ".sig");
    } else {
        buffer_append_bytes(address, list);
    }
    buffer_append_byte(address, '\0');
}

/* Steps on from `step`: a request, or, of files, all the steps at once. */
static void fetch(struct list_source *source, enum list_step step)
{
    static const size_t sizes[] = { [LIST_TEXT] = LOG_LIST_SIZE_MAX,
                                    [LIST_KEY] = LIST_KEY_PEM_MAX,
                                    [LIST_SIGNATURE] = LIST_SIGNATURE_MAX };
    struct buffer address, content;
    buffer_init(&address, SIZE_MAX);
    while (step != LIST_IDLE) {
        buffer_clear(&address);
        find_part(source, step, &address);
        const char *where = (const char *)address.data;
        source->step = step;
        if (is_url(where)) {
            ask_for_list(source, where, sizes[step]);
            break;
        }
        const char *wrong = read_list_file(&content, where, sizes[step] + 1);
        step = LIST_IDLE;
        if (wrong)
            fail_list(source, LIST_UNREACHABLE, wrong);
        else
            step = on_content(source, buffer_bytes(&content));
        buffer_free(&content);
    }
    buffer_free(&address);
}

static struct bytes string_of(const redisReply *reply)
{
    bool is_string = reply->type == REDIS_REPLY_STRING;
    return is_string ? bytes_of(reply->str, (size_t)reply->len) : bytes_of(NULL, 0);
}

/* What came out of Redis is checked like what comes from the address. */
static bool is_copy_signed(struct list_source *source, struct bytes text, struct bytes signature,
                           struct bytes pem)
{
    struct buffer file;
    const char *path = source->reading->key_file;
    if (!source->key) {
        const char *wrong = *path ? read_list_file(&file, path, LIST_KEY_PEM_MAX + 1) : "none";
        buffer_clear(&source->pem);
        buffer_append_bytes(&source->pem, wrong ? pem : buffer_bytes(&file));
        if (*path)
            buffer_free(&file);
    }
    return (source->key || !make_key(source)) && list_key_has_signed(source->key, text, signature);
}

static void on_copy(struct redis_link *link, redisReply *reply, void *context)
{
    struct list_source *source = context_of(context, LIST_SOURCE_MARK);
    bool is_held;
    (void)link;
    if (source->is_loaded || !reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return;
    struct bytes text = string_of(reply->element[0]);
    if (source->is_signed &&
        !is_copy_signed(source, text, string_of(reply->element[1]), string_of(reply->element[2])))
        return;
    if (take_list(source, text, &is_held))
        return;
    say_info("log list taken from Redis", "list=%s", say_quoted(source->address));
    source->read_at_ms = clock_monotonic_ms();
    source->events.on_change(source->events.context);
}

/* A list that could not be read since the start: its copy of an earlier run will do. */
static void ask_redis(struct list_source *source)
{
    char signature_field[FIELD_SIZE], key_field[FIELD_SIZE];
    if (source->is_loaded || !source->failure || source->asked_redis || !source->reading->link)
        return;
    (void)snprintf(signature_field, sizeof signature_field, "%s signature", source->address);
    (void)snprintf(key_field, sizeof key_field, "%s key", source->address);
    source->asked_redis = redis_link_send_strings(
        source->reading->link, on_copy, source, "HMGET", source->reading->contract->log_lists,
        source->address, signature_field, key_field, (char *)NULL);
}

uint64_t list_source_work(struct list_source *source, uint64_t now_ms)
{
    ask_redis(source);
    if (source->step == LIST_IDLE && now_ms >= source->due_at_ms)
        fetch(source, LIST_TEXT);
    return source->step == LIST_IDLE ? source->due_at_ms : UINT64_MAX;
}
