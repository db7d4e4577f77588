#include "streamer/stream/recent_certificates_keeper.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
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

#define RECENT_CERTIFICATES_KEEPER_MARK CONTEXT_MARK('K', 'E', 'E', 'P')

struct recent_certificates_keeper {
    uint32_t mark; /* RECENT_CERTIFICATES_KEEPER_MARK */
    const struct contract *contract;
    struct redis_link *link;
    const struct stream_reader *reader;
    struct recent_certificates *window;
    enum keeper_state state;
    bool pending;
    bool is_outdated; /* the reply to come is of a time before a rollback */
    struct stream_id before;
    uint64_t rollbacks; /* those that were taken into account */
};

_Static_assert(sizeof PAGE_TEXT == 4 && PAGE_ENTRIES == 250, "the text is the number");

struct recent_certificates_keeper *recent_certificates_keeper_create(
    const struct contract *contract, struct redis_link *link, const struct stream_reader *reader,
    struct recent_certificates *window)
{
    struct recent_certificates_keeper *keeper = memory_allocate_zeroed(1, sizeof *keeper);
    keeper->mark = RECENT_CERTIFICATES_KEEPER_MARK;
    keeper->contract = contract;
    keeper->link = link;
    keeper->reader = reader;
    keeper->window = window;
    return keeper;
}

void recent_certificates_keeper_destroy(struct recent_certificates_keeper *keeper)
{
    assert(!keeper || !keeper->pending);
    free(keeper);
}

static void start_over_after_rollback(struct recent_certificates_keeper *keeper)
{
    uint64_t rollbacks = stream_reader_stats(keeper->reader)->rollbacks;
    if (rollbacks == keeper->rollbacks)
        return;
    keeper->rollbacks = rollbacks;
    recent_certificates_clear(keeper->window);
    keeper->state = KEEPER_WAITING;
    keeper->is_outdated = keeper->pending;
}

void recent_certificates_keeper_add(struct recent_certificates_keeper *keeper,
                                    const struct stream_entry *entries, size_t count)
{
    struct message_fingerprints fingerprints;
    start_over_after_rollback(keeper);
    for (size_t i = 0; i < count; i++)
        if (message_view_fingerprints(entries[i].json, &fingerprints))
            recent_certificates_add(keeper->window, &fingerprints, entries[i].id);
}

/* False when the window is full. `before` becomes the id of the oldest. */
static bool add_page(struct recent_certificates_keeper *keeper, const struct redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        struct stream_entry entry;
        struct message_fingerprints fingerprints;
        bool good = stream_entry_read(&entry, reply->element[i]);
        if (entry.id.ms || entry.id.sequence)
            keeper->before = entry.id;
        if (good && message_view_fingerprints(entry.json, &fingerprints) &&
            !recent_certificates_add_older(keeper->window, &fingerprints, entry.id))
            return false;
    }
    return true;
}

static void ask_for_older(struct recent_certificates_keeper *keeper);

static void on_older_page(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct recent_certificates_keeper *keeper =
        context_of(context, RECENT_CERTIFICATES_KEEPER_MARK);
    bool outdated = keeper->is_outdated;
    keeper->pending = false;
    keeper->is_outdated = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || outdated)
        return;
    if (add_page(keeper, reply) && reply->elements == PAGE_ENTRIES) {
        ask_for_older(keeper);
        return;
    }
    keeper->state = KEEPER_DONE;
    say_info("the certificates of the stream are known", "certificates=%zu",
             recent_certificates_count(keeper->window));
}

static void ask_for_older(struct recent_certificates_keeper *keeper)
{
    char id[STREAM_ID_TEXT_SIZE];
    char upper[BOUND_SIZE];
    (void)stream_id_format(id, keeper->before);
    (void)snprintf(upper, sizeof upper, "(%s", id);
    keeper->pending =
        redis_link_send_strings(keeper->link, on_older_page, keeper, "XREVRANGE",
                                keeper->contract->stream, upper, "-", "COUNT", PAGE_TEXT, NULL);
}

void recent_certificates_keeper_tick(struct recent_certificates_keeper *keeper)
{
    start_over_after_rollback(keeper);
    if (keeper->state == KEEPER_WAITING && stream_reader_is_reading(keeper->reader)) {
        /* One further, so that the entry that the reader stands on, which it has not read, is among
         * them. */
        keeper->before = stream_reader_last_id(keeper->reader);
        keeper->before.sequence++;
        keeper->state = KEEPER_READING;
    }
    if (keeper->state == KEEPER_READING && !keeper->pending)
        ask_for_older(keeper);
}

bool recent_certificates_keeper_is_done(const struct recent_certificates_keeper *keeper)
{
    return keeper->state == KEEPER_DONE;
}
