/* Entries of the stream as ingest writes them, with the things that filters look at. */
#ifndef TESTS_UNIT_ENTRY_BUILDER_H
#define TESTS_UNIT_ENTRY_BUILDER_H

#include "shared/base/buffer.h"
#include "streamer/stream/stream_entry.h"

enum {
    ENTRY_NAMES_MAX = 8
};

/* What is left zero is filled in with something ordinary. */
struct entry_parts {
    const char *id; /* the stream's */
    const char *log_description, *log_url, *operator_name;
    uint8_t log; /* each byte of the log id */
    bool is_precertificate;
    const char *issuer_common_name, *issuer_organization;
    const char *chain;
    struct bytes names[ENTRY_NAMES_MAX]; /* the first without data ends them */
    struct bytes leaf;                   /* a certificate to take instead of making one */
    uint8_t number;                      /* makes certificates differ */
};

/* An entry and what it is views of. */
struct built_entry {
    struct stream_entry entry;
    struct buffer der, json, domains;
    char log[65];
};

void build_entry(struct built_entry *built, const struct entry_parts *parts);
void built_entry_free(struct built_entry *built);

#endif
