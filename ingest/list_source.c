#include "ingest/list_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/http_client.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/redis_link.h"

void list_source_init(struct list_source *source, struct ingest *ingest, const char *address,
                      bool allow_http)
{
    *source = (struct list_source){
        .ingest = ingest,
        .address = address,
        .allow_http = allow_http,
        .back_off_ms = LIST_RETRY_MS,
    };
}

void list_source_clear(struct list_source *source)
{
    log_list_clear(&source->list);
}

static void fail(struct list_source *source, const char *why, uint64_t now_ms)
{
    if (!source->has_failed)
        log_warning("log list cannot be read", "list=%s error=%s", log_quoted(source->address),
                    log_quoted(why));
    source->has_failed = true;
    source->due_at_ms = now_ms + source->back_off_ms;
    source->back_off_ms =
        source->back_off_ms * 2 > LIST_RETRY_MAX_MS ? LIST_RETRY_MAX_MS : source->back_off_ms * 2;
}

/* NULL, or a constant text that says what is wrong. */
static const char *take(struct list_source *source, struct bytes text)
{
    struct log_list list = { 0 };
    const char *wrong = log_list_parse(&list, text, source->allow_http);
    if (!wrong && list.count == 0)
        wrong = "no log of it can be used";
    if (wrong) {
        log_list_clear(&list);
        return wrong;
    }
    log_list_clear(&source->list);
    source->list = list;
    source->is_loaded = true;
    return NULL;
}

static void keep_copy(const struct list_source *source, struct bytes text)
{
    struct redis_link *link = source->ingest->link;
    if (!link)
        return;
    const char *key = source->ingest->contract.log_lists;
    const char *arguments[] = { "HSET", key, source->address, (const char *)text.data };
    const size_t sizes[] = { 4, strlen(key), strlen(source->address), text.size };
    (void)redis_link_send(link, NULL, NULL, 4, arguments, sizes);
}

static void on_text(struct list_source *source, struct bytes text, uint64_t now_ms)
{
    const char *wrong = take(source, text);
    if (wrong) {
        fail(source, wrong, now_ms);
        return;
    }
    if (source->has_failed)
        log_info("log list is read again", "list=%s", log_quoted(source->address));
    source->has_failed = false;
    if (source->list.refused)
        log_warning("a log list describes logs wrongly, or without https", "list=%s logs=%zu",
                    log_quoted(source->address), source->list.refused);
    source->back_off_ms = LIST_RETRY_MS;
    source->due_at_ms = now_ms + LIST_REFRESH_MS;
    keep_copy(source, text);
    if (source->on_change)
        source->on_change(source->ingest);
}

static void on_response(void *context, const struct http_response *response)
{
    struct list_source *source = context;
    uint64_t now_ms = clock_monotonic_ms();
    source->in_flight = false;
    if (response->result == HTTP_STOPPED)
        return;
    if (response->result == HTTP_ANSWERED && response->status == 200) {
        on_text(source, buffer_bytes(response->body), now_ms);
        return;
    }
    char why[64];
    (void)snprintf(why, sizeof why, "HTTP status %ld", response->status);
    fail(source, response->error ? response->error : why, now_ms);
}

static void read_file(struct list_source *source, uint64_t now_ms)
{
    FILE *file = fopen(source->address, "re");
    if (!file) {
        fail(source, strerror(errno), now_ms);
        return;
    }
    uint8_t *text = memory_allocate(LOG_LIST_SIZE_MAX);
    size_t size = fread(text, 1, LOG_LIST_SIZE_MAX, file);
    if (ferror(file) || !feof(file))
        fail(source, ferror(file) ? "cannot be read" : "larger than 4 MB", now_ms);
    else
        on_text(source, bytes_of(text, size), now_ms);
    free(text);
    (void)fclose(file);
}

static bool is_url(const char *address)
{
    return strncmp(address, "https://", 8) == 0 || strncmp(address, "http://", 7) == 0;
}

static void on_copy(struct redis_link *link, redisReply *reply, void *context)
{
    struct list_source *source = context;
    (void)link;
    if (source->is_loaded || !reply || reply->type != REDIS_REPLY_STRING ||
        take(source, bytes_of(reply->str, (size_t)reply->len)))
        return;
    log_info("log list taken from Redis", "list=%s", log_quoted(source->address));
    if (source->on_change)
        source->on_change(source->ingest);
}

/* A list that could not be read since the start: its copy of an earlier run will do. */
static void ask_redis(struct list_source *source)
{
    if (source->is_loaded || !source->has_failed || source->asked_redis || !source->ingest->link)
        return;
    source->asked_redis =
        redis_link_send_strings(source->ingest->link, on_copy, source, "HGET",
                                source->ingest->contract.log_lists, source->address, (char *)NULL);
}

void list_source_work(struct list_source *source, uint64_t now_ms)
{
    ask_redis(source);
    if (source->in_flight || now_ms < source->due_at_ms)
        return;
    if (!is_url(source->address)) {
        read_file(source, now_ms);
        return;
    }
    source->in_flight = true;
    http_client_get(source->ingest->http, &(struct http_request){
                                              .url = source->address,
                                              .body_max = LOG_LIST_SIZE_MAX,
                                              .on_response = on_response,
                                              .context = source,
                                          });
}
