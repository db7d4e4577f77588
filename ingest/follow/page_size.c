#include "ingest/follow/page_size.h"

enum {
    /* So many full-page asks in a row answered short mean that the log's page has shrunk. */
    SHORT_PAGES = 3,
    /* So many short answers tell the page: the first may have ended at a boundary of the log's. */
    PROBES = 2,
    /* After so many full answers a larger page is asked for again: two requests that may come
     * short. */
    FULL_PAGES = 256,
    /* A failure that persists: one may be chance. */
    FAILURES = 2,
    WIDER_AFTER_MAX = 1024,
};

struct page_size page_size_of(uint64_t max, bool is_fixed)
{
    return (struct page_size){ .max = max, .is_fixed = is_fixed, .learnt = is_fixed ? max : 0 };
}

void page_size_remember(struct page_size *page, uint64_t learnt)
{
    if (!page->is_fixed && learnt && learnt <= page->max)
        page->learnt = learnt;
}

uint64_t page_size_end(const struct page_size *page, uint64_t start)
{
    uint64_t unit = page->width ? page->width : page->learnt;
    return unit ? (start / unit + 1) * unit : start + page->max;
}

bool page_size_is_settled(const struct page_size *page)
{
    if (page->failures || !page->learnt)
        return false;
    return page->width ? page->width == page->answered : !page->answered;
}

/* A page that was learnt while the log answered little is not kept for ever. */
static void learn_anew(struct page_size *page)
{
    if (page->learnt == page->max || ++page->full_pages < FULL_PAGES)
        return;
    page->learnt = page->probed = 0;
    page->full_pages = 0;
}

static void on_full(struct page_size *page, uint64_t count)
{
    page->short_pages = 0;
    if (!page->learnt && count == page->max)
        page->learnt = count;
    if (count == page->learnt)
        learn_anew(page);
}

static void on_short(struct page_size *page, uint64_t count)
{
    page->probed = count > page->probed ? count : page->probed;
    page->short_pages++;
    if (page->short_pages < (unsigned)(page->learnt ? SHORT_PAGES : PROBES))
        return;
    page->learnt = page->probed;
    page->probed = 0;
    page->short_pages = 0;
}

/* An answer to a narrowed range. */
static void widen(struct page_size *page, uint64_t asked)
{
    if (page->answered && asked >= 2 * page->answered) {
        page->answered = asked;
        page->width = 0;
        return;
    }
    if (asked < page->width)
        return;
    page->answered = page->width;
    if (page->until_wider > 1)
        page->until_wider--;
    else
        page->width *= 2;
}

/* The whole page is answered again: what was found out while it was not is over. An answer that is
 * only as wide as the last narrowed one says nothing of that, unless it is a page. */
static void note_whole(struct page_size *page, uint64_t asked)
{
    bool is_page = page->learnt && asked >= page->learnt;
    if (is_page || (page->answered && asked > page->answered))
        page->answered = page->wider_after = 0;
}

void page_size_on_answer(struct page_size *page, uint64_t asked, uint64_t count)
{
    page->failures = 0;
    if (page->is_fixed)
        return;
    if (page->width) {
        widen(page, asked);
        if (!page->width)
            note_whole(page, asked);
        return;
    }
    note_whole(page, asked);
    if (count == asked)
        on_full(page, count);
    else
        on_short(page, count);
}

static void narrow_to(struct page_size *page, uint64_t width, unsigned wider_after)
{
    page->width = width;
    page->wider_after = wider_after < WIDER_AFTER_MAX ? wider_after : WIDER_AFTER_MAX;
    page->until_wider = page->wider_after;
    page->failures = 0;
}

bool page_size_on_failure(struct page_size *page, uint64_t asked, bool is_too_large)
{
    page->failures++;
    if (page->is_fixed || asked <= 1)
        return false;
    if (page->answered && asked > page->answered) {
        narrow_to(page, page->answered, page->wider_after ? page->wider_after * 4 : 4);
        return true;
    }
    if (page->failures < FAILURES && !page->width && !is_too_large)
        return false;
    page->answered = 0;
    narrow_to(page, asked / 2, page->wider_after ? page->wider_after : 1);
    return true;
}
