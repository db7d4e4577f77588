#include "streamer/filter/name_term.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    BUCKETS_MIN = 8,
};

void name_terms_free(struct name_terms *terms)
{
    assert(terms->pattern_count == 0 && terms->domains.count == 0);
    domain_table_free(&terms->domains);
    free(terms->buckets);
    *terms = (struct name_terms){ 0 };
}

static struct name_term *make_term(void)
{
    struct name_term *term = memory_allocate_zeroed(1, sizeof *term);
    term->references = 1;
    term->in_set = TERM_NOT_IN_SET;
    return term;
}

static bool is_same_domain(const struct domain_entry *a, const struct domain_entry *b)
{
    return a->hash == b->hash && a->takes_whole == b->takes_whole &&
           a->takes_below == b->takes_below && bytes_equal(a->name, b->name);
}

static struct name_term *find_domain(const struct name_terms *terms,
                                     const struct domain_entry *domain)
{
    const struct subject_ending ending = { domain->name, domain->hash, domain->takes_whole };
    struct domain_entry *entry = domain_table_find(&terms->domains, &ending);
    while (entry && !is_same_domain(entry, domain))
        entry = domain_table_next(entry, &ending);
    return entry ? entry->owner : NULL;
}

struct name_term *name_terms_domain(struct name_terms *terms, const struct domain_entry *domain)
{
    struct name_term *term = find_domain(terms, domain);
    if (term) {
        term->references++;
        return term;
    }
    term = make_term();
    term->domain_name = memory_allocate(domain->name.size + 1);
    memcpy(term->domain_name, domain->name.data, domain->name.size);
    term->domain = *domain;
    term->domain.name.data = term->domain_name;
    term->domain.owner = term;
    domain_table_add(&terms->domains, &term->domain);
    return term;
}

static struct name_term **bucket_of_pattern(const struct name_terms *terms, uint64_t hash)
{
    return &terms->buckets[(hash >> 32) & (terms->bucket_count - 1)];
}

static void link_pattern(struct name_terms *terms, struct name_term *term)
{
    struct name_term **bucket = bucket_of_pattern(terms, term->hash);
    term->next = *bucket;
    *bucket = term;
}

static void grow_buckets(struct name_terms *terms)
{
    struct name_terms old = *terms;
    terms->bucket_count = old.bucket_count ? 2 * old.bucket_count : BUCKETS_MIN;
    terms->buckets = memory_allocate_zeroed(terms->bucket_count, sizeof(struct name_term *));
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct name_term *term = old.buckets[i], *next; term; term = next) {
            next = term->next;
            link_pattern(terms, term);
        }
    free(old.buckets);
}

static struct name_term *find_pattern(const struct name_terms *terms, const char *expression,
                                      uint64_t hash)
{
    struct name_term *term = terms->bucket_count ? *bucket_of_pattern(terms, hash) : NULL;
    while (term && (term->hash != hash || strcmp(term->expression, expression) != 0))
        term = term->next;
    return term;
}

struct name_term *name_terms_pattern(struct name_terms *terms, char *expression)
{
    uint64_t hash = subject_hash(bytes_of_string(expression));
    struct name_term *term = find_pattern(terms, expression, hash);
    if (term) {
        term->references++;
        free(expression);
        return term;
    }
    term = make_term();
    term->expression = expression;
    term->hash = hash;
    if (terms->pattern_count++ == terms->bucket_count)
        grow_buckets(terms);
    link_pattern(terms, term);
    return term;
}

static void unlink_pattern(struct name_terms *terms, struct name_term *term)
{
    struct name_term **link = bucket_of_pattern(terms, term->hash);
    while (*link != term)
        link = &(*link)->next;
    *link = term->next;
    terms->pattern_count--;
}

void name_term_release(struct name_terms *terms, struct name_term *term)
{
    assert(term->references > 0);
    if (--term->references > 0)
        return;
    assert(!term->followers);
    if (term->expression)
        unlink_pattern(terms, term);
    else
        domain_table_remove(&terms->domains, &term->domain);
    free(term->domain_name);
    free(term->expression);
    free(term);
}

void name_term_follow(struct term_follower *follower)
{
    struct term_follower **first = &follower->term->followers;
    assert(!follower->link);
    follower->next = *first;
    follower->link = first;
    if (follower->next)
        follower->next->link = &follower->next;
    *first = follower;
}

void name_term_leave(struct term_follower *follower)
{
    if (!follower->link)
        return;
    *follower->link = follower->next;
    if (follower->next)
        follower->next->link = follower->link;
    follower->next = NULL;
    follower->link = NULL;
}
