/*
 * A message of a CertStream server, ours or another one's: what kind it is, and where in it stands
 * what is printed. What a server leaves out, or gives in another type, is not there. Pure.
 */
#ifndef STREAMER_TAIL_SERVER_MESSAGE_H
#define STREAMER_TAIL_SERVER_MESSAGE_H

#include "shared/base/bytes.h"

struct cJSON;

enum server_message_kind {
    SERVER_MESSAGE_OTHER, /* a heartbeat, or what is not known */
    SERVER_MESSAGE_CERTIFICATE,
    SERVER_MESSAGE_NAMES, /* of /domains-only */
    SERVER_MESSAGE_GAP,
    SERVER_MESSAGE_BROKEN, /* no JSON object */
};

struct server_message {
    enum server_message_kind kind;
    struct cJSON *json; /* owned */
    const char *id;     /* NULL: the server knows none */
    /* Array of strings, or NULL. */
    const struct cJSON *names;
    /* Of a certificate; NULL or a negative number: not there. */
    bool is_precertificate;
    const char *log, *sha256;
    const char *issuer_name, *issuer_organization;
    double seen_s, index, not_before_s, not_after_s;
    /* Of a gap. */
    double missed; /* negative: nobody can know */
    const char *reason;
};

/* To be cleared in any case. */
void server_message_read(struct server_message *message, struct bytes text);
void server_message_clear(struct server_message *message);

#endif
