/*
 * What the stream is made of, of late: how many entries came each second of the last minutes, and
 * who issued them, in whose logs, for how long, with which keys. Counted once for all who ask, in
 * constant time and memory, by searching the stored messages (message_view.h), nothing parsed.
 * When many come, only some are looked at, each for all it stands for.
 */
#ifndef STREAMER_HTTP_SHARES_H
#define STREAMER_HTTP_SHARES_H

#include "streamer/http/top_values.h"

struct shares;
struct stream_entry;

enum {
    SHARES_SECONDS = 300,
    SHARES_MINUTES = SHARES_SECONDS / 60,
};

enum share_kind {
    SHARE_ISSUERS,   /* the issuer's organization, else its common name */
    SHARE_OPERATORS, /* who runs the log */
    SHARE_LOG_KINDS, /* rfc6962, tiled */
    SHARE_LIFETIMES, /* in ranges of days */
    SHARE_KEYS,      /* "rsa 2048", "ec P-256", "ml-dsa-65" */
    SHARE_DOMAINS,   /* the end of the first name behind its last dot */
    SHARE_LEVELS,    /* how the applicant was validated, by the policies of the CA/Browser Forum */
    SHARE_KINDS
};

struct shares_second {
    uint64_t second; /* since 1970 */
    uint64_t entries, precertificates;
    uint64_t unique; /* certificates that the stream had not had lately */
};

/* Since the day began in UTC, or since counting began if that was later. */
struct shares_day {
    uint64_t from_ms;
    uint64_t entries;
};

/* `now_ms` is since 1970. */
struct shares *shares_create(uint64_t now_ms);
/* NULL is fine. */
void shares_destroy(struct shares *shares);

/* Entries that have just come, `unique` of them with a certificate that had not come lately. A
 * clock that was set back counts on in the newest second. */
void shares_add(struct shares *shares, const struct stream_entry *entries, size_t count,
                size_t unique, uint64_t now_ms);

struct shares_day shares_today(const struct shares *shares, uint64_t now_ms);
/* The second that began so long before `now_ms`; zeros where none came. */
struct shares_second shares_second_ago(const struct shares *shares, uint64_t now_ms,
                                       unsigned seconds);

const char *share_kind_name(enum share_kind kind);

struct shares_total {
    uint64_t entries;   /* of the last SHARES_MINUTES, the one that has begun included */
    uint64_t looked_at; /* of these */
    struct top_values values[SHARE_KINDS];
};

/* What came within the last SHARES_MINUTES. Its counts are of entries. */
void shares_sum(const struct shares *shares, uint64_t now_ms, struct shares_total *total);

#endif
