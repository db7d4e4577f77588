/*
 * A redis-server of the test's own, started as in production (redis/start-redis, AOF on), on a Unix
 * socket in the harness's folder. What it holds survives a kill.
 */
#ifndef TESTS_SUPPORT_REDIS_SERVER_H
#define TESTS_SUPPORT_REDIS_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct harness;
struct redis_server;
struct redisContext;
struct redisReply;

/* Started and answering. `overrides` are words of its command line, e.g. { "--maxmemory", "20mb",
 * NULL }; or NULL. The harness ends the process; the server is freed by redis_server_destroy. */
struct redis_server *redis_server_start(struct harness *harness, const char *name,
                                        const char *const *overrides);
void redis_server_destroy(struct redis_server *server);

/* A TCP port of 127.0.0.1, for `overrides`, that nobody has: no other test is told it while this
 * process lives, and none that lets the kernel choose gets it. */
int redis_server_find_port(void);

struct program *redis_server_program(const struct redis_server *server);
/* "unix:///…", for --redis. */
const char *redis_server_url(const struct redis_server *server);

/* kill -9. */
void redis_server_kill(struct redis_server *server);
/* Of one that was killed: takes up to so many bytes from the end of its append-only file, as if the
 * machine had failed before they were written. */
void redis_server_lose_end(struct redis_server *server, uint64_t bytes);
/* Starts it again and waits until what it held is loaded. */
void redis_server_restart(struct redis_server *server);

/* Waits, after a program_restart of its program, until what it held is loaded. */
void redis_server_wait(struct redis_server *server);

/* A blocking command over a connection of the server's own, made anew when it broke. Fails the test
 * on an error reply. The reply is freed with freeReplyObject. */
struct redisReply *redis_server_command(struct redis_server *server, const char *format, ...);
/* The same, but an error is an answer like others. */
struct redisReply *redis_server_ask(struct redis_server *server, const char *format, ...);
/* The same for commands that answer an integer. */
long long redis_server_integer(struct redis_server *server, const char *format, ...);

#endif
