/*
 * The past, read through plain stream and packed history as one: whatever is packed, trimmed, lost
 * or damaged between any two commands, who reads forwards gets each entry once and in order, or a
 * gap whose entries are gone; and who reads backwards misses only what is gone.
 *
 * Redis is played by the test, command by command.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "shared/history/block_writer.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/reply_arena.h"
#include "streamer/past/past_read.h"
#include "tests/support/seeded_random.h"

enum {
    ENTRIES_MAX = 4000,
    BLOCKS_MAX = 400,
    GENERATION = 3, /* blocks */
    COMMANDS_MAX = 8,
    ARGUMENTS_MAX = 8,
    PENDING_MAX = 64,
    DER_SIZE = 40,
    STEPS = 4000,
    READERS = 20,
    REPLY_MAX = 64 << 20,
    CACHE_BYTES = 1 << 20,
};

/* Entries are called by number, from 1 on, which is also what entries-added counts. */
struct made_block {
    uint64_t first, last;
    uint64_t generation; /* number of its first entry */
    struct buffer bytes;
    bool is_indexed, is_there;
    bool is_unreadable, has_bad_records;
};

/* Which block an entry is in, and which has its record. */
struct made_entry {
    size_t block, record_block; /* BLOCKS_MAX: not packed yet */
    uint64_t der; /* the number of the entry that was the first with its certificate */
};

/* Where the record of a certificate is that was packed last. */
struct holder {
    bool is_known;
    size_t block;
    uint32_t record;
};

struct command {
    char arguments[ARGUMENTS_MAX][128];
    size_t count;
};

struct pending {
    redis_link_on_reply on_reply;
    void *context;
    struct buffer text;
};

struct world {
    struct contract contract;
    struct made_entry entries[ENTRIES_MAX + 1];
    struct holder holders[ENTRIES_MAX + 1];
    uint64_t added, plain_first; /* plain: from there up to `added` */
    uint64_t packed;             /* up to here */
    struct made_block blocks[BLOCKS_MAX];
    size_t block_count, first_block; /* trimmed before it */
    struct command queue[COMMANDS_MAX];
    size_t queued;
    bool in_transaction, is_full, is_restless;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    struct seeded_random random;
    struct past *past;
    struct past_read *read;
    struct stream_page *page;
    const char *reason;
    bool is_answered;
};

static struct world *world;
/* It is handed on, and nobody looks into it. */
static max_align_t link_place;
static struct redis_link *const link_up = (void *)&link_place;

static struct stream_id id_of(uint64_t number)
{
    return (struct stream_id){ 1000 + number / 3, number % 3 };
}

static uint64_t number_of(struct stream_id id)
{
    return id.ms < 1000 ? 0 : (id.ms - 1000) * 3 + (id.sequence < 3 ? id.sequence : 2);
}

static struct bytes der_of(uint64_t number, uint8_t *room)
{
    for (size_t i = 0; i < DER_SIZE; i++)
        room[i] = (uint8_t)(number >> (i % 8 * 8) ^ i);
    return bytes_of(room, DER_SIZE);
}

static bool is_lost(uint64_t number)
{
    const struct made_entry *entry = &world->entries[number];
    if (entry->block == BLOCKS_MAX)
        return number < world->plain_first;
    const struct made_block *block = &world->blocks[entry->block];
    const struct made_block *record = &world->blocks[entry->record_block];
    return !block->is_there || !block->is_indexed || block->is_unreadable || !record->is_there ||
           record->is_unreadable || record->has_bad_records;
}

/* What Redis says. */

static void say_text(struct buffer *out, struct bytes text)
{
    buffer_append_format(out, "$%zu\r\n", text.size);
    buffer_append_bytes(out, text);
    buffer_append_string(out, "\r\n");
}

static void say_string(struct buffer *out, const char *text)
{
    say_text(out, bytes_of_string(text));
}

static void say_number(struct buffer *out, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    say_string(out, text);
}

static void say_id(struct buffer *out, struct stream_id id)
{
    char text[STREAM_ID_TEXT_SIZE];
    say_text(out, stream_id_format(text, id));
}

static void say_entry(struct buffer *out, uint64_t number)
{
    uint8_t der[DER_SIZE];
    buffer_append_string(out, "*2\r\n");
    say_id(out, id_of(number));
    buffer_append_string(out, "*12\r\n");
    say_string(out, CONTRACT_FIELD_JSON);
    say_string(out, "{}");
    say_string(out, CONTRACT_FIELD_DOMAINS);
    say_string(out, "[]");
    say_string(out, CONTRACT_FIELD_DER);
    say_text(out, der_of(world->entries[number].der, der));
    say_string(out, CONTRACT_FIELD_CHAIN);
    say_string(out, "");
    say_string(out, CONTRACT_FIELD_LOG);
    say_string(out, "0000000000000000000000000000000000000000000000000000000000000000");
    say_string(out, CONTRACT_FIELD_INDEX);
    say_number(out, number);
}

static void say_block(struct buffer *out, const struct made_block *block)
{
    char id[STREAM_ID_TEXT_SIZE];
    buffer_append_string(out, "*2\r\n");
    say_id(out, id_of(block->last));
    buffer_append_string(out, "*12\r\n");
    say_string(out, CONTRACT_BLOCK_FIRST);
    say_id(out, id_of(block->first));
    say_string(out, CONTRACT_BLOCK_COUNT);
    say_number(out, block->last - block->first + 1);
    say_string(out, CONTRACT_BLOCK_ORDINAL);
    say_number(out, block->first);
    say_string(out, CONTRACT_BLOCK_GENERATION);
    say_text(out, stream_id_format(id, id_of(block->generation)));
    say_string(out, CONTRACT_BLOCK_SIZE);
    say_number(out, block->bytes.size);
    say_string(out, CONTRACT_BLOCK_FORMAT);
    say_number(out, BLOCK_FORMAT);
}

static void say_state(struct buffer *out)
{
    bool has_any = world->plain_first <= world->added;
    buffer_append_string(out, has_any ? "*8\r\n" : "*6\r\n");
    say_string(out, "length");
    buffer_append_format(out, ":%" PRIu64 "\r\n", world->added + 1 - world->plain_first);
    say_string(out, "entries-added");
    buffer_append_format(out, ":%" PRIu64 "\r\n", world->added);
    say_string(out, "last-generated-id");
    say_id(out, id_of(world->added));
    if (!has_any)
        return;
    say_string(out, "first-entry");
    buffer_append_string(out, "*2\r\n");
    say_id(out, id_of(world->plain_first));
    buffer_append_string(out, "*0\r\n");
}

/* A bound of XRANGE as the lowest id that is in, or of XREVRANGE as the highest. */
static struct stream_id bound_of(const char *text, bool is_reverse)
{
    struct stream_id id = { 0 };
    if (strcmp(text, "-") == 0)
        return id;
    if (strcmp(text, "+") == 0)
        return (struct stream_id){ UINT64_MAX, UINT64_MAX };
    assert_true(stream_id_parse(&id, bytes_of_string(text + (text[0] == '('))));
    if (text[0] != '(')
        return id;
    return is_reverse ? stream_id_before(id) : stream_id_after(id);
}

static void say_plain_range(struct buffer *out, struct stream_id from, bool is_reverse,
                            uint64_t limit)
{
    struct buffer found;
    uint64_t count = 0;
    buffer_init(&found, REPLY_MAX);
    for (uint64_t i = world->plain_first; i <= world->added && count < limit; i++) {
        uint64_t number = is_reverse ? world->added + world->plain_first - i : i;
        int order = stream_id_compare(id_of(number), from);
        if (is_reverse ? order > 0 : order < 0)
            continue;
        say_entry(&found, number);
        count++;
    }
    buffer_append_format(out, "*%" PRIu64 "\r\n", count);
    buffer_append_bytes(out, buffer_bytes(&found));
    buffer_free(&found);
}

static void say_one_block(struct buffer *out, struct stream_id from, bool is_reverse)
{
    for (size_t i = world->first_block; i < world->block_count; i++) {
        size_t at = is_reverse ? world->block_count - 1 + world->first_block - i : i;
        const struct made_block *block = &world->blocks[at];
        int order = stream_id_compare(id_of(block->last), from);
        if (!block->is_indexed || (is_reverse ? order > 0 : order < 0))
            continue;
        buffer_append_string(out, "*1\r\n");
        say_block(out, block);
        return;
    }
    buffer_append_string(out, "*0\r\n");
}

static void say_block_part(struct buffer *out, const struct command *command)
{
    struct stream_id id;
    const char *text = command->arguments[1] + strlen(CONTRACT_PREFIX ":block:");
    size_t first = strtoull(command->arguments[2], NULL, 10);
    size_t end = strtoull(command->arguments[3], NULL, 10) + 1;
    assert_true(stream_id_parse(&id, bytes_of_string(text)));
    for (size_t i = 0; i < world->block_count; i++) {
        const struct made_block *block = &world->blocks[i];
        if (!block->is_there || stream_id_compare(id_of(block->last), id) != 0)
            continue;
        if (end > block->bytes.size)
            end = block->bytes.size;
        if (first < end) {
            say_text(out, bytes_of(block->bytes.data + first, end - first));
            return;
        }
    }
    say_string(out, "");
}

static void say_answer(struct buffer *out, const struct command *command)
{
    const char *name = command->arguments[0];
    bool is_reverse = strcmp(name, "XREVRANGE") == 0;
    bool is_history = strcmp(command->arguments[1], CONTRACT_PREFIX ":history") == 0;
    if (strcmp(name, "XINFO") == 0)
        say_state(out);
    else if (strcmp(name, "GETRANGE") == 0)
        say_block_part(out, command);
    else if (is_history)
        say_one_block(out, bound_of(command->arguments[2], is_reverse), is_reverse);
    else
        say_plain_range(out, bound_of(command->arguments[2], is_reverse), is_reverse,
                        strtoull(command->arguments[5], NULL, 10));
}

static void make_trouble(void);

static void answer_command(redis_link_on_reply on_reply, void *context,
                           const struct command *command)
{
    bool is_exec = strcmp(command->arguments[0], "EXEC") == 0;
    assert_true(world->pending_count < PENDING_MAX);
    struct pending *pending = &world->pending[world->pending_count++];
    *pending = (struct pending){ .on_reply = on_reply, .context = context };
    buffer_init(&pending->text, REPLY_MAX);
    if (world->is_restless && (is_exec || !world->in_transaction))
        make_trouble();
    if (is_exec && world->is_full) {
        buffer_append_string(&pending->text, "-EXECABORT Transaction discarded\r\n");
    } else if (is_exec) {
        buffer_append_format(&pending->text, "*%zu\r\n", world->queued);
        for (size_t i = 0; i < world->queued; i++)
            say_answer(&pending->text, &world->queue[i]);
    } else {
        say_answer(&pending->text, command);
    }
}

bool redis_link_send_strings(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                             ...)
{
    struct command command = { 0 };
    va_list arguments;
    assert_ptr_equal(link, link_up);
    va_start(arguments, context);
    for (const char *text; (text = va_arg(arguments, const char *));)
        (void)snprintf(command.arguments[command.count++], sizeof *command.arguments, "%s", text);
    va_end(arguments);
    if (strcmp(command.arguments[0], "MULTI") == 0) {
        world->in_transaction = true;
        world->queued = 0;
    } else if (strcmp(command.arguments[0], "EXEC") == 0 || !world->in_transaction) {
        answer_command(on_reply, context, &command);
        world->in_transaction = false;
    } else {
        world->queue[world->queued++] = command;
    }
    return true;
}

static void hand_over(const struct pending *pending)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    reply_arena_adopt(reader, NULL);
    assert_int_equal(redisReaderFeed(reader, (const char *)pending->text.data, pending->text.size),
                     REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    pending->on_reply(link_up, reply, pending->context);
    reply_arena_release(reply);
    redisReaderFree(reader);
}

static void on_page(struct past_read *read, struct stream_page *page, const char *reason,
                    void *context)
{
    (void)read;
    (void)context;
    world->page = page;
    world->reason = reason;
    world->is_answered = true;
}

/* The caller's page. */
static struct stream_page *read_page(const struct stream_page_bounds *bounds, unsigned wanted)
{
    world->is_answered = false;
    assert_true(past_read_start(world->read, link_up, bounds, wanted));
    while (world->pending_count > 0) {
        struct pending first = world->pending[0];
        world->pending_count--;
        memmove(world->pending, world->pending + 1, world->pending_count * sizeof first);
        hand_over(&first);
        buffer_free(&first.text);
    }
    assert_true(world->is_answered);
    if (!world->page)
        fail_msg("no page: %s", world->reason ? world->reason : "the link went away");
    return world->page;
}

/* What happens to it. */

static void add_entries(uint64_t count)
{
    while (count-- > 0 && world->added < ENTRIES_MAX) {
        uint64_t number = ++world->added;
        uint64_t back = seeded_random_below(&world->random, 60);
        struct made_entry *entry = &world->entries[number];
        *entry = (struct made_entry){ BLOCKS_MAX, BLOCKS_MAX, number };
        /* Another log's copy. */
        if (back >= 30 && back < number)
            entry->der = world->entries[number - back + 29].der;
    }
}

static void trim_generation(void)
{
    if (world->first_block == world->block_count)
        return;
    uint64_t generation = world->blocks[world->first_block].generation;
    while (world->first_block < world->block_count &&
           world->blocks[world->first_block].generation == generation) {
        struct made_block *block = &world->blocks[world->first_block++];
        block->is_indexed = block->is_there = false;
    }
}

static void drop_plain(uint64_t count)
{
    while (count-- > 0 && world->plain_first <= world->added)
        world->plain_first++;
}

static const struct history_source source = {
    .message = { .name = "a log",
                 .url = "https://log.example/",
                 .operator_name = "somebody",
                 .log_id_base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
    .log_id_hex = "0000000000000000000000000000000000000000000000000000000000000000",
};

static void write_row(struct block_writer *writer, const struct made_block *block, uint64_t number,
                      size_t at)
{
    uint8_t room[DER_SIZE];
    struct made_entry *entry = &world->entries[number];
    struct holder *holder = &world->holders[entry->der];
    struct history_entry row = { .id = id_of(number), .source = &source, .index = number };
    row.chain = bytes_of("", 0);
    if (!holder->is_known || world->blocks[holder->block].generation != block->generation)
        *holder =
            (struct holder){ true, at, block_writer_add_record(writer, der_of(entry->der, room)) };
    row.place = (struct history_place){
        .is_here = holder->block == at,
        .block = id_of(world->blocks[holder->block].last),
        .record = holder->record,
    };
    entry->block = at;
    entry->record_block = holder->block;
    block_writer_add_row(writer, &row);
}

static void damage(struct made_block *block)
{
    struct block_head head;
    assert_int_equal(block_head_read(&head, buffer_bytes(&block->bytes)), BLOCK_GOOD);
    size_t rows_end = head.rows.offset + head.rows.size;
    size_t at = seeded_random_below(&world->random, block->bytes.size);
    /* Zstandard's checksum or its sizes find out any byte of a frame but a few bits. */
    block->bytes.data[at] ^= 0x55;
    if (at < rows_end)
        block->is_unreadable = true;
    else
        block->has_bad_records = true;
}

static void pack_entries(uint64_t count)
{
    if (world->plain_first + count > world->added + 1 || world->block_count == BLOCKS_MAX || !count)
        return;
    size_t at = world->block_count++;
    struct made_block *block = &world->blocks[at];
    bool is_new = at % GENERATION == 0;
    *block = (struct made_block){
        .first = world->plain_first,
        .last = world->plain_first + count - 1,
        .generation = is_new ? world->plain_first : world->blocks[at - 1].generation,
        .is_indexed = true,
        .is_there = true,
    };
    struct block_writer *writer = block_writer_create(1, 7);
    for (uint64_t number = block->first; number <= block->last; number++)
        write_row(writer, block, number, at);
    struct bytes bytes = block_writer_finish(writer, id_of(block->generation), block->first);
    buffer_init(&block->bytes, REPLY_MAX);
    buffer_append_bytes(&block->bytes, bytes);
    block_writer_destroy(writer);
    world->plain_first += count;
    world->packed = block->last;
}

static void make_trouble(void)
{
    struct seeded_random *random = &world->random;
    size_t blocks = world->block_count - world->first_block;
    switch (seeded_random_below(random, 40)) {
    case 0:
    case 1:
    case 2: add_entries(seeded_random_below(random, 40)); break;
    case 3:
    case 4: pack_entries(1 + seeded_random_below(random, 60)); break;
    case 5:
        if (blocks > (size_t)GENERATION * 4)
            trim_generation();
        break;
    case 6:
        if (seeded_random_below(random, 4) == 0)
            drop_plain(seeded_random_below(random, 8));
        break;
    case 7: world->is_full = seeded_random_below(random, 2); break;
    default: break;
    }
}

static int make_world(void **state)
{
    world = memory_allocate_zeroed(1, sizeof *world);
    assert_true(contract_init(&world->contract, CONTRACT_PREFIX));
    world->plain_first = 1;
    world->random = seeded_random_of_run();
    world->past = past_create(&world->contract, CACHE_BYTES);
    world->read = past_read_create(world->past, on_page, NULL);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    past_read_destroy(world->read);
    past_destroy(world->past);
    for (size_t i = 0; i < world->block_count; i++)
        buffer_free(&world->blocks[i].bytes);
    free(world);
    return 0;
}

/* Who reads. */

static void assert_entry(const struct stream_entry *entry, uint64_t number, unsigned wanted)
{
    uint8_t room[DER_SIZE];
    char id[STREAM_ID_TEXT_SIZE];
    assert_int_equal(number_of(entry->id), number);
    assert_true(entry->is_message);
    assert_int_equal(entry->index, number);
    assert_true(!entry->der.data ||
                bytes_equal(entry->der, der_of(world->entries[number].der, room)));
    assert_true(bytes_equal(entry->id_text, stream_id_format(id, entry->id)));
    assert_true(!(wanted & PAGE_WANTS_JSON) || entry->json.size > 0);
    assert_true(!(wanted & PAGE_WANTS_DER) || entry->der.size > 0);
}

static void assert_lost(uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number <= to; number++)
        if (!is_lost(number))
            fail_msg("entry %" PRIu64 " is there and was passed over", number);
}

/* A step of one who goes forwards: what he is told of first, then the entries. */
static void read_forwards(struct stream_position *place, unsigned wanted)
{
    struct gap gap;
    const struct stream_page_bounds bounds = {
        .place = *place,
        .limit = 1 + seeded_random_below(&world->random, STREAM_PAGE_ENTRIES_MAX),
    };
    struct stream_page *page = read_page(&bounds, wanted);
    assert_int_equal(stream_id_compare(page->from, place->id), 0);
    if (stream_state_gap(&page->state, place, &gap)) {
        uint64_t missed = number_of(gap.to) - number_of(place->id);
        assert_lost(number_of(place->id) + 1, number_of(gap.to));
        assert_true(gap.is_counted || place->ordinal == 0);
        assert_true(!gap.is_counted || gap.missed == missed);
        assert_true(missed > 0);
        *place = (struct stream_position){ gap.to, gap.is_counted ? place->ordinal + missed : 0 };
    }
    uint64_t number = number_of(place->id);
    for (size_t i = 0; i < page->count; i++) {
        assert_entry(&page->entries[i], ++number, wanted);
        uint64_t ordinal = stream_page_position(page, i).ordinal;
        assert_true(ordinal == number + 1 || (!ordinal && !place->ordinal));
    }
    assert_true(number_of(page->end.id) >= number);
    assert_lost(number + 1, number_of(page->end.id));
    assert_true(page->count > 0 || stream_page_is_end(page) ||
                stream_id_compare(page->end.id, bounds.place.id) > 0);
    if (stream_id_compare(page->end.id, place->id) > 0)
        *place = page->end;
    stream_page_destroy(page);
}

/* From the end to the beginning; answers how many there were. */
static uint64_t read_backwards(void)
{
    struct stream_page_bounds bounds = { .is_backward = true,
                                         .place = { { UINT64_MAX, UINT64_MAX }, 0 } };
    uint64_t last = world->added + 1;
    uint64_t count = 0;
    for (bool is_begin = false; !is_begin;) {
        bounds.limit = 1 + seeded_random_below(&world->random, STREAM_PAGE_ENTRIES_MAX);
        struct stream_page *page = read_page(&bounds, PAGE_WANTS_ALL);
        for (size_t at = page->count; at > 0; at--) {
            uint64_t number = number_of(page->entries[at - 1].id);
            assert_true(number < last || count == 0);
            assert_entry(&page->entries[at - 1], number, PAGE_WANTS_ALL);
            if (count > 0)
                assert_lost(number + 1, last - 1);
            last = number;
            count++;
        }
        is_begin = page->is_begin;
        assert_true(is_begin || stream_id_compare(stream_page_before(page), bounds.place.id) < 0);
        bounds.place.id = stream_page_before(page);
        stream_page_destroy(page);
    }
    assert_lost(1, last - 1);
    return count;
}

static void forwards_each_comes_once_and_in_order(void **state)
{
    (void)state;
    struct stream_position places[READERS] = { 0 };
    add_entries(100);
    world->is_restless = true;
    for (int step = 0; step < STEPS && world->added < ENTRIES_MAX; step++) {
        struct stream_position *place =
            &places[seeded_random_below(&world->random, 1 + (uint64_t)step * READERS / STEPS)];
        read_forwards(place, step % 2 ? PAGE_WANTS_ALL : PAGE_WANTS_DER);
    }
    world->is_restless = world->is_full = false;
    for (size_t i = 0; i < READERS; i++)
        while (number_of(places[i].id) < world->added)
            read_forwards(&places[i], 0);
    print_message("%" PRIu64 " entries, %zu blocks, %" PRIu64 " from history, %" PRIu64
                  " parts fetched\n",
                  world->added, world->block_count, past_stats(world->past)->packed_entries,
                  past_stats(world->past)->fetched_parts);
    assert_true(past_stats(world->past)->packed_entries > 0);
}

static void whoever_comes_with_an_id_goes_on_there(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        add_entries(50);
        pack_entries(40);
    }
    trim_generation();
    uint64_t first = world->blocks[world->first_block].first;
    for (int i = 0; i < 300; i++) {
        uint64_t number = first + seeded_random_below(&world->random, world->added - first);
        /* As a client who comes with `since`, who knows no number. */
        struct stream_position place = { id_of(number), 0 };
        read_forwards(&place, ENTRY_DOMAINS);
        assert_true(number_of(place.id) > number);
    }
    /* At the seam of the two there is no gap, either. */
    struct stream_position seam = { id_of(world->packed), 0 };
    struct stream_page_bounds bounds = { .place = seam, .limit = 10 };
    struct gap gap;
    struct stream_page *page = read_page(&bounds, 0);
    assert_false(stream_state_gap(&page->state, &seam, &gap));
    assert_int_equal(number_of(page->entries[0].id), world->packed + 1);
    stream_page_destroy(page);
}

static void backwards_all_that_is_there_is_found(void **state)
{
    (void)state;
    add_entries(50);
    assert_int_equal(read_backwards(), 50);
    for (int i = 0; i < 20; i++) {
        add_entries(30);
        pack_entries(35);
    }
    assert_int_equal(read_backwards(), 650);
    /* Nothing is left in the stream. */
    pack_entries(world->added - world->plain_first);
    assert_int_equal(read_backwards(), 650);
    world->is_restless = true;
    for (int i = 0; i < 50; i++) {
        add_entries(20);
        (void)read_backwards();
    }
}

/* Each byte of it may be another one. */
static void what_is_damaged_is_told_and_the_rest_is_there(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        add_entries(20);
        pack_entries(20);
        if (seeded_random_below(&world->random, 3) == 0)
            damage(&world->blocks[world->block_count - 1]);
        if (seeded_random_below(&world->random, 8) == 0)
            world->blocks[world->block_count - 1].is_there = false;
    }
    add_entries(20);
    struct stream_position place = { { 0 }, 1 };
    while (number_of(place.id) < world->added)
        read_forwards(&place, 0);
    (void)read_backwards();
    assert_true(past_stats(world->past)->lost_entries > 0);
}

static void a_block_of_another_format_is_told(void **state)
{
    (void)state;
    add_entries(20);
    pack_entries(10);
    struct made_block *block = &world->blocks[0];
    block->bytes.data[5]++;
    block->is_unreadable = true;
    struct stream_position place = { { 0 }, 1 };
    assert_int_equal(past_unknown(world->past).ms, 0);
    while (number_of(place.id) < world->added)
        read_forwards(&place, 0);
    assert_int_equal(number_of(past_unknown(world->past)), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forwards_each_comes_once_and_in_order, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(whoever_comes_with_an_id_goes_on_there, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(backwards_all_that_is_there_is_found, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_told_and_the_rest_is_there, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(a_block_of_another_format_is_told, make_world, end_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
