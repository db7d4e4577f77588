/*
 * Which issuers Redis has: read when Redis is there, and again when what was on its way there may
 * have been lost.
 */
#ifndef INGEST_FOLLOW_KNOWN_ISSUERS_H
#define INGEST_FOLLOW_KNOWN_ISSUERS_H

#include <stdbool.h>

struct contract;
struct known_issuers;
struct pipeline;
struct redis_link;

/* All borrowed. */
struct known_issuers *known_issuers_create(struct redis_link *link, const struct contract *contract,
                                           struct pipeline *pipeline);
/* After the link, so that no reply is owed. NULL is fine. */
void known_issuers_destroy(struct known_issuers *issuers);

/* Redis may have lost what was sent to it: forgets what it has, and reads that anew. */
void known_issuers_reload(struct known_issuers *issuers);
/* Redis is away. */
void known_issuers_on_down(struct known_issuers *issuers);
/* Whether the pipeline's set is as Redis has it: entries wait until it is. */
bool known_issuers_are_there(const struct known_issuers *issuers);

#endif
