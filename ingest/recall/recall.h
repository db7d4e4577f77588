/* Prints what Redis holds from one id to another, packed and plain, as JSON lines. */
#ifndef INGEST_RECALL_RECALL_H
#define INGEST_RECALL_RECALL_H

#include "shared/redis/contract.h"

struct redis_address;

struct recall_options {
    const struct redis_address *address;
    const struct contract *contract;
    struct stream_id from, to; /* both included */
    bool only_domains;
};

enum recall_result {
    RECALL_DONE,
    RECALL_INCOMPLETE, /* something could not be read, and was said */
    RECALL_AWAY,       /* Redis does not answer, which was said */
};

enum recall_result recall_print(const struct recall_options *options);

#endif
