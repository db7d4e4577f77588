#include "ingest/backfill/entry_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/x509/certificate.h"

enum {
    CHAIN_MAX = 64,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
};

struct entry_lines {
    const struct issuer_set *issuers;
    bool is_full;
    struct certificate *certificate;
    struct buffer text;
    struct buffer objects; /* of a chain, one behind the other */
};

struct entry_lines *entry_lines_create(const struct issuer_set *issuers, bool is_full)
{
    struct entry_lines *lines = memory_allocate_zeroed(1, sizeof *lines);
    lines->issuers = issuers;
    lines->is_full = is_full;
    lines->certificate = certificate_create();
    buffer_init(&lines->text, BATCH_BYTES_MAX);
    buffer_init(&lines->objects, BATCH_BYTES_MAX);
    return lines;
}

void entry_lines_destroy(struct entry_lines *lines)
{
    certificate_destroy(lines->certificate);
    buffer_free(&lines->text);
    buffer_free(&lines->objects);
    free(lines);
}

static void append_issuer(struct entry_lines *lines, const uint8_t *fingerprint)
{
    const struct known_issuer *known = issuer_set_find(lines->issuers, fingerprint);
    if (!known) {
        certificate_json_write_missing(&lines->objects, fingerprint);
        return;
    }
    (void)certificate_parse(lines->certificate, known->certificate.der);
    certificate_json_write(&lines->objects, lines->certificate, CERTIFICATE_DIALECT_CERTSTREAM,
                           true);
}

/* `chain` is fingerprints in hex with blanks between. */
static void append_full(struct entry_lines *lines, struct bytes json, struct bytes der,
                        struct bytes chain)
{
    const struct message_envelope envelope = { { NULL, 0 }, { NULL, 0 } };
    struct bytes issuers[CHAIN_MAX];
    size_t ends[CHAIN_MAX], count = 0, start = 0;
    uint8_t fingerprint[SHA256_SIZE];
    buffer_clear(&lines->objects);
    for (size_t at = 0; at + FINGERPRINT_HEX <= chain.size && count < CHAIN_MAX;
         at += FINGERPRINT_HEX + 1)
        if (hex_decode(fingerprint, sizeof fingerprint,
                       bytes_of(chain.data + at, FINGERPRINT_HEX))) {
            append_issuer(lines, fingerprint);
            ends[count++] = lines->objects.size;
        }
    for (size_t i = 0; i < count; start = ends[i++])
        issuers[i] = bytes_of(lines->objects.data + start, ends[i] - start);
    (void)message_splice_full(&lines->text, json, &envelope, der, issuers, count);
}

static bool write_out(struct buffer *text)
{
    for (size_t done = 0; done < text->size;) {
        ssize_t size = write(STDOUT_FILENO, text->data + done, text->size - done);
        if (size < 0 && errno != EINTR)
            return false;
        done += size > 0 ? (size_t)size : 0;
    }
    buffer_clear(text);
    return true;
}

bool entry_lines_write(struct entry_lines *lines, const struct batch *batch)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        struct bytes json = batch_field(batch, i, BATCH_JSON);
        if (lines->is_full)
            append_full(lines, json, batch_field(batch, i, BATCH_DER),
                        batch_field(batch, i, BATCH_CHAIN));
        else
            buffer_append_bytes(&lines->text, json);
        buffer_append_byte(&lines->text, '\n');
    }
    return write_out(&lines->text);
}
