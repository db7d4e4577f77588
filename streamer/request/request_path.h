/*
 * The path of a request, in the one form that routes, and what needs no token, are compared with;
 * and the fragments of its query.
 */
#ifndef STREAMER_REQUEST_REQUEST_PATH_H
#define STREAMER_REQUEST_REQUEST_PATH_H

#include "shared/base/bytes.h"

/* Decodes the percent signs of `raw`, which begins with a slash, and removes dot segments (RFC 3986
 * section 5.2.4), repeated slashes and the slashes at the end: "" is the root, "/api/cert" what
 * came as "//api/./cert/". `room` has at least raw.size bytes. False: it is no path, or holds a
 * control character. */
bool request_path_read(uint8_t *room, struct bytes raw, struct bytes *path);

/* Takes the next fragment, up to an ampersand, off the query and decodes it, a plus as a blank, to
 * `room` of at least query->size bytes. False when there is none left. What is wrong with a percent
 * sign stays as it is. */
bool request_query_take(struct bytes *query, uint8_t *room, struct bytes *fragment);

/* The value of the first parameter of this name, decoded to `room` of `size` bytes; no data if
 * there is none or it is longer. */
struct bytes request_query_find(struct bytes query, const char *name, uint8_t *room, size_t size);

#endif
