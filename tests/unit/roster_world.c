#include "tests/unit/roster_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/buffer.h"

static const char *const list_names[WORLD_LISTS] = { "first", "second" };

void world_init(struct world *world, size_t list_count)
{
    *world =
        (struct world){ .list_count = list_count, .policy.brake_percent = ROSTER_BRAKE_PERCENT };
    for (size_t i = 0; i < WORLD_LISTS; i++)
        world->is_away[i] = true;
}

void world_clear(struct world *world)
{
    for (size_t i = 0; i < WORLD_LISTS; i++)
        log_list_clear(&world->lists[i]);
    log_list_clear(&world->followed);
}

static const char *name_of(const struct ct_log *ct_log)
{
    return ct_log->description;
}

static int compare_entries(const void *a, const void *b)
{
    const struct roster_entry *one = a, *two = b;
    return strcmp(name_of(&one->ct_log), name_of(&two->ct_log));
}

static void append(char *text, const char *mark, const struct roster_entry *entry,
                   const char *reason)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, WORLD_TEXT_SIZE - used, "%s%s%s%s%s", used ? " " : "", mark,
                   name_of(&entry->ct_log), *reason ? ":" : "", reason);
}

static void say(struct world *world, const struct roster_entry *entry)
{
    static const char *const verdicts[] = { "=no", "=yes", "=drained" };
    const char *reason = entry->reason == ROSTER_AS_LISTED ? "" : roster_reason_text(entry->reason);
    append(world->said, "", entry, "");
    size_t used = strlen(world->said);
    (void)snprintf(world->said + used, WORLD_TEXT_SIZE - used, "%s%s%s", verdicts[entry->verdict],
                   *reason ? ":" : "", reason);
}

static void tell_news(struct world *world, const struct roster_entry *entry)
{
    const struct ct_log *was = log_list_find(&world->followed, entry->ct_log.id);
    bool was_followed = was && !was->is_draining;
    bool is_followed = entry->verdict == ROSTER_FOLLOWED;
    if (is_followed && !was_followed)
        append(world->news, "+", entry, "");
    else if (!is_followed && was_followed)
        append(world->news, "-", entry, roster_reason_text(entry->reason));
    else if (was && (strcmp(was->url, entry->ct_log.url) != 0 || was->kind != entry->ct_log.kind))
        append(world->news, "~", entry, "");
}

static void apply(struct world *world, struct roster *roster)
{
    struct log_list followed = { 0 };
    followed.logs = calloc(roster->count + 1, sizeof *followed.logs);
    assert_non_null(followed.logs);
    for (size_t i = 0; i < roster->count; i++)
        if (roster->entries[i].verdict != ROSTER_SKIPPED)
            followed.logs[followed.count++] = ct_log_copy(&roster->entries[i].ct_log);
    assert_int_equal(followed.count, roster->followed + roster->drained);
    log_list_clear(&world->followed);
    world->followed = followed;
}

/* What can be said of any roster whatever the lists were. */
static void check_roster(const struct world *world, const struct roster *roster)
{
    size_t known = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];
        assert_int_equal(entry->ct_log.is_draining, entry->verdict == ROSTER_DRAINED);
        known += log_list_find(&world->followed, entry->ct_log.id) != NULL;
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(entry->ct_log.id, roster->entries[j].ct_log.id, SHA256_SIZE);
    }
    /* Nothing that is followed is ever forgotten. */
    assert_int_equal(known, world->followed.count);
}

static void decide(struct world *world, size_t changing, const struct log_list *candidate,
                   struct roster *roster)
{
    struct roster_list lists[WORLD_LISTS];
    const struct ct_log **known = calloc(world->followed.count + 1, sizeof(const struct ct_log *));
    assert_non_null(known);
    for (size_t i = 0; i < world->list_count; i++) {
        const struct log_list *list = world->is_away[i] ? NULL : &world->lists[i];
        lists[i] = (struct roster_list){ candidate && i == changing ? candidate : list,
                                         list_names[i], !world->is_own[i] };
    }
    for (size_t i = 0; i < world->followed.count; i++)
        known[i] = &world->followed.logs[i];
    const struct roster_input input = {
        .lists = lists,
        .list_count = world->list_count,
        .known = known,
        .known_count = world->followed.count,
        .policy = world->policy,
        .now_ms = world->now_ms,
    };
    roster_decide(roster, &input);
    check_roster(world, roster);
    free(known);
}

static void carry_out(struct world *world, struct roster *roster)
{
    world->said[0] = world->news[0] = '\0';
    world->was_held = false;
    world->known = roster->known;
    world->stopped = roster->stopped;
    qsort(roster->entries, roster->count, sizeof *roster->entries, compare_entries);
    for (size_t i = 0; i < roster->count; i++) {
        say(world, &roster->entries[i]);
        tell_news(world, &roster->entries[i]);
    }
    apply(world, roster);
}

void world_step(struct world *world)
{
    struct roster roster;
    decide(world, 0, NULL, &roster);
    carry_out(world, &roster);
    roster_clear(&roster);
}

const char *world_offer_text(struct world *world, size_t list, struct bytes text)
{
    struct log_list candidate = { 0 };
    struct roster roster;
    const char *wrong = log_list_parse(&candidate, text, world->is_own[list]);
    if (!wrong && candidate.count == 0)
        wrong = "no log of it can be used";
    if (wrong) {
        log_list_clear(&candidate);
        return wrong;
    }
    decide(world, list, &candidate, &roster);
    world->was_held = roster.is_braked;
    if (roster.is_braked) {
        world->known = roster.known;
        world->stopped = roster.stopped;
        log_list_clear(&candidate);
    } else {
        log_list_clear(&world->lists[list]);
        world->lists[list] = candidate;
        world->is_away[list] = false;
        carry_out(world, &roster);
    }
    roster_clear(&roster);
    return NULL;
}

static void write_log(struct buffer *out, const struct world_log *log)
{
    uint8_t id[SHA256_SIZE];
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    digest_bytes(sha256, id, bytes_of_string(log->name));
    digest_destroy(sha256);
    buffer_append_format(out, "{\"description\":\"%s\",\"key\":\"", log->name);
    base64_encode(out, bytes_of_string(log->name));
    buffer_append_string(out, "\",\"log_id\":\"");
    base64_encode(out, bytes_of(id, sizeof id));
    buffer_append_format(out, "\",\"%s\":\"", log->is_tiled ? "monitoring_url" : "url");
    if (log->url)
        buffer_append_string(out, log->url);
    else
        buffer_append_format(out, "https://logs.test/%s/", log->name);
    buffer_append_string(out, "\"");
    if (log->state && *log->state == '{')
        buffer_append_format(out, ",\"state\":%s", log->state);
    else if (log->state)
        buffer_append_format(out, ",\"state\":{\"%s\":{}}", log->state);
    buffer_append_format(out, "%s}", log->more ? log->more : "");
}

static void write_logs(struct buffer *out, const struct world_log *logs, bool is_tiled)
{
    bool is_first = true;
    for (; logs->name; logs++) {
        if (logs->is_tiled != is_tiled)
            continue;
        if (!is_first)
            buffer_append_byte(out, ',');
        write_log(out, logs);
        is_first = false;
    }
}

void world_offer(struct world *world, size_t list, const struct world_log *logs)
{
    struct buffer text;
    buffer_init(&text, LOG_LIST_SIZE_MAX);
    buffer_append_string(&text,
                         "{\"version\":\"1.0\",\"log_list_timestamp\":\"2026-01-01T00:00:00Z\","
                         "\"operators\":[{\"name\":\"Op\",\"logs\":[");
    write_logs(&text, logs, false);
    buffer_append_string(&text, "],\"tiled_logs\":[");
    write_logs(&text, logs, true);
    buffer_append_string(&text, "]}]}");
    assert_false(text.failed);
    const char *wrong = world_offer_text(world, list, buffer_bytes(&text));
    if (wrong)
        fail_msg("the rows are no list: %s", wrong);
    buffer_free(&text);
}
