/*
 * What only who comes to --admin-listen may ask: who is connected, and that one of them is
 * disconnected. There are no tokens, so beside that there is only what anybody may know, and
 * no page of a browser may have asked.
 */
#ifndef STREAMER_WS_ADMIN_H
#define STREAMER_WS_ADMIN_H

#include "streamer/edge/access.h"
#include "streamer/http/http_routes.h"
#include "streamer/request/request_head.h"

struct sessions;

/* The refusal of a request that an administrator's listener does not take. */
struct refusal admin_check(const struct access *access, const struct request_head *head,
                           const struct access_request *request);

/* True of /admin/clients and what is below it. */
bool admin_has(struct bytes path);
/* GET /admin/clients: all of them. DELETE /admin/clients/7: the one with the number 7 has to go. */
void admin_answer(struct http_answer *answer, const struct request_head *head,
                  struct sessions *sessions);

#endif
