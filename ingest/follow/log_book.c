#include "ingest/follow/log_book.h"

#include <assert.h>

static void check(const struct log_book *book)
{
    assert(book->durable <= book->released.next && book->released.next <= book->taken.next &&
           book->taken.next <= book->planned);
}

void log_book_stand_at(struct log_book *book, const struct log_position *position)
{
    book->released = book->taken = *position;
    book->durable = book->planned = position->next;
}

void log_book_plan(struct log_book *book, uint64_t end)
{
    assert(end >= book->planned);
    book->planned = end;
}

void log_book_plan_anew(struct log_book *book)
{
    book->planned = book->taken.next;
}

void log_book_take(struct log_book *book, const struct log_position *position)
{
    assert(position->next >= book->taken.next);
    book->taken = *position;
    check(book);
}

void log_book_release(struct log_book *book, const struct signed_head *head, uint64_t proven_size)
{
    book->taken.head = *head;
    book->taken.verified_size = proven_size;
    book->released = book->taken;
}

void log_book_rewind(struct log_book *book)
{
    book->taken = book->released;
    book->planned = book->released.next;
}

void log_book_on_durable(struct log_book *book, uint64_t next)
{
    assert(next >= book->durable);
    book->durable = next;
    check(book);
}
