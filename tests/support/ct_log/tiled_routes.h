/* The static-ct-api view (c2sp.org/static-ct-api). */
#ifndef CT_LOG_TILED_ROUTES_H
#define CT_LOG_TILED_ROUTES_H

struct distortion;
struct http_reply;
struct http_request;
struct routes;

/* These are called as those of rfc6962_routes.h. Hash tiles and data tiles are two routes, so that
 * faults can tell them apart. */
void tiled_answer_checkpoint(struct routes *routes, const struct http_request *request,
                             const struct distortion *distortion, struct http_reply *reply);
void tiled_answer_tile(struct routes *routes, const struct http_request *request,
                       const struct distortion *distortion, struct http_reply *reply);
void tiled_answer_data(struct routes *routes, const struct http_request *request,
                       const struct distortion *distortion, struct http_reply *reply);
void tiled_answer_issuer(struct routes *routes, const struct http_request *request,
                         const struct distortion *distortion, struct http_reply *reply);

#endif
