/*
 * What filters look at of one entry of the stream, worked out once and for all filters, and only
 * when one asks: the names in lower case with a hash of each name's ends, the log's names, the
 * issuer's. Nothing is parsed; message_view says where things are.
 */
#ifndef STREAMER_FILTER_FILTER_SUBJECT_H
#define STREAMER_FILTER_FILTER_SUBJECT_H

#include "streamer/stream/stream_entry.h"

struct filter_subject;
struct recent_certificates;

/* A name or what is left of it when labels are taken off its front: of "a.b.example" the ends are
 * all of it, "b.example" and "example". */
struct subject_ending {
    struct bytes text; /* lower case */
    uint64_t hash;     /* subject_hash of it */
    bool is_whole;     /* nothing was taken off */
};

struct subject_endings {
    const struct subject_ending *items;
    size_t count;
};

/* The names of the log, and of the certificate's issuer; lower case, NULL where there is none. */
struct subject_names {
    struct bytes log_description, log_url, operator_name;
    struct bytes issuer_common_name, issuer_organization;
    /* All that filters can ask of the log, and of the issuer, each as one text. */
    struct bytes log_key, issuer_key;
};

/* `window` (borrowed; NULL: none) says of which certificates the stream has had an earlier copy. */
struct filter_subject *filter_subject_create(const struct recent_certificates *window);
/* NULL is fine. */
void filter_subject_destroy(struct filter_subject *subject);

/* The subject is from now on about `entry`, which is borrowed until the next filter_subject_set.
 */
void filter_subject_set(struct filter_subject *subject, const struct stream_entry *entry);

const struct stream_entry *filter_subject_entry(const struct filter_subject *subject);
/* Every end of every name of filter_subject_domains. */
struct subject_endings filter_subject_endings(struct filter_subject *subject);
/* The certificate's names, lower case, each followed by a byte 0xff, which is in none; behind them
 * those of their plain forms (plain_name.h) that differ. */
struct bytes filter_subject_domains(struct filter_subject *subject);
/* Takes the next name off what is left of filter_subject_domains; false at its end. */
bool filter_subject_take_name(struct bytes *rest, struct bytes *name);
const struct subject_names *filter_subject_names(struct filter_subject *subject);
/* An earlier entry within the window holds the same certificate. */
bool filter_subject_is_repeat(struct filter_subject *subject);
/* The same, a precertificate and its certificate being one. */
bool filter_subject_is_pair_repeat(struct filter_subject *subject);

/* The hash of an ending. */
uint64_t subject_hash(struct bytes text);

#endif
