#include "ingest/ct/entry.h"

#include "shared/base/buffer.h"
#include "shared/base/reader.h"

enum {
    LENGTH_24 = 3,
    LENGTH_16 = 2,
    LEAF_VERSION_1 = 0,
    LEAF_TIMESTAMPED_ENTRY = 0,
    ENTRY_X509 = 0,
    ENTRY_PRECERT = 1,
    EXTENSION_LEAF_INDEX = 0,
    LEAF_INDEX_SIZE = 5,
};

/* TimestampedEntry, RFC 6962 section 3.4. The reader stands behind it, or has failed. */
static const char *read_timestamped_entry(struct entry *entry, struct reader *reader)
{
    entry->timestamp_ms = reader_integer(reader, 8);
    uint64_t type = reader_integer(reader, 2);
    if (reader_ok(reader) && type != ENTRY_X509 && type != ENTRY_PRECERT) {
        reader_fail(reader);
        return "unknown entry type";
    }
    entry->is_precertificate = type == ENTRY_PRECERT;
    if (entry->is_precertificate) {
        entry->issuer_key_hash = reader_take(reader, SHA256_SIZE);
        entry->tbs = reader_vector(reader, LENGTH_24);
    } else {
        entry->certificate = reader_vector(reader, LENGTH_24);
    }
    entry->extensions = reader_vector(reader, LENGTH_16);
    return reader_ok(reader) ? NULL : "truncated leaf";
}

static const char *read_leaf_input(struct entry *entry, struct bytes leaf_input)
{
    struct reader reader = reader_of(leaf_input);
    uint64_t version = reader_integer(&reader, 1);
    uint64_t type = reader_integer(&reader, 1);
    if (reader_ok(&reader) && (version != LEAF_VERSION_1 || type != LEAF_TIMESTAMPED_ENTRY))
        return "unknown leaf version or type";
    const char *malformed = read_timestamped_entry(entry, &reader);
    if (!malformed && !reader_finished(&reader))
        malformed = "trailing bytes in the leaf";
    return malformed;
}

static const char *read_extra_data(struct entry *entry, struct bytes extra_data)
{
    struct reader reader = reader_of(extra_data);
    struct bytes precertificate = { 0 };
    if (entry->is_precertificate)
        precertificate = reader_vector(&reader, LENGTH_24);
    struct bytes chain = reader_vector(&reader, LENGTH_24);
    if (!reader_finished(&reader))
        return "malformed extra_data";
    if (entry->is_precertificate)
        entry->certificate = precertificate;
    entry->chain = chain;
    return NULL;
}

void entry_read_rfc6962(struct entry *entry, struct bytes leaf_input, struct bytes extra_data)
{
    *entry = (struct entry){ .leaf_pieces = { leaf_input } };
    entry->malformed = read_leaf_input(entry, leaf_input);
    if (!entry->malformed)
        entry->malformed_extra = read_extra_data(entry, extra_data);
}

bool entry_read_tile_leaf(struct entry *entry, struct reader *tile)
{
    static const uint8_t leaf_header[] = { LEAF_VERSION_1, LEAF_TIMESTAMPED_ENTRY };
    *entry = (struct entry){ .has_fingerprints = true };
    const uint8_t *start = tile->next;
    if (read_timestamped_entry(entry, tile))
        return false;
    entry->leaf_pieces[0] = bytes_of(leaf_header, sizeof leaf_header);
    entry->leaf_pieces[1] = bytes_of(start, (size_t)(tile->next - start));
    if (entry->is_precertificate)
        entry->certificate = reader_vector(tile, LENGTH_24);
    entry->chain = reader_vector(tile, LENGTH_16);
    return reader_ok(tile) && entry->chain.size % SHA256_SIZE == 0;
}

void entry_empty_extensions(struct entry *entry, struct buffer *body)
{
    if (!entry->extensions.size)
        return;
    size_t at = (size_t)(entry->extensions.data - body->data);
    body->data[at - 2] = body->data[at - 1] = 0;
    entry->leaf_pieces[1].size -= entry->extensions.size;
    entry->extensions.size = 0;
}

bool entry_is_at(const struct entry *entry, uint64_t index)
{
    struct reader reader = reader_of(entry->extensions);
    unsigned found = 0;
    while (reader_ok(&reader) && reader.remaining) {
        uint64_t type = reader_integer(&reader, 1);
        struct reader data = reader_of(reader_vector(&reader, LENGTH_16));
        if (!reader_ok(&reader) || type != EXTENSION_LEAF_INDEX)
            continue;
        found++;
        if (reader_integer(&data, LEAF_INDEX_SIZE) != index || !reader_finished(&data))
            return false;
    }
    return reader_ok(&reader) && found <= 1;
}

bool entry_next_chain_certificate(struct bytes *chain, struct bytes *certificate)
{
    struct reader reader = reader_of(*chain);
    *certificate = reader_vector(&reader, LENGTH_24);
    if (!reader_ok(&reader))
        return false;
    *chain = reader_rest(&reader);
    return true;
}
