/* Any bytes as an STH and as a checkpoint; a head that is read goes through the checkpoint in Redis unchanged. */
#include <stdlib.h>

#include "ingest/checkpoint.h"
#include "shared/buffer.h"
#include "tests/fuzz/fuzz.h"

static void check_head(const struct signed_head *head)
{
    struct checkpoint written = { .head = *head }, read;
    struct checkpoint_field fields[CHECKPOINT_FIELDS];
    struct buffer text;
    buffer_init(&text, CHECKPOINT_TEXT_MAX);
    checkpoint_write(&written, fields, &text);
    if (checkpoint_read(&read, fields, CHECKPOINT_FIELDS) != CHECKPOINT_READ ||
        read.head.size != head->size || read.head.timestamp_ms != head->timestamp_ms ||
        !bytes_equal(bytes_of(read.head.signature, read.head.signature_size),
                     bytes_of(head->signature, head->signature_size)))
        abort();
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t log_id[SHA256_SIZE];
    struct signed_head head;
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    if (signed_head_read_sth(&head, bytes_of(data, size)))
        check_head(&head);
    /* A checkpoint's time is any eight bytes; what is beyond 19 digits is no time. */
    if (signed_head_read_checkpoint(&head, bytes_of(data, size), log_id, sha256) &&
        head.timestamp_ms < UINT64_C(1) << 62)
        check_head(&head);
    digest_destroy(sha256);
    return 0;
}
