/*
 * Where in the stream which certificate is: of each entry its id, and four bytes of each
 * fingerprint. A look-up goes through them all, from the newest on, which takes less than a
 * millisecond for a million; what it finds has to be compared with the entry itself. So any
 * certificate that is still in the stream is found, at 24 bytes an entry.
 *
 * It holds a stretch of the stream without a hole, up to its end, and what was trimmed of late: so
 * it also tells who has missed nothing of that.
 */
#ifndef STREAMER_PAST_CERTIFICATE_INDEX_H
#define STREAMER_PAST_CERTIFICATE_INDEX_H

#include "shared/redis/stream_id.h"

struct certificate_index;
struct message_fingerprints;

enum {
    /* 24 MB. A stream with more has the rest in it, but not here. */
    CERTIFICATE_INDEX_MAX = 1 << 20,
    /* What is trimmed from the stream is kept so long: who comes with the id of the newest trimmed
     * entry has missed nothing. */
    CERTIFICATE_INDEX_TRIMMED = 1 << 14,
};

struct certificate_index *certificate_index_create(void);
/* NULL is fine. */
void certificate_index_destroy(struct certificate_index *index);

/* An entry behind all others; with an id that is not, what was lost goes first. */
void certificate_index_add(struct certificate_index *index, struct stream_id id,
                           const struct message_fingerprints *fingerprints);
/* One before all others. False if there is no room. */
bool certificate_index_add_older(struct certificate_index *index, struct stream_id id,
                                 const struct message_fingerprints *fingerprints);
void certificate_index_clear(struct certificate_index *index);
/* The stream begins at `first` now. */
void certificate_index_trim(struct certificate_index *index, struct stream_id first);

/* The newest entry before `before` that may hold the certificate: with this SHA-256, or if that is
 * NULL this SHA-1. False if there is none. */
bool certificate_index_find(const struct certificate_index *index, const uint8_t *sha256,
                            const uint8_t *sha1, struct stream_id before, struct stream_id *id);

/* The place before the stream's first entry for one who stands at the newest that was trimmed, and
 * so has missed nothing; for all others `id` itself. */
struct stream_id certificate_index_skip(const struct certificate_index *index, struct stream_id id);

size_t certificate_index_count(const struct certificate_index *index);

#endif
