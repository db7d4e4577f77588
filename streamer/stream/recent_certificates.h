/*
 * The certificates that the stream held lately: for each the id of the first entry with it. Of the
 * entries with the same certificate (several logs hold it), the first is no repeat and every other
 * is.
 *
 * It holds the `capacity` certificates that came last; one that comes again counts as come now. So
 * what it holds is a function of the stream's end alone: streamers that read the same stream agree
 * on what is a repeat, also one that began only now, once it has read so far back. Time and memory
 * per entry are constant.
 */
#ifndef STREAMER_STREAM_RECENT_CERTIFICATES_H
#define STREAMER_STREAM_RECENT_CERTIFICATES_H

#include "shared/redis/stream_id.h"

struct message_fingerprints;
struct recent_certificates;

/* `capacity` is 1 to 2^28; `seed` is to be unpredictable. Memory is touched only as it fills: about
 * 115 bytes for each certificate. */
struct recent_certificates *recent_certificates_create(size_t capacity, uint64_t seed);
/* NULL is fine. */
void recent_certificates_destroy(struct recent_certificates *recent);

/* A new entry at the stream's end. True if it is a repeat. */
bool recent_certificates_add(struct recent_certificates *recent,
                             const struct message_fingerprints *fingerprints, struct stream_id id);
/* An entry before all that were added, for a start that reads backwards. False if there is no
 * room for it: then older ones are of no use. */
bool recent_certificates_add_older(struct recent_certificates *recent,
                                   const struct message_fingerprints *fingerprints,
                                   struct stream_id id);
/* Nothing is known any more. */
void recent_certificates_clear(struct recent_certificates *recent);

/* An entry before `id` holds this certificate. `sha256` has 32 bytes. */
bool recent_certificates_is_repeat(const struct recent_certificates *recent, const uint8_t *sha256,
                                   struct stream_id id);

/* The same of this certificate, its precertificate or its certificate. Of one whose `tbs` is not
 * known, of itself only. */
bool recent_certificates_is_pair_repeat(const struct recent_certificates *recent,
                                        const struct message_fingerprints *fingerprints,
                                        struct stream_id id);

size_t recent_certificates_count(const struct recent_certificates *recent);
size_t recent_certificates_capacity(const struct recent_certificates *recent);

#endif
