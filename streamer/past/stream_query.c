#include "streamer/past/stream_query.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"
#include "streamer/loop/loop.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/issuer_lookup.h"

enum {
    /* One on its way while one is worked on; and one that only a single entry goes by, which costs
     * next to nothing and is not to wait for pages of hundreds. */
    PAGE_READS = 2,
    READS_MAX = PAGE_READS + 1,
    /* The byte budget is filled up so often, and silence noticed. */
    TICK_MS = 50,
    /* A page that nobody has used for so long goes. */
    UNUSED_PAGE_MS = 3000,
    MS_PER_S = 1000,
    /* Customers whose use is compared; of more, some share a row. */
    SHARES = 1024,
};

/* A page on its way. */
#define PAGE_READ_MARK CONTEXT_MARK('P', 'R', 'E', 'A')

struct page_read {
    uint32_t mark; /* PAGE_READ_MARK */
    struct stream_queries *queries;
    struct past_read *past;
    bool is_under_way;
    struct stream_page_bounds bounds;
    unsigned wanted;
    uint64_t number;
    uint64_t customer;
};

#define STREAM_QUERIES_MARK CONTEXT_MARK('S', 'Q', 'R', 'Y')

struct stream_queries {
    uint32_t mark; /* STREAM_QUERIES_MARK */
    struct stream_queries_options options;
    struct redis_link *link;
    struct past *past;
    struct loop_timer *timer;
    bool timer_is_set;
    struct issuer_lookup *lookup;
    struct stream_page *looking_up; /* the page whose issuers are on their way */
    struct stream_query *first, **last;
    struct stream_page *pages;
    size_t pages_bytes;
    struct page_read reads[READS_MAX];
    uint64_t number;           /* of the last page that was asked for */
    uint64_t number_good;      /* what was asked for before is of a stream that is no more */
    struct stream_query *walk; /* the next one that `serve` comes to */
    struct stream_id end;
    int64_t budget; /* bytes that may be read now; below zero after a page that was more */
    uint64_t budget_at_ms;
    uint64_t up_since_ms;
    uint64_t used[SHARES]; /* bytes read for a customer, at least what the one who had least had
                              when he came */
    struct stream_queries_stats stats;
};

static void serve(struct stream_queries *queries);

static void set_timer(struct stream_queries *queries, uint64_t after_ms)
{
    if (!queries->timer || (queries->timer_is_set && after_ms > 0))
        return;
    loop_timer_set(queries->timer, after_ms);
    queries->timer_is_set = true;
}

/* Somebody waits for one entry that he knows of. */
static bool is_single(const struct stream_query *query)
{
    return query->kind == STREAM_QUERY_ANSWER && query->bounds.limit == 1;
}

/* At the end; a single one, which is soon served, before all that may take long. */
static void link_query(struct stream_queries *queries, struct stream_query *query)
{
    query->link = is_single(query) ? &queries->first : queries->last;
    query->next = *query->link;
    *query->link = query;
    if (query->next)
        query->next->link = &query->next;
    else
        queries->last = &query->next;
    queries->stats.waiting++;
}

static void unlink_query(struct stream_queries *queries, struct stream_query *query)
{
    if (queries->walk == query)
        queries->walk = query->next;
    *query->link = query->next;
    if (query->next)
        query->next->link = query->link;
    else
        queries->last = query->link;
    query->link = NULL;
    queries->stats.waiting--;
}

static void tell(struct stream_queries *queries, struct stream_query *query,
                 const struct stream_page *page, uint64_t now_ms)
{
    unlink_query(queries, query);
    queries->stats.served += page != NULL;
    queries->stats.failed += page == NULL;
    query->on_page(page, now_ms, query->context);
}

static bool is_up(const struct stream_queries *queries)
{
    return queries->link && redis_link_is_up(queries->link);
}

static void drop_page(struct stream_queries *queries, struct stream_page **link)
{
    struct stream_page *page = *link;
    *link = page->next;
    queries->stats.held--;
    queries->pages_bytes -= page->bytes;
    stream_page_destroy(page);
}

/* Those that nobody has used for a while, and the ones used longest ago while there are too many.
 */
static void drop_old_pages(struct stream_queries *queries, uint64_t now_ms)
{
    struct stream_page **link = &queries->pages;
    while (*link) {
        bool is_old = (*link)->users == 0 && now_ms - (*link)->used_at_ms >= UNUSED_PAGE_MS;
        if (is_old)
            drop_page(queries, link);
        else
            link = &(*link)->next;
    }
    while (queries->pages_bytes > STREAM_QUERY_PAGES_BYTES) {
        struct stream_page **oldest = NULL;
        for (link = &queries->pages; *link; link = &(*link)->next)
            if ((*link)->users == 0 && (!oldest || (*link)->used_at_ms < (*oldest)->used_at_ms))
                oldest = link;
        if (!oldest)
            return;
        drop_page(queries, oldest);
    }
}

/* An answer to this very question may be that there is nothing; but only if it was given since. */
static bool serves(const struct stream_page *page, const struct stream_query *query)
{
    if ((page->wanted & query->wanted) != query->wanted)
        return false;
    bool is_exact = page->asked.is_backward == query->bounds.is_backward &&
                    stream_id_compare(page->asked.place.id, query->bounds.place.id) == 0;
    return (!query->is_fresh && stream_page_covers(page, &query->bounds)) ||
           (is_exact && page->number > query->asked_after);
}

static struct stream_page *find_page(const struct stream_queries *queries,
                                     const struct stream_query *query)
{
    struct stream_page *page = queries->pages;
    while (page && (page->number < queries->number_good || !serves(page, query)))
        page = page->next;
    return page;
}

static size_t share_of(uint64_t customer)
{
    return (size_t)(customer * UINT64_C(0x9e3779b97f4a7c15) >> 54) % SHARES;
}

static bool is_near_end(const struct stream_queries *queries, const struct stream_query *query)
{
    return query->kind == STREAM_QUERY_ANSWER ||
           (query->kind == STREAM_QUERY_REPLAY &&
            query->bounds.place.id.ms + STREAM_QUERY_NEAR_MS >= queries->end.ms);
}

/* A page on its way begins at or before the place; it may cover it. */
static bool is_on_its_way(const struct stream_queries *queries, const struct stream_query *query)
{
    for (size_t i = 0; i < READS_MAX; i++) {
        const struct page_read *read = &queries->reads[i];
        if (!read->is_under_way || read->number < queries->number_good ||
            (query->is_fresh && read->number <= query->asked_after) ||
            (read->wanted & query->wanted) != query->wanted ||
            read->bounds.is_backward != query->bounds.is_backward)
            continue;
        int order = stream_id_compare(read->bounds.place.id, query->bounds.place.id);
        if (query->bounds.is_backward ? order >= 0 : order <= 0)
            return true;
    }
    return false;
}

static uint64_t wait_of(const struct stream_queries *queries, const struct stream_query *query,
                        uint64_t now_ms)
{
    return queries->options.wait_ms && query->kind != STREAM_QUERY_BACKGROUND && !is_single(query)
               ? queries->options.wait_ms(query->customer, now_ms, queries->options.context)
               : 0;
}

/* Lower goes first. */
static unsigned rank_of(const struct stream_queries *queries, const struct stream_query *query)
{
    if (query->kind == STREAM_QUERY_BACKGROUND)
        return 3;
    if (is_single(query))
        return 0;
    return is_near_end(queries, query) ? 1 : 2;
}

static bool goes_before(const struct stream_queries *queries, const struct stream_query *a,
                        const struct stream_query *b)
{
    unsigned rank_a = rank_of(queries, a);
    unsigned rank_b = rank_of(queries, b);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    return queries->used[share_of(a->customer)] < queries->used[share_of(b->customer)];
}

static struct stream_query *next_query(const struct stream_queries *queries, uint64_t now_ms)
{
    struct stream_query *best = NULL;
    for (struct stream_query *query = queries->first; query; query = query->next)
        if ((!best || goes_before(queries, query, best)) && !is_on_its_way(queries, query) &&
            wait_of(queries, query, now_ms) == 0 && !find_page(queries, query))
            best = query;
    return best;
}

static struct page_read *free_read(struct stream_queries *queries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!queries->reads[i].is_under_way)
            return &queries->reads[i];
    return NULL;
}

static void fill_budget(struct stream_queries *queries, uint64_t now_ms)
{
    uint64_t rate = queries->options.bytes_per_second;
    uint64_t passed_ms = now_ms - queries->budget_at_ms;
    queries->budget_at_ms = now_ms;
    queries->budget += (int64_t)(rate * (passed_ms < MS_PER_S ? passed_ms : MS_PER_S) / MS_PER_S);
    if (queries->budget > (int64_t)rate)
        queries->budget = (int64_t)rate;
}

static void send_read(struct page_read *read, const struct stream_query *query)
{
    read->bounds = query->bounds;
    read->wanted = query->wanted;
    read->customer = query->customer;
    read->number = ++read->queries->number;
    read->is_under_way =
        past_read_start(read->past, read->queries->link, &query->bounds, query->wanted);
}

/* NULL: the bounds do not allow it now. A single entry is not worth counting. */
static struct page_read *read_for(struct stream_queries *queries, const struct stream_query *query)
{
    if (is_single(query))
        return free_read(queries, READS_MAX);
    return queries->budget > 0 ? free_read(queries, PAGE_READS) : NULL;
}

/* Asks for pages while the bounds allow it. */
static void pump(struct stream_queries *queries, uint64_t now_ms)
{
    fill_budget(queries, now_ms);
    while (is_up(queries) && free_read(queries, READS_MAX)) {
        const struct stream_query *query = next_query(queries, now_ms);
        struct page_read *read = query ? read_for(queries, query) : NULL;
        if (!read)
            return;
        send_read(read, query);
        if (!read->is_under_way)
            return;
    }
}

/* Whoever comes again after a pause, or for the first time, is not owed what he did not want. */
static void note_use(struct stream_queries *queries, uint64_t customer, uint64_t bytes,
                     uint64_t now_ms)
{
    uint64_t least = UINT64_MAX;
    for (const struct stream_query *query = queries->first; query; query = query->next)
        if (queries->used[share_of(query->customer)] < least)
            least = queries->used[share_of(query->customer)];
    uint64_t *used = &queries->used[share_of(customer)];
    if (least != UINT64_MAX && *used < least)
        *used = least;
    *used += bytes;
    if (queries->options.charge)
        queries->options.charge(customer, bytes, now_ms, queries->options.context);
}

static void enter_page(struct stream_queries *queries, struct stream_page *page,
                       const struct page_read *read, uint64_t now_ms)
{
    page->number = read->number;
    page->used_at_ms = now_ms;
    page->next = queries->pages;
    queries->pages = page;
    queries->pages_bytes += page->bytes;
    queries->budget -= (int64_t)page->payload;
    queries->stats.held++;
    queries->stats.pages++;
    queries->stats.entries += page->count;
    queries->stats.bytes += page->payload;
    if (stream_id_compare(page->state.last, queries->end) > 0)
        queries->end = page->state.last;
    note_use(queries, read->customer, page->payload, now_ms);
    drop_old_pages(queries, now_ms);
}

static void take_page(struct page_read *read, struct stream_page *page)
{
    struct stream_queries *queries = read->queries;
    read->is_under_way = false;
    if (page && stream_state_is_missing(&page->state) && redis_link_may_lack_keys(queries->link)) {
        redis_link_drop(queries->link, "the stream has left this replica");
        stream_page_destroy(page);
        page = NULL;
    }
    if (page && read->number >= queries->number_good) {
        enter_page(queries, page, read, clock_monotonic_ms());
        serve(queries);
        return;
    }
    stream_page_destroy(page);
    set_timer(queries, 0);
}

static void on_page_read(struct past_read *past, struct stream_page *page, const char *reason,
                         void *context)
{
    (void)past;
    struct page_read *read = context_of(context, PAGE_READ_MARK);
    struct redis_link *link = read->queries->link;
    if (!page)
        read->queries->stats.failed++;
    if (reason)
        say_warning("reading the past failed", "reason=%s", say_quoted(reason));
    take_page(read, page);
    if (reason)
        redis_link_drop(link, reason);
}

/* True if the page has to wait for its issuers; those of one page at a time are looked up. */
static bool lacks_issuers(struct stream_queries *queries, struct stream_page *page,
                          const struct stream_query *query, uint64_t now_ms)
{
    if (!query->needs_issuers)
        return false;
    if (queries->looking_up)
        return true;
    if (!issuer_lookup_start(queries->lookup, queries->link, page->entries, page->count, now_ms))
        return false;
    page->users++;
    queries->looking_up = page;
    return true;
}

static void on_issuers(bool fetched, void *context)
{
    struct stream_queries *queries = context_of(context, STREAM_QUERIES_MARK);
    (void)fetched;
    queries->looking_up->users--;
    queries->looking_up = NULL;
    set_timer(queries, 0);
}

/* Whose answer comes too late, or not at all. */
static bool is_in_vain(const struct stream_queries *queries, const struct stream_query *query,
                       uint64_t now_ms)
{
    if (query->kind == STREAM_QUERY_REPLAY)
        return false;
    return !is_up(queries) || (query->kind == STREAM_QUERY_ANSWER &&
                               now_ms - query->since_ms >= STREAM_QUERY_ANSWER_MS);
}

static void serve_one(struct stream_queries *queries, struct stream_query *query, uint64_t now_ms)
{
    struct stream_page *page = find_page(queries, query);
    if (page && !lacks_issuers(queries, page, query, now_ms)) {
        page->used_at_ms = now_ms;
        page->users++;
        tell(queries, query, page, now_ms);
        page->users--;
    } else if (is_in_vain(queries, query, now_ms)) {
        tell(queries, query, NULL, now_ms);
    }
}

/* Answers what can be answered, for a turn's time. Who asks again from inside comes to the end, and
 * may have a turn in the same round. */
static void serve(struct stream_queries *queries)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t now_ms = start_ms;
    queries->walk = queries->first;
    while (queries->walk && now_ms - start_ms < STREAM_QUERY_TURN_MS) {
        struct stream_query *query = queries->walk;
        queries->walk = query->next;
        serve_one(queries, query, now_ms);
        now_ms = clock_monotonic_ms();
    }
    bool is_over = !queries->walk;
    queries->walk = NULL;
    pump(queries, now_ms);
    set_timer(queries, is_over ? TICK_MS : 0);
}

static void on_query_timer(void *context)
{
    struct stream_queries *queries = context_of(context, STREAM_QUERIES_MARK);
    queries->timer_is_set = false;
    drop_old_pages(queries, clock_monotonic_ms());
    if (queries->first || queries->pages)
        serve(queries);
}

struct stream_queries *stream_queries_create(const struct stream_queries_options *options)
{
    struct stream_queries *queries = memory_allocate_zeroed(1, sizeof *queries);
    queries->mark = STREAM_QUERIES_MARK;
    queries->options = *options;
    queries->last = &queries->first;
    queries->timer = loop_timer_create(options->loop, on_query_timer, queries);
    queries->lookup =
        issuer_lookup_create(options->contract, options->issuers, on_issuers, queries);
    queries->budget = (int64_t)options->bytes_per_second;
    queries->past = past_create(options->contract, options->history_cache_bytes);
    for (size_t i = 0; i < READS_MAX; i++) {
        struct page_read *read = &queries->reads[i];
        read->mark = PAGE_READ_MARK;
        read->queries = queries;
        read->past = past_read_create(queries->past, on_page_read, read);
    }
    return queries;
}

void stream_queries_stop(struct stream_queries *queries)
{
    if (!queries)
        return;
    queries->link = NULL;
    queries->walk = queries->first;
    while (queries->walk) {
        struct stream_query *query = queries->walk;
        queries->walk = query->next;
        if (query->kind != STREAM_QUERY_REPLAY)
            tell(queries, query, NULL, clock_monotonic_ms());
    }
    loop_timer_destroy(queries->timer);
    queries->timer = NULL;
}

void stream_queries_destroy(struct stream_queries *queries)
{
    if (!queries)
        return;
    assert(!queries->first && !queries->looking_up);
    while (queries->pages)
        drop_page(queries, &queries->pages);
    for (size_t i = 0; i < READS_MAX; i++)
        past_read_destroy(queries->reads[i].past);
    past_destroy(queries->past);
    issuer_lookup_destroy(queries->lookup);
    free(queries);
}

void stream_queries_start(struct stream_queries *queries, struct redis_link *link)
{
    queries->link = link;
    past_forget(queries->past);
    queries->up_since_ms = clock_monotonic_ms();
    set_timer(queries, 0);
}

bool stream_query_ask(struct stream_queries *queries, struct stream_query *query, uint64_t now_ms)
{
    assert(!query->link && query->bounds.limit > 0);
    assert(query->bounds.limit <= STREAM_PAGE_ENTRIES_MAX);
    if (query->kind != STREAM_QUERY_REPLAY && !is_up(queries))
        return false;
    query->since_ms = now_ms;
    query->asked_after = queries->number;
    link_query(queries, query);
    set_timer(queries, 0);
    return true;
}

void stream_query_forget(struct stream_queries *queries, struct stream_query *query)
{
    if (query->link)
        unlink_query(queries, query);
}

bool stream_query_waits(const struct stream_query *query)
{
    return query->link != NULL;
}

uint64_t stream_query_waited_ms(const struct stream_queries *queries,
                                const struct stream_query *query, uint64_t now_ms)
{
    if (!query->link || !is_up(queries))
        return 0;
    uint64_t since_ms =
        query->since_ms > queries->up_since_ms ? query->since_ms : queries->up_since_ms;
    return now_ms - since_ms;
}

static struct stream_page *own_page(struct stream_queries *queries, const struct stream_page *page)
{
    struct stream_page *own = queries->pages;
    while (own != page)
        own = own->next;
    return own;
}

void stream_queries_hold_page(struct stream_queries *queries, const struct stream_page *page)
{
    own_page(queries, page)->users++;
}

void stream_queries_release_page(struct stream_queries *queries, const struct stream_page *page)
{
    struct stream_page *own = own_page(queries, page);
    assert(own->users > 0);
    own->users--;
}

void stream_queries_forget_pages(struct stream_queries *queries)
{
    queries->number_good = queries->number + 1;
    past_forget(queries->past);
}

void stream_queries_note_end(struct stream_queries *queries, struct stream_id end)
{
    queries->end = end;
}

const struct stream_queries_stats *stream_queries_stats(const struct stream_queries *queries)
{
    return &queries->stats;
}

struct past *stream_queries_past(struct stream_queries *queries)
{
    return queries->past;
}
