/*
 * Who may come in: the one place that decides it, before an upgrade and before a route is looked
 * at. Pure; ws_server takes the headers out of the request and sends the refusal.
 */
#ifndef STREAMER_EDGE_ACCESS_H
#define STREAMER_EDGE_ACCESS_H

#include "shared/base/bytes.h"
#include "streamer/request/refusal.h"

struct token_holder;
struct token_set;

/* Borrowed. */
struct access {
    const struct token_set *tokens; /* none in it: everybody */
    char *const *origins;
    size_t origin_count;      /* 0: from everywhere */
    char *const *own_origins; /* where the streamer's own page is */
    size_t own_origin_count;
};

/* What a request says; data is NULL where it has none. */
struct access_request {
    struct bytes path;          /* as request_path_read has it */
    struct bytes authorization; /* the header's value */
    struct bytes token;         /* of the query, decoded */
    struct bytes origin;
    struct bytes host;
    bool is_over_tls;  /* a browser has found the Host in the certificate */
    bool is_preflight; /* a browser asks what it may send; it has no token yet */
};

/* NULL, or why this is no origin: scheme://host[:port], nothing behind. */
const char *access_check_origin(const char *origin);

/* Health is everybody's, without a token. A page that the streamer itself sent is always let in. */
struct refusal access_decide(const struct access *access, const struct access_request *request);
/* Who has the named token that the request shows; NULL: nobody. */
const struct token_holder *access_holder(const struct access *access,
                                         const struct access_request *request);

/* True if no page of a browser can have made the request: none of another origin, and none that had
 * its own name lead here. */
bool access_is_no_page(const struct access_request *request);

/* True if no page can have had its own name lead here to read the answer: the host is an address,
 * localhost, a name without a dot, which nobody has in public ("streamer"), one of the own origins,
 * or none, as no browser has it. */
bool access_is_own_host(const struct access *access, const struct access_request *request);

/* What an administrator or an orchestrator asks to see whether the server is well. */
bool access_is_health(struct bytes path);

#endif
