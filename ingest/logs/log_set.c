#include "ingest/logs/log_set.h"

#include <stdlib.h>

#include "ingest/lists/roster.h"
#include "ingest/logs/followed_log.h"
#include "shared/base/memory.h"
#include "shared/process/say.h"

void log_set_clear(struct log_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        followed_log_destroy(set->logs[i]);
    free(set->logs);
    *set = (struct log_set){ 0 };
}

struct followed_log *log_set_find(const struct log_set *set, const uint8_t *id)
{
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(set->logs[i]->ct_log.id, id, SHA256_SIZE) == 0)
            return set->logs[i];
    return NULL;
}

static void follow(struct log_set *set, const struct roster_entry *entry,
                   const struct log_services *services, uint64_t now_ms)
{
    struct ct_log description = ct_log_copy(&entry->ct_log);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    set->logs = memory_resize(set->logs, set->count + 1, sizeof *set->logs);
    set->logs[set->count++] = followed_log_create(services, &description, now_ms);
    say_info(entry->verdict == ROSTER_DRAINED ? "log is drained" : "log is followed",
             "log=%s lists=%s url=%s reason=\"%s\"", say_quoted(entry->ct_log.description),
             say_quoted(entry->ct_log.lists), say_quoted(entry->ct_log.url),
             roster_reason_text(entry->reason));
}

static void describe_anew(struct followed_log *log, const struct roster_entry *entry,
                          uint64_t now_ms)
{
    const struct ct_log *was = &log->ct_log, *is = &entry->ct_log;
    if (ct_log_is_same(was, is))
        return;
    if (was->is_draining != is->is_draining)
        say_info(is->is_draining ? "log is drained" : "log is followed again",
                 "log=%s reason=\"%s\"", say_quoted(is->description),
                 roster_reason_text(entry->reason));
    if (strcmp(was->url, is->url) != 0 || was->kind != is->kind)
        say_info("log has moved", "log=%s from=%s to=%s type=%s", say_quoted(is->description),
                 say_quoted(was->url), say_quoted(is->url), ct_log_kind_name(is->kind));
    struct ct_log description = ct_log_copy(is);
    followed_log_update(log, &description, now_ms);
}

void log_set_apply(struct log_set *set, const struct roster *roster,
                   const struct log_services *services, uint64_t now_ms)
{
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];
        struct followed_log *known = log_set_find(set, entry->ct_log.id);
        if (entry->verdict == ROSTER_SKIPPED)
            continue;
        if (known)
            describe_anew(known, entry, now_ms);
        else
            follow(set, entry, services, now_ms);
    }
}

/* Each turn begins with another log, so that one with a backlog does not take all the room there
 * is. */
uint64_t log_set_work(struct log_set *set, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    set->first++;
    for (size_t i = 0; i < set->count; i++) {
        uint64_t at_ms = followed_log_work(set->logs[(set->first + i) % set->count], now_ms);
        again_ms = at_ms < again_ms ? at_ms : again_ms;
    }
    return again_ms;
}

static void share_operator_of(const struct log_set *const *sets, size_t count,
                              struct followed_log *log)
{
    size_t own = 0, all = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sets[i]->count; j++) {
            const struct followed_log *other = sets[i]->logs[j];
            bool is_of_it = other->share.budget == log->share.budget;
            all += is_of_it;
            own += is_of_it && other->follower.state != FOLLOWER_UNOWNED;
        }
    if (own)
        operator_budget_set_part(&log->share, (double)own / (double)all);
}

void log_set_share_operators(const struct log_set *const *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sets[i]->count; j++)
            share_operator_of(sets, count, sets[i]->logs[j]);
}

void log_set_disown(struct log_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        followed_log_disown(set->logs[i]);
}

void log_set_report(struct log_set *set, uint64_t now_ms)
{
    for (size_t i = 0; i < set->count; i++)
        followed_log_report(set->logs[i], now_ms);
}
