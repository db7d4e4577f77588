#include "streamer/http/share_answer.h"

#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/json/json_writer.h"
#include "streamer/http/shares.h"

enum {
    MS_PER_S = 1000,
    /* Values that are told of each kind: more bars than a page shows. */
    VALUES_TOLD = 20,
    /* 140 values of 112 bytes, six times as long if each is a control character, and 900
     * numbers. */
    ANSWER_MAX = 256 * 1024,
};

struct share_answer {
    const struct shares *shares;
    struct shares_total total;
    struct buffer body;
    uint64_t made_s;
};

struct share_answer *share_answer_create(const struct shares *shares)
{
    struct share_answer *answer = memory_allocate_zeroed(1, sizeof *answer);
    answer->shares = shares;
    buffer_init(&answer->body, ANSWER_MAX);
    return answer;
}

void share_answer_destroy(struct share_answer *answer)
{
    if (!answer)
        return;
    buffer_free(&answer->body);
    free(answer);
}

static void write_today(struct json_writer *writer, struct shares_day today)
{
    json_key(writer, "today");
    json_begin_object(writer);
    json_key(writer, "from");
    json_milliseconds(writer, today.from_ms);
    json_key(writer, "entries");
    json_unsigned(writer, today.entries);
    json_end_object(writer);
}

static uint64_t entries_of(const struct shares_second *second)
{
    return second->entries;
}

static uint64_t precertificates_of(const struct shares_second *second)
{
    return second->precertificates;
}

static uint64_t unique_of(const struct shares_second *second)
{
    return second->unique;
}

typedef uint64_t (*number_of)(const struct shares_second *second);

static void write_seconds(struct json_writer *writer, const struct shares *shares, uint64_t now_ms,
                          number_of number)
{
    json_begin_array(writer);
    for (unsigned ago = SHARES_SECONDS - 1; ago > 0; ago--) {
        struct shares_second second = shares_second_ago(shares, now_ms, ago);
        json_unsigned(writer, number(&second));
    }
    json_end_array(writer);
}

/* The second that has only begun is left out. */
static void write_rates(struct json_writer *writer, const struct shares *shares, uint64_t now_ms)
{
    json_key(writer, "per_second");
    json_begin_object(writer);
    json_key(writer, "newest");
    json_unsigned(writer, now_ms / MS_PER_S - 1);
    json_key(writer, "entries");
    write_seconds(writer, shares, now_ms, entries_of);
    json_key(writer, "precertificates");
    write_seconds(writer, shares, now_ms, precertificates_of);
    json_key(writer, "unique");
    write_seconds(writer, shares, now_ms, unique_of);
    json_end_object(writer);
}

/* A count is what is certain of it: what stood in its place before is not counted. */
static void write_values(struct json_writer *writer, const struct top_values *values)
{
    json_begin_array(writer);
    for (size_t i = 0; i < values->count && i < VALUES_TOLD; i++) {
        const struct top_value *value = &values->items[i];
        if (value->count == value->error)
            continue;
        json_begin_object(writer);
        json_key(writer, "value");
        json_text(writer, bytes_of(value->text, value->size));
        json_key(writer, "entries");
        json_unsigned(writer, value->count - value->error);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_shares(struct json_writer *writer, const struct shares_total *total)
{
    json_key(writer, "seconds");
    json_unsigned(writer, SHARES_SECONDS);
    json_key(writer, "entries");
    json_unsigned(writer, total->entries);
    json_key(writer, "looked_at");
    json_unsigned(writer, total->looked_at);
    json_key(writer, "shares");
    json_begin_object(writer);
    for (unsigned kind = 0; kind < SHARE_KINDS; kind++) {
        json_key(writer, share_kind_name((enum share_kind)kind));
        write_values(writer, &total->values[kind]);
    }
    json_end_object(writer);
}

static void make_answer(struct share_answer *answer, uint64_t now_ms)
{
    buffer_clear(&answer->body);
    struct json_writer writer = json_writer_of(&answer->body);
    shares_sum(answer->shares, now_ms, &answer->total);
    json_begin_object(&writer);
    json_key(&writer, "time");
    json_milliseconds(&writer, now_ms);
    write_today(&writer, shares_today(answer->shares, now_ms));
    write_rates(&writer, answer->shares, now_ms);
    write_shares(&writer, &answer->total);
    json_end_object(&writer);
}

struct bytes share_answer_get(struct share_answer *answer, uint64_t now_ms)
{
    if (answer->made_s != now_ms / MS_PER_S) {
        make_answer(answer, now_ms);
        answer->made_s = now_ms / MS_PER_S;
    }
    return buffer_bytes(&answer->body);
}
