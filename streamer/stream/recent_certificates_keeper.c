#include "streamer/stream/recent_certificates_keeper.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "shared/message/message_view.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_reader.h"

enum {
    /* Some megabyte, so that what else Redis is asked does not wait long. */
    PAGE_ENTRIES = 250,
    BOUND_SIZE = STREAM_ID_TEXT_SIZE + 1,
};

#define PAGE_TEXT "250"

enum keeper_state {
    KEEPER_WAITING, /* the reader has not begun */
    KEEPER_READING, /* backwards, from `before` */
    KEEPER_DONE,
};

struct window_keeper {
    const struct contract *contract;
    struct redis_link *link;
    const struct stream_reader *reader;
    struct unique_window *window;
    enum keeper_state state;
    bool pending;
    bool is_outdated; /* the reply to come is of a time before a rollback */
    struct stream_id before;
    uint64_t rollbacks; /* those that were taken into account */
};

_Static_assert(sizeof PAGE_TEXT == 4 && PAGE_ENTRIES == 250, "the text is the number");

struct window_keeper *window_keeper_create(const struct contract *contract, struct redis_link *link,
                                           const struct stream_reader *reader,
                                           struct unique_window *window)
{
    struct window_keeper *keeper = memory_allocate_zeroed(1, sizeof *keeper);
    keeper->contract = contract;
    keeper->link = link;
    keeper->reader = reader;
    keeper->window = window;
    return keeper;
}

void window_keeper_destroy(struct window_keeper *keeper)
{
    assert(!keeper || !keeper->pending);
    free(keeper);
}

static void start_over_after_rollback(struct window_keeper *keeper)
{
    uint64_t rollbacks = stream_reader_stats(keeper->reader)->rollbacks;
    if (rollbacks == keeper->rollbacks)
        return;
    keeper->rollbacks = rollbacks;
    unique_window_clear(keeper->window);
    keeper->state = KEEPER_WAITING;
    keeper->is_outdated = keeper->pending;
}

void window_keeper_add(struct window_keeper *keeper, const struct stream_entry *entries,
                       size_t count)
{
    struct message_fingerprints fingerprints;
    start_over_after_rollback(keeper);
    for (size_t i = 0; i < count; i++)
        if (message_view_fingerprints(entries[i].json, &fingerprints))
            unique_window_add(keeper->window, &fingerprints, entries[i].id);
}

/* False when the window is full. `before` becomes the id of the oldest. */
static bool add_page(struct window_keeper *keeper, const struct redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        struct stream_entry entry;
        struct message_fingerprints fingerprints;
        bool good = stream_entry_read(&entry, reply->element[i]);
        if (entry.id.ms || entry.id.sequence)
            keeper->before = entry.id;
        if (good && message_view_fingerprints(entry.json, &fingerprints) &&
            !unique_window_add_older(keeper->window, &fingerprints, entry.id))
            return false;
    }
    return true;
}

static void ask(struct window_keeper *keeper);

static void on_page(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct window_keeper *keeper = context;
    bool outdated = keeper->is_outdated;
    keeper->pending = false;
    keeper->is_outdated = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || outdated)
        return;
    if (add_page(keeper, reply) && reply->elements == PAGE_ENTRIES) {
        ask(keeper);
        return;
    }
    keeper->state = KEEPER_DONE;
    log_info("the certificates of the stream are known", "certificates=%zu",
             unique_window_count(keeper->window));
}

static void ask(struct window_keeper *keeper)
{
    char id[STREAM_ID_TEXT_SIZE];
    char upper[BOUND_SIZE];
    (void)stream_id_format(id, keeper->before);
    (void)snprintf(upper, sizeof upper, "(%s", id);
    keeper->pending =
        redis_link_send_strings(keeper->link, on_page, keeper, "XREVRANGE",
                                keeper->contract->stream, upper, "-", "COUNT", PAGE_TEXT, NULL);
}

void window_keeper_tick(struct window_keeper *keeper)
{
    start_over_after_rollback(keeper);
    if (keeper->state == KEEPER_WAITING && stream_reader_is_reading(keeper->reader)) {
        /* One further, so that the entry that the reader stands on, which it has not read, is among them. */
        keeper->before = stream_reader_last_id(keeper->reader);
        keeper->before.sequence++;
        keeper->state = KEEPER_READING;
    }
    if (keeper->state == KEEPER_READING && !keeper->pending)
        ask(keeper);
}

bool window_keeper_is_done(const struct window_keeper *keeper)
{
    return keeper->state == KEEPER_DONE;
}
