#include "streamer/lanes/replays.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/clock.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/loop/loop.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/issuer_lookup.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* One on its way while one is worked on. */
    READS_MAX = 2,
    /* A page that nobody uses is kept so long for others who come by. */
    UNUSED_PAGE_MS = 3000,
    /* The byte budget is filled up so often, with no more than is good for a second. */
    BUDGET_MS = 50,
    MS_PER_S = 1000,
};

#define PAGE_ENTRIES_TEXT "100"
_Static_assert(REPLAY_PAGE_ENTRIES_MAX == 100, "the text is the number");

/* The replies to MULTI, the two commands and EXEC. */
enum {
    EXEC_ENTRIES,
    EXEC_STATE,
    EXEC_REPLIES,
};

#define REPLAY_PAGE_READ_MARK CONTEXT_MARK('R', 'P', 'A', 'G')

/* A page on its way. */
struct replay_page_read {
    uint32_t mark; /* REPLAY_PAGE_READ_MARK */
    struct replays *replays;
    struct issuer_lookup *fetch;
    struct replay_page *page; /* NULL: free */
    uint64_t ordinal_before;  /* of the place where the page begins; 0: not known */
    struct stream_entry entries[REPLAY_PAGE_ENTRIES_MAX];
    size_t count;
};

#define REPLAYS_MARK CONTEXT_MARK('R', 'E', 'P', 'L')

struct replays {
    uint32_t mark; /* REPLAYS_MARK */
    struct replays_options options;
    struct redis_link *link;
    struct loop_timer *timer;
    bool timer_is_set;
    struct filter_subject *subject;
    struct buffer matched;
    struct replay_request *first, **last; /* the queue */
    struct replay_page *pages;
    struct replay_page_read reads[READS_MAX];
    int64_t budget; /* bytes that may be read now; below zero after a page that was more */
    uint64_t budget_at_ms;
    uint64_t up_since_ms;
    struct replays_stats stats;
};

static void on_timer(void *context);
static void on_replay_fetched(bool fetched, void *context);
static void pump(struct replays *replays, uint64_t now_ms);

struct replays *replays_create(const struct replays_options *options)
{
    struct replays *replays = memory_allocate_zeroed(1, sizeof *replays);
    replays->mark = REPLAYS_MARK;
    replays->options = *options;
    replays->last = &replays->first;
    replays->timer = loop_timer_create(options->loop, on_timer, replays);
    replays->subject = filter_subject_create(options->window);
    buffer_init(&replays->matched, FILTER_MATCHED_MAX);
    replays->budget = (int64_t)options->bytes_per_second;
    for (size_t i = 0; i < READS_MAX; i++) {
        struct replay_page_read *read = &replays->reads[i];
        read->mark = REPLAY_PAGE_READ_MARK;
        read->replays = replays;
        read->fetch =
            issuer_lookup_create(options->contract, options->issuers, on_replay_fetched, read);
    }
    return replays;
}

static void drop_page(struct replays *replays, struct replay_page **link)
{
    struct replay_page *page = *link;
    *link = page->next;
    replays->stats.held--;
    replay_page_destroy(page);
}

void replays_destroy(struct replays *replays)
{
    if (!replays)
        return;
    assert(!replays->first);
    while (replays->pages)
        drop_page(replays, &replays->pages);
    for (size_t i = 0; i < READS_MAX; i++) {
        assert(!replays->reads[i].page);
        issuer_lookup_destroy(replays->reads[i].fetch);
    }
    filter_subject_destroy(replays->subject);
    buffer_free(&replays->matched);
    loop_timer_destroy(replays->timer);
    free(replays);
}

static void enter_replay(struct replays *replays, struct replay_request *request)
{
    request->next = NULL;
    request->link = replays->last;
    *replays->last = request;
    replays->last = &request->next;
    replays->stats.waiting++;
}

void replays_forget(struct replays *replays, struct replay_request *request)
{
    if (!request->link)
        return;
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    else
        replays->last = request->link;
    request->link = NULL;
    replays->stats.waiting--;
}

static void set_timer(struct replays *replays)
{
    if (!replays->timer_is_set)
        loop_timer_set(replays->timer, BUDGET_MS);
    replays->timer_is_set = true;
}

static void fill_budget(struct replays *replays, uint64_t now_ms)
{
    uint64_t rate = replays->options.bytes_per_second;
    uint64_t passed_ms = now_ms - replays->budget_at_ms;
    replays->budget_at_ms = now_ms;
    replays->budget += (int64_t)(rate * (passed_ms < MS_PER_S ? passed_ms : MS_PER_S) / MS_PER_S);
    if (replays->budget > (int64_t)rate)
        replays->budget = (int64_t)rate;
}

static void drop_unused_pages(struct replays *replays, uint64_t now_ms)
{
    struct replay_page **link = &replays->pages;
    while (*link) {
        const struct replay_page *page = *link;
        if (page->users == 0 && now_ms - page->read_at_ms >= UNUSED_PAGE_MS)
            drop_page(replays, link);
        else
            link = &(*link)->next;
    }
}

static void on_timer(void *context)
{
    struct replays *replays = context_of(context, REPLAYS_MARK);
    uint64_t now_ms = clock_monotonic_ms();
    replays->timer_is_set = false;
    drop_unused_pages(replays, now_ms);
    pump(replays, now_ms);
    if (replays->first || replays->pages)
        set_timer(replays);
}

static struct replay_page *find_page(const struct replays *replays, const struct lane_key *key,
                                     struct stream_id after)
{
    for (struct replay_page *page = replays->pages; page; page = page->next)
        if (replay_page_covers(page, after) && lane_key_equal(&page->key, key))
            return page;
    return NULL;
}

static struct replay_page *use_page(struct replays *replays, struct replay_page *page)
{
    replays->stats.shared += page->users > 0;
    page->users++;
    return page;
}

void replays_release(struct replays *replays, struct replay_page *page)
{
    if (!page)
        return;
    assert(page->users > 0);
    page->users--;
    set_timer(replays);
}

/* The page that has been there longest without a user; its place is wanted. */
static bool make_room_for_page(struct replays *replays)
{
    struct replay_page **oldest = NULL;
    if (replays->stats.held < replays->options.pages_max)
        return true;
    for (struct replay_page **link = &replays->pages; *link; link = &(*link)->next)
        if ((*link)->users == 0)
            oldest = link;
    if (oldest)
        drop_page(replays, oldest);
    return oldest != NULL;
}

static bool send_read(struct replay_page_read *read);

/* A page on its way begins at or before the request's place; it may cover it. */
static bool is_on_its_way(const struct replays *replays, const struct replay_request *request)
{
    for (size_t i = 0; i < READS_MAX; i++) {
        const struct replay_page *page = replays->reads[i].page;
        if (page && stream_id_compare(page->from, request->after.id) <= 0 &&
            lane_key_equal(&page->key, request->key))
            return true;
    }
    return false;
}

static struct replay_request *next_request(const struct replays *replays)
{
    struct replay_request *request = replays->first;
    while (request && is_on_its_way(replays, request))
        request = request->next;
    return request;
}

static struct replay_page_read *free_read(struct replays *replays)
{
    for (size_t i = 0; i < READS_MAX; i++)
        if (!replays->reads[i].page)
            return &replays->reads[i];
    return NULL;
}

static void abandon(struct replay_page_read *read)
{
    read->replays->stats.held--;
    read->replays->stats.failed++;
    replay_page_destroy(read->page);
    read->page = NULL;
}

/* Asks for pages while the bounds allow it. */
static void pump(struct replays *replays, uint64_t now_ms)
{
    fill_budget(replays, now_ms);
    while (replays->link && redis_link_is_up(replays->link) && replays->budget > 0) {
        struct replay_page_read *read = free_read(replays);
        struct replay_request *request = read ? next_request(replays) : NULL;
        if (!request || !make_room_for_page(replays))
            return;
        read->page = replay_page_create(request->key, request->after.id);
        read->ordinal_before = request->after.ordinal;
        replays->stats.held++;
        if (!send_read(read))
            abandon(read);
    }
}

static void fail_replay(struct replay_page_read *read, struct redis_link *link,
                        const struct redisReply *reply)
{
    abandon(read);
    if (!reply)
        return;
    const char *reason = reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply";
    say_warning("reading the past failed", "reason=%s", say_quoted(reason));
    redis_link_drop(link, reason);
}

/* Answers all requests that the page is for. Those who come again from inside find it by
 * themselves. */
static void hand_out(struct replays *replays, struct replay_page *page)
{
    struct replay_request *request = replays->first;
    page->users++;
    while (request) {
        struct replay_request *next = request->next;
        bool is_here = stream_id_compare(request->after.id, page->from) == 0 ||
                       replay_page_covers(page, request->after.id);
        if (is_here && lane_key_equal(request->key, &page->key)) {
            replays_forget(replays, request);
            request->on_page(use_page(replays, page), request->context);
        }
        request = next;
    }
    page->users--;
}

/* What of the entries passes the filter becomes a frame. The page ends with the last entry that was
 * looked at. */
static void fill_page(struct replay_page_read *read, uint64_t ordinal, uint64_t now_ms)
{
    struct replays *replays = read->replays;
    struct replay_page *page = read->page;
    bool has_room = true;
    for (size_t i = 0; i < read->count && has_room; i++) {
        const struct stream_entry *entry = &read->entries[i];
        struct stream_position position = { entry->id, ordinal ? ordinal + i : 0 };
        struct bytes frame;
        page->end = position;
        if (entry->json.size == 0)
            continue;
        filter_subject_set(replays->subject, entry);
        if (!filter_matches(page->key.filter, replays->subject))
            continue;
        buffer_clear(&replays->matched);
        if (renderer_shows_matched(page->key.form))
            filter_write_matched(page->key.filter, replays->subject, &replays->matched);
        framer_set(replays->options.framer, entry, page->key.form, buffer_bytes(&replays->matched),
                   now_ms);
        if (!framer_get(replays->options.framer, page->key.framing, &frame))
            continue;
        struct stream_id original = { 0 };
        (void)recent_entries_original(replays->options.recent, entry->id, &original);
        has_room = replay_page_append(page, position, original, frame);
        replays->stats.passed++;
    }
}

/* The ordinal of the page's first entry: counted from the stream's beginning if it is the oldest,
 * from the end if the page reaches it, else from the entry before. 0: not known. */
static uint64_t first_ordinal(const struct replay_page_read *read)
{
    const struct stream_state *state = &read->page->state;
    uint64_t oldest = stream_state_first_ordinal(state);
    if (read->count == 0 || oldest == 0)
        return 0;
    if (stream_id_compare(read->entries[0].id, state->first) == 0)
        return oldest;
    bool is_end = stream_id_compare(read->entries[read->count - 1].id, state->last) == 0;
    if (is_end)
        return stream_state_last_ordinal(state) - read->count + 1;
    return read->ordinal_before ? read->ordinal_before + 1 : 0;
}

static void finish_replay(struct replay_page_read *read, uint64_t now_ms)
{
    struct replays *replays = read->replays;
    struct replay_page *page = read->page;
    replays->stats.pages++;
    replays->stats.entries += read->count;
    fill_page(read, first_ordinal(read), now_ms);
    if (read->count == 0 && stream_id_compare(page->state.last, page->from) > 0)
        page->end = stream_state_end(&page->state);
    page->is_end = stream_id_compare(page->end.id, page->state.last) >= 0;
    page->read_at_ms = now_ms;
    page->next = replays->pages;
    replays->pages = page;
    read->page = NULL;
    hand_out(replays, page);
    set_timer(replays);
    pump(replays, now_ms);
}

/* Entries that are not of the contract's form keep their place, without a message. */
static uint64_t decode_replay(struct replay_page_read *read, const struct redisReply *entries)
{
    uint64_t bytes = 0;
    read->count = 0;
    for (size_t i = 0; i < entries->elements && read->count < REPLAY_PAGE_ENTRIES_MAX; i++) {
        struct stream_entry *entry = &read->entries[read->count];
        if (!stream_entry_read(entry, entries->element[i]))
            *entry = (struct stream_entry){ .id = entry->id };
        bytes += entry->json.size + entry->der.size + entry->domains.size + entry->chain.size;
        read->count += stream_id_compare(entry->id, (struct stream_id){ 0 }) > 0;
    }
    return bytes;
}

static void on_page_read(struct redis_link *link, struct redisReply *reply, void *context)
{
    struct replay_page_read *read = context_of(context, REPLAY_PAGE_READ_MARK);
    struct replays *replays = read->replays;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != EXEC_REPLIES ||
        reply->element[EXEC_ENTRIES]->type != REDIS_REPLY_ARRAY ||
        !stream_state_read(&read->page->state, reply->element[EXEC_STATE])) {
        fail_replay(read, link, reply);
        return;
    }
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t bytes = decode_replay(read, reply->element[EXEC_ENTRIES]);
    replays->budget -= (int64_t)bytes;
    replays->stats.bytes += bytes;
    if (read->page->key.form.content == MESSAGE_FULL &&
        issuer_lookup_start(read->fetch, link, read->entries, read->count, now_ms))
        return;
    finish_replay(read, now_ms);
}

/* The reply is gone, so it is read again, with all issuers at hand. */
static void on_replay_fetched(bool fetched, void *context)
{
    struct replay_page_read *read = context_of(context, REPLAY_PAGE_READ_MARK);
    if (!fetched || !send_read(read))
        abandon(read);
}

/* The entries and what is known of the stream, of the same moment. False, and the page is gone, if
 * nothing can be sent. */
static bool send_read(struct replay_page_read *read)
{
    struct redis_link *link = read->replays->link;
    const char *key = read->replays->options.contract->stream;
    char from[STREAM_ID_TEXT_SIZE + 1] = "(";
    (void)stream_id_format(from + 1, read->page->from);
    bool sent = redis_link_send_strings(link, NULL, NULL, "MULTI", NULL) &&
                redis_link_send_strings(link, NULL, NULL, "XRANGE", key, from, "+", "COUNT",
                                        PAGE_ENTRIES_TEXT, NULL) &&
                redis_link_send_strings(link, NULL, NULL, "XINFO", "STREAM", key, NULL) &&
                redis_link_send_strings(link, on_page_read, read, "EXEC", NULL);
    return sent;
}

void replays_start(struct replays *replays, struct redis_link *link)
{
    replays->link = link;
    replays->up_since_ms = clock_monotonic_ms();
    pump(replays, replays->up_since_ms);
}

struct replay_page *replays_want(struct replays *replays, struct replay_request *request,
                                 uint64_t now_ms)
{
    assert(!request->link);
    struct replay_page *page = find_page(replays, request->key, request->after.id);
    if (page)
        return use_page(replays, page);
    request->since_ms = now_ms;
    enter_replay(replays, request);
    pump(replays, now_ms);
    set_timer(replays);
    return NULL;
}

void replays_forget_pages(struct replays *replays)
{
    struct replay_page **link = &replays->pages;
    while (*link) {
        /* Nobody finds it any more; who holds it gives it back. */
        (*link)->end.id = (*link)->from;
        if ((*link)->users == 0)
            drop_page(replays, link);
        else
            link = &(*link)->next;
    }
}

uint64_t replays_waited_ms(const struct replays *replays, const struct replay_request *request,
                           uint64_t now_ms)
{
    if (!request->link || !replays->link || !redis_link_is_up(replays->link))
        return 0;
    uint64_t since_ms =
        request->since_ms > replays->up_since_ms ? request->since_ms : replays->up_since_ms;
    return now_ms - since_ms;
}

const struct replays_stats *replays_stats(const struct replays *replays)
{
    return &replays->stats;
}
