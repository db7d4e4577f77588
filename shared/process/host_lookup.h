/*
 * Finds the address of a host's name without holding up the loop: by getaddrinfo_a(3), which asks
 * in a thread of the C library's own. hiredis itself would wait, for as long as the name servers
 * are silent.
 */
#ifndef SHARED_PROCESS_HOST_LOOKUP_H
#define SHARED_PROCESS_HOST_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

struct host_lookup;

enum host_lookup_state {
    HOST_LOOKUP_PENDING,
    HOST_LOOKUP_DONE,
    HOST_LOOKUP_FAILED,
};

/* Whether `name` is a numeric address, for which there is nothing to look up. */
bool host_is_numeric(const char *name);

struct host_lookup *host_lookup_create(const char *name);
/* One that is pending and cannot be called off is left to end by itself. NULL is fine. */
void host_lookup_destroy(struct host_lookup *lookup);

const char *host_lookup_name(const struct host_lookup *lookup);
enum host_lookup_state host_lookup_state(struct host_lookup *lookup);
/* Says why one failed: a constant text. */
const char *host_lookup_error(struct host_lookup *lookup);
/* Writes, of one that is done, one of its addresses in digits, another with each number in turn,
 * IPv4 first. False if `size` is too small. */
bool host_lookup_address(const struct host_lookup *lookup, unsigned number, char *text,
                         size_t size);

#endif
