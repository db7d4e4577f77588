#include "ingest/logs/packed_look.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/history/history_replies.h"
#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

enum {
    /* A million entries. What somebody wrote since the log's last position is in the newest of
     * them; the others only decide whether history has anything of it. */
    BLOCKS_MAX = 64,
    NUMBER_SIZE = 24,
};

struct packed_look {
    struct redis_link *link;
    const struct contract *contract;
    char log_id_hex[2 * SHA256_SIZE + 1];
    packed_look_done done;
    void *context;
    unsigned blocks; /* looked at, this one included */
    struct stream_id block;
    struct buffer head_bytes; /* which the head has views into */
    struct block_head head;
    struct block_decoder *decoder;
    struct block_rows *rows;
    struct block_search search;
    struct history_entry entry; /* the row whose record is asked for */
    struct block_part frame;
    struct entry_renderer *renderer;
};

static void destroy(struct packed_look *look)
{
    buffer_free(&look->head_bytes);
    block_rows_close(look->rows);
    block_decoder_destroy(look->decoder);
    entry_renderer_destroy(look->renderer);
    free(look);
}

static void end(struct packed_look *look, enum packed_look_end how, enum log_found found,
                uint64_t index)
{
    look->done(look->context, how, found, index);
    destroy(look);
}

static void end_found(struct packed_look *look, enum log_found found, uint64_t index)
{
    end(look, PACKED_LOOK_DONE, found, index);
}

/* False if it is not of the type: then the look has ended. */
static bool check_reply(struct packed_look *look, const redisReply *reply, int type)
{
    if (reply && reply->type == type)
        return true;
    end(look, reply ? PACKED_LOOK_REFUSED : PACKED_LOOK_DOWN, LOG_FOUND_NOTHING, 0);
    return false;
}

static void end_unless(struct packed_look *look, bool is_sent)
{
    if (!is_sent)
        end(look, PACKED_LOOK_REFUSED, LOG_FOUND_NOTHING, 0);
}

static void ask_part(struct packed_look *look, size_t offset, size_t size,
                     redis_link_on_reply on_part)
{
    char key[CONTRACT_KEY_SIZE], first[NUMBER_SIZE], last[NUMBER_SIZE];
    contract_block_key(look->contract, key, look->block);
    (void)snprintf(first, sizeof first, "%zu", offset);
    (void)snprintf(last, sizeof last, "%zu", offset + size - 1);
    end_unless(look, redis_link_send_strings(look->link, on_part, look, "GETRANGE", key, first,
                                             last, (char *)NULL));
}

static void on_packed_index(struct redis_link *link, redisReply *reply, void *context);

/* The newest block, or the one before the last. */
static bool ask_index(struct packed_look *look)
{
    char from[STREAM_ID_TEXT_SIZE + 1] = "+";
    if (look->blocks) {
        *from = '(';
        (void)stream_id_format(from + 1, look->block);
    }
    return redis_link_send_strings(look->link, on_packed_index, look, "XREVRANGE",
                                   look->contract->history, from, "-", "COUNT", "1", (char *)NULL);
}

static void on_frame(struct redis_link *link, redisReply *reply, void *context);

/* The record of the row that has been found; what cannot be had may be the log's. */
static void ask_record(struct packed_look *look)
{
    size_t frame = block_head_frame_of(&look->head, look->entry.place.record);
    if (!look->entry.place.is_here || frame == look->head.frame_count) {
        end_found(look, LOG_FOUND_CONTROL, 0);
        return;
    }
    look->frame = block_head_frame(&look->head, frame);
    ask_part(look, look->frame.offset, look->frame.size, on_frame);
}

static void look_on(struct packed_look *look)
{
    enum log_found found = block_search_next(&look->search, look->rows, &look->entry);
    if (found == LOG_FOUND_RECORD)
        ask_record(look);
    else if (found == LOG_FOUND_ENTRY)
        end_found(look, found, look->entry.index);
    else if (look->blocks == BLOCKS_MAX)
        end_found(look, LOG_FOUND_NOTHING, 0);
    else
        end_unless(look, ask_index(look));
}

static void on_frame(struct redis_link *link, redisReply *reply, void *context)
{
    struct packed_look *look = context;
    struct history_fields fields;
    uint64_t index = 0;
    enum log_found found = LOG_FOUND_CONTROL;
    (void)link;
    if (!check_reply(look, reply, REDIS_REPLY_STRING))
        return;
    struct block_frame *frame =
        block_frame_open(look->decoder, &look->frame, history_reply_text(reply));
    if (frame &&
        entry_renderer_render(look->renderer, &look->entry,
                              block_frame_record(frame, look->entry.place.record), 0, &fields))
        found = block_search_fields(&fields, look->log_id_hex, &index);
    block_frame_close(frame);
    if (found == LOG_FOUND_NOTHING)
        look_on(look);
    else
        end_found(look, found, index);
}

static void on_rows(struct redis_link *link, redisReply *reply, void *context)
{
    struct packed_look *look = context;
    (void)link;
    if (!check_reply(look, reply, REDIS_REPLY_STRING))
        return;
    block_rows_close(look->rows);
    look->rows = block_rows_open(look->decoder, &look->head, history_reply_text(reply));
    if (!look->rows) {
        end_found(look, LOG_FOUND_CONTROL, 0);
        return;
    }
    look->search = block_search_begin(look->rows, look->log_id_hex);
    look_on(look);
}

static void on_head(struct redis_link *link, redisReply *reply, void *context)
{
    struct packed_look *look = context;
    (void)link;
    if (!check_reply(look, reply, REDIS_REPLY_STRING))
        return;
    /* Gone since it stood in the index, and with it all before it. */
    if (!reply->len) {
        end_found(look, LOG_FOUND_NOTHING, 0);
        return;
    }
    buffer_clear(&look->head_bytes);
    buffer_append(&look->head_bytes, reply->str, (size_t)reply->len);
    if (block_head_read(&look->head, buffer_bytes(&look->head_bytes)) != BLOCK_GOOD) {
        end_found(look, LOG_FOUND_CONTROL, 0);
        return;
    }
    ask_part(look, look->head.rows.offset, look->head.rows.size, on_rows);
}

static void on_packed_index(struct redis_link *link, redisReply *reply, void *context)
{
    struct packed_look *look = context;
    struct history_block block;
    (void)link;
    if (!check_reply(look, reply, REDIS_REPLY_ARRAY))
        return;
    if (!reply->elements) {
        end_found(look, LOG_FOUND_NOTHING, 0);
        return;
    }
    if (!history_reply_block(&block, reply->element[0])) {
        end_found(look, LOG_FOUND_CONTROL, 0);
        return;
    }
    look->blocks++;
    look->block = block.last;
    ask_part(look, 0, BLOCK_HEAD_MAX, on_head);
}

bool packed_look_begin(struct redis_link *link, const struct contract *contract,
                       const char *log_id_hex, packed_look_done done, void *context)
{
    struct packed_look *look = memory_allocate_zeroed(1, sizeof *look);
    look->link = link;
    look->contract = contract;
    look->done = done;
    look->context = context;
    (void)snprintf(look->log_id_hex, sizeof look->log_id_hex, "%s", log_id_hex);
    buffer_init(&look->head_bytes, BLOCK_HEAD_MAX);
    look->decoder = block_decoder_create();
    look->renderer = entry_renderer_create();
    bool is_sent = ask_index(look);
    if (!is_sent)
        destroy(look);
    return is_sent;
}
