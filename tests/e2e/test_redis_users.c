/*
 * The users of redis/users.acl: the daemons can do their work as theirs, and nobody can do more
 * than their work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/redis_users.h"
#include "tests/support/websocket_client.h"

enum {
    SIZE = 300,
    LOGS = 2,
    MESSAGE_MS = 30000,
    WORDS_MAX = 16,
};

struct parts {
    struct ingest_stage stage;
    int port;
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create_without_redis(sizeof *parts);
    *state = parts;
    char users[HARNESS_PATH_SIZE];
    harness_path(parts->stage.harness, users, "users.acl");
    redis_users_write(users);
    parts->port = redis_server_find_port();
    char port[16];
    (void)snprintf(port, sizeof port, "%d", parts->port);
    const char *const overrides[] = { "--aclfile", users, "--port", port, NULL };
    parts->stage.redis = redis_server_start(parts->stage.harness, "redis", overrides);
    return 0;
}

static void the_daemons_work_as_their_users(void **state)
{
    struct parts *parts = *state;
    const char *const ct_log_words[] = { "--size", "300", "--seed", "users", NULL };
    struct program *ct_log = daemon_start_ct_log(parts->stage.harness, "ct_log", ct_log_words);
    char url[DAEMON_URL_SIZE];
    (void)snprintf(url, sizeof url, "redis://streamer:secret@127.0.0.1:%d/0", parts->port);
    const char *const streamer_words[] = { "--redis", url, NULL };
    struct program *streamer =
        daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, streamer_words);
    struct websocket_client *client =
        websocket_client_connect(program_port(streamer), "/full-stream");

    (void)snprintf(url, sizeof url, "redis://ingest:secret@127.0.0.1:%d/0", parts->port);
    const char *const ingest_words[] = { "--redis", url,         "--start", "0", "--retain-age",
                                         "1h",      "--history", "on",      NULL };
    (void)daemon_start_ingest(parts->stage.harness, "ingest", parts->stage.redis, ct_log,
                              ingest_words);
    struct stream_check check = { 0 };
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, SIZE);
    (void)websocket_client_expect(client, "\"as_der\"", MESSAGE_MS);
    websocket_client_destroy(client);
}

struct attempt {
    const char *user;
    const char *command;
    bool is_allowed;
};

#define STREAM "{certstream}:stream"

static const struct attempt attempts[] = {
    { "ingest", "XADD " STREAM " * json {}", true },
    { "ingest", "XADD other * json {}", false },
    { "ingest", "FLUSHALL", false },
    { "ingest", "CONFIG GET *", false },
    { "ingest", "KEYS *", false },
    { "ingest", "XINFO STREAM " STREAM, true },
    { "ingest", "XINFO GROUPS " STREAM, true },
    { "ingest", "UNLINK {certstream}:block:1-1", true },
    { "ingest", "UNLINK other", false },
    { "ingest", "XTRIM {certstream}:history MINID = 1-1", true },
    { "streamer", "XRANGE " STREAM " - +", true },
    { "streamer", "XREAD STREAMS " STREAM " 0", true },
    { "streamer", "XREAD STREAMS other 0", false },
    { "streamer", "XADD " STREAM " * json {}", false },
    { "streamer", "HSET {certstream}:issuers a b", false },
    { "consumer", "XREAD COUNT 1 STREAMS " STREAM " 0", true },
    { "consumer", "HGET {certstream}:issuers a", true },
    { "consumer", "GET {certstream}:packed", true },
    { "consumer", "XRANGE {certstream}:history - +", true },
    { "consumer", "GET {certstream}:block:1-1", true },
    { "consumer", "SET {certstream}:packed 1-1", false },
    { "consumer", "XADD " STREAM " * json {}", false },
    { "consumer", "XTRIM " STREAM " MAXLEN 0", false },
    { "consumer", "DEL " STREAM, false },
    { "consumer", "SET {certstream}:lease:0 mine", false },
    { "consumer", "INFO", false },
    { "consumer_group", "XGROUP CREATE " STREAM " mine 0", true },
    { "consumer_group", "XREADGROUP GROUP mine me COUNT 1 STREAMS " STREAM " >", true },
    { "ingest", "XPENDING " STREAM " mine", true },
    { "consumer_group", "XACK " STREAM " mine 1-1", true },
    { "consumer_group", "GET {certstream}:block:1-1", true },
    { "consumer_group", "SET {certstream}:packed 1-1", false },
    { "consumer_group", "XADD " STREAM " * json {}", false },
    { "consumer_group", "XDEL " STREAM " 1-1", false },
    { "consumer_group", "DEL " STREAM, false },
    { "default", "ACL WHOAMI", true },
};

static redisContext *connect_as(const struct parts *parts, const char *user)
{
    redisContext *connection = redisConnect("127.0.0.1", parts->port);
    assert_non_null(connection);
    assert_int_equal(connection->err, 0);
    redisReply *reply = redisCommand(connection, "AUTH %s secret", user);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    return connection;
}

static redisReply *try_command(redisContext *connection, const char *command)
{
    const char *words[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    int count = 0;
    for (; *command; command += strspn(command, " ")) {
        assert_true(count < WORDS_MAX);
        words[count] = command;
        sizes[count] = strcspn(command, " ");
        command += sizes[count++];
    }
    redisReply *reply = redisCommandArgv(connection, count, words, sizes);
    assert_non_null(reply);
    return reply;
}

static void users_can_do_their_work_and_no_more(void **state)
{
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        redisContext *connection = connect_as(*state, attempts[i].user);
        redisReply *reply = try_command(connection, attempts[i].command);
        bool is_refused = reply->type == REDIS_REPLY_ERROR &&
                          strncmp(reply->str, "NOPERM", strlen("NOPERM")) == 0;
        if (is_refused == attempts[i].is_allowed ||
            (reply->type == REDIS_REPLY_ERROR && !is_refused))
            fail_msg("%s, %s: %s", attempts[i].user, attempts[i].command,
                     reply->type == REDIS_REPLY_ERROR ? reply->str : "allowed");
        freeReplyObject(reply);
        redisFree(connection);
    }
}

static void expect_verdict(const struct parts *parts, const char *user, const char *command,
                           const char *verdict)
{
    char text[128];
    (void)snprintf(text, sizeof text, "ACL DRYRUN %s %s", user, command);
    redisReply *reply = redis_server_command(parts->stage.redis, text);
    if (!strstr(reply->str, verdict))
        fail_msg("%s: %s", text, reply->str);
    freeReplyObject(reply);
}

/* What only a node of a cluster would answer. */
static void users_of_a_cluster_can_find_their_node(void **state)
{
    struct parts *parts = *state;
    static const char *const users[] = { "ingest", "streamer", "consumer", "consumer_group" };
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        expect_verdict(parts, users[i], "CLUSTER SLOTS", "OK");
        expect_verdict(parts, users[i], "READONLY", "OK");
        expect_verdict(parts, users[i], "CLUSTER SETSLOT 1 STABLE", "no permissions");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(the_daemons_work_as_their_users, setup),
        ON_INGEST_STAGE(users_can_do_their_work_and_no_more, setup),
        ON_INGEST_STAGE(users_of_a_cluster_can_find_their_node, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
