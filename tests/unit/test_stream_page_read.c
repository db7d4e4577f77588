/* Pages of the past: what they cover, whichever way they were read. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/redis/reply_arena.h"
#include "streamer/past/stream_page.h"

static void append_text(struct buffer *out, const char *text)
{
    buffer_append_format(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

/* Entries are `step` milliseconds apart; what they hold does not matter here. */
static void append_entries(struct buffer *out, uint64_t first_ms, int64_t step, size_t count)
{
    char id[64];
    buffer_append_format(out, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "%" PRIu64 "-0", first_ms + i * (uint64_t)step);
        buffer_append_string(out, "*2\r\n");
        append_text(out, id);
        buffer_append_string(out, "*2\r\n");
        append_text(out, "control");
        append_text(out, "{}");
    }
}

/* A stream of `length` entries of `added`, ten milliseconds apart from `first_ms` on. */
static void append_state(struct buffer *out, uint64_t first_ms, size_t length, size_t added)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%" PRIu64 "-0", first_ms + (length ? length - 1 : 0) * 10);
    buffer_append_format(out, "*%d\r\n", length ? 8 : 6);
    append_text(out, "length");
    buffer_append_format(out, ":%zu\r\n", length);
    append_text(out, "entries-added");
    buffer_append_format(out, ":%zu\r\n", added);
    append_text(out, "last-generated-id");
    append_text(out, id);
    if (!length)
        return;
    append_text(out, "first-entry");
    buffer_append_string(out, "*2\r\n");
    (void)snprintf(id, sizeof id, "%" PRIu64 "-0", first_ms);
    append_text(out, id);
    buffer_append_string(out, "*0\r\n");
}

struct question {
    uint64_t first_ms; /* of the stream */
    size_t length, added;
    struct stream_page_bounds bounds;
    uint64_t entries_ms; /* of the answer's first entry */
    size_t count;
    struct history_block newest;
};

static struct stream_page *ask(const struct question *question)
{
    struct buffer text;
    void *reply = NULL;
    buffer_init(&text, 1 << 20);
    buffer_append_string(&text, "*2\r\n");
    append_entries(&text, question->entries_ms, question->bounds.is_backward ? -10 : 10,
                   question->count);
    append_state(&text, question->first_ms, question->length, question->added);
    redisReader *reader = redisReaderCreate();
    reply_arena_adopt(reader, NULL);
    assert_int_equal(redisReaderFeed(reader, (const char *)text.data, text.size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReply *both = reply;
    struct stream_page *page = stream_page_create(both, both->element[0], both->element[1],
                                                  &question->newest, &question->bounds);
    reply_arena_release(both);
    redisReaderFree(reader);
    buffer_free(&text);
    assert_non_null(page);
    return page;
}

static bool covers(const struct stream_page *page, bool is_backward, uint64_t ms)
{
    struct stream_page_bounds bounds = { is_backward, { { ms, 0 }, 0 }, 1 };
    return stream_page_covers(page, &bounds);
}

static void forward_it_begins_behind_the_place(void **state)
{
    (void)state;
    const struct question question = {
        .first_ms = 1000,
        .length = 100,
        .added = 100,
        .bounds = { .place = { { 1100, 0 }, 12 }, .limit = 5 },
        .entries_ms = 1110,
        .count = 5,
    };
    struct stream_page *page = ask(&question);
    assert_int_equal(page->count, 5);
    assert_int_equal(page->end.id.ms, 1150);
    assert_int_equal(page->end.ordinal, 17);
    assert_false(stream_page_is_end(page));
    assert_false(covers(page, false, 1099));
    assert_true(covers(page, false, 1100));
    assert_true(covers(page, false, 1149));
    assert_false(covers(page, false, 1150));
    assert_int_equal(stream_page_find(page, (struct stream_id){ 1120, 0 }), 2);
    assert_int_equal(stream_page_find(page, (struct stream_id){ 9999, 0 }), 5);
    stream_page_destroy(page);
}

/* Newest first is how they come; in their order is how they stand. */
static void backward_it_ends_before_the_place(void **state)
{
    (void)state;
    const struct question question = {
        .first_ms = 1000,
        .length = 100,
        .added = 100,
        .bounds = { .is_backward = true, .place = { { 1200, 0 }, 0 }, .limit = 5 },
        .entries_ms = 1190,
        .count = 5,
    };
    struct stream_page *page = ask(&question);
    assert_int_equal(page->entries[0].id.ms, 1150);
    assert_int_equal(page->entries[4].id.ms, 1190);
    assert_true(covers(page, true, 1200));
    assert_true(covers(page, true, 1160));
    assert_false(covers(page, true, 1150));
    assert_false(covers(page, true, 1201));
    /* One that goes forward goes on in it, too. */
    assert_true(covers(page, false, 1150));
    assert_false(covers(page, false, 1140));
    stream_page_destroy(page);
}

static void the_newest_reach_the_end_and_are_counted_from_there(void **state)
{
    (void)state;
    const struct question question = {
        .first_ms = 1000,
        .length = 100,
        .added = 150,
        .bounds = { .is_backward = true, .place = { { UINT64_MAX, UINT64_MAX }, 0 }, .limit = 3 },
        .entries_ms = 1990,
        .count = 3,
    };
    struct stream_page *page = ask(&question);
    assert_true(stream_page_is_end(page));
    assert_int_equal(stream_page_position(page, 2).ordinal, 151);
    assert_int_equal(page->from.ms, 1969);
    stream_page_destroy(page);
}

/* Nothing is left behind the place: it moves on to the end, and only there. */
static void an_empty_answer_says_so(void **state)
{
    (void)state;
    struct question question = {
        .first_ms = 1000,
        .length = 0,
        .added = 30,
        .bounds = { .place = { { 900, 0 }, 21 }, .limit = 5 },
    };
    struct stream_page *page = ask(&question);
    assert_int_equal(page->count, 0);
    assert_int_equal(page->end.id.ms, 1000);
    assert_int_equal(page->end.ordinal, 31);
    stream_page_destroy(page);
    question.bounds.place.id.ms = 1000;
    page = ask(&question);
    assert_true(stream_page_is_end(page));
    assert_int_equal(page->end.ordinal, 21);
    stream_page_destroy(page);
}

static void what_is_trimmed_is_seen_in_its_state(void **state)
{
    (void)state;
    const struct question question = {
        .first_ms = 1000,
        .length = 100,
        .added = 150,
        .bounds = { .place = { { 500, 0 }, 11 }, .limit = 5 },
        .entries_ms = 1000,
        .count = 5,
    };
    struct gap gap;
    struct stream_page *page = ask(&question);
    assert_true(stream_state_gap(&page->state, &question.bounds.place, &gap));
    assert_true(gap.is_counted);
    assert_int_equal(gap.missed, 40);
    assert_int_equal(page->first_ordinal, 52);
    stream_page_destroy(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_it_begins_behind_the_place),
        cmocka_unit_test(backward_it_ends_before_the_place),
        cmocka_unit_test(the_newest_reach_the_end_and_are_counted_from_there),
        cmocka_unit_test(an_empty_answer_says_so),
        cmocka_unit_test(what_is_trimmed_is_seen_in_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
