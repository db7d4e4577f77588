/*
 * One of several workers that share out the certificates among themselves.
 *
 *     cc -O2 -o worker worker.c -lhiredis && REDIS_HOST=127.0.0.1 REDIS_PORT=6379 ./worker NAME
 *
 * Each entry goes to one worker; if that one dies with it, to another after IDLE_MS. So each is
 * handled at least once: what handle() does must not mind a second time.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

static const char *stream = "{certstream}:stream";
static const char *group = "hunters";
static const char *idle_ms = "60000";
static const char *name;

/* Yours. `fields` are names and values by turns; false leaves the entry pending: it is handed out
 * again. */
static bool handle(const char *id, const redisReply *fields)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, "domains") == 0)
            printf("%s %s\n", id, fields->element[i + 1]->str);
    return fflush(stdout) == 0;
}

/* The reply, or NULL if Redis is away or refuses; then the connection is of no use any more. */
static redisReply *ask(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(redis, format, arguments);
    va_end(arguments);
    if (!reply) {
        fprintf(stderr, "%s\n", redis->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "%s\n", reply->str);
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

static bool acknowledge(redisContext *redis, const char *id)
{
    redisReply *reply = ask(redis, "XACK %s %s %s", stream, group, id);
    freeReplyObject(reply);
    return reply != NULL;
}

static bool handle_all(redisContext *redis, const redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        const char *id = entry->element[0]->str;
        if (entry->element[1]->type != REDIS_REPLY_ARRAY)
            fprintf(stderr, "%s was trimmed before it was handled\n", id);
        else if (!handle(id, entry->element[1]))
            return false;
        if (!acknowledge(redis, id))
            return false;
    }
    return true;
}

/* From `position` on: 0, what this name has not acknowledged yet; >, new ones. -1 without Redis,
 * else how many. */
static long read_entries(redisContext *redis, const char *position)
{
    redisReply *reply = ask(redis, "XREADGROUP GROUP %s %s COUNT 100 BLOCK 5000 STREAMS %s %s",
                            group, name, stream, position);
    if (!reply)
        return -1;
    long count = 0;
    if (reply->type == REDIS_REPLY_ARRAY) {
        const redisReply *entries = reply->element[0]->element[1];
        count = handle_all(redis, entries) ? (long)entries->elements : -1;
    }
    freeReplyObject(reply);
    return count;
}

/* What others did not acknowledge for too long. */
static bool claim(redisContext *redis)
{
    char cursor[64] = "0-0";
    do {
        redisReply *reply =
            ask(redis, "XAUTOCLAIM %s %s %s %s %s COUNT 100", stream, group, name, idle_ms, cursor);
        if (!reply)
            return false;
        bool is_handled = handle_all(redis, reply->element[1]);
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        freeReplyObject(reply);
        if (!is_handled)
            return false;
    } while (strcmp(cursor, "0-0") != 0);
    return true;
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void work(redisContext *redis)
{
    /* That the group is there already is as good. */
    freeReplyObject(redisCommand(redis, "XGROUP CREATE %s %s $ MKSTREAM", stream, group));
    long count;
    do
        count = read_entries(redis, "0");
    while (count > 0);
    for (long long claim_at_ms = 0; count >= 0; count = read_entries(redis, ">")) {
        if (now_ms() < claim_at_ms)
            continue;
        if (!claim(redis))
            return;
        claim_at_ms = now_ms() + strtoll(idle_ms, NULL, 10);
    }
}

static const char *setting(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value ? value : otherwise;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    name = argv[1];
    stream = setting("STREAM", stream);
    group = setting("GROUP", group);
    idle_ms = setting("IDLE_MS", idle_ms);
    for (;;) {
        redisContext *redis = redisConnectWithTimeout(
            setting("REDIS_HOST", "127.0.0.1"),
            (int)strtol(setting("REDIS_PORT", "6379"), NULL, 10), (struct timeval){ 5, 0 });
        if (redis && !redis->err) {
            redisSetTimeout(redis, (struct timeval){ 15, 0 });
            work(redis);
        }
        redisFree(redis);
        sleep(1);
    }
}
