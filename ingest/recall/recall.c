#include "ingest/recall/recall.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/history/history_replies.h"
#include "ingest/recall/question.h"
#include "ingest/recall/record_store.h"
#include "shared/base/memory.h"
#include "shared/history/entry_renderer.h"
#include "shared/process/say.h"

enum {
    LINE_MAX_SIZE = 512 * 1024 * 1024,
};

#define PAGE "500"

struct recall {
    const struct recall_options *options;
    struct questions *questions;
    struct record_store *records;
    struct entry_renderer *renderer;
    struct buffer line;
    struct stream_id at; /* what comes after this is to be printed */
    bool is_incomplete;
    /* What the last question found. */
    bool is_torn; /* a transaction did not come to its end */
    bool has_block;
    struct history_block block;
    size_t printed;
};

static void print_entry(struct recall *recall, struct stream_id id,
                        const struct history_fields *fields)
{
    char text[STREAM_ID_TEXT_SIZE];
    const struct message_envelope envelope = { .id = stream_id_format(text, id) };
    struct bytes json = history_fields_find(fields, CONTRACT_FIELD_JSON);
    struct bytes domains = history_fields_find(fields, CONTRACT_FIELD_DOMAINS);
    buffer_clear(&recall->line);
    recall->at = id;
    recall->printed++;
    /* An order of an administrator is no certificate. */
    if (!json.size)
        return;
    if (recall->options->only_domains)
        message_splice_domains(&recall->line, domains, envelope.id);
    else if (!message_splice_lite(&recall->line, json, &envelope))
        return;
    buffer_append_byte(&recall->line, '\n');
    (void)fwrite(recall->line.data, 1, recall->line.size, stdout);
}

static bool is_wanted(const struct recall *recall, struct stream_id id)
{
    return stream_id_compare(id, recall->at) > 0 && stream_id_compare(id, recall->options->to) <= 0;
}

static void say_incomplete(struct recall *recall, struct stream_id block, const char *why)
{
    char text[STREAM_ID_TEXT_SIZE];
    (void)stream_id_format(text, block);
    say_warning("a block cannot be read", "block=%s reason=\"%s\"", text, why);
    recall->is_incomplete = true;
}

static void print_block(struct recall *recall)
{
    enum block_result result;
    struct stream_id last = recall->block.last;
    struct block_rows *rows = record_store_rows(recall->records, last, &result);
    unsigned wanted = recall->options->only_domains ? ENTRY_DOMAINS : ENTRY_JSON;
    if (!rows)
        say_incomplete(recall, last,
                       result == BLOCK_UNKNOWN   ? "a newer version wrote it"
                       : result == BLOCK_DAMAGED ? "it is damaged"
                                                 : "it was trimmed");
    for (size_t i = 0; rows && i < block_rows_count(rows); i++) {
        struct history_entry entry;
        struct history_fields fields;
        block_rows_entry(rows, i, &entry);
        if (!is_wanted(recall, entry.id))
            continue;
        struct bytes record = record_store_record(recall->records, &entry.place);
        if (entry_renderer_render(recall->renderer, &entry, record, wanted, &fields)) {
            print_entry(recall, entry.id, &fields);
            continue;
        }
        say_incomplete(recall, last, "a certificate of it is not there");
        break;
    }
    block_rows_close(rows);
    recall->at = last;
}

static void take_record(void *context, const redisReply *reply)
{
    struct recall *recall = context;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return;
    say_warning("what is printed is one shard of several: see certstream status",
                "prefix=%s shard=%s shards=%s", recall->options->contract->prefix,
                say_quoted(reply->element[1]->str), say_quoted(reply->element[0]->str));
}

/* Whether there are other streams beside this one. */
static bool ask_for_record(struct recall *recall)
{
    const char *words[] = { "HMGET", recall->options->contract->deployment,
                            CONTRACT_DEPLOYMENT_SHARDS, CONTRACT_DEPLOYMENT_SHARD };
    return questions_ask(recall->questions, take_record, recall, 4, words);
}

static void take_block(void *context, const redisReply *reply)
{
    struct recall *recall = context;
    recall->has_block = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
                        history_reply_block(&recall->block, reply->element[0]);
}

static void take_plain(void *context, const redisReply *reply)
{
    struct recall *recall = context;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        struct stream_id id;
        struct history_fields fields;
        if (!history_reply_entry(&id, &fields, reply->element[i]))
            continue;
        print_entry(recall, id, &fields);
        free((void *)(uintptr_t)fields.fields); /* NOLINT(performance-no-int-to-ptr) */
    }
}

/* Both at one moment: entries that were packed since the index was asked for are in a block. */
static void take_both(void *context, const redisReply *reply)
{
    struct recall *recall = context;
    recall->is_torn = reply->type != REDIS_REPLY_ARRAY || reply->elements != 2;
    if (recall->is_torn)
        return;
    take_block(recall, reply->element[0]);
    if (!recall->has_block)
        take_plain(recall, reply->element[1]);
}

static bool ask_for_plain(struct recall *recall, const char *from, const char *to)
{
    const struct contract *contract = recall->options->contract;
    const char *begin[] = { "MULTI" }, *end[] = { "EXEC" };
    const char *index[] = { "XRANGE", contract->history, from, "+", "COUNT", "1" };
    const char *plain[] = { "XRANGE", contract->stream, from, to, "COUNT", PAGE };
    struct questions *questions = recall->questions;
    do {
        if (!questions_ask(questions, NULL, NULL, 1, begin) ||
            !questions_ask(questions, NULL, NULL, 6, index) ||
            !questions_ask(questions, NULL, NULL, 6, plain) ||
            !questions_ask(questions, take_both, recall, 1, end))
            return false;
    } while (recall->is_torn);
    return true;
}

/* The next block, or plain entries where there is none. False if nothing was found, or Redis is
 * away. */
static bool recall_more(struct recall *recall, bool *is_away)
{
    char from[STREAM_ID_TEXT_SIZE + 1] = "(", to[STREAM_ID_TEXT_SIZE];
    (void)stream_id_format(from + 1, recall->at);
    (void)stream_id_format(to, recall->options->to);
    const char *index[] = { "XRANGE", recall->options->contract->history, from, "+", "COUNT", "1" };
    recall->has_block = false;
    recall->printed = 0;
    *is_away = !questions_ask(recall->questions, take_block, recall, 6, index) ||
               (!recall->has_block && !ask_for_plain(recall, from, to));
    if (*is_away || !recall->has_block)
        return recall->printed > 0;
    if (stream_id_compare(recall->block.first, recall->options->to) > 0)
        return false;
    print_block(recall);
    return true;
}

enum recall_result recall_print(const struct recall_options *options)
{
    struct recall recall = { .options = options, .at = stream_id_before(options->from) };
    bool is_away = false;
    recall.questions = questions_create(options->address, options->contract);
    recall.records = record_store_create(recall.questions, options->contract);
    recall.renderer = entry_renderer_create();
    buffer_init(&recall.line, LINE_MAX_SIZE);
    is_away = !ask_for_record(&recall);
    while (!is_away && recall_more(&recall, &is_away) && !ferror(stdout) &&
           stream_id_compare(recall.at, options->to) < 0)
        continue;
    if (is_away)
        (void)fprintf(stderr, "certstream: no Redis answers: %s\n",
                      say_quoted(questions_reason(recall.questions)));
    buffer_free(&recall.line);
    entry_renderer_destroy(recall.renderer);
    record_store_destroy(recall.records);
    questions_destroy(recall.questions);
    if (is_away)
        return RECALL_AWAY;
    return recall.is_incomplete ? RECALL_INCOMPLETE : RECALL_DONE;
}
