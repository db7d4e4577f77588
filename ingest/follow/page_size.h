/*
 * How many entries a log is asked for at once. Its page is learnt from short answers, and is as
 * large as a log answers when it is well: nothing that fails changes it. While ranges fail, less is
 * asked for: half as much each time, down to one entry. The first answer to a range twice as wide
 * as one that was answered brings the whole page back; if that fails again, the widest that was
 * answered stays, and twice as much is tried less and less often. Pure.
 */
#ifndef INGEST_FOLLOW_PAGE_SIZE_H
#define INGEST_FOLLOW_PAGE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

struct page_size {
    uint64_t max; /* asked for at most */
    bool is_fixed;
    uint64_t learnt;      /* 0: not yet */
    uint64_t probed;      /* the most that a short answer held while it is being learnt */
    unsigned full_pages;  /* since the page was learnt */
    unsigned short_pages; /* in a row */
    /* While ranges fail. */
    uint64_t width;       /* of what is asked for; 0: it is not narrowed */
    uint64_t answered;    /* the widest that was answered since it was narrowed; 0: none */
    unsigned failures;    /* in a row */
    unsigned until_wider; /* answers until twice as much is asked for */
    unsigned wider_after; /* the same after the next failure of that */
};

/* `is_fixed`: ranges are tiles of `max` entries. */
struct page_size page_size_of(uint64_t max, bool is_fixed);
/* The page is as it was learnt earlier. */
void page_size_remember(struct page_size *page, uint64_t learnt);

/* Where a range ends that begins at `start`: page boundaries make every later request aligned and
 * cacheable. */
uint64_t page_size_end(const struct page_size *page, uint64_t start);
/* Whether several ranges may be asked for at once: not while something is being found out. */
bool page_size_is_settled(const struct page_size *page);

/* `count` of `asked` entries were answered. */
void page_size_on_answer(struct page_size *page, uint64_t asked, uint64_t count);
/* A range of `asked` entries failed, `is_too_large`: because of its size. True if less is asked for
 * from now on. */
bool page_size_on_failure(struct page_size *page, uint64_t asked, bool is_too_large);

#endif
