/* The RFC 6962 view (section 4), answering as the CTFE server does where the RFC leaves it open. */
#ifndef CT_LOG_RFC6962_ROUTES_H
#define CT_LOG_RFC6962_ROUTES_H

struct distortion;
struct http_reply;
struct http_request;
struct routes;

/* Each fills the reply; the distortion says how it is to differ from the truth. */
void rfc6962_answer_get_sth(struct routes *routes, const struct http_request *request,
                            const struct distortion *distortion, struct http_reply *reply);
void rfc6962_answer_get_entries(struct routes *routes, const struct http_request *request,
                                const struct distortion *distortion, struct http_reply *reply);
void rfc6962_answer_consistency(struct routes *routes, const struct http_request *request,
                                const struct distortion *distortion, struct http_reply *reply);
void rfc6962_answer_entry_and_proof(struct routes *routes, const struct http_request *request,
                                    const struct distortion *distortion, struct http_reply *reply);
void rfc6962_answer_proof_by_hash(struct routes *routes, const struct http_request *request,
                                  const struct distortion *distortion, struct http_reply *reply);
void rfc6962_answer_roots(struct routes *routes, const struct http_request *request,
                          const struct distortion *distortion, struct http_reply *reply);

#endif
