#include "ingest/history/entry_packer.h"

#include <assert.h>
#include <stdlib.h>

#include "ingest/history/record_table.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/history/block_writer.h"
#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"

enum {
    /* A block may name all others of its generation. */
    GENERATION_BLOCKS_MAX = BLOCK_EARLIER_MAX,
    REST_MAX = 512 * 1024 * 1024,
};

struct entry_packer {
    struct block_writer *writer;
    struct stored_entry_reader *reader;
    struct keyed_digest *digest;
    struct record_table *records;
    struct certificate *certificate;
    struct buffer rest, domains, verbatim;
    struct stream_id generation;
    bool has_generation;
    struct stream_id *blocks; /* those that are stored, by their last ids */
    size_t block_count;
    struct entry_packer_stats stats;
};

struct entry_packer *entry_packer_create(int level, const uint8_t *seed)
{
    struct entry_packer *packer = memory_allocate_zeroed(1, sizeof *packer);
    uint64_t numbers[2];
    static_assert(KEYED_DIGEST_KEY_SIZE + sizeof numbers <= ENTRY_PACKER_SEED_SIZE, "enough");
    memcpy(numbers, seed + KEYED_DIGEST_KEY_SIZE, sizeof numbers);
    packer->writer = block_writer_create(level, numbers[0]);
    packer->reader = stored_entry_reader_create(numbers[1]);
    packer->digest = keyed_digest_create(seed);
    packer->records = record_table_create();
    packer->certificate = certificate_create();
    packer->blocks = memory_allocate_zeroed(GENERATION_BLOCKS_MAX, sizeof *packer->blocks);
    buffer_init(&packer->rest, REST_MAX);
    buffer_init(&packer->domains, REST_MAX);
    buffer_init(&packer->verbatim, BLOCK_RECORD_MAX);
    return packer;
}

void entry_packer_destroy(struct entry_packer *packer)
{
    if (!packer)
        return;
    block_writer_destroy(packer->writer);
    stored_entry_reader_destroy(packer->reader);
    keyed_digest_destroy(packer->digest);
    record_table_destroy(packer->records);
    certificate_destroy(packer->certificate);
    buffer_free(&packer->rest);
    buffer_free(&packer->domains);
    buffer_free(&packer->verbatim);
    free(packer->blocks);
    free(packer);
}

static void begin_block(struct entry_packer *packer)
{
    block_writer_clear(packer->writer);
    stored_entry_reader_clear(packer->reader);
}

void entry_packer_begin_generation(struct entry_packer *packer)
{
    begin_block(packer);
    record_table_clear(packer->records);
    packer->block_count = 0;
    packer->has_generation = false;
}

static void add_row(struct entry_packer *packer, const struct history_entry *entry)
{
    if (!packer->has_generation)
        packer->generation = entry->id;
    packer->has_generation = true;
    block_writer_add_row(packer->writer, entry);
    packer->stats.entries++;
}

static bool tbs_is_same(const struct entry_packer *packer, struct bytes tbs)
{
    const uint8_t *digest = certificate_tbs_sha256(packer->certificate);
    char hex[2 * SHA256_SIZE + 1] = "";
    if (digest)
        hex_encode(hex, bytes_of(digest, SHA256_SIZE));
    return bytes_equal_string(tbs, hex);
}

/* What the certificate decides, written again. An error that the message has for another reason
 * than the certificate stays in `entry`. */
static bool rest_is_same(struct entry_packer *packer, struct stored_entry *stored)
{
    struct history_entry *entry = &stored->entry;
    (void)certificate_parse(packer->certificate, stored->der);
    const char *own = certificate_parse_error(packer->certificate);
    if (entry->parse_error && own && strcmp(entry->parse_error, own) == 0)
        entry->parse_error = NULL;
    buffer_clear(&packer->rest);
    buffer_clear(&packer->domains);
    message_write_rest(&packer->rest, entry->parse_error, packer->certificate);
    certificate_json_write_domains(&packer->domains, packer->certificate,
                                   CERTIFICATE_DIALECT_CERTSTREAM);
    return !packer->rest.failed && !packer->domains.failed &&
           bytes_equal(buffer_bytes(&packer->rest), stored->json_rest) &&
           bytes_equal(buffer_bytes(&packer->domains), stored->domains) &&
           tbs_is_same(packer, stored->tbs);
}

static void digest_rest(struct entry_packer *packer, uint8_t *out,
                        const struct stored_entry *stored)
{
    const struct bytes pieces[] = { stored->json_rest, stored->domains, stored->tbs };
    keyed_digest_pieces(packer->digest, out, pieces, sizeof pieces / sizeof *pieces);
}

/* The certificate is in the generation already. False if the entry is not what it would make. */
static bool add_copy(struct entry_packer *packer, struct stored_entry *stored,
                     const struct known_record *known)
{
    uint8_t rest[KEYED_DIGEST_SIZE];
    digest_rest(packer, rest, stored);
    if (memcmp(rest, known->rest, sizeof rest) == 0)
        stored->entry.parse_error = NULL;
    else if (!rest_is_same(packer, stored))
        return false;
    struct history_place *place = &stored->entry.place;
    place->is_here = known->block == packer->block_count;
    place->record = known->record;
    if (!place->is_here)
        place->block = packer->blocks[known->block];
    add_row(packer, &stored->entry);
    return true;
}

static bool add_new(struct entry_packer *packer, struct stored_entry *stored, const uint8_t *der)
{
    if (!rest_is_same(packer, stored))
        return false;
    struct known_record known = { .block = (uint32_t)packer->block_count };
    memcpy(known.der, der, sizeof known.der);
    if (!stored->entry.parse_error)
        digest_rest(packer, known.rest, stored);
    known.record = block_writer_add_record(packer->writer, stored->der);
    packer->stats.records++;
    if (!record_table_is_full(packer->records))
        record_table_add(packer->records, &known);
    stored->entry.place = (struct history_place){ .is_here = true, .record = known.record };
    add_row(packer, &stored->entry);
    return true;
}

static bool add_verbatim(struct entry_packer *packer, struct stream_id id,
                         const struct history_fields *fields)
{
    buffer_clear(&packer->verbatim);
    block_writer_write_verbatim(&packer->verbatim, fields);
    if (packer->verbatim.failed || !packer->verbatim.size)
        return false;
    struct history_entry entry = { .id = id, .is_verbatim = true };
    entry.place.is_here = true;
    entry.place.record = block_writer_add_record(packer->writer, buffer_bytes(&packer->verbatim));
    add_row(packer, &entry);
    packer->stats.verbatim++;
    return true;
}

bool entry_packer_add(struct entry_packer *packer, struct stream_id id,
                      const struct history_fields *fields)
{
    struct stored_entry stored;
    if (!stored_entry_read(packer->reader, &stored, id, fields))
        return add_verbatim(packer, id, fields);
    uint8_t der[KEYED_DIGEST_SIZE];
    keyed_digest_pieces(packer->digest, der, &stored.der, 1);
    const struct known_record *known = record_table_find(packer->records, der);
    bool is_added = known ? add_copy(packer, &stored, known) : add_new(packer, &stored, der);
    return is_added || add_verbatim(packer, id, fields);
}

size_t entry_packer_count(const struct entry_packer *packer)
{
    return block_writer_count(packer->writer);
}

bool entry_packer_is_full(const struct entry_packer *packer)
{
    return block_writer_is_full(packer->writer);
}

struct stream_id entry_packer_first(const struct entry_packer *packer)
{
    return block_writer_first(packer->writer);
}

struct stream_id entry_packer_last(const struct entry_packer *packer)
{
    return block_writer_last(packer->writer);
}

struct bytes entry_packer_finish(struct entry_packer *packer, uint64_t ordinal)
{
    return block_writer_finish(packer->writer, packer->generation, ordinal);
}

struct stream_id entry_packer_generation(const struct entry_packer *packer)
{
    return packer->generation;
}

void entry_packer_commit(struct entry_packer *packer)
{
    assert(packer->block_count < GENERATION_BLOCKS_MAX);
    packer->blocks[packer->block_count++] = block_writer_last(packer->writer);
    begin_block(packer);
}

bool entry_packer_generation_is_full(const struct entry_packer *packer)
{
    return record_table_is_full(packer->records) || packer->block_count == GENERATION_BLOCKS_MAX;
}

const struct entry_packer_stats *entry_packer_stats(const struct entry_packer *packer)
{
    return &packer->stats;
}
