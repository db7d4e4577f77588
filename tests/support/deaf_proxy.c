/*
 * deaf-proxy SOCKET: a TCP proxy before a Unix socket, on a port of 127.0.0.1 that its first line
 * names. After each SIGUSR1 the connections there are go deaf: they stay open, and nothing comes
 * through them any more, as after a NAT has forgotten them. New ones are served.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PAIRS_MAX = 128,
    PIECE = 64 * 1024,
    BACKLOG = 16,
};

struct pair {
    int ends[2];
    bool is_deaf;
};

static volatile sig_atomic_t goes_deaf;

static void on_signal(int signal)
{
    (void)signal;
    goes_deaf = 1;
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return listener;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (end >= 0 && connect(end, (struct sockaddr *)&address, sizeof address) == 0)
        return end;
    (void)close(end);
    return -1;
}

/* What has come at one end goes out of the other. False if it has ended. */
static bool carry(int from, int to)
{
    static char piece[PIECE];
    ssize_t size = read(from, piece, sizeof piece);
    for (ssize_t done = 0, sent; done < size; done += sent) {
        sent = send(to, piece + done, (size_t)(size - done), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
    }
    return size > 0;
}

static size_t take_client(int listener, const char *path, struct pair *pairs, size_t count)
{
    struct pair pair = { .ends = { accept(listener, NULL, NULL), -1 } };
    if (pair.ends[0] < 0)
        return count;
    pair.ends[1] = count < PAIRS_MAX ? connect_to(path) : -1;
    if (pair.ends[1] < 0) {
        (void)close(pair.ends[0]);
        return count;
    }
    pairs[count] = pair;
    return count + 1;
}

/* True while both ends are open. */
static bool serve(const struct pair *pair, const struct pollfd *ready)
{
    for (int end = 0; end < 2; end++)
        if (ready[end].revents && !carry(pair->ends[end], pair->ends[!end]))
            return false;
    return true;
}

static void run(int listener, const char *path)
{
    static struct pair pairs[PAIRS_MAX];
    static struct pollfd waits[1 + 2 * PAIRS_MAX];
    size_t count = 0;
    for (;;) {
        for (size_t i = 0; goes_deaf && i < count; i++)
            pairs[i].is_deaf = true;
        goes_deaf = 0;
        waits[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (size_t i = 0; i < 2 * count; i++)
            waits[1 + i] =
                (struct pollfd){ .fd = pairs[i / 2].is_deaf ? -1 : pairs[i / 2].ends[i % 2],
                                 .events = POLLIN };
        if (poll(waits, 1 + 2 * count, -1) < 0)
            continue;
        for (size_t i = count; i-- > 0;) {
            if (serve(&pairs[i], &waits[1 + 2 * i]))
                continue;
            (void)close(pairs[i].ends[0]);
            (void)close(pairs[i].ends[1]);
            pairs[i] = pairs[--count];
        }
        if (waits[0].revents)
            count = take_client(listener, path, pairs, count);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_signal };
    if (argc != 2 || sigaction(SIGUSR1, &action, NULL) != 0)
        return 2;
    int listener = listen_anywhere();
    if (listener < 0) {
        perror("deaf-proxy");
        return 1;
    }
    run(listener, argv[1]);
    return 0;
}
