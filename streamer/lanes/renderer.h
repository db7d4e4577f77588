/*
 * An entry of the stream as a message, in what form a client asked for. In our own dialect by
 * copying what the stream holds; in the go dialect (shared/README.md) the certificates are read and
 * rendered anew.
 */
#ifndef STREAMER_LANES_RENDERER_H
#define STREAMER_LANES_RENDERER_H

#include "shared/base/buffer.h"
#include "shared/message/certificate_json.h"

struct issuer_cache;
struct renderer;
struct stream_entry;

/* What a message holds (shared/README.md, "Messages"). */
enum message_content {
    MESSAGE_LITE,
    MESSAGE_FULL,
    MESSAGE_DOMAINS,
    MESSAGE_CONTENTS,
};

enum {
    MESSAGE_DIALECTS = CERTIFICATE_DIALECT_GO + 1
};

struct render_form {
    enum message_content content;
    enum certificate_dialect dialect;
};

/* `issuers` is borrowed as long as the renderer exists. */
struct renderer *renderer_create(const struct issuer_cache *issuers);
/* NULL is fine. */
void renderer_destroy(struct renderer *renderer);

/* Appends the entry's message to `out`; `matched` is what filter_write_matched says of it, or no
 * data, and only stands in messages whose form shows it. False, with nothing appended, if its json
 * is not of the contract's form or `out` is full. An issuer that is not in `issuers` is left out,
 * so have them fetched before. */
bool renderer_write(struct renderer *renderer, struct buffer *out, struct render_form form,
                    const struct stream_entry *entry, struct bytes matched, uint64_t now_ms);

/* True if a message of this form says what let it through. */
bool renderer_shows_matched(struct render_form form);

#endif
