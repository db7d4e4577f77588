#include "ingest/logs/log_restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/logs/log_window.h"
#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"

enum {
    /* Entries looked at from the newest on, some 6 KB each. The last position is no older than a
     * round of leases, so what may be newer is among these at 10,000 entries a second. */
    PAGE = 256,
    PAGES_MAX = 128,
    RETRY_MS = 500,
    ID_SIZE = 48,
};

/* A look at the stream, page by page. */
struct look {
    struct followed_log *log;
    uint64_t life;
    unsigned pages;
};

static bool is_field(const redisReply *name, const char *text)
{
    return name->type == REDIS_REPLY_STRING && strcmp(name->str, text) == 0;
}

static const redisReply *find_stream_field(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
                                       entry->element[1]->type == REDIS_REPLY_ARRAY
                                   ? entry->element[1]
                                   : NULL;
    for (size_t i = 0; fields && i + 1 < fields->elements; i += 2)
        if (is_field(fields->element[i], name) &&
            fields->element[i + 1]->type == REDIS_REPLY_STRING)
            return fields->element[i + 1];
    return NULL;
}

enum found {
    FOUND_NOTHING,
    FOUND_ENTRY,
    FOUND_CONTROL, /* what lies before it says nothing of where the log stood */
};

static enum found look_at_stream_entry(const redisReply *entry, const char *log_id_hex,
                                       uint64_t *index)
{
    const redisReply *log = find_stream_field(entry, CONTRACT_FIELD_LOG);
    if (!log || strcmp(log->str, log_id_hex) != 0)
        return FOUND_NOTHING;
    const redisReply *text = find_stream_field(entry, CONTRACT_FIELD_INDEX);
    return text && decimal_parse(index, bytes_of(text->str, (size_t)text->len)) ? FOUND_ENTRY
                                                                                : FOUND_CONTROL;
}

void log_restore_write(const struct followed_log *log, struct batch *batch)
{
    const struct last_position *last = &log->last;
    if (!log->is_lost)
        return;
    batch->creates = true;
    if (log->is_in_stream)
        return;
    buffer_append_format(&batch->control,
                         "{\"operation\":\"lost\",\"log\":\"%s\",\"from\":%" PRIu64
                         ",\"to\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"time\":%" PRIu64
                         ",\"reason\":\"Redis has lost the log\"}",
                         log->ct_log.id_hex, last->from, batch->position.next,
                         batch->position.epoch, clock_realtime_ms());
}

/* With its frontier, or the log is asked for that. */
static void restore_at(struct followed_log *log, uint64_t next, uint64_t now_ms)
{
    struct log_position position = log->last.position;
    say_warning("Redis has lost a log", "log=%s from=%" PRIu64 " to=%" PRIu64 " in_stream=%s",
                say_quoted(log->ct_log.description), log->last.from, next,
                log->is_in_stream ? "yes" : "no");
    if (next != position.next)
        position = (struct log_position){ .next = next, .epoch = position.epoch };
    log->is_lost = true;
    followed_log_resume(log, &position, now_ms);
    if (!log->follower.has_position)
        return;
    struct batch *batch = log_window_begin_batch(log);
    batch->position = position;
    log_restore_write(log, batch);
    publisher_submit(log->services->publisher, batch);
}

static void on_page(struct redis_link *link, redisReply *reply, void *context);

static bool send_page(struct followed_log *log, struct look *look, const char *end)
{
    char count[8];
    (void)snprintf(count, sizeof count, "%d", PAGE);
    return redis_link_send_strings(log->services->link, on_page, look, "XREVRANGE",
                                   log->services->contract->stream, end, "-", "COUNT", count,
                                   (char *)NULL);
}

/* True if there is another page, which has been asked for. */
static bool look_on(struct look *look, const redisReply *page)
{
    char end[ID_SIZE];
    const redisReply *last = page->elements == PAGE ? page->element[PAGE - 1] : NULL;
    if (!last || ++look->pages == PAGES_MAX || last->type != REDIS_REPLY_ARRAY || !last->elements ||
        last->element[0]->type != REDIS_REPLY_STRING)
        return false;
    (void)snprintf(end, sizeof end, "(%s", last->element[0]->str);
    return send_page(look->log, look, end);
}

static void on_page(struct redis_link *link, redisReply *reply, void *context)
{
    struct look *look = context;
    struct followed_log *log = look->log;
    enum found found = FOUND_NOTHING;
    uint64_t index = 0;
    (void)link;
    if (!reply || look->life != log->follower.life) {
        free(look);
        return;
    }
    for (size_t i = 0;
         reply->type == REDIS_REPLY_ARRAY && i < reply->elements && found == FOUND_NOTHING; i++)
        found = look_at_stream_entry(reply->element[i], log->ct_log.id_hex, &index);
    if (found == FOUND_NOTHING && reply->type == REDIS_REPLY_ARRAY && look_on(look, reply))
        return;
    free(look);
    if (reply->type != REDIS_REPLY_ARRAY) {
        follower_reload(&log->follower, clock_monotonic_ms() + RETRY_MS);
        return;
    }
    log->is_in_stream = found != FOUND_NOTHING;
    restore_at(log, found == FOUND_ENTRY ? index + 1 : log->last.position.next,
               clock_monotonic_ms());
}

void log_restore_begin(struct followed_log *log, uint64_t now_ms)
{
    struct look *look = memory_allocate(sizeof *look);
    *look = (struct look){ .log = log, .life = log->follower.life };
    if (send_page(log, look, "+"))
        return;
    free(look);
    follower_reload(&log->follower, now_ms + RETRY_MS);
}
