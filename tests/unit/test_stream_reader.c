/*
 * The reader of the stream where Redis is full and takes no transaction: state and entries are of
 * several moments, and what is trimmed between them is told all the same.
 *
 * Redis is played by the test: the answers stand in the order of the commands.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/reply_arena.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_reader.h"

enum {
    PENDING_MAX = 16,
    ENTRIES_MAX = 16,
    ISSUER_BYTES = 1 << 20,
    REPLY_MAX = 1 << 20,
    OLD = 2,  /* entries that are there when reading begins */
    NEW = 10, /* and when there are more */
};

#define LOG "0000000000000000000000000000000000000000000000000000000000000000"

enum question {
    ASKS_TRANSACTION,
    ASKS_STATE,
    ASKS_ENTRIES,
    ASKS_HISTORY,
    WAITS,
};

struct pending {
    redis_link_on_reply on_reply;
    void *context;
    enum question question;
};

/* Entries are called by number, from 1 on; so are their ids. */
struct play {
    struct contract contract;
    struct issuer_cache *issuers;
    struct recent_entries *recent;
    struct stream_reader *reader;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    bool in_transaction;
    uint64_t first, added;  /* of the stream */
    uint64_t trimmed_first; /* its first entry from just before the next XREAD on; 0: as it is */
    uint64_t asked_after;   /* by XREAD */
    uint64_t read[ENTRIES_MAX];
    size_t read_count, breaks;
};

static struct play *play;
/* It is handed on, and nobody looks into it. */
static max_align_t link_place;
static struct redis_link *const link_up = (void *)&link_place;

/* What Redis says. */

static void say_state(struct buffer *out)
{
    buffer_append_format(out, "*8\r\n+length\r\n:%" PRIu64 "\r\n", play->added + 1 - play->first);
    buffer_append_format(out, "+entries-added\r\n:%" PRIu64 "\r\n", play->added);
    buffer_append_format(out, "+last-generated-id\r\n+%" PRIu64 "-0\r\n", play->added);
    if (play->first > play->added)
        buffer_append_string(out, "+first-entry\r\n$-1\r\n");
    else
        buffer_append_format(out, "+first-entry\r\n*2\r\n+%" PRIu64 "-0\r\n*0\r\n", play->first);
}

static void say_string(struct buffer *out, const char *text)
{
    buffer_append_format(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void say_entry(struct buffer *out, uint64_t number)
{
    const char *const fields[] = { CONTRACT_FIELD_JSON, "{}", CONTRACT_FIELD_DOMAINS, "[]",
                                   CONTRACT_FIELD_DER,  "x",  CONTRACT_FIELD_CHAIN,   "",
                                   CONTRACT_FIELD_LOG,  LOG,  CONTRACT_FIELD_INDEX };
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64 "-0", number);
    buffer_append_string(out, "*2\r\n");
    say_string(out, text);
    buffer_append_string(out, "*12\r\n");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        say_string(out, fields[i]);
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    say_string(out, text);
}

static void say_entries(struct buffer *out)
{
    if (play->trimmed_first)
        play->first = play->trimmed_first;
    play->trimmed_first = 0;
    uint64_t from = play->asked_after < play->first ? play->first : play->asked_after + 1;
    if (from > play->added) {
        buffer_append_string(out, "*-1\r\n");
        return;
    }
    buffer_append_format(out, "*1\r\n*2\r\n+stream\r\n*%" PRIu64 "\r\n", play->added + 1 - from);
    for (uint64_t number = from; number <= play->added; number++)
        say_entry(out, number);
}

static void say_answer(struct buffer *out, enum question question)
{
    switch (question) {
    case ASKS_TRANSACTION: buffer_append_string(out, "-EXECABORT discarded\r\n"); return;
    case ASKS_STATE: say_state(out); return;
    case ASKS_ENTRIES:
    case WAITS: say_entries(out); return;
    case ASKS_HISTORY: buffer_append_string(out, "*0\r\n"); return;
    }
}

static enum question question_of(const char *const *words)
{
    if (strcmp(words[0], "EXEC") == 0)
        return ASKS_TRANSACTION;
    if (strcmp(words[0], "XINFO") == 0)
        return ASKS_STATE;
    if (strcmp(words[0], "XREVRANGE") == 0)
        return ASKS_HISTORY;
    assert_string_equal(words[0], "XREAD");
    return strcmp(words[3], "BLOCK") == 0 ? WAITS : ASKS_ENTRIES;
}

bool redis_link_send_strings(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                             ...)
{
    const char *words[PENDING_MAX];
    size_t count = 0;
    va_list arguments;
    assert_ptr_equal(link, link_up);
    va_start(arguments, context);
    for (const char *text; (text = va_arg(arguments, const char *));)
        words[count++] = text;
    va_end(arguments);
    if (strcmp(words[0], "MULTI") == 0)
        play->in_transaction = true;
    if (strcmp(words[0], "EXEC") == 0)
        play->in_transaction = false;
    if (play->in_transaction)
        return true;
    enum question question = question_of(words);
    if (question == ASKS_ENTRIES || question == WAITS)
        play->asked_after = strtoull(words[count - 1], NULL, 10);
    assert_true(play->pending_count < PENDING_MAX);
    play->pending[play->pending_count++] = (struct pending){ on_reply, context, question };
    return true;
}

bool redis_link_send(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                     size_t count, const char *const *arguments, const size_t *sizes)
{
    (void)link, (void)on_reply, (void)context, (void)count, (void)arguments, (void)sizes;
    fail_msg("no issuer is asked for");
    return false;
}

void redis_link_drop(struct redis_link *link, const char *reason)
{
    (void)link;
    fail_msg("dropped: %s", reason);
}

bool redis_link_may_lack_keys(const struct redis_link *link)
{
    (void)link;
    return false;
}

static void hand_over(const struct pending *pending)
{
    void *reply = NULL;
    struct buffer text;
    buffer_init(&text, REPLY_MAX);
    say_answer(&text, pending->question);
    redisReader *reader = redisReaderCreate();
    reply_arena_adopt(reader, NULL);
    assert_int_equal(redisReaderFeed(reader, (const char *)text.data, text.size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    pending->on_reply(link_up, reply, pending->context);
    reply_arena_release(reply);
    redisReaderFree(reader);
    buffer_free(&text);
}

static void answer_next(void)
{
    struct pending next = play->pending[0];
    assert_true(play->pending_count > 0);
    memmove(play->pending, play->pending + 1, --play->pending_count * sizeof next);
    hand_over(&next);
}

static void answer_until_it_waits(void)
{
    while (play->pending_count > 0 && play->pending[0].question != WAITS)
        answer_next();
    assert_int_equal(play->pending_count, 1);
}

/* What the reader says. */

static void on_entries(const struct stream_entry *entries, const uint64_t *ordinals, size_t count,
                       uint64_t now_ms, void *context)
{
    (void)now_ms, (void)context;
    for (size_t i = 0; i < count; i++) {
        assert_true(play->read_count < ENTRIES_MAX);
        assert_int_equal(ordinals[i], entries[i].index + 1);
        play->read[play->read_count++] = entries[i].index;
    }
}

static bool needs_issuers(void *context)
{
    (void)context;
    return false;
}

static void on_gather(uint64_t after_ms, void *context)
{
    (void)after_ms, (void)context;
}

static void on_break(struct stream_position after, void *context)
{
    (void)after, (void)context;
    play->breaks++;
}

static void on_loss(struct stream_id id, void *context)
{
    (void)context;
    fail_msg("nothing was lost or came again: %" PRIu64, id.ms);
}

static void on_fork(struct stream_id fork, struct stream_id lost, void *context)
{
    (void)lost;
    on_loss(fork, context);
}

static void start_at_end(void)
{
    stream_reader_start(play->reader, link_up);
    answer_until_it_waits();
    assert_int_equal(stream_reader_last_id(play->reader).ms, OLD);
    assert_int_equal(play->breaks, 1);
    assert_int_equal(play->read_count, 0);
}

/* The reader is waiting; there are more entries, and what it does then. */
static void add_entries(void)
{
    play->added = NEW;
    answer_next();
    stream_reader_end_gathering(play->reader);
}

static void expect_read_from(uint64_t first)
{
    assert_int_equal(play->read_count, NEW + 1 - first);
    for (size_t i = 0; i < play->read_count; i++)
        assert_int_equal(play->read[i], first + i);
}

static int setup(void **state)
{
    static const struct stream_reader_events events = {
        .on_entries = on_entries,
        .needs_issuers = needs_issuers,
        .on_gather = on_gather,
        .on_break = on_break,
        .on_repeat = on_loss,
        .on_loss = on_loss,
        .on_branch = on_loss,
        .on_fork = on_fork,
    };
    play = memory_allocate_zeroed(1, sizeof *play);
    assert_true(contract_init(&play->contract, CONTRACT_PREFIX));
    play->first = 1;
    play->added = OLD;
    play->issuers = issuer_cache_create(ISSUER_BYTES);
    play->recent = recent_entries_create();
    play->reader = stream_reader_create(&play->contract, play->issuers, play->recent, &events);
    start_at_end();
    *state = play;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stream_reader_destroy(play->reader);
    recent_entries_destroy(play->recent);
    issuer_cache_destroy(play->issuers);
    free(play);
    return 0;
}

static void a_full_redis_is_read_command_by_command(void **state)
{
    (void)state;
    add_entries();
    answer_until_it_waits();
    expect_read_from(OLD + 1);
    assert_int_equal(play->breaks, 1);
    assert_int_equal(stream_reader_stats(play->reader)->missed, 0);
}

static void what_is_trimmed_between_the_commands_is_told(void **state)
{
    enum {
        TRIMMED = 3
    };
    (void)state;
    add_entries();
    play->trimmed_first = OLD + TRIMMED + 1;
    answer_until_it_waits();
    expect_read_from(OLD + TRIMMED + 1);
    assert_int_equal(play->breaks, 2);
    assert_int_equal(stream_reader_stats(play->reader)->missed, TRIMMED);
}

static void all_may_be_trimmed_between_the_commands(void **state)
{
    (void)state;
    add_entries();
    play->trimmed_first = NEW + 1;
    answer_until_it_waits();
    expect_read_from(NEW + 1);
    assert_int_equal(play->breaks, 2);
    assert_int_equal(stream_reader_stats(play->reader)->missed, NEW - OLD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_redis_is_read_command_by_command, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_trimmed_between_the_commands_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_may_be_trimmed_between_the_commands, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
