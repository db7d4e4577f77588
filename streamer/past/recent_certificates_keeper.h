/*
 * Keeps the window of certificates (recent_certificates.h) in step with the stream: new entries are
 * added as they are read, older ones by reading the stream backwards once, from where the reader
 * began, until the window is full. When Redis comes back with less than had been read, what was
 * known may be of entries that are gone; and when entries were packed before the reader got to
 * them, they are missing: then all of it is read again.
 */
#ifndef STREAMER_PAST_RECENT_CERTIFICATES_KEEPER_H
#define STREAMER_PAST_RECENT_CERTIFICATES_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate_index;
struct history_watch;
struct stream_entry;
struct stream_queries;
struct stream_reader;
struct recent_certificates;
struct recent_certificates_keeper;

/* All borrowed as long as the keeper exists. */
struct recent_certificates_keeper_options {
    struct stream_queries *queries;
    const struct stream_reader *reader;
    const struct history_watch *history;
    struct recent_certificates *window;
    struct certificate_index *index;
};

struct recent_certificates_keeper *recent_certificates_keeper_create(
    const struct recent_certificates_keeper_options *options);
/* NULL is fine. */
void recent_certificates_keeper_destroy(struct recent_certificates_keeper *keeper);

/* New entries, in order, before anybody else sees them. Answers how many of them are no repeats of
 * a certificate. */
size_t recent_certificates_keeper_add(struct recent_certificates_keeper *keeper,
                                      const struct stream_entry *entries, size_t count);
/* Has to be called every second or so: it begins to read backwards, or goes on. */
void recent_certificates_keeper_tick(struct recent_certificates_keeper *keeper);
/* True when the window holds all that it can of the stream. */
bool recent_certificates_keeper_is_done(const struct recent_certificates_keeper *keeper);

#endif
