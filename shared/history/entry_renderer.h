/*
 * Makes the fields of the stream's entry again from its row and its record: byte for byte what
 * stood in the stream, because whoever packed it has compared them. Pure.
 */
#ifndef SHARED_HISTORY_ENTRY_RENDERER_H
#define SHARED_HISTORY_ENTRY_RENDERER_H

#include "shared/history/block_rows.h"

struct certificate;
struct entry_renderer;

/* What is wanted of an entry: the rest costs little. */
enum {
    ENTRY_JSON = 1,
    ENTRY_DOMAINS = 2,
    ENTRY_TBS = 4,
    ENTRY_ALL = ENTRY_JSON | ENTRY_DOMAINS | ENTRY_TBS,
};

struct history_field {
    struct bytes name;
    struct bytes value; /* no data, of a field that was not wanted */
};

/* The fields in the order in which they stood in the stream. */
struct history_fields {
    const struct history_field *fields;
    size_t count;
};

struct entry_renderer *entry_renderer_create(void);
void entry_renderer_destroy(struct entry_renderer *renderer);

/* `record`: what stands at entry->place. The fields are views into it and into the renderer, and
 * live until its next entry. False if the record is damaged. */
bool entry_renderer_render(struct entry_renderer *renderer, const struct history_entry *entry,
                           struct bytes record, unsigned wanted, struct history_fields *fields);

/* The certificate of the entry that was rendered last, read; NULL if it was verbatim, or no more
 * than its domains were wanted. Lives until
 * the next entry. */
const struct certificate *entry_renderer_certificate(const struct entry_renderer *renderer);

/* The value of a field; no data if there is none. */
struct bytes history_fields_find(const struct history_fields *fields, const char *name);

#endif
