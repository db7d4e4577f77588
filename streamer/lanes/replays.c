#include "streamer/lanes/replays.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/loop/loop.h"
#include "streamer/stream/recent_entries.h"

enum {
    /* A page that nobody uses is kept so long for others who come by. */
    UNUSED_PAGE_MS = 1000,
    TICK_MS = 50,
    /* Filters that a page is looked through for at once: a few milliseconds. */
    TOGETHER_MAX = 128,
    MATCH_WORDS = (STREAM_PAGE_ENTRIES_MAX + 63) / 64,
};

/* Which entries of a page pass a filter, a bit each. */
struct page_match {
    struct filter *filter; /* a reference */
    uint64_t bits[MATCH_WORDS];
};

#define REPLAYS_MARK CONTEXT_MARK('R', 'E', 'P', 'L')

struct replays {
    uint32_t mark; /* REPLAYS_MARK */
    struct replays_options options;
    struct loop_timer *timer;
    bool timer_is_set;
    struct filter_subject *subject;
    struct buffer matched; /* of one entry */
    /* Of the page that was looked through last: names are made ready once for all filters. */
    struct page_match matches[TOGETHER_MAX];
    size_t match_count;
    uint64_t match_page;            /* its number; 0: none */
    struct replay_request *waiting; /* in any order */
    struct replay_page *pages;
    size_t pages_bytes;
    struct replays_stats stats;
};

static void set_timer(struct replays *replays)
{
    if (!replays->timer_is_set)
        loop_timer_set(replays->timer, TICK_MS);
    replays->timer_is_set = true;
}

static void enter_replay(struct replays *replays, struct replay_request *request)
{
    request->next = replays->waiting;
    request->link = &replays->waiting;
    if (request->next)
        request->next->link = &request->next;
    replays->waiting = request;
    replays->stats.waiting++;
}

void replays_forget(struct replays *replays, struct replay_request *request)
{
    if (!request->link)
        return;
    stream_query_forget(replays->options.queries, &request->query);
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->link = NULL;
    replays->stats.waiting--;
}

static void drop_replay_page(struct replays *replays, struct replay_page **link)
{
    struct replay_page *page = *link;
    *link = page->next;
    replays->stats.held--;
    replays->pages_bytes -= page->bytes.size;
    replay_page_destroy(page);
}

static bool has_room(const struct replays *replays)
{
    return replays->pages_bytes < replays->options.pages_max * REPLAY_PAGE_BYTES_MAX;
}

/* Those that are not used for a while; all that are not used, where room is wanted. */
static void drop_unused_pages(struct replays *replays, uint64_t now_ms)
{
    struct replay_page **link = &replays->pages;
    while (*link) {
        const struct replay_page *page = *link;
        bool is_old = now_ms - page->read_at_ms >= UNUSED_PAGE_MS || !has_room(replays);
        if (page->users == 0 && is_old)
            drop_replay_page(replays, link);
        else
            link = &(*link)->next;
    }
}

static void ask_for_replay(struct replay_request *request, uint64_t now_ms)
{
    request->query.bounds.place = request->looked_at;
    (void)stream_query_ask(request->replays->options.queries, &request->query, now_ms);
}

/* Those for whose pages there was no room. */
static void ask_again(struct replays *replays, uint64_t now_ms)
{
    for (struct replay_request *request = replays->waiting; request; request = request->next)
        if (!stream_query_waits(&request->query))
            ask_for_replay(request, now_ms);
}

static void on_timer(void *context)
{
    struct replays *replays = context_of(context, REPLAYS_MARK);
    uint64_t now_ms = clock_monotonic_ms();
    replays->timer_is_set = false;
    drop_unused_pages(replays, now_ms);
    if (has_room(replays))
        ask_again(replays, now_ms);
    if (replays->waiting || replays->pages)
        set_timer(replays);
}

struct replays *replays_create(const struct replays_options *options)
{
    struct replays *replays = memory_allocate_zeroed(1, sizeof *replays);
    replays->mark = REPLAYS_MARK;
    replays->options = *options;
    replays->timer = loop_timer_create(options->loop, on_timer, replays);
    replays->subject = filter_subject_create(options->window);
    buffer_init(&replays->matched, FILTER_MATCHED_MAX);
    return replays;
}

static void forget_matches(struct replays *replays)
{
    for (size_t i = 0; i < replays->match_count; i++)
        filter_release(replays->matches[i].filter);
    replays->match_count = 0;
    replays->match_page = 0;
}

void replays_destroy(struct replays *replays)
{
    if (!replays)
        return;
    assert(!replays->waiting);
    while (replays->pages)
        drop_replay_page(replays, &replays->pages);
    forget_matches(replays);
    filter_subject_destroy(replays->subject);
    buffer_free(&replays->matched);
    loop_timer_destroy(replays->timer);
    free(replays);
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
    /* A filter's frames are few and soon made again; and there may be many filters. */
    if (page->users > 0 || !page->key.filter)
        return;
    struct replay_page **link = &replays->pages;
    while (*link != page)
        link = &(*link)->next;
    drop_replay_page(replays, link);
}

static void hand_over(struct replays *replays, struct replay_request *request,
                      struct replay_page *page)
{
    replays_forget(replays, request);
    request->on_page(use_page(replays, page), request->context);
    set_timer(replays);
}

static struct page_match *find_match(struct replays *replays, const struct filter *filter)
{
    for (size_t i = 0; i < replays->match_count; i++)
        if (replays->matches[i].filter == filter)
            return &replays->matches[i];
    return NULL;
}

static void add_filter(struct replays *replays, struct filter *filter)
{
    if (replays->match_count < TOGETHER_MAX && !find_match(replays, filter))
        replays->matches[replays->match_count++] =
            (struct page_match){ .filter = filter_acquire(filter) };
}

/* The filters of all who wait for something of this page. */
static void collect_filters(struct replays *replays, const struct replay_request *first,
                            const struct stream_page *read)
{
    forget_matches(replays);
    replays->match_page = read->number;
    add_filter(replays, first->key->filter);
    for (const struct replay_request *request = replays->waiting; request; request = request->next)
        if (request->key->filter && stream_page_covers(read, &request->query.bounds))
            add_filter(replays, request->key->filter);
}

static void look_through(struct replays *replays, const struct stream_page *read)
{
    for (size_t at = 0; at < read->count; at++) {
        if (!read->entries[at].is_message)
            continue;
        filter_subject_set(replays->subject, &read->entries[at]);
        for (size_t i = 0; i < replays->match_count; i++) {
            uint64_t passes = filter_matches(replays->matches[i].filter, replays->subject);
            replays->matches[i].bits[at / 64] |= passes << at % 64;
        }
    }
}

/* NULL: everything passes. */
static const struct page_match *match_page(struct replays *replays,
                                           const struct replay_request *request,
                                           const struct stream_page *read)
{
    if (!request->key->filter)
        return NULL;
    struct page_match *match =
        replays->match_page == read->number ? find_match(replays, request->key->filter) : NULL;
    if (match)
        return match;
    collect_filters(replays, request, read);
    look_through(replays, read);
    return find_match(replays, request->key->filter);
}

static void append_entry(struct replays *replays, struct replay_page *page,
                         struct stream_position position, const struct stream_entry *entry,
                         uint64_t now_ms)
{
    struct bytes frame;
    buffer_clear(&replays->matched);
    filter_subject_set(replays->subject, entry);
    if (renderer_shows_matched(page->key.form))
        filter_write_matched(page->key.filter, replays->subject, &replays->matched);
    framer_set(replays->options.framer, entry, page->key.form, buffer_bytes(&replays->matched),
               now_ms);
    if (!framer_get(replays->options.framer, page->key.framing, &frame))
        return;
    struct stream_id original = { 0 };
    (void)recent_entries_original(replays->options.recent, entry->id, &original);
    page->is_full = !replay_page_append(page, position, original, frame);
    replays->stats.passed++;
}

/* What of the entries after `after` passes the filter becomes a frame. The page ends with the last
 * entry that was looked at. An entry's number is the stream page's, or counted from `after`. */
static void fill_page(struct replays *replays, struct replay_page *page,
                      const struct stream_page *read, const struct page_match *match,
                      struct stream_position after, uint64_t now_ms)
{
    size_t first = stream_page_find(read, after.id);
    for (size_t i = first; i < read->count && !page->is_full; i++) {
        page->end = stream_page_position(read, i);
        if (!page->end.ordinal && after.ordinal)
            page->end.ordinal = after.ordinal + 1 + (i - first);
        replays->stats.looked_at++;
        bool passes = !match || match->bits[i / 64] >> i % 64 & 1;
        if (passes && read->entries[i].is_message)
            append_entry(replays, page, page->end, &read->entries[i], now_ms);
    }
    if (page->is_full)
        return;
    bool is_last = stream_id_compare(page->end.id, read->end.id) == 0;
    uint64_t ordinal = is_last ? page->end.ordinal : 0;
    page->end =
        (struct stream_position){ read->end.id, read->end.ordinal ? read->end.ordinal : ordinal };
}

static bool has_looked(const struct replay_request *request)
{
    return stream_id_compare(request->looked_at.id, request->after.id) > 0;
}

static struct replay_page *make_page(struct replays *replays, const struct replay_request *request,
                                     const struct stream_page *read, uint64_t now_ms)
{
    struct replay_page *page = replay_page_create(request->key, request->after.id);
    page->state = read->state;
    page->read_at_ms = now_ms;
    fill_page(replays, page, read, match_page(replays, request, read), request->looked_at, now_ms);
    page->is_end = stream_id_compare(page->end.id, page->state.last) >= 0;
    /* What was trimmed behind a place that was looked at meanwhile is missed by nobody. */
    if (has_looked(request))
        page->state = (struct stream_state){ 0 };
    return page;
}

static void enter_page(struct replays *replays, struct replay_page *page)
{
    page->next = replays->pages;
    replays->pages = page;
    replays->pages_bytes += page->bytes.size;
    replays->stats.held++;
    replays->stats.pages++;
}

/* Says only how far nothing passed, so that what is missing behind it can be counted from there. */
static struct replay_page *make_progress_page(struct replays *replays,
                                              const struct replay_request *request, uint64_t now_ms)
{
    struct replay_page *page = replay_page_create(request->key, request->after.id);
    page->end = request->looked_at;
    page->read_at_ms = now_ms;
    enter_page(replays, page);
    return page;
}

/* True if a page can be made; else the request waits until one is given back. */
static bool make_room(struct replays *replays, uint64_t now_ms)
{
    if (!has_room(replays))
        drop_unused_pages(replays, now_ms);
    set_timer(replays);
    return has_room(replays);
}

static void on_stream_page(const struct stream_page *read, uint64_t now_ms, void *context)
{
    struct replay_request *request = context;
    struct replays *replays = request->replays;
    struct gap gap;
    request->since_ms = now_ms;
    bool is_gap = stream_state_gap(&read->state, &request->looked_at, &gap);
    struct replay_page *page = find_page(replays, request->key, request->looked_at.id);
    if (has_looked(request) && (page || is_gap)) {
        hand_over(replays, request, make_progress_page(replays, request, now_ms));
        return;
    }
    if (page) {
        hand_over(replays, request, page);
        return;
    }
    if (!make_room(replays, now_ms))
        return;
    page = make_page(replays, request, read, now_ms);
    if (page->count == 0 && !page->is_end && !is_gap) {
        request->looked_at = page->end;
        replay_page_destroy(page);
        ask_for_replay(request, now_ms);
        return;
    }
    enter_page(replays, page);
    hand_over(replays, request, page);
}

/* What messages are made of; the go dialect is made anew from the certificate. */
static unsigned wanted_for_form(struct render_form form)
{
    bool is_go = form.dialect == CERTIFICATE_DIALECT_GO;
    unsigned der = is_go || form.content == MESSAGE_FULL ? PAGE_WANTS_DER : 0;
    if (form.content != MESSAGE_DOMAINS)
        return PAGE_WANTS_JSON | der;
    return is_go ? PAGE_WANTS_DER : PAGE_WANTS_DOMAINS;
}

static unsigned wanted_of(const struct lane_key *key)
{
    unsigned wanted = wanted_for_form(key->form);
    if (!key->filter)
        return wanted;
    return filter_asks_names_only(key->filter) ? wanted | PAGE_WANTS_DOMAINS : PAGE_WANTS_ALL;
}

struct replay_page *replays_want(struct replays *replays, struct replay_request *request,
                                 uint64_t now_ms)
{
    assert(!request->link);
    struct replay_page *page = find_page(replays, request->key, request->after.id);
    if (page)
        return use_page(replays, page);
    request->replays = replays;
    request->looked_at = request->after;
    request->since_ms = now_ms;
    request->query = (struct stream_query){
        .kind = STREAM_QUERY_REPLAY,
        .bounds = { .place = request->after, .limit = STREAM_PAGE_ENTRIES_MAX },
        .needs_issuers = request->key->form.content == MESSAGE_FULL,
        .wanted = wanted_of(request->key),
        .customer = request->customer,
        .on_page = on_stream_page,
        .context = request,
    };
    enter_replay(replays, request);
    ask_for_replay(request, now_ms);
    return NULL;
}

void replays_forget_pages(struct replays *replays)
{
    forget_matches(replays);
    struct replay_page **link = &replays->pages;
    while (*link) {
        /* Nobody finds it any more; who holds it gives it back. */
        (*link)->end.id = (*link)->from;
        if ((*link)->users == 0)
            drop_replay_page(replays, link);
        else
            link = &(*link)->next;
    }
}

uint64_t replays_waited_ms(const struct replays *replays, const struct replay_request *request,
                           uint64_t now_ms)
{
    if (!request->link)
        return 0;
    return stream_query_waits(&request->query)
               ? stream_query_waited_ms(replays->options.queries, &request->query, now_ms)
               : now_ms - request->since_ms;
}

const struct replays_stats *replays_stats(const struct replays *replays)
{
    return &replays->stats;
}
