/*
 * The rows of a block: its entries in order, each with what a message has besides the certificate,
 * and where the certificate lies. Pure.
 */
#ifndef SHARED_HISTORY_BLOCK_ROWS_H
#define SHARED_HISTORY_BLOCK_ROWS_H

#include "shared/history/block_decoder.h"
#include "shared/message/message.h"

struct block_rows;

/* The log of an entry. */
struct history_source {
    struct message_source message;
    const char *log_id_hex;
};

/* Where a record lies. */
struct history_place {
    bool is_here;           /* in the block of the row itself */
    struct stream_id block; /* which names it: the id of its last entry */
    uint32_t record;
};

/* An entry of history. All views, which live as long as the rows. */
struct history_entry {
    struct stream_id id;
    struct history_place place;
    /* Its record has all fields as they were; the rest below is then not set. Entries that are no
     * certificate (`control`) are so, and those that another version has written. */
    bool is_verbatim;
    bool is_precertificate;
    enum message_chain chain_bound;
    const struct history_source *source;
    uint64_t index;
    uint64_t timestamp_ms;
    uint64_t seen_ms;
    const char *parse_error; /* instead of the certificate's own; NULL: none */
    struct bytes chain;      /* the field `chain`: fingerprints of the issuers, hex, with spaces */
};

/* What its message is written from, the certificate apart; borrowed from the entry. */
static inline struct message_entry history_entry_message(const struct history_entry *entry)
{
    return (struct message_entry){
        .source = &entry->source->message,
        .index = entry->index,
        .timestamp_ms = entry->timestamp_ms,
        .seen_ms = entry->seen_ms,
        .is_precertificate = entry->is_precertificate,
        .chain = entry->chain_bound,
        .parse_error = entry->parse_error,
    };
}

/* Unpacks the rows, which the caller owns; NULL if they are damaged. `packed`: the bytes of the
 * block from head->rows.offset on, head->rows.size of them; neither they nor the head are used
 * afterwards. */
struct block_rows *block_rows_open(struct block_decoder *decoder, const struct block_head *head,
                                   struct bytes packed);
/* NULL is fine. */
void block_rows_close(struct block_rows *rows);

size_t block_rows_count(const struct block_rows *rows);
/* The number of the first row whose id is `id` or comes after it; the count if there is none. */
size_t block_rows_find(const struct block_rows *rows, struct stream_id id);
void block_rows_entry(const struct block_rows *rows, size_t row, struct history_entry *entry);
/* Bytes of memory that they take. */
size_t block_rows_size(const struct block_rows *rows);

#endif
