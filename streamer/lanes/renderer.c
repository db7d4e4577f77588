#include "streamer/lanes/renderer.h"

#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "shared/message/message.h"
#include "shared/message/message_go.h"
#include "shared/x509/certificate.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* The issuers of one entry. Chains have one to four; log servers refuse those with more than
     * some ten. */
    CHAIN_MAX = 64,
    DER_MAX = 1 << 24,
    OBJECTS_MAX = 64 * 1024 * 1024,
};

struct renderer {
    const struct issuer_cache *issuers;
    /* These are used for the go dialect. */
    struct certificate *leaf;
    struct certificate *issuer;
    struct buffer der;     /* of an issuer */
    struct buffer objects; /* the issuers of an entry, one after the other */
};

struct renderer *renderer_create(const struct issuer_cache *issuers)
{
    struct renderer *renderer = memory_allocate_zeroed(1, sizeof *renderer);
    renderer->issuers = issuers;
    renderer->leaf = certificate_create();
    renderer->issuer = certificate_create();
    buffer_init(&renderer->der, DER_MAX);
    buffer_init(&renderer->objects, OBJECTS_MAX);
    return renderer;
}

void renderer_destroy(struct renderer *renderer)
{
    if (!renderer)
        return;
    certificate_destroy(renderer->leaf);
    certificate_destroy(renderer->issuer);
    buffer_free(&renderer->der);
    buffer_free(&renderer->objects);
    free(renderer);
}

static size_t find_issuers(const struct renderer *renderer, const struct stream_entry *entry,
                           uint64_t now_ms, struct bytes *objects)
{
    struct bytes chain = entry->chain;
    size_t count = 0;
    uint8_t sha256[SHA256_SIZE];
    while (count < CHAIN_MAX && stream_entry_take_issuer(&chain, sha256))
        count += issuer_cache_find(renderer->issuers, sha256, now_ms, &objects[count]);
    return count;
}

static bool write_full(const struct renderer *renderer, struct buffer *out,
                       const struct stream_entry *entry, const struct message_envelope *envelope,
                       uint64_t now_ms)
{
    struct bytes objects[CHAIN_MAX];
    size_t count = find_issuers(renderer, entry, now_ms, objects);
    return message_splice_full(out, entry->json, envelope, entry->der, objects, count);
}

/* The issuers in the go dialect; one whose certificate Redis does not have is left out. */
static size_t write_go_issuers(struct renderer *renderer, const struct bytes *objects, size_t count,
                               size_t *ends)
{
    size_t written = 0;
    buffer_clear(&renderer->objects);
    for (size_t i = 0; i < count; i++)
        if (message_go_write_issuer(&renderer->objects, objects[i], renderer->issuer,
                                    &renderer->der))
            ends[written++] = renderer->objects.size;
    return renderer->objects.failed ? 0 : written;
}

static bool write_go_full(struct renderer *renderer, struct buffer *out,
                          const struct stream_entry *entry, uint64_t now_ms)
{
    struct bytes objects[CHAIN_MAX];
    size_t ends[CHAIN_MAX];
    size_t count =
        write_go_issuers(renderer, objects, find_issuers(renderer, entry, now_ms, objects), ends);
    for (size_t i = 0; i < count; i++) {
        size_t start = i ? ends[i - 1] : 0;
        objects[i] = bytes_of(renderer->objects.data + start, ends[i] - start);
    }
    return message_go_write_full(out, entry->json, renderer->leaf, objects, count);
}

static bool write_go(struct renderer *renderer, struct buffer *out, enum message_content content,
                     const struct stream_entry *entry, uint64_t now_ms)
{
    if (content == MESSAGE_DOMAINS)
        certificate_parse_names(renderer->leaf, entry->der);
    else
        (void)certificate_parse(renderer->leaf, entry->der);
    switch (content) {
    case MESSAGE_LITE: return message_go_write_lite(out, entry->json, renderer->leaf);
    case MESSAGE_FULL: return write_go_full(renderer, out, entry, now_ms);
    case MESSAGE_DOMAINS: message_go_write_domains(out, renderer->leaf); return !out->failed;
    case MESSAGE_CONTENTS: break;
    }
    return false;
}

bool renderer_write(struct renderer *renderer, struct buffer *out, struct render_form form,
                    const struct stream_entry *entry, struct bytes matched, uint64_t now_ms)
{
    struct message_envelope envelope = { entry->id_text, matched };
    if (form.dialect == CERTIFICATE_DIALECT_GO)
        return write_go(renderer, out, form.content, entry, now_ms);
    switch (form.content) {
    case MESSAGE_LITE: return message_splice_lite(out, entry->json, &envelope);
    case MESSAGE_FULL: return write_full(renderer, out, entry, &envelope, now_ms);
    case MESSAGE_DOMAINS:
        message_splice_domains(out, entry->domains, entry->id_text);
        return !out->failed;
    case MESSAGE_CONTENTS: break;
    }
    return false;
}

bool renderer_shows_matched(struct render_form form)
{
    return form.dialect == CERTIFICATE_DIALECT_CERTSTREAM && form.content != MESSAGE_DOMAINS;
}
