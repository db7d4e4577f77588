/*
 * The name that somebody meant who wrote more than a name into a certificate: "www.example.com.",
 * " www.example.com", "https://www.example.com:8443/login", "www.bank.example\0.evil.example". A
 * certificate's names are published as they are; filters look at this form beside them.
 */
#ifndef STREAMER_FILTER_PLAIN_NAME_H
#define STREAMER_FILTER_PLAIN_NAME_H

#include "shared/base/bytes.h"

/* The part of `name` without what stands behind a NUL, without scheme, port and path, blanks
 * around it and dots at its end. Most names are all of it. May be empty. */
struct bytes plain_name_of(struct bytes name);

#endif
