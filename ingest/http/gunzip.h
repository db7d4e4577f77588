/*
 * One whole gzip file (RFC 1952) in memory, inflated. Pure.
 */
#ifndef INGEST_HTTP_GUNZIP_H
#define INGEST_HTTP_GUNZIP_H

#include "shared/base/buffer.h"

enum gunzip_result {
    GUNZIP_DONE,
    GUNZIP_NOT_GZIP,  /* it begins otherwise, is damaged, cut short, or something follows it */
    GUNZIP_TOO_LARGE, /* the limit of `out` is reached */
};

/* Whether `body` begins as gzip does. No tree head, leaf, JSON or certificate does; one hash in
 * 65,536 does. */
bool gunzip_is_likely(struct bytes body);

/* Appends what `body` inflates to. Whatever the result, `out` is the caller's to free; unless it is
 * GUNZIP_DONE, what was appended means nothing. */
enum gunzip_result gunzip(struct buffer *out, struct bytes body);

#endif
