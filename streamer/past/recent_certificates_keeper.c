#include "streamer/past/recent_certificates_keeper.h"

#include <stdlib.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/message/message_view.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/x509/certificate.h"
#include "streamer/past/certificate_index.h"
#include "streamer/past/history_watch.h"
#include "streamer/past/stream_query.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/stream_reader.h"

enum keeper_state {
    KEEPER_WAITING, /* the reader has not begun */
    KEEPER_READING, /* backwards */
    KEEPER_DONE,
};

#define RECENT_CERTIFICATES_KEEPER_MARK CONTEXT_MARK('K', 'E', 'E', 'P')

struct recent_certificates_keeper {
    uint32_t mark; /* RECENT_CERTIFICATES_KEEPER_MARK */
    struct recent_certificates_keeper_options options;
    struct stream_query query;
    struct certificate *certificate; /* of an entry of history */
    bool is_window_full;
    enum keeper_state state;
    uint64_t restarts; /* those that were taken into account */
};

struct recent_certificates_keeper *recent_certificates_keeper_create(
    const struct recent_certificates_keeper_options *options)
{
    struct recent_certificates_keeper *keeper = memory_allocate_zeroed(1, sizeof *keeper);
    keeper->mark = RECENT_CERTIFICATES_KEEPER_MARK;
    keeper->options = *options;
    keeper->certificate = certificate_create();
    return keeper;
}

void recent_certificates_keeper_destroy(struct recent_certificates_keeper *keeper)
{
    if (!keeper)
        return;
    stream_query_forget(keeper->options.queries, &keeper->query);
    certificate_destroy(keeper->certificate);
    free(keeper);
}

static void start_over_if_it_does_not_join(struct recent_certificates_keeper *keeper)
{
    const struct stream_reader_stats *stats = stream_reader_stats(keeper->options.reader);
    uint64_t restarts = stats->rollbacks + stats->packed_breaks;
    if (restarts == keeper->restarts)
        return;
    keeper->restarts = restarts;
    recent_certificates_clear(keeper->options.window);
    certificate_index_clear(keeper->options.index);
    keeper->is_window_full = false;
    keeper->state = KEEPER_WAITING;
    stream_query_forget(keeper->options.queries, &keeper->query);
}

/* Where stream and history begin. */
static struct stream_id first_of_all(const struct recent_certificates_keeper *keeper)
{
    const struct history_block *oldest = history_watch_oldest(keeper->options.history);
    return history_block_is_there(oldest) ? oldest->first
                                          : stream_reader_first_id(keeper->options.reader);
}

size_t recent_certificates_keeper_add(struct recent_certificates_keeper *keeper,
                                      const struct stream_entry *entries, size_t count)
{
    size_t repeats = 0;
    start_over_if_it_does_not_join(keeper);
    for (size_t i = 0; i < count; i++) {
        struct message_fingerprints fingerprints = { 0 };
        if (stream_entry_fingerprints(&entries[i], &fingerprints))
            repeats +=
                recent_certificates_add(keeper->options.window, &fingerprints, entries[i].id);
        certificate_index_add(keeper->options.index, entries[i].id, &fingerprints);
    }
    certificate_index_trim(keeper->options.index, first_of_all(keeper));
    return count - repeats;
}

/* The message has them; of an entry of history it is not made for that. */
static bool find_fingerprints(const struct recent_certificates_keeper *keeper,
                              const struct stream_entry *entry,
                              struct message_fingerprints *fingerprints)
{
    if (entry->json.size > 0 || !entry->is_message)
        return stream_entry_fingerprints(entry, fingerprints);
    (void)certificate_parse(keeper->certificate, entry->der);
    const uint8_t *tbs = certificate_tbs_sha256(keeper->certificate);
    memcpy(fingerprints->sha256, certificate_sha256(keeper->certificate), SHA256_SIZE);
    memcpy(fingerprints->sha1, certificate_sha1(keeper->certificate), SHA1_SIZE);
    fingerprints->has_tbs = tbs != NULL;
    if (tbs)
        memcpy(fingerprints->tbs, tbs, SHA256_SIZE);
    return true;
}

/* Newest first, from before the place that was asked for. False when there is room for no
 * more. */
static bool add_page(struct recent_certificates_keeper *keeper, const struct stream_page *page)
{
    struct stream_id before = keeper->query.bounds.place.id;
    for (size_t at = stream_page_find(page, stream_id_before(before)); at > 0; at--) {
        const struct stream_entry *entry = &page->entries[at - 1];
        struct message_fingerprints fingerprints = { 0 };
        if (find_fingerprints(keeper, entry, &fingerprints) && !keeper->is_window_full)
            keeper->is_window_full =
                !recent_certificates_add_older(keeper->options.window, &fingerprints, entry->id);
        bool is_index_full =
            !certificate_index_add_older(keeper->options.index, entry->id, &fingerprints);
        if (keeper->is_window_full && is_index_full)
            return false;
    }
    return true;
}

static void on_older_page(const struct stream_page *page, uint64_t now_ms, void *context)
{
    struct recent_certificates_keeper *keeper =
        context_of(context, RECENT_CERTIFICATES_KEEPER_MARK);
    if (!page)
        return;
    bool has_more = add_page(keeper, page) && !page->is_begin;
    if (has_more) {
        keeper->query.bounds.place.id = stream_page_before(page);
        (void)stream_query_ask(keeper->options.queries, &keeper->query, now_ms);
        return;
    }
    keeper->state = KEEPER_DONE;
    say_info("the certificates of the stream are known", "recent=%zu entries=%zu",
             recent_certificates_count(keeper->options.window),
             certificate_index_count(keeper->options.index));
}

static void begin_reading(struct recent_certificates_keeper *keeper)
{
    /* One further, so that the entry that the reader stands on, which it has not read, is among
     * them. */
    struct stream_id before = stream_reader_last_id(keeper->options.reader);
    before.sequence++;
    keeper->state = KEEPER_READING;
    keeper->query = (struct stream_query){
        .kind = STREAM_QUERY_BACKGROUND,
        .bounds = { .is_backward = true, .place = { before, 0 }, .limit = STREAM_PAGE_ENTRIES_MAX },
        .wanted = PAGE_WANTS_DER,
        .on_page = on_older_page,
        .context = keeper,
    };
}

void recent_certificates_keeper_tick(struct recent_certificates_keeper *keeper)
{
    start_over_if_it_does_not_join(keeper);
    if (keeper->state == KEEPER_WAITING && stream_reader_is_reading(keeper->options.reader))
        begin_reading(keeper);
    if (keeper->state == KEEPER_READING && !stream_query_waits(&keeper->query))
        (void)stream_query_ask(keeper->options.queries, &keeper->query, clock_monotonic_ms());
}

bool recent_certificates_keeper_is_done(const struct recent_certificates_keeper *keeper)
{
    return keeper->state == KEEPER_DONE || keeper->is_window_full;
}
