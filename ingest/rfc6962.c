#include "ingest/rfc6962.h"

#include <assert.h>

#include <cjson/cJSON.h>

#include "shared/base64.h"
#include "shared/json_reader.h"
#include "shared/reader.h"

enum {
    /* Three for each entry of a page, and room for logs that answer more than they were asked for. */
    VALUES_MAX = 64 * RFC6962_PAGE_MAX,
    /* A certificate has at most 2^24 - 1 bytes, and a precertificate's leaf little more. */
    LEAF_INPUT_MAX = (1 << 24) + 1024,
    /* A precertificate and a chain of three-byte length. */
    EXTRA_DATA_MAX = (1 << 25) + 1024,
};

/* cJSON makes a node of 64 bytes of each value, so a body of "[0,0,0,…]" would take fifty times its size. There is a comma
 * between any two values (and a ceiling in cJSON on how deep they nest), but none in base64. */
static bool has_few_values(struct bytes body)
{
    struct reader rest = reader_of(body);
    for (size_t count = 0; count <= VALUES_MAX; count++) {
        const uint8_t *comma = rest.remaining ? memchr(rest.next, ',', rest.remaining) : NULL;
        if (!comma)
            return true;
        (void)reader_take(&rest, (size_t)(comma - rest.next) + 1);
    }
    return false;
}

bool rfc6962_page_open(struct rfc6962_page *page, struct bytes body)
{
    *page = (struct rfc6962_page){ 0 };
    buffer_init(&page->leaf_input, LEAF_INPUT_MAX);
    buffer_init(&page->extra_data, EXTRA_DATA_MAX);
    if (!has_few_values(body))
        return false;
    page->root = cJSON_ParseWithLength((const char *)body.data, body.size);
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(page->root, "entries");
    if (!cJSON_IsArray(entries))
        return false;
    page->next = entries->child;
    page->count = (size_t)cJSON_GetArraySize(entries);
    return true;
}

static bool decode_member(struct buffer *out, const cJSON *item, const char *name)
{
    const char *text = json_read_string(item, name);
    buffer_clear(out);
    return text && base64_decode(out, bytes_of_string(text));
}

bool rfc6962_page_next(struct rfc6962_page *page, struct entry *entry)
{
    if (!page->next || !decode_member(&page->leaf_input, page->next, "leaf_input") ||
        !decode_member(&page->extra_data, page->next, "extra_data"))
        return false;
    page->next = page->next->next;
    entry_read_rfc6962(entry, buffer_bytes(&page->leaf_input), buffer_bytes(&page->extra_data));
    return true;
}

void rfc6962_page_clear(struct rfc6962_page *page)
{
    cJSON_Delete(page->root);
    buffer_free(&page->leaf_input);
    buffer_free(&page->extra_data);
    *page = (struct rfc6962_page){ 0 };
}

/* "audit_path": null and a missing member stand for the empty path. */
static bool read_path(const cJSON *root, struct merkle_hash *path, size_t *length)
{
    const cJSON *item;
    *length = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "audit_path"))
    {
        const char *text = cJSON_GetStringValue(item);
        if (*length == MERKLE_LEVELS || !text ||
            !base64_decode_exactly(path[*length].bytes, SHA256_SIZE, bytes_of_string(text)))
            return false;
        (*length)++;
    }
    return true;
}

bool rfc6962_read_entry_and_proof(struct merkle_frontier *frontier, uint64_t size,
                                  struct bytes body, struct digest *sha256)
{
    assert(size > 0);
    if (!has_few_values(body))
        return false;
    cJSON *root = cJSON_ParseWithLength((const char *)body.data, body.size);
    struct merkle_hash path[MERKLE_LEVELS];
    size_t length;
    struct buffer leaf_input;
    buffer_init(&leaf_input, LEAF_INPUT_MAX);
    bool good = decode_member(&leaf_input, root, "leaf_input") && read_path(root, path, &length);
    if (good) {
        struct merkle_hash leaf;
        const struct bytes piece = buffer_bytes(&leaf_input);
        merkle_hash_leaf(sha256, &leaf, &piece, 1);
        good = merkle_frontier_from_path(sha256, frontier, size - 1, &leaf, path, length);
    }
    buffer_free(&leaf_input);
    cJSON_Delete(root);
    return good;
}
