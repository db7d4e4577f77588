/*
 * What the local CT log costs: it is drained by a client that throws everything away, and its own
 * CPU time is read. Prints one line per view. Arguments: entries to drain (200000), connections
 * (4).
 */
#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/message/tile_path.h"

enum {
    PAGE = 256,
    CONNECTIONS_MAX = 64,
    REQUEST_SIZE = 256,
    HEAD_SIZE = 1024,
    DISCARD_SIZE = 16 * 1024 * 1024,
};

typedef void (*write_request)(char *out, uint64_t page);

struct connection {
    int fd;
    size_t left; /* of the body, still to come */
};

struct drain {
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    uint64_t next_page;
    uint64_t pages_left;
    uint64_t page_count;
    uint64_t bytes;
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    assert(result == 0);
    (void)result;
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_get_entries(char *out, uint64_t page)
{
    (void)snprintf(out, REQUEST_SIZE,
                   "GET /rfc6962/ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64
                   " HTTP/1.1\r\nHost: log\r\n\r\n",
                   page * PAGE, page * PAGE + PAGE - 1);
}

static void write_data_tile(char *out, uint64_t page)
{
    char path[TILE_PATH_SIZE];
    tile_path_write(path, TILE_LEVEL_DATA, page, TILE_WIDTH);
    (void)snprintf(out, REQUEST_SIZE, "GET /tiled/%s HTTP/1.1\r\nHost: log\r\n\r\n", path);
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_ct_log: %s\n", what);
    exit(1);
}

static void send_next(struct drain *drain, struct connection *connection, write_request write)
{
    char request[REQUEST_SIZE];
    if (drain->next_page == drain->page_count)
        return;
    write(request, drain->next_page++);
    size_t size = strlen(request);
    if (send(connection->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
        fail("cannot send");
}

/* Reads a reply's head, which always comes in one piece, and learns how much is to come. */
static void read_head(struct connection *connection)
{
    static const char length[] = "Content-Length: ";
    char head[HEAD_SIZE + 1];
    ssize_t got = recv(connection->fd, head, HEAD_SIZE, 0);
    if (got <= 0)
        fail("connection closed");
    head[got] = '\0';
    const char *end = strstr(head, "\r\n\r\n");
    const char *field = strstr(head, length);
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0 || !end || !field || field > end)
        fail("not the answer that was hoped for");
    size_t in_head = (size_t)got - (size_t)(end + 4 - head);
    connection->left = strtoul(field + strlen(length), NULL, 10) - in_head;
}

static void read_reply(struct drain *drain, struct connection *connection, write_request write)
{
    if (!connection->left) {
        read_head(connection);
        drain->bytes += connection->left;
    }
    while (connection->left) {
        /* For TCP, MSG_TRUNC throws the bytes away instead of copying them: the client must cost
         * nothing. */
        size_t most = connection->left < DISCARD_SIZE ? connection->left : DISCARD_SIZE;
        ssize_t got = recv(connection->fd, NULL, most, MSG_TRUNC | MSG_DONTWAIT);
        if (got <= 0)
            return;
        connection->left -= (size_t)got;
    }
    drain->pages_left--;
    send_next(drain, connection, write);
}

static void drain_all(struct drain *drain, write_request write)
{
    for (size_t i = 0; i < drain->connection_count; i++)
        send_next(drain, &drain->connections[i], write);
    while (drain->pages_left) {
        struct pollfd watched[CONNECTIONS_MAX];
        for (size_t i = 0; i < drain->connection_count; i++)
            watched[i] = (struct pollfd){ .fd = drain->connections[i].fd, .events = POLLIN };
        if (poll(watched, drain->connection_count, 10000) <= 0)
            fail("the log is silent");
        for (size_t i = 0; i < drain->connection_count; i++)
            if (watched[i].revents)
                read_reply(drain, &drain->connections[i], write);
    }
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(port) };
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where) != 0)
        fail("cannot connect");
    return fd;
}

struct log_process {
    pid_t pid;
    uint16_t port;
    clockid_t cpu;
};

static struct log_process start_log(const char *entry_count)
{
    int ends[2];
    struct log_process log = { 0 };
    if (pipe(ends) != 0)
        fail("no pipe");
    log.pid = fork();
    if (log.pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl(LOCAL_CT_LOG, "local-ct-log", "--size", entry_count, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    char line[HEAD_SIZE];
    const char *colon = output && fgets(line, sizeof line, output) ? strrchr(line, ':') : NULL;
    if (!colon)
        fail("the log does not start");
    log.port = (uint16_t)strtoul(colon + 1, NULL, 10);
    (void)fclose(output);
    if (clock_getcpuclockid(log.pid, &log.cpu) != 0)
        fail("no clock of the log's CPU time");
    return log;
}

static void measure(const struct log_process *log, const char *name, uint64_t page_count,
                    size_t connection_count, write_request write)
{
    struct drain drain = { .connection_count = connection_count };
    drain.page_count = drain.pages_left = page_count;
    for (size_t i = 0; i < connection_count; i++)
        drain.connections[i].fd = connect_to(log->port);
    double cpu = seconds_of(log->cpu), wall = seconds_of(CLOCK_MONOTONIC);
    drain_all(&drain, write);
    cpu = seconds_of(log->cpu) - cpu;
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    double entries = (double)page_count * PAGE;
    (void)printf(
        "%-12s %8.0f entries/s  %6.2f us of the log's CPU per entry  %6.0f bytes per entry\n", name,
        entries / wall, cpu / entries * 1e6, (double)drain.bytes / entries);
    for (size_t i = 0; i < connection_count; i++)
        (void)close(drain.connections[i].fd);
}

int main(int count, char **arguments)
{
    const char *entry_count = count > 1 ? arguments[1] : "200000";
    unsigned long connections = count > 2 ? strtoul(arguments[2], NULL, 10) : 4;
    uint64_t page_count = strtoull(entry_count, NULL, 10) / PAGE;
    if (page_count == 0 || connections == 0 || connections > CONNECTIONS_MAX)
        fail("at least 256 entries, 1 to 64 connections");
    struct log_process log = start_log(entry_count);
    measure(&log, "get-entries", page_count, connections, write_get_entries);
    measure(&log, "data tiles", page_count, connections, write_data_tile);
    (void)kill(log.pid, SIGTERM);
    (void)waitpid(log.pid, NULL, 0);
    return 0;
}
