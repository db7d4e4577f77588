#include "shared/process/host_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "shared/base/memory.h"

struct host_lookup {
    char *name;
    struct addrinfo hints;
    struct gaicb request;
    struct gaicb *list[1];
    int failed_to_ask; /* EAI_…; 0: asked */
};

bool host_is_numeric(const char *name)
{
    struct in6_addr binary;
    return inet_pton(AF_INET, name, &binary) == 1 || inet_pton(AF_INET6, name, &binary) == 1;
}

struct host_lookup *host_lookup_create(const char *name)
{
    struct host_lookup *lookup = memory_allocate_zeroed(1, sizeof *lookup);
    lookup->name = memory_copy_string(name);
    lookup->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM };
    lookup->request = (struct gaicb){ .ar_name = lookup->name, .ar_request = &lookup->hints };
    lookup->list[0] = &lookup->request;
    struct sigevent nobody = { .sigev_notify = SIGEV_NONE };
    lookup->failed_to_ask = getaddrinfo_a(GAI_NOWAIT, lookup->list, 1, &nobody);
    return lookup;
}

void host_lookup_destroy(struct host_lookup *lookup)
{
    if (!lookup)
        return;
    if (host_lookup_state(lookup) == HOST_LOOKUP_PENDING &&
        gai_cancel(&lookup->request) == EAI_NOTCANCELED)
        return;
    if (lookup->request.ar_result)
        freeaddrinfo(lookup->request.ar_result);
    free(lookup->name);
    free(lookup);
}

const char *host_lookup_name(const struct host_lookup *lookup)
{
    return lookup->name;
}

static int result_of(struct host_lookup *lookup)
{
    return lookup->failed_to_ask ? lookup->failed_to_ask : gai_error(&lookup->request);
}

enum host_lookup_state host_lookup_state(struct host_lookup *lookup)
{
    int result = result_of(lookup);
    if (result == EAI_INPROGRESS)
        return HOST_LOOKUP_PENDING;
    return result == 0 && lookup->request.ar_result ? HOST_LOOKUP_DONE : HOST_LOOKUP_FAILED;
}

const char *host_lookup_error(struct host_lookup *lookup)
{
    int result = result_of(lookup);
    return result ? gai_strerror(result) : "no address";
}

static const struct addrinfo *nth_of_family(const struct addrinfo *list, int family,
                                            unsigned *number)
{
    for (; list; list = list->ai_next)
        if (list->ai_family == family && (*number)-- == 0)
            return list;
    return NULL;
}

bool host_lookup_address(const struct host_lookup *lookup, unsigned number, char *text, size_t size)
{
    const struct addrinfo *list = lookup->request.ar_result;
    unsigned count = 0;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        count += at->ai_family == AF_INET || at->ai_family == AF_INET6;
    if (count == 0)
        return false;
    number %= count;
    const struct addrinfo *chosen = nth_of_family(list, AF_INET, &number);
    if (!chosen)
        chosen = nth_of_family(list, AF_INET6, &number);
    return chosen && getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text, (socklen_t)size, NULL,
                                 0, NI_NUMERICHOST) == 0;
}
