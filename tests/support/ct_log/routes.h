/*
 * The routes of the local CT log: RFC 6962 below /rfc6962/, static-ct-api below /tiled/, the log
 * list, and the means to watch and to disturb it. One table; a route is a function and a row.
 */
#ifndef CT_LOG_ROUTES_H
#define CT_LOG_ROUTES_H

#include "tests/support/ct_log/listing.h"

struct faults;
struct http_reply;
struct http_request;
struct http_server;
struct options;

enum {
    ROUTES_MAX = 20,
    ROUTES_STATUS_MAX = 600,
    ROUTES_URL_SIZE = 64,
    ROUTES_FOLDER_SIZE = 16,
};

/* What the answers are made from. All borrowed. */
struct routes {
    struct ct_log *log;
    struct faults *faults;
    const struct options *options;
    const struct http_server *server; /* whose connections are counted; or NULL */
    char host[ROUTES_URL_SIZE];       /* address:port */
    struct list_signer *list_signer;  /* made when a signature or the key is first asked for */
    struct listing listing;           /* what the log list says */
    char folder[ROUTES_FOLDER_SIZE];  /* below which the logs are, e.g. "/moved"; "" at first */
    uint64_t requests[ROUTES_MAX][ROUTES_STATUS_MAX];
    uint64_t bytes[ROUTES_MAX]; /* of bodies */
};

/* The http_handler of http_server.h; `context` is the struct routes. */
void routes_answer(void *context, const struct http_request *request, struct http_reply *reply);

/* The path of a request below the folder of its log. */
struct bytes routes_path_below(const struct http_request *request);

#endif
