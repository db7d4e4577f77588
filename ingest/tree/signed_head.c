#include "ingest/tree/signed_head.h"

#include <cjson/cJSON.h>

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/reader.h"
#include "shared/json/json_reader.h"

enum {
    KEY_ID_SIZE = 4,
    /* The signature type of an RFC 6962 tree head in a note. */
    NOTE_SIGNATURE_RFC6962 = 5,
    /* A note's signature blob: key id, timestamp, DigitallySigned. */
    BLOB_SIZE_MAX = KEY_ID_SIZE + 8 + SIGNED_HEAD_SIGNATURE_MAX,
};

bool signed_head_read_sth(struct signed_head *head, struct bytes body)
{
    *head = (struct signed_head){ 0 };
    if (body.size > SIGNED_HEAD_BODY_MAX)
        return false;
    cJSON *root = cJSON_ParseWithLength((const char *)body.data, body.size);
    struct buffer signature;
    buffer_init(&signature, sizeof head->signature);
    const char *text = json_read_string(root, "tree_head_signature");
    bool good = json_read_unsigned(root, "tree_size", &head->size) &&
                json_read_unsigned(root, "timestamp", &head->timestamp_ms) &&
                json_read_base64(root, "sha256_root_hash", head->root.bytes, SHA256_SIZE) && text &&
                base64_decode(&signature, bytes_of_string(text));
    if (good && signature.size) {
        memcpy(head->signature, signature.data, signature.size);
        head->signature_size = signature.size;
    }
    buffer_free(&signature);
    cJSON_Delete(root);
    return good;
}

/* Takes one line without its newline; fails the reader when there is no newline. */
static struct bytes take_line(struct reader *reader)
{
    const uint8_t *end = reader->remaining ? memchr(reader->next, '\n', reader->remaining) : NULL;
    if (!end) {
        reader_fail(reader);
        return (struct bytes){ 0 };
    }
    struct bytes line = reader_take(reader, (size_t)(end - reader->next));
    (void)reader_take(reader, 1);
    return line;
}

/* SHA-256(origin || 0x0A || signature type || log id), its first four bytes. */
static void compute_key_id(struct digest *sha256, uint8_t *key_id, struct bytes origin,
                           const uint8_t *log_id)
{
    static const uint8_t middle[] = { '\n', NOTE_SIGNATURE_RFC6962 };
    const struct bytes pieces[] = { origin, bytes_of(middle, sizeof middle),
                                    bytes_of(log_id, SHA256_SIZE) };
    uint8_t hash[SHA256_SIZE];
    digest_pieces(sha256, hash, pieces, 3);
    memcpy(key_id, hash, KEY_ID_SIZE);
}

/* The base64 part of `— <name> <base64>` if the name is the origin, else empty. */
static struct bytes signature_text(struct bytes line, struct bytes origin)
{
    static const char dash[] = "\xe2\x80\x94 ";
    struct reader reader = reader_of(line);
    bool has_dash = bytes_equal_string(reader_take(&reader, sizeof dash - 1), dash);
    bool has_name = bytes_equal(reader_take(&reader, origin.size), origin);
    bool has_space = bytes_equal_string(reader_take(&reader, 1), " ");
    return has_dash && has_name && has_space ? reader_rest(&reader) : (struct bytes){ 0 };
}

/* Reads timestamp and signature out of a note signature if it carries the wanted key id. */
static bool read_signature(struct signed_head *head, struct bytes text, const uint8_t *key_id)
{
    struct buffer blob;
    buffer_init(&blob, BLOB_SIZE_MAX);
    bool good = base64_decode(&blob, text) && blob.size > KEY_ID_SIZE + 8 &&
                memcmp(blob.data, key_id, KEY_ID_SIZE) == 0;
    if (good) {
        struct reader reader = reader_of(buffer_bytes(&blob));
        (void)reader_take(&reader, KEY_ID_SIZE);
        head->timestamp_ms = reader_integer(&reader, 8);
        head->signature_size = reader.remaining;
        memcpy(head->signature, reader.next, reader.remaining);
    }
    buffer_free(&blob);
    return good;
}

bool signed_head_read_checkpoint(struct signed_head *head, struct bytes body, const uint8_t *log_id,
                                 struct digest *sha256)
{
    *head = (struct signed_head){ 0 };
    if (body.size > SIGNED_HEAD_BODY_MAX)
        return false;
    struct reader reader = reader_of(body);
    struct bytes origin = take_line(&reader);
    struct bytes size = take_line(&reader);
    struct bytes root = take_line(&reader);
    if (origin.size == 0 || !decimal_parse(&head->size, size) ||
        head->size >> SIGNED_HEAD_SIZE_BITS ||
        !base64_decode_exactly(head->root.bytes, SHA256_SIZE, root))
        return false;
    /* Extension lines, forbidden for this kind of signature but not covered by it either, are
     * passed over. */
    while (reader_ok(&reader) && take_line(&reader).size)
        ;
    uint8_t key_id[KEY_ID_SIZE];
    compute_key_id(sha256, key_id, origin, log_id);
    while (reader_ok(&reader) && reader.remaining) {
        struct bytes text = signature_text(take_line(&reader), origin);
        if (text.size && read_signature(head, text, key_id))
            return true;
    }
    return false;
}
