#include "ingest/ct/rfc6962.h"

#include <assert.h>

#include <cjson/cJSON.h>

#include "shared/base/base64.h"
#include "shared/base/reader.h"
#include "shared/json/json_reader.h"

enum {
    /* Three for each entry of a page, and room for logs that answer more than they were asked
     * for. */
    VALUES_MAX = 64 * RFC6962_PAGE_MAX,
    /* A certificate has at most 2^24 - 1 bytes, and a precertificate's leaf little more. */
    LEAF_INPUT_MAX = (1 << 24) + 1024,
    /* A precertificate and a chain of three-byte length. */
    EXTRA_DATA_MAX = (1 << 25) + 1024,
};

/* cJSON makes a node of 64 bytes of each value, so a body of "[0,0,0,…]" would take fifty times its
 * size. There is a comma between any two values (and a ceiling in cJSON on how deep they nest), but
 * none in base64. */
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

static bool open_plain(struct rfc6962_page *page, const struct rfc6962_text *text)
{
    page->values = reader_of(buffer_bytes(&text->entries));
    page->left = page->count = text->count;
    return !text->entries.failed;
}

static bool open_other(struct rfc6962_page *page, const struct rfc6962_text *text)
{
    struct bytes body = buffer_bytes(&text->text);
    if (text->step != RFC6962_OTHER || text->text.failed || !has_few_values(body))
        return false;
    page->root = cJSON_ParseWithLength((const char *)body.data, body.size);
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(page->root, "entries");
    if (!cJSON_IsArray(entries))
        return false;
    page->next = entries->child;
    page->left = page->count = (size_t)cJSON_GetArraySize(entries);
    return true;
}

bool rfc6962_page_open(struct rfc6962_page *page, const struct rfc6962_text *text)
{
    *page = (struct rfc6962_page){ 0 };
    buffer_init(&page->leaf_input, LEAF_INPUT_MAX);
    buffer_init(&page->extra_data, EXTRA_DATA_MAX);
    return text->step == RFC6962_END ? open_plain(page, text) : open_other(page, text);
}

static bool decode_member(struct buffer *out, const cJSON *item, const char *name)
{
    const char *text = json_read_string(item, name);
    buffer_clear(out);
    return text && base64_decode(out, bytes_of_string(text));
}

static bool next_plain(struct rfc6962_page *page, struct bytes *leaf_input,
                       struct bytes *extra_data)
{
    *leaf_input = rfc6962_text_next_value(&page->values);
    *extra_data = rfc6962_text_next_value(&page->values);
    assert(reader_ok(&page->values));
    return leaf_input->size <= LEAF_INPUT_MAX && extra_data->size <= EXTRA_DATA_MAX;
}

static bool next_other(struct rfc6962_page *page, struct bytes *leaf_input,
                       struct bytes *extra_data)
{
    if (!decode_member(&page->leaf_input, page->next, "leaf_input") ||
        !decode_member(&page->extra_data, page->next, "extra_data"))
        return false;
    page->next = page->next->next;
    *leaf_input = buffer_bytes(&page->leaf_input);
    *extra_data = buffer_bytes(&page->extra_data);
    return true;
}

bool rfc6962_page_next(struct rfc6962_page *page, struct entry *entry)
{
    struct bytes leaf_input, extra_data;
    if (!page->left || !(page->root ? next_other(page, &leaf_input, &extra_data)
                                    : next_plain(page, &leaf_input, &extra_data)))
        return false;
    page->left--;
    entry_read_rfc6962(entry, leaf_input, extra_data);
    return true;
}

void rfc6962_page_clear(struct rfc6962_page *page)
{
    cJSON_Delete(page->root);
    buffer_free(&page->leaf_input);
    buffer_free(&page->extra_data);
    *page = (struct rfc6962_page){ 0 };
}

/* null and a missing member stand for the empty path. */
static bool read_path(const cJSON *root, const char *name, struct merkle_path *path)
{
    const cJSON *item;
    path->length = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, name))
    {
        const char *text = cJSON_GetStringValue(item);
        if (path->length == sizeof path->hashes / sizeof *path->hashes || !text ||
            !base64_decode_exactly(path->hashes[path->length].bytes, SHA256_SIZE,
                                   bytes_of_string(text)))
            return false;
        path->length++;
    }
    return true;
}

/* NULL unless it is an object. */
static cJSON *parse_object(struct bytes body)
{
    cJSON *root =
        has_few_values(body) ? cJSON_ParseWithLength((const char *)body.data, body.size) : NULL;
    if (cJSON_IsObject(root))
        return root;
    cJSON_Delete(root);
    return NULL;
}

static bool hash_member(const cJSON *root, struct merkle_hash *leaf, struct digest *sha256)
{
    struct buffer leaf_input;
    buffer_init(&leaf_input, LEAF_INPUT_MAX);
    bool good = decode_member(&leaf_input, root, "leaf_input");
    if (good) {
        const struct bytes piece = buffer_bytes(&leaf_input);
        merkle_hash_leaf(sha256, leaf, &piece, 1);
    }
    buffer_free(&leaf_input);
    return good;
}

bool rfc6962_read_entry_and_proof(struct merkle_hash *leaf, struct merkle_path *path,
                                  struct bytes body, struct digest *sha256)
{
    cJSON *root = parse_object(body);
    bool good = root && hash_member(root, leaf, sha256) && read_path(root, "audit_path", path);
    cJSON_Delete(root);
    return good;
}

bool rfc6962_read_leaf_hash(struct merkle_hash *leaf, struct bytes body, struct digest *sha256)
{
    cJSON *root = parse_object(body);
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(root, "entries");
    bool good =
        cJSON_IsArray(entries) && entries->child && hash_member(entries->child, leaf, sha256);
    cJSON_Delete(root);
    return good;
}

bool rfc6962_read_consistency(struct merkle_path *path, struct bytes body)
{
    cJSON *root = parse_object(body);
    bool good = cJSON_HasObjectItem(root, "consistency") && read_path(root, "consistency", path);
    cJSON_Delete(root);
    return good;
}

bool rfc6962_read_proof_by_hash(uint64_t *leaf_index, struct merkle_path *path, struct bytes body)
{
    cJSON *root = parse_object(body);
    bool good =
        json_read_unsigned(root, "leaf_index", leaf_index) && read_path(root, "audit_path", path);
    cJSON_Delete(root);
    return good;
}
