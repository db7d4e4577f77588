#include "streamer/http/shares.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/message/message_view.h"
#include "streamer/stream/stream_entry.h"

enum {
    MS_PER_S = 1000,
    S_PER_MINUTE = 60,
    S_PER_DAY = 86400,
    /* Of the first so many entries of a second each is looked at, of the next every second one, of
     * the next every third: 360 of 2,000, 450 of 5,000. Of five minutes that is a hundred thousand,
     * of which a share of one percent is found to within three percent of itself. */
    SAMPLE_STEP = 100,
};

struct minute {
    uint64_t minute; /* since 1970 */
    uint64_t entries, looked_at;
    struct top_values values[SHARE_KINDS];
};

struct shares {
    struct shares_second seconds[SHARES_SECONDS];
    struct minute minutes[SHARES_MINUTES];
    struct shares_day today;
    uint64_t newest_second;
    uint64_t random;
};

/* What is looked at of one entry. */
struct share_subject {
    const struct stream_entry *entry;
    struct message_source_view source;
    struct message_certificate_view certificate;
};

typedef struct bytes (*find_share)(const struct share_subject *subject, uint8_t *room);

struct lifetime {
    int64_t days;
    const char *name;
};

/* The limits are those that the CA/Browser Forum's Baseline Requirements (section 6.3.2) have had
 * or will have, and 90 days, for which most are issued. */
static const struct lifetime lifetimes[] = {
    { 7, "up to 7 days" },          { 47, "8 to 47 days" },     { 90, "48 to 90 days" },
    { 100, "91 to 100 days" },      { 200, "101 to 200 days" }, { 398, "201 to 398 days" },
    { INT64_MAX, "over 398 days" },
};

static struct bytes unescape_share(struct bytes text, uint8_t *room)
{
    if (text.size > TOP_VALUE_SIZE)
        return text;
    return bytes_of(room, message_view_unescape(room, text));
}

static struct bytes find_issuer_share(const struct share_subject *subject, uint8_t *room)
{
    const struct message_issuer_view *issuer = &subject->certificate.issuer;
    bool has_organization = issuer->organization.size > 0;
    return unescape_share(has_organization ? issuer->organization : issuer->common_name, room);
}

static struct bytes find_operator_share(const struct share_subject *subject, uint8_t *room)
{
    return unescape_share(subject->source.operator_name, room);
}

static struct bytes find_log_kind_share(const struct share_subject *subject, uint8_t *room)
{
    (void)room;
    return subject->source.type;
}

/* The last second belongs to the certificate (RFC 5280 section 4.1.2.5). */
static struct bytes find_lifetime_share(const struct share_subject *subject, uint8_t *room)
{
    (void)room;
    const struct message_certificate_view *certificate = &subject->certificate;
    int64_t seconds = certificate->not_after - certificate->not_before + 1;
    size_t i = 0;
    if (!certificate->has_lifetime || seconds < 1)
        return (struct bytes){ 0 };
    while ((seconds - 1) / S_PER_DAY >= lifetimes[i].days)
        i++;
    return bytes_of_string(lifetimes[i].name);
}

/* Both with a blank between them; the first alone if there is no other, or no room. */
static struct bytes join_words(struct bytes first, struct bytes second, uint8_t *room)
{
    if (second.size == 0 || first.size + 1 + second.size > TOP_VALUE_SIZE)
        return first;
    memcpy(room, first.data, first.size);
    room[first.size] = ' ';
    memcpy(room + first.size + 1, second.data, second.size);
    return bytes_of(room, first.size + 1 + second.size);
}

static struct bytes find_key_share(const struct share_subject *subject, uint8_t *room)
{
    const struct message_certificate_view *certificate = &subject->certificate;
    char bits[24];
    int size = snprintf(bits, sizeof bits, "%" PRIu64, certificate->key_bits);
    bool has_bits = certificate->key_bits > 0;
    return join_words(certificate->key_type,
                      has_bits ? bytes_of(bits, (size_t)size) : certificate->key_curve, room);
}

static bool is_label(struct bytes text)
{
    bool has_letter = false;
    for (size_t i = 0; i < text.size; i++) {
        if (!isalnum(text.data[i]) && text.data[i] != '-')
            return false;
        has_letter = has_letter || isalpha(text.data[i]);
    }
    return has_letter;
}

/* Of ["www.example.com","example.com"] that is com. */
/* NOLINTNEXTLINE(readability-function-size): isalpha is a macro of many branches */
static struct bytes find_domain_share(const struct share_subject *subject, uint8_t *room)
{
    struct bytes domains = subject->entry->domains;
    const uint8_t *end = domains.size > 2 ? memchr(domains.data + 2, '"', domains.size - 2) : NULL;
    const uint8_t *start = end;
    while (start && start > domains.data && start[-1] != '.')
        start--;
    if (!start || start == domains.data || end - start > TOP_VALUE_SIZE)
        return (struct bytes){ 0 };
    struct bytes label = bytes_of(start, (size_t)(end - start));
    for (size_t i = 0; i < label.size; i++)
        room[i] = (uint8_t)tolower(label.data[i]);
    return is_label(label) ? bytes_of(room, label.size) : (struct bytes){ 0 };
}

/* By the identifiers of the Baseline Requirements, section 7.1.6.1, and of the EV Guidelines. */
static struct bytes find_level_share(const struct share_subject *subject, uint8_t *room)
{
    (void)room;
    static const struct {
        const char *policy, *level;
    } levels[] = { { "Policy: 2.23.140.1.2.1\\n", "domain" },
                   { "Policy: 2.23.140.1.2.2\\n", "organization" },
                   { "Policy: 2.23.140.1.1\\n", "extended" },
                   { "Policy: 2.23.140.1.2.3\\n", "individual" } };
    struct bytes policies = subject->certificate.policies;
    for (size_t i = 0; policies.size > 0 && i < sizeof levels / sizeof *levels; i++)
        if (memmem(policies.data, policies.size, levels[i].policy, strlen(levels[i].policy)))
            return bytes_of_string(levels[i].level);
    return (struct bytes){ 0 };
}

static const struct {
    const char *name;
    find_share find;
} kinds[SHARE_KINDS] = {
    [SHARE_ISSUERS] = { "issuers", find_issuer_share },
    [SHARE_OPERATORS] = { "operators", find_operator_share },
    [SHARE_LOG_KINDS] = { "log_kinds", find_log_kind_share },
    [SHARE_LIFETIMES] = { "lifetimes", find_lifetime_share },
    [SHARE_KEYS] = { "keys", find_key_share },
    [SHARE_DOMAINS] = { "domains", find_domain_share },
    [SHARE_LEVELS] = { "levels", find_level_share },
};

const char *share_kind_name(enum share_kind kind)
{
    return kinds[kind].name;
}

struct shares *shares_create(uint64_t now_ms)
{
    struct shares *shares = memory_allocate_zeroed(1, sizeof *shares);
    shares->today.from_ms = now_ms;
    shares->random = now_ms | 1;
    return shares;
}

void shares_destroy(struct shares *shares)
{
    free(shares);
}

static struct shares_second *find_second(struct shares *shares, uint64_t second)
{
    if (second < shares->newest_second)
        second = shares->newest_second;
    shares->newest_second = second;
    struct shares_second *found = &shares->seconds[second % SHARES_SECONDS];
    if (found->second != second)
        *found = (struct shares_second){ .second = second };
    return found;
}

static struct minute *find_minute(struct shares *shares, uint64_t minute)
{
    struct minute *found = &shares->minutes[minute % SHARES_MINUTES];
    if (found->minute != minute) {
        memset(found, 0, sizeof *found);
        found->minute = minute;
    }
    return found;
}

static bool is_of_day(uint64_t time_ms, uint64_t now_ms)
{
    return time_ms / MS_PER_S / S_PER_DAY == now_ms / MS_PER_S / S_PER_DAY;
}

static uint64_t begin_of_day(uint64_t now_ms)
{
    return now_ms - now_ms % ((uint64_t)S_PER_DAY * MS_PER_S);
}

struct shares_day shares_today(const struct shares *shares, uint64_t now_ms)
{
    if (is_of_day(shares->today.from_ms, now_ms))
        return shares->today;
    return (struct shares_day){ .from_ms = begin_of_day(now_ms) };
}

/* xorshift64 (Marsaglia): a fixed pattern could be that of the entries. */
static uint64_t next_random(struct shares *shares)
{
    uint64_t random = shares->random;
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    shares->random = random;
    return random;
}

static void count_shares(struct minute *minute, const struct stream_entry *entry, uint64_t weight)
{
    struct share_subject subject = { .entry = entry };
    uint8_t room[TOP_VALUE_SIZE];
    minute->looked_at++;
    if (!message_view_source(entry->json, &subject.source) ||
        !message_view_certificate(entry->json, &subject.certificate))
        return;
    for (size_t kind = 0; kind < SHARE_KINDS; kind++) {
        struct bytes value = kinds[kind].find(&subject, room);
        if (value.size > 0)
            top_values_add(&minute->values[kind], value, weight);
    }
}

void shares_add(struct shares *shares, const struct stream_entry *entries, size_t count,
                size_t unique, uint64_t now_ms)
{
    struct shares_second *second = find_second(shares, now_ms / MS_PER_S);
    struct minute *minute = find_minute(shares, second->second / S_PER_MINUTE);
    shares->today = shares_today(shares, now_ms);
    shares->today.entries += count;
    second->unique += unique;
    minute->entries += count;
    for (size_t i = 0; i < count; i++) {
        uint64_t weight = 1 + second->entries / SAMPLE_STEP;
        second->entries++;
        second->precertificates += message_view_is_precertificate(entries[i].json);
        if (weight == 1 || next_random(shares) % weight == 0)
            count_shares(minute, &entries[i], weight);
    }
}

struct shares_second shares_second_ago(const struct shares *shares, uint64_t now_ms,
                                       unsigned seconds)
{
    uint64_t wanted = now_ms / MS_PER_S - seconds;
    const struct shares_second *found = &shares->seconds[wanted % SHARES_SECONDS];
    return found->second == wanted ? *found : (struct shares_second){ .second = wanted };
}

void shares_sum(const struct shares *shares, uint64_t now_ms, struct shares_total *total)
{
    uint64_t now = now_ms / MS_PER_S / S_PER_MINUTE;
    memset(total, 0, sizeof *total);
    for (size_t i = 0; i < SHARES_MINUTES; i++) {
        const struct minute *minute = &shares->minutes[i];
        if (minute->minute + SHARES_MINUTES <= now || minute->minute > now)
            continue;
        total->entries += minute->entries;
        total->looked_at += minute->looked_at;
        for (size_t kind = 0; kind < SHARE_KINDS; kind++)
            top_values_merge(&total->values[kind], &minute->values[kind]);
    }
}
