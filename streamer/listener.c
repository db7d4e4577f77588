#include "streamer/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* The kernel cuts this to net.core.somaxconn. */
    BACKLOG = 4096,
};

static int say(char *reason, const char *what, const char *address, uint16_t port, const char *why)
{
    (void)snprintf(reason, LISTENER_REASON_SIZE, "cannot %s %s port %u: %s", what, address,
                   (unsigned)port, why);
    return -1;
}

/* Only numeric addresses: what a name means may change under a running server. */
static struct addrinfo *resolve(const char *address, uint16_t port)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo *found = NULL;
    return getaddrinfo(address, service, &hints, &found) == 0 ? found : NULL;
}

static bool bind_and_listen(int descriptor, const struct addrinfo *where)
{
    const int yes = 1;
    return setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0 &&
           bind(descriptor, where->ai_addr, where->ai_addrlen) == 0 &&
           listen(descriptor, BACKLOG) == 0;
}

static bool write_url(int descriptor, char *url)
{
    struct sockaddr_storage bound;
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

int listener_open(const char *address, uint16_t port, char *url, char *reason)
{
    struct addrinfo *where = resolve(address, port);
    if (!where)
        return say(reason, "listen on", address, port, "not an IPv4 or IPv6 address");
    int descriptor = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && (!bind_and_listen(descriptor, where) || !write_url(descriptor, url))) {
        int why = errno;
        (void)close(descriptor);
        errno = why;
        descriptor = -1;
    }
    freeaddrinfo(where);
    return descriptor >= 0 ? descriptor : say(reason, "listen on", address, port, strerror(errno));
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
