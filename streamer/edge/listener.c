#include "streamer/edge/listener.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    /* The kernel cuts this to net.core.somaxconn. */
    BACKLOG = 4096,
    UNIX_MODE = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP,
};

static bool cut_start(const char **text, const char *start)
{
    size_t size = strlen(start);
    bool has_it = strncmp(*text, start, size) == 0;
    *text += has_it ? size : 0;
    return has_it;
}

static const char *parse_port(struct listener_place *place, const char *text)
{
    char *end = NULL;
    unsigned long port = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : UINT16_MAX + 1ul;
    if (port > UINT16_MAX || *end)
        return "the port is not 0 to 65535";
    place->port = (uint16_t)port;
    place->has_port = true;
    return NULL;
}

static const char *parse_internet(struct listener_place *place, const char *text)
{
    bool in_brackets = cut_start(&text, "[");
    const char *colon = strchr(text, ':');
    /* An IPv6 address without brackets has several. */
    const char *end = in_brackets                        ? strchr(text, ']')
                      : colon && !strchr(colon + 1, ':') ? colon
                                                         : text + strlen(text);
    if (!end || (size_t)(end - text) >= sizeof place->address)
        return "not an IPv4 or IPv6 address";
    memcpy(place->address, text, (size_t)(end - text));
    end += in_brackets;
    struct address address;
    if (!address_parse(&address, bytes_of_string(place->address)) ||
        (in_brackets && address_is_ipv4(address)))
        return in_brackets ? "only an IPv6 address stands in brackets"
                           : "not an IPv4 or IPv6 address, or unix:/path";
    if (*end == ':')
        return parse_port(place, end + 1);
    return *end ? "not as ADDRESS:PORT or [IPv6]:PORT" : NULL;
}

const char *listener_place_parse(struct listener_place *place, const char *text)
{
    *place = (struct listener_place){ 0 };
    place->is_unix = cut_start(&text, "unix:");
    if (place->is_unix) {
        if (*text != '/' || strlen(text) >= sizeof place->address)
            return "a Unix socket has an absolute path of at most 107 characters";
        memcpy(place->address, text, strlen(text));
        return NULL;
    }
    place->is_plain = cut_start(&text, "http://");
    place->is_tls = !place->is_plain && cut_start(&text, "https://");
    return parse_internet(place, text);
}

static int say_listener(char *reason, const struct listener_place *place, const char *why)
{
    if (place->is_unix)
        (void)snprintf(reason, LISTENER_REASON_SIZE, "cannot listen on %s: %s", place->address,
                       why);
    else
        (void)snprintf(reason, LISTENER_REASON_SIZE, "cannot listen on %s port %u: %s",
                       place->address, (unsigned)place->port, why);
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

static bool set_option(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

static bool bind_internet(int descriptor, const struct addrinfo *where,
                          const struct listener_place *place)
{
    return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) &&
           set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, place->is_shared) &&
           (where->ai_family != AF_INET6 ||
            set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, place->ipv6_only)) &&
           bind(descriptor, where->ai_addr, where->ai_addrlen) == 0;
}

static bool write_url(int descriptor, const struct listener_place *place, char *url)
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
    (void)snprintf(url, LISTENER_URL_SIZE, "%s://%s%s%s:%s", place->is_tls ? "https" : "http",
                   is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
    return true;
}

static int open_internet(const struct listener_place *place, char *url)
{
    struct addrinfo *where = resolve(place);
    if (!where) {
        errno = EINVAL;
        return -1;
    }
    int descriptor = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 &&
        (!bind_internet(descriptor, where, place) || listen(descriptor, BACKLOG) != 0 ||
         !write_url(descriptor, place, url))) {
        int why = errno;
        (void)close(descriptor);
        errno = why;
        descriptor = -1;
    }
    freeaddrinfo(where);
    return descriptor;
}

/* False, with errno, if the path is somebody's: only a socket that nobody listens on any more is
 * removed. */
static bool make_room_for_accept(const struct sockaddr_un *where)
{
    struct stat status;
    if (lstat(where->sun_path, &status) != 0)
        return errno == ENOENT;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_left_behind = S_ISSOCK(status.st_mode) && probe >= 0 &&
                          connect(probe, (const struct sockaddr *)where, sizeof *where) != 0 &&
                          errno == ECONNREFUSED;
    if (probe >= 0)
        (void)close(probe);
    if (is_left_behind)
        return unlink(where->sun_path) == 0;
    errno = EADDRINUSE;
    return false;
}

static int open_unix(const struct listener_place *place, char *url)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    static_assert(sizeof where.sun_path == LISTENER_PATH_SIZE, "a path fits");
    memcpy(where.sun_path, place->address, sizeof where.sun_path);
    if (!make_room_for_accept(&where))
        return -1;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Nobody can connect before it listens, so nobody sees it with other rights. */
    if (descriptor >= 0 &&
        (bind(descriptor, (const struct sockaddr *)&where, sizeof where) != 0 ||
         chmod(where.sun_path, UNIX_MODE) != 0 || listen(descriptor, BACKLOG) != 0)) {
        int why = errno;
        (void)close(descriptor);
        errno = why;
        return -1;
    }
    (void)snprintf(url, LISTENER_URL_SIZE, "unix:%s", place->address);
    return descriptor;
}

int listener_open(const struct listener_place *place, char *url, char *reason)
{
    int descriptor = place->is_unix ? open_unix(place, url) : open_internet(place, url);
    return descriptor >= 0 ? descriptor : say_listener(reason, place, strerror(errno));
}

static bool connect_internet(int descriptor, const struct addrinfo *where)
{
    return connect(descriptor, where->ai_addr, where->ai_addrlen) == 0;
}

static bool connect_unix(int descriptor, const struct listener_place *place)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    memcpy(where.sun_path, place->address, sizeof where.sun_path);
    return connect(descriptor, (const struct sockaddr *)&where, sizeof where) == 0;
}

static bool set_timeouts(int descriptor, unsigned timeout_s)
{
    const struct timeval timeout = { .tv_sec = timeout_s };
    return setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0;
}

int listener_connect(const struct listener_place *place, unsigned timeout_s)
{
    struct addrinfo *where = place->is_unix ? NULL : resolve(place);
    int family = where ? where->ai_family : AF_UNIX;
    int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = descriptor >= 0 && set_timeouts(descriptor, timeout_s) &&
                (where ? connect_internet(descriptor, where) : connect_unix(descriptor, place));
    if (where)
        freeaddrinfo(where);
    if (good || descriptor < 0)
        return descriptor;
    int why = errno;
    (void)close(descriptor);
    errno = why;
    return -1;
}

void listener_close(int descriptor, const struct listener_place *place)
{
    if (place->is_unix)
        (void)unlink(place->address);
    (void)close(descriptor);
}

int listener_accept(int descriptor, struct address *peer)
{
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof from;
    int accepted =
        accept4(descriptor, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    *peer = address_of_socket((const struct sockaddr *)&from);
    /* Frames go out as they become ready: none of them waits for an acknowledgement of the last. */
    if (accepted >= 0 && from.ss_family != AF_UNIX)
        (void)set_option(accepted, IPPROTO_TCP, TCP_NODELAY, 1);
    return accepted;
}
