#include "streamer/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* The kernel cuts this to net.core.somaxconn. */
    BACKLOG = 4096,
};

static int say(char *reason, const struct listener_place *place, const char *why)
{
    (void)snprintf(reason, LISTENER_REASON_SIZE, "cannot listen on %s port %u: %s", place->address,
                   (unsigned)place->port, why);
    return -1;
}

/* Only numeric addresses: what a name means may change under a running server. */
static struct addrinfo *resolve(const struct listener_place *place)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)place->port);
    struct addrinfo *found = NULL;
    return getaddrinfo(place->address, service, &hints, &found) == 0 ? found : NULL;
}

static bool bind_and_listen(int descriptor, const struct addrinfo *where, bool is_shared)
{
    const int yes = 1;
    const int shared = is_shared;
    return setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) == 0 &&
           bind(descriptor, where->ai_addr, where->ai_addrlen) == 0 &&
           listen(descriptor, BACKLOG) == 0;
}

static bool write_url(int descriptor, char *url)
{
    struct sockaddr_storage bound = { 0 };
    socklen_t size = sizeof bound;
    char host[64];
    char port[8];
    if (getsockname(descriptor, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    bool is_ipv6 = bound.ss_family == AF_INET6;
    (void)snprintf(url, LISTENER_URL_SIZE, "http://%s%s%s:%s", is_ipv6 ? "[" : "", host,
                   is_ipv6 ? "]" : "", port);
    return true;
}

int listener_open(const struct listener_place *place, char *url, char *reason)
{
    struct addrinfo *where = resolve(place);
    if (!where)
        return say(reason, place, "not an IPv4 or IPv6 address");
    int descriptor = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 &&
        (!bind_and_listen(descriptor, where, place->is_shared) || !write_url(descriptor, url))) {
        int why = errno;
        (void)close(descriptor);
        errno = why;
        descriptor = -1;
    }
    freeaddrinfo(where);
    return descriptor >= 0 ? descriptor : say(reason, place, strerror(errno));
}

int listener_accept(int descriptor)
{
    int accepted = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* Frames go out as they become ready: none of them waits for an acknowledgement of the last. */
    const int yes = 1;
    if (accepted >= 0)
        (void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return accepted;
}
