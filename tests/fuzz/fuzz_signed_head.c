/* Any bytes as an STH and as a checkpoint; a head that is read goes through the position in Redis
 * unchanged. */
#include <stdlib.h>

#include "ingest/store/log_position.h"
#include "shared/base/base64.h"
#include "shared/base/buffer.h"
#include "shared/base/digest.h"
#include "tests/fuzz/fuzz.h"

static void check_head(const struct signed_head *head)
{
    struct log_position written = { .head = *head }, read;
    struct hash_field fields[LOG_POSITION_FIELDS];
    struct buffer text;
    buffer_init(&text, LOG_POSITION_TEXT_MAX);
    log_position_write(&written, fields, &text);
    if (log_position_read(&read, fields, LOG_POSITION_FIELDS) != LOG_POSITION_READ ||
        read.head.size != head->size || read.head.timestamp_ms != head->timestamp_ms ||
        !bytes_equal(bytes_of(read.head.signature, read.head.signature_size),
                     bytes_of(head->signature, head->signature_size)))
        abort();
    buffer_free(&text);
}

enum {
    KEY_ID_SIZE = 4,
    ID_INPUT_MAX = 1 << 20
};

static const uint8_t log_id[SHA256_SIZE];

/* What a note's signature line by this log begins with: a hash, which no fuzzer finds. */
static void append_key_id(struct buffer *blob, struct bytes origin, struct digest *sha256)
{
    static const uint8_t middle[] = { '\n', 5 };
    const struct bytes pieces[] = { origin, bytes_of(middle, sizeof middle),
                                    bytes_of(log_id, sizeof log_id) };
    uint8_t hash[SHA256_SIZE];
    digest_pieces(sha256, hash, pieces, 3);
    buffer_append(blob, hash, KEY_ID_SIZE);
}

/* The input as the text of a note and, behind its first NUL, the blob of a signature by the log. */
static void sign_note(struct buffer *note, struct bytes input, struct digest *sha256)
{
    const uint8_t *end = memchr(input.data, '\0', input.size);
    size_t text_size = end ? (size_t)(end - input.data) : input.size;
    const uint8_t *line_end = memchr(input.data, '\n', text_size);
    struct bytes origin =
        bytes_of(input.data, line_end ? (size_t)(line_end - input.data) : text_size);
    struct buffer blob;
    buffer_init(&blob, ID_INPUT_MAX);
    append_key_id(&blob, origin, sha256);
    if (end)
        buffer_append(&blob, end + 1, input.size - text_size - 1);
    buffer_append(note, input.data, text_size);
    buffer_append_string(note, "\n\xe2\x80\x94 ");
    buffer_append_bytes(note, origin);
    buffer_append_byte(note, ' ');
    base64_encode(note, buffer_bytes(&blob));
    buffer_append_byte(note, '\n');
    buffer_free(&blob);
}

/* A checkpoint's time is any eight bytes; what is beyond 19 digits is no time. */
static void read_checkpoint(struct bytes body, struct digest *sha256)
{
    struct signed_head head;
    if (signed_head_read_checkpoint(&head, body, log_id, sha256) && head.timestamp_ms < UINT64_C(1)
                                                                                            << 62)
        check_head(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signed_head head;
    struct bytes input = bytes_of(data, size);
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    if (signed_head_read_sth(&head, input))
        check_head(&head);
    read_checkpoint(input, sha256);
    if (size) {
        struct buffer note;
        buffer_init(&note, ID_INPUT_MAX);
        sign_note(&note, input, sha256);
        read_checkpoint(buffer_bytes(&note), sha256);
        buffer_free(&note);
    }
    digest_destroy(sha256);
    return 0;
}
