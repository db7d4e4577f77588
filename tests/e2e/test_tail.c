/* certstream-tail as people use it: in pipes, through a streamer's death, at servers of others, and
 * at one that means harm. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "shared/base/buffer.h"
#include "tests/e2e/built_feed.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    WAIT_MS = 30000,
    WORDS_MAX = 16,
    MANY = 5000,
    COMMAND_SIZE = 512,
};

static void write_url(const struct program *streamer, char *url)
{
    (void)snprintf(url, DAEMON_URL_SIZE, "ws://127.0.0.1:%d/", program_port(streamer));
}

/* NULL ends the words. */
static struct program *start_tail(struct harness *harness, const char *name, const char *url, ...)
{
    const char *words[WORDS_MAX] = { CERTSTREAM_TAIL, "--url", url };
    va_list more;
    va_start(more, url);
    for (size_t i = 3; i < WORDS_MAX - 1 && (words[i] = va_arg(more, const char *)); i++)
        continue;
    va_end(more);
    return program_start(harness, &(struct program_options){ .name = name, .arguments = words });
}

static void wait_for_output(const struct program *program, const char *text)
{
    struct deadline deadline = deadline_after(WAIT_MS, text);
    for (bool is_there = false; !is_there; deadline_wait(&deadline)) {
        char *output = program_output(program);
        is_there = strstr(output, text);
        free(output);
        if (is_there)
            return;
    }
}

static void expect_text(char *text, const char *expected)
{
    assert_string_equal(text, expected);
    free(text);
}

static void expect_in(char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
    free(text);
}

/* Lines "<from>.example" to "<to - 1>.example", each once and in order. */
static void expect_names(const struct program *tail, unsigned from, unsigned to)
{
    struct buffer expected;
    buffer_init(&expected, SIZE_MAX);
    for (unsigned i = from; i < to; i++)
        buffer_append_format(&expected, "%u.example\n", i);
    buffer_append_byte(&expected, '\0');
    expect_text(program_output(tail), (const char *)expected.data);
    buffer_free(&expected);
}

/* The command's own exit code comes on standard error, which has nothing else. */
static void run_in_pipe(struct streamer_stage *stage, const char *name, const char *options,
                        const char *reader, const char *output)
{
    char command[COMMAND_SIZE], url[DAEMON_URL_SIZE];
    write_url(stage->streamer, url);
    (void)snprintf(command, sizeof command,
                   "{ " CERTSTREAM_TAIL " --url %s %s; echo ended with $? >&2; } | %s", url,
                   options, reader);
    const char *const words[] = { "sh", "-c", command, NULL };
    struct program *pipe_line = program_start(
        stage->harness, &(struct program_options){ .name = name, .arguments = words });
    assert_int_equal(program_wait(pipe_line, WAIT_MS), 0);
    expect_text(program_output(pipe_line), output);
    expect_text(program_errors(pipe_line), "ended with 0\n");
}

static void ends_well_when_the_reader_leaves(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, MANY, 0);
    run_in_pipe(stage, "head", "--since 0 --domains", "head -n 2", "0.example\n1.example\n");
    run_in_pipe(stage, "names", "--since 0 --domains --names", "sed -n '3{p;q}'", "2.example\n");
    run_in_pipe(stage, "csv", "--since 0 --domains --format csv", "head -n 2",
                "names\n\"0.example\"\n");
}

/* Nothing comes any more, so nothing is written that could fail. */
static void ends_though_the_stream_is_silent(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, 1, 0);
    run_in_pipe(stage, "silent", "--since 0 --domains", "head -n 1", "0.example\n");
}

/* A row does not wait in a pipe for the block to be full. */
static void rows_come_at_once(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE];
    write_url(stage->streamer, url);
    struct program *tail =
        start_tail(stage->harness, "tail", url, "--since", "0", "--domains", (char *)NULL);
    stream_feed_add(stage->redis, 0, 1, 0);
    wait_for_output(tail, "0.example\n");
    stream_feed_add(stage->redis, 1, 2, 0);
    wait_for_output(tail, "1.example\n");
    assert_int_equal(program_stop(tail), 0);
    expect_names(tail, 0, 2);
    expect_text(program_errors(tail), "");
}

static void start_again_at(struct streamer_stage *stage, const char *port)
{
    const char *const arguments[] = { "--port", port, NULL };
    stage->streamer = streamer_stage_start_another(stage, "streamer_again", arguments);
}

static void goes_on_where_it_was_when_a_streamer_dies(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE], port[16];
    write_url(stage->streamer, url);
    (void)snprintf(port, sizeof port, "%d", program_port(stage->streamer));
    struct program *tail = start_tail(stage->harness, "tail", url, "--since", "0", "--domains",
                                      "--names", (char *)NULL);
    stream_feed_add(stage->redis, 0, 100, 0);
    wait_for_output(tail, "99.example\n");
    program_kill(stage->streamer);
    program_wait_for_errors(tail, "connection lost");
    stream_feed_add(stage->redis, 100, 200, 0);
    start_again_at(stage, port);
    wait_for_output(tail, "199.example\n");
    expect_in(program_errors(tail), "connected again; going on behind ");
    assert_int_equal(program_stop(tail), 0);
    expect_names(tail, 0, 200);
}

/* A filter may let nothing through before the connection is lost: then there is no id to go on
 * from. */
static void misses_nothing_before_the_first_certificate(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE], port[16];
    write_url(stage->streamer, url);
    (void)snprintf(port, sizeof port, "%d", program_port(stage->streamer));
    struct program *silent =
        start_tail(stage->harness, "silent", url, "--domains", "domain=150.example", (char *)NULL);
    struct program *witness =
        start_tail(stage->harness, "witness", url, "--since", "0", "--domains", (char *)NULL);
    stream_feed_add(stage->redis, 0, 100, 0);
    wait_for_output(witness, "99.example\n");
    program_kill(stage->streamer);
    program_wait_for_errors(silent, "connection lost");
    stream_feed_add(stage->redis, 100, 200, 0);
    start_again_at(stage, port);
    wait_for_output(silent, "150.example\n");
    assert_int_equal(program_stop(silent), 0);
    expect_names(silent, 150, 151);
}

static void what_is_gone_is_told(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE], port[16];
    write_url(stage->streamer, url);
    (void)snprintf(port, sizeof port, "%d", program_port(stage->streamer));
    struct program *tail =
        start_tail(stage->harness, "tail", url, "--since", "0", "--domains", (char *)NULL);
    stream_feed_add(stage->redis, 0, 10, 0);
    wait_for_output(tail, "9.example\n");
    program_kill(stage->streamer);
    stream_feed_add(stage->redis, 10, 30, 0);
    freeReplyObject(redis_server_command(stage->redis, "XTRIM {certstream}:stream MAXLEN 5"));
    start_again_at(stage, port);
    wait_for_output(tail, "29.example\n");
    expect_in(program_errors(tail),
              "gap: certificates are missing here, nobody knows how many (trimmed)");
    assert_int_equal(program_stop(tail), 0);
}

static void refusals_are_said_in_words(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE];
    write_url(stage->streamer, url);
    static const struct {
        const char *word, *said;
        int code;
    } cases[] = {
        { "regex=(", "refused: regex", 1 },
        { "nosuch=1", "there is no parameter nosuch", 1 },
        { "--since=12-x", "--since", 2 },
        { "--format=xml", "neither line, json nor csv", 2 },
        { "--url=ftp://127.0.0.1/", "an address begins with", 2 },
        { "--url=ws://127.0.0.1:1/", "127.0.0.1:1: ", 1 },
        { "--cert=abc", "64 hex digits", 2 },
        { "--cert=0000000000000000000000000000000000000000", "does not hold this certificate", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "refused_%zu", i);
        struct program *tail = start_tail(stage->harness, name, url, cases[i].word, (char *)NULL);
        assert_int_equal(program_wait(tail, WAIT_MS), cases[i].code);
        expect_in(program_errors(tail), cases[i].said);
        expect_text(program_output(tail), "");
    }
}

/* All columns of what is no terminal, and the certificate by its hash. */
static void certificates_have_all_columns(void **state)
{
    struct streamer_stage *stage = *state;
    char url[DAEMON_URL_SIZE];
    write_url(stage->streamer, url);
    const struct entry_parts parts = {
        .log_description = "A log",
        .is_precertificate = true,
        .issuer_common_name = "R11",
        .issuer_organization = "Let's Encrypt",
        .names = { bytes_of_string("a.example"), bytes_of_string("*.\x1b[31mb,\"c.example") },
    };
    built_feed_make(stage->redis, &parts, NULL);
    struct program *line = start_tail(stage->harness, "line", url, "--since", "0", (char *)NULL);
    struct program *csv =
        start_tail(stage->harness, "csv", url, "--since", "0", "--format", "csv", (char *)NULL);
    struct program *json =
        start_tail(stage->harness, "json", url, "--since", "0", "--format", "json", (char *)NULL);
    wait_for_output(line,
                    "\tprecert\ta.example *.\\u001b[31mb,\"c.example\tLet's Encrypt R11\tA log\n");
    wait_for_output(csv, ",\"a.example *.\\u001b[31mb,\"\"c.example\"\n");
    wait_for_output(json, "\\u001b[31mb");
    expect_in(program_output(csv),
              "seen,type,log,index,sha256,issuer,not_before,not_after,names\n");
    assert_int_equal(program_stop(line), 0);
    assert_int_equal(program_stop(csv), 0);
    assert_int_equal(program_stop(json), 0);
}

/* A server of somebody else, as bare as can be. */
struct foreign {
    int listener;
    int peer;
    char url[DAEMON_URL_SIZE];
};

static struct foreign foreign_listen(void)
{
    struct foreign foreign = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                               .peer = -1 };
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    assert_int_equal(bind(foreign.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(foreign.listener, 4), 0);
    assert_int_equal(getsockname(foreign.listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(foreign.url, sizeof foreign.url, "ws://127.0.0.1:%d/", ntohs(address.sin_port));
    return foreign;
}

static void wait_readable(int descriptor)
{
    struct pollfd wanted = { .fd = descriptor, .events = POLLIN };
    assert_int_equal(poll(&wanted, 1, WAIT_MS), 1);
}

static void foreign_send(const struct foreign *foreign, const void *data, size_t size)
{
    for (const char *at = data; size;) {
        ssize_t sent = send(foreign->peer, at, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        size -= (size_t)sent;
    }
}

/* RFC 6455 section 4.2.2. */
static void foreign_answer(const struct foreign *foreign, const char *request)
{
    char key[64], text[128], accept[64], answer[256];
    unsigned char hash[SHA_DIGEST_LENGTH];
    const char *at = strcasestr(request, "sec-websocket-key: ");
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen("sec-websocket-key: "), "%60[^\r\n]", key), 1);
    (void)snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    (void)SHA1((const unsigned char *)text, strlen(text), hash);
    (void)EVP_EncodeBlock((unsigned char *)accept, hash, sizeof hash);
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
    foreign_send(foreign, answer, (size_t)size);
}

/* The request, which is to be freed. */
static char *foreign_accept(struct foreign *foreign)
{
    struct buffer request;
    buffer_init(&request, 1 << 16);
    wait_readable(foreign->listener);
    foreign->peer = accept(foreign->listener, NULL, NULL);
    do {
        wait_readable(foreign->peer);
        uint8_t *room = buffer_reserve(&request, 4096);
        ssize_t size = recv(foreign->peer, room, 4095, 0);
        assert_true(size > 0);
        request.size += (size_t)size;
        request.data[request.size] = '\0';
    } while (!strstr((const char *)request.data, "\r\n\r\n"));
    foreign_answer(foreign, (const char *)request.data);
    return (char *)request.data;
}

/* A frame of RFC 6455 section 5.2; `first`: FIN and opcode. */
static void foreign_send_frame(const struct foreign *foreign, uint8_t first, const void *data,
                               size_t size)
{
    uint8_t head[10] = { first, 127 };
    bool is_short = size < 126;
    if (is_short)
        head[1] = (uint8_t)size;
    for (unsigned i = 0; i < 8; i++)
        head[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
    foreign_send(foreign, head, is_short ? 2 : sizeof head);
    foreign_send(foreign, data, size);
}

static void foreign_send_text(const struct foreign *foreign, const char *text)
{
    foreign_send_frame(foreign, 0x81, text, strlen(text));
}

static void foreign_close(struct foreign *foreign)
{
    (void)close(foreign->peer);
    (void)close(foreign->listener);
}

#define CERTIFICATE(names)                                                                 \
    "{\"message_type\":\"certificate_update\",\"data\":{\"update_type\":\"X509LogEntry\"," \
    "\"leaf_cert\":{\"all_domains\":" names "},\"chain\":[{\"subject\":{\"CN\":\"R3\"}}]}}"

static void any_server_will_do(void **state)
{
    struct streamer_stage *stage = *state;
    struct foreign foreign = foreign_listen();
    struct program *tail = start_tail(stage->harness, "tail", foreign.url, "--names", (char *)NULL);
    char *request = foreign_accept(&foreign);
    assert_non_null(strstr(request, "GET /?gap=1 HTTP/1.1\r\n"));
    free(request);
    foreign_send_text(&foreign, "{\"message_type\":\"heartbeat\",\"timestamp\":1}");
    foreign_send_text(&foreign, CERTIFICATE("[\"a.example\",\"b.example\"]"));
    /* In pieces, with a ping between. */
    const char *text = CERTIFICATE("[\"c.example\"]");
    foreign_send_frame(&foreign, 0x01, text, 10);
    foreign_send_frame(&foreign, 0x89, "x", 1);
    foreign_send_frame(&foreign, 0x80, text + 10, strlen(text) - 10);
    wait_for_output(tail, "a.example\nb.example\nc.example\n");
    (void)close(foreign.peer);
    free(foreign_accept(&foreign));
    foreign_send_text(&foreign, CERTIFICATE("[\"d.example\"]"));
    wait_for_output(tail, "c.example\nd.example\n");
    expect_in(program_errors(tail), "this server has no ids");
    assert_int_equal(program_stop(tail), 0);
    foreign_close(&foreign);
}

/* Nothing but printable text and line breaks. */
static void expect_harmless(char *text)
{
    for (const char *at = text; *at; at++) {
        bool is_control = (unsigned char)*at < 0x20 || *at == 0x7f;
        bool is_c1 = (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
        if ((is_control && *at != '\n' && *at != '\t') || is_c1)
            fail_msg("0x%02x in %s", (unsigned)(unsigned char)*at, text);
    }
    free(text);
}

static void nothing_of_a_hostile_server_reaches_the_terminal(void **state)
{
    static const char *const formats[] = { "line", "json", "csv" };
    static const char *const texts[] = {
        CERTIFICATE("[\"\\u001b]0;title\\u0007\",\"\\u009b31m\",\"\\r\\n\\u2028\\u202e\"]"),
        CERTIFICATE("[\"\x1b[2J\x07\",\"\xc2\x9b"
                    "31m\",\"\xff\xfe\",\"raw\nbreak\"]"),
        CERTIFICATE("{\"not\":\"an array\"}"),
        CERTIFICATE("[1,null,[],{},\"e.example\"]"),
        "{\"message_type\":\"certificate_update\",\"data\":{\"seen\":1e300,\"cert_index\":-1e300,"
        "\"source\":{\"name\":\"\\u001b[1m\"},\"leaf_cert\":{\"not_before\":\"x\"}}}",
        "{\"message_type\":\"certificate_update\"}",
        "{\"message_type\":\"gap\",\"data\":{\"missed\":1e308,\"reason\":\"\\u001b[31m\"}}",
        "{\"message_type\":{}}",
        "[[[[",
        "",
        "\x1b[31m",
    };
    struct streamer_stage *stage = *state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct foreign foreign = foreign_listen();
        struct program *tail = start_tail(stage->harness, formats[i], foreign.url, "--format",
                                          formats[i], (char *)NULL);
        free(foreign_accept(&foreign));
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            foreign_send_text(&foreign, texts[j]);
        foreign_send_frame(&foreign, 0x82, "\0\x1b[31m", 6);
        foreign_send_text(&foreign, CERTIFICATE("[\"last.example\"]"));
        wait_for_output(tail, "last.example");
        expect_harmless(program_output(tail));
        expect_harmless(program_errors(tail));
        assert_int_equal(program_stop(tail), 0);
        foreign_close(&foreign);
    }
}

static void a_message_without_end_is_passed_over(void **state)
{
    enum {
        PART = 1 << 20,
        PARTS = 20
    };
    struct streamer_stage *stage = *state;
    struct foreign foreign = foreign_listen();
    struct program *tail = start_tail(stage->harness, "tail", foreign.url, "--names", (char *)NULL);
    free(foreign_accept(&foreign));
    char *part = memset(malloc(PART), 'x', PART);
    for (unsigned i = 0; i < PARTS; i++)
        foreign_send_frame(&foreign, i == 0 ? 0x01 : i < PARTS - 1 ? 0x00 : 0x80, part, PART);
    free(part);
    foreign_send_text(&foreign, CERTIFICATE("[\"after.example\"]"));
    wait_for_output(tail, "after.example\n");
    expect_in(program_errors(tail), "longer than 16 MB; passed over");
    assert_int_equal(program_stop(tail), 0);
    foreign_close(&foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(ends_well_when_the_reader_leaves),
        ON_STREAMER_STAGE(ends_though_the_stream_is_silent),
        ON_STREAMER_STAGE(rows_come_at_once),
        ON_STREAMER_STAGE(goes_on_where_it_was_when_a_streamer_dies),
        ON_STREAMER_STAGE(misses_nothing_before_the_first_certificate),
        ON_STREAMER_STAGE(what_is_gone_is_told),
        ON_STREAMER_STAGE(refusals_are_said_in_words),
        ON_STREAMER_STAGE(certificates_have_all_columns),
        ON_STREAMER_STAGE(any_server_will_do),
        ON_STREAMER_STAGE(nothing_of_a_hostile_server_reaches_the_terminal),
        ON_STREAMER_STAGE(a_message_without_end_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
