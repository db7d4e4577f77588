#include "ingest/logs/log_restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/history/history_replies.h"
#include "ingest/logs/log_window.h"
#include "ingest/logs/packed_look.h"
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

/* A look at the stream, page by page, and then at packed history. */
struct look {
    struct followed_log *log;
    uint64_t life;
    unsigned pages;
};

/* NOTHING of what is no entry. */
static enum log_found look_at_stream_entry(const redisReply *reply, const char *log_id_hex,
                                           uint64_t *index)
{
    struct stream_id id;
    struct history_fields fields;
    if (!history_reply_entry(&id, &fields, reply))
        return LOG_FOUND_NOTHING;
    enum log_found found = block_search_fields(&fields, log_id_hex, index);
    free((void *)(uintptr_t)fields.fields); /* NOLINT(performance-no-int-to-ptr) */
    return found;
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

static void restore(struct followed_log *log, enum log_found found, uint64_t index)
{
    log->is_in_stream = found != LOG_FOUND_NOTHING;
    restore_at(log, found == LOG_FOUND_ENTRY ? index + 1 : log->last.position.next,
               clock_monotonic_ms());
}

static void on_packed(void *context, enum packed_look_end end, enum log_found found, uint64_t index)
{
    struct look *look = context;
    struct followed_log *log = look->log;
    bool is_wanted = end != PACKED_LOOK_DOWN && look->life == log->follower.life;
    free(look);
    if (is_wanted && end == PACKED_LOOK_DONE)
        restore(log, found, index);
    else if (is_wanted)
        follower_reload(&log->follower, clock_monotonic_ms() + RETRY_MS);
}

/* What leaves the stream meanwhile is in history when that is looked at. */
static bool look_into_history(struct look *look)
{
    const struct followed_log *log = look->log;
    return packed_look_begin(log->services->link, log->services->contract, log->ct_log.id_hex,
                             on_packed, look);
}

static void on_page(struct redis_link *link, redisReply *reply, void *context)
{
    struct look *look = context;
    struct followed_log *log = look->log;
    enum log_found found = LOG_FOUND_NOTHING;
    uint64_t index = 0;
    (void)link;
    if (!reply || look->life != log->follower.life) {
        free(look);
        return;
    }
    bool is_page = reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; is_page && i < reply->elements && found == LOG_FOUND_NOTHING; i++)
        found = look_at_stream_entry(reply->element[i], log->ct_log.id_hex, &index);
    if (is_page && found == LOG_FOUND_NOTHING && (look_on(look, reply) || look_into_history(look)))
        return;
    free(look);
    if (found != LOG_FOUND_NOTHING)
        restore(log, found, index);
    else
        follower_reload(&log->follower, clock_monotonic_ms() + RETRY_MS);
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
