#include "ingest/lists/roster.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"

/* All that is said of one log. */
struct candidate {
    const struct ct_log *described; /* the preferred description, or NULL */
    bool is_public;                 /* no list of the user's own names it */
    const struct ct_log *known;     /* as it is followed now, or NULL */
    size_t list_count;              /* that name it */
};

enum {
    /* Bounds all lists' names of one log: what does not fit is left out. */
    NAMES_SIZE_MAX = 4096,
    VERSION_LINE_MAX = LOG_LIST_VERSION_SIZE + 24,
};

struct judgement {
    enum roster_verdict verdict;
    enum roster_reason reason;
};

const char *roster_reason_text(enum roster_reason reason)
{
    static const char *const texts[] = {
        [ROSTER_AS_LISTED] = "as listed",
        [ROSTER_OWN_LIST] = "named by a list of yours",
        [ROSTER_PENDING_WANTED] = "pending, by --follow-pending",
        [ROSTER_FOLLOWED_ON] = "pending again",
        [ROSTER_UNREAD_LIST] = "until all lists are read",
        [ROSTER_GONE] = "left the lists",
        [ROSTER_PENDING] = "pending (--follow-pending)",
        [ROSTER_RETIRED] = "retired",
        [ROSTER_REJECTED] = "rejected",
        [ROSTER_NO_STATE] = "has no state",
        [ROSTER_TEST] = "for tests or monitoring only",
        [ROSTER_PLACEHOLDER] = "a placeholder, no log",
        [ROSTER_IGNORED] = "by --ignore-log",
        [ROSTER_LIST_UNNAMED] = "its list is no longer named",
    };
    return texts[reason];
}

static const struct ct_log *find_known(const struct roster_input *input, const uint8_t *id)
{
    for (size_t i = 0; i < input->known_count; i++)
        if (memcmp(input->known[i]->id, id, SHA256_SIZE) == 0)
            return input->known[i];
    return NULL;
}

/* RFC 2606's domains: Chrome's list has had logs at ct.example.com, so that old parsers see some
 * RFC 6962 logs still. */
static bool is_placeholder(const char *url)
{
    static const char *const hosts[] = { "example.com", "example.net", "example.org" };
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    size_t size = strcspn(start, ":/");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t host_size = strlen(hosts[i]);
        if (size >= host_size && strncasecmp(start + size - host_size, hosts[i], host_size) == 0 &&
            (size == host_size || start[size - host_size - 1] == '.'))
            return true;
    }
    return false;
}

static bool is_ignored(const struct roster_policy *policy, const uint8_t *id)
{
    for (size_t i = 0; i < policy->ignored_count; i++)
        if (memcmp(policy->ignored[i], id, SHA256_SIZE) == 0)
            return true;
    return false;
}

static bool has_unread_list(const struct roster_input *input)
{
    for (size_t i = 0; i < input->list_count; i++)
        if (!input->lists[i].list)
            return true;
    return false;
}

static struct candidate collect(const struct roster_input *input, const uint8_t *id)
{
    struct candidate candidate = { .is_public = true, .known = find_known(input, id) };
    for (size_t i = 0; i < input->list_count; i++) {
        const struct roster_list *list = &input->lists[i];
        const struct ct_log *described = list->list ? log_list_find(list->list, id) : NULL;
        if (!described)
            continue;
        candidate.list_count++;
        candidate.is_public &= list->is_public;
        if (!candidate.described || ct_log_is_preferred(described, candidate.described))
            candidate.described = described;
    }
    return candidate;
}

/* Whether one of the lists that named a log when it was last looked at is still in the settings. */
static bool is_list_named(const struct roster_input *input, const struct ct_log *known)
{
    for (const char *line = known->lists; *line;) {
        size_t size = strcspn(line, "\n");
        for (size_t i = 0; i < input->list_count; i++)
            if (bytes_equal_string(bytes_of(line, size), input->lists[i].name))
                return true;
        line += size + (line[size] == '\n');
    }
    return false;
}

static struct judgement judge_state(const struct roster_policy *policy,
                                    const struct candidate *candidate)
{
    const struct ct_log *known = candidate->known;
    switch (candidate->described->state) {
    case CT_LOG_QUALIFIED:
    case CT_LOG_USABLE:
    case CT_LOG_READONLY: return (struct judgement){ ROSTER_FOLLOWED, ROSTER_AS_LISTED };
    case CT_LOG_PENDING:
        if (policy->follows_pending)
            return (struct judgement){ ROSTER_FOLLOWED, ROSTER_PENDING_WANTED };
        if (known && !known->is_draining)
            return (struct judgement){ ROSTER_FOLLOWED, ROSTER_FOLLOWED_ON };
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_PENDING };
    case CT_LOG_RETIRED: return (struct judgement){ ROSTER_SKIPPED, ROSTER_RETIRED };
    case CT_LOG_REJECTED: return (struct judgement){ ROSTER_SKIPPED, ROSTER_REJECTED };
    case CT_LOG_STATE_NONE: break;
    }
    if (!candidate->is_public)
        return (struct judgement){ ROSTER_FOLLOWED, ROSTER_OWN_LIST };
    return (struct judgement){ ROSTER_SKIPPED, ROSTER_NO_STATE };
}

/* What the lists say, as if nothing were followed yet. */
static struct judgement judge_listed(const struct roster_policy *policy,
                                     const struct candidate *candidate)
{
    if (!candidate->described)
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_GONE };
    if (candidate->is_public && is_placeholder(candidate->described->url))
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_PLACEHOLDER };
    if (candidate->is_public && candidate->described->is_test)
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_TEST };
    return judge_state(policy, candidate);
}

/* A log that is followed is not stopped but drained. */
static struct judgement judge(const struct roster_input *input, const struct candidate *candidate,
                              const uint8_t *id)
{
    if (is_ignored(&input->policy, id))
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_IGNORED };
    struct judgement judgement = judge_listed(&input->policy, candidate);
    const struct ct_log *known = candidate->known;
    if (judgement.verdict != ROSTER_SKIPPED || !known)
        return judgement;
    if (!candidate->described && !is_list_named(input, known))
        return (struct judgement){ ROSTER_SKIPPED, ROSTER_LIST_UNNAMED };
    judgement.verdict = ROSTER_DRAINED;
    if (!known->is_draining && has_unread_list(input))
        judgement = (struct judgement){ ROSTER_FOLLOWED, ROSTER_UNREAD_LIST };
    return judgement;
}

static char *take_text(struct buffer *buffer)
{
    char *text = memory_copy_text((const char *)buffer->data, buffer->size);
    buffer_free(buffer);
    return text;
}

/* The names and versions of the lists that name the log, one per line. */
static void set_lists(const struct roster_input *input, struct ct_log *ct_log)
{
    struct buffer names, versions;
    buffer_init(&names, NAMES_SIZE_MAX);
    buffer_init(&versions, NAMES_SIZE_MAX);
    (void)buffer_reserve(&names, 1);
    (void)buffer_reserve(&versions, 1);
    for (size_t i = 0; i < input->list_count; i++) {
        const struct roster_list *list = &input->lists[i];
        if (!list->list || !log_list_find(list->list, ct_log->id) ||
            names.size + strlen(list->name) >= NAMES_SIZE_MAX ||
            versions.size + VERSION_LINE_MAX >= NAMES_SIZE_MAX)
            continue;
        const char *separator = names.size ? "\n" : "";
        buffer_append_format(&names, "%s%s", separator, list->name);
        buffer_append_format(&versions, "%s%s %" PRIu64, separator,
                             *list->list->version ? list->list->version : "-",
                             list->list->timestamp_ms);
    }
    free(ct_log->lists);
    free(ct_log->list_versions);
    ct_log->lists = take_text(&names);
    ct_log->list_versions = take_text(&versions);
}

/* Gives the log as it is to be followed: what the lists say of it, unless that is a placeholder or
 * nothing. The lists that named a log stay known when it is in none any more: as long as one of
 * them is in the settings, the log is drained. */
static struct ct_log describe(const struct roster_input *input, const struct candidate *candidate,
                              struct judgement judgement)
{
    bool is_listed = candidate->described && judgement.reason != ROSTER_UNREAD_LIST &&
                     !(candidate->known && judgement.reason == ROSTER_PLACEHOLDER);
    struct ct_log copy = ct_log_copy(is_listed ? candidate->described : candidate->known);
    if (is_listed)
        set_lists(input, &copy);
    copy.is_draining = judgement.verdict == ROSTER_DRAINED;
    return copy;
}

/* Whether taking this verdict would stop a log that is followed now. What the operator wants by the
 * settings, and a log whose interval is over, is nothing to be suspicious of. */
static bool is_stopped(const struct roster_input *input, const struct ct_log *known,
                       struct judgement judgement)
{
    bool is_over = known->has_interval && known->interval_end_ms <= input->now_ms;
    return judgement.verdict != ROSTER_FOLLOWED && judgement.reason != ROSTER_IGNORED &&
           judgement.reason != ROSTER_LIST_UNNAMED && !is_over;
}

static void add_roster_entry(struct roster *roster, const struct roster_input *input,
                             const uint8_t *id)
{
    struct candidate candidate = collect(input, id);
    struct judgement judgement = judge(input, &candidate, id);
    if (candidate.known && !candidate.known->is_draining) {
        roster->known++;
        roster->stopped += is_stopped(input, candidate.known, judgement);
    }
    roster->followed += judgement.verdict == ROSTER_FOLLOWED;
    roster->drained += judgement.verdict == ROSTER_DRAINED;
    roster->entries[roster->count++] = (struct roster_entry){
        .ct_log = describe(input, &candidate, judgement),
        .verdict = judgement.verdict,
        .reason = judgement.reason,
        .list_count = candidate.list_count,
    };
}

static bool is_named_before(const struct roster_input *input, size_t list_count, const uint8_t *id)
{
    for (size_t i = 0; i < list_count; i++)
        if (input->lists[i].list && log_list_find(input->lists[i].list, id))
            return true;
    return false;
}

static size_t count_all(const struct roster_input *input)
{
    size_t count = input->known_count;
    for (size_t i = 0; i < input->list_count; i++)
        count += input->lists[i].list ? input->lists[i].list->count : 0;
    return count;
}

void roster_decide(struct roster *roster, const struct roster_input *input)
{
    *roster = (struct roster){ 0 };
    roster->entries = memory_allocate_zeroed(count_all(input) + 1, sizeof *roster->entries);
    for (size_t i = 0; i < input->list_count; i++) {
        const struct log_list *list = input->lists[i].list;
        for (size_t j = 0; list && j < list->count; j++)
            if (!is_named_before(input, i, list->logs[j].id))
                add_roster_entry(roster, input, list->logs[j].id);
    }
    for (size_t i = 0; i < input->known_count; i++)
        if (!is_named_before(input, input->list_count, input->known[i]->id))
            add_roster_entry(roster, input, input->known[i]->id);
    roster->is_braked = roster->known >= ROSTER_BRAKE_LOGS_MIN &&
                        roster->stopped * 100 > roster->known * input->policy.brake_percent;
}

void roster_clear(struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++)
        ct_log_clear(&roster->entries[i].ct_log);
    free(roster->entries);
    *roster = (struct roster){ 0 };
}
