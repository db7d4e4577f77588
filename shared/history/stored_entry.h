/*
 * What an entry of the stream is in history: read out of its fields, as ingest wrote them
 * (message_write). What is not exactly of that form is told, and kept as it is. Pure.
 */
#ifndef SHARED_HISTORY_STORED_ENTRY_H
#define SHARED_HISTORY_STORED_ENTRY_H

#include "shared/history/entry_renderer.h"

struct stored_entry_reader;

struct stored_entry {
    /* All but its place; `parse_error` is that of the message, whoever it is of. Views into the
     * reader, until its next entry; the source until stored_entry_reader_clear. */
    struct history_entry entry;
    struct bytes der; /* this and the rest are views into the fields */
    /* What the certificate alone decides: the message from behind the source, and two fields. */
    struct bytes json_rest;
    struct bytes domains;
    struct bytes tbs;
};

/* `seed`: as of block_writer_create. */
struct stored_entry_reader *stored_entry_reader_create(uint64_t seed);
void stored_entry_reader_destroy(struct stored_entry_reader *reader);
/* Forgets the sources, of which there are a few for each log. */
void stored_entry_reader_clear(struct stored_entry_reader *reader);

/* Of the stream's fields, in their order. False if they are not of the form, or if the message's
 * part before json_rest would not be the same when written again. */
bool stored_entry_read(struct stored_entry_reader *reader, struct stored_entry *stored,
                       struct stream_id id, const struct history_fields *fields);

#endif
