/*
 * What a client wants of the stream: the filters of its query (streamer/README.md, "Filters").
 * Several of one kind: one of them must match; of different kinds: all must.
 *
 *     domain=www.example.com   this name
 *     domain=*.example.com     every name below it, at any depth, the certificate's wildcards
 *                              (*.example.com) included; not example.com itself
 *     domain=.example.com      both
 *     match=shop               part of a name
 *     regex=^pay[a-z]*[0-9]    linear_regex.h, searched in each name
 *     log=                     log id (hex or base64), or the log's description or address;
 *                              * at either end
 *     operator=, issuer=       the operator's name, the issuer's common name or organization;
 *                              * at either end. An issuer may also be the SHA-256 of a
 *                              certificate of the chain, hex, colons or not
 *     type=precert|cert
 *     unique=1                 of the entries that hold the same certificate only the first
 *     unique=pair              a precertificate and its certificate are the same
 *                              (recent_certificates.h)
 *
 * Names are those of the certificate (all_domains), compared as texts without regard to the case of
 * ASCII letters, so a wildcard in a certificate is a name that begins with an asterisk and stands
 * for nothing.
 *
 * unique goes with no log and no operator: the first copy of a certificate may be in a log that is
 * not wanted, and then it would be shown never.
 *
 * A parameter that is not known is an error: a filter with a misspelt name would otherwise let
 * everything through without a word.
 */
#ifndef STREAMER_FILTER_FILTER_H
#define STREAMER_FILTER_FILTER_H

#include "streamer/filter/query.h"

struct buffer;
struct domain_entry;
struct filter;
struct filter_subject;

enum {
    /* A filter may have so many; each costs a lookup, a search, or an automaton of up to 16 KB. */
    FILTER_DOMAINS_MAX = QUERY_PARAMETERS_MAX,
    FILTER_MATCHES_MAX = 32,
    FILTER_REGEXES_MAX = 4,
    FILTER_NAMES_MAX = 32, /* logs, operators, issuers: of each */
    FILTER_VALUE_MAX = 512,
    FILTER_REASON_SIZE = 256,
    /* In steps (filter_cost): some 50 us per name, so that a page of 200 entries of the past takes
     * the loop 20 ms. Ordinary regexes cost 1 to 100. */
    FILTER_COST_MAX = 50000,
    /* Every byte of a query as JSON escapes it. */
    FILTER_MATCHED_MAX = 8 * QUERY_TEXT_MAX,
};

/* Reads the filters among the parameters of a query. True: *filter is theirs, or NULL if there are
 * none, which lets everything through; the caller has one reference. False if one is wrong, or a
 * parameter is neither a filter nor one of `others` (names, ended by NULL): then `reason`, of
 * FILTER_REASON_SIZE bytes, says which and why, in printable ASCII without quotes and backslashes.
 */
bool filter_create(struct filter **filter, const struct query *query, const char *const *others,
                   char *reason);

/* One more reference; NULL is fine. */
struct filter *filter_acquire(struct filter *filter);
/* One less; the last one frees it. NULL is fine. */
void filter_release(struct filter *filter);

/* The filter as a query, the same for filters that ask for the same; empty for NULL. Lives as long
 * as the filter. */
const char *filter_text(const struct filter *filter);
/* True if they have the same text. */
bool filter_equal(const struct filter *a, const struct filter *b);

/* For filter_index, which looks for the names of all filters together. */

/* The kinds of values that look at names. */
enum filter_name_kind {
    FILTER_LOOKS_FOR_DOMAIN = 1,
    FILTER_LOOKS_FOR_MATCH = 2,
    FILTER_LOOKS_FOR_REGEX = 4,
};

/* Those that the filter has values of, together. */
unsigned filter_name_kinds(const struct filter *filter);
/* Its domains; `next` and `owner` are the filter's own. */
const struct domain_entry *filter_domains(const struct filter *filter, size_t *count);
/* Its matches and regexes: how many; which of the two one is; and its expression, as
 * linear_regex_plain has it, allocated, or NULL if it cannot be had. */
size_t filter_pattern_count(const struct filter *filter);
enum filter_name_kind filter_pattern_kind(const struct filter *filter, size_t number);
char *filter_pattern(const struct filter *filter, size_t number);
/* True if what the filter asks of the log and its operator, of the issuer, and of the entry itself
 * is as it wants it. The first two are the same for subjects whose keys are (struct
 * subject_names). */
bool filter_matches_log(const struct filter *filter, struct filter_subject *subject);
bool filter_matches_issuer(const struct filter *filter, struct filter_subject *subject);
bool filter_matches_entry(const struct filter *filter, struct filter_subject *subject);
bool filter_asks_log(const struct filter *filter);
bool filter_asks_issuer(const struct filter *filter);
/* It looks at nothing of an entry but its names. */
bool filter_asks_names_only(const struct filter *filter);

/* What the filter costs per name of a certificate by itself, as it is charged to who asks for it:
 * steps of linear_regex.h, each about a nanosecond, and as many for the other values as they take.
 * It depends on nothing but the filter. NULL costs nothing. */
uint64_t filter_cost(const struct filter *filter);

/* True if the subject's entry passes. NULL lets everything through. */
bool filter_matches(const struct filter *filter, struct filter_subject *subject);

/* Appends which of its values let the entry through, as the `matched` of a message (protocol of
 * messages, README.md): ["domain=*.example.com"]. Only of an entry that passes. Nothing for NULL.
 */
void filter_write_matched(const struct filter *filter, struct filter_subject *subject,
                          struct buffer *out);

#endif
