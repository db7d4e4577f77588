#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/base/memory.h"
#include "tests/support/harness.h"
#include "tests/support/program.h"

enum {
    WORDS_MAX = 48,
    READY_MS = 120 * 1000,
    REPLY_SECONDS = 60,
    /* Below those that the kernel gives to who asks for any (ip_local_port_range). */
    PORT_FIRST = 20000,
    PORTS = 10000,
};

struct redis_server {
    struct program *program;
    redisContext *connection;
    char data[HARNESS_PATH_SIZE];
    char socket[HARNESS_PATH_SIZE];
    char url[HARNESS_PATH_SIZE + 8];
};

static void disconnect(struct redis_server *server)
{
    if (server->connection)
        redisFree(server->connection);
    server->connection = NULL;
}

/* Redis closes connections when its role changes. */
static bool is_open(const redisContext *connection)
{
    char byte;
    return !connection->err && recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static bool connect_socket(struct redis_server *server)
{
    if (server->connection && is_open(server->connection))
        return true;
    disconnect(server);
    server->connection = redisConnectUnix(server->socket);
    if (!server->connection || server->connection->err)
        return false;
    return redisSetTimeout(server->connection, (struct timeval){ .tv_sec = REPLY_SECONDS }) ==
           REDIS_OK;
}

/* Not while it loads its data: PING then answers an error. */
static bool answers(struct redis_server *server)
{
    if (!connect_socket(server))
        return false;
    redisReply *reply = redisCommand(server->connection, "PING");
    bool is_pong = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return is_pong;
}

static void fail_with_output(const struct redis_server *server)
{
    char *output = program_output(server->program);
    print_error("%s\n", output);
    free(output);
    fail_msg("redis-server ended");
}

void redis_server_wait(struct redis_server *server)
{
    struct deadline deadline = deadline_after(READY_MS, "redis-server to answer");
    while (!answers(server)) {
        if (!program_is_running(server->program))
            fail_with_output(server);
        deadline_wait(&deadline);
    }
}

/* An abstract Unix socket that is named after the port, and open as long as this process lives,
 * says whose it is. */
static bool claim_port(int port)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "certstream-port-%d", port);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(descriptor, (struct sockaddr *)&name, size) == 0)
        return true;
    (void)close(descriptor);
    return false;
}

static bool is_port_free(int port)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bool is_free = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(descriptor);
    return is_free;
}

int redis_server_find_port(void)
{
    for (int port = PORT_FIRST + (int)getpid() % PORTS, tries = 0; tries < PORTS; tries++) {
        if (claim_port(port) && is_port_free(port))
            return port;
        port = port + 1 < PORT_FIRST + PORTS ? port + 1 : PORT_FIRST;
    }
    fail_msg("no port is free");
    return 0;
}

struct redis_server *redis_server_start(struct harness *harness, const char *name,
                                        const char *const *overrides)
{
    struct redis_server *server = memory_allocate_zeroed(1, sizeof *server);
    char file[64];
    (void)snprintf(file, sizeof file, "%s.sock", name);
    harness_path(harness, server->socket, file);
    (void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    (void)snprintf(file, sizeof file, "%s.data", name);
    harness_path(harness, server->data, file);

    const char *words[WORDS_MAX + 1] = { CERTSTREAM_START_REDIS, server->data,  "--port", "0",
                                         "--unixsocket",         server->socket };
    size_t count = 6;
    for (; overrides && *overrides; overrides++) {
        assert_true(count < WORDS_MAX);
        words[count++] = *overrides;
    }
    server->program =
        program_start(harness, &(struct program_options){ .name = name, .arguments = words });
    redis_server_wait(server);
    return server;
}

void redis_server_destroy(struct redis_server *server)
{
    if (!server)
        return;
    disconnect(server);
    free(server);
}

struct program *redis_server_program(const struct redis_server *server)
{
    return server->program;
}

const char *redis_server_url(const struct redis_server *server)
{
    return server->url;
}

void redis_server_kill(struct redis_server *server)
{
    disconnect(server);
    program_kill(server->program);
}

/* The number of the part of the append-only file to which was written last; 0: there is none. */
static unsigned long newest_part(const char *folder)
{
    static const char prefix[] = "appendonly.aof.", suffix[] = ".incr.aof";
    unsigned long newest = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (const struct dirent *file; (file = readdir(listing));) {
        char *end = NULL;
        if (strncmp(file->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        unsigned long number = strtoul(file->d_name + sizeof prefix - 1, &end, 10);
        newest = strcmp(end, suffix) == 0 && number > newest ? number : newest;
    }
    (void)closedir(listing);
    return newest;
}

void redis_server_lose_end(struct redis_server *server, uint64_t bytes)
{
    char folder[HARNESS_PATH_SIZE + 16], path[2 * HARNESS_PATH_SIZE];
    (void)snprintf(folder, sizeof folder, "%s/appendonlydir", server->data);
    (void)snprintf(path, sizeof path, "%s/appendonly.aof.%lu.incr.aof", folder,
                   newest_part(folder));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    uint64_t size = (uint64_t)status.st_size;
    assert_int_equal(truncate(path, (off_t)(size > bytes ? size - bytes : 0)), 0);
}

void redis_server_restart(struct redis_server *server)
{
    disconnect(server);
    program_restart(server->program);
    redis_server_wait(server);
}

static redisReply *command(struct redis_server *server, const char *format, va_list arguments)
{
    redisReply *reply = NULL;
    /* Twice: Redis may close the connection just now, because its role changes. */
    for (unsigned tries = 0; !reply && tries < 2; tries++) {
        if (!connect_socket(server))
            fail_msg("no connection to redis-server");
        va_list again;
        va_copy(again, arguments);
        reply = redisvCommand(server->connection, format, again);
        va_end(again);
    }
    if (!reply)
        fail_msg("%s: %s", format, server->connection->errstr);
    return reply;
}

static void expect_no_error(const redisReply *reply, const char *format)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
}

redisReply *redis_server_ask(struct redis_server *server, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(server, format, arguments);
    va_end(arguments);
    return reply;
}

redisReply *redis_server_command(struct redis_server *server, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(server, format, arguments);
    va_end(arguments);
    expect_no_error(reply, format);
    return reply;
}

long long redis_server_integer(struct redis_server *server, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(server, format, arguments);
    va_end(arguments);
    expect_no_error(reply, format);
    if (reply->type != REDIS_REPLY_INTEGER)
        fail_msg("%s answered no integer", format);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}
