#include "tests/unit/history_book.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/redis/contract.h"
#include "shared/x509/certificate.h"

enum {
    LIMIT = 512 << 20
};

static const char *const field_names[PLAIN_FIELDS] = {
    CONTRACT_FIELD_JSON, CONTRACT_FIELD_DOMAINS, CONTRACT_FIELD_DER, CONTRACT_FIELD_CHAIN,
    CONTRACT_FIELD_LOG,  CONTRACT_FIELD_INDEX,   CONTRACT_FIELD_TBS,
};

void plain_entry_init(struct plain_entry *plain)
{
    plain->certificate = certificate_create();
    for (size_t i = 0; i < PLAIN_FIELDS; i++)
        buffer_init(&plain->texts[i], LIMIT);
}

void plain_entry_free(struct plain_entry *plain)
{
    certificate_destroy(plain->certificate);
    for (size_t i = 0; i < PLAIN_FIELDS; i++)
        buffer_free(&plain->texts[i]);
}

static void write_tbs(struct plain_entry *plain)
{
    const uint8_t *digest = certificate_tbs_sha256(plain->certificate);
    char hex[2 * SHA256_SIZE + 1] = "";
    if (digest)
        hex_encode(hex, bytes_of(digest, SHA256_SIZE));
    buffer_append_string(&plain->texts[6], hex);
}

struct history_fields plain_entry_write(struct plain_entry *plain,
                                        const struct history_entry *entry, struct bytes der)
{
    const struct message_entry message = history_entry_message(entry);
    for (size_t i = 0; i < PLAIN_FIELDS; i++)
        buffer_clear(&plain->texts[i]);
    (void)certificate_parse(plain->certificate, der);
    message_write(&plain->texts[0], &message, plain->certificate);
    certificate_json_write_domains(&plain->texts[1], plain->certificate,
                                   CERTIFICATE_DIALECT_CERTSTREAM);
    buffer_append_bytes(&plain->texts[2], der);
    buffer_append_bytes(&plain->texts[3], entry->chain);
    buffer_append_string(&plain->texts[4], entry->source->log_id_hex);
    buffer_append_unsigned(&plain->texts[5], entry->index);
    write_tbs(plain);
    for (size_t i = 0; i < PLAIN_FIELDS; i++)
        plain->fields[i] = (struct history_field){ bytes_of_string(field_names[i]),
                                                   buffer_bytes(&plain->texts[i]) };
    return (struct history_fields){ plain->fields, PLAIN_FIELDS };
}

struct open_block {
    struct block_decoder *decoder;
    struct block_head head;
    struct block_rows *rows;
    struct block_frame **frames;
};

static struct bytes part_of(struct bytes block, const struct block_part *part)
{
    return bytes_of(block.data + part->offset, part->size);
}

struct open_block *open_block_create(struct bytes bytes)
{
    struct block_head head;
    if (block_head_read(&head, bytes) != BLOCK_GOOD || head.size != bytes.size)
        return NULL;
    struct open_block *block = memory_allocate_zeroed(1, sizeof *block);
    block->head = head;
    block->decoder = block_decoder_create();
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    block->frames = memory_allocate_zeroed(head.frame_count + 1, sizeof *block->frames);
    block->rows = block_rows_open(block->decoder, &head, part_of(bytes, &head.rows));
    bool is_good = block->rows;
    for (size_t i = 0; i < head.frame_count; i++) {
        struct block_part part = block_head_frame(&head, i);
        block->frames[i] = block_frame_open(block->decoder, &part, part_of(bytes, &part));
        is_good = is_good && block->frames[i];
    }
    if (is_good)
        return block;
    open_block_destroy(block);
    return NULL;
}

void open_block_destroy(struct open_block *block)
{
    if (!block)
        return;
    for (size_t i = 0; i < block->head.frame_count; i++)
        block_frame_close(block->frames[i]);
    block_rows_close(block->rows);
    block_decoder_destroy(block->decoder);
    free((void *)block->frames);
    free(block);
}

size_t open_block_count(const struct open_block *block)
{
    return block_rows_count(block->rows);
}

const struct block_head *open_block_head(const struct open_block *block)
{
    return &block->head;
}

void open_block_entry(const struct open_block *block, size_t row, struct history_entry *entry)
{
    block_rows_entry(block->rows, row, entry);
}

struct bytes open_block_record(const struct open_block *block, uint32_t record)
{
    size_t frame = block_head_frame_of(&block->head, record);
    if (frame == block->head.frame_count)
        return (struct bytes){ 0 };
    return block_frame_record(block->frames[frame], record);
}
