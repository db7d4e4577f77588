/*
 * How far a log has come, in one book:
 *
 *   durable ≤ released ≤ taken ≤ planned ≤ head.size
 *   in Redis  proven     held    asked for
 *
 * What is between released and taken is the window: its entries are held until they are proven.
 * Pure.
 */
#ifndef INGEST_FOLLOW_LOG_BOOK_H
#define INGEST_FOLLOW_LOG_BOOK_H

#include "ingest/store/log_position.h"

struct log_book {
    uint64_t durable;
    struct log_position released; /* in Redis, or on its way there */
    struct log_position taken;    /* at the end of the window */
    uint64_t planned;
};

/* All of them stand here: it was loaded, or the log starts. */
void log_book_stand_at(struct log_book *book, const struct log_position *position);
/* The next entries are asked for up to `end`. */
void log_book_plan(struct log_book *book, uint64_t end);
/* What was asked for and not taken is to be asked for anew. */
void log_book_plan_anew(struct log_book *book);
/* The window now ends here. */
void log_book_take(struct log_book *book, const struct log_position *position);
/* All of the window is in the tree of `head`, of which the first `proven_size` entries are proven.
 */
void log_book_release(struct log_book *book, const struct signed_head *head, uint64_t proven_size);
/* The window is forgotten; it begins again where what was released ends. */
void log_book_rewind(struct log_book *book);
/* Redis has everything below `next`. */
void log_book_on_durable(struct log_book *book, uint64_t next);

#endif
