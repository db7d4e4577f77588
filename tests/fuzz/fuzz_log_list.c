/*
 * Any bytes as log lists: two of them, split at the first zero byte, the first one Chrome's or the
 * user's own. What is taken from them is complete and safe to put into keys, URLs and lines; the
 * roster made of them names each log once, and made again on top of what is followed then, it stops
 * nothing that the same lists have just begun.
 */
#include <stdlib.h>

#include "ingest/lists/roster.h"
#include "tests/fuzz/fuzz.h"

enum {
    LISTS = 2
};

static void check(bool good)
{
    if (!good)
        abort();
}

static void check_list(const struct log_list *list, bool allow_http)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct ct_log *ct_log = &list->logs[i];
        check(strlen(ct_log->id_hex) == CONTRACT_LOG_ID_HEX);
        check(ct_log->url[strlen(ct_log->url) - 1] == '/' && !strpbrk(ct_log->url, " \r\n\""));
        check(allow_http || strncmp(ct_log->url, "https://", 8) == 0);
        check(ct_log->description && ct_log->operator_name);
        check(!ct_log->has_interval || ct_log->interval_start_ms < ct_log->interval_end_ms);
        check(!ct_log->has_final_root || ct_log->has_final_size);
        check(log_list_find(list, ct_log->id) == ct_log);
    }
}

static void check_roster(const struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        check(roster->entries[i].ct_log.is_draining ==
              (roster->entries[i].verdict == ROSTER_DRAINED));
        for (size_t j = 0; j < i; j++)
            check(memcmp(roster->entries[i].ct_log.id, roster->entries[j].ct_log.id, SHA256_SIZE) !=
                  0);
    }
}

/* The roster on top of an earlier one. */
static void decide_again(const struct roster *before, struct roster_input *input)
{
    const struct ct_log **known = calloc(before->count + 1, sizeof(const struct ct_log *));
    struct roster roster;
    for (size_t i = 0; i < before->count; i++)
        if (before->entries[i].verdict != ROSTER_SKIPPED)
            known[input->known_count++] = &before->entries[i].ct_log;
    input->known = known;
    roster_decide(&roster, input);
    check_roster(&roster);
    check(roster.stopped == 0 && !roster.is_braked);
    check(roster.followed == before->followed && roster.drained == before->drained);
    roster_clear(&roster);
    /* Without its first list nothing is lost either. */
    input->lists++;
    input->list_count--;
    roster_decide(&roster, input);
    check_roster(&roster);
    roster_clear(&roster);
    free(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_list lists[LISTS] = { { 0 } };
    bool is_own = size % 2;
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first_size = end ? (size_t)(end - data) : size;
    (void)log_list_parse(&lists[0], bytes_of(data, first_size), is_own);
    if (end)
        (void)log_list_parse(&lists[1], bytes_of(end + 1, size - first_size - 1), false);
    check_list(&lists[0], is_own);
    check_list(&lists[1], false);
    const struct roster_list listed[LISTS] = { { &lists[0], "first", !is_own },
                                               { &lists[1], "second", true } };
    struct roster_input input = {
        .lists = listed,
        .list_count = LISTS,
        .policy = { .follows_pending = size % 3 == 0, .brake_percent = ROSTER_BRAKE_PERCENT },
    };
    struct roster roster;
    roster_decide(&roster, &input);
    check_roster(&roster);
    decide_again(&roster, &input);
    roster_clear(&roster);
    log_list_clear(&lists[0]);
    log_list_clear(&lists[1]);
    return 0;
}
