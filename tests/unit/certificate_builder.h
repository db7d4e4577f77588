/*
 * Certificates put together piece by piece on the local CT log's DER writer, so that tests hold
 * exactly the oddity they are about. Nothing is signed: keys and signatures are filler.
 */
#ifndef TESTS_UNIT_CERTIFICATE_BUILDER_H
#define TESTS_UNIT_CERTIFICATE_BUILDER_H

#include "tests/support/ct_log/der_writer.h"

/* SEQUENCE { OBJECT IDENTIFIER }, NULL parameters left out. */
void build_algorithm(struct buffer *out, const char *dotted);
/* A relative distinguished name of one attribute. */
void build_attribute(struct buffer *out, const char *dotted, uint8_t tag, struct bytes value);
void build_extension(struct buffer *out, const char *dotted, struct bytes value);

/* What is left zero is filled in with something ordinary; without extensions there are none. */
struct certificate_parts {
    struct bytes serial;          /* content */
    struct bytes algorithm;       /* a whole AlgorithmIdentifier */
    struct bytes issuer;          /* content of the Name */
    struct bytes subject;         /* content of the Name */
    struct bytes validity;        /* content */
    struct bytes public_key_info; /* a whole SubjectPublicKeyInfo */
    struct bytes extensions;      /* content of the SEQUENCE OF */
};

void build_certificate(struct buffer *out, const struct certificate_parts *parts);

/* An ordinary certificate of a web server, as CAs issue them now: `name_count` names, two SCTs,
 * policies, access information. `number` makes each one different. */
void build_ordinary_certificate(struct buffer *out, uint64_t number, size_t name_count);

#endif
