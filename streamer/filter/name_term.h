/*
 * What filters look for in names, each thing once, whatever number of filters look for it: a
 * domain, or a pattern. An entry is asked once whether one holds, and that stands in the term.
 */
#ifndef STREAMER_FILTER_NAME_TERM_H
#define STREAMER_FILTER_NAME_TERM_H

#include "streamer/filter/domain_table.h"

struct name_term;

enum {
    TERM_NOT_IN_SET = -1,
};

/* Somebody who waits for the term to hold; `owner` is the caller's. */
struct term_follower {
    void *owner;
    struct name_term *term;
    struct term_follower *next, **link; /* link: NULL: it does not follow */
};

struct name_term {
    size_t references;
    uint64_t entry;   /* the number of the last one in which it held */
    ptrdiff_t in_set; /* the number of its pattern there, or TERM_NOT_IN_SET */
    uint64_t job;     /* the last one that it was in */
    size_t in_job;    /* the number of its pattern there */
    struct term_follower *followers;
    struct domain_entry domain; /* of a domain; its owner is the term */
    uint8_t *domain_name;       /* of it */
    char *expression;           /* of a pattern; NULL: it is a domain */
    uint64_t hash;
    struct name_term *next;
};

/* All of them. Zeroed it is empty. */
struct name_terms {
    struct domain_table domains;
    struct name_term **buckets; /* of patterns */
    size_t bucket_count, pattern_count;
};

/* Every term is released before. */
void name_terms_free(struct name_terms *terms);

/* One more reference to the term of this domain, of which everything but `next` and `owner` is
 * looked at; what it borrows is copied. */
struct name_term *name_terms_domain(struct name_terms *terms, const struct domain_entry *domain);
/* The same of a pattern. Takes the expression, which was allocated. */
struct name_term *name_terms_pattern(struct name_terms *terms, char *expression);
/* One less; the last one frees it. Nobody may follow it then. */
void name_term_release(struct name_terms *terms, struct name_term *term);

/* `follower` has its term and is no follower yet. */
void name_term_follow(struct term_follower *follower);
/* One who does not follow is fine. */
void name_term_leave(struct term_follower *follower);

#endif
