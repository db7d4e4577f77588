#include "streamer/log_positions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/contract.h"
#include "shared/decimal.h"
#include "shared/hex.h"
#include "shared/memory.h"
#include "shared/redis_link.h"

enum {
    FRESH_MS = 5000,
    /* There are some hundred logs in the world. */
    LOGS_MAX = 1024,
    LOG_ID_SIZE = CONTRACT_LOG_ID_HEX / 2,
};

struct position_list {
    struct log_position items[LOGS_MAX];
    size_t count;
};

struct log_positions {
    const struct contract *contract;
    struct redis_link *link;
    struct position_list known;
    struct position_list coming; /* fills while the hashes are asked for */
    size_t pending;              /* replies that have not come */
    bool failed;                 /* one of them was none */
    uint64_t asked_at_ms;
};

static void clear(struct position_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].url);
    list->count = 0;
}

/* What was known stays when the connection broke in between. */
static void finish(struct log_positions *positions)
{
    if (!positions->failed) {
        clear(&positions->known);
        positions->known = positions->coming;
        positions->coming.count = 0;
    }
    clear(&positions->coming);
}

static void take_position(struct position_list *list, const struct redisReply *reply)
{
    const struct redisReply *url = reply->element[0];
    const struct redisReply *next = reply->element[1];
    struct log_position position = { 0 };
    if (url->type != REDIS_REPLY_STRING || next->type != REDIS_REPLY_STRING ||
        !decimal_parse(&position.next, bytes_of(next->str, next->len)))
        return;
    position.url = memory_copy_text(url->str, url->len);
    list->items[list->count++] = position;
}

static void on_log(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct log_positions *positions = context;
    if (!reply)
        positions->failed = true;
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        take_position(&positions->coming, reply);
    if (--positions->pending == 0)
        finish(positions);
}

static void ask_for_log(struct log_positions *positions, const struct redisReply *id)
{
    uint8_t binary[LOG_ID_SIZE];
    char key[CONTRACT_KEY_SIZE];
    if (id->type != REDIS_REPLY_STRING ||
        !hex_decode(binary, sizeof binary, bytes_of(id->str, id->len)))
        return;
    contract_log_key(positions->contract, key, id->str);
    positions->pending += redis_link_send_strings(positions->link, on_log, positions, "HMGET", key,
                                                  "url", "next", NULL);
}

static void on_logs(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct log_positions *positions = context;
    positions->failed = !reply || reply->type != REDIS_REPLY_ARRAY;
    if (!positions->failed)
        for (size_t i = 0; i < reply->elements && i < LOGS_MAX; i++)
            ask_for_log(positions, reply->element[i]);
    if (--positions->pending == 0)
        finish(positions);
}

struct log_positions *log_positions_create(const struct contract *contract, struct redis_link *link)
{
    struct log_positions *positions = memory_allocate_zeroed(1, sizeof *positions);
    positions->contract = contract;
    positions->link = link;
    return positions;
}

void log_positions_destroy(struct log_positions *positions)
{
    if (!positions)
        return;
    assert(positions->pending == 0);
    clear(&positions->known);
    clear(&positions->coming);
    free(positions);
}

void log_positions_refresh(struct log_positions *positions, uint64_t now_ms)
{
    bool fresh = positions->asked_at_ms && now_ms - positions->asked_at_ms < FRESH_MS;
    if (fresh || positions->pending > 0)
        return;
    if (redis_link_send_strings(positions->link, on_logs, positions, "SMEMBERS",
                                positions->contract->logs, NULL)) {
        positions->asked_at_ms = now_ms;
        positions->pending = 1;
    }
}

const struct log_position *log_positions_get(const struct log_positions *positions, size_t *count)
{
    *count = positions->known.count;
    return positions->known.items;
}
