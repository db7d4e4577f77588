#include "tests/support/ct_log/tree_head.h"

#include <assert.h>
#include <inttypes.h>

#include <openssl/evp.h>

#include "shared/base/base64.h"
#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/signing_key.h"

enum {
    SIGNATURE_MAX = 128,
    KEY_ID_SIZE = 4,
    NOTE_KEY_MAX = 512,
    /* The type of RFC 6962 signatures in a signed note. */
    NOTE_TYPE_RFC6962 = 5,
};

/* The DigitallySigned over a TreeHeadSignature (RFC 6962 section 3.5). */
static void append_signature(const struct tree_head *head, const struct signing_key *key,
                             bool flips_signature, struct buffer *out)
{
    struct buffer input;
    buffer_init(&input, 64);
    big_endian_append(&input, 0, 1);
    big_endian_append(&input, 1, 1);
    big_endian_append(&input, head->timestamp_ms, 8);
    big_endian_append(&input, head->size, 8);
    buffer_append(&input, head->root, sizeof head->root);
    signing_key_sign(key, buffer_bytes(&input), out);
    /* The last bit belongs to the number s: the form stays right. */
    if (flips_signature)
        out->data[out->size - 1] ^= 1;
    buffer_free(&input);
}

void tree_head_write_sth(const struct tree_head *head, const struct signing_key *key,
                         bool flips_signature, struct buffer *out)
{
    struct buffer signature;
    buffer_init(&signature, SIGNATURE_MAX);
    append_signature(head, key, flips_signature, &signature);
    buffer_append_format(out, "{\"tree_size\":%" PRIu64 ",\"timestamp\":%" PRIu64, head->size,
                         head->timestamp_ms);
    buffer_append_string(out, ",\"sha256_root_hash\":\"");
    base64_encode(out, bytes_of(head->root, sizeof head->root));
    buffer_append_string(out, "\",\"tree_head_signature\":\"");
    base64_encode(out, buffer_bytes(&signature));
    buffer_append_string(out, "\"}");
    buffer_free(&signature);
}

/* The first bytes of a hash over the note's name and the key: which key a signature line is by. */
static void append_key_id(const struct signing_key *key, const char *origin, struct buffer *out)
{
    struct buffer named_key;
    uint8_t digest[EVP_MAX_MD_SIZE];
    buffer_init(&named_key, NOTE_KEY_MAX);
    buffer_append_string(&named_key, origin);
    buffer_append_byte(&named_key, '\n');
    buffer_append_byte(&named_key, NOTE_TYPE_RFC6962);
    buffer_append(&named_key, signing_key_id(key), SIGNING_KEY_ID_SIZE);
    assert(!named_key.failed);
    bool made = EVP_Digest(named_key.data, named_key.size, digest, NULL, EVP_sha256(), NULL) == 1;
    assert(made);
    (void)made;
    buffer_append(out, digest, KEY_ID_SIZE);
    buffer_free(&named_key);
}

void tree_head_write_checkpoint(const struct tree_head *head, const struct signing_key *key,
                                const char *origin, bool flips_signature, struct buffer *out)
{
    struct buffer blob;
    buffer_init(&blob, SIGNATURE_MAX + KEY_ID_SIZE + 8);
    append_key_id(key, origin, &blob);
    big_endian_append(&blob, head->timestamp_ms, 8);
    append_signature(head, key, flips_signature, &blob);
    buffer_append_format(out, "%s\n%" PRIu64 "\n", origin, head->size);
    base64_encode(out, bytes_of(head->root, sizeof head->root));
    buffer_append_format(out, "\n\n\u2014 %s ", origin);
    base64_encode(out, buffer_bytes(&blob));
    buffer_append_byte(out, '\n');
    buffer_free(&blob);
}
