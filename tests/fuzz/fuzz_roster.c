/*
 * Any bytes as a history of two log lists: each version of a list is a row of logs out of a few, in
 * any state, kind, place and interval. What ingest promises holds after every step: no log that is
 * followed is forgotten, none is there twice, a step that is taken stops no more than the brake
 * allows, one that is not changes nothing, and the same lists again change nothing.
 */
#include <stdlib.h>

#include "ingest/lists/roster.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "tests/fuzz/fuzz.h"

enum {
    LISTS = 2,
    IDS = 12,
    STATES = CT_LOG_REJECTED + 1,
    NOW_MS = 1000,
};

struct history {
    struct log_list lists[LISTS];
    bool is_read[LISTS];
    bool is_own;
    struct roster_policy policy;
    struct log_list followed;
};

static void check(bool good)
{
    if (!good)
        abort();
}

static void add_log(struct log_list *list, uint8_t what, uint8_t how)
{
    static const char *const urls[] = { "https://a.test/", "https://b.test/",
                                        "https://ct.example.com/", "https://c.test/" };
    struct ct_log log = {
        .kind = how & 1 ? CT_LOG_TILED : CT_LOG_RFC6962,
        .state = (enum ct_log_state)((what >> 4) % STATES),
        .id = { (uint8_t)(what % IDS) },
        .has_interval = how & 2,
        .interval_end_ms = how & 4 ? NOW_MS : NOW_MS + 1,
        .is_test = (how & 0x18) == 0x18,
        .has_final_size = how & 0x20,
    };
    if (log_list_find(list, log.id))
        return;
    hex_encode(log.id_hex, bytes_of(log.id, sizeof log.id));
    log.id_base64 = memory_copy_string("");
    log.key_base64 = memory_copy_string("");
    log.description = memory_copy_string("");
    log.operator_name = memory_copy_string("");
    log.url = memory_copy_string(urls[how >> 6]);
    log.lists = memory_copy_string("");
    log.list_versions = memory_copy_string("");
    list->logs = memory_resize(list->logs, list->count + 1, sizeof *list->logs);
    list->logs[list->count++] = log;
}

static void decide(const struct history *history, size_t changing, const struct log_list *candidate,
                   struct roster *roster)
{
    const struct ct_log *known[LISTS * IDS];
    struct roster_list listed[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        const struct log_list *list = history->is_read[i] ? &history->lists[i] : NULL;
        listed[i] = (struct roster_list){ candidate && i == changing ? candidate : list,
                                          i ? "second" : "first", i == 0 || !history->is_own };
    }
    check(history->followed.count <= IDS);
    for (size_t i = 0; i < history->followed.count; i++)
        known[i] = &history->followed.logs[i];
    const struct roster_input input = { listed,          LISTS, known, history->followed.count,
                                        history->policy, NOW_MS };
    roster_decide(roster, &input);
}

static void check_roster(const struct history *history, const struct roster *roster)
{
    size_t known = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];
        bool was_known = log_list_find(&history->followed, entry->ct_log.id) != NULL;
        check(entry->ct_log.is_draining == (entry->verdict == ROSTER_DRAINED));
        check(!was_known || entry->verdict != ROSTER_SKIPPED);
        check(entry->verdict != ROSTER_DRAINED || was_known);
        known += was_known;
        for (size_t j = 0; j < i; j++)
            check(memcmp(entry->ct_log.id, roster->entries[j].ct_log.id, SHA256_SIZE) != 0);
    }
    check(known == history->followed.count);
}

static void follow(struct history *history, const struct roster *roster)
{
    struct log_list followed = { 0 };
    followed.logs = memory_allocate_zeroed(roster->count + 1, sizeof *followed.logs);
    for (size_t i = 0; i < roster->count; i++)
        if (roster->entries[i].verdict != ROSTER_SKIPPED)
            followed.logs[followed.count++] = ct_log_copy(&roster->entries[i].ct_log);
    log_list_clear(&history->followed);
    history->followed = followed;
}

/* Takes the candidate. */
static void offer(struct history *history, size_t list, struct log_list *candidate)
{
    struct roster roster, again;
    decide(history, list, candidate, &roster);
    check_roster(history, &roster);
    if (roster.is_braked) {
        log_list_clear(candidate);
        roster_clear(&roster);
        return;
    }
    check(roster.known < ROSTER_BRAKE_LOGS_MIN ||
          roster.stopped * 100 <= roster.known * ROSTER_BRAKE_PERCENT);
    log_list_clear(&history->lists[list]);
    history->lists[list] = *candidate;
    history->is_read[list] = true;
    follow(history, &roster);
    decide(history, 0, NULL, &again);
    check_roster(history, &again);
    check(again.followed == roster.followed && again.drained == roster.drained && !again.stopped);
    roster_clear(&again);
    roster_clear(&roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct history history = { .policy.brake_percent = ROSTER_BRAKE_PERCENT };
    struct log_list candidate = { 0 };
    if (size == 0)
        return 0;
    history.is_own = data[0] & 1;
    history.policy.follows_pending = data[0] & 2;
    for (size_t i = 1; i + 1 < size; i += 2) {
        if (data[i] != 0xff) {
            add_log(&candidate, data[i], data[i + 1]);
            continue;
        }
        offer(&history, data[i + 1] % LISTS, &candidate);
        candidate = (struct log_list){ 0 };
        /* A restart: lists are forgotten, what was followed is not. */
        if (data[i + 1] & 0x80)
            memset(history.is_read, 0, sizeof history.is_read);
    }
    log_list_clear(&candidate);
    log_list_clear(&history.followed);
    for (size_t i = 0; i < LISTS; i++)
        log_list_clear(&history.lists[i]);
    return 0;
}
